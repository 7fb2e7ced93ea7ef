"""
What is asked back about an update: words that don't belong on a public page, that it is over while it is not, and a promise that
is longer than the cadence.
"""

from stanch.api import duration
from stanch.api.names import EventKind
from stanch.api.said import Audience, Update, UpdateState
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft, shorten
from stanch.core.promises import interval, stage_of
from stanch.core.public_lint import Context, Finding, lint


def findings(draft: Draft, entry: TimelineEntry, said: Update) -> list[Finding]:
    """In the order in which they matter; none for an update that can be read as it is."""
    every = interval(draft, draft.severity, said.audience, stage_of(draft))
    found = []
    if said.audience is Audience.PUBLIC:
        names = frozenset(target.name for target in draft.incident.spec.targets or ())
        found = [*_too_soon(draft, said), *lint(entry.spec.text or "", Context(said.state, names))]
    if every is not None and said.next_update_in is not None and said.next_update_in > every:
        better = f"the policy promises them one every {duration.write(every)}"
        found.append(Finding("Cadence", duration.write(said.next_update_in), better))
    return found


def _too_soon(draft: Draft, said: Update) -> list[Finding]:
    """Mitigated is not resolved: the page would say that all is well, with the record open behind it."""
    times = draft.status.times
    # An override that was read just before is followed in this very look.
    over = draft.status.override or (times and (times.resolved or times.cancelled or times.closed))
    if said.state is not UpdateState.RESOLVED or over:
        return []
    return [Finding("State", said.state.value, "the record is not resolved: say Monitoring, and Resolved when it is")]


def refused_as(draft: Draft, said: Update, found: list[Finding]) -> str | None:
    """Only where the policy says so, and only for what the public reads."""
    if not found or said.audience is not Audience.PUBLIC or draft.catalog.policy.public_lint != "Deny":
        return None
    return f"communications.lint is Deny, and this does not fit a public page. {_told(found)}"


def ask_back(draft: Draft, entry: TimelineEntry, said: Update, found: list[Finding]) -> None:
    """Published all the same: a warning, beside it, with what would be better."""
    if found:
        text = f"{said.audience.value}, by {shorten(entry.author, 60)}: {_told(found)}"
        draft.say(EventKind.UPDATE_QUESTIONED, text, event=True, warning=True)


def _told(found: list[Finding]) -> str:
    return "; ".join(str(each) for each in found)
