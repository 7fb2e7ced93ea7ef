"""What the state of a container says: which of its logs can exist, and how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stanch.api.names import MissingReason
from stanch.evidence.dig import at, dicts, mapping, number, text


@dataclass(frozen=True, slots=True)
class Slot:
    """One log of one container: to be asked for, or known not to exist (``missing`` is the fixed reason)."""

    container: str
    previous: bool
    missing: str = ""
    message: str = ""

    @property
    def file(self) -> str:
        """Its file name inside the pod's directory."""
        return f"{self.container}.previous.log" if self.previous else f"{self.container}.log"


def statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Container statuses, init containers first."""
    return dicts(pod, "status", "initContainerStatuses") + dicts(pod, "status", "containerStatuses")


def last_end(status: dict[str, Any]) -> dict[str, Any]:
    """How the container last ended: now, or before it was started again; empty when it never did."""
    return mapping(status, "state", "terminated") or mapping(status, "lastState", "terminated")


def condition(obj: dict[str, Any], kind: str) -> dict[str, Any]:
    """The condition of a type, or empty."""
    return next((each for each in dicts(obj, "status", "conditions") if each.get("type") == kind), {})


def is_ready(pod: dict[str, Any]) -> bool:
    """Does it get traffic?"""
    return condition(pod, "Ready").get("status") == "True"


def slots(pod: dict[str, Any]) -> Iterator[Slot]:
    """Every log a pod could have, as `kubectl logs --all-containers` has them; previous before current."""
    debugging = dicts(pod, "status", "ephemeralContainerStatuses")
    known = {text(each, "name"): each for each in statuses(pod) + debugging}
    for container in dicts(pod, "spec", "initContainers") + dicts(pod, "spec", "containers"):
        name = text(container, "name")
        status = known.get(name, {})
        yield _previous(name, status)
        yield _current(name, status)
    # Somebody is debugging it: what they saw goes with the pod, and such a container is never started again.
    for container in dicts(pod, "spec", "ephemeralContainers"):
        name = text(container, "name")
        yield _current(name, known.get(name, {}))


def _previous(name: str, status: dict[str, Any]) -> Slot:
    if number(status, "restartCount") or mapping(status, "lastState", "terminated"):
        return Slot(name, previous=True)
    return Slot(name, True, MissingReason.NO_PREVIOUS, "never restarted")


def _current(name: str, status: dict[str, Any]) -> Slot:
    state = mapping(status, "state")
    # Waiting to be started again, it has a log too: of the last run, even when the one before is already removed.
    ran = (
        at(state, "running") is not None
        or at(state, "terminated") is not None
        or mapping(status, "lastState", "terminated")
    )
    if ran:
        return Slot(name, previous=False)
    why = text(state, "waiting", "reason") or "no state yet"
    return Slot(name, False, MissingReason.NOT_STARTED, f"{why}: {text(state, 'waiting', 'message')}".rstrip(": "))
