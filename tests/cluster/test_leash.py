"""The leash on the operator's own writes, against a real API server: what it may touch, and how it must mark it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster.given import (
    Kubectl,
    deployment,
    leashed,
)
from stanch.api.names import OPERATOR_NAMESPACE, Label

Become = Callable[..., Kubectl]
pytestmark = pytest.mark.usefixtures("more")

# --- the leash on our own writes -------------------------------------------------------------------------------------


def _patch(kubectl: Kubectl, what: str, patch: dict[str, Any], *words: str) -> Any:
    return leashed(kubectl)("patch", what, "--type=merge", "-p", json.dumps(patch), *words)


def _marked(value: str | None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {Label.ACTION: value}}} | ({"spec": spec} if spec else {})


def test_every_write_of_the_operator_carries_a_new_action_id(kubectl: Kubectl) -> None:
    """Without one, or with the one that is there, a write can't be told from its repetition."""
    assert kubectl.create(deployment()).ok
    assert "carries a new label stanch.dev/action" in _patch(kubectl, "deploy/checkout", {"spec": {"paused": True}}).err
    assert _patch(kubectl, "deploy/checkout", _marked("a1", paused=True)).ok
    again = _patch(kubectl, "deploy/checkout", _marked("a1", paused=False))
    assert 'it was "a1" and is "a1"' in again.err
    assert _patch(kubectl, "deploy/checkout", _marked("a2", paused=False)).ok


def test_the_operator_may_take_its_label_off_and_nothing_else(kubectl: Kubectl) -> None:
    """Cleaning up is no effect; changing an annotation or another label at the same time is one."""
    assert kubectl.create(deployment()).ok
    assert _patch(kubectl, "deploy/checkout", _marked("a1", paused=True)).ok
    for other in ({"annotations": {"x": "y"}}, {"labels": {Label.ACTION: None, "app": "other"}}):
        patch = {"metadata": {"labels": {Label.ACTION: None}} | other}
        assert "carries a new label" in _patch(kubectl, "deploy/checkout", patch).err
    assert "carries a new label" in _patch(kubectl, "deploy/checkout", _marked(None, paused=False)).err
    assert _patch(kubectl, "deploy/checkout", _marked(None)).ok


OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}


@pytest.mark.parametrize(
    "label", ["a1", None, "a2"], ids=["with-the-mark-that-is-there", "taking-it-off", "marked-anew"]
)
@pytest.mark.parametrize(
    "metadata", [{"ownerReferences": [OWNER]}, {"finalizers": ["x.example/keep"]}], ids=["owner", "finalizer"]
)
def test_the_operator_has_nothing_deleted_and_nothing_kept(
    kubectl: Kubectl, metadata: dict[str, Any], label: str | None
) -> None:
    """Neither beside the label, which is no effect, nor as one: an owner that is not there has the object deleted."""
    assert kubectl.create(deployment()).ok
    assert _patch(kubectl, "deploy/checkout", _marked("a1", paused=True)).ok
    patch = {"metadata": {"labels": {Label.ACTION: label}} | metadata}
    assert "neither owner references nor finalizers" in _patch(kubectl, "deploy/checkout", patch).err
    assert _patch(kubectl, "deploy/checkout", _marked(None)).ok


def test_the_operator_never_scales_by_the_subresource(kubectl: Kubectl) -> None:
    """There the label is dropped in silence."""
    assert kubectl.create(deployment()).ok
    answer = _patch(kubectl, "deploy/checkout", {"spec": {"replicas": 1}}, "--subresource=scale")
    assert "never a subresource such as scale" in answer.err


def test_the_operator_neither_creates_nor_deletes_workloads(kubectl: Kubectl) -> None:
    """It changes what is there."""
    assert kubectl.create(deployment()).ok
    assert "neither creates nor deletes" in leashed(kubectl).create(deployment("other")).err
    assert "neither creates nor deletes" in leashed(kubectl)("delete", "deploy/checkout").err


@pytest.mark.parametrize("protected", ["kube-system", "kube-public", "kube-node-lease", OPERATOR_NAMESPACE])
def test_the_operator_stays_out_of_the_clusters_own_namespaces(admin: Kubectl, namespace: str, protected: str) -> None:
    """Whatever an incident there asks for."""
    there = admin.having("--namespace", protected)
    assert there.create(deployment(namespace)).ok
    try:
        answer = _patch(there, f"deploy/{namespace}", _marked("a1", paused=True), "--dry-run=server")
    finally:
        there("delete", f"deploy/{namespace}")
    assert f"namespace {protected} is protected: stanch changes nothing there" in answer.err


def test_nodes_are_on_the_leash_too(admin: Kubectl, namespace: str) -> None:
    """Cordoning carries an action id as well."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}, "spec": {"unschedulable": True}}
    assert admin.create(node).ok
    try:
        bare = _patch(admin, f"node/{namespace}", {"spec": {"unschedulable": False}}, "--dry-run=server")
        marked = _patch(admin, f"node/{namespace}", _marked("a1", unschedulable=False), "--dry-run=server")
    finally:
        admin("delete", "node", namespace, "--wait=false")
    assert "carries a new label stanch.dev/action" in bare.err
    assert marked.ok, marked.err


def test_other_people_are_not_on_the_leash(kubectl: Kubectl) -> None:
    """The policy is about us."""
    assert kubectl.create(deployment()).ok
    assert kubectl("scale", "deploy/checkout", "--replicas=0").ok
    assert kubectl("label", "deploy/checkout", "x=y").ok


# --- pods ------------------------------------------------------------------------------------------------------------


def _pod(kubectl: Kubectl) -> str:
    container = {"name": "web", "image": "stanch.test/busybox:1", "imagePullPolicy": "Never"}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    assert kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}).ok
    return str(kubectl.get("pod", "web")["metadata"]["uid"])


def test_the_operator_takes_a_pod_away_only_by_its_uid(kubectl: Kubectl, namespace: str) -> None:
    """A name may mean another pod a second later; and nothing else is done to pods."""
    uid = _pod(kubectl)
    ours, path = leashed(kubectl), f"/api/v1/namespaces/{namespace}/pods/web"
    assert "only by its uid" in ours("delete", "pod/web", "--wait=false").err
    bare = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    assert "only by its uid" in ours("create", "--raw", f"{path}/eviction", "-f", "-", stdin=json.dumps(bare)).err
    exact = bare | {"deleteOptions": {"preconditions": {"uid": uid}}}
    assert ours("create", "--raw", f"{path}/eviction", "-f", "-", stdin=json.dumps(exact)).ok
