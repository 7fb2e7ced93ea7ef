"""
Guard 1: has somebody stopped stanch, everywhere or in a namespace (decisions note 9)?

A freeze is a grant: whoever binds the operator to ClusterRole ``stanch-frozen`` gives it verb ``freeze`` on ``mitigations``
and ``undos``, to ``stanch-undo-only`` on ``mitigations`` alone. The leash policy asks the same of the API server at each
write, so this here is no lock: it says so early, in words, and spares writes that would be refused.
"""

from typing import Final

from stanch.api.names import GROUP, OPERATOR_NAMESPACE, OPERATOR_USER, Reason
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Found, Outcome
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import MayThey

VERB: Final = "freeze"
MITIGATIONS: Final = "mitigations"
UNDOS: Final = "undos"
HALTED_ROLE: Final = "stanch-frozen"
UNDO_ONLY_ROLE: Final = "stanch-undo-only"
# What each refusal of the leash for this reason says; an effect that meets it was not made.
FROZEN_WORDS: Final = "stanch is frozen"
FORBIDDEN: Final = 403
OPERATOR_GROUPS: Final = (
    "system:serviceaccounts",
    f"system:serviceaccounts:{OPERATOR_NAMESPACE}",
    "system:authenticated",
)


def frozen(draft: Draft, aim: Aim, *, undoes: bool = False) -> Refusal | None:
    """Why nothing new (or, with ``undoes``, nothing at all) is done on this target; None too while that is being asked."""
    answer = draft.answer(question(aim, undoes=undoes))
    if answer is None:
        return None
    if isinstance(answer, Found):
        return _words(aim, undoes) if answer.value.get("allowed") else None
    why = answer.message if isinstance(answer, Failed) else "not answered"
    return Refusal(Reason.NO_DATA_NOW, f"Whether stanch is frozen can't be asked: {why}; asked again")


def met(answer: Outcome | Failed) -> bool:
    """Was it refused by the leash for a freeze? Then nothing was done, and it may be tried when that is over."""
    return answer.status == FORBIDDEN and FROZEN_WORDS in answer.message


def question(aim: Aim, *, undoes: bool) -> MayThey:
    """Does the operator hold the verb where the target lives? A node lives in no namespace."""
    return MayThey(
        username=OPERATOR_USER,
        uid="",
        groups=OPERATOR_GROUPS,
        verb=VERB,
        group=GROUP,
        resource=UNDOS if undoes else MITIGATIONS,
        subresource="",
        namespace=aim.namespace or "",
        name="",
    )


def _words(aim: Aim, undoes: bool) -> Refusal:
    where = f"in namespace {aim.namespace}" if aim.namespace else "in this cluster"
    kinds = "clusterrolebindings" + (f",rolebindings -n {aim.namespace}" if aim.namespace else "")
    roles = HALTED_ROLE if undoes else f"({HALTED_ROLE}|{UNDO_ONLY_ROLE})"
    return Refusal(
        Reason.FROZEN,
        f"{FROZEN_WORDS} {where}; it goes on once the binding that says so is deleted: "
        f"kubectl get {kinds} -o wide | grep -E '{roles}'",
    )
