"""Gaps in what is kept: evidence that is missing, what it cost, and what is still owed."""

from collections.abc import Iterator

from stanch.api.budget_status import BudgetState
from stanch.api.names import EventKind
from stanch.api.postmortem_status import Gap, GapPart
from stanch.core.gaps.record import Record, Sort, gap_of
from stanch.core.still_missing import still_missing


def evidence(r: Record) -> Iterator[Gap]:
    kept = r.status.evidence or ()
    for each in kept:
        missing, words = still_missing(each, kept)
        if missing:
            lacks = f" ({words})" if words else ""
            text = f"Evidence {each.name} lacks {missing} of {each.items + each.missing} items{lacks}"
            yield gap_of(
                Sort("EvidenceMissing", GapPart.RECORD),
                text,
                each.name,
                count=missing,
                from_time=each.captured_time,
            )
    for record in r.status.mitigations or ():
        if record.asked.harm_first and record.attempts:
            text = (
                f"{record.name} was done before any evidence was captured, for this reason: {record.asked.harm_first}"
            )
            since = record.attempts[0].applied_time
            yield gap_of(
                Sort("HarmFirst", GapPart.RECORD), text, f"status.mitigations {record.name}", count=1, from_time=since
            )


def budget(r: Record) -> Iterator[Gap]:
    """What it cost can't be told, or only in part: the next one can be charged when that is mended."""
    known = r.status.error_budget
    if known is None or known.state is BudgetState.KNOWN:
        return
    words = next((c.message for c in known.charges or () if c.message), None) or known.message
    what = "only in part" if known.state is BudgetState.AT_LEAST else "not"
    text = f"What it cost the error budget is {what} known: {words}"
    yield gap_of(
        Sort("BudgetUnknown", GapPart.RECORD),
        text,
        "status.errorBudget",
        from_time=known.from_time,
        to_time=known.to_time,
        count=1,
    )


def debts(r: Record) -> Iterator[Gap]:
    told = {x.text.partition(":")[0] for x in r.of(EventKind.DEBT_DUE)}
    for debt in r.status.debt or ():
        if debt.overdue and debt.name not in told:
            text = f"{debt.name} is owed past its time: {debt.what}"
            yield gap_of(
                Sort("DebtPastDue", GapPart.RECOVERY),
                text,
                f"status.debt {debt.name}",
                from_time=debt.due_time,
                count=1,
            )
