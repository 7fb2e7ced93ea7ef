"""A case against its Runbook: what came of it, and what is not as expected."""

from collections.abc import Iterator

from stanch.api.runbook import Runbook
from stanch.cli.runbook.cases import Case, Expected, ExpectedStep
from stanch.cli.runbook.judge import Come, Judged, Step, UnfitError, settle
from stanch.cli.runbook.schema import DEFAULT_NAMESPACE
from stanch.cli.runbook.snapshot import Snapshot
from stanch.core.ports import Change, NothingToDo, Refusal
from stanch.core.runbook_match import fits
from stanch.core.runbook_render import Problem, render, values_of


def run(case: Case, runbook: Runbook) -> tuple[list[str], list[str]]:
    """(what is not as expected, what came of it), in lines. Raises NotAnObjectError."""
    told: list[str] = []
    wrong: list[str] = []
    expect, labels = case.expect, case.alert or {}
    if case.alert is not None:
        matched = fits(runbook, labels, case.severity)
        told.append(f"{'matches' if matched else 'does not match'} the alert")
        if expect.matches is not None and matched is not expect.matches:
            wrong.append(f"matches: expected {_yes(expect.matches)}, got {_yes(matched)}")
    elif expect.matches is not None:
        wrong.append("matches: the case has no alert")
    if case.alert is not None and case.parameters is None and expect.model_fields_set <= {"matches"}:
        return wrong, told
    rendered = render(runbook, values_of(runbook, labels, case.parameters))
    if isinstance(rendered, Problem):
        return wrong + _refused(expect, rendered, told), told
    if expect.refused is not None:
        wrong.append(f"refused: expected {expect.refused!r}, but there is a plan")
        return wrong, told
    namespace = case.namespace or runbook.metadata.namespace or DEFAULT_NAMESPACE
    snapshot = Snapshot(case.objects, namespace, case.now)
    try:
        judged = settle(rendered, namespace, case.now, snapshot.answer)
    except UnfitError as error:
        return [*wrong, f"plan: {error}"], told
    told += _told(judged)
    return [*wrong, *_fits(expect, judged), *_plan(expect, judged)], told


def _refused(expect: Expected, problem: Problem, told: list[str]) -> list[str]:
    told.append(f"refused: {problem.message}")
    if expect.refused is None:
        return [f"expected a plan, but it is refused: {problem.message}"]
    if expect.refused == problem.parameter or expect.refused in problem.message:
        return []
    return [f"refused: expected {expect.refused!r}, got {problem.message!r}"]


def _told(judged: Judged) -> Iterator[str]:
    for each in judged.preconditions:
        yield f"{each.name}: {_yes(each.met)}: {each.message}"
    for step in judged.steps:
        yield f"{step.wish.name}: {words(step.came)}"


def words(came: Come) -> str:
    """What came of a mitigation, in a line."""
    if isinstance(came, Change):
        return f"class {came.approval_class.value}: {came.summary}"
    return f"nothing to do: {came.message}" if isinstance(came, NothingToDo) else f"refused: {came.message}"


def _yes(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def _fits(expect: Expected, judged: Judged) -> Iterator[str]:
    unmet = "; ".join(f"{p.name}: {p.message}" for p in judged.preconditions if not p.met)
    if expect.fits is not None and judged.fits is not expect.fits:
        yield f"fits: expected {_yes(expect.fits)}, got {_yes(judged.fits)}" + (f" ({unmet})" if unmet else "")
    if expect.why is not None and expect.why not in unmet:
        yield f"why: expected {expect.why!r} in {unmet!r}"


def _plan(expect: Expected, judged: Judged) -> Iterator[str]:
    if expect.plan is None:
        return
    names, wanted = [s.wish.name for s in judged.steps], [e.name for e in expect.plan]
    if names != wanted:
        yield f"plan: expected {', '.join(wanted) or 'no mitigations'}, got {', '.join(names) or 'none'}"
        return
    for step, each in zip(judged.steps, expect.plan, strict=True):
        for problem in _step(each, step):
            yield f"{step.wish.name}: {problem}"


def _step(expected: ExpectedStep, step: Step) -> Iterator[str]:
    came, target = step.came, f"{step.aim.kind.value} {step.aim.name}"
    if expected.action not in (None, step.action):
        yield f"action: expected {expected.action}, got {step.action}"
    if expected.target not in (None, target):
        yield f"target: expected {expected.target}, got {target}"
    yield from _came(expected, came)


def _came(expected: ExpectedStep, came: Come) -> Iterator[str]:
    if isinstance(came, Refusal):
        if expected.refused is None:
            yield f"expected a change, but it is refused: {came.message}"
        elif expected.refused not in came.message:
            yield f"refused: expected {expected.refused!r} in {came.message!r}"
    elif expected.refused is not None:
        yield f"refused: expected {expected.refused!r}, but {words(came)}"
    elif isinstance(came, NothingToDo):
        if expected.nothing is None:
            yield f"expected a change, but there is nothing to do: {came.message}"
        elif expected.nothing not in came.message:
            yield f"nothing: expected {expected.nothing!r} in {came.message!r}"
    elif expected.nothing is not None:
        yield f"nothing: expected {expected.nothing!r}, but {words(came)}"
    else:
        yield from _change(expected, came)


def _change(expected: ExpectedStep, came: Change) -> Iterator[str]:
    if expected.class_ not in (None, came.approval_class.value):
        yield f"class: expected {expected.class_}, got {came.approval_class.value}"
    said = "\n".join((came.summary, *came.diff, came.blast))
    if expected.does is not None and expected.does not in said:
        yield f"does: expected {expected.does!r} in {said!r}"
    warned = "\n".join(came.warnings)
    if expected.warns is not None and expected.warns not in warned:
        yield f"warns: expected {expected.warns!r} in {warned!r}"
