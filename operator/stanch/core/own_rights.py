"""
Guard 3, its other half: may the operator itself do all that an action needs (decisions 2.9)?

Asked before anything is written down. Whether it may patch the target, to act and to undo, the dry run of that very patch
tells without a call more; of all else it tells nothing: with `delete pods` missing, the template of a StatefulSet would be
swapped, and the pods that pin it to the bad one would stay.
"""

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import OPERATOR_USER, Reason
from stanch.core.draft import Draft
from stanch.core.freeze import OPERATOR_GROUPS
from stanch.core.observations import Failed, Found
from stanch.core.ports import Aim, Need, Refusal
from stanch.core.questions import REF_OF_KIND, MayThey


def operator_may(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """A refusal that names the right it lacks; None when it has all, or they are still being asked."""
    needs = draft.catalog.mitigations[record.action].needs.get(aim.kind, ())
    # All are asked at once.
    answers = [(need, draft.answer(own_right(aim, need))) for need in needs if not tried(aim, need)]
    refusals = (_judged(record, aim, need, answer) for need, answer in answers if answer is not None)
    return next((refusal for refusal in refusals if refusal is not None), None)


def tried(aim: Aim, need: Need) -> bool:
    """Does the dry run tell of it (core/intend.py)?"""
    return need.verb == "patch" and _is_of_target(aim, need)


def own_right(aim: Aim, need: Need) -> MayThey:
    """What to ask about the operator."""
    return MayThey(
        username=OPERATOR_USER,
        uid="",
        groups=OPERATOR_GROUPS,
        verb=need.verb,
        group=need.group,
        resource=need.resource,
        subresource=need.subresource,
        namespace=aim.namespace or "",
        # What is not the target itself (a pod to evict) has no name yet.
        name=aim.name if _is_of_target(aim, need) else "",
    )


def _is_of_target(aim: Aim, need: Need) -> bool:
    ref = REF_OF_KIND[aim.kind.value]
    return (need.group, need.resource) == (ref.group, ref.plural)


def _judged(record: MitigationRecord, aim: Aim, need: Need, answer: object) -> Refusal | None:
    if isinstance(answer, Found) and answer.value.get("allowed"):
        return None
    if isinstance(answer, Failed):
        return Refusal(Reason.NO_DATA_NOW, f"What stanch itself may do can't be asked: {answer.message}; asked again")
    where = f"in namespace {aim.namespace}" if aim.namespace else "in the whole cluster"
    what = f"{need.done_on}{'.' + need.group if need.group else ''}"
    name = f" {aim.name}" if _is_of_target(aim, need) else ""
    return Refusal(
        Reason.PERMISSION_MISSING,
        f"The operator may not {need.verb} {what}{name} {where}, which {record.action} on {aim.kind.value} needs; bind its role "
        f"for {record.action} there (manifests/rbac/operator.yaml says which it is)",
    )
