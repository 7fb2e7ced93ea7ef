"""A drain takes pods away whose logs nobody else keeps: these are captured, and no other pod's of that node."""

from evidence.sample import Obj, capture, crash, files, listed, observe, pod
from stanch.api.evidence import PODS_LOST_MAX
from stanch.api.meta import Severity, TargetKind
from stanch.api.names import MissingReason
from stanch.core.observations import Found, Observations
from stanch.core.ports import Aim
from stanch.core.questions import Logs
from stanch.evidence.bundle import bundle
from stanch.evidence.dig import uid_of
from stanch.evidence.gather import questions

NODE = Aim(TargetKind.NODE, "n1", None)


def in_namespace(name: str, one: Obj) -> Obj:
    """The same pod in another namespace."""
    one["metadata"] |= {"namespace": name, "uid": f"{name}/{one['metadata']['name']}"}
    return one


def node_with(*pods: Obj) -> Observations:
    """A node, and what runs on it."""
    node = {"metadata": {"name": "n1", "uid": "n1"}, "spec": {}, "status": {}}
    return observe(NODE, {"target": Found(node), "events": listed(), "pods": listed(*pods)})


def asked(seen: Observations, *pods: Obj) -> list[Logs]:
    """Logs that are asked for when these pods go."""
    found = questions(NODE, seen, Severity.SEV2, frozenset(map(uid_of, pods)))
    return [q for q in found if isinstance(q, Logs)]


def test_only_pods_that_go_are_looked_at():
    """What stays on the node is others' business; a cordon alone looks at nobody."""
    goes, stays = in_namespace("shop", crash("goes")), in_namespace("bank", pod("stays"))
    seen = node_with(goes, stays)
    assert [("shop", "goes", True), ("shop", "goes", False)] == [
        (q.namespace, q.pod, q.previous) for q in asked(seen, goes)
    ]
    assert [] == asked(seen)


def test_pods_of_one_name_in_two_namespaces_are_both_kept():
    """A StatefulSet's pod is called the same everywhere."""
    both = [in_namespace("shop", pod("db-0")), in_namespace("bank", pod("db-0"))]
    seen = node_with(*both)
    answers = {q: Found({"text": f"I am of {q.namespace}\n", "dropped": 0}) for q in asked(seen, *both)}
    made = bundle(capture(seen.with_answers(answers), NODE, loses=frozenset(map(uid_of, both))))
    kept = files(made)
    assert b"I am of shop\n" == kept["pod/shop/db-0/app.log"]
    assert b"I am of bank\n" == kept["pod/bank/db-0/app.log"]


def test_a_full_node_is_looked_at_in_part_and_says_so():
    """Failing pods first; that the others were not looked at is written down."""
    pods = [in_namespace("shop", pod(f"a{i:03}")) for i in range(PODS_LOST_MAX + 5)]
    last = in_namespace("shop", crash("z"))
    seen = node_with(*pods, last)
    logs = asked(seen, *pods, last)
    assert PODS_LOST_MAX == len({q.pod for q in logs})
    assert "z" in {q.pod for q in logs}
    made = bundle(capture(seen, NODE, loses=frozenset(map(uid_of, [*pods, last]))))
    told = [m for m in made.missing if m.name == "pod/others"]
    assert [(MissingReason.BUDGET_FULL, "6 more pods go than are looked at")] == [(m.reason, m.message) for m in told]
