"""The review in lines for people, and as JSON for programs; both say the same."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

import yaml

from stanch.api import duration
from stanch.api.meta import instant
from stanch.cli.review.load_text import load, many
from stanch.cli.terminal import one_line
from stanch.core.freeze_log import Ended, Held
from stanch.core.review import Review
from stanch.core.review_deeds import Help
from stanch.core.review_items import Items
from stanch.core.review_past import FALSE_ALARM
from stanch.core.review_waiting import Learning, Waiting
from stanch.core.survival import Spread
from stanch.core.undeclared import Outside

WHAT = {
    "detect": "harm began to noticed",
    "declare": "noticed to declared",
    "acknowledge": "declared to a person on it",
    "mitigate": "harm began to harm over",
    "resolve": "harm began to recovery held",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told beside the numbers. ``frozen`` is None where Namespaces may not be read."""

    learned: Learning
    frozen: tuple[Held, ...] | None = ()


def lines(found: Review, done: Items, beside: Beside, outside: Outside | None, unread: int) -> Iterator[str]:
    """Section by section; what is not known is said, and never a zero."""
    yield f"From {instant(found.since)} to {instant(found.until)}: {many(found.incidents, 'incident')}, {found.open} still open."
    rest = [f"{why} {n}" for why, n in sorted(found.cancelled.items()) if why != FALSE_ALARM]
    left_out = [many(found.drills, "drill"), many(found.false_alarms, "false alarm"), *rest]
    yield f"Left out: {', '.join(left_out)}."
    if found.open_before:
        yield f"Not counted: {many(found.open_before, 'incident')} from before, still open."
    if unread:
        yield f"Not read: {many(unread, 'incident')} of another schema."
    if not found.incidents:
        yield "No incident is no proof that nothing happened: see what burned, with --prometheus."
    yield from _durations(found)
    yield from _again(found)
    yield from _helped(found)
    yield from _toil(found)
    yield from load(found)
    yield from _waiting(beside.learned)
    yield from _frozen(beside.frozen)
    yield from _items(done)
    yield from _charged(found)
    yield from _outside(outside)
    if found.cautions:
        yield ""
        yield from (f"Note: {text}." for text in found.cautions)
    yield "Note: how many incidents there were is no grade: who declares early has more of them."


def _long(value: timedelta | None) -> str:
    return "?" if value is None else duration.write(timedelta(seconds=round(value.total_seconds()))) or "0s"


def _durations(found: Review) -> Iterator[str]:
    if not found.incidents:
        return
    yield ""
    yield "How long it took"
    for name, spread in found.durations.items():
        yield f"  {name:12} {_spread(spread)}  ({WHAT[name]})"
    for title, groups in (("By severity", found.by_severity), ("By factor class", found.by_factor)):
        if groups:
            yield title
        for name, measures in groups.items():
            for measure, spread in measures.items():
                yield f"  {name:12} {measure:11} {_spread(spread)}"
    if found.without_factors:
        yield f"  {many(found.without_factors, 'incident')} without a published postmortem in no factor class"
    yield f"Found by: {', '.join(f'{who} {n}' for who, n in sorted(found.detected_by.items()))}."


def _spread(spread: Spread) -> str:
    if not spread.n:
        return "not known for any"
    parts = [f"n={spread.n}" + (f", {spread.open} not over" if spread.open else "")]
    if spread.median is not None:
        likely = f"likely {_long(spread.low)} to {_long(spread.high)}"
        parts.insert(0, f"median {_long(spread.median)} ({likely}), nine of ten within {_long(spread.p90)}")
    elif spread.n - spread.open and not spread.caution.endswith("median"):
        parts.insert(0, "median not reached yet")
    if spread.shortest is not None:
        parts.append(f"from {_long(spread.shortest)} to {_long(spread.longest)}")
    return "; ".join((*parts, spread.caution) if spread.caution else parts)


def _again(found: Review) -> Iterator[str]:
    if not found.incidents:
        return
    yield ""
    yield f"Came again{_within(found)}: {len(found.repeats)} of {found.incidents}"
    yield from (f"  {r.incident} after {r.of}: {r.why}" for r in found.repeats)


def _within(found: Review) -> str:
    """As one number where it is one; each namespace may have its own."""
    if found.again is None:
        return ", within recovery.recurrenceWithin of each namespace"
    return f" within {found.again / timedelta(days=1):g} days"


def _helped(found: Review) -> Iterator[str]:
    for title, helps in (("What helped", found.deeds.mitigations), ("By Runbook", found.deeds.runbooks)):
        if helps:
            yield ""
            yield title
        yield from (f"  {_help(each)}" for each in helps)


def _help(each: Help) -> str:
    undo = f"; undone {each.undone} times, in {_long(each.undo_took)}" if each.undone else ""
    return (
        f"{each.name}: tried {each.tried}, helped {each.helped}, no effect {each.no_effect}, "
        f"worse {each.worse}, not known {each.unknown}{undo}"
    )


def _toil(found: Review) -> Iterator[str]:
    if found.deeds.toil:
        yield ""
        yield "Toil: the same by hand again and again. A Runbook to begin with, which does nothing until you have read it:"
    for each in found.deeds.toil:
        yield f"  {each.action} on {each.target}: {each.times} times ({', '.join(each.incidents)})"
        text = yaml.safe_dump(each.runbook, sort_keys=False)
        yield from (f"    {line}" for line in text.splitlines())


def _waiting(learned: Learning) -> Iterator[str]:
    """To be talked over next: which texts wait, and what kinds of gaps come up."""
    late = sum(each.late for each in learned.waiting)
    yield ""
    yield f"Postmortems that wait: {len(learned.waiting)}, {late} past due"
    yield from (f"  {_wait(each)}" for each in learned.waiting)
    if learned.gaps:
        yield f"Gaps of that time: {', '.join(f'{kind} {n}' for kind, n in learned.gaps.items())}"
    if learned.lucky:
        yield "Risks that luck covered, as published postmortems say"
    yield from (f"  {one_line(each)}" for each in learned.lucky)


def _wait(each: Waiting) -> str:
    due = f", {'was due' if each.late else 'due'} {instant(each.due)}" if each.due else ""
    meeting = f"meeting {instant(each.meeting)}" if each.meeting else "no meeting is planned"
    return f"{each.postmortem}: {each.state}{due}; {meeting}; {many(each.gaps, 'gap')}"


_ENDS = {
    Ended.LIFTED: "lifted by itself",
    Ended.TAKEN_OFF: "taken off by a person",
    Ended.LAPSED: "over when nobody said it again",
}


def _frozen(frozen: tuple[Held, ...] | None) -> Iterator[str]:
    yield ""
    if frozen is None:
        yield "Change freezes: not known, you may not read Namespaces."
        return
    yield f"Change freezes that held: {len(frozen)}"
    yield from (f"  {_freeze(each)}" for each in frozen)


def _freeze(each: Held) -> str:
    does = "new pod templates were warned of" if each.value == "warn" else "new pod templates were refused"
    if each.start is None:
        return f"{each.namespace}: {does}, set by a person, holds"
    took = f" to {instant(each.end)} ({_long(each.end - each.start)})" if each.end else ""
    how = _ENDS[each.ended] if each.ended else "holds"
    return f"{each.namespace}: {does} from {instant(each.start)}{took}, {how}: {each.why}"


def _items(done: Items) -> Iterator[str]:
    yield ""
    yield "Action items"
    if not done.to_done.n:
        yield "  none were written"
        return
    yield from (f"  {each.age:18} {each.done} of {each.total} done" for each in done.by_age)
    in_time, old = done.after_three_weeks
    if old:
        yield f"  three-week test: of {old} that are that old, {in_time} were done within three weeks"
    shipped, due = done.in_time
    if due:
        yield f"  on time: of {due} that were due by now, {shipped} were done by then"
    yield f"  time to done: {_spread(done.to_done)}"
    yield f"  {many(len(done.overdue), 'item')} overdue{': ' if done.overdue else ''}{', '.join(done.overdue)}"
    yield f"  {many(done.reopened, 'item')} opened again after they were done, {done.vague} with findings"


def _charged(found: Review) -> Iterator[str]:
    """What stands on the records; with --prometheus the same is looked up anew, for older ones too."""
    if found.budget or found.budget_unknown:
        yield ""
        yield "Charged to error budgets, by the records"
    for each in found.budget:
        yield f"  {each.incident}: {'at least ' if each.at_least else ''}{each.used} % of the budget of {each.slo}"
    if found.budget_unknown:
        yield f"  of {many(found.budget_unknown, 'incident')} nobody knows: Prometheus did not say"


def _outside(outside: Outside | None) -> Iterator[str]:
    yield ""
    if outside is None:
        yield "Burn without an incident: not looked for (give --prometheus)."
        return
    silent = outside.undeclared
    yield f"Burn without an incident: {many(len(silent), 'stretch') if len(silent) == 1 else f'{len(silent)} stretches'}"
    yield from (f"  {b.service or 'some service'} from {instant(b.start)} to {instant(b.end)}" for b in silent)
    if outside.charged:
        yield "Charged to error budgets, by Prometheus now"
    yield from (f"  {c.incident}: {c.share:.0%} of the budget of {c.service}" for c in outside.charged)


# --- for programs ----------------------------------------------------------------------------------------------------


def as_json(found: Review, done: Items, beside: Beside, outside: Outside | None, unread: int) -> dict[str, Any]:
    """camelCase, instants as RFC 3339, durations in whole seconds; null is not known."""
    out: dict[str, Any] = _plain(found)
    out["actionItems"] = _plain(done)
    out["postmortems"] = _plain(beside.learned)
    out["changeFreezes"] = _plain(beside.frozen)
    out |= _plain(outside) if outside is not None else {"undeclared": None, "charged": None}
    out["notRead"] = unread
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Spread):
        return {name: _plain(part) for name, part in asdict(value).items()} | {"caution": value.caution}
    if is_dataclass(value) and not isinstance(value, type):
        named = ((f.name, getattr(value, f.name)) for f in fields(value) if f.compare)
        return {_camel(name): _plain(part) for name, part in named}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return instant(value)
    return round(value.total_seconds()) if isinstance(value, timedelta) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
