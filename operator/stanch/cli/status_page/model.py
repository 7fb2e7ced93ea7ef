"""
What stands on a status page, made of nothing but updates for the public: no title, name, or record of ours. Pure.

What was published stays: an incident that the cluster has no more is on the page as it was there last; when it went on then,
nobody can tell how it is, and the page says that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.said import UpdateState
from stanch.core.notices import clean, one_line

DAYS: Final = 90
TEXT_MAX: Final = 8_000
TITLE_MAX: Final = 100
VERSION: Final = 1
OPERATIONAL: Final = "Operational"
RECOVERING: Final = "Recovering"
DISRUPTION: Final = "Disruption"
UNKNOWN: Final = "Unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """One update: ``key`` knows it again. ``text`` is in the very words of who wrote it; times are in UTC."""

    key: str
    time: datetime
    state: UpdateState
    text: str
    next_time: datetime | None = None

    @property
    def paragraphs(self) -> list[list[str]]:
        """Its lines, by paragraph."""
        return [part.split("\n") for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True, slots=True)
class Outage:
    """
    What the public was told of one incident, the oldest first. ``ended``: the record was closed, whatever was said last;
    ``lost``: it went on, and since then the cluster has it no more.
    """

    key: str
    component: str
    updates: tuple[Told, ...]
    ended: datetime | None = None
    lost: datetime | None = None

    @property
    def title(self) -> str:
        """The first line of what was said first: nobody published another."""
        return one_line(self.updates[0].text.strip().split("\n")[0], TITLE_MAX)

    @property
    def began(self) -> datetime:
        """When the public first heard of it."""
        return self.updates[0].time

    @property
    def newest(self) -> Told:
        """What was said last."""
        return self.updates[-1]

    @property
    def over(self) -> datetime | None:
        """When it was said to be over; None while it goes on."""
        return self.newest.time if self.newest.state is UpdateState.RESOLVED else self.ended

    @property
    def until(self) -> datetime | None:
        """Until when the page can say how it was; None while it goes on."""
        return self.over or self.lost

    @property
    def changed(self) -> datetime:
        """When something was said, or it was closed or lost, the last time."""
        return max(t for t in (self.newest.time, self.ended, self.lost) if t is not None)


@dataclass(frozen=True, slots=True)
class Component:
    """Something that people use; ``bad`` are the days of the last ninety on which something was wrong with it."""

    name: str
    state: str
    days: tuple[tuple[date, bool], ...]

    @property
    def bad(self) -> list[date]:
        """Days with a disruption, the oldest first."""
        return [day for day, bad in self.days if bad]


@dataclass(frozen=True, slots=True)
class Page:
    """The page. ``url`` is where it will be found, empty when nobody said."""

    title: str
    url: str
    made: datetime
    components: tuple[Component, ...]
    going_on: tuple[Outage, ...]
    past: tuple[Outage, ...]

    @property
    def state(self) -> str:
        """The worst of all."""
        return worst(self.going_on)

    @property
    def outages(self) -> tuple[Outage, ...]:
        """All that are on it, what is going on first."""
        return (*self.going_on, *self.past)


def worst(outages: Iterable[Outage]) -> str:
    """In one word, of what is going on."""
    open_ = list(outages)
    if any(o.lost is None and o.newest.state is not UpdateState.MONITORING for o in open_):
        return DISRUPTION
    if any(o.lost for o in open_):
        return UNKNOWN
    return RECOVERING if open_ else OPERATIONAL


def page(title: str, url: str, outages: Iterable[Outage], names: Iterable[str], now: datetime) -> Page:
    """``names`` are components that are there whether or not anything is wrong."""
    recent = [_printable(o) for o in outages if o.until is None or o.until > long_ago(now)]
    known = (one_line(name, TITLE_MAX) for name in names)
    ordered = sorted(recent, key=lambda o: (o.began, o.key), reverse=True)
    shown = dict.fromkeys((*known, *sorted({o.component for o in recent if o.component})))
    return Page(
        title=one_line(title, TITLE_MAX),
        url=url,
        made=now,
        components=tuple(_component(name, ordered, now) for name in shown),
        going_on=tuple(o for o in ordered if o.over is None),
        past=tuple(o for o in ordered if o.over is not None),
    )


def long_ago(now: datetime) -> datetime:
    """What was over by then is on the page no more."""
    return now - timedelta(days=DAYS)


def _printable(outage: Outage) -> Outage:
    """Wherever it comes from: a control character would also break the feed."""
    updates = tuple(replace(u, text=clean(u.text, TEXT_MAX)) for u in outage.updates)
    return replace(outage, component=one_line(outage.component, TITLE_MAX), updates=updates)


def _component(name: str, outages: Iterable[Outage], now: datetime) -> Component:
    its = [o for o in outages if o.component == name]
    first = now.date() - timedelta(days=DAYS - 1)
    bad = {
        o.began.date() + timedelta(days=n)
        for o in its
        for n in range(((o.until or now).date() - o.began.date()).days + 1)
    }
    days = tuple((day, day in bad) for day in (first + timedelta(days=n) for n in range(DAYS)))
    return Component(name, worst(o for o in its if o.over is None), days)


def merged(before: Iterable[Outage], now: Iterable[Outage]) -> list[Outage]:
    """What was published before, and what the cluster says now of those it knows; what was published is not taken back."""
    known = {o.key: o for o in before}
    for outage in now:
        old = known.get(outage.key)
        said = {u.key: u for u in (*(old.updates if old else ()), *outage.updates)}
        updates = tuple(sorted(said.values(), key=lambda u: (u.time, u.key)))
        if updates:
            known[outage.key] = replace(outage, updates=updates)
    return list(known.values())


def followed(
    outages: Iterable[Outage], there: frozenset[str] | None, over: Iterable[str], now: datetime
) -> list[Outage]:
    """
    The same: those of ``over`` have ended, and what goes on and is not ``there`` is lost since now, or since it was first missed.
    ``there`` are keys of all incidents of the cluster, None when not all were asked for: then nothing is found missing.
    """
    ended, found = frozenset(over), []
    for outage in outages:
        if outage.over is not None:
            found.append(outage)
        elif outage.key in ended:
            found.append(replace(outage, ended=now))
        elif there is None:
            found.append(outage)
        else:
            found.append(replace(outage, lost=None if outage.key in there else outage.lost or now))
    return found


# --- status.json: for programs, and for the next time ----------------------------------------------------------------


def as_json(shown: Page) -> dict[str, Any]:
    """What stands in status.json."""
    return {
        "version": VERSION,
        "title": shown.title,
        "updated": instant(shown.made),
        "state": shown.state,
        "components": [{"name": c.name, "state": c.state} for c in shown.components],
        "incidents": [_outage_json(o) for o in shown.outages],
    }


def _outage_json(outage: Outage) -> dict[str, Any]:
    return {
        "id": outage.key,
        "title": outage.title,
        "component": outage.component,
        "began": instant(outage.began),
        "over": instant(outage.over) if outage.over else None,
        "closed": instant(outage.ended) if outage.ended else None,
        "lost": instant(outage.lost) if outage.lost else None,
        "updates": [
            {
                "id": u.key,
                "time": instant(u.time),
                "state": u.state.value,
                "text": u.text,
                "nextTime": instant(u.next_time) if u.next_time else None,
            }
            for u in outage.updates
        ],
    }


def from_json(said: Mapping[str, Any]) -> list[Outage]:
    """What was published before. Raises ValueError, KeyError or TypeError for what is no status.json of ours."""
    if said["version"] != VERSION:
        raise ValueError(f"version {said['version']}")
    return [
        Outage(
            key=key_of(str(o["id"])),
            component=one_line(str(o["component"]), TITLE_MAX),
            updates=tuple(_told(u) for u in o["updates"]),
            ended=_time(o["closed"]),
            lost=_time(o.get("lost")),  # An older version knew none.
        )
        for o in said["incidents"]
        if o["updates"]
    ]


def _told(u: Mapping[str, Any]) -> Told:
    time = _time(u["time"])
    if time is None:
        raise ValueError("an update without a time")
    return Told(str(u["id"]), time, UpdateState(u["state"]), clean(str(u["text"]), TEXT_MAX), _time(u["nextTime"]))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def key_of(uid: str) -> str:
    """It becomes a file's name."""
    if not uid or len(uid) > 64 or any(c not in "0123456789abcdefghijklmnopqrstuvwxyz-" for c in uid):
        raise ValueError(f"{uid[:80]!r} is no id of an incident")
    return uid
