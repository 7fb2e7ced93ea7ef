"""
Suspend what applies Git: a Flux Kustomization or HelmRelease, an Argo CD Application (mitigations.md 1.15, 1.16).

It stops everybody's deploys through it, so only a person asks for it. An Argo CD whose CRD lacks `enabled` drops that
field without a word, which a dry run shows before anything is written.
"""

from dataclasses import dataclass
from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.argo import AUTOMATED, automated, is_syncing
from stanch.core.observations import Found, Observations
from stanch.core.ports import Aim, ApprovalClass, Change, NothingToDo, Refusal, Sized, Verdict, VerdictState
from stanch.core.questions import REF_OF_KIND, DryRun, Question
from stanch.core.swap import ABSENT, canonical, exchange, look_up, mark, patch_text
from stanch.core.there import read_target
from stanch.mitigations.reconciler_parents import is_running, look_above
from stanch.mitigations.workload import Json, live

SUSPEND: Final = "/spec/suspend"
# The leash refuses a dry run without a new action id, as it refuses a write.
_PROBE: Final = "probe"


@dataclass(frozen=True, slots=True)
class Field:
    """The one field that is written: before, after, and words about it."""

    pointer: str
    before: Any
    after: Any
    diff: str
    warnings: tuple[str, ...] = ()


def size_up(aim: Aim, seen: Observations) -> Sized:
    """What is written to have it apply nothing; refused where a set or a parent would set it going again."""
    target = read_target(aim, seen)
    if isinstance(target, Refusal) and target.reason == Reason.TARGET_NOT_FOUND:
        message = (
            f"There is no {aim}. An incident acts in its own namespace: correct the name, or declare one where it is"
        )
        return Refusal(target.reason, message)
    if not isinstance(target, dict):
        return target
    if _is_off(aim, target):
        return NothingToDo(
            f"{aim} applies nothing by itself already, not by this mitigation; its undo will leave it so"
        )
    above = look_above(aim, target, AUTOMATED if aim.kind is TargetKind.APPLICATION else SUSPEND, seen)
    if above.refusal is not None:
        return above.refusal
    if above.asked:
        return above.asked
    field = _automated(aim, target, seen) if aim.kind is TargetKind.APPLICATION else _suspend(target)
    return _change(aim, target, field, above.warnings) if isinstance(field, Field) else field


def verify(aim: Aim, seen: Observations) -> Verdict | tuple[Question, ...]:
    """It stands, and what had begun before is over: a run under way is not stopped by it."""
    target = live(aim, seen)
    if not isinstance(target, dict):
        return target
    if is_running(aim.kind, target):
        return Verdict(VerdictState.WAITING, f"{aim} is held; what it had begun before is still under way")
    return Verdict(VerdictState.VERIFIED, f"{aim} is held and applies nothing by itself")


def owes(aim: Aim) -> str:
    """Git and the cluster part ways, for everybody who deploys through it."""
    return f"{aim} is held: nothing that is changed in Git comes through it. Put what was changed here into Git, then undo it"


def _is_off(aim: Aim, target: Json) -> bool:
    return automated(target) is None if aim.kind is TargetKind.APPLICATION else look_up(target, SUSPEND) is True


def _suspend(target: Json) -> Field:
    before = look_up(target, SUSPEND)
    told = "(none)" if before == ABSENT else "false"
    # Ready stays True, and no condition tells it (addons.md 4.2).
    warning = "Undo has it apply what Git says within a second; nothing in its conditions tells that it is suspended"
    return Field(SUSPEND, before, True, f"spec.suspend: {told} -> true", (warning,))


def _automated(aim: Aim, target: Json, seen: Observations) -> Field | tuple[Question, ...]:
    """``enabled: false`` keeps the rest of the policy to be read; an older Argo CD knows only its absence."""
    before = look_up(target, AUTOMATED)
    after = {**before, "enabled": False}
    meta = target["metadata"]
    operations = exchange(meta["uid"], {AUTOMATED: before}, {AUTOMATED: after}) + mark(meta.get("labels"), _PROBE)
    question = DryRun(REF_OF_KIND[aim.kind.value], aim.namespace, aim.name, patch_text(operations))
    answer = seen.get(question)
    if answer is None:
        return (question,)
    state = (target.get("status") or {}).get("sync") or {}
    warnings = [
        f"It is {state.get('status', 'Unknown')} now; undo syncs all that is changed in Git until then",
        "A sync that a person asks for still goes through",
    ]
    warnings += ["A sync is under way and will still finish"] if is_syncing(target) else []
    if not isinstance(answer, Found) or canonical(look_up(answer.value, AUTOMATED)) == canonical(after):
        return Field(AUTOMATED, before, after, "spec.syncPolicy.automated.enabled: (none) -> false", tuple(warnings))
    warnings += [
        "This Argo CD does not know automated.enabled: automated is taken out, and undo puts it back word by word"
    ]
    return Field(
        AUTOMATED, before, ABSENT, f"spec.syncPolicy.automated: {canonical(before)} -> (none)", tuple(warnings)
    )


def _change(aim: Aim, target: Json, field: Field, warnings: tuple[str, ...]) -> Change:
    return Change(
        uid=target["metadata"]["uid"],
        before={field.pointer: field.before},
        after={field.pointer: field.after},
        summary=f"have {aim} apply nothing from Git by itself",
        diff=(field.diff,),
        blast=_blast(aim, target),
        undo_takes="1s (estimated)",
        warnings=(*field.warnings, *warnings),
        do_by_hand=_by_hand(aim, field.pointer, field.before, field.after),
        undo_by_hand=_by_hand(aim, field.pointer, field.after, field.before),
        approval_class=ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def _blast(aim: Aim, target: Json) -> str:
    status = target.get("status") or {}
    flux = (status.get("inventory") or {}).get("entries")
    known = status.get("resources") if aim.kind is TargetKind.APPLICATION else flux
    many = f"{len(known)} objects get" if known is not None else "everything it deploys gets"
    return f"no pod is touched; {many} nothing from Git, whoever changes it there"


def _by_hand(aim: Aim, pointer: str, before: Any, after: Any) -> str:
    """One line with kubectl; a field of a manager named kubectl* would be taken away by a Flux parent."""
    ref = REF_OF_KIND[aim.kind.value]
    if after == ABSENT:
        operation = {"op": "remove", "path": pointer}
    else:
        operation = {"op": "add" if before == ABSENT else "replace", "path": pointer, "value": after}
    what = f"{ref.plural}.{ref.group} {aim.name} --field-manager=by-hand --type=json -p '{patch_text([operation])}'"
    return f"kubectl -n {aim.namespace} patch {what}"
