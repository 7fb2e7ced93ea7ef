"""Which taints keep a pod from a node, as the scheduler reads them (https://kubernetes.io/docs/concepts/scheduling-eviction/)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

# An autoscaler is about to take the node away.
LEAVING: Final = ("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler", "karpenter.sh/disrupted")
_KEEPS_OFF: Final = ("NoSchedule", "NoExecute")
# What the cluster itself says of a node that is not well.
_BY_THE_CLUSTER: Final = "node.kubernetes.io/"


def closed_by(node: Json, instead_of: Json, pods: list[dict[str, Any]]) -> str:
    """
    `gpu:NoSchedule`, the first taint that keeps the pods of the other node from this one; empty when none is known to.

    Tolerated is what all of ``pods`` tolerate, those that would go; and what the other node has, too, for who runs there bears it,
    unless it says that a node is not well or about to go.
    """
    had = list(_hard(instead_of))
    for taint in _hard(node):
        sick = taint["key"].startswith(_BY_THE_CLUSTER) or taint["key"] in LEAVING
        alike = any(all(taint.get(k) == t.get(k) for k in ("key", "value", "effect")) for t in had)
        if not (alike and not sick) and not (pods and all(_tolerates(pod, taint) for pod in pods)):
            return f"{taint['key']}:{taint['effect']}"
    return ""


def _hard(node: Json) -> Iterator[Json]:
    return (t for t in node["spec"].get("taints") or () if t.get("effect") in _KEEPS_OFF)


def _tolerates(pod: Json, taint: Json) -> bool:
    return any(_bears(each, taint) for each in pod["spec"].get("tolerations") or ())


def _bears(toleration: Json, taint: Json) -> bool:
    operator, key = toleration.get("operator") or "Equal", toleration.get("key") or ""
    if (toleration.get("effect") or taint["effect"]) != taint["effect"]:
        return False
    if operator == "Exists":
        return key in ("", taint["key"])
    # Of operators that compare numbers nothing is known here.
    return operator == "Equal" and key == taint["key"] and (toleration.get("value") or "") == (taint.get("value") or "")
