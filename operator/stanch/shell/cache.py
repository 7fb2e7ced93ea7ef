"""The newest version of each open incident that anybody told us of; decisions are protected by compare-and-swap, not by this."""

from typing import Any

from stanch.core.observations import Acted, Busy
from stanch.shell.bells import Key

_OPEN = frozenset({"Intended", "Started", "Applied"})


class Cache:
    """Bodies by key; an older version never replaces a newer one."""

    def __init__(self) -> None:
        """Empty."""
        self._bodies: dict[Key, dict[str, Any]] = {}
        self._doubted: set[Key] = set()

    def put(self, key: Key, body: dict[str, Any], listed: bool = False) -> None:
        """Keep it, unless what we have is newer (our own write's answer overtakes the watch). In a list that is doubtful."""
        known = self._bodies.get(key)
        same = known is not None and known["metadata"]["uid"] == body["metadata"]["uid"]
        if not same or version(body) >= version(known or body):
            self._bodies[key] = body
        elif listed:
            self._doubted.add(key)

    def doubted(self, key: Key) -> bool:
        """Did a list show something older than what we have? Says so once; it must be read then."""
        doubted = key in self._doubted
        self._doubted.discard(key)
        return doubted

    def get(self, key: Key) -> dict[str, Any] | None:
        """The newest known body."""
        return self._bodies.get(key)

    def drop(self, key: Key) -> None:
        """It is gone."""
        self._bodies.pop(key, None)

    def all(self) -> list[Key]:
        """All known keys."""
        return list(self._bodies)

    def count(self, plural: str) -> int:
        """How many of one kind."""
        return sum(key.plural == plural for key in self._bodies)

    def busy(self, but: Key) -> dict[str, Busy]:
        """Target uid → the other incident that is acting on it now."""
        found: dict[str, Busy] = {}
        for key, body in self._bodies.items():
            if key == but or key.plural != but.plural:
                continue
            for record in (body.get("status") or {}).get("mitigations") or ():
                uid = (record.get("target") or {}).get("uid")
                acting = next((a for a in record.get("attempts") or () if a.get("state") in _OPEN), None)
                if uid and acting:
                    found[uid] = _together(
                        found.get(uid), Busy(f"{key.namespace}/{key.name}", _still_looked_at(acting))
                    )
        return found

    def acted(self) -> dict[str, Acted]:
        """Action id, as our label on a target has it → the mitigation and incident whose it is."""
        return {
            attempt["id"]: Acted(
                f"mitigation {record['name']} of incident {key.namespace}/{key.name}",
                tuple(attempt.get("fields") or ()),
            )
            for key, body in self._bodies.items()
            for record in (body.get("status") or {}).get("mitigations") or ()
            for attempt in record.get("attempts") or ()
        }


def _together(one: Busy | None, other: Busy) -> Busy:
    """Of several incidents the one that locks the whole object counts; else all their fields do."""
    if one is None or one.fields is None or other.fields is None:
        return one if one is not None and one.fields is None else other
    return Busy(f"{one.incident} or {other.incident}", one.fields + other.fields)


def _still_looked_at(attempt: dict[str, Any]) -> tuple[str, ...] | None:
    if attempt.get("state") != "Applied" or attempt.get("removes"):
        return None
    return tuple(attempt.get("fields") or ()) or None


def version(body: dict[str, Any]) -> int:
    """resourceVersion as a number: comparable since Kubernetes 1.35."""
    return int(body["metadata"].get("resourceVersion") or 0)
