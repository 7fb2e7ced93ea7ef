"""Rules about what a Runbook does, and whether it can come to it."""

from collections.abc import Iterator
from typing import Final

from stanch.api.actions import Action
from stanch.api.incident import Criterion
from stanch.api.meta import WORKLOADS, Model, Target, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.runbook import RunbookWish
from stanch.api.wish import When
from stanch.cli.runbook.findings import Found, Rule, Subject
from stanch.core.effective import SERVING
from stanch.core.reverts import unfit

MITIGATIONS: Final = ("spec", "mitigations")
# What a paused Deployment refuses, for it would make no new pods.
_NOT_WHILE_PAUSED: Final = frozenset({"rolloutUndo", "rolloutRestart"})


def actions(subject: Subject) -> Iterator[tuple[int, RunbookWish, str, Action, Target | None]]:
    """(index, mitigation, name of its action, its values, its target) of every mitigation that has exactly one action."""
    first = next(iter(subject.runbook.spec.targets or ()), None)
    for index, wish in enumerate(subject.runbook.spec.mitigations or ()):
        try:
            name, action = wish.action
        except ValueError:
            continue
        yield index, wish, name, action, wish.target or first


def one_action(subject: Subject) -> Iterator[Found]:
    """Exactly one action a mitigation, one check a criterion and a precondition."""
    spec = subject.runbook.spec
    for index, wish in enumerate(spec.mitigations or ()):
        try:
            _ = wish.action
        except ValueError as error:
            yield (*MITIGATIONS, index), f"{wish.name}: {error}"
    for index, criterion in enumerate(_criteria(subject)):
        if (count := len(_checks(criterion))) != 1:
            yield (
                ("spec", "recovery", "criteria", index),
                f"{criterion.name}: exactly one check must be set (got {count})",
            )
    for index, each in enumerate(spec.preconditions or ()):
        if (each.rolled_out_within is None) == (each.failing is None):
            yield (
                ("spec", "preconditions", index),
                f"{each.name}: exactly one of rolledOutWithin and failing must be set",
            )


def _checks(criterion: Criterion) -> list[str]:
    values = ((name, getattr(criterion, name)) for name in type(criterion).model_fields)
    return [name for name, value in values if isinstance(value, Model) and not isinstance(value, Target)]


def _criteria(subject: Subject) -> tuple[Criterion, ...]:
    recovery = subject.runbook.spec.recovery
    return (recovery.criteria if recovery else None) or ()


def same_name(subject: Subject) -> Iterator[Found]:
    """A name that stands there twice."""
    spec = subject.runbook.spec
    lists = {
        "parameters": [p.name for p in spec.parameters or ()],
        "preconditions": [p.name for p in spec.preconditions or ()],
        "checklist": [c.name for c in spec.checklist or ()],
        "mitigations": [m.name for m in spec.mitigations or ()],
        "recovery.criteria": [c.name for c in _criteria(subject)],
    }
    for field, names in lists.items():
        for index, name in enumerate(names):
            if name in names[:index]:
                yield ("spec", *field.split("."), index), f"{name} is taken by an earlier one of spec.{field}"
    if sum(r.key == subject.runbook.key for r in subject.together) > 1:
        yield ("metadata", "name"), f"there are two Runbooks {subject.runbook.key}"


def wrong_kind(subject: Subject) -> Iterator[Found]:
    """An action on what it can't act on, or on nothing."""
    for index, wish, name, action, target in actions(subject):
        if target is None:
            yield (*MITIGATIONS, index), f"{wish.name} names no target, and the Runbook has none"
        elif target.kind not in action.KINDS:
            kinds = ", ".join(sorted(action.KINDS))
            yield (*MITIGATIONS, index), f"{wish.name}: {name} acts on {kinds}, not on {target.kind.value}"


def never_by_itself(subject: Subject) -> Iterator[Found]:
    """A revert that no machine keeps."""
    for index, wish, name, _, _ in actions(subject):
        if why := unfit(name, wish.revert):
            yield (*MITIGATIONS, index, "revert"), f"{wish.name}: {why}"


def node_elsewhere(subject: Subject) -> Iterator[Found]:
    """Nodes belong to no namespace but stanch's own."""
    said = subject.document.said["metadata"].get("namespace")
    if said == OPERATOR_NAMESPACE:
        return
    spec = subject.runbook.spec
    targets = [("targets", i, t) for i, t in enumerate(spec.targets or ())]
    targets += [("mitigations", i, m.target) for i, m in enumerate(spec.mitigations or ()) if m.target]
    for field, index, target in targets:
        if target.kind is TargetKind.NODE:
            where = f"is in namespace {said}" if said else "names no namespace"
            yield (
                ("spec", field, index),
                f"{target}: the Runbook {where}; nodes are acted on only from {OPERATOR_NAMESPACE}",
            )


def unreachable(subject: Subject) -> Iterator[Found]:
    """What an earlier mitigation of the same list keeps from ever being done."""
    done: list[tuple[str, str, Action, Target | None]] = []
    for index, wish, name, action, target in actions(subject):
        paused = next((n for n, what, _, t in done if what == "rolloutPause" and t == target), None)
        resumed = any(what == "rolloutResume" and t == target for _, what, _, t in done)
        if name in _NOT_WHILE_PAUSED and paused and not resumed:
            yield (
                (*MITIGATIONS, index),
                f"{wish.name}: {name} is refused while {target} is paused, and {paused} pauses it; take {paused} away",
            )
        twin = next((n for n, what, value, t in done if (what, value, t) == (name, action, target)), None)
        if twin:
            yield (*MITIGATIONS, index), f"{wish.name} does what {twin} has done by then, so it does nothing"
        done.append((wish.name, name, action, target))


def over_at_once(subject: Subject) -> Iterator[Found]:
    """A mitigation that waits while it still hurts, where recovery does not look at what hurts."""
    criteria, targets = _criteria(subject), subject.runbook.spec.targets or ()
    if criteria or not targets or any(t.kind in SERVING for t in targets):
        return
    for index, wish in enumerate(subject.runbook.spec.mitigations or ()):
        if index and wish.when is not When.ALWAYS:
            yield (
                (*MITIGATIONS, index),
                f"{wish.name} starts only while it still hurts, but no criterion tells: write recovery.criteria, or when: Always",
            )
            return


def never_met(subject: Subject) -> Iterator[Found]:
    """Preconditions about rollouts where nothing is ever rolled out."""
    targets = subject.runbook.spec.targets
    if targets is None:
        return  # It is about the incident's own targets.
    for index, each in enumerate(subject.runbook.spec.preconditions or ()):
        needed = WORKLOADS if each.rolled_out_within is not None else SERVING
        if not any(t.kind in needed for t in targets):
            kinds = ", ".join(sorted({t.kind.value for t in targets}))
            yield (
                ("spec", "preconditions", index),
                f"{each.name} says nothing about {kinds}, so nothing is ever planned",
            )


def does_nothing(subject: Subject) -> Iterator[Found]:
    """Neither for machines nor for people."""
    spec = subject.runbook.spec
    if not spec.mitigations and not spec.checklist:
        yield ("spec",), "it has neither mitigations nor a checklist, so nothing follows from it"


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "RB012",
        "one-of",
        "The API server refuses it: what is meant can't be told.",
        "Set exactly one; `{}` is a value, nothing at all is not.",
        one_action,
    ),
    Rule(
        "RB013",
        "name-taken",
        "The later one is refused, or takes the earlier one's place.",
        "Give each its own name.",
        same_name,
    ),
    Rule(
        "RB014",
        "action-target",
        "There is no plan, and at 2 AM the Runbook is no help.",
        "Name a target of a kind that the action acts on (docs/mitigations.md).",
        wrong_kind,
    ),
    Rule(
        "RB033",
        "never-by-itself",
        "Taken back unasked, a rollback deploys the bad release again, and what a restart or a drain did never comes back.",
        "Leave revert out; a person writes an undo entry once the cause is mended.",
        never_by_itself,
    ),
    Rule(
        "RB015",
        "node-elsewhere",
        "A team that may write Runbooks in its own namespace must not take nodes from others.",
        f"Set metadata.namespace: {OPERATOR_NAMESPACE}.",
        node_elsewhere,
    ),
    Rule(
        "RB016",
        "unreachable",
        "It stands there, is counted on, and is refused or skipped on the night.",
        "Take one of the two away, or put something between them.",
        unreachable,
    ),
    Rule(
        "RB017",
        "never-starts",
        "The second rung of the ladder is never reached, for nobody can tell that it still hurts.",
        "Write recovery.criteria with gates: Mitigated, or when: Always.",
        over_at_once,
    ),
    Rule(
        "RB018",
        "precondition-never-met",
        "Nothing is ever planned, and the record says that it is not the situation it is for.",
        "Take the precondition away, or name the workload among the targets.",
        never_met,
    ),
    Rule(
        "RB019",
        "does-nothing",
        "It is found for an alert, and then there is nothing to do.",
        "Write a checklist for people, at least.",
        does_nothing,
    ),
)
