"""
Have a GitOps reconciler leave one object alone, by the label it knows (mitigations.md 1.16): the smallest freeze.

Aimed at a reconciler itself it suspends that (reconciler_hold.py): only a person asks for so much, never the planner.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from stanch.api.actions import Action, GitOpsHold
from stanch.api.incident_status import UndoClass
from stanch.api.meta import RECONCILERS, TargetKind
from stanch.api.names import Reason
from stanch.core.observations import Observations
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    NothingToDo,
    Refusal,
    Sized,
    Verdict,
    Written,
)
from stanch.core.questions import REF_OF_KIND, Question
from stanch.core.steering import Steerer, ask_for_hold, leaves_alone, steerers
from stanch.core.swap import ABSENT, escape
from stanch.core.there import read_target
from stanch.mitigations import hold_brings, reconciler_hold
from stanch.mitigations.workload import Json, live, owner_refusal, stands

LABELS: Final = "/metadata/labels"


class HoldObject:
    """Swap one label."""

    name = "gitOpsHold"
    kinds = GitOpsHold.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        kind: (Need("patch", REF_OF_KIND[kind].group, REF_OF_KIND[kind].plural),) for kind in GitOpsHold.KINDS
    }
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Which label, for whom; refused where the object alone can't be held."""
        if aim.kind in RECONCILERS:
            return reconciler_hold.size_up(aim, seen)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        return owner_refusal(aim, target) or _label(aim, target)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """The tools look at the label on the live object before each run; a reconciler ends the run it is in."""
        if aim.kind in RECONCILERS:
            return reconciler_hold.verify(aim, seen)
        return stands(aim, seen, "is left alone from the next run on")

    def owes(self, action: Action, aim: Aim) -> str:
        """Git and the cluster part ways."""
        if aim.kind in RECONCILERS:
            return reconciler_hold.owes(aim)
        return f"{aim} is held: what is changed in Git does not reach it. Put what was changed here into Git, then undo the hold"

    def brings(self, aim: Aim, seen: Observations) -> str | tuple[Question, ...]:
        """How far Git is, and what differs, as far as the tool knows."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target.message if isinstance(target, Verdict) else target
        return hold_brings.brings(aim, target, seen)


def _label(aim: Aim, target: Json) -> Sized:
    found = steerers(target)
    if not found:
        return NothingToDo(f"Nobody steers {aim}: it has no labels of Flux and no tracking id of Argo CD")
    can = [who for who in found if who.hold is not None]
    if not can:
        return Refusal(
            Reason.OWNED_BY_ANOTHER,
            f"{found[0]} can't be told to leave {aim} alone; hold the whole of it: {ask_for_hold(aim, found[0])}; or by "
            f"hand, {by_hand(found[0])}",
            final=True,
        )
    open_ones = [who for who in can if not leaves_alone(target, who)]
    if not open_ones:
        return NothingToDo(f"{can[0]} leaves {aim} alone already, not by this mitigation; its undo will leave it so")
    return _change(aim, target, open_ones)


def by_hand(who: Steerer) -> str:
    """How to stop an Argo CD Application, and start it again."""
    line = f"kubectl -n {who.namespace} patch application {who.name} --type=json -p"
    patch = '[{"op":"remove","path":"/spec/syncPolicy/automated"}]'
    return f"suspend its automated sync, having noted its value: {line} '{patch}'"


def _change(aim: Aim, target: Json, who: list[Steerer]) -> Change:
    holds = [w.hold for w in who if w.hold is not None]
    labels = target["metadata"].get("labels") or {}
    words = " ".join(f"{key}={value}" for key, value in holds)
    back = " ".join(f"{key}={labels[key]}" if key in labels else f"{key}-" for key, _ in holds)
    start = f"kubectl -n {aim.namespace} label --overwrite {aim.kind.value.lower()} {aim.name}"
    return Change(
        uid=target["metadata"]["uid"],
        before={f"{LABELS}/{escape(key)}": labels.get(key, ABSENT) for key, _ in holds},
        after={f"{LABELS}/{escape(key)}": value for key, value in holds},
        summary=f"have {', '.join(map(str, who))} leave {aim} alone",
        diff=tuple(f"metadata.labels[{key}]: {labels.get(key, '(none)')} -> {value}" for key, value in holds),
        blast="no pod is touched; other objects go on as before",
        undo_takes="1s (estimated)",
        warnings=(f"Undo lets it go on: at its next run {who[0]} puts back what Git says",),
        do_by_hand=f"{start} {words}",
        undo_by_hand=f"{start} {back}",
        approval_class=ApprovalClass.A,
        labels=target["metadata"].get("labels"),
    )
