"""Guard 13: what would be left. Nodes out of service are counted over all causes, not for each action (outages 4 and 6)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Reason
from stanch.core.asking import ALL_NODES, controller_name, controller_uid, owned_by, pdbs, pods_in
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Failed, Found, is_cut, items
from stanch.core.ports import Aim, Change, Refusal
from stanch.core.selecting import selects

TAKES_NODES_OUT: Final = frozenset({"cordon", "drain"})
DRAIN: Final = "drain"
DELETE_POD: Final = "deletePod"
SICK_NODES: Final = 3
# A single pod can't be spared by halves.
SEVERAL: Final = 2
Json = Mapping[str, Any]


def nodes_are_left(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """At most so many nodes take no pods, the one aimed at included; and none is touched while most are sick."""
    if record.action not in TAKES_NODES_OUT:
        return None
    answer = draft.answer(ALL_NODES)
    if answer is None:
        return None
    if unseen := _not_all(answer, "nodes", ALL_NODES.limit):
        return unseen
    nodes, going = items(answer), _going(draft, TAKES_NODES_OUT)
    sick = [n for n in nodes if not _ready(n)]
    if len(sick) >= SICK_NODES and len(sick) * 100 >= len(nodes) * draft.catalog.policy.sick_nodes_percent:
        return Refusal(
            Reason.WOULD_BREAK_BUDGET,
            f"{len(sick)} of {len(nodes)} nodes are not Ready: rather the network or the control plane is sick than each of them, "
            "so no node is taken out; look at that first",
        )
    takes_none = (n["metadata"] for n in nodes if n["spec"].get("unschedulable") or n["metadata"]["uid"] in going)
    out = sorted({meta["name"] for meta in takes_none} | {aim.name})
    most = max(1, len(nodes) * draft.catalog.policy.nodes_percent // 100)
    if len(out) <= most:
        return None
    return Refusal(
        Reason.WOULD_BREAK_BUDGET,
        f"{len(out)} of {len(nodes)} nodes would take no pods ({', '.join(out[:5])}), and guardrails.nodesPercent allows "
        f"{draft.catalog.policy.nodes_percent} % ({most}); uncordon one first",
    )


def enough_pods_are_left(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> Refusal | None:
    """
    Each workload of which ready pods go keeps half of its pods ready, unless a PodDisruptionBudget says how many it can spare.

    Whatever takes them: one pod, or all of a node. Nobody waits for their successors, so all that goes counts as gone at once.
    What a rollout replaces is not counted here: the workload's own strategy says how many of them go at a time.
    """
    going = frozenset(pod.uid for pod in change.removes) | _taken(draft)
    spaces = sorted({pod.namespace for pod in change.removes})
    answers = [(space, draft.answer(pods_in(space)), draft.answer(pdbs(space))) for space in spaces]
    for space, answer, budgets in answers:
        if answer is None or budgets is None:
            continue
        if unseen := _not_all(answer, "pods", pods_in(space).limit):
            return unseen
        ours = frozenset(pod.uid for pod in change.removes if pod.namespace == space)
        # Who is not ready serves nobody.
        lost = [p for p in items(answer) if p["metadata"]["uid"] in ours and _ready(p)]
        counted = [p for p in lost if not _paced(items(budgets), p)]
        if refusal := _too_few(draft, space, counted, items(answer), going):
            return refusal
    return None


def _too_few(
    draft: Draft, space: str, lost: Iterable[Json], pods: list[dict[str, Any]], going: frozenset[str]
) -> Refusal | None:
    """The first workload, by name, of which too few pods would be left ready in this namespace."""
    percent = draft.catalog.policy.min_ready_percent
    for who, uid in sorted({(controller_name(p), controller_uid(p)) for p in lost if controller_uid(p)}):
        # What has done its work, as pods of a Job do, is not missing.
        siblings = [p for p in owned_by(pods, uid) if not _is_over(p)]
        left = sum(_ready(p) for p in siblings if p["metadata"]["uid"] not in going and not _leaves(p))
        if len(siblings) < SEVERAL or left * 100 >= len(siblings) * percent:
            continue
        return Refusal(
            Reason.WOULD_BREAK_BUDGET,
            f"{left} of {len(siblings)} pods of {who} in namespace {space} would be left ready, and guardrails.minReadyPercent "
            f"asks for {percent} %; scale it up first, or give it a PodDisruptionBudget, which says how many it can spare",
        )
    return None


def _leaves(pod: Json) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _is_over(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _taken(draft: Draft) -> frozenset[str]:
    """Uids of pods that other incidents take, one or a node's, perhaps after the lists were read."""
    looked = draft.seen.evidence_started or draft.now
    fresh = [d for d in draft.seen.census.deeds if d.unseen_since(looked)]
    return _going(draft, frozenset({DELETE_POD})) | {uid for d in fresh for uid in d.removes}


def _going(draft: Draft, actions: frozenset[str]) -> frozenset[str]:
    """Uids of what other incidents have begun to take out, perhaps after the lists were read: it counts as done."""
    looked = draft.seen.evidence_started or draft.now
    return frozenset(d.target for d in draft.seen.census.deeds if d.action in actions and d.unseen_since(looked))


def _not_all(answer: Answer, what: str, limit: int) -> Refusal | None:
    """What was not counted to the end says nothing about how much is left."""
    if is_cut(answer):
        why = f"there are more than {limit}; act by hand"
    elif isinstance(answer, Found):
        return None
    else:
        why = f"{answer.message if isinstance(answer, Failed) else 'not there'}; asked again"
    return Refusal(Reason.NO_DATA_NOW, f"The {what} that would be left can't be counted: {why}")


def _paced(budgets: Iterable[Json], pod: Json) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return any(selects(b["spec"].get("selector"), labels) for b in budgets)


def _ready(obj: Json) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
