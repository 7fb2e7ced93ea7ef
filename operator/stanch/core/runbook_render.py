"""
What a Runbook comes to: its parameters filled in, literally and once, and the result checked like any incident.

A value is text: it becomes no second `$(name)`, no other field and no other object than the pattern of its parameter allows;
in a query it can't end the text it stands in (decisions 1.3 no. 23).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from stanch.api.incident import Recovery
from stanch.api.meta import Model, Target
from stanch.api.runbook import PARAMETER, VALUE_MAX, Parameter, Precondition, Runbook
from stanch.api.runbook_record import ChecklistItem, Escalation
from stanch.api.wish import Wish
from stanch.core.regex import NotARegexError, compiled
from stanch.core.swap import digest

WRITTEN: Final = re.compile(rf"\$\(({PARAMETER})\)")
# What could end a string of PromQL, or begin another selector.
_NOT_IN_QUERIES: Final = re.compile(r"[\"'`\\{}\n]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
# Parts of the spec that parameters may stand in.
PARTS: Final = ("targets", "mitigations", "recovery", "checklist")

Values = Mapping[str, str]
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no plan. ``parameter`` is the one to give, or to give otherwise; empty when none could help."""

    message: str
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """
    A plan as it would be frozen: nothing in it is open any more. ``digest`` is of all of it and of the generation.

    Mitigations that name no target have the first of ``targets``, if there is one; else the incident's first is meant.
    """

    name: str
    generation: int
    values: Values
    targets: tuple[Target, ...]
    mitigations: tuple[Wish, ...]
    preconditions: tuple[Precondition, ...]
    recovery: Recovery | None
    checklist: tuple[ChecklistItem, ...]
    escalate: tuple[Escalation, ...]
    digest: str


def values_of(runbook: Runbook, labels: Values, given: Values | None = None) -> dict[str, str]:
    """Values of its parameters: as given by a person, else read from the labels of an alert; an empty label is none."""
    found = dict(given or {})
    for each in runbook.spec.parameters or ():
        label = labels.get(each.from_alert_label, "") if each.from_alert_label else ""
        if label:
            found.setdefault(each.name, label)
    return found


def used(runbook: Runbook) -> frozenset[str]:
    """Names that are written as `$(name)` somewhere in it."""
    said = runbook.spec.wire()
    return frozenset(m[1] for part in PARTS for text in _texts(said.get(part)) for m in WRITTEN.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def render(runbook: Runbook, values: Values) -> Rendered | Problem:
    """The plan for these values of its parameters, or the first reason why there is none."""
    problem = _values_problem(runbook, values)
    if problem:
        return problem
    said = runbook.spec.wire()
    try:
        filled: dict[str, Any] = {part: _fill(said[part], values, (part,)) for part in PARTS if part in said}
        return _checked(runbook, values, filled)
    except _NoPlanError as error:
        return error.problem


class _NoPlanError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _values_problem(runbook: Runbook, values: Values) -> Problem | None:
    declared = {each.name: each for each in runbook.spec.parameters or ()}
    for name in sorted(values.keys() - declared.keys()):
        known = f"it has {', '.join(declared)}" if declared else "it has none"
        return Problem(f"Runbook {runbook.metadata.name} has no parameter {name} ({known})", name)
    needed = used(runbook)
    for name in sorted(needed - declared.keys()):
        return Problem(f"$({name}) is written, but no parameter {name} is declared in spec.parameters", name)
    for each in declared.values():
        if each.name in values:
            if why := refused(each, values[each.name]):
                return Problem(why, each.name)
        elif each.required or each.name in needed:
            return Problem(_missing(each), each.name)
    return None


def _missing(parameter: Parameter) -> str:
    label = parameter.from_alert_label
    from_alert = f"; no alert has the label {label} that it is read from" if label else ""
    return f"parameter {parameter.name} has no value{from_alert}: give it in spec.runbook.parameters"


def refused(parameter: Parameter, value: str) -> str | None:
    """Why a parameter can't have this value, in a sentence; None when it can."""
    shown = repr(value if len(value) <= 80 else value[:77] + "...")
    if not value or len(value) > VALUE_MAX or _UNPRINTABLE.search(value):
        return f"parameter {parameter.name}: a value has 1 to {VALUE_MAX} characters and no line breaks (got {shown})"
    if parameter.one_of is not None:
        if value in parameter.one_of:
            return None
        return f"parameter {parameter.name} must be one of {', '.join(parameter.one_of)} (got {shown})"
    if parameter.pattern is None:
        return f"parameter {parameter.name} must have oneOf or pattern, so that not every text is taken for it"
    try:
        fits = compiled(parameter.pattern).fits(value)
    except NotARegexError as error:
        return f"parameter {parameter.name}: {error}"
    return None if fits else f"parameter {parameter.name} must fit {parameter.pattern} (got {shown})"


def _fill(value: Any, values: Values, path: tuple[str, ...]) -> Any:
    """The same with each `$(name)` replaced, in values and keys. What a value holds is never looked at again."""
    if isinstance(value, str):
        return WRITTEN.sub(lambda m: _value(m[1], values, path), value)
    if isinstance(value, dict):
        return {
            WRITTEN.sub(lambda m: _value(m[1], values, path), k): _fill(v, values, (*path, k)) for k, v in value.items()
        }
    if isinstance(value, list):
        return [_fill(each, values, path) for each in value]
    return value


def _value(name: str, values: Values, path: tuple[str, ...]) -> str:
    value = values[name]
    if path[-1] == "query" and _NOT_IN_QUERIES.search(value):
        where = ".".join(path)
        raise _NoPlanError(Problem(f"parameter {name} stands in {where}: no quotes, backslashes or braces there", name))
    return value


def _checked(runbook: Runbook, values: Values, filled: Mapping[str, Any]) -> Rendered:
    targets = tuple(_valid(Target, each, "targets", values) for each in filled.get("targets", ()))
    if len(set(targets)) < len(targets):
        raise _NoPlanError(Problem("two of spec.targets come to the same object with these values"))
    wishes = tuple(_valid(Wish, each, "mitigations", values) for each in filled.get("mitigations", ()))
    if targets:
        wishes = tuple(w if w.target else w.model_copy(update={"target": targets[0]}) for w in wishes)
    recovery = _valid(Recovery, filled["recovery"], "recovery", values) if "recovery" in filled else None
    checklist = tuple(_valid(ChecklistItem, each, "checklist", values) for each in filled.get("checklist", ()))
    spec, meta = runbook.spec, runbook.metadata
    plan = {
        "runbook": meta.name,
        "generation": meta.generation,
        "values": dict(values),
        "targets": [t.wire() for t in targets],
        "mitigations": [w.wire() for w in wishes],
        "recovery": recovery.wire() if recovery else None,
        "checklist": [c.wire() for c in checklist],
    }
    return Rendered(
        name=meta.name,
        generation=meta.generation,
        values=dict(values),
        targets=targets,
        mitigations=wishes,
        preconditions=spec.preconditions or (),
        recovery=recovery,
        checklist=checklist,
        escalate=spec.escalate or (),
        digest=digest(plan),
    )


def _valid(model: type[M], said: Any, where: str, values: Values) -> M:
    """As the incident would have it; the first thing that is wrong about it names the field and what was filled in."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join([where, *([said["name"]] if "name" in said else []), *map(str, first["loc"])])
        got = first.get("input")
        inside = [name for name, value in values.items() if isinstance(got, str) and value in got]
        by = f"; filled in: {', '.join(inside)}" if inside else ""
        shown = f" (got {got[:80]!r})" if isinstance(got, str) else ""
        raise _NoPlanError(Problem(f"{field}: {first['msg']}{shown}{by}", inside[0] if inside else "")) from error
