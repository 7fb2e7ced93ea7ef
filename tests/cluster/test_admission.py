"""
The admission policies against a real API server: who asked is true, who may is asked, and records are kept.

Where a policy proves what another one stamps, a forger (a policy of our own, in the test's namespace only) stamps after
it: without that, nobody would notice that the proof is gone.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.given import (
    ADMIN_GROUPS,
    Kubectl,
    entry,
    grant,
    incident,
    operator,
    roll_back,
    until,
)
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.shell import policies

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    item
    for path in sorted((ROOT / "manifests/policies").glob("*.yaml"))
    for item in yaml.safe_load_all(path.read_text())
]
Become = Callable[..., Kubectl]
FORGED = {"username": "mallory", "uid": "666", "groups": ["system:masters"]}
ROLLBACK_RIGHT = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
SCALE_RIGHT = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}


def responder(kubectl: Kubectl, user: str, *rules: dict[str, list[str]]) -> Kubectl:
    """Somebody who may declare, and do what the rules say."""
    grant(kubectl, user, cluster_role="stanch-responder")
    grant(kubectl, user, cluster_role="stanch-viewer")
    if rules:
        grant(kubectl, user, *rules)
    return kubectl.as_user(user)


def wished(kubectl: Kubectl, name: str = "checkout-5xx") -> dict[str, list[str]]:
    """Who asked for what, as stored."""
    stored = kubectl.get("inc", name)["spec"].get("requesters", [])
    return {requester["username"]: requester["mitigations"] for requester in stored}


# --- they are in force as shipped ------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", SHIPPED, ids=lambda item: f"{item['kind']}/{item['metadata']['name']}")
def test_what_is_stored_is_what_we_ship(admin: Kubectl, item: dict[str, Any]) -> None:
    """The API server adds no default that we don't write, so a digest of the stored spec proves that nobody changed it."""
    key = f"{item['kind']}/{item['metadata']['name']}"
    live = admin.get(item["kind"].lower(), item["metadata"]["name"])
    assert live["spec"] == item["spec"]
    assert policies.digest(live["spec"]) == policies.EXPECTED[key].sha256


def test_every_policy_is_expected(admin: Kubectl) -> None:
    """The operator asks for all of them, under the names that the API server knows."""
    live = {key: admin.get(e.resource, e.name) for key, e in policies.EXPECTED.items()}
    assert sorted(policies.EXPECTED) == sorted(f"{item['kind']}/{item['metadata']['name']}" for item in SHIPPED)
    assert policies.problem(live) == ""


@pytest.mark.parametrize(
    "item", [i for i in SHIPPED if i["kind"] == "ValidatingAdmissionPolicy"], ids=lambda i: i["metadata"]["name"]
)
def test_the_type_checker_has_nothing_to_say(admin: Kubectl, item: dict[str, Any]) -> None:
    """An expression that can't be typed against our schemas would fail at night."""
    name = item["metadata"]["name"]
    until(lambda: "typeChecking" in admin.get("validatingadmissionpolicy", name).get("status", {}))
    assert admin.get("validatingadmissionpolicy", name)["status"]["typeChecking"] == {}


# --- who declared it -------------------------------------------------------------------------------------------------


def test_the_declarer_is_stamped_and_a_forged_one_is_not_believed(kubectl: Kubectl) -> None:
    """Without any wish, and for somebody who has no right but to declare."""
    alice = responder(kubectl, "alice")
    assert alice.create(incident("plain")).json()["spec"]["declaredBy"]["username"] == "alice"
    assert alice.create(incident("forged", declaredBy=FORGED)).json()["spec"]["declaredBy"] == {
        "username": "alice",
        "uid": "",
        "groups": ["system:authenticated"],
    }


def test_the_declarer_stays_whoever_writes_later(kubectl: Kubectl) -> None:
    """Patched, dropped by replace: put back."""
    alice = responder(kubectl, "alice")
    assert alice.create(incident()).ok
    assert kubectl(
        "patch", "inc", "checkout-5xx", "--type=merge", "-p", json.dumps({"spec": {"declaredBy": FORGED}})
    ).ok
    assert kubectl("replace", "-f", "-", stdin=json.dumps(incident(title="Other"))).ok
    assert kubectl.get("inc", "checkout-5xx")["spec"]["declaredBy"]["username"] == "alice"


# --- who asked for what ----------------------------------------------------------------------------------------------


def test_whoever_adds_a_mitigation_is_stamped_beside_the_others(kubectl: Kubectl) -> None:
    """alice keeps hers when bob adds one, and a forged list is overwritten."""
    alice = responder(kubectl, "alice", ROLLBACK_RIGHT)
    bob = responder(kubectl, "bob", ROLLBACK_RIGHT, SCALE_RIGHT)
    assert alice.create(incident("checkout-5xx", roll_back(), requesters=[FORGED | {"mitigations": ["roll-back"]}])).ok
    assert wished(kubectl) == {"alice": ["roll-back"]}
    more = {"name": "more", "scale": {"replicas": 5}}
    forged = [FORGED | {"mitigations": ["roll-back", "more"]}]
    patch = {"spec": {"mitigations": [roll_back(), more], "requesters": forged}}
    assert bob("patch", "inc", "checkout-5xx", "--type=merge", "-p", json.dumps(patch)).ok
    assert wished(kubectl) == {"alice": ["roll-back"], "bob": ["more"]}


def test_whoever_changes_a_mitigation_answers_for_it(kubectl: Kubectl) -> None:
    """The stamp moves to who changed it; changed back it is still theirs."""
    assert kubectl.as_user("carol", ADMIN_GROUPS).create(incident("checkout-5xx", roll_back())).ok
    assert (
        kubectl.as_user("dora", ADMIN_GROUPS)
        .apply(incident("checkout-5xx", roll_back(reason="sure")), "--server-side", "--force-conflicts")
        .ok
    )
    assert wished(kubectl) == {"dora": ["roll-back"]}


def test_applying_the_same_file_again_changes_nothing(kubectl: Kubectl) -> None:
    """kubectl says unchanged, and the resourceVersion stands still."""
    item = incident("checkout-5xx", roll_back())
    assert kubectl.apply(item).ok
    before = kubectl.get("inc", "checkout-5xx")["metadata"]["resourceVersion"]
    assert kubectl.apply(item).out.strip() == "incident.stanch.dev/checkout-5xx unchanged"
    assert kubectl("diff", "-f", "-", stdin=json.dumps(item)).code == 0
    assert kubectl.get("inc", "checkout-5xx")["metadata"]["resourceVersion"] == before


def test_stamps_survive_other_ways_to_write(kubectl: Kubectl) -> None:
    """Replace with the bare file, and server-side apply of another field."""
    assert kubectl.as_user("carol", ADMIN_GROUPS).apply(incident("checkout-5xx", roll_back()), "--server-side").ok
    assert kubectl("replace", "-f", "-", stdin=json.dumps(incident("checkout-5xx", roll_back()))).ok
    title = {"apiVersion": "stanch.dev/v1alpha1", "kind": "Incident", "metadata": {"name": "checkout-5xx"}}
    assert kubectl.apply(
        title | {"spec": {"title": "New title"}}, "--server-side", "--force-conflicts", "--field-manager=x"
    ).ok
    assert wished(kubectl) == {"carol": ["roll-back"]}


# --- may they --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mitigation", "right"),
    [
        (roll_back(), "patch deployments.apps checkout"),
        ({"name": "roll-back", "scale": {"replicas": 3}}, "patch deployments/scale.apps checkout"),
        (
            {"name": "roll-back", "target": {"kind": "StatefulSet", "name": "db"}, "scale": {"replicas": 3}},
            "patch statefulsets/scale.apps db",
        ),
    ],
    ids=["rolloutUndo", "scale", "statefulset"],
)
def test_who_may_not_do_it_may_not_ask_for_it(
    kubectl: Kubectl, namespace: str, mitigation: dict[str, Any], right: str
) -> None:
    """The answer names the mitigation, the user, the verb, the resource, the object and the namespace."""
    answer = responder(kubectl, "alice").create(incident("checkout-5xx", mitigation))
    assert not answer.ok
    assert f"mitigation roll-back: user alice may not {right} in namespace {namespace}" in answer.err


def test_a_right_is_enough_for_what_it_covers(kubectl: Kubectl) -> None:
    """Who may scale may ask for scale, and not for a rollback."""
    alice = responder(kubectl, "alice", SCALE_RIGHT)
    assert alice.create(incident("one", {"name": "more", "scale": {"replicas": 3}})).ok
    assert not alice.create(incident("two", roll_back())).ok


def test_editing_other_things_needs_no_right(kubectl: Kubectl) -> None:
    """The scribe changes the title and takes a mitigation out; only new or changed ones are asked about."""
    assert kubectl.create(incident("checkout-5xx", roll_back(), roll_back("again"))).ok
    scribe = responder(kubectl, "scribe")
    assert scribe("patch", "inc", "checkout-5xx", "--type=merge", "-p", '{"spec":{"title":"Better"}}').ok
    fewer = {"spec": {"mitigations": [roll_back()]}}
    assert scribe("patch", "inc", "checkout-5xx", "--type=merge", "-p", json.dumps(fewer)).ok
    assert wished(kubectl) == {"admin": ["roll-back"]}


def test_editing_anothers_mitigation_needs_the_right(kubectl: Kubectl) -> None:
    """Else a stamp would vouch for what its owner never asked for."""
    assert kubectl.create(incident("checkout-5xx", roll_back())).ok
    scribe = responder(kubectl, "scribe")
    changed = {"spec": {"mitigations": [roll_back(target={"kind": "Deployment", "name": "payments"})]}}
    answer = scribe("patch", "inc", "checkout-5xx", "--type=merge", "-p", json.dumps(changed))
    assert "user scribe may not patch deployments.apps payments" in answer.err


def test_eight_mitigations_at_once_pass_and_each_is_asked_about(kubectl: Kubectl) -> None:
    """The check does not break at the third (decisions F3), and the eighth is no way around it."""
    alice = responder(kubectl, "alice", SCALE_RIGHT | {"resourceNames": ["checkout"]})
    eight = [{"name": f"m{n}", "scale": {"replicas": n}} for n in range(8)]
    assert alice.create(incident("eight", *eight)).ok
    elsewhere = eight[7] | {"target": {"kind": "Deployment", "name": "payments"}}
    answer = alice.create(incident("last", *eight[:7], elsewhere))
    assert "mitigation m7: user alice may not patch deployments/scale.apps payments" in answer.err


def test_nodes_are_only_acted_on_from_the_operators_namespace(kubectl: Kubectl) -> None:
    """Not in targets, not in a mitigation, not in a criterion, not in an entry; not even by an admin."""
    node = {"kind": "Node", "name": "n1"}
    cordon = {"name": "c", "cordon": {}, "target": node}
    for item in (
        incident("a", targets=[node]),
        incident("b", cordon),
        incident("c", recovery={"criteria": [{"name": "a", "available": {}, "target": node}]}),
        entry(mitigate=cordon),
    ):
        answer = kubectl.create(item, "--dry-run=server")
        assert f"nodes are only acted on from namespace {OPERATOR_NAMESPACE}" in answer.err


def test_a_node_needs_a_right_in_the_whole_cluster(admin: Kubectl) -> None:
    """Rights in the operator's namespace are no rights on nodes."""
    there = admin.having("--namespace", OPERATOR_NAMESPACE)
    item = incident("c", {"name": "c", "cordon": {}}, targets=[{"kind": "Node", "name": "n1"}])
    groups = ["stanch-test-nobody"]
    who = there.as_user("alice", groups)
    assert there.create(item, "--dry-run=server").ok
    refused = _with_responder_role(there, "alice", lambda: who.create(item, "--dry-run=server"))
    assert "user alice may not patch nodes n1 in the whole cluster" in refused.err


def _with_responder_role(there: Kubectl, user: str, then: Callable[[], Any]) -> Any:
    name = f"t-{time.monotonic_ns()}"
    assert there("create", "rolebinding", name, "--clusterrole=stanch-responder", f"--user={user}").ok
    try:
        until(lambda: there("auth", "can-i", "create", "incidents.stanch.dev", f"--as={user}").ok)
        return then()
    finally:
        there("delete", "rolebinding", name)


def test_the_operator_asks_for_nothing_itself(kubectl: Kubectl) -> None:
    """Else a bug of ours would vouch for itself."""
    assert "the operator asks for no mitigation itself" in operator(kubectl).create(incident("a", roll_back())).err


# --- who said it -----------------------------------------------------------------------------------------------------


def test_the_author_of_an_entry_is_the_caller(kubectl: Kubectl) -> None:
    """Whatever the file says."""
    alice = responder(kubectl, "alice")
    assert alice.create(entry(note={}, text="hello")).json()["spec"]["author"]["username"] == "alice"
    assert alice.create(entry(note={}, text="hi", author=FORGED)).json()["spec"]["author"]["username"] == "alice"


@pytest.mark.parametrize("member", ["approve", "deny"])
def test_agreeing_needs_the_verb_for_that_action(kubectl: Kubectl, namespace: str, member: str) -> None:
    """resourceNames of the verb `approve` are actions."""
    said = {"mitigation": "a", "action": "rolloutUndo"}
    digest = {"digest": "sha256:7d0c1b54f0c2a1c9"} if member == "approve" else {}
    verb = {
        "apiGroups": ["stanch.dev"],
        "resources": ["mitigations"],
        "resourceNames": ["rolloutUndo"],
        "verbs": ["approve"],
    }
    alice = responder(kubectl, "alice")
    erin = responder(kubectl, "erin", verb)
    refused = alice.create(entry(**{member: said | digest}))
    assert f"user alice may not {member} rolloutUndo in namespace {namespace}: needs verb approve" in refused.err
    assert erin.create(entry(**{member: said | digest})).ok
    assert not erin.create(entry(**{member: said | digest | {"action": "scale"}})).ok


def test_asking_by_an_entry_needs_the_right_itself(kubectl: Kubectl, namespace: str) -> None:
    """As asking in the incident does."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    alice = responder(kubectl, "alice")
    bob = responder(kubectl, "bob", ROLLBACK_RIGHT)
    refused = alice.create(entry(mitigate=wish))
    assert (
        f"mitigation roll-back: user alice may not patch deployments.apps checkout in namespace {namespace}"
        in refused.err
    )
    assert bob.create(entry(mitigate=wish)).ok


def test_overriding_criteria_needs_the_verb_command(kubectl: Kubectl) -> None:
    """Resolving does not, overriding does."""
    alice = responder(kubectl, "alice")
    carol = responder(kubectl, "carol", {"apiGroups": ["stanch.dev"], "resources": ["incidents"], "verbs": ["command"]})
    override = entry(resolve={"override": True}, text="The probe is wrong")
    assert alice.create(entry(resolve={})).ok
    assert "user alice may not override the criteria of incident checkout-5xx" in alice.create(override).err
    assert carol.create(override).ok


def test_telling_the_public_needs_the_verb_publish(kubectl: Kubectl, namespace: str) -> None:
    """Telling colleagues does not; a forged author is no way around it."""
    alice = responder(kubectl, "alice")
    erin = responder(kubectl, "erin", {"apiGroups": ["stanch.dev"], "resources": ["updates"], "verbs": ["publish"]})

    def told(audience: str, **more: Any) -> dict[str, Any]:
        return entry(update={"audience": audience, "state": "Identified"}, text="Some orders fail", **more)

    for item in (told("public"), told("public", author={"username": "erin"})):
        refused = alice.create(item)
        assert f"user alice may not tell the public in namespace {namespace}: needs verb publish" in refused.err
    assert alice.create(told("internal")).ok
    assert alice.create(told("leadership")).ok
    assert erin.create(told("public")).ok


# --- the proofs, with somebody who forges after the stamp ------------------------------------------------------------


@dataclass(frozen=True)
class Forger:
    """A mutating policy that writes after ours, in one namespace only."""

    admin: Kubectl
    namespace: str

    @property
    def name(self) -> str:
        """Of the policy and its binding."""
        return f"t-forger-{self.namespace}"

    def start(self, resource: str, path: str, value: str) -> None:
        """From now on ``value`` is written to ``path``."""
        api = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": self.name}}
        rule = {"apiGroups": ["stanch.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
        here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}
        patch = f'[JSONPatch{{op: "add", path: "{path}", value: {value}}}]'
        spec = {
            "reinvocationPolicy": "IfNeeded",
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        }
        assert self.admin.create(api | {"kind": "MutatingAdmissionPolicy", "spec": spec}).ok
        binding = {"policyName": self.name, "matchResources": here}
        assert self.admin.create(api | {"kind": "MutatingAdmissionPolicyBinding", "spec": binding}).ok

    def shuffle(self) -> None:
        """Policies run in an order that is thrown anew at any change; ours may have the last word in this one."""
        now = f"t={time.monotonic_ns()}"
        assert self.admin("annotate", "--overwrite", "mutatingadmissionpolicybinding", self.name, now).ok

    def stop(self) -> None:
        """Gone."""
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            self.admin("delete", kind, self.name, "--ignore-not-found")


@pytest.fixture
def forger(admin: Kubectl, namespace: str) -> Iterator[Forger]:
    """Somebody who forges after the stamp."""
    it = Forger(admin, namespace)
    yield it
    it.stop()


BELIEVED = "{'username': dyn('mallory'), 'uid': dyn(''), 'groups': dyn(['system:masters'])}"
LISTED = "[{'username': dyn('mallory'), 'uid': dyn(''), 'groups': dyn([]), 'mitigations': dyn(['roll-back'])}]"


@pytest.mark.parametrize(
    ("item", "resource", "path", "value", "said"),
    [
        (incident("a"), "incidents", "/spec/declaredBy", BELIEVED, "spec.declaredBy is written by the API server"),
        (
            incident("a", roll_back()),
            "incidents",
            "/spec/requesters",
            LISTED,
            "spec.requesters is written by the API server",
        ),
        (
            entry(note={}, text="x"),
            "timelineentries",
            "/spec/author",
            BELIEVED,
            "spec.author is written by the API server",
        ),
    ],
    ids=["declaredBy", "requesters", "author"],
)
def test_a_stamp_that_is_not_true_is_refused(
    kubectl: Kubectl, forger: Forger, item: dict[str, Any], resource: str, path: str, value: str, said: str
) -> None:
    """Whatever wrote it: nothing is stored that names another person than the caller."""
    forger.start(resource, path, value)
    for _ in range(20):
        end = time.monotonic() + 2
        while (answer := kubectl.create(item, "--dry-run=server")).ok and time.monotonic() < end:
            assert "mallory" not in answer.out, "a forged name was believed"
        if not answer.ok:
            break
        forger.shuffle()
    assert said in answer.err
