"""
Will somebody ask in three weeks whether it is done? Here it is asked: at due, weekly, after three weeks, and of somebody else.

Every time is counted from the record, so a restart neither forgets a question nor asks it twice; what nobody could ask while the
operator was away is asked once. Seeds 2 and 4: the three-week test.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api import duration
from stanch.api.action_item import ActionItem, Chase
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.policy import Policy
from stanch.core.draft import shorten
from stanch.core.observations import Answer, Found, NotFound, Observations
from stanch.core.plan_type import Told
from stanch.core.questions import INCIDENTS, Get

# A quarter of weeks beyond its due time. Who has not answered by then is not reached this way.
REMINDERS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """The record after it, what is to be said, and when there is more to say (None: never by itself)."""

    chase: Chase
    told: tuple[Told, ...] = ()
    wake: datetime | None = None


def incident_of(item: ActionItem) -> Get | None:
    """The question for the incident that it follows from; None when there is none, or nothing more is to be learned of it."""
    chase, name = item.status.chase, item.spec.incident
    if name is None or (chase is not None and (chase.settled or chase.test_time is not None)):
        return None
    return Get(INCIDENTS, item.metadata.namespace, name)


def begin(item: ActionItem, seen: Observations) -> Chase:
    """From when is counted: the incident's end, where it is over."""
    before = item.status.chase or Chase(from_time=item.metadata.creation_timestamp)
    question = incident_of(item)
    if question is None:
        return before if item.spec.incident else before.model_copy(update={"settled": True})
    answer: Answer | None = seen.get(question)
    if isinstance(answer, NotFound):
        return before.model_copy(update={"settled": True})
    times = ((answer.value.get("status") or {}).get("times") or {}) if isinstance(answer, Found) else {}
    if not isinstance(times.get("resolved"), str):
        return before
    ended = datetime.fromisoformat(times["resolved"])
    return before.model_copy(update={"from_time": ended, "settled": True if times.get("closed") else None})


def chase(item: ActionItem, before: Chase, done: bool, policy: Policy, now: datetime) -> Asked:
    """What is to be said now, and what is on the record then."""
    if done:
        return Asked(before.model_copy(update={"escalated_time": None, "late_reminders": None}))
    after, told = before, list[Told]()
    spec, late = item.spec, item.spec.due_time <= now
    if not late:
        after = after.model_copy(update={"due_said": None, "escalated_time": None, "late_reminders": None})
    elif after.due_said != spec.due_time:
        since = instant(spec.due_time)
        told.append(Told(EventKind.ITEM_DUE, _words(item, f"is due since {since}"), warning=True, once=since))
        after = after.model_copy(update={"due_said": spec.due_time})
    if after.test_time is None and now >= after.from_time + policy.items_test_after:
        told.append(Told(EventKind.ITEM_ASKED_ABOUT, _question(item, after, policy), warning=True, once="asked"))
        after = after.model_copy(update={"test_time": now})
    if late and after.escalated_time is None and now >= escalates(item, policy):
        moment = instant(escalates(item, policy))
        told.append(Told(EventKind.ITEM_ESCALATED, escalation(item, policy), warning=True, once=moment))
        after = after.model_copy(update={"escalated_time": now})
    if not told and _goes_on(after) and now >= _reminds(item, after, policy):
        number, beyond = after.reminders + 1, (after.late_reminders or 0) + late
        last = "; this is the last reminder" if beyond == REMINDERS_MAX else ""
        words = _words(item, f"is open, due {instant(spec.due_time)}{last}")
        told.append(Told(EventKind.ITEM_REMINDED, words, once=str(number)))
        after = after.model_copy(update={"reminders": number, "late_reminders": beyond or None})
    if told:
        after = after.model_copy(update={"last_time": now})
    return Asked(after, tuple(told), _wake(item, after, policy, now))


def escalates(item: ActionItem, policy: Policy) -> datetime:
    """When somebody else is told. What was reopened has its time again."""
    reopened = item.status.reopened[-1].time if item.status.reopened else item.spec.due_time
    return max(item.spec.due_time, reopened) + policy.items_escalate_after


def escalation(item: ActionItem, policy: Policy) -> str:
    """Who is told what; stands still as long as it is so."""
    to = policy.items_escalate_to or "nobody is named in actionItems.escalateTo of the ResponsePolicy"
    since = instant(item.spec.due_time)
    return shorten(f"To {to}: {item.spec.title}, owned by {item.spec.owner}, is due since {since} and not done", 900)


def _goes_on(record: Chase) -> bool:
    """Before it is due for as long as that takes; what was opened again begins anew."""
    return (record.late_reminders or 0) < REMINDERS_MAX


def _reminds(item: ActionItem, record: Chase, policy: Policy) -> datetime:
    """A week after the last word, of which that it was opened again is one."""
    spoken = record.last_time or record.from_time
    reopened = item.status.reopened[-1].time if item.status.reopened else spoken
    return max(spoken, reopened) + policy.items_chase_every


def _wake(item: ActionItem, record: Chase, policy: Policy, now: datetime) -> datetime | None:
    moments = [item.spec.due_time, record.from_time + policy.items_test_after, escalates(item, policy)]
    if _goes_on(record):
        moments.append(_reminds(item, record, policy))
    return min((m for m in moments if m > now), default=None)


def _words(item: ActionItem, what: str) -> str:
    return shorten(f"{item.spec.owner}: {item.spec.title} {what}; {_close(item)}", 900)


def _close(item: ActionItem) -> str:
    if item.spec.done_when is not None:
        return "it is done when doneWhen holds"
    return f"when it is done: kubectl -n {item.metadata.namespace} patch aitem {item.metadata.name} --type=merge " + (
        """-p '{"spec":{"closed":true}}'"""
    )


def _question(item: ActionItem, record: Chase, policy: Policy) -> str:
    after = duration.write(policy.items_test_after)
    what = f"incident {item.spec.incident}" if item.spec.incident else "it was written down"
    text = f"{after} after {what} ({instant(record.from_time)}): is it done, {item.spec.owner}? {item.spec.title}"
    return shorten(f"{text}; {_close(item)}, or give it a new due time and say why in the description", 900)
