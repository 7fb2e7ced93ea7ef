"""
What a Runbook's status says: can its plan be made, what is better known before the night, when was it tried out. Pure.

Ready from the first look, and Stalled only while it can't be used, so that Flux and Argo CD tell its author at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident_status import AttemptState, WishState
from stanch.api.meta import Condition, ConditionStatus
from stanch.api.names import ConditionType, Reason
from stanch.api.runbook import DrillRecord, Parameter, Runbook, RunbookStatus
from stanch.api.runbook_record import Mode
from stanch.core.census import RUNBOOK
from stanch.core.reading import first_problem
from stanch.core.regex import NotARegexError, compiled
from stanch.core.reverts import unfit
from stanch.core.runbook_match import NotAMatcherError, matchers
from stanch.core.runbook_render import Problem, refused, render, used

_FINDINGS_MAX: Final = 16
_MESSAGE_MAX: Final = 900
Body = Mapping[str, Any]


def read(body: Body) -> Runbook | str:
    """The Runbook, or why it can't be read."""
    try:
        return Runbook.model_validate({**body, "status": {}})
    except ValidationError as error:
        return first_problem(error)


def problem_of(runbook: Runbook) -> str:
    """The first thing for which no plan of it could ever be made, with the field; empty when there is none."""
    return next(_problems(runbook), "")


def _problems(runbook: Runbook) -> Iterator[str]:
    try:
        matchers(runbook)
    except NotAMatcherError as error:
        yield f"spec.match.alerts: {error}"
    declared = {each.name: each for each in runbook.spec.parameters or ()}
    for name, each in declared.items():
        if (each.one_of is None) == (each.pattern is None):
            yield f"spec.parameters.{name}: exactly one of oneOf and pattern must be set"
        try:
            compiled(each.pattern or "")
        except NotARegexError as error:
            yield f"spec.parameters.{name}.pattern: {error}"
    for name in sorted(used(runbook) - declared.keys()):
        yield f"$({name}) is written, but spec.parameters has no {name}"
    for wish in runbook.spec.mitigations or ():
        try:
            action, value = wish.action
        except ValueError as error:
            yield f"spec.mitigations.{wish.name}: {error}"
            continue
        target = wish.target or next(iter(runbook.spec.targets or ()), None)
        if target is not None and target.kind not in value.KINDS:
            kinds = ", ".join(sorted(value.KINDS))
            yield f"spec.mitigations.{wish.name}: {action} acts on {kinds}, not on {target.kind.value}"
        if why := unfit(action, wish.revert):
            yield f"spec.mitigations.{wish.name}: {why}"
    yield from _filled(runbook, declared)


def _filled(runbook: Runbook, declared: Mapping[str, Parameter]) -> Iterator[str]:
    """Values that are written down can be tried; what only a pattern allows is known when it runs."""
    if any(each.one_of is None for each in declared.values()):
        return
    for name, each in declared.items():
        for value in each.one_of or ():
            if why := refused(each, value):
                yield f"spec.parameters.{name}.oneOf: {why}"
    rendered = render(runbook, {name: (each.one_of or ("",))[0] for name, each in declared.items()})
    if isinstance(rendered, Problem):
        yield f"spec.{rendered.message}"


def judge(body: Body, drills: Iterable[Body], now: datetime) -> RunbookStatus:
    """The status as it should be. ``drills`` are bodies of incidents with drill: true in its namespace."""
    before, meta, now = status_of(body), body["metadata"], now.replace(microsecond=0)
    runbook = read(body)
    generation = int(meta.get("generation") or 1)
    problem = f"spec.{runbook}".replace("spec.spec.", "spec.") if isinstance(runbook, str) else problem_of(runbook)
    drilled = _last_drill(before.drilled, drills, meta["name"])
    since = {(c.type, c.status): c.last_transition_time for c in before.conditions}
    said: list[tuple[str, ConditionStatus]] = [(ConditionType.READY, "False" if problem else "True")]
    if problem:
        said.append((ConditionType.STALLED, "True"))
    message = f"Not usable: {problem}" if problem else "Its plan can be made"
    return RunbookStatus(
        observed_generation=generation,
        conditions=tuple(
            Condition(
                type=kind,
                status=status,
                observed_generation=generation,
                last_transition_time=since.get((kind, status), now),
                reason=Reason.SPEC_INVALID if problem else Reason.VALID,
                message=message[:_MESSAGE_MAX],
            )
            for kind, status in said
        ),
        findings=None if isinstance(runbook, str) else tuple(_findings(runbook, drilled))[:_FINDINGS_MAX] or None,
        drilled=drilled,
    )


def status_of(body: Body) -> RunbookStatus:
    """Its status as it stands; empty when it can't be read."""
    try:
        return RunbookStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return RunbookStatus()


def _findings(runbook: Runbook, drilled: DrillRecord | None) -> Iterator[str]:
    spec = runbook.spec
    if not (spec.match and spec.match.alerts):
        yield "It has no match.alerts: only people choose it"
    if not spec.docs:
        yield "It has no docs: write down what it means, and what to look at before and after"
    if not spec.recovery:
        yield "It has no recovery: only the defaults say when it is over"
    if runbook.mode is Mode.AUTO and not spec.service_account_name:
        yield "It has no serviceAccountName, and an alert has no rights: mode Auto acts as Approve for what alerts choose"
    if drilled is None:
        acts = ": mode Auto acts as Approve until it is" if runbook.mode is Mode.AUTO else ""
        yield f"It was never drilled{acts}. Declare an incident with drill: true and this Runbook"
    elif drilled.generation != runbook.metadata.generation:
        acts = ": mode Auto acts as Approve until it is again" if runbook.mode is Mode.AUTO else ""
        yield f"It was changed since its last drill{acts}"


# --- drills ----------------------------------------------------------------------------------------------------------


def _last_drill(known: DrillRecord | None, drills: Iterable[Body], name: str) -> DrillRecord | None:
    found = [known, *(_drill(body, name) for body in drills)]
    return max((each for each in found if each is not None), key=lambda d: d.time, default=None)


def _drill(incident: Body, name: str) -> DrillRecord | None:
    """One that went well: each mitigation of the frozen plan was tried out, or was already so, and one at least was tried."""
    status = incident.get("status") or {}
    frozen = status.get("runbook") or {}
    if not (incident.get("spec") or {}).get("drill") or frozen.get("name") != name or "generation" not in frozen:
        return None
    mine = [r for r in status.get("mitigations") or () if r.get("source") == f"{RUNBOOK}{name}"]
    times = [t for r in mine if (t := _tried(r))]
    well = {WishState.DONE.value, WishState.SKIPPED.value}
    if not times or any(r.get("state") not in well for r in mine):
        return None
    return DrillRecord(
        incident=incident["metadata"]["name"],
        time=datetime.fromisoformat(max(times)),
        generation=frozen["generation"],
    )


def _tried(record: Body) -> str:
    attempts = record.get("attempts") or ()
    ended = (a.get("endedTime") for a in attempts if a.get("state") == AttemptState.VERIFIED.value)
    return max((t for t in ended if t), default="")
