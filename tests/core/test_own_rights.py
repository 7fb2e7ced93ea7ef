"""Guard 3: what the operator itself may not do is not begun; the refusal names the right, and binding its role frees it."""

import pytest

from build import BAD, GOOD, pod
from core.test_authority import CASES, IDS, WAITS, aim_at, drafted
from objects import controller_revision, stateful, wish, world
from stanch.api.meta import TargetKind
from stanch.api.names import OPERATOR_USER, Reason
from stanch.core.observations import Failed, Found, NotFound
from stanch.core.own_rights import operator_may
from stanch.core.ports import Mitigation
from stanch.core.questions import MayThey
from world import CATALOG, World

# The actions that take more than a patch.
TAKES = [(m, kind) for m, kind in CASES if any(need.verb != "patch" for need in m.needs[kind])]


def lacks(verb: str, resource: str) -> object:
    """The operator may do all but this."""
    return lambda q: (q.verb, q.resource) != (verb, resource)


def asked(mitigation: Mitigation, kind: TargetKind) -> list[MayThey]:
    """What is asked about the operator."""
    draft = drafted()
    record = WAITS.model_copy(update={"action": mitigation.name})
    assert operator_may(draft, record, aim_at(kind)) is None
    return [q for q in draft.questions if isinstance(q, MayThey)]


@pytest.mark.parametrize(("mitigation", "kind"), CASES, ids=IDS)
def test_it_asks_for_each_right_that_no_dry_run_tells_of(mitigation: Mitigation, kind: TargetKind) -> None:
    """All at once, where the target lives. That it may patch the target, the dry run of the patch tells."""
    questions = asked(mitigation, kind)
    others = {(n.verb, n.group, n.resource, n.subresource) for n in mitigation.needs[kind] if n.verb != "patch"}
    assert others == {(q.verb, q.group, q.resource, q.subresource) for q in questions}
    assert all(q.username == OPERATOR_USER for q in questions)
    assert all(q.namespace == ("" if kind is TargetKind.NODE else "shop") for q in questions)


@pytest.mark.parametrize(("mitigation", "kind"), TAKES, ids=[f"{m.name}-{k.value}" for m, k in TAKES])
def test_each_of_them_is_needed(mitigation: Mitigation, kind: TargetKind) -> None:
    """All but one are not enough; the refusal names the verb and the resource."""
    questions, record = asked(mitigation, kind), WAITS.model_copy(update={"action": mitigation.name})
    for missing in questions:
        draft = drafted({q: Found({"allowed": q != missing}) for q in questions})
        refusal = operator_may(draft, record, aim_at(kind))
        assert refusal is not None
        assert "PermissionMissing" == refusal.reason
        assert f"The operator may not {missing.verb} {missing.resource}" in refusal.message
    everything = drafted({q: Found({"allowed": True}) for q in questions})
    assert operator_may(everything, record, aim_at(kind)) is None


@pytest.mark.parametrize(
    "answer", [Failed(500, "no answer"), NotFound(), Found({})], ids=["failed", "not-found", "empty"]
)
def test_a_right_that_cant_be_asked_is_none(answer: object) -> None:
    """Unknown is not allowed; what nobody answered is asked again, and no word about roles."""
    (question,) = asked(CATALOG.mitigations["rolloutUndo"], TargetKind.STATEFUL_SET)
    refusal = operator_may(drafted({question: answer}), WAITS, aim_at(TargetKind.STATEFUL_SET))  # type: ignore[dict-item]
    assert refusal is not None
    assert refusal.reason == (Reason.NO_DATA_NOW if isinstance(answer, Failed) else "PermissionMissing")


def pinned() -> World:
    """A StatefulSet whose bad pod has to be deleted for it to go back, which a second person agreed to."""
    bad = pod("h2", crashing=True)
    bad["metadata"] |= {"name": "checkout-0"}
    bad["metadata"]["labels"]["controller-revision-hash"] = "checkout-h2"
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    return world(
        wish("StatefulSet", "checkout", rolloutUndo={}), statefulsets=stateful(), controllerrevisions=kept, pods=bad
    )


def test_a_template_is_not_swapped_whose_pods_could_not_be_freed() -> None:
    """The dry run of the patch would have been accepted: nothing is written down, nothing done, nobody asked to agree."""
    there = pinned()
    there.operator_may = lacks("delete", "pods")  # type: ignore[assignment]
    there.run(minutes=1)
    record = there.record("act")
    assert ("PermissionMissing", None, []) == (record.reason, record.attempts, there.effects)
    assert "may not delete pods in namespace shop, which rolloutUndo on StatefulSet needs" in record.message
    assert "ApprovalNeeded" not in there.kinds()
    there.operator_may = lambda _: True
    assert there.run(minutes=1).record("act").approvals.needed == 1
