"""
Guard 5: who takes away a pod, or writes a ReplicaSet, acts on what controls it; a label there counts as one on the target.

Controllers of kinds that the role stanch-look reads are followed. What a custom controller's object is labelled can't be read
without a right on that kind, so it holds up nothing (docs/guards.md).
"""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Label, Reason
from stanch.core.asking import target_of
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.observations import Failed, Found
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import CRON_JOBS, DAEMONSETS, DEPLOYMENTS, JOBS, REPLICASETS, STATEFULSETS, Get, Ref

# By the group and kind that an owner reference names; its version may be another.
CONTROLLERS: Final[Mapping[tuple[str, str], Ref]] = {
    ("apps", "Deployment"): DEPLOYMENTS,
    ("apps", "StatefulSet"): STATEFULSETS,
    ("apps", "DaemonSet"): DAEMONSETS,
    ("apps", "ReplicaSet"): REPLICASETS,
    ("batch", "Job"): JOBS,
    ("batch", "CronJob"): CRON_JOBS,
}
# A pod, its ReplicaSet or Job, its Deployment or CronJob.
LEVELS_MAX: Final = 3


def owners_are_not_protected(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Follows the controllers of the target, as far as they are of kinds that stanch reads. Asks for one after the other."""
    answer = draft.seen.get(target_of(aim))
    for _ in range(LEVELS_MAX):
        owner = _controller(answer.value) if isinstance(answer, Found) else None
        if owner is None or record.action == HOLD:
            return None
        what = f"{owner['kind']} {aim.namespace}/{owner['name']}, which controls {aim},"
        answer = draft.answer(Get(CONTROLLERS[_kind(owner)], aim.namespace, owner["name"]))
        if isinstance(answer, Failed):
            return Refusal(
                Reason.NO_DATA_NOW, f"Whether {what} is protected can't be read: {answer.message}; asked again"
            )
        if isinstance(answer, Found) and Label.PROTECTED in (answer.value["metadata"].get("labels") or {}):
            return Refusal(
                Reason.PROTECTED,
                f"{what} carries label {Label.PROTECTED}; act by hand, or take the label off if it is meant",
            )
    return None


def _controller(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((o for o in owners if o.get("controller")), None)
    return owner if owner is not None and _kind(owner) in CONTROLLERS else None


def _kind(owner: Mapping[str, Any]) -> tuple[str, str]:
    return str(owner.get("apiVersion")).partition("/")[0], str(owner["kind"])
