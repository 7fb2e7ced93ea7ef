"""
A game day: one real fault in a namespace that is meant for it, its undo written down first, and how well it was dealt with. Pure.

Fault and undo are JSON Patches that test what they replace: what somebody else changed meanwhile is never overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from stanch.api.names import GROUP
from stanch.core.check_workload import condition_of

# On the Namespace: whoever may label it says that it may be broken.
ALLOWED: Final = f"{GROUP}/gameday"
ALLOWED_VALUE: Final = "allowed"
# On incidents of a game day, by whoever holds it: they are no part of a review.
MARK: Final = f"{GROUP}/gameday"
NO_SUCH: Final = "stanch.invalid/gameday/no-such-image:0"
# Says why it dies, so that evidence has something to find.
DIES: Final = ["sh", "-c", "echo 'game day: this container dies on purpose'; exit 1"]

Patch = list[dict[str, Any]]


class Fault(StrEnum):
    """What is broken."""

    BAD_IMAGE = "bad-image"
    CRASH = "crash"
    SCALE_TO_ZERO = "scale-to-zero"


class CannotInject(Exception):
    """Why nothing is broken, in words."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What is written, what takes it back, and the two in words."""

    patch: Patch
    undo: Patch
    words: str


def allowed(namespace: Mapping[str, Any], protected: frozenset[str]) -> None:
    """May anything be broken there? Raises CannotInject, with what would allow it."""
    meta = namespace["metadata"]
    if meta["name"] in protected:
        raise CannotInject(f"namespace {meta['name']} is protected: nothing is broken there")
    if (meta.get("labels") or {}).get(ALLOWED) != ALLOWED_VALUE:
        line = f"kubectl label namespace {meta['name']} {ALLOWED}={ALLOWED_VALUE}"
        raise CannotInject(f"namespace {meta['name']} is not meant for it; if it is, label it: {line}")


def injection(fault: Fault, target: Mapping[str, Any]) -> Injection:
    """The patch and its undo, for a Deployment that serves. Raises CannotInject."""
    name, spec = target["metadata"]["name"], target["spec"]
    if not serves(target):
        raise CannotInject(f"deployment {name} does not serve: a fault in what is broken already teaches nothing")
    if fault is Fault.SCALE_TO_ZERO:
        before = spec["replicas"]
        return _replace(target, "/spec/replicas", before, 0, f"scaled {name} from {before} to 0 replicas")
    container = spec["template"]["spec"]["containers"][0]
    path = "/spec/template/spec/containers/0"
    if fault is Fault.BAD_IMAGE:
        words = f"image of container {container['name']} of {name}: {container['image']} to one that is not there"
        return _replace(target, f"{path}/image", container["image"], NO_SUCH, words)
    words = f"container {container['name']} of {name} dies at its start"
    return _replace(target, f"{path}/command", container.get("command"), DIES, words)


def _replace(target: Mapping[str, Any], path: str, before: Any, after: Any, words: str) -> Injection:
    same = [{"op": "test", "path": "/metadata/uid", "value": target["metadata"]["uid"]}]
    if before is None:
        # A test of null passes where nothing stands, and so refuses what somebody put there meanwhile.
        there = [*same, {"op": "test", "path": path, "value": after}, {"op": "remove", "path": path}]
        return Injection([*same, {"op": "add", "path": path, "value": after}], there, words)
    there = [{"op": "test", "path": path, "value": before}, {"op": "replace", "path": path, "value": after}]
    back = [{"op": "test", "path": path, "value": after}, {"op": "replace", "path": path, "value": before}]
    return Injection([*same, *there], [*same, *back], words)


def stands(undo: Patch, target: Mapping[str, Any] | None) -> bool:
    """Is the fault still in the object, so that there is something to take back?"""
    if target is None:
        return False
    return all(_at(target, each["path"]) == each["value"] for each in undo if each["op"] == "test")


def _at(target: Any, path: str) -> Any:
    here = target
    for step in path.strip("/").split("/"):
        inside = isinstance(here, list)
        here = next(iter(here[int(step) :]), None) if inside else (here or {}).get(step)
    return here


def serves(target: Mapping[str, Any]) -> bool:
    """Are all pods that are wanted there, and of the newest template?"""
    status, wanted = target.get("status") or {}, target["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= target["metadata"].get("generation", 1)
    counts = (status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    up = condition_of(dict(target), "Available").get("status") != "False"
    return bool(seen and wanted and up and counts == (wanted, wanted) and not status.get("unavailableReplicas"))


# --- the score -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is scored: how long it took since the fault, or None where it did not happen; and what was seen."""

    name: str
    took: timedelta | None
    text: str

    @property
    def well(self) -> bool:
        """Did it happen?"""
        return self.took is not None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: ``served`` when the target served again, ``by_us`` whether the game day had to take the fault back."""

    injected: datetime
    incident: Mapping[str, Any] | None
    served: datetime | None
    by_us: bool


def score(seen: Seen) -> tuple[Mark, ...]:
    """Detection, evidence, mitigation, recovery, in this order."""
    body = seen.incident or {}
    status, name = body.get("status") or {}, (body.get("metadata") or {}).get("name")
    times = status.get("times") or {}
    evidence = next((e for e in status.get("evidence") or () if e.get("stored")), None)
    helped = next((m for m in status.get("mitigations") or () if m.get("effect") == "Helped"), None)
    return (
        Mark(
            "detection", _since(seen, times.get("declared")), f"incident {name}" if name else "no incident was declared"
        ),
        Mark(
            "evidence",
            _since(seen, evidence["capturedTime"]) if evidence else None,
            f"{evidence['items']} items, {evidence['missing']} missing" if evidence else "nothing was captured",
        ),
        Mark(
            "mitigation",
            _since(seen, times.get("mitigated")) if not seen.by_us else None,
            _mitigated(seen, times, helped),
        ),
        Mark(
            "recovery",
            seen.served - seen.injected if seen.served and not seen.by_us else None,
            "it serves as before" if seen.served else "it does not serve",
        ),
    )


def _mitigated(seen: Seen, times: Mapping[str, Any], helped: Mapping[str, Any] | None) -> str:
    if seen.by_us:
        return "the game day had to take its fault back"
    if not times.get("mitigated"):
        return "harm was not seen to end"
    return f"{helped['name']} helped" if helped else "without a mitigation of stanch that helped"


def _since(seen: Seen, when: Any) -> timedelta | None:
    if not isinstance(when, str):
        return None
    # Times of the record are whole seconds.
    return max(timedelta(0), datetime.fromisoformat(when) - seen.injected)
