"""Where pods would go when a node takes none any more: a node with a taint that they do not tolerate is no such place."""

from typing import Any

import pytest

from build import Json, node
from core.test_removals import LATER, drain, owned, world
from world import World

CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
GPU = {"key": "gpu", "value": "a100", "effect": "NoSchedule"}
PREFERS = {"key": "spot", "effect": "PreferNoSchedule"}
EVICTS = {"key": "maintenance", "effect": "NoExecute"}
PRESSURE = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
GOING = {"key": "ToBeDeletedByClusterAutoscaler", "value": "1", "effect": "NoSchedule"}
CORDON = {"name": "act", "target": {"kind": "Node", "name": "node-1"}, "cordon": {}}


def cordon(*taints: Json, own: tuple[Json, ...] = ()) -> World:
    """Two ready nodes: node-1 with its own taints is to be cordoned, node-2 has these."""
    there = world(CORDON, namespace="stanch-system")
    there.objects[("nodes", "node-1")] = node("node-1", taints=list(own))
    there.objects[("nodes", "node-2")] = node("node-2", taints=list(taints))
    return there.run(seconds=20)


@pytest.mark.parametrize(
    ("others", "own", "goes"),
    [
        ((), (), True),
        ((CONTROL_PLANE,), (), False),
        ((EVICTS,), (), False),
        ((PREFERS,), (), True),
        ((GPU,), (GPU,), True),
        ((GPU | {"value": "h100"},), (GPU,), False),
        ((), (GPU,), True),
        ((PRESSURE,), (PRESSURE,), False),
        ((GOING,), (GOING,), False),
    ],
    ids=str,
)
def test_a_node_is_not_cordoned_when_its_pods_could_go_nowhere(
    others: tuple[Json, ...], own: tuple[Json, ...], goes: bool
) -> None:
    """What runs behind a taint bears it; what the cluster itself tainted takes nobody, on both."""
    there = cordon(*others, own=own)
    assert goes == (1 == len(there.effects))
    if not goes:
        said = there.record("act").message or ""
        assert "is the only ready node that takes pods" in said
        assert f"node-2 has taint {others[0]['key']}" in said


def test_with_no_other_node_nothing_is_said_of_taints() -> None:
    """As before."""
    there = world(CORDON, namespace="stanch-system")
    del there.objects[("nodes", "node-2")]
    there.run(seconds=20)
    assert (there.record("act").message or "").endswith("takes pods; add or uncordon another first")


def tolerating(name: str, *tolerations: Json) -> Json:
    """A pod on node-1 that bears these."""
    return owned(name, tolerations=list(tolerations))


def emptied(taint: Json, *pods: Json) -> World:
    """A drain of node-1 of these pods, where node-2 has a taint."""
    there = drain(*pods)
    there.objects[("nodes", "node-2")] = node("node-2", taints=[taint])
    there.wait(there.now + LATER)
    return there


@pytest.mark.parametrize(
    ("toleration", "goes"),
    [
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "value": "a100"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "h100"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "Gt", "value": "1"}, False),
        (None, False),
    ],
    ids=str,
)
def test_a_node_is_drained_when_all_that_goes_bears_the_taint_elsewhere(toleration: Any, goes: bool) -> None:
    """All of them: one that finds no place is one too many."""
    bears = tolerating("a", {"operator": "Exists"})
    pods = [bears, tolerating("b", *([toleration] if toleration else []))]
    assert goes == bool(emptied(GPU, *pods).effects)
