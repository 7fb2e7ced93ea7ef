"""Guard 13: what would be left. Nodes out of service are counted over all causes, not for each action (outages 4 and 6)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Reason
from stanch.core.asking import ALL_NODES, controller_uid, owned_by, pdbs, pods_in, target_of
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Failed, Found, is_cut, items
from stanch.core.ports import Aim, Refusal
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


def enough_pods_are_left(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """A workload of several pods keeps half of them ready, unless a PodDisruptionBudget says how many it can spare."""
    target = draft.seen.get(target_of(aim))
    if record.action != DELETE_POD or not isinstance(target, Found) or not _ready(target.value):
        return None  # One that is not ready serves nobody.
    if not (uid := controller_uid(target.value)):
        return None
    assert aim.namespace is not None
    listed = pods_in(aim.namespace)
    answer, budgets = draft.answer(listed), draft.answer(pdbs(aim.namespace))
    if answer is None or budgets is None or _paced(items(budgets), target.value):
        return None
    if unseen := _not_all(answer, "pods", listed.limit):
        return unseen
    siblings, going = owned_by(items(answer), uid), _going(draft, frozenset({DELETE_POD}))
    staying = (p for p in siblings if not p["metadata"].get("deletionTimestamp") and p["metadata"]["uid"] not in going)
    left = sum(_ready(p) for p in staying) - 1
    percent = draft.catalog.policy.min_ready_percent
    if len(siblings) < SEVERAL or left * 100 >= len(siblings) * percent:
        return None
    return Refusal(
        Reason.WOULD_BREAK_BUDGET,
        f"{left} of {len(siblings)} pods of its workload would be left ready, and guardrails.minReadyPercent asks for "
        f"{percent} %; scale it up first, or give it a PodDisruptionBudget, which says how many it can spare",
    )


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
