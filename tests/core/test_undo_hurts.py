"""An exact undo may do harm: back to where nobody answers, or pods for a node that is sick. Then it takes two people who know."""

from typing import Any

import pytest

from build import Json, entry, node
from objects import FLUX, managed, route, service, slices, tracked, wish, world
from stanch.api.incident_status import WishState
from stanch.api.meta import TargetKind
from stanch.core.asking import target_of
from stanch.core.observations import Failed, Observations
from stanch.core.ports import Aim, LooksBack, Refusal
from stanch.core.questions import List
from stanch.mitigations import ALL
from stanch.mitigations.drain import DrainNode
from world import World

BLUE, GREEN = tracked("blue", app="checkout", track="stable"), tracked("green", app="checkout2")
BOTH = [slices("v1", "a"), slices("v2", "b")]
SELECTED = {"app": "checkout", "track": "stable"}


def shifted(**more: Any) -> World:
    """All traffic to green."""
    asked = wish("Service", "web", serviceShift={"selector": {"app": "checkout2"}}, **more)
    there = world(asked, services=service(), pods=[BLUE, GREEN], endpointslices=slices("web", "green"))
    return begun(there)


def weighted(**more: Any) -> World:
    """v1 gets nothing any more."""
    asked = wish("HTTPRoute", "web", routeShift={"weights": [{"backend": "v1", "weight": 0}]}, **more)
    return begun(world(asked, httproutes=route(90, 10), endpointslices=BOTH))


def cordoned(action: str = "cordon", **more: Any) -> World:
    """Node node-1 takes no pods; node-2 does."""
    there = world(wish("Node", "node-1", **{action: {}}, **more), nodes=[node("node-1"), node("node-2")])
    meta = there.incident.metadata.model_copy(update={"namespace": "stanch-system"})
    there.incident = there.incident.model_copy(update={"metadata": meta})
    return begun(there)


def begun(there: World) -> World:
    """The effect is there, and nothing broke."""
    there.run(seconds=40)
    assert (1, WishState.DONE) == (len(there.effects), there.record("act").state), there.record("act").message
    return there


def nobody_in_blue(there: World) -> None:
    """A team scaled what nobody used to 0."""
    del there.objects[("pods", "blue")]


def nobody_in_v1(there: World) -> None:
    """The same behind a route."""
    there.objects[("endpointslices", "v1-x")]["endpoints"] = []


def sick(there: World) -> None:
    """The kubelet is silent."""
    there.objects[("nodes", "node-1")]["status"]["conditions"][0]["status"] = "Unknown"


def leaving(there: World) -> None:
    """The autoscaler takes it away."""
    there.objects[("nodes", "node-1")]["spec"]["taints"] = [{"key": "ToBeDeletedByClusterAutoscaler"}]


def deleted(there: World) -> None:
    """Somebody deletes it."""
    there.objects[("nodes", "node-1")]["metadata"]["deletionTimestamp"] = "2026-11-21T14:00:00Z"


HURTS = {
    "serviceShift": (shifted, nobody_in_blue, "Service shop/web would be left with 0 ready endpoints"),
    "routeShift": (weighted, nobody_in_v1, "Service v1 has no ready endpoints, and rule r0 of HTTPRoute shop/web"),
    "cordon, sick": (cordoned, sick, "Node node-1 is not Ready"),
    "cordon, leaving": (cordoned, leaving, "about to be removed (taint ToBeDeletedByClusterAutoscaler)"),
    "cordon, deleted": (cordoned, deleted, "Node node-1 is being deleted"),
}


def say(there: World, who: str = "alice", **said: Any) -> World:
    """Somebody says something now."""
    name = f"said-{len(there.entries)}"
    return there.say(entry(who, after=there.now - there.incident.declared, name=name, **said))


@pytest.mark.parametrize("case", HURTS)
def test_what_was_to_go_back_by_itself_is_owed_instead(case: str) -> None:
    """Chosen when it did no harm: now it is a debt that asks, told once, and nothing is written."""
    make, spoil, words = HURTS[case]
    there = make(revert="OnExpiry", ttl="5m")
    spoil(there)
    there.run(minutes=8)
    record = there.record("act")
    assert (1, WishState.DONE, "UndoWouldHurt") == (len(there.effects), record.state, record.reason)
    assert words in record.message
    assert ["Ask"] == [debt.revert for debt in there.incident.status.debt]
    assert 1 == there.kinds().count("UndoRefused")
    assert [] == there.broken


@pytest.mark.parametrize("case", HURTS)
def test_a_person_is_told_and_may_force_it_with_another(case: str) -> None:
    """Asked for by one it is refused, with what would free it; forced, it waits for another who reads what it does."""
    make, spoil, words = HURTS[case]
    there = make()
    spoil(there)
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert words in there.record("act").message
    assert "Undo it when that is no longer so, or undo with force" in there.record("act").message
    say(there, text="It must go", undo={"mitigation": "act", "force": True}).run(minutes=1)
    record = there.record("act")
    assert (1, "ApprovalMissing") == (len(there.effects), record.reason)
    assert words in record.message
    said = {"mitigation": "act", "action": record.action, "digest": record.undo_asked.digest}
    say(there, "bob", approve=said).run(minutes=1)
    assert (2, WishState.UNDONE, []) == (len(there.effects), there.record("act").state, there.broken)


def test_denied_by_force_it_stays_a_debt_that_asks() -> None:
    """And a hold on it stays, too: nobody else wrote there."""
    there = shifted()
    nobody_in_blue(there)
    say(there, text="It must go", undo={"mitigation": "act", "force": True}).run(minutes=1)
    say(there, "bob", deny={"mitigation": "act", "action": "serviceShift"}).run(minutes=1)
    assert ("UndoWouldHurt", 1) == (there.record("act").reason, len(there.effects))


@pytest.mark.parametrize("case", ["serviceShift", "cordon, sick"])
def test_when_it_is_well_again_a_person_takes_it_back(case: str) -> None:
    """Without force."""
    make, spoil, _ = HURTS[case]
    there = make()
    well = {key: dict(body) for key, body in there.fork().objects.items()}
    spoil(there)
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert "UndoWouldHurt" == there.record("act").reason
    for key, body in well.items():
        there.objects.setdefault(key, body)
        there.objects[key]["status"] = body.get("status") or {}
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert (2, WishState.UNDONE) == (len(there.effects), there.record("act").state)


def test_a_drained_node_is_looked_at_as_a_cordoned_one_is() -> None:
    """Its undo is the cordon's; of a node that was cordoned before it is none."""
    there, aim = cordoned(), Aim(TargetKind.NODE, "node-1", None)
    sick(there)
    seen = Observations(answers={target_of(aim): there.answer(target_of(aim))})
    undo = {"before": {"/spec/unschedulable": "__absent__"}, "after": {"/spec/unschedulable": True}}
    refusal = DrainNode().undo_refusal(undo, aim, seen)
    assert isinstance(refusal, Refusal)
    assert "is not Ready" in refusal.message
    assert DrainNode().undo_refusal(undo | {"before": undo["after"]}, aim, seen) is None
    looks_back = {m.name for m in ALL if isinstance(m, LooksBack)}
    assert {"cordon", "drain", "serviceShift", "routeShift"} == looks_back


def test_back_to_nobody_from_nobody_is_no_harm() -> None:
    """Where nobody answers now either, the way back is free."""
    there = shifted()
    for name in ("blue", "green"):
        del there.objects[("pods", name)]
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert SELECTED == there.objects[("services", "web")]["spec"]["selector"]


def test_a_backend_that_gets_less_again_needs_nobody() -> None:
    """v2 is gone, and goes back to less."""
    there = weighted()
    there.objects[("endpointslices", "v2-x")]["endpoints"] = []
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert WishState.UNDONE is there.record("act").state


def test_back_to_nobody_is_no_harm_on_a_route_either() -> None:
    """Where traffic goes now nobody answers: what it came from, which is about to start again, is no worse."""
    there = weighted()
    nobody_in_v1(there)
    there.objects[("endpointslices", "v2-x")]["endpoints"] = []
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert WishState.UNDONE is there.record("act").state


def test_what_nobody_can_tell_can_be_forced() -> None:
    """A list that is cut, or a right that is gone, must not keep it for ever: another person who agrees is enough."""
    there = shifted()
    otherwise = there.answer

    def answer(question: Any) -> Any:
        silent = isinstance(question, List) and question.ref.plural == "pods"
        return Failed(403, "may not list pods") if silent else otherwise(question)

    there.answer = answer  # type: ignore[method-assign]
    say(there, text="It must go", undo={"mitigation": "act", "force": True}).run(minutes=1)
    record = there.record("act")
    assert (1, "ApprovalMissing") == (len(there.effects), record.reason)
    said = {"mitigation": "act", "action": record.action, "digest": record.undo_asked.digest}
    say(there, "bob", approve=said).run(minutes=1)
    assert (2, WishState.UNDONE, []) == (len(there.effects), there.record("act").state, there.broken)


def test_while_nobody_can_tell_it_waits() -> None:
    """Pods can't be listed: not refused for good, and not done."""
    there = shifted()
    otherwise = there.answer

    def answer(question: Any) -> Any:
        silent = isinstance(question, List) and question.ref.plural == "pods"
        return Failed(500, "etcd is away") if silent else otherwise(question)

    there.answer = answer  # type: ignore[method-assign]
    say(there, undo={"mitigation": "act"}).run(minutes=1)
    assert ("NotReadable", 1) == (there.record("act").reason, len(there.effects))
    del there.answer
    assert WishState.UNDONE is there.run(minutes=1).record("act").state


def test_a_hold_stays_with_what_could_not_go_back() -> None:
    """Lifted, Flux would put the selector back all the same."""
    asked: Json = wish("Service", "web", serviceShift={"selector": {"app": "checkout2"}}, revert="OnExpiry", ttl="5m")
    there = world(asked, services=service(), pods=[BLUE, GREEN], endpointslices=slices("web", "green"))
    meta = there.objects[("services", "web")]["metadata"]
    meta["labels"] = {
        "kustomize.toolkit.fluxcd.io/name": "shop",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    fields = {"f:spec": {"f:selector": {}}}
    meta["managedFields"] = [{"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields}]
    there.run(minutes=1)
    assert WishState.DONE is there.record("hold-act").state
    nobody_in_blue(there)
    there.run(minutes=8)
    assert (2, "UndoWouldHurt") == (len(there.effects), there.record("act").reason)
    assert WishState.DONE is there.record("hold-act").state


def held_shift(**more: Any) -> World:
    """All traffic to green, and Flux, which would put it back, is held for that."""
    asked = wish("Service", "web", serviceShift={"selector": {"app": "checkout2"}}, **more)
    steered = service()
    steered["metadata"]["labels"] |= FLUX
    steered["metadata"]["managedFields"] = managed("kustomize-controller", {"f:spec": {"f:selector": {}}})
    there = world(asked, services=steered, pods=[BLUE, GREEN], endpointslices=slices("web", "green"))
    there.run(seconds=40)
    assert (2, WishState.DONE, WishState.DONE) == (
        len(there.effects),
        there.record("hold-act").state,
        there.record("act").state,
    )
    return there


def test_a_hold_of_what_is_not_taken_back_is_owed_and_says_why() -> None:
    """Chosen to go with it: it stays, its debt asks, names the reason, and is told once."""
    there = held_shift(revert="OnExpiry", ttl="5m")
    nobody_in_blue(there)
    there.run(minutes=12)
    assert "UndoWouldHurt" == there.record("act").reason
    debt = next(d for d in there.incident.status.debt if d.name == "hold-act")
    assert "Ask" == debt.revert
    assert (
        "It waits for act, which is not taken back: Undo refused: Service shop/web would be left with 0" in debt.brings
    )
    told = [line.text for line in there.incident.status.timeline if line.kind == "UndoRefused"]
    assert 2 == len(told)
    assert told[1].startswith(
        "hold-act: not lifted by itself, for act has to go back before it, and does not: Undo refused:"
    )
    assert (2, []) == (len(there.effects), there.broken)


def test_once_that_is_taken_back_the_hold_goes_as_it_was_chosen() -> None:
    """Somebody forced it."""
    there = held_shift(revert="OnExpiry", ttl="5m")
    nobody_in_blue(there)
    there.run(minutes=12)
    say(there, text="It must go", undo={"mitigation": "act", "force": True}).run(minutes=1)
    record = there.record("act")
    said = {"mitigation": "act", "action": record.action, "digest": record.undo_asked.digest}
    say(there, "bob", approve=said).run(minutes=2)
    assert (WishState.UNDONE, WishState.UNDONE) == (there.record("act").state, there.record("hold-act").state)
    assert ((), []) == (there.incident.status.debt or (), there.broken)
