"""What rings at once, and what may wait a moment: a storm of alerts must not keep the operator from all else."""

from typing import Any

import pytest

from build import Json
from stanch.shell.status import only_alerts_changed


def body(**changes: Any) -> Json:
    """An incident that alerts made; ``changes`` are of its spec, or of what is named with a capital."""
    spec = {"title": "x", "alertGroup": {"key": "k", "alerts": []}} | {k: v for k, v in changes.items() if k.islower()}
    if "group" in spec:
        spec["alertGroup"] = {"key": "k", "alerts": spec.pop("group")}
    meta = {"uid": "u", "labels": {"stanch.dev/group": "k"}} | changes.get("Meta", {})
    return {"metadata": meta, "spec": spec, "status": changes.get("Status", {"times": {}})}


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        (body(group=["a"]), True),
        (body(), False),
        (body(title="y"), False),
        (body(group=["a"], title="y"), False),
        (body(group=["a"], paused=True), False),
        (body(group=["a"], Status={"times": {"resolved": "now"}}), False),
        (body(group=["a"], Meta={"uid": "another"}), False),
        (body(group=["a"], Meta={"labels": {}}), False),
        (body(group=["a"], Meta={"deletionTimestamp": "now"}), False),
    ],
    ids=[
        "alerts",
        "nothing",
        "a word",
        "alerts and a word",
        "a pause",
        "a status",
        "another of its name",
        "a label",
        "going",
    ],
)
def test_only_what_alerts_say_may_wait(after: Json, waits: bool) -> None:
    """Whatever a person writes is looked at at once."""
    assert waits == only_alerts_changed(body(), after)
