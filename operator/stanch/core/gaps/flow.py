"""Gaps from the first harm to the end of it: detection, response, recovery."""

from collections.abc import Iterator
from typing import Final

from stanch.api.duration import write
from stanch.api.incident import DetectedBy
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.postmortem_status import Gap, GapPart
from stanch.core.gaps.record import MINUTE, Record, Sort, clock, gap_of, too_long
from stanch.core.gaps.waits import acted

DETECT: Final = 5 * MINUTE
DECLARE: Final = 10 * MINUTE
ACKNOWLEDGE: Final = 5 * MINUTE
FIRST_ACTION: Final = 15 * MINUTE


def detected(r: Record) -> Iterator[Gap]:
    t = r.times
    if t.started and t.detected:
        yield from too_long(
            Sort("SlowToDetect", GapPart.DETECTION),
            "Harm to detection",
            t.started,
            t.detected,
            DETECT,
            r.link(t.detected, "status.times.detected", EventKind.DETECTED),
        )
    if r.incident.spec.detected_by is DetectedBy.CUSTOMER:
        yield gap_of(
            Sort("NobodyAlerted", GapPart.DETECTION),
            "A customer saw it first: no alert told anybody",
            "spec.detectedBy",
            count=1,
        )
    if t.detected and t.declared:
        yield from too_long(
            Sort("SlowToDeclare", GapPart.DETECTION),
            "Alert to declare",
            t.detected,
            t.declared,
            DECLARE,
            r.link(t.declared, "status.times.declared", EventKind.DECLARED),
        )
    pairs = (
        ("detected", t.started, t.detected, "started"),
        ("declared", t.detected, t.declared, "detected"),
        ("mitigated", t.detected, t.mitigated, "detected"),
    )
    for later, before, after, earlier in pairs:
        if before and after and after < before:
            text = f"The times contradict each other: {later} {clock(after)} is before {earlier} {clock(before)}"
            yield gap_of(
                Sort("TimesContradict", GapPart.RECORD),
                text,
                f"status.times.{later}",
                from_time=after,
                to_time=before,
                count=1,
            )


def response(r: Record) -> Iterator[Gap]:
    t = r.times
    if t.declared and t.acknowledged:
        yield from too_long(
            Sort("SlowToAcknowledge", GapPart.RESPONSE),
            "Declared to acknowledged",
            t.declared,
            t.acknowledged,
            ACKNOWLEDGE,
            r.link(t.acknowledged, "status.times.acknowledged", EventKind.ACKNOWLEDGED, EventKind.ROLE_CHANGED),
        )
    elif t.declared and t.acknowledged is None:
        yield gap_of(
            Sort("NobodyAcknowledged", GapPart.RESPONSE),
            f"Nobody acknowledged it: declared {clock(t.declared)}",
            "status.times",
            from_time=t.declared,
            count=1,
        )
    first, since = next(iter(acted(r)), None), t.acknowledged or t.declared
    if first is not None and since is not None:
        yield from too_long(
            Sort("SlowToAct", GapPart.RESPONSE),
            "Acknowledged to first action",
            since,
            first.time,
            FIRST_ACTION,
            f"timeline {first.seq}",
        )
    elif since is not None and r.over is not None and r.worst in (Severity.SEV1, Severity.SEV2):
        yield from too_long(
            Sort("NothingTried", GapPart.RESPONSE),
            "Acknowledged to the end of harm without any action on the record",
            since,
            r.over,
            FIRST_ACTION,
            "status.mitigations",
        )


_COUNTED: Final = (
    (Sort("MadeItWorse", GapPart.RESPONSE), (EventKind.MADE_IT_WORSE,), "A mitigation made it worse"),
    (
        Sort("Failed", GapPart.RESPONSE),
        (EventKind.MITIGATION_FAILED, EventKind.MITIGATION_DIVERGED),
        "A mitigation did not take effect as written down",
    ),
    (
        Sort("Contested", GapPart.RESPONSE),
        (EventKind.MITIGATION_REVERTED,),
        "Somebody or something else changed what stanch had written",
    ),
    (Sort("Relapsed", GapPart.RECOVERY), (EventKind.RELAPSED, EventKind.REOPENED), "Harm came back"),
    (Sort("Flapping", GapPart.RECOVERY), (EventKind.FLAPPING,), "A criterion was good and bad by turns"),
    (
        Sort("Inconclusive", GapPart.RECOVERY),
        (EventKind.CRITERION_INCONCLUSIVE,),
        "Nobody could say for ten minutes whether a criterion held",
    ),
    (Sort("DebtPastDue", GapPart.RECOVERY), (EventKind.DEBT_DUE,), "Temporary state was past its time"),
    (Sort("EvidenceNotStored", GapPart.RECORD), (EventKind.EVIDENCE_NOT_STORED,), "Evidence could not be stored"),
    (Sort("TimeBoxOver", GapPart.RESPONSE), (EventKind.TIME_BOX_OVER,), "A time box was over before somebody decided"),
)


def counted(r: Record) -> Iterator[Gap]:
    for sort, kinds, what in _COUNTED:
        found = r.of(*kinds)
        if found:
            times = f"{len(found)} times, first" if len(found) > 1 else "once,"
            text = f"{what}, {times} {clock(found[0].time)}: {found[0].text}"
            lines = ", ".join(str(x.seq) for x in found[:8])
            last = found[-1].time if len(found) > 1 else None
            yield gap_of(sort, text, f"timeline {lines}", count=len(found), from_time=found[0].time, to_time=last)


def recovery(r: Record) -> Iterator[Gap]:
    recovery = r.status.recovery
    if r.status.override:
        text = f"Resolved although criteria did not hold, by {r.status.override}"
        yield gap_of(Sort("Override", GapPart.RECOVERY), text, "status.override", to_time=r.times.resolved, count=1)
    wanted = r.policy.hold[r.worst]
    if recovery is not None and recovery.criteria and recovery.asked and recovery.needed < wanted:
        text = f"The hold was {write(recovery.needed)}, {write(wanted)} is what the policy says for {r.worst.value}"
        since = recovery.hold_since_time
        yield gap_of(
            Sort("ShortHold", GapPart.RECOVERY),
            text,
            "status.recovery.hold",
            took=recovery.needed,
            limit=wanted,
            from_time=since,
        )
    elif recovery is None or not recovery.criteria:
        yield gap_of(
            Sort("NothingMeasured", GapPart.RECOVERY),
            "No criterion was measured: it is over because a person said so",
            "status.recovery",
            count=0,
        )
