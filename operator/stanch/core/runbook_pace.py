"""How often a Runbook runs, and how much at once: its own guardrails, on top of the ResponsePolicy's."""

from datetime import timedelta
from typing import Final

from stanch.api import duration
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import instant
from stanch.api.names import Reason
from stanch.api.runbook_record import RunbookRecord
from stanch.core.asking import target_of
from stanch.core.census import RUNBOOK, Deed
from stanch.core.draft import Draft
from stanch.core.observations import Found
from stanch.core.ports import Aim, ApprovalClass, Change, Refusal

DAY: Final = timedelta(hours=24)
_REPLICAS: Final = "/spec/replicas"


def frozen(draft: Draft, record: MitigationRecord) -> RunbookRecord | None:
    """The frozen plan that a mitigation is part of; None for all others."""
    known = draft.status.runbook
    return known if known is not None and record.source == f"{RUNBOOK}{known.name}" else None


def runs(draft: Draft, record: MitigationRecord) -> tuple[Deed, ...]:
    """What the same Runbook of this namespace did in other incidents; what was taken back counts for nothing."""
    namespace = draft.incident.metadata.namespace
    deeds = (d for d in draft.seen.census.deeds if d.source == record.source and d.namespace == namespace)
    return tuple(d for d in deeds if not d.undone)


def runbook_has_rested(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Guard 9, with the Runbook's own cooldown: what it did to this target in another incident is given time."""
    known, answer = frozen(draft, record), draft.seen.get(target_of(aim))
    if known is None or known.cooldown is None or not isinstance(answer, Found):
        return None
    uid = answer.value["metadata"]["uid"]
    last = max((d for d in runs(draft, record) if d.target == uid), key=lambda d: d.time, default=None)
    if last is None or (free := last.time + known.cooldown) <= draft.now:
        return None
    draft.wake(free)
    return Refusal(
        Reason.COOLING_DOWN,
        f"Runbook {known.name} acted on {aim} at {instant(last.time)} in incident {last.incident}, and its guardrails.cooldown is "
        f"{duration.write(known.cooldown)}; free at {instant(free)}. Undoing is always free",
    )


def runs_too_often(draft: Draft, record: MitigationRecord) -> tuple[str, str] | None:
    """Reason and words why the next run of today needs a person, by guardrails.maxPerDay; None when it does not."""
    known = frozen(draft, record)
    if known is None or known.max_per_day is None:
        return None
    lately = {d.incident: d.time for d in runs(draft, record) if d.time > draft.now - DAY}
    if len(lately) < known.max_per_day:
        return None
    free = sorted(lately.values())[len(lately) - known.max_per_day] + DAY
    draft.wake(free)
    many = f"it ran in {len(lately)} incidents within 24h, and its guardrails.maxPerDay is {known.max_per_day}"
    return Reason.COOLING_DOWN, f"Runbook {known.name}: {many}; by itself again at {instant(free)}"


def takes_too_many(draft: Draft, record: MitigationRecord, change: Change) -> ApprovalClass | None:
    """Class C for a scale that takes away a larger share of the pods than guardrails.maxPodsPercent; else None."""
    known = frozen(draft, record)
    before, after = change.before.get(_REPLICAS), change.after.get(_REPLICAS)
    if known is None or known.max_pods_percent is None or not isinstance(before, int) or not isinstance(after, int):
        return None
    return ApprovalClass.C if (before - after) * 100 > before * known.max_pods_percent else None


def counted_for(draft: Draft, deed: Deed) -> timedelta:
    """How long its Runbook's own guardrails look at it, though its incident is closed."""
    known = draft.status.runbook
    if known is None or deed.source != f"{RUNBOOK}{known.name}":
        return timedelta(0)
    return DAY if known.max_per_day else known.cooldown or timedelta(0)
