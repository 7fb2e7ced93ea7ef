"""Who must agree, and who did (decisions 2.8). Admission proved the verb; here: another person, and this very plan."""

from stanch.api.incident_status import Approval, Approvals, MitigationRecord, WishState
from stanch.api.names import NODE_PREFIX, SERVICE_ACCOUNT_PREFIX, EventKind, Reason
from stanch.api.policy import Policy
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft, shorten
from stanch.core.ports import ApprovalClass


def is_machine(username: str, policy: Policy) -> bool:
    """Git, CI, a restore: any ServiceAccount or node that the cluster policy does not list as a person."""
    return username.startswith((SERVICE_ACCOUNT_PREFIX, NODE_PREFIX)) and username not in policy.machine_people


def needed(record: MitigationRecord, size: ApprovalClass, policy: Policy) -> int:
    """Approvals by other people: by class of action and by who asked; the wish can only raise it."""
    machine = is_machine(record.requested_by or "", policy)
    table = policy.approvals_machine if machine else policy.approvals_person
    return max(table[size.value], record.asked.approvals or 0)


def valid(record: MitigationRecord, draft: Draft) -> tuple[Approval, ...]:
    """Approvals that count now: of this plan, by different people, not too old."""
    given = record.approvals.by if record.approvals and record.approvals.by else ()
    fresh = draft.now - draft.catalog.policy.approval_valid_for
    by_person = {a.by: a for a in given if a.digest == record.digest and a.time >= fresh}
    return tuple(by_person.values())


def _who_may_not(draft: Draft, entry: TimelineEntry, record: MitigationRecord) -> str | None:
    if entry.spec.author is None:
        return "nobody vouched for it: the admission policies were not in force"
    if is_machine(entry.author, draft.catalog.policy):
        return f"{entry.author} is a machine; a person must say it"
    if entry.author == record.requested_by:
        return f"{entry.author} asked for {record.name} and can't be the one who approves it"
    return None


def approve(draft: Draft, entry: TimelineEntry) -> str | None:
    """Count an approval; returns why it does not count."""
    said = entry.spec.approve
    assert said is not None
    record = draft.record(said.mitigation)
    if record is None:
        return f"there is no mitigation {said.mitigation}"
    if record.action != said.action:
        return f"{record.name} is {record.action}, not {said.action}"
    if record.state not in (WishState.WAITING, WishState.HELD) or record.reason != Reason.APPROVAL_MISSING:
        return f"{record.name} does not wait for an approval (it is {record.state.value})"
    if record.digest != said.digest:
        return f"{Reason.PLAN_CHANGED}: the plan is {record.digest} now, not {said.digest}; look at it again"
    if why := _who_may_not(draft, entry, record):
        return why
    approvals = record.approvals or Approvals()
    given = (
        *(approvals.by or ()),
        Approval(by=entry.author, time=entry.said, digest=said.digest, entry=entry.metadata.name),
    )
    draft.put(record.model_copy(update={"approvals": approvals.model_copy(update={"by": given[-8:]})}))
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
    if record.state not in (WishState.WAITING, WishState.HELD):
        return f"{record.name} is {record.state.value} and can't be denied any more"
    if entry.spec.author is None:
        return "nobody vouched for it: the admission policies were not in force"
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
    """None when enough people agree to this very plan; else the record as it waits, or expired."""
    policy = draft.catalog.policy
    count = needed(record, size, policy)
    approvals = record.approvals or Approvals()
    agreed = valid(record, draft)
    if len(agreed) >= count:
        return None
    if approvals.asked_time is None or approvals.needed != count:
        approvals = approvals.model_copy(update={"needed": count, "asked_time": approvals.asked_time or draft.now})
        draft.say(
            EventKind.APPROVAL_NEEDED,
            f"{record.name}: needs {count} approval(s) of {record.digest} by others than {record.requested_by}: {record.plan}",
            event=True,
        )
    assert approvals.asked_time is not None
    due = approvals.asked_time + policy.approval_ask_for
    if draft.now >= due:
        draft.say(EventKind.MITIGATION_EXPIRED, f"{record.name}: nobody approved it in time", event=True)
        return record.model_copy(
            update={
                "state": WishState.EXPIRED,
                "message": "Nobody approved it within 1h; ask under a new name",
                "reason": None,
            }
        )
    draft.wake(due)
    missing = count - len(agreed)
    return record.model_copy(
        update={
            "approvals": approvals,
            "state": WishState.HELD,
            "reason": Reason.APPROVAL_MISSING,
            "message": (
                f"{record.action} on {record.target} needs {missing} more approval(s) by others than {record.requested_by}: "
                f"an approve entry with action {record.action} and digest {record.digest}"
            ),
        }
    )
