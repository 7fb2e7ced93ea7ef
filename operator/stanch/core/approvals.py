"""Who must agree, and who did (decisions 2.8). Admission proved the verb; here: another person, and this very plan."""

from typing import Final

from stanch.api.incident_status import Approval, Approvals, MitigationRecord, WishState
from stanch.api.names import NODE_PREFIX, SERVICE_ACCOUNT_PREFIX, EventKind, Reason
from stanch.api.policy import Policy
from stanch.api.said import Approve
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.approvers import ask_again, lost_words
from stanch.core.census import RUNBOOK
from stanch.core.draft import Draft, shorten
from stanch.core.pace import asks_first
from stanch.core.ports import ApprovalClass

APPROVALS_MAX: Final = 8


def is_machine(username: str, policy: Policy) -> bool:
    """Git, CI, a restore: any ServiceAccount or node that the cluster policy does not list as a person."""
    return username.startswith((SERVICE_ACCOUNT_PREFIX, NODE_PREFIX)) and username not in policy.machine_people


def needed(record: MitigationRecord, size: ApprovalClass, policy: Policy, *, first: bool = False) -> int:
    """
    Approvals by other people: by class of action and by who asked; the wish can only raise it.

    ``first``: what a Runbook in mode Auto asks for is asked of people now, as in mode Approve (guards 11 and 12).
    """
    if record.automatic:
        table = policy.approvals_machine if first else policy.approvals_auto
    else:
        table = policy.approvals_machine if is_machine(record.requested_by or "", policy) else policy.approvals_person
    # A Runbook that is not in mode Auto shows its plan to somebody, whoever chose it.
    least = 1 if record.source.startswith(RUNBOOK) and not record.automatic else 0
    return max(table[size.value], record.asked.approvals or 0, least)


def valid(record: MitigationRecord, draft: Draft) -> tuple[Approval, ...]:
    """Approvals that count now: of this plan, by different people, not too old."""
    given = record.approvals.by if record.approvals and record.approvals.by else ()
    fresh = draft.now - draft.catalog.policy.approval_valid_for
    by_person = {a.by: a for a in given if a.digest == record.digest and a.time >= fresh}
    return tuple(by_person.values())


def enough(record: MitigationRecord, draft: Draft) -> bool:
    """Do as many agree as were asked for, as far as the record tells?"""
    return record.approvals is not None and len(valid(record, draft)) >= (record.approvals.needed or 0)


def _who_may_not(draft: Draft, entry: TimelineEntry, record: MitigationRecord, does: str) -> str | None:
    """To agree and to say no take another person (decisions 2.15): both count as somebody who looked at it."""
    if entry.spec.author is None:
        return "nobody vouched for it: the admission policies were not in force"
    if is_machine(entry.author, draft.catalog.policy):
        return f"{entry.author} is a machine; a person must say it"
    if entry.author == record.requested_by:
        return f"{entry.author} asked for {record.name} and can't be the one who {does} it"
    return None


def _is_not_this_plan(said: Approve, record: MitigationRecord) -> str | None:
    if record.action != said.action:
        return f"{record.name} is {record.action}, not {said.action}"
    # Whatever else holds it up for the moment: who looked at this plan and agreed need not do it again.
    if record.state not in (WishState.WAITING, WishState.HELD):
        return f"{record.name} does not wait for an approval (it is {record.state.value})"
    if record.digest is None:
        return f"{record.name} has no plan yet ({record.reason or record.state.value}); approve it once ApprovalNeeded shows one"
    if record.digest != said.digest:
        return f"{Reason.PLAN_CHANGED}: the plan is {record.digest} now, not {said.digest}; look at it again"
    return None


def approve(draft: Draft, entry: TimelineEntry) -> str | None:
    """Count an approval; returns why it does not count."""
    said = entry.spec.approve
    assert said is not None
    record = draft.record(said.mitigation)
    if record is None:
        return f"there is no mitigation {said.mitigation}"
    if why := _is_not_this_plan(said, record) or _who_may_not(draft, entry, record, "approves"):
        return why
    approvals = record.approvals or Approvals()
    mine = Approval(by=entry.author, time=entry.said, digest=said.digest, entry=entry.metadata.name)
    # Saying it again renews one's own word, and pushes nobody else's out.
    given = (*(a for a in approvals.by or () if a.by != mine.by), mine)[-APPROVALS_MAX:]
    draft.put(record.model_copy(update={"approvals": approvals.model_copy(update={"by": given})}))
    own = f": {shorten(entry.spec.text, 160)}" if entry.spec.text else ""
    draft.say(
        EventKind.MITIGATION_APPROVED,
        f"{record.name} approved{own}",
        by=entry.author,
        time=entry.said,
        entry=entry.metadata.name,
        event=True,
    )
    return None


def deny(draft: Draft, entry: TimelineEntry) -> str | None:
    """End a wish that has not started; returns why it does not count."""
    said = entry.spec.deny
    assert said is not None
    record = draft.record(said.mitigation)
    if record is None:
        return f"there is no mitigation {said.mitigation}"
    if record.action != said.action:
        return f"{record.name} is {record.action}, not {said.action}"
    if record.state not in (WishState.WAITING, WishState.HELD):
        return f"{record.name} is {record.state.value} and can't be denied any more"
    if why := _who_may_not(draft, entry, record, "denies"):
        return why
    draft.put(
        record.model_copy(
            update={
                "state": WishState.DENIED,
                "reason": None,
                "message": f"Denied by {entry.author}; ask under a new name",
            }
        )
    )
    own = f": {shorten(entry.spec.text, 160)}" if entry.spec.text else ""
    draft.say(
        EventKind.MITIGATION_DENIED,
        f"{record.name} denied{own}",
        by=entry.author,
        time=entry.said,
        entry=entry.metadata.name,
        event=True,
    )
    return None


def wait_for(draft: Draft, record: MitigationRecord, size: ApprovalClass) -> MitigationRecord | None:
    """None when enough people agree to this very plan; else the record as it waits."""
    policy = draft.catalog.policy
    why = asks_first(draft, record)
    count = needed(record, size, policy, first=why is not None)
    if not count:
        return None
    agreed, unclear = valid(record, draft), ""
    if len(agreed) >= count:
        asked = ask_again(draft, record.action, agreed)
        if len(asked.by) >= count:
            return None
        record, agreed, unclear = _without(draft, record, asked.lost), asked.by, asked.unclear
    approvals = record.approvals or Approvals()
    if approvals.asked_time is None or approvals.needed != count:
        approvals = approvals.model_copy(update={"needed": count, "asked_time": approvals.asked_time or draft.now})
        draft.say(
            EventKind.APPROVAL_NEEDED,
            f"{record.name}: needs {count} approval(s) of {record.digest} by others than {record.requested_by}: {record.plan}",
            event=True,
        )
    # Too late is for whoever starts it to say: then it expires, whatever it waits for.
    draft.wake(draft.now + policy.verify_every * 5 if unclear else record.asked_time + policy.approval_ask_for)
    because = f". Asked, for {why[1]}" if why else ""
    message = unclear or (
        f"{record.action} on {record.target} needs {count - len(agreed)} more approval(s) by others than "
        f"{record.requested_by}: an approve entry with action {record.action} and digest {record.digest}{because}"
    )
    waits = {"approvals": approvals, "state": WishState.HELD, "reason": Reason.APPROVAL_MISSING, "message": message}
    return record.model_copy(update=waits)


def _without(draft: Draft, record: MitigationRecord, lost: tuple[Approval, ...]) -> MitigationRecord:
    """The record without the word of who may not say it any more; told once."""
    if not lost or record.approvals is None:
        return record
    told = f"{record.name}: {lost_words(record.action, lost)}"
    draft.say(EventKind.MITIGATION_HELD, told, event=True, warning=True)
    kept = tuple(a for a in record.approvals.by or () if a not in lost)
    return record.model_copy(update={"approvals": record.approvals.model_copy(update={"by": kept or None})})
