"""The operator's own token in the hands of an attacker: what the leash and its rights leave it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from attack.people import Place, entry, incident, refused
from cluster.given import evidence
from e2e.support.api import JSON_PATCH, MERGE, Api, Json, until
from e2e.support.world import deployment
from stanch.api.names import OPERATOR_NAMESPACE, Label

LEASH, PODS = "stanch-operator-leash", "stanch-operator-leash-pods"
NUMBERS = itertools.count(1)


def marked(value: str | None = None, **spec: Any) -> Json:
    """A change with our label, a new one unless said otherwise."""
    return {"metadata": {"labels": {Label.ACTION: value or f"{next(NUMBERS):016x}"}}, "spec": spec}


@pytest.fixture
def prey(place: Place, admin: Api) -> Place:
    """A Deployment that runs nothing, so that nothing has to be waited for."""
    admin.create(deployment(replicas=0), place.ns).must()
    return place


def test_every_write_is_marked_anew(prey: Place, taken_over: Api) -> None:
    """Without a mark, or with the one that is there: refused."""
    refused(taken_over.merge("deployments", prey.ns, "checkout", {"spec": {"paused": True}}), LEASH, Label.ACTION)
    taken_over.merge("deployments", prey.ns, "checkout", marked("aaaa", paused=True)).must()
    refused(taken_over.merge("deployments", prey.ns, "checkout", marked("aaaa", paused=False)), LEASH)


OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}


@pytest.mark.parametrize("value", ["aaaa", "bbbb"], ids=["the-mark-that-is-there", "a-new-mark"])
def test_the_garbage_collector_is_not_sent(prey: Place, admin: Api, taken_over: Api, value: str) -> None:
    """An owner that is not there has the object deleted; a finalizer keeps it for ever."""
    taken_over.merge("deployments", prey.ns, "checkout", marked("aaaa", paused=True)).must()
    for meta in ({"ownerReferences": [OWNER]}, {"finalizers": ["x.example/keep"]}):
        change = {"metadata": {"labels": {Label.ACTION: value}} | meta}
        refused(taken_over.merge("deployments", prey.ns, "checkout", change), LEASH, "neither owner references")
    kept = admin.get("deployments", prey.ns, "checkout")["metadata"]
    assert (kept.get("ownerReferences"), kept.get("finalizers")) == (None, None)


def test_scale_and_status_are_not_for_it(prey: Place, taken_over: Api) -> None:
    """On a subresource the mark would be dropped; its rights end before that."""
    for sub in ("scale", "status"):
        path = f"{taken_over.path('deployments', prey.ns, 'checkout')}/{sub}"
        assert taken_over.request("PATCH", path, {"spec": {"replicas": 9}}, MERGE).status == 403


def test_it_makes_and_deletes_nothing(prey: Place, taken_over: Api) -> None:
    """A workload of its own would run anything."""
    assert taken_over.create(deployment("mine"), prey.ns).status == 403
    assert taken_over.delete("deployments", prey.ns, "checkout").status == 403
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x"},
        "spec": deployment()["spec"]["template"]["spec"],
    }
    path = taken_over.path("pods", prey.ns)
    assert taken_over.request("POST", path, pod).status == 403
    assert taken_over.request("DELETE", path).status == 403


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", OPERATOR_NAMESPACE])
def test_protected_namespaces_are_out_of_reach(admin: Api, taken_over: Api, namespace: str) -> None:
    """Whatever an incident there asks for; its own namespace too."""
    name = f"prey-{next(NUMBERS)}"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    admin.request("POST", admin.path("configmaps", namespace), config).must()
    try:
        change = {"metadata": {"labels": {Label.ACTION: "a1"}}, "data": {"a": "b"}}
        refused(taken_over.merge("configmaps", namespace, name, change), LEASH, f"namespace {namespace} is protected")
    finally:
        admin.delete("configmaps", namespace, name)


def test_a_pod_goes_only_by_its_uid(prey: Place, admin: Api, taken_over: Api) -> None:
    """A name may mean another pod by now."""
    spec = deployment()["spec"]["template"]["spec"] | {"nodeSelector": {"no-such": "node"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    path = admin.path("pods", prey.ns)
    admin.request("POST", path, pod).must()
    refused(taken_over.request("DELETE", f"{path}/web"), PODS, "only by its uid")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    refused(taken_over.request("POST", f"{path}/web/eviction", eviction), PODS, "only by its uid")
    assert taken_over.request("PATCH", f"{path}/web", marked(), MERGE).status == 403
    assert taken_over.request("POST", f"{path}/web/exec?command=id", None).status == 403


def test_secrets_are_out_of_reach_but_its_own_by_name(prey: Place, taken_over: Api) -> None:
    """It can't list them at home, and can't read one elsewhere."""
    for namespace in (prey.ns, "kube-system", "default", OPERATOR_NAMESPACE):
        assert taken_over.request("GET", taken_over.path("secrets", namespace)).status == 403
    assert taken_over.request("GET", taken_over.path("secrets", "kube-system", "x")).status == 403
    assert taken_over.request("GET", "/api/v1/secrets").status == 403


def test_leases_are_out_of_reach_but_those_of_nodes(prey: Place, taken_over: Api) -> None:
    """Heartbeats are read one at a time; whose lock a Lease is elsewhere is nobody's business."""
    leases = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
    for namespace in (prey.ns, "kube-system", "default"):
        assert taken_over.request("GET", leases.format(namespace)).status == 403
        assert taken_over.request("GET", f"{leases.format(namespace)}/x").status == 403
    assert taken_over.request("GET", f"{leases.format('kube-node-lease')}/no-such-node").status == 404
    assert taken_over.request("GET", leases.format("kube-node-lease")).status == 403
    assert taken_over.request("GET", "/apis/coordination.k8s.io/v1/leases").status == 403


def test_it_gives_itself_no_right(prey: Place, taken_over: Api) -> None:
    """No role, no binding, no token of another, no other name."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    mine = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "stanch", "namespace": OPERATOR_NAMESPACE}],
    }
    assert taken_over.request("POST", f"{rbac}/clusterrolebindings", mine).status == 403
    assert taken_over.request("DELETE", f"{rbac}/clusterrolebindings/stanch-authn").status == 403
    token = f"{taken_over.path('serviceaccounts', prey.ns, 'default')}/token"
    assert taken_over.request("POST", token, {"spec": {}}).status == 403
    assert taken_over.as_user("admin", "system:masters").request("GET", "/api/v1/nodes").status == 403


def test_it_takes_no_policy_away(taken_over: Api) -> None:
    """Neither its leash, nor what proves who asked."""
    root = "/apis/admissionregistration.k8s.io/v1"
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        path = f"{root}/{plural}/{LEASH}"
        assert taken_over.request("DELETE", path).status == 403
        assert taken_over.request("PATCH", path, {"spec": {}}, MERGE).status == 403
    assert taken_over.request("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x").status == 403


def test_it_asks_for_nothing_and_says_nothing_in_peoples_name(prey: Place, taken_over: Api, admin: Api) -> None:
    """No incident, no wish in one that is there, no entry, no change of what was said."""
    assert taken_over.create(incident(), prey.ns).status == 403
    assert taken_over.create(entry(note={}), prey.ns).status == 403
    prey.alice.create(incident(), prey.ns).must()
    wish = [{"name": "x", "rolloutUndo": {}}]
    # Two policies are in the way, and it is not fixed which of them speaks; nor, of the wish and its stamp, which is named.
    answer = taken_over.merge("incidents", prey.ns, "checkout-5xx", {"spec": {"mitigations": wish}})
    assert answer.status == 403
    assert any(
        words in answer.message
        for words in (
            "asks for no mitigation itself",
            "spec.mitigations stays as it is",
            "spec.requesters stays as it is",
        )
    )
    assert "mitigations" not in admin.get("incidents", prey.ns, "checkout-5xx")["spec"]


def test_evidence_that_is_stored_stays_as_it_is(prey: Place, taken_over: Api) -> None:
    """It may make evidence, and not rewrite it: its CRD and the leash are in the way, whatever is changed."""
    made = taken_over.create(evidence(), prey.ns).must()
    path = taken_over.path("evidences", prey.ns, made["metadata"]["name"])
    for change in ({"spec": {"data": ""}}, {"spec": {"sha256": "1" * 64}}, {"metadata": {"annotations": {"a": "b"}}}):
        assert taken_over.request("PATCH", path, change, MERGE).status in (403, 422), change
    assert taken_over.request("PUT", path, made).status == 403
    assert taken_over.get("evidences", prey.ns, made["metadata"]["name"])["spec"] == made["spec"]


# --- frozen ----------------------------------------------------------------------------------------------------------


def binding(role: str, namespace: str | None) -> Json:
    """What the one-liner makes."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": "stanch-freeze"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "stanch", "namespace": OPERATOR_NAMESPACE}],
    }


@pytest.fixture(params=["namespace", "cluster"])
def freeze(request: pytest.FixtureRequest, prey: Place, admin: Api) -> Iterator[Any]:
    """Freezes the namespace, or everything; thaws afterwards."""
    where = prey.ns if request.param == "namespace" else None
    plural = "rolebindings" if where else "clusterrolebindings"

    def make(role: str) -> None:
        admin.create(binding(role, where), where).must()

    yield make
    admin.delete(plural, where, "stanch-freeze")


def soon(admin: Api, write: Any, *, ok: bool) -> Any:
    """The authorizer follows within milliseconds, on a machine that has time for it."""
    return until(lambda: reply if (reply := write()).ok == ok else None, 30, "the authorizer knows it", every=0.005)


def test_a_halt_holds_against_its_own_token(prey: Place, admin: Api, taken_over: Api, freeze: Any) -> None:
    """Every kind of write, dry runs too; thawed, it may again. Nothing of other people's is stopped."""
    taken_over.merge("deployments", prey.ns, "checkout", marked("u000", paused=True)).must()
    freeze("stanch-frozen")

    def act(value: str = "") -> Any:
        return taken_over.merge(
            "deployments", prey.ns, "checkout", marked(value or f"{next(NUMBERS):016x}", paused=False)
        )

    refused(soon(admin, act, ok=False), LEASH, "stanch is frozen", "stanch-frozen")
    refused(act(f"u{next(NUMBERS):015x}"), LEASH, "stanch is frozen")
    dry = taken_over.path("deployments", prey.ns, "checkout", dryRun="All")
    refused(taken_over.request("PATCH", dry, marked(paused=False), MERGE), "stanch is frozen")
    off = [{"op": "remove", "path": "/metadata/labels/stanch.dev~1action"}]
    path = taken_over.path("deployments", prey.ns, "checkout")
    refused(taken_over.request("PATCH", path, off, JSON_PATCH), "stanch is frozen")
    assert prey.alice.merge("deployments", prey.ns, "checkout", {"spec": {"replicas": 0}}).ok
    assert taken_over.request("GET", path).ok


def test_undo_only_lets_undos_through(prey: Place, admin: Api, taken_over: Api, freeze: Any) -> None:
    """What begins anew is refused; what takes back, and taking a mark off, is not."""
    taken_over.merge("deployments", prey.ns, "checkout", marked("0001", paused=True)).must()
    freeze("stanch-undo-only")

    def act(value: str) -> Any:
        # One that came through before the authorizer knew would leave the next nothing to change but our label.
        return taken_over.merge("deployments", prey.ns, "checkout", marked(value, minReadySeconds=next(NUMBERS)))

    refused(soon(admin, lambda: act(f"{next(NUMBERS):016x}"), ok=False), LEASH, "stanch is frozen", "stanch-undo-only")
    act(f"u{next(NUMBERS):015x}").must()
    off = [{"op": "remove", "path": "/metadata/labels/stanch.dev~1action"}]
    taken_over.request("PATCH", taken_over.path("deployments", prey.ns, "checkout"), off, JSON_PATCH).must()


def test_it_does_not_thaw_itself(prey: Place, admin: Api, taken_over: Api, freeze: Any) -> None:
    """It may neither see to the binding nor delete it."""
    freeze("stanch-frozen")
    for plural, where in (("rolebindings", prey.ns), ("clusterrolebindings", None)):
        assert taken_over.delete(plural, where, "stanch-freeze").status == 403


def test_who_may_freeze(place: Place, admin: Api) -> None:
    """An admin of the namespace, there and not elsewhere; who edits or responds, nowhere."""
    place.let("bob", role="admin")
    for who in (place.alice, place.mallory):
        assert who.create(binding("stanch-frozen", place.ns), place.ns).status == 403
    assert place.bob.create(binding("stanch-frozen", None)).status == 403
    assert place.bob.create(binding("stanch-frozen", place.ns), "default").status == 403
    place.bob.create(binding("stanch-frozen", place.ns), place.ns).must()
    place.bob.delete("rolebindings", place.ns, "stanch-freeze").must()
