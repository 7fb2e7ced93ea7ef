"""What the operator and people may do, asked from a real API server."""

import json
from os.path import relpath
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import rbac

from cluster.given import Kubectl, grant
from stanch.api.names import OPERATOR_NAMESPACE, OPERATOR_USER
from stanch.mitigations import ALL

GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{OPERATOR_NAMESPACE}", "system:authenticated")


def rules(kubectl: Kubectl, user: str, namespace: str, groups: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Every rule that holds for somebody in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    status = kubectl.as_user(user, groups).create(review, "--validate=false").json()["status"]
    assert not status["incomplete"]
    return status["resourceRules"]


def may(kubectl: Kubectl, user: str, verb: str, group: str, resource: str, **more: str) -> bool:
    """One question, answered by the authorizers themselves."""
    plural, _, sub = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": sub, **more}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": list(GROUPS), "resourceAttributes": asked},
    }
    return bool(kubectl.create(review).json()["status"]["allowed"])


MUST = [
    ("watch", "stanch.dev", "incidents"),
    ("patch", "stanch.dev", "incidents"),
    ("patch", "stanch.dev", "incidents/status"),
    ("watch", "stanch.dev", "timelineentries"),
    ("patch", "stanch.dev", "timelineentries"),
    ("create", "stanch.dev", "evidences"),
    ("create", "stanch.dev", "postmortems"),
    ("create", "stanch.dev", "actionitems"),
    ("patch", "stanch.dev", "actionitems/status"),
    ("list", "stanch.dev", "responsepolicies"),
    ("watch", "stanch.dev", "responsepolicies"),
    ("patch", "stanch.dev", "responsepolicies/status"),
    ("create", "", "events"),
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("list", "", "events"),
    ("list", "", "nodes"),
    ("list", "apps", "replicasets"),
    ("list", "autoscaling", "horizontalpodautoscalers"),
    ("list", "policy", "poddisruptionbudgets"),
    ("create", "authorization.k8s.io", "subjectaccessreviews"),
    ("patch", "apps", "deployments"),
    ("patch", "apps", "statefulsets"),
    ("patch", "apps", "replicasets"),
    ("patch", "", "nodes"),
]
MUST_NOT = [
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("delete", "", "secrets"),
    ("get", "coordination.k8s.io", "leases"),
    ("create", "", "secrets"),
    ("create", "", "pods"),
    ("patch", "", "pods"),
    ("deletecollection", "", "pods"),
    ("create", "", "pods/exec"),
    ("patch", "apps", "deployments/scale"),
    ("delete", "apps", "deployments"),
    ("update", "apps", "deployments"),
    ("create", "stanch.dev", "incidents"),
    ("delete", "stanch.dev", "incidents"),
    ("create", "stanch.dev", "timelineentries"),
    ("approve", "stanch.dev", "mitigations"),
    ("publish", "stanch.dev", "updates"),
    ("update", "stanch.dev", "evidences"),
    ("delete", "stanch.dev", "postmortems"),
    ("delete", "stanch.dev", "actionitems"),
    ("delete", "stanch.dev", "timelineentries"),
    ("patch", "", "events"),
    ("create", "stanch.dev", "responsepolicies"),
    ("patch", "stanch.dev", "responsepolicies"),
    ("delete", "stanch.dev", "responsepolicies"),
    ("impersonate", "", "users"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("delete", "", "nodes"),
    ("patch", "", "nodes/status"),
    ("update", "stanch.dev", "incidents/status"),
]


@pytest.mark.parametrize(("verb", "group", "resource"), MUST, ids=str)
def test_the_operator_can_do_its_work(admin: Kubectl, verb: str, group: str, resource: str) -> None:
    """In any namespace, with the roles as bound by overlays/cluster."""
    assert may(admin, OPERATOR_USER, verb, group, resource, namespace="default")


@pytest.mark.parametrize(("verb", "group", "resource"), MUST_NOT, ids=str)
def test_the_operator_can_do_no_more(admin: Kubectl, verb: str, group: str, resource: str) -> None:
    """What it never needs is not given to it."""
    assert not may(admin, OPERATOR_USER, verb, group, resource, namespace="default")


def test_the_operator_holds_secrets_only_at_home(admin: Kubectl) -> None:
    """Undo Secrets live in its namespace, each got by its name: it can't list what else is kept there."""
    assert not may(admin, OPERATOR_USER, "list", "", "secrets", namespace=OPERATOR_NAMESPACE)
    for verb in ("get", "create", "delete"):
        assert may(admin, OPERATOR_USER, verb, "", "secrets", namespace=OPERATOR_NAMESPACE)
        assert not may(admin, OPERATOR_USER, verb, "", "secrets", namespace="kube-system")
        assert not may(admin, OPERATOR_USER, verb, "", "secrets")


def test_no_rule_of_the_operator_is_wide(admin: Kubectl) -> None:
    """No `*`, and no secrets outside its own namespace, in all that it holds from anywhere."""
    found = rules(admin, OPERATOR_USER, "default", GROUPS)
    words = {word for rule in found for part in ("verbs", "apiGroups", "resources") for word in rule.get(part, ())}
    assert "deployments" in words
    assert not {"*", "secrets", "impersonate", "escalate", "bind"} & words


def test_the_operator_reads_its_policies_by_name(admin: Kubectl) -> None:
    """And nobody else's."""
    as_operator = admin.as_user(OPERATOR_USER)
    assert as_operator("get", "validatingadmissionpolicy", "stanch-operator-leash").ok
    assert as_operator("get", "mutatingadmissionpolicybinding", "stanch-incident-requesters").ok
    assert not as_operator("get", "validatingadmissionpolicy").ok


def test_every_action_has_the_right_it_declares(admin: Kubectl) -> None:
    """From the mitigations' own `needs`: the verb on the object itself, never on its subresource."""
    for mitigation in ALL:
        for needs in mitigation.needs.values():
            for need in needs:
                may_it = may(admin, OPERATOR_USER, need.verb, need.group, need.done_on, namespace="default")
                assert may_it, mitigation.name


@pytest.mark.parametrize(
    ("role", "may_do", "may_not"),
    [
        (
            "view",
            [("list", "incidents"), ("get", "timelineentries"), ("get", "responsepolicies")],
            [("get", "evidences"), ("create", "incidents")],
        ),
        (
            "edit",
            [("create", "incidents"), ("patch", "incidents"), ("create", "timelineentries"), ("create", "actionitems")],
            [
                *(("patch", "timelineentries"), ("delete", "incidents"), ("get", "evidences")),
                *(("approve", "mitigations"), ("create", "responsepolicies")),
            ],
        ),
        (
            "admin",
            [("get", "evidences"), ("create", "incidents")],
            [("create", "evidences"), ("approve", "mitigations"), ("create", "responsepolicies")],
        ),
        ("stanch-approver", [("approve", "mitigations")], [("create", "incidents")]),
        ("stanch-commander", [("command", "incidents")], [("approve", "mitigations"), ("publish", "updates")]),
        ("stanch-publisher", [("publish", "updates"), ("publish", "postmortems")], [("create", "timelineentries")]),
        (
            "stanch-admin",
            [(verb, "responsepolicies") for verb in ("create", "update", "patch", "delete")],
            [("approve", "mitigations"), ("create", "incidents")],
        ),
    ],
)
def test_people_get_what_their_role_says(
    kubectl: Kubectl, namespace: str, role: str, may_do: list[tuple[str, str]], may_not: list[tuple[str, str]]
) -> None:
    """Our rights join view, edit and admin; the rest is bound by hand."""
    grant(kubectl, "alice", cluster_role=role)
    for verb, resource in may_do:
        assert may(kubectl, "alice", verb, "stanch.dev", resource, namespace=namespace), (verb, resource)
    for verb, resource in may_not:
        assert not may(kubectl, "alice", verb, "stanch.dev", resource, namespace=namespace), (verb, resource)


def test_in_one_namespace_only(kubectl: Kubectl, namespace: str) -> None:
    """The file of overlays/namespaced makes RoleBindings where it is applied, for all families but nodes."""
    text = (rbac.generated.ROOT / "manifests/overlays/namespaced/act-here.yaml").read_text()
    answer = kubectl("apply", "-f", "-", stdin=text)
    bound = kubectl.get("rolebinding")["items"]
    assert answer.ok, answer.err
    families = {rbac.family_of(m.name, kind) for m in ALL for kind in m.kinds}
    assert {"stanch-do-flux", "stanch-do-argo", "stanch-do-hold"} <= families
    assert sorted(item["roleRef"]["name"] for item in bound) == sorted(families - {"stanch-do-node", "stanch-do-drain"})
    assert {item["metadata"]["namespace"] for item in bound} == {namespace}


@pytest.mark.parametrize("overlay", ["cluster", "namespaced"])
def test_an_overlay_is_taken_whole(admin: Kubectl, overlay: str) -> None:
    """CRDs, rights, policies and the Deployment; Pod Security has no warning for it."""
    path = str(rbac.generated.ROOT / "manifests" / "overlays" / overlay)
    built = admin("kustomize", path)
    assert built.ok, built.err
    kinds = [item["kind"] for item in yaml.safe_load_all(built.out)]
    assert kinds.count("CustomResourceDefinition") == 8
    assert kinds.count("Deployment") == 1
    names = [i["metadata"]["name"] for i in yaml.safe_load_all(built.out) if "Binding" in i["kind"]]
    assert [family in names for family in ("stanch-do-node", "stanch-do-drain")] == [overlay == "cluster"] * 2
    tried = admin("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=built.out)
    assert tried.ok, tried.err
    assert "would violate PodSecurity" not in tried.err


def test_the_component_for_alerts_is_taken_whole(admin: Kubectl, tmp_path: Path) -> None:
    """The port, the Service, the NetworkPolicy and the right, on top of an overlay."""
    manifests = rbac.generated.ROOT / "manifests"
    own = {"resources": [relpath(manifests / "overlays/cluster", tmp_path)]}
    own["components"] = [relpath(manifests / "components/alerts", tmp_path)]
    (tmp_path / "kustomization.yaml").write_text(json.dumps(own))
    built = admin("kustomize", str(tmp_path))
    assert built.ok, built.err
    items = {
        i["kind"]: i
        for i in yaml.safe_load_all(built.out)
        if "alerts" in i["metadata"]["name"] or i["kind"] == "Deployment"
    }
    container = items["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert ["stanch", "run", "--alerts-at=:9095"] == container["command"]
    assert {"ClusterRole", "ClusterRoleBinding", "Service", "NetworkPolicy", "Deployment"} <= set(items)
    tried = admin("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=built.out)
    assert tried.ok, tried.err


def test_pod_security_would_refuse_a_lesser_deployment(admin: Kubectl) -> None:
    """The namespace enforces restricted: what the test above passes is not nothing."""
    bare = rbac.deployment()
    del bare["spec"]["template"]["spec"]["securityContext"]
    tried = admin("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(bare))
    assert "would violate PodSecurity" in tried.err
