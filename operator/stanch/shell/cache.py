"""The newest version of each open incident that anybody told us of; decisions are protected by compare-and-swap, not by this."""

from typing import Any, Final

from stanch.core import others
from stanch.core.census import Census
from stanch.core.lesson import Lesson
from stanch.core.observations import Acted, Busy
from stanch.core.others import Part, part_of
from stanch.core.questions import POSTMORTEMS
from stanch.core.similar import lesson_of
from stanch.shell.bells import Key

# Of a namespace, the newest: one that is older than a thousand others is nobody's memory any more, and each look compares them.
LESSONS_MAX: Final = 1000


class Cache:
    """Bodies by key; an older version never replaces a newer one."""

    def __init__(self) -> None:
        """Empty."""
        self._bodies: dict[Key, dict[str, Any]] = {}
        # Worked out once a version: every look at every incident takes in the parts of all others.
        self._parts: dict[Key, Part] = {}
        # By namespace. They stay when their Postmortem goes out of sight with its incident.
        self._lessons: dict[str, dict[Key, Lesson]] = {}
        # False while they are read after a start (shell/past.py): half of them would name others than all of them.
        self.past_is_known = True
        self._doubted: set[Key] = set()

    def put(self, key: Key, body: dict[str, Any], listed: bool = False) -> None:
        """Keep it, unless what we have is newer (our own write's answer overtakes the watch). In a list that is doubtful."""
        known = self._bodies.get(key)
        same = known is not None and known["metadata"]["uid"] == body["metadata"]["uid"]
        if not same or version(body) >= version(known or body):
            self._parts[key] = part_of(f"{key.namespace}/{key.name}", body)
            self._bodies[key] = body
            self._learn(key, body)
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
        self.leave(key)
        self._lessons.get(key.namespace, {}).pop(key, None)

    def leave(self, key: Key) -> None:
        """It is out of our sight, and may be there all the same: what was learned from it stays."""
        self._bodies.pop(key, None)
        self._parts.pop(key, None)

    def all(self) -> list[Key]:
        """All known keys."""
        return list(self._bodies)

    def count(self, plural: str) -> int:
        """How many of one kind."""
        return sum(key.plural == plural for key in self._bodies)

    def busy(self, but: Key) -> dict[str, Busy]:
        """Target uid → the other incident that is acting on it now."""
        return others.busy(self._others(but))

    def census(self, but: Key) -> Census:
        """What other incidents did and are doing."""
        return others.census(self._others(but))

    def acted(self) -> dict[str, Acted]:
        """Action id, as our label on a target has it → the mitigation and incident whose it is."""
        return others.acted(self._parts.values())

    def lessons(self, namespace: str) -> tuple[Lesson, ...]:
        """What Postmortems of a namespace say of their incidents, closed ones too; nothing while they are being read."""
        return tuple(self._lessons.get(namespace, {}).values()) if self.past_is_known else ()

    def remembers(self, key: Key) -> bool:
        """Was something learned from it?"""
        return key in self._lessons.get(key.namespace, {})

    def recall(self, key: Key, body: dict[str, Any]) -> None:
        """Learn from a Postmortem that the watch does not tell of, and keep nothing else of it."""
        if key not in self._bodies:
            self._learn(key, body)

    def learned(self) -> dict[str, tuple[Lesson, ...]]:
        """The same of all namespaces that have any."""
        return {namespace: tuple(each.values()) for namespace, each in self._lessons.items() if each}

    def _learn(self, key: Key, body: dict[str, Any]) -> None:
        if key.plural != POSTMORTEMS.plural:
            return
        of_its = self._lessons.setdefault(key.namespace, {})
        of_its.pop(key, None)
        if (lesson := lesson_of(body)) is None:
            return
        of_its[key] = lesson
        if len(of_its) > LESSONS_MAX:
            del of_its[min(of_its, key=lambda each: of_its[each].declared)]

    def _others(self, but: Key) -> list[Part]:
        return [part for key, part in self._parts.items() if key != but and key.plural == but.plural]


def version(body: dict[str, Any]) -> int:
    """resourceVersion as a number: comparable since Kubernetes 1.35."""
    return int(body["metadata"].get("resourceVersion") or 0)
