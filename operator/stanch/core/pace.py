"""
Guards 9 to 12: not too often, not too much at once, and nothing by itself while alerts storm or while it does not help.

Counted from the records of all open incidents (core/census.py), and of closed ones for as long as what they did counts. What a
person asks for next in the same incident is no haste: its ladder waits for effects by itself (ADR 0017).
"""

from collections.abc import Iterable
from datetime import datetime

from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import instant
from stanch.api.names import Reason
from stanch.core.asking import target_of
from stanch.core.census import RUNBOOK, Deed, deeds_of, is_alarm
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Found
from stanch.core.ports import Aim, Refusal
from stanch.core.runbook_pace import counted_for, runs_too_often
from stanch.core.swap import digest, look_up, meet


def hour_has_room(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Guard 9: so many effects an hour, in the namespace and in the cluster."""
    policy, namespace = draft.catalog.policy, draft.incident.metadata.namespace
    deeds = [d for d in (*draft.seen.census.deeds, *own_deeds(draft)) if d.time > draft.now - policy.counted_for]
    here = [d for d in deeds if d.namespace == namespace]
    if len(here) >= policy.per_namespace_hourly:
        return _full(draft, here, policy.per_namespace_hourly, f"in namespace {namespace}", "perNamespaceHourly")
    # What was taken back is no change of the cluster any more; and one namespace, busy as it is, keeps no other from its first.
    standing = [d for d in deeds if not d.undone]
    if len(standing) >= policy.cluster_hourly and (here or not policy.cluster_hourly):
        return _full(draft, standing, policy.cluster_hourly, "in this cluster", "clusterHourly")
    return None


def _full(draft: Draft, deeds: list[Deed], most: int, where: str, field: str) -> Refusal:
    if not most:
        message = f"guardrails.{field} of the ResponsePolicy is 0: nothing is done {where}. Undoing is always free"
        return Refusal(Reason.COOLING_DOWN, message)
    free = sorted(d.time for d in deeds)[len(deeds) - most] + draft.catalog.policy.counted_for
    draft.wake(free)
    return Refusal(
        Reason.COOLING_DOWN,
        f"stanch did {len(deeds)} things {where} within an hour, and {most} is what guardrails.{field} of the ResponsePolicy "
        f"allows; free at {instant(free)}. Undoing is always free",
    )


def has_rested(
    draft: Draft, record: MitigationRecord, aim: Aim, fields: Iterable[str], writes: Iterable[str] | None = None
) -> Refusal | None:
    """
    Guard 9: what another incident did to these fields of the target is given time; its other fields may be written.

    What somebody has changed since is another situation: a new release is not protected by the rollback of the last one.
    ``writes`` are those of the fields that get another value, all when left out: the next step of a Runbook's plan that finds
    a field as it wants it (a drain after its cordon) takes nothing back, and goes on.
    """
    answer, wanted = draft.seen.get(target_of(aim)), tuple(fields)
    uid = answer.value["metadata"]["uid"] if isinstance(answer, Found) else ""
    # A Runbook that asks again is in haste; a person who asks again in the same incident has looked.
    changed = wanted if writes is None else tuple(writes)
    mine = (d for d in own_deeds(draft) if d.source == record.source and d.mitigation != record.name)
    again = (d for d in mine if meet(d.fields, changed)) if changed or not wanted else ()
    before = (*draft.seen.census.deeds, *(again if record.source.startswith(RUNBOOK) else ()))
    lately = [d for d in before if d.target == uid and _stands(d, answer) and meet(d.fields, wanted)]
    last = max(lately, key=lambda deed: deed.time, default=None)
    if last is None or (free := last.time + draft.catalog.policy.per_target) <= draft.now:
        return None
    draft.wake(free)
    return Refusal(
        Reason.COOLING_DOWN,
        f"{aim} was acted on at {instant(last.time)} by {last.mitigation} of incident {last.incident}; free at "
        f"{instant(free)}. Before that, ask in that incident, or undo: undoing is always free",
    )


def _stands(deed: Deed, answer: Answer | None) -> bool:
    if deed.undone or not isinstance(answer, Found):
        return False
    return digest({pointer: look_up(answer.value, pointer) for pointer in deed.fields}) == deed.post


def few_under_way(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Guard 10: of what Runbooks do, only so much is under way at once, in the whole cluster."""
    most = draft.catalog.policy.auto_in_flight
    running = [d for d in draft.seen.census.deeds if d.under_way and d.source.startswith(RUNBOOK)]
    if not record.source.startswith(RUNBOOK) or len(running) < most:
        return None
    draft.wake(draft.now + draft.catalog.policy.verify_every * 5)
    names = ", ".join(sorted(f"{d.mitigation} of {d.incident}" for d in running)[:3])
    return Refusal(
        Reason.TOO_MANY_AT_ONCE,
        f"{len(running)} effects of Runbooks are under way ({names}), and guardrails.autoInFlight allows {most}; "
        "free when one has ended",
    )


def asks_first(draft: Draft, record: MitigationRecord) -> tuple[str, str] | None:
    """Guards 11 and 12, and maxPerDay: reason and words why what would run by itself needs a person now; None: it does not."""
    if not record.automatic:
        return None
    return _storm(draft) or _breaker(draft, record) or runs_too_often(draft, record)


def _storm(draft: Draft) -> tuple[str, str] | None:
    policy, mine = draft.catalog.policy, _alarm(draft)
    alarms = sorted((*draft.seen.census.alarms, *((mine,) if mine else ())))
    many = policy.storm_incidents
    # The newest alarm that came with so many others; from then on it must be calm for a while.
    peaks = [a for i, a in enumerate(alarms) if i + 1 >= many and a - alarms[i + 1 - many] <= policy.storm_within]
    if not peaks or draft.now >= (calm := peaks[-1] + policy.storm_calm):
        return None
    draft.wake(calm)
    return Reason.STORM, f"alerts made {many} incidents or more at once; calm at {instant(calm)} if no more come"


def _alarm(draft: Draft) -> datetime | None:
    """When alerts made this incident, which the census of the others leaves out; None when they did not, and for a drill."""
    incident = draft.incident
    return incident.declared if not incident.spec.drill and is_alarm(incident.metadata.labels) else None


def _breaker(draft: Draft, record: MitigationRecord) -> tuple[str, str] | None:
    most = draft.catalog.policy.breaker
    last = _runs(draft, record.source)[-most:]
    if len(last) < most or any(d.helped for d in last):
        return None
    where = ", ".join(d.incident for d in last)
    return Reason.BREAKER_OPEN, f"{record.source} did not help in its last {most} runs ({where})"


def _runs(draft: Draft, source: str) -> list[Deed]:
    """
    Runs of a Runbook of this namespace in other incidents, the oldest first. One an incident, however many steps it took: by a
    step that helped, else by its last. What nobody has judged yet says nothing.
    """
    judged = (d for d in draft.seen.census.deeds if d.namespace == draft.incident.metadata.namespace and d.effect)
    steps = sorted((d for d in judged if d.source == source), key=lambda d: (d.helped, d.time))
    return sorted({d.incident: d for d in steps}.values(), key=lambda d: d.time)


def counts_until(draft: Draft) -> datetime | None:
    """Until when guards 9, 11 and 12 count this incident, though it is closed; None when they never did."""
    policy, mine = draft.catalog.policy, own_deeds(draft)
    ends = [d.time + max(policy.counted_for, policy.per_target) for d in mine]
    if alarm := _alarm(draft):
        # The last of a storm may come that much later, and it is calm only so long after that one.
        ends.append(alarm + policy.storm_within + policy.storm_calm)
    ends += [d.time + policy.runs_counted_for for d in mine if _is_among_the_last(draft, d)]
    ends += [d.time + counted_for(draft, d) for d in mine]
    return max(ends, default=None)


def _is_among_the_last(draft: Draft, run: Deed) -> bool:
    """Does the breaker look at it? Not once as many have been judged since, or one that helped."""
    if not (run.source.startswith(RUNBOOK) and run.effect):
        return False
    later = [d for d in _runs(draft, run.source) if d.time > run.time]
    return len(later) < draft.catalog.policy.breaker and not any(d.helped for d in later)


def own_deeds(draft: Draft) -> tuple[Deed, ...]:
    """What this incident did, by the record that is being written; a drill does nothing."""
    if draft.incident.spec.drill:
        return ()
    return tuple(deeds_of(draft.incident.key, (record.wire() for record in draft.records if record.attempts)))
