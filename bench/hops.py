"""From noted requests to hops: requests that overlap in time belong to one. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Note = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hop:
    """Requests that were under way together."""

    requests: tuple[Note, ...]

    @property
    def began(self) -> float:
        """When the first of them was sent."""
        return float(min(note["began"] for note in self.requests))

    @property
    def ended(self) -> float:
        """When the last answer was there."""
        return float(max(note["ended"] for note in self.requests))


def path_of(note: Note) -> str:
    """The path without its query."""
    return urlsplit(note["url"]).path


def is_log(note: Note) -> bool:
    """The k of `15 calls + k`."""
    return path_of(note).endswith("/log")


def is_effect(note: Note) -> bool:
    """The one write to the target."""
    return note["method"] == "PATCH" and "/apis/apps/" in note["url"] and "dryRun" not in note["url"]


def is_aside(note: Note) -> bool:
    """What nobody waits for: Events, and marks on entries."""
    path = path_of(note)
    said = note["method"] == "POST" and path.endswith("/events")
    return said or (note["method"] == "PATCH" and "/timelineentries/" in path)


def on_the_way(notes: Iterable[Note], since: float) -> list[Note]:
    """All that was sent from ``since`` until the effect was answered, effect included. ValueError when there is none."""
    sent = sorted((n for n in notes if "url" in n and n["began"] >= since), key=lambda note: note["began"])
    effect = next((n for n in sent if is_effect(n)), None)
    if effect is None:
        raise ValueError(f"no effect among {len(sent)} requests")
    return [n for n in sent if n["began"] <= effect["began"]]


def hops(notes: Sequence[Note], *, strict: bool = False) -> list[Hop]:
    """
    In order of time; what nobody waits for is in none. Logs are read two at a time from a node, so logs that wait for
    logs are of one hop; a replay sends them all at once, which is to its advantage. ``strict`` knows only overlapping.
    """
    found: list[list[Note]] = []
    end = 0.0
    for note in sorted((n for n in notes if not is_aside(n)), key=lambda n: n["began"]):
        throttled = not strict and found and is_log(note) and any(map(is_log, found[-1]))
        if not throttled and note["began"] >= end:
            found.append([])
        found[-1].append(note)
        end = max(end, note["ended"])
    return [Hop(tuple(each)) for each in found]


@dataclass(frozen=True, slots=True)
class Counts:
    """
    What M3 counts; the person's own POST is hop 0 and call 1. ``hops`` are by overlapping alone, and depend on how fast
    the machine is where logs queue for a node; ``groups`` do not, for there logs that wait for logs are one hop.
    """

    hops: int
    groups: int
    calls: int
    logs: int
    aside: int


def count(notes: Sequence[Note]) -> Counts:
    """Hops and calls from the person's POST to the effect."""
    logs, aside = sum(map(is_log, notes)), sum(map(is_aside, notes))
    by_overlap, groups = 1 + len(hops(notes, strict=True)), 1 + len(hops(notes))
    return Counts(by_overlap, groups, 1 + len(notes) - logs - aside, logs, aside)


def words(note: Note) -> str:
    """One request, short: `GET pods`, `PATCH deployments dry`, `GET log`."""
    parts = path_of(note).strip("/").split("/")
    start = 2 if parts[0] == "api" else 3
    rest = parts[start:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    what = rest[0] if len(rest) < 3 else (rest[2] if rest[2] == "log" else f"{rest[0]}/{rest[2]}")
    return f"{note['method']} {what}" + (" dry" if "dryRun" in note["url"] else "")
