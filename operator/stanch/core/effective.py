"""Which criteria count: those that were written, or the usual ones; fixed before the first effect (decisions 2.1, 2.7)."""

from typing import Final

from stanch.api.checks import Gate
from stanch.api.incident import Criterion, Recovery
from stanch.api.meta import WORKLOADS, Target, TargetKind
from stanch.api.recovery_status import CriterionRecord, CriterionState, RecoveryRecord
from stanch.core.check_alerts import has_alerts
from stanch.core.draft import Draft

# Kinds of which something can be seen that serves; of the others only people, or other criteria, can tell.
SERVING: Final = WORKLOADS | {TargetKind.NODE, TargetKind.SERVICE, TargetKind.HTTP_ROUTE}
CRITERIA_MAX: Final = 16
ALERTS: Final = "alertsResolved"
_ABOUT_TARGETS: Final = ("available", "no_restarts", "condition")


def effective(draft: Draft) -> RecoveryRecord:
    """The criteria in force. After an effect others come on top, but none goes and none changes: no bar is lowered then."""
    known, wanted = draft.status.recovery, _wanted(draft)
    spec = draft.incident.spec.recovery
    old = {c.name: c for c in known.criteria} if known is not None else {}
    if known is not None and any(r.attempts for r in draft.records):
        added = tuple(c for c in wanted if c.name not in old)
        return known.model_copy(update={"criteria": (*known.criteria, *added)[:CRITERIA_MAX]}) if added else known
    asked = spec.hold if spec else None
    said = {
        "hold": asked or draft.catalog.policy.hold[draft.severity],
        "asked": True if asked else None,
        "criteria": tuple(old[c.name] if _same(old.get(c.name), c) else c for c in wanted),
    }
    return known.model_copy(update=said) if known is not None else RecoveryRecord.model_validate(said)


def _wanted(draft: Draft) -> tuple[CriterionRecord, ...]:
    spec = draft.incident.spec.recovery
    wanted = _written(draft, spec.criteria) if spec and spec.criteria else _default(draft)
    wanted = (*wanted, *_downstream(draft, {c.name for c in wanted}))[:CRITERIA_MAX]
    beside = _beside_what_is_written(draft, wanted)
    # What is written gives way, where there is no room for all: these are what keeps it from being over too soon.
    return (*wanted[: CRITERIA_MAX - len(beside)], *beside)


def _beside_what_is_written(draft: Draft, wanted: tuple[CriterionRecord, ...]) -> tuple[CriterionRecord, ...]:
    """
    Of an incident that alerts made nothing is resolved while one fires, and nothing by an alert alone (decisions 2.14): their
    end is a criterion though nobody wrote so, and where it is the only one, a person's word is another.
    """
    about_alerts = [c for c in wanted if c.check == ALERTS]
    if has_alerts(draft) and not about_alerts:
        taken = any(c.name == "alerts" for c in wanted)
        return (_record("alerts-of-its-group" if taken else "alerts", ALERTS, Gate.RESOLVED, None, None),)
    if wanted and len(about_alerts) == len(wanted):
        return (_record("a-person-says-so", "manual", Gate.RESOLVED, None, None),)
    return ()


def _downstream(draft: Draft, names: set[str]) -> tuple[CriterionRecord, ...]:
    """What depends on the service, as its Runbook knows: also where the incident has criteria of its own (decisions 2.7)."""
    frozen = draft.status.runbook
    if frozen is None or not frozen.recovery:
        return ()
    criteria = Recovery.model_validate_json(frozen.recovery).criteria or ()
    theirs = _written(draft, tuple(c for c in criteria if c.downstream and c.name not in names))
    return tuple(c for c in theirs if c.downstream)


def _same(one: CriterionRecord | None, other: CriterionRecord) -> bool:
    fields = ("check", "gates", "target", "min_percent", "asks", "downstream")
    return one is not None and all(getattr(one, f) == getattr(other, f) for f in fields)


def _default(draft: Draft) -> tuple[CriterionRecord, ...]:
    records: list[CriterionRecord] = []
    targets = draft.looked_at
    for index, target in enumerate(targets):
        suffix = "" if len(targets) == 1 else f"-{index + 1}"
        if target.kind in SERVING:
            name = "pods" if target.kind in WORKLOADS | {TargetKind.NODE} else "serves"
            records.append(_record(f"{name}{suffix}", "available", Gate.MITIGATED, target, 100))
        if target.kind in WORKLOADS:
            records.append(_record(f"restarts{suffix}", "noRestarts", Gate.RESOLVED, target, None))
    alerts = (_record("alerts", ALERTS, Gate.MITIGATED, None, None),) if has_alerts(draft) else ()
    # However many targets there are, the alerts don't fall off the end.
    return (*records[: CRITERIA_MAX - len(alerts)], *alerts)


def _record(name: str, check: str, gate: Gate, target: Target | None, percent: int | None) -> CriterionRecord:
    return CriterionRecord(
        name=name, check=check, gates=gate.value, target=target, min_percent=percent, state=CriterionState.UNKNOWN
    )


def _written(draft: Draft, criteria: tuple[Criterion, ...]) -> tuple[CriterionRecord, ...]:
    records = []
    for c in criteria:
        field = next((f for f in Criterion.CHECKS if getattr(c, f) is not None), "manual")
        check = str(Criterion.model_fields[field].alias or field)
        percent = (c.available.min_percent or 100) if c.available else None
        about: tuple[Target | None, ...] = (None,)
        if field in _ABOUT_TARGETS:
            # Without any it says so, instead of vanishing.
            about = (c.target,) if c.target else draft.incident.spec.targets or (None,)
        for index, target in enumerate(about):
            name = c.name if len(about) == 1 else f"{c.name}-{index + 1}"
            record = _record(name, check, c.gates or Gate.RESOLVED, target, percent)
            records.append(record.model_copy(update={"asks": _asks(c), "downstream": c.downstream or None}))
    records += _that_it_serves(draft, records)
    # A person's word is never what falls off the end.
    return tuple(sorted(records, key=lambda r: r.check != "manual")[:CRITERIA_MAX])


def _that_it_serves(draft: Draft, records: list[CriterionRecord]) -> list[CriterionRecord]:
    """Where nothing that is written says when harm is over, it is when the targets serve (decisions 2.3, `harmOver`)."""
    if any(r.gates == Gate.MITIGATED.value or r.check == "available" for r in records):
        return []
    if all(r.check == "manual" for r in records):
        return []
    names = {r.name for r in records}
    return [r for r in _default(draft) if r.check == "available" and r.name not in names]


def _asks(c: Criterion) -> str | None:
    """The question in one line, kept in the record: the spec may say another later."""
    if c.prom_ql is not None:
        return c.prom_ql.query
    if c.http is not None:
        return f"{c.http.endpoint} {c.http.status or 200}"
    return f"{c.condition.type}={c.condition.status or 'True'}" if c.condition is not None else None
