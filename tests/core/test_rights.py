"""The generated roles: the operator may do what its actions need and no more, and people what their role says."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tools import rbac

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.freeze import HALTED_ROLE, UNDO_ONLY_ROLE
from stanch.mitigations import ALL
from stanch.shell.cel import MEMORY_BYTES

Right = tuple[str, str, str]
# A dashboard among them is no object of Kubernetes.
FILES = {path: [i for i in yaml.safe_load_all(text) if "kind" in i] for path, text in rbac.files().items()}
ROLES = {i["metadata"]["name"]: i for items in FILES.values() for i in items if i["kind"] in ("Role", "ClusterRole")}
BINDINGS = [(path, i) for path, items in FILES.items() for i in items if i["kind"].endswith("RoleBinding")]
READS = {"get", "list", "watch"}


def rights(name: str) -> Iterator[Right]:
    """(verb, group, resource) of a role; what is narrowed by name counts as well."""
    for rule in ROLES[name]["rules"]:
        yield from ((v, g, r) for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"])


def held(path: str) -> set[str]:
    """Roles that a file binds to the operator."""
    return {b["roleRef"]["name"] for where, b in BINDINGS if where.endswith(path)}


EVERYWHERE = held("rbac/bindings.yaml") | held("overlays/cluster/act-everywhere.yaml")
DO = {name for name in ROLES if name.startswith("stanch-do-")}
NEEDED = {(n.verb, n.group, n.done_on) for m in ALL for needs in m.needs.values() for n in needs}


def test_the_actions_roles_hold_what_the_actions_need_and_nothing_else() -> None:
    """Word by word from `needs`, on the object itself and not on its subresource; all of them are bound by the overlay."""
    assert {right for name in DO for right in rights(name)} == NEEDED
    assert held("overlays/cluster/act-everywhere.yaml") == DO
    assert {"pods/eviction"} == {resource for _, _, resource in NEEDED if "/" in resource}


@pytest.mark.parametrize("mitigation", ALL, ids=lambda m: m.name)
def test_one_family_is_enough_for_an_action(mitigation: Any) -> None:
    """Who leaves a binding out switches its actions off, and no others."""
    for kind, needs in mitigation.needs.items():
        assert {(n.verb, n.group, n.done_on) for n in needs} <= set(rights(rbac.family_of(mitigation.name, kind)))


TAKES_PODS = {"stanch-do-drain": "create", "stanch-do-pod": "create delete", "stanch-do-rollout-stateful": "delete"}


def test_pods_are_taken_away_by_those_roles_only_that_need_it() -> None:
    """Cordoning a node costs no evictions, and rolling a Deployment back no deletions (decisions 2.15)."""
    verbs = {name: sorted(v for v, _, r in rights(name) if r.startswith("pods")) for name in DO}
    assert {name: " ".join(found) for name, found in verbs.items() if found} == TAKES_PODS
    assert set(rights("stanch-do-node")) == {("patch", "", "nodes")}
    assert {(v, r) for v, _, r in rights("stanch-do-rollout")} == {
        ("patch", r) for r in ("deployments", "statefulsets", "daemonsets")
    }


def test_at_home_it_keeps_secrets_and_its_lease() -> None:
    """What it does not use it does not hold."""
    own = {(v, r) for v, _, r in rights("stanch-own")}
    assert own == {
        *((v, "secrets") for v in ("get", "create", "delete")),
        *((v, "leases") for v in ("get", "create", "patch")),
    }


def test_heartbeats_are_read_where_nodes_leave_them() -> None:
    """A Lease elsewhere says who leads what, or is another's lock: no role that holds everywhere reads any (decisions 2.15)."""
    name = "stanch-look-node-leases"
    assert {("get", "coordination.k8s.io", "leases")} == set(rights(name))
    (bound,) = (b for _, b in BINDINGS if b["roleRef"]["name"] == name)
    assert ("Role", "RoleBinding") == (ROLES[name]["kind"], bound["kind"])
    assert {"kube-node-lease"} == {item["metadata"]["namespace"] for item in (ROLES[name], bound)}
    assert {"Role"} == {ROLES[n]["kind"] for n in ROLES if "leases" in {r for _, _, r in rights(n)}}


def test_beyond_that_the_operator_writes_only_its_own() -> None:
    """Status, marks, evidence and reviews of its own kinds; Events; questions to the authorizer."""
    others = {r for name in EVERYWHERE - DO for r in rights(name) if r[0] not in READS}
    theirs = {r for r in others if r[1] != "stanch.dev"}
    assert theirs == {
        ("create", "", "events"),
        ("create", "authorization.k8s.io", "subjectaccessreviews"),
    }
    ours = others - theirs
    made = {("create", kind) for kind in ("evidences", "postmortems", "actionitems")}
    assert {(v, r) for v, _, r in ours if v == "create"} == made
    patched = {r for v, _, r in ours if v == "patch"}
    kinds = ("incidents", "postmortems", "actionitems", "responsepolicies", "runbooks")
    status = {f"{kind}/status" for kind in kinds}
    assert {"incidents", "timelineentries", "evidences", "postmortems", *status} == patched
    assert {(v, r) for v, _, r in ours if v == "delete"} == {("delete", "evidences")}
    assert {v for v, _, _ in ours} == {"create", "delete", "patch"}


def test_no_right_of_the_operator_is_wide() -> None:
    """No `*`, nothing that makes rights, no secrets but its own namespace's, and no list of those."""
    wide = {
        "*",
        "impersonate",
        "escalate",
        "bind",
        "update",
        "deletecollection",
        "approve",
        "command",
        "publish",
        "freeze",
    }
    for name in EVERYWHERE:
        assert not wide & {word for right in rights(name) for word in right}, name
        assert "secrets" not in {resource for _, _, resource in rights(name)}, name
    kept = {v for v, _, r in rights("stanch-own") if r == "secrets"}
    assert {"get", "create", "delete"} == kept
    assert OPERATOR_NAMESPACE == ROLES["stanch-own"]["metadata"]["namespace"]
    assert {"rbac.authorization.k8s.io"} & {g for n in EVERYWHERE for _, g, _ in rights(n)} == set()


def test_policies_are_read_by_name_only() -> None:
    """Its own, and nobody else's; never written."""
    rules = [r for r in ROLES["stanch-authn"]["rules"] if r["apiGroups"] == ["admissionregistration.k8s.io"]]
    assert 4 == len(rules)
    assert all(r["verbs"] == ["get"] and r["resourceNames"] for r in rules)


def test_only_where_alerts_come_in_does_the_operator_make_incidents() -> None:
    """The component alone holds that right, and that to ask whose token it is; without it no incident is the operator's."""
    taking = {("create", "stanch.dev", "incidents"), ("create", "authentication.k8s.io", "tokenreviews")}
    assert taking == set(rights("stanch-take-alerts"))
    assert not taking & {right for name in EVERYWHERE for right in rights(name)}
    ahead = {(verb, "stanch.dev", "alertbatches") for verb in ("get", "list", "create", "delete")}
    assert ahead == set(rights("stanch-take-alerts-ahead"))
    assert OPERATOR_NAMESPACE == ROLES["stanch-take-alerts-ahead"]["metadata"]["namespace"]
    assert {"stanch-take-alerts", "stanch-take-alerts-ahead"} == held("components/alerts/alerts.yaml")


def test_nobody_but_the_operator_has_a_right_on_what_is_kept_of_alerts() -> None:
    """The alerts of all namespaces pass there, and who could make one could forge them."""
    everybody = {name for name in ROLES if name != "stanch-take-alerts-ahead"}
    assert "alertbatches" not in {resource for name in everybody for _, _, resource in rights(name)}


def test_every_binding_is_the_operators_alone() -> None:
    """One ServiceAccount; nothing is bound to a group, and no role for people to it."""
    account = {"kind": "ServiceAccount", "name": "stanch", "namespace": OPERATOR_NAMESPACE}
    assert all(b["subjects"] == [account] for _, b in BINDINGS)
    people = {item["metadata"]["name"] for item in FILES["manifests/rbac/people.yaml"]}
    assert not people & {b["roleRef"]["name"] for _, b in BINDINGS}


def test_in_one_namespace_nodes_are_left_out() -> None:
    """They belong to no namespace."""
    assert held("overlays/namespaced/act-here.yaml") == DO - {"stanch-do-node", "stanch-do-drain"}
    assert all(b["kind"] == "RoleBinding" for path, b in BINDINGS if "namespaced" in path)


PEOPLE: dict[str, set[tuple[str, str]]] = {
    "stanch-approver": {("approve", "mitigations")},
    "stanch-commander": {("command", "incidents")},
    "stanch-alerts": {("create", "alerts")},
    "stanch-publisher": {("publish", "updates"), ("publish", "postmortems")},
    HALTED_ROLE: {("freeze", "mitigations"), ("freeze", "undos")},
    UNDO_ONLY_ROLE: {("freeze", "mitigations")},
    "stanch-admin": {(v, "responsepolicies") for v in ("create", "update", "patch", "delete")},
    "stanch-evidence-reader": {(v, "evidences") for v in READS},
    "stanch-runbook-author": {(v, "runbooks") for v in ("create", "update", "patch", "delete")},
    "stanch-runbook-user": {("run", "runbooks")},
    "stanch-breakglass": {("get", "secrets")},
}
JOINS = {
    "stanch-viewer": "view",
    "stanch-responder": "edit",
    "stanch-evidence-reader": "admin",
    HALTED_ROLE: "admin",
    UNDO_ONLY_ROLE: "admin",
}


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_people_get_what_their_role_says(name: str) -> None:
    """And not one verb more."""
    assert {(v, r) for v, _, r in rights(name)} == PEOPLE[name]


def test_who_responds_says_things_and_changes_none_of_them() -> None:
    """Entries are only made; evidence, status and policies are not for them; nor is any verb that decides over others."""
    found = set(rights("stanch-responder"))
    assert [v for v, _, r in found if r == "timelineentries"] == ["create"]
    assert not {r for _, _, r in found} & {
        "evidences",
        "incidents/status",
        "responsepolicies",
        "mitigations",
        "updates",
    }
    assert ("delete", "stanch.dev", "incidents") not in found
    shown = set(rights("stanch-viewer"))
    assert {v for v, _, _ in shown} == READS
    assert "evidences" not in {r for _, _, r in shown}


def test_only_these_join_the_roles_that_everybody_has() -> None:
    """An approver, a commander or a publisher is somebody whom a person named."""
    joined = {
        name: key.rpartition("-")[2]
        for name, item in ROLES.items()
        for key in item["metadata"].get("labels", {})
        if "aggregate-to" in key
    }
    assert joined == JOINS


def test_the_operator_runs_restricted() -> None:
    """As its namespace enforces: no root, no privilege, nothing written, no capabilities."""
    pod = rbac.deployment()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (True, "RuntimeDefault") == (
        pod["securityContext"]["runAsNonRoot"],
        pod["securityContext"]["seccompProfile"]["type"],
    )
    assert {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}} == (
        container["securityContext"]
    )
    labels = rbac.namespace()[0]["metadata"]["labels"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]


def test_what_people_have_evaluated_fits_beside_the_operator() -> None:
    """CEL of an ActionItem may take so much; the container's limit is for both (shell/cel.py)."""
    (made,) = (i for items in FILES.values() for i in items if i["kind"] == "Deployment")
    limit = made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert int(limit.removesuffix("Mi")) * 1024 * 1024 - MEMORY_BYTES >= 512 * 1024 * 1024
