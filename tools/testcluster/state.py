"""The record of what was started, in the cluster's directory. Written before and after each thing is started."""

import json
import os
from dataclasses import asdict, dataclass, field

from testcluster.paths import Layout
from testcluster.proc import Proc


@dataclass
class State:
    """What `down` needs to know."""

    kind: str  # local, kind, given
    slot: int = -1
    kind_name: str = ""
    nodes: int = 0
    control_plane: list[Proc] = field(default_factory=list)
    node_procs: list[Proc] = field(default_factory=list)


def load(layout: Layout) -> State | None:
    """The record, or None when there is none (or half of one, which is as good as none)."""
    try:
        raw = json.loads(layout.state.read_text())
        for key in ("control_plane", "node_procs"):
            raw[key] = [Proc(**proc) for proc in raw[key]]
        return State(**raw)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(layout: Layout, state: State) -> None:
    """Write the record; a reader sees the old or the new one, never half."""
    layout.root.mkdir(parents=True, exist_ok=True)
    temporary = layout.state.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(state), indent=1))
    os.replace(temporary, layout.state)
