"""How the load is shared, in lines for people: pages, near misses, what alerts are worth, and who commands."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from stanch.api import duration
from stanch.cli.terminal import one_line
from stanch.core.review import Review
from stanch.core.review_alerts import Alerts
from stanch.core.review_load import Commanded, Pages


def load(found: Review) -> Iterator[str]:
    """Section by section; a section of nothing is left out, but for pages, of which none is an answer."""
    yield from _pages(found.pages)
    yield from _near_misses(found)
    yield from _alerts(found.alerts)
    yield from _commanders(found.commanders)


def many(number: int, what: str) -> str:
    """`1 shift`, `2 shifts`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _pages(pages: Pages) -> Iterator[str]:
    shift = duration.write(timedelta(seconds=round(pages.shift.total_seconds())))
    yield ""
    yield (
        f"Pages: {pages.pages} in {pages.shifts} shifts of {shift}, {pages.most} in the worst; "
        f"{many(pages.too_many, 'shift')} had more than {pages.allowed}."
    )
    if pages.pages:
        hours = ", ".join(f"{hour:02}h {n}" for hour, n in pages.by_hour.items())
        yield f"  by hour of the day in UTC: {hours}; by day: {_listed(pages.by_day)}"


def _near_misses(found: Review) -> Iterator[str]:
    if found.near_misses:
        yield ""
        yield f"Near misses: {len(found.near_misses)}, in which nobody was hurt this time; they are in no duration"
    for each in found.near_misses:
        yield f"  {each.incident} ({each.severity.value if each.severity else 'unknown'}): {one_line(each.title)}"


def _alerts(alerts: Alerts) -> Iterator[str]:
    if alerts.incidents:
        yield ""
        yield f"Alerts that made incidents: {len(alerts.incidents)}"
    for what, names in (("without a Runbook", alerts.without_runbook), ("never led to an action", alerts.never_acted)):
        if names:
            yield f"  {what}, and how many incidents each made: {_listed(names)}"


def _commanders(months: tuple[Commanded, ...]) -> Iterator[str]:
    if any(month.by or month.nobody for month in months):
        yield ""
        yield "Who commanded how many, by month"
    for month in months:
        if not (month.by or month.nobody):
            continue
        parts = [_listed(month.by)] if month.by else []
        parts += [f"{many(month.nobody, 'incident')} of SEV1 or SEV2 without a commander"] if month.nobody else []
        yield f"  {month.month}: {'; '.join(parts)}"
        if month.alone:
            yield "    One person commanded all of them: let others take the role, or shadow it, while it is calm"


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(f"{one_line(name)} {n}" for name, n in names.items())
