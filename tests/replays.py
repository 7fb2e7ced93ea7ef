"""The catalogue of faults that are replayed, and what the API server shows of each."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from build import T0, stamp

Json = dict[str, Any]
CATALOGUE = Path(__file__).parent / "replayed" / "catalogue.yaml"
SHOWN = Path(__file__).parent / "replayed" / "shown"
SUITES = ("ITBench", "AIOpsLab", "SREGym", "Litmus", "robusta-demos", "stanch")
_TIME = re.compile(r'"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z"')


@dataclass(frozen=True)
class Replay:
    """
    One fault. ``shows`` is by what it is known to be there; ``first`` what must be suggested first, None: nothing; ``does`` what is
    done in the end, None: nothing. The other fields are explained at the head of the catalogue.
    """

    name: str
    like: tuple[str, ...]
    fault: tuple[Json, ...]
    shows: Mapping[str, Any]
    first: str | None
    never: tuple[str, ...] = ()
    before: tuple[Json, ...] = ()
    pod: Json | None = None
    history: bool = False
    aged: bool = False
    why: str = ""
    alert: Mapping[str, str] | None = None
    runbook: str | None = None
    unmet: str | None = None
    does: str | None = None
    criteria: tuple[Json, ...] = ()
    mended: tuple[Json, ...] = ()

    def __str__(self) -> str:
        return self.name


def read() -> tuple[Replay, ...]:
    """All of the catalogue, in its order."""
    lists = ("like", "fault", "never", "before", "criteria", "mended")
    said = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return tuple(Replay(**{k: tuple(v) if k in lists else v for k, v in each.items()}) for each in said)


def first_of(said: Sequence[str]) -> str | None:
    """
    What is suggested first. A pause before a rollback is a part of it: where older pods serve it is the faster and exact one,
    and stops the release; how much faster is an estimate, so either may stand before the other.
    """
    left = [action for action in said if action != "rolloutPause" or "rolloutUndo" not in said]
    return next(iter(left), None)


REPLAYS = read()


def shown(replay: Replay) -> dict[tuple[str, str], Json]:
    """What is kept of it, as if it were now at T0; where the catalogue says so, the versions are two days old."""
    text = (SHOWN / f"{replay.name}.json").read_text(encoding="utf-8")
    shift = T0 - datetime.fromisoformat(json.loads(text)["now"])
    moved = _TIME.sub(lambda m: f'"{stamp(datetime.fromisoformat(m[1] + "+00:00") + shift)}"', text)
    found: dict[str, list[Json]] = json.loads(moved)["objects"]
    if replay.aged:
        _age(found)
    return {(plural, o["metadata"]["name"]): o for plural, each in found.items() for o in each}


def _age(found: dict[str, list[Json]]) -> None:
    """Rolled out two days ago, for the second time."""
    (target,), long_ago = found["deployments"], stamp(T0 - timedelta(days=2))
    for each in target["status"]["conditions"]:
        if each["type"] == "Progressing":
            each |= {"reason": "NewReplicaSetAvailable", "lastUpdateTime": long_ago, "lastTransitionTime": long_ago}
    (newest,) = found["replicasets"]
    newest["metadata"] |= {"creationTimestamp": long_ago}
    revision = "deployment.kubernetes.io/revision"
    older = json.loads(json.dumps(newest))
    older["metadata"] |= {"name": f"{newest['metadata']['name']}-old", "uid": "older"}
    older["metadata"]["labels"]["pod-template-hash"] = "older"
    older["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = "older"
    older["spec"]["template"]["spec"]["containers"][0]["image"] = "stanch.test/busybox:0"
    older["metadata"]["annotations"][revision], newest["metadata"]["annotations"][revision] = "1", "2"
    target["metadata"]["annotations"][revision] = "2"
    found["replicasets"].append(older)
