"""
Memory of what is left for part b of a capture (core/held.py). A restart loses it, and so does the want of room: part b then says
which of the two it was.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from stanch.api.incident import Incident
from stanch.core.held import GIVEN_UP, needed, size, thinned, to_hold
from stanch.core.observations import Held, Observations
from stanch.core.records import Store
from stanch.shell.bells import Key

# Objects as they are parsed, logs and manifests, for the seconds until an effect is done: a capture of 500 pods takes 25 MB.
BYTES_MAX: Final = 96 * 1024 * 1024


class Holding:
    """What is held, by incident and by the name of part a; those that captured longest ago stand first."""

    def __init__(self) -> None:
        """Holds nothing."""
        self._held: defaultdict[Key, dict[str, Held]] = defaultdict(dict)

    def keep(self, key: Key, seen: Observations, stores: Iterable[Store]) -> None:
        """Before anything is done: what these bundles were made of. What was captured longest ago makes room for it."""
        if not (found := to_hold(seen, stores)):
            return
        self._held[key] = {**self._held.pop(key, {}), **found}
        self._make_room(key, found)

    def _make_room(self, newest: Key, found: Mapping[str, Held]) -> None:
        """What goes leaves a note behind, so that part b tells the truth about it."""
        for key, mine in list(self._held.items()):
            for name in mine:
                if self._bytes() <= BYTES_MAX:
                    return
                if key != newest or name not in found:
                    self._put(key, name, GIVEN_UP)
        # Nobody else's is left: this capture alone is too large.
        for name, held in found.items():
            if (over := self._bytes() - BYTES_MAX) > 0:
                self._put(newest, name, thinned(held, size([held]) - over))

    def _put(self, key: Key, name: str, held: Held) -> None:
        # Never changed in place: a plan may be looking at it in a thread.
        self._held[key] = {**self._held[key], name: held}

    def _bytes(self) -> int:
        return size(each for mine in self._held.values() for each in mine.values())

    def of(self, key: Key, incident: Incident) -> Mapping[str, Held]:
        """What is still needed of an incident as its record stands; the rest is forgotten."""
        if key not in self._held:
            return {}
        kept = needed(self._held[key], incident.status)
        if kept:
            self._held[key] = kept
        else:
            del self._held[key]
        return kept

    @property
    def is_empty(self) -> bool:
        """Is nothing held?"""
        return not self._held

    def forget(self, key: Key) -> None:
        """It is closed or gone."""
        self._held.pop(key, None)
