"""Memory of what is left for part b of a capture (core/held.py). A restart loses it, and part b then says so."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from stanch.api.incident import Incident
from stanch.core.held import needed, size, to_hold
from stanch.core.observations import Held, Observations
from stanch.core.records import Store
from stanch.shell.bells import Key

# A capture keeps at most some megabytes of logs, for seconds; so many bytes are many incidents at once.
BYTES_MAX: Final = 64 * 1024 * 1024


class Holding:
    """What is held, by incident and by the name of part a."""

    def __init__(self) -> None:
        """Holds nothing."""
        self._held: defaultdict[Key, dict[str, Held]] = defaultdict(dict)

    def keep(self, key: Key, seen: Observations, stores: Iterable[Store]) -> None:
        """Before anything is done: what these bundles were made of. Incidents that captured longest ago make room for it."""
        if not (found := to_hold(seen, stores)):
            return
        # The newest stands last.
        self._held[key] = {**self._held.pop(key, {}), **found}
        total = sum(size(each) for mine in self._held.values() for each in mine.values())
        for old in [each for each in self._held if each != key]:
            if total <= BYTES_MAX:
                break
            total -= sum(size(each) for each in self._held.pop(old).values())

    def of(self, key: Key, incident: Incident) -> Mapping[str, Held]:
        """What is still needed of an incident as its record stands; the rest is forgotten."""
        if key not in self._held:
            return {}
        kept = needed(self._held.pop(key), incident.status)
        if kept:
            self._held[key] = kept
        return kept

    def forget(self, key: Key) -> None:
        """It is closed or gone."""
        self._held.pop(key, None)
