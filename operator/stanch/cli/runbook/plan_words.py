"""A plan in words, for people and for machines: what, why, who must agree, by hand, and the way back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stanch.api import duration
from stanch.api.policy import DEFAULT
from stanch.api.runbook import Runbook
from stanch.api.runbook_record import Mode
from stanch.api.wish import When
from stanch.cli.runbook.judge import Judged, Step
from stanch.cli.runbook.outlook import BY_NAME, UNDO_WORDS, best_class, by_hand
from stanch.cli.runbook.rights import in_words, manifests
from stanch.cli.runbook.trial import words
from stanch.core.ports import Aim, Change
from stanch.core.runbook_render import Problem, Rendered

_MODES = {
    Mode.OBSERVE: "it is shown, and never done",
    Mode.APPROVE: "it is done once people agree",
    Mode.AUTO: "an alert has it done by itself",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """``matched`` is None without labels, ``judged`` None when nothing was looked at; ``aims`` are as its mitigations."""

    runbook: Runbook
    matched: bool | None
    rendered: Rendered | Problem
    sources: Mapping[str, str]
    aims: tuple[Aim, ...]
    judged: Judged | None

    @property
    def is_one(self) -> bool:
        """Would something be planned?"""
        return isinstance(self.rendered, Rendered) and (self.judged is None or self.judged.fits)


def _class(plan: Plan, index: int, step: Step | None) -> tuple[str, bool]:
    """The class, and whether that is only the best case."""
    if step is not None and isinstance(step.came, Change):
        return step.came.approval_class.value, False
    assert isinstance(plan.rendered, Rendered)
    name, action = plan.rendered.mitigations[index].action
    return best_class(name, action, plan.aims[index].kind).value, True


def _approvals(plan: Plan, size: str, least: int) -> dict[str, int]:
    """How many others must agree, by who starts it: the built-in numbers (ADR 24); a ResponsePolicy may want more."""
    if plan.runbook.mode is Mode.AUTO:
        tables = {"person": DEFAULT.approvals_auto, "alert": DEFAULT.approvals_auto}
    else:
        # Whoever starts it, somebody else reads the plan.
        tables, least = {"person": DEFAULT.approvals_person, "alert": DEFAULT.approvals_machine}, max(least, 1)
    return {who: max(table[size], least) for who, table in tables.items()}


# --- for machines ----------------------------------------------------------------------------------------------------


def as_json(plan: Plan) -> str:
    """One object; `refused` instead of a plan when there is none."""
    meta = plan.runbook.metadata
    said: dict[str, Any] = {
        "runbook": {"name": meta.name, "namespace": meta.namespace, "mode": plan.runbook.mode.value},
        "matches": plan.matched,
    }
    if isinstance(plan.rendered, Problem):
        said["refused"] = {"parameter": plan.rendered.parameter or None, "message": plan.rendered.message}
    else:
        said |= _rendered(plan, plan.rendered)
    return json.dumps(said, indent=2, ensure_ascii=False)


def _rendered(plan: Plan, rendered: Rendered) -> dict[str, Any]:
    judged = plan.judged
    return {
        "values": dict(rendered.values),
        "digest": rendered.digest,
        "fits": judged.fits if judged else None,
        "preconditions": [p.wire() for p in (judged.preconditions if judged else rendered.preconditions)],
        "mitigations": [_mitigation(plan, index) for index in range(len(rendered.mitigations))],
        "checklist": [c.wire() for c in rendered.checklist],
        "recovery": rendered.recovery.wire() if rendered.recovery else None,
        "escalate": [e.wire() for e in rendered.escalate],
        "rights": manifests(plan.runbook, plan.runbook.metadata.namespace),
    }


def _mitigation(plan: Plan, index: int) -> dict[str, Any]:
    assert isinstance(plan.rendered, Rendered)
    wish, aim = plan.rendered.mitigations[index], plan.aims[index]
    step = plan.judged.steps[index] if plan.judged else None
    name, action = wish.action
    size, at_best = _class(plan, index, step)
    lines = by_hand(name, action, aim)
    change = step.came if step is not None and isinstance(step.came, Change) else None
    said: dict[str, Any] = {
        "name": wish.name,
        "action": name,
        "target": str(aim),
        "class": size,
        "classAtBest": at_best,
        "approvals": _approvals(plan, size, wish.approvals or 0),
        "undo": BY_NAME[name].undo_class.value,
        "byHand": (change and change.do_by_hand) or lines.do,
        "undoByHand": (change and change.undo_by_hand) or lines.undo or None,
    }
    if change is not None:
        said |= {"does": change.summary, "diff": list(change.diff), "touches": change.blast}
        said |= {"undoTakes": change.undo_takes, "warnings": list(change.warnings)}
    elif step is not None:
        said["came"] = words(step.came)
    return said


# --- for people ------------------------------------------------------------------------------------------------------


def as_text(plan: Plan) -> str:
    """The same, to be read from top to bottom."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    meta, spec = plan.runbook.metadata, plan.runbook.spec
    yield f"Runbook {meta.namespace}/{meta.name}: {spec.title}"
    yield f"  mode {plan.runbook.mode.value}: {_MODES[plan.runbook.mode]}"
    if plan.matched is not None:
        yield f"  {'it is' if plan.matched else 'NOT'} for an alert with these labels"
    if isinstance(plan.rendered, Problem):
        yield f"  no plan: {plan.rendered.message}"
        return
    rendered = plan.rendered
    for name, value in rendered.values.items():
        yield f"  {name} = {value}  ({plan.sources.get(name, 'given')})"
    yield from _situation(plan, rendered)
    yield from _steps(plan, rendered)
    yield from _people(rendered)
    yield ""
    yield f"Rights that {plan.runbook.spec.service_account_name or 'a ServiceAccount for it'} needs (--role prints them as YAML)"
    rights = tuple(in_words(plan.runbook, meta.namespace))
    yield from (f"  {line}" for line in rights or ("none",))


def _situation(plan: Plan, rendered: Rendered) -> Iterator[str]:
    if plan.judged is not None:
        for each in plan.judged.preconditions:
            yield f"  {'yes' if each.met else 'NO' if each.met is False else 'UNKNOWN'}  {each.name}: {each.message}"
        if not plan.judged.fits:
            yield "  It is not the situation it was written for: nothing would be planned."
    elif rendered.preconditions:
        yield f"  not looked at: {', '.join(p.name for p in rendered.preconditions)} (--live, or --objects)"


def _steps(plan: Plan, rendered: Rendered) -> Iterator[str]:
    for index, wish in enumerate(rendered.mitigations):
        said = _mitigation(plan, index)
        when = "" if not index else ", always" if wish.when is When.ALWAYS else ", if it still hurts"
        yield ""
        yield f"{index + 1}. {said['name']}: {said['action']} on {said['target']}{when}"
        yield f"   class      {said['class']}{' at best' if said['classAtBest'] else ''}; {_agree(plan, said['approvals'])}"
        for word, key in (("does", "does"), ("touches", "touches"), ("came", "came")):
            if said.get(key):
                yield f"   {word:<10} {said[key]}"
        for line in (*said.get("diff", ()), *(f"! {w}" for w in said.get("warnings", ()))):
            yield f"              {line}"
        takes = f", takes {said['undoTakes']}" if said.get("undoTakes") and said["undoByHand"] else ""
        yield f"   undo       {UNDO_WORDS[BY_NAME[said['action']].undo_class]}{takes}"
        yield f"   by hand    {said['byHand']}"
        if said["undoByHand"]:
            yield f"   and back   {said['undoByHand']}"


def _agree(plan: Plan, needed: Mapping[str, int]) -> str:
    if plan.runbook.mode is Mode.OBSERVE:
        return "never done in mode Observe"
    return f"others who must agree: {needed['person']} when a person starts it, {needed['alert']} for an alert"


def _people(rendered: Rendered) -> Iterator[str]:
    if rendered.checklist:
        yield ""
        yield "People"
    for each in rendered.checklist:
        yield f"  [ ] {each.name}{f' ({each.role.value})' if each.role else ''}: {each.do}"
    if rendered.escalate:
        yield "  call " + ", ".join(f"{e.to} after {duration.write(e.after)}" for e in rendered.escalate)
    if rendered.recovery:
        criteria = ", ".join(c.name for c in rendered.recovery.criteria or ()) or "the usual criteria"
        hold = f" for {duration.write(rendered.recovery.hold)}" if rendered.recovery.hold else ""
        yield f"  over when {criteria} hold{hold}"
