"""The leash on the operator's own writes, as generated: marked, by uid, out of protected namespaces, and stopped by a freeze."""

import copy
from typing import Any

import pytest
from tools.policy_rights import RESOURCES, VERSIONS

from admission import Json, Person, Refused, Request, Right, admit
from stanch.api.meta import TargetKind
from stanch.api.names import OPERATOR_USER, Label
from stanch.core.freeze import FROZEN_WORDS, met, question
from stanch.core.observations import Failed
from stanch.core.ports import Aim
from stanch.core.questions import REF_OF_KIND
from stanch.core.swap import action_id

OPERATOR, SOMEBODY = Person(OPERATOR_USER), Person("alice")
OLD, NEW = action_id("uid", "wish", 1), action_id("uid", "wish", 2)
UNDO = action_id("uid", "wish", 2, undoes=True)
KINDS = [kind for kind in sorted(RESOURCES) if kind is not TargetKind.POD]
PROTECTED = ("kube-system", "kube-public", "kube-node-lease", "stanch-system")


def thawed(right: Right) -> bool:
    """Every right but to be frozen."""
    return right.verb != "freeze"


def frozen(*resources: str, namespace: str = "shop") -> Any:
    """The operator is bound to a role with the verb on these, in one namespace."""
    held = [Right(OPERATOR_USER, "freeze", "stanch.dev", r, "", namespace) for r in resources]
    return lambda right: right in held


def thing(mark: str | None = None, **spec: Any) -> Json:
    """Some object, with our label on it or not."""
    labels = {"app": "web"} | ({Label.ACTION: mark} if mark is not None else {})
    return {"metadata": {"name": "web", "labels": labels}, "spec": {"replicas": 3, **spec}}


def write(new: Json | None, old: Json | None = None, kind: TargetKind = TargetKind.DEPLOYMENT, **how: Any) -> Request:
    """The operator writes it."""
    group, resource = RESOURCES[kind]
    namespace = "" if kind is TargetKind.NODE else how.pop("namespace", "shop")
    operation = how.pop("operation", "UPDATE")
    version = VERSIONS.get(group, "v1")
    return Request(how.pop("by", OPERATOR), operation, resource, new, old, namespace, group, version, **how)


def refusal(request: Request, may: Any = thawed) -> str:
    """Why it is refused; '' when it is not."""
    try:
        admit(request, may)
    except Refused as error:
        return error.message if error.policy.startswith("stanch-operator-leash") else repr(error)
    return ""


# --- marked ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_write_carries_a_new_action_id(kind: TargetKind) -> None:
    """Of every kind that is acted on: without one, or with the one that is there, a write can't be told from its repetition."""
    assert "carries a new label" in refusal(write(thing(replicas=4), thing(), kind))
    assert f'it was "{OLD}" and is "{OLD}"' in refusal(write(thing(OLD, replicas=4), thing(OLD), kind))
    assert "carries a new label" in refusal(write(thing("", replicas=4), thing(OLD), kind))
    assert "" == refusal(write(thing(NEW, replicas=4), thing(OLD), kind))
    assert "" == refusal(write(thing(NEW, replicas=4), thing(), kind))


def test_our_label_comes_off_and_nothing_with_it() -> None:
    """Cleaning up is no effect; what is changed at the same time is one."""
    assert "" == refusal(write(thing(), thing(OLD)))
    changes: tuple[Json, ...] = (
        {"spec": {"replicas": 4}},
        {"data": {"a": "b"}},
        {"binaryData": {"a": "Yg=="}},
        {"immutable": True},
        {"operation": {"sync": {}}},
    )
    for change in changes:
        assert "carries a new label" in refusal(write({**thing(), **change}, thing(OLD)))
    for meta in (
        {"annotations": {"a": "b"}},
        {"labels": {"app": "other"}},
        {"labels": {}},
        {"labels": {"app": "web", "x": "y"}},
    ):
        new = thing()
        new["metadata"] |= meta
        assert "carries a new label" in refusal(write(new, thing(OLD)))

    assert "carries a new label" in refusal(write(thing(), {**thing(OLD), "data": {"a": "b"}}))


def test_our_label_alone_is_an_effect_of_ours_unless_it_comes_off() -> None:
    """While only undoing is allowed, a mark that is put on says that something was begun; on a target that is no undo."""
    may = frozen("mitigations")
    for new, old in ((thing(NEW), thing(OLD)), (thing(NEW), thing())):
        assert "stanch is frozen" in refusal(write(new, old), may)
        assert "" == refusal(write(new, old))
    assert "" == refusal(write(thing(), thing(OLD)), may)
    assert "" == refusal(write(thing(UNDO), thing(OLD)), may)


@pytest.mark.parametrize("field", ["ownerReferences", "finalizers"])
def test_owners_and_finalizers_stay_as_they_are(field: str) -> None:
    """An owner that is not there has the object deleted; also with a new mark, and when the mark comes off."""
    for new, old in ((thing(NEW, replicas=4), thing(OLD)), (thing(), thing(OLD))):
        with_it, without = copy.deepcopy(new), copy.deepcopy(old)
        with_it["metadata"][field] = ["x"]
        assert "neither owner references nor finalizers" in refusal(write(with_it, without))
        without["metadata"][field] = ["y"]
        assert "neither owner references nor finalizers" in refusal(write(with_it, without))
        without["metadata"][field] = ["x"]
        assert "" == refusal(write(with_it, without))


def test_each_kind_is_meant_in_the_version_that_stanch_speaks() -> None:
    """A rule for another version of it would be one for nothing."""
    assert {k: REF_OF_KIND[k.value].version for k in RESOURCES} == {
        k: VERSIONS.get(group, "v1") for k, (group, _) in RESOURCES.items()
    }
    assert {k: (REF_OF_KIND[k.value].group, REF_OF_KIND[k.value].plural) for k in RESOURCES} == dict(RESOURCES)
    assert set(RESOURCES) == set(TargetKind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sub", ["scale", "status"])
def test_no_subresource_is_written(kind: TargetKind, sub: str) -> None:
    """There the label is dropped in silence."""
    assert "never a subresource such as scale" in refusal(write(thing(NEW, replicas=4), thing(), kind, sub=sub))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", ["CREATE", "DELETE"])
def test_nothing_is_made_or_deleted(kind: TargetKind, operation: str) -> None:
    """It changes what is there."""
    new, old = (thing(NEW), None) if operation == "CREATE" else (None, thing(OLD))
    assert "neither creates nor deletes" in refusal(write(new, old, kind, operation=operation))


@pytest.mark.parametrize("namespace", PROTECTED)
def test_protected_namespaces_are_out_of_reach(namespace: str) -> None:
    """Whatever a policy says, and however it is marked; not even the label comes off there."""
    for new, old in ((thing(NEW, replicas=4), thing()), (thing(), thing(OLD))):
        assert f"namespace {namespace} is protected" in refusal(write(new, old, namespace=namespace))


def test_others_are_not_on_the_leash() -> None:
    """It is about us, also while we are frozen."""
    for request in (
        write(thing(replicas=4), thing(), by=SOMEBODY),
        write(thing(), None, operation="CREATE", by=SOMEBODY),
        write(None, thing(), operation="DELETE", by=SOMEBODY),
        write(thing(replicas=4), thing(), by=SOMEBODY, sub="scale", namespace="kube-system"),
    ):
        assert "" == refusal(request, frozen("mitigations", "undos"))


# --- frozen ----------------------------------------------------------------------------------------------------------

WRITES = {
    "an effect": (write(thing(NEW, replicas=4), thing(OLD)), {"mitigations"}),
    "an undo": (write(thing(UNDO, replicas=4), thing(OLD)), {"undos"}),
    "our label off": (write(thing(), thing(OLD)), {"undos"}),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_freeze_stops_what_it_is_about(what: str) -> None:
    """`Halted` all of it, `UndoOnly` what is no undo; in that namespace, and in words that the operator knows for a freeze."""
    request, stopped_by = WRITES[what]
    assert "stanch is frozen in namespace shop" in refusal(request, frozen("mitigations", "undos"))
    assert ("" == refusal(request, frozen("mitigations"))) == (stopped_by == {"undos"})
    assert "" == refusal(request, frozen("mitigations", "undos", namespace="other"))
    assert met(Failed(403, refusal(request, frozen("mitigations", "undos"))))


def test_a_node_is_frozen_with_the_cluster() -> None:
    """It lives in no namespace."""
    request = write(thing(NEW, replicas=4), thing(OLD), TargetKind.NODE)
    assert f"{FROZEN_WORDS} in this cluster" in refusal(request, frozen("mitigations", namespace=""))
    assert "" == refusal(request, frozen("mitigations", namespace="shop"))


@pytest.mark.parametrize("undoes", [False, True])
@pytest.mark.parametrize("kind", [TargetKind.DEPLOYMENT, TargetKind.NODE])
def test_the_guard_asks_what_the_leash_asks(kind: TargetKind, undoes: bool) -> None:
    """Else the record would say one thing and the API server do another."""
    asked: list[Right] = []
    request = write(thing(UNDO if undoes else NEW, replicas=4), thing(OLD), kind)
    refusal(request, lambda right: bool(asked.append(right)))
    mine = question(Aim(kind, "web", None if kind is TargetKind.NODE else "shop"), undoes=undoes)
    theirs = [r for r in asked if r.verb == "freeze"]
    assert [Right(mine.username, mine.verb, mine.group, mine.resource, "", mine.namespace)] == theirs


# --- pods ------------------------------------------------------------------------------------------------------------

UID = {"preconditions": {"uid": "u"}}


def pod(
    operation: str, sub: str = "", new: Json | None = None, options: Json | None = None, namespace: str = "shop"
) -> Request:
    """The operator does something to a pod."""
    old = thing() if operation in ("DELETE", "UPDATE") else None
    return Request(OPERATOR, operation, "pods", new, old, namespace, "", "v1", sub, options or {})


def eviction(**options: Any) -> Json:
    """The body of an eviction."""
    return {"metadata": {"name": "web"}, **({"deleteOptions": options} if options else {})}


def test_a_pod_goes_only_by_its_uid() -> None:
    """A name may mean another pod a second later."""
    assert "" == refusal(pod("DELETE", options=UID))
    assert "" == refusal(pod("CREATE", "eviction", eviction(**UID)))
    for options in ({}, {"preconditions": {}}, {"preconditions": {"resourceVersion": "1"}}):
        assert "only by its uid" in refusal(pod("DELETE", options=copy.deepcopy(options)))
        assert "only by its uid" in refusal(pod("CREATE", "eviction", eviction(**options)))


@pytest.mark.parametrize(
    ("operation", "sub"),
    [
        ("CREATE", ""),
        ("UPDATE", ""),
        ("UPDATE", "status"),
        ("UPDATE", "ephemeralcontainers"),
        ("CREATE", "binding"),
        ("CONNECT", "exec"),
        ("CONNECT", "attach"),
        ("CONNECT", "portforward"),
        ("CONNECT", "proxy"),
        ("DELETE", "eviction"),
    ],
)
def test_nothing_else_is_done_to_pods(operation: str, sub: str) -> None:
    """Not written, not executed in."""
    new = None if operation == "DELETE" else thing()
    assert "does nothing else to them" in refusal(pod(operation, sub, new, UID))


def test_logs_are_read() -> None:
    """They are evidence, also in a freeze."""
    assert "" == refusal(pod("CONNECT", "log"), frozen("mitigations", "undos"))


@pytest.mark.parametrize("namespace", PROTECTED)
def test_no_pod_is_deleted_in_protected_namespaces(namespace: str) -> None:
    """Evicted it may be, for a drain is everybody's."""
    assert "protected namespace" in refusal(pod("DELETE", options=UID, namespace=namespace))
    assert "" == refusal(pod("CREATE", "eviction", eviction(**UID), namespace=namespace))


@pytest.mark.parametrize("request_", [pod("DELETE", options=UID), pod("CREATE", "eviction", eviction(**UID))])
def test_a_freeze_stops_taking_pods_away(request_: Request) -> None:
    """Nothing brings them back, so it is never an undo."""
    assert "stanch is frozen in namespace shop" in refusal(request_, frozen("mitigations"))
    assert "" == refusal(request_, frozen("mitigations", namespace="other"))
