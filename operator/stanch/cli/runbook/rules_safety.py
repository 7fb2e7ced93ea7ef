"""Rules about what a Runbook may do by itself, and how anybody knows that it is over."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from stanch.api.incident_status import UndoClass
from stanch.api.runbook import Authority
from stanch.api.runbook_record import Mode
from stanch.cli.runbook.findings import Found, Rule, Subject
from stanch.cli.runbook.outlook import BY_NAME, UNDO_WORDS, best_class
from stanch.cli.runbook.rules_plan import MITIGATIONS, actions
from stanch.core.effective import SERVING
from stanch.core.ports import ApprovalClass

MODE: Final = ("spec", "mode")


def too_wide(subject: Subject) -> Iterator[Found]:
    """Auto with an action of class C."""
    if subject.runbook.mode is not Mode.AUTO:
        return
    for index, wish, name, action, target in actions(subject):
        if target is not None and best_class(name, action, target.kind) is ApprovalClass.C:
            yield (
                (*MITIGATIONS, index),
                f"{wish.name}: {name} on {target} is class C, which needs a person; mode is Auto",
            )


def no_way_back(subject: Subject) -> Iterator[Found]:
    """Auto with an action that nobody can undo."""
    if subject.runbook.mode is not Mode.AUTO:
        return
    for index, wish, name, _, _ in actions(subject):
        if BY_NAME[name].undo_class is UndoClass.NONE:
            yield (*MITIGATIONS, index), f"{wish.name}: {name} {UNDO_WORDS[UndoClass.NONE]}; mode is Auto"


def unbounded(subject: Subject) -> Iterator[Found]:
    """Auto without what ends it, slows it down, or shows that it works."""
    spec = subject.runbook.spec
    if subject.runbook.mode is not Mode.AUTO:
        return
    if spec.recovery is None:
        yield MODE, "mode is Auto, and spec.recovery does not say when it is over"
    if spec.guardrails is None or spec.guardrails.cooldown is None:
        yield MODE, "mode is Auto, and spec.guardrails.cooldown does not say how soon it may run again"
    if spec.drilled_within is None:
        yield MODE, "mode is Auto, and spec.drilledWithin does not say how old its last drill may be"
    if spec.match is None or not spec.match.alerts:
        yield MODE, "mode is Auto, and no alert ever starts it: spec.match.alerts is missing"


def no_rights(subject: Subject) -> Iterator[Found]:
    """Auto without anybody whose rights count."""
    spec = subject.runbook.spec
    if spec.service_account_name:
        return
    if subject.runbook.authority is Authority.SERVICE_ACCOUNT:
        yield ("spec", "authority"), "authority is ServiceAccount, and spec.serviceAccountName names none"
    elif subject.runbook.mode is Mode.AUTO:
        yield (
            MODE,
            "mode is Auto without a serviceAccountName: an alert has no rights, so it waits for a person each time",
        )


def no_recovery(subject: Subject) -> Iterator[Found]:
    """Nothing says when it is over."""
    spec = subject.runbook.spec
    if spec.mitigations and spec.recovery is None:
        yield ("spec",), "spec.recovery is missing: nobody has said how it is known that it helped"


def recovery_blind(subject: Subject) -> Iterator[Found]:
    """Criteria that can't be judged of what they look at."""
    spec = subject.runbook.spec
    if spec.recovery is None:
        return
    targets = spec.targets or ()
    criteria = spec.recovery.criteria or ()
    if not criteria and targets and not any(t.kind in SERVING for t in targets):
        kinds = ", ".join(sorted({t.kind.value for t in targets}))
        yield ("spec", "recovery"), f"the usual criteria say nothing about {kinds}; write criteria, or it never ends"
    for index, criterion in enumerate(criteria):
        about = (criterion.target,) if criterion.target else targets
        if criterion.available is None and criterion.no_restarts is None:
            continue
        blind = [t for t in about if t.kind not in SERVING]
        if blind:
            check = "available" if criterion.available else "noRestarts"
            yield (
                ("spec", "recovery", "criteria", index),
                f"{criterion.name}: {check} says nothing about {blind[0]}; name a workload in its target",
            )


def worst_first(subject: Subject) -> Iterator[Found]:
    """What is wide or can't be undone, before what is narrow and can."""
    wide: list[str] = []
    for index, wish, name, action, target in actions(subject):
        if target is None:
            continue
        at_best, undo = best_class(name, action, target.kind), BY_NAME[name].undo_class
        if wide and at_best is ApprovalClass.A and undo is UndoClass.AUTO:
            yield (
                (*MITIGATIONS, index),
                f"{wish.name} is narrow and undone exactly, but {wide[0]}, which is not, comes first",
            )
        if at_best is ApprovalClass.C or undo is UndoClass.NONE:
            wide.append(wish.name)


def nobody_to_call(subject: Subject) -> Iterator[Found]:
    """No escalation, or one in the wrong order."""
    steps = subject.runbook.spec.escalate or ()
    if not steps:
        yield ("spec",), "spec.escalate is missing: whom to call when it does not help, and after how long"
    for index, (one, other) in enumerate(pairwise(steps)):
        if other.after < one.after:
            yield ("spec", "escalate", index + 1), f"{other.to} is called before {one.to}, who stands above"


def no_checklist(subject: Subject) -> Iterator[Found]:
    """Nothing asks whether users are hurt."""
    if not subject.runbook.spec.checklist:
        yield ("spec",), "spec.checklist is missing: what a person makes sure of before, and tells whom"


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "RB020",
        "auto-wide",
        "Something wide, or over data, would be done by night without anybody having looked.",
        "Use mode: Approve, or take it out of this Runbook.",
        too_wide,
    ),
    Rule(
        "RB021",
        "auto-irreversible",
        "A machine that is wrong must be able to take it back.",
        "Use mode: Approve, or an action that can be undone.",
        no_way_back,
    ),
    Rule(
        "RB022",
        "auto-unbounded",
        "What runs by itself must know when to stop, how often it may run, and that it still works.",
        "Set recovery, guardrails.cooldown, drilledWithin and match.alerts, or mode: Approve.",
        unbounded,
    ),
    Rule(
        "RB023",
        "no-rights",
        "An alert has no rights of its own, and stanch lends nobody its own.",
        "Name a ServiceAccount; `stanch runbook plan --role` prints what it needs.",
        no_rights,
    ),
    Rule(
        "RB024",
        "no-recovery",
        "Criteria that are chosen after acting are chosen to fit.",
        "Write spec.recovery with a hold, and criteria that look at what users get.",
        no_recovery,
    ),
    Rule(
        "RB025",
        "recovery-blind",
        "The incident never becomes Mitigated, whatever is done.",
        "Give the criterion a target that serves (a workload, Service, route or node), or use manual.",
        recovery_blind,
    ),
    Rule(
        "RB026",
        "worst-first",
        "The fastest thing that can be taken back comes first; what can't is for when that did not help.",
        "Change the order.",
        worst_first,
    ),
    Rule(
        "RB027",
        "no-escalation",
        "A Runbook that does not help must say who does, before somebody has tried it for an hour.",
        "Write spec.escalate: [{after: 15m, to: …}], soonest first.",
        nobody_to_call,
    ),
    Rule(
        "RB028",
        "no-checklist",
        "Are users hurt? Who is told? Machines can't know; people forget.",
        "Write spec.checklist with what to confirm, and what to say to whom.",
        no_checklist,
    ),
)
