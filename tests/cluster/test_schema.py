"""The CRDs on a real API server: what it takes, what it refuses, and that it names the field."""

import json
from typing import Any

import pytest
from tools.crds import crd
from tools.crds_rules import KINDS

from cluster.given import Kubectl, documents, entry, evidence, incident, operator, roll_back, thing

SHORT_INCIDENT = """
apiVersion: stanch.dev/v1alpha1
kind: Incident
metadata: {name: checkout-5xx}
spec:
  title: Checkout returns 500s since 14:02
  severity: SEV1
  targets: [{kind: Deployment, name: checkout}]
  mitigations:
  - {name: roll-back, rolloutUndo: {}}
"""
USUAL_INCIDENT = """
apiVersion: stanch.dev/v1alpha1
kind: Incident
metadata: {name: checkout-5xx}
spec:
  title: Checkout returns 500s since 14:02
  service: checkout
  severity: SEV1
  detectedBy: Monitoring
  impact:
    {summary: "About one in five checkouts fails", scope: ManyUsers, journey: Degraded, userVisible: true,
     usersPercent: 20, startedTime: "2026-11-21T14:02:00Z"}
  roles: {commander: alice, operations: bob}
  targets: [{kind: Deployment, name: checkout}]
  mitigations:
  - {name: roll-back, rolloutUndo: {}, timeBox: 3m}
  - {name: more-replicas, scale: {replicas: 12}, ttl: 24h}
  hypotheses:
  - {name: new-image, statement: "Version 1.8.3 cannot read the new orders table", state: Leading,
     timeBox: 10m, orElse: "shift traffic away from zone b"}
  recovery:
    hold: 30m
    criteria:
    - {name: pods, available: {}, gates: Mitigated}
    - {name: restarts, noRestarts: {}}
  links: [{name: dashboard, url: "https://grafana.example.com/d/checkout"}]
"""
STATUS = """
observedGeneration: 1
phase: Mitigated
record: "SEV1 · commander alice · rolled back, holding since 14:12Z"
commander: alice
target: checkout
mitigation: roll-back
nextUpdate: 14:35Z
severity: {level: SEV1, source: Spec, sinceTime: "2026-11-21T14:05:06Z", reasons: ["set by alice"]}
roles:
- {role: commander, user: alice, sinceTime: "2026-11-21T14:05:06Z", source: Spec}
times: {started: "2026-11-21T14:02:00Z", declared: "2026-11-21T14:05:06Z", mitigated: "2026-11-21T14:06:30Z"}
durations: {toDetect: 2m30s, toDeclare: 36s, toAcknowledge: 0s, toMitigate: 2m}
conditions:
- {type: Mitigated, status: "True", observedGeneration: 1, lastTransitionTime: "2026-11-21T14:06:30Z",
   reason: CriteriaPassing, message: "pods pass since 14:06:15Z"}
- {type: Resolved, status: "False", observedGeneration: 1, lastTransitionTime: "2026-11-21T14:05:06Z",
   reason: Holding, message: "All hold since 14:12:00Z"}
mitigations:
- name: roll-back
  source: Spec
  action: rolloutUndo
  asked: {name: roll-back, rolloutUndo: {}}
  wish: sha256:7d0c1b54f0c2a1c9
  state: Done
  target: {kind: Deployment, name: checkout, uid: 0b9c7c0e-6c1f-4f0e-9d1d-2f6f3f1a7b11}
  requestedBy: alice
  askedTime: "2026-11-21T14:05:06Z"
  approvals: {needed: 0}
  digest: sha256:7d0c1b54f0c2a1c9
  undoClass: manual
  blast: "6 of 6 pods replaced, 2 at a time; 1 Service; PDB allows 2"
  undoTakes: 40s
  effect: Helped
  attempts:
  - {id: 4be1c0ffee12ab34, state: Verified, intendedTime: "2026-11-21T14:05:11Z", appliedTime: "2026-11-21T14:05:11Z",
     endedTime: "2026-11-21T14:05:52Z", pre: "sha256:1f2e", post: "sha256:9c8d", evidence: checkout-5xx-roll-back-1-a,
     undoRef: stanch-undo-4be1c0ffee12ab34}
  breakGlass:
  - "kubectl -n shop rollout undo deployment/checkout --to-revision=42"
evidence:
- {name: checkout-5xx-roll-back-1-a, purpose: Before, items: 67, missing: 1, bytes: 412345, capturedTime: "2026-11-21T14:05:11Z",
   sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
recovery:
  hold: 30m
  holdSinceTime: "2026-11-21T14:12:00Z"
  criteria:
  - {name: pods, check: available, gates: Mitigated, state: Passing, sinceTime: "2026-11-21T14:05:52Z"}
timeline:
- {seq: 1, time: "2026-11-21T14:04:30Z", kind: Detected, by: Alertmanager, text: "budget-burn fired", milestone: true}
- {seq: 2, time: "2026-11-21T14:05:06Z", kind: Declared, by: alice,
   text: "Checkout returns 500s since 14:02, SEV1", milestone: true}
lastSeq: 2
postmortem: {decision: Undecided, reasons: ["will be required: SEV1, rolloutUndo"]}
"""
ENTRIES: tuple[dict[str, Any], ...] = (
    {"acknowledge": {}, "text": "Looking at it"},
    {"take": {"role": "commander"}},
    {"note": {"kind": "Decision"}, "text": "We roll back"},
    {
        "mitigate": {
            "name": "more",
            "target": {"kind": "Deployment", "name": "checkout"},
            "scale": {"replicas": 12},
            "ttl": "4h",
        },
        "text": "Load is high",
    },
    {"approve": {"mitigation": "roll-back", "action": "rolloutUndo", "digest": "sha256:7d0c1b54f0c2a1c9"}},
    {"deny": {"mitigation": "roll-back", "action": "rolloutUndo"}},
    {"undo": {"mitigation": "more"}, "text": "Load is normal again"},
    {"undo": {"mitigation": "more", "force": True}, "text": "Theirs was a mistake"},
    {"severity": {"level": "SEV2"}, "text": "One region only"},
    {"impact": {"usersPercent": 5, "dataAtRisk": False}},
    {"hypothesis": {"name": "reader", "statement": "1.8.3 cannot read orders_v2", "timeBox": "10m", "orElse": "Shift"}},
    {"hypothesis": {"name": "reader", "state": "Rejected"}},
    {
        "handoff": {
            "role": "commander",
            "to": "carol",
            "summary": {
                "impact": "SEV2, one region, 5 % of checkouts",
                "tried": "roll-back helped; more-replicas not needed",
                "hypotheses": "leading: 1.8.3 cannot read orders_v2; rejected: database pool",
                "next": "wait for the hold, then close",
                "nextUpdateTime": "2026-11-21T15:05:00Z",
            },
        }
    },
    {"accept": {"handoff": "checkout-5xx-handoff-1"}, "text": "I am commander now"},
    {"update": {"audience": "public", "state": "Identified", "nextUpdateIn": "20m"}, "text": "Some orders fail"},
    {"escalate": {"to": "team-db"}, "text": "The primary does not answer"},
    {"confirm": {"criterion": "books"}},
    {"confirm": {}},
    {"askPostmortem": {}, "text": "We were lucky that bob was awake"},
    {"signOff": {}},
    {"extend": {"mitigation": "more", "by": "24h"}, "text": "The fix is in review"},
    {"defer": {"mitigation": "more", "owner": "team-checkout"}, "text": "After the freeze"},
    {"waive": {}, "text": "The same as last week's"},
    {"resolve": {}},
    {"resolve": {"override": True}, "text": "The probe is wrong, users are fine"},
    {"reopen": {}, "text": "It is back"},
    {"cancel": {"because": "FalseAlarm"}},
)
POSTMORTEM = thing(
    "Postmortem",
    "checkout-5xx",
    {
        "incident": "checkout-5xx",
        "summary": "One in five checkouts failed.",
        "impact": {"users": "about 4,100", "minutes": 39, "requestsFailed": 18250},
        "factors": [
            {
                "name": "migration-order",
                "class": "Process",
                "layer": "release",
                "statement": "It ran before the readers.",
            }
        ],
        "whys": ["Why did checkouts fail? The reader met a column that it does not know."],
        "wentWell": ["Going back took 40 seconds"],
        "authors": ["alice", "bob"],
    },
)
ACTION_ITEM = thing(
    "ActionItem",
    "checkout-5xx-reader-alert",
    {
        "title": "Alert when the orders reader meets an unknown column",
        "incident": "checkout-5xx",
        "postmortem": "checkout-5xx",
        "owner": "orders-team",
        "dueTime": "2026-12-05T17:00:00Z",
        "priority": "P1",
        "kind": "Detect",
        "answers": ["no-contract-test"],
        "tracker": "https://git.example.com/shop/orders/issues/812",
    },
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_api_server_takes_the_schema_as_structural(admin: Kubectl, kind: Any) -> None:
    """A fresh apply brings no warning, and no condition speaks of a schema that is not structural."""
    name = f"{kind.plural}.stanch.dev"
    tried = admin.apply(
        crd(kind), "--server-side", "--force-conflicts", "--dry-run=server", "--field-manager=stanch-install"
    )
    conditions = {c["type"]: c["status"] for c in admin.get("crd", name)["status"]["conditions"]}
    assert tried.ok
    assert tried.err == ""
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("text", [SHORT_INCIDENT, USUAL_INCIDENT], ids=["short", "usual"])
def test_the_example_incidents_are_taken(kubectl: Kubectl, text: str) -> None:
    """What the documents show is accepted under strict validation, without a warning."""
    answer = kubectl.create(documents(text)[0])
    assert answer.err == ""
    assert answer.ok


def test_the_example_status_is_taken_and_fits_the_table(kubectl: Kubectl) -> None:
    """The operator writes the example status; `kubectl get inc` shows it on one line (docs/adr/0009)."""
    assert kubectl.create(documents(SHORT_INCIDENT)[0]).ok
    patch = {"status": documents(STATUS)[0]}
    words = ("patch", "inc", "checkout-5xx", "--subresource=status", "--type=merge")
    answer = operator(kubectl)(*words, "-p", json.dumps(patch))
    lines = kubectl("get", "inc").out.splitlines()
    assert answer.err == ""
    assert lines[0].split() == ["NAME", "SEV", "PHASE", "COMMANDER", "TARGET", "MITIGATION", "NEXT-UPDATE", "AGE"]
    assert lines[1].split()[:7] == ["checkout-5xx", "SEV1", "Mitigated", "alice", "checkout", "roll-back", "14:35Z"]
    assert max(len(line.rstrip()) for line in lines) <= 88
    assert kubectl("wait", "--for=condition=Mitigated", "inc/checkout-5xx", "--timeout=5s").ok


@pytest.mark.parametrize("spec", ENTRIES, ids=lambda spec: next(iter(spec)))
def test_the_example_entries_are_taken(kubectl: Kubectl, spec: dict[str, Any]) -> None:
    """Every member that exists can be said by an admin."""
    answer = kubectl.create(entry(**spec))
    assert answer.err == ""
    assert answer.ok


@pytest.mark.parametrize("item", [POSTMORTEM, ACTION_ITEM, evidence()], ids=lambda item: item["kind"])
def test_the_other_examples_are_taken(kubectl: Kubectl, item: dict[str, Any]) -> None:
    """Postmortem, ActionItem and Evidence as the documents show them."""
    answer = operator(kubectl).create(item)
    assert answer.err == ""
    assert answer.ok


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"titel": "x"}, 'unknown field "spec.titel"'),
        ({"mitigations": [{"name": "a", "rollbackUndo": {}}]}, 'unknown field "spec.mitigations[0].rollbackUndo"'),
        ({"mitigations": [{"name": "a"}]}, "spec.mitigations[0]: Invalid value: exactly one action of rolloutUndo"),
        ({"mitigations": [{"name": "a", "rolloutUndo": None}]}, "write `rolloutUndo: {}`"),
        ({"mitigations": [roll_back(scale={"replicas": 3})]}, "spec.mitigations[0]: Invalid value: exactly one action"),
        ({"mitigations": [roll_back(), roll_back()]}, 'spec.mitigations[1]: Duplicate value: {"name":"roll-back"}'),
        ({"mitigations": [roll_back(str(n)) for n in range(9)]}, "spec.mitigations: Too many: 9: must have at most 8"),
        ({"mitigations": "roll-back"}, "spec.mitigations in body must be of type array"),
        ({"mitigations": ["roll-back"]}, "spec.mitigations[0] in body must be of type object"),
        ({"mitigations": [{"rolloutUndo": {}}]}, "spec.mitigations[0].name: Required value"),
        ({"mitigations": [roll_back("Roll_Back")]}, "spec.mitigations[0].name"),
        ({"mitigations": [{"name": "a", "scale": {"replicas": 100000}}]}, "spec.mitigations[0].scale.replicas"),
        ({"mitigations": [{"name": "a", "cordon": {}}]}, "cordon, uncordon must have a target of kind Node"),
        (
            {"mitigations": [roll_back(target={"kind": "Node", "name": "n1"})]},
            "rolloutUndo, rolloutRestart must have a target of kind DaemonSet or Deployment or StatefulSet",
        ),
        ({"mitigations": [roll_back()], "targets": []}, "spec.targets must have one"),
        (
            {"mitigations": [roll_back(revert="OnResolved")]},
            "spec.mitigations[0].revert: Invalid value: revert must be Ask",
        ),
        ({"targets": [{"kind": "Secret", "name": "a"}]}, 'spec.targets[0].kind: Unsupported value: "Secret"'),
        ({"severity": "sev1"}, 'spec.severity: Unsupported value: "sev1"'),
        ({"title": "x" * 256}, "spec.title: Too long"),
        ({"title": None}, "spec.title: Required value"),
        ({"recovery": {"hold": "10 minutes"}}, "spec.recovery.hold"),
        ({"recovery": {"criteria": [{"name": "a"}]}}, "spec.recovery.criteria[0]: Invalid value: exactly one check"),
        ({"links": [{"name": "a", "url": "javascript:x"}]}, "spec.links[0].url"),
    ],
)
def test_a_wrong_incident_is_refused_by_name_of_the_field(kubectl: Kubectl, spec: dict[str, Any], said: str) -> None:
    """Typos, two actions, none, null, wrong words and sizes: the answer names the field and what would be right."""
    answer = kubectl.create(incident() | {"spec": incident()["spec"] | spec})
    assert not answer.ok
    assert said in answer.err


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"text": "hello"}, "spec: Invalid value: exactly one member of note, acknowledge"),
        ({"acknowledge": {}, "reopen": {}}, "exactly one member"),
        ({"note": {}}, "spec.text: Invalid value: a note must have spec.text"),
        ({"note": {}, "text": ""}, "a note must have spec.text"),
        ({"resolve": {"override": True}}, "resolve.override must have spec.text"),
        ({"extend": {"mitigation": "more", "by": "24h"}}, "extend must have spec.text"),
        ({"extend": {"mitigation": "more", "by": "soon"}, "text": "x"}, "spec.extend.by"),
        ({"defer": {"mitigation": "more"}}, "defer must have spec.text"),
        ({"defer": {"mitigation": "more", "owner": "ann, bob"}, "text": "x"}, "spec.defer.owner"),
        ({"waive": {}}, "waive must have spec.text"),
        ({"update": {"audience": "public", "state": "Identified"}}, "update must have spec.text"),
        ({"update": {"audience": "all", "state": "Identified"}, "text": "x"}, "spec.update.audience"),
        ({"escalate": {"to": "team-db"}}, "escalate must have spec.text"),
        ({"undo": {"mitigation": "a", "force": True}}, "undo.force must have spec.text"),
        ({"impact": {}}, "spec.impact: Invalid value: impact must say something"),
        ({"severity": {"level": "sev1"}}, "spec.severity.level"),
        ({"hypothesis": {"statement": "x"}}, "spec.hypothesis.name: Required value"),
        ({"handoff": {"role": "commander", "to": "carol"}}, "spec.handoff.summary: Required value"),
        (
            {"handoff": {"role": "commander", "to": "carol", "summary": {"impact": "a", "tried": "b"}}},
            "spec.handoff.summary.next: Required value",
        ),
        ({"mitigate": roll_back()}, "spec.mitigate: Invalid value: mitigate in an entry must name its `target`"),
        ({"mitigate": {"name": "a", "target": {"kind": "Deployment", "name": "b"}}}, "exactly one action"),
        (
            {"approve": {"mitigation": "a", "action": "format", "digest": "sha256:7d0c1b54f0c2a1c9"}},
            'spec.approve.action: Unsupported value: "format"',
        ),
        ({"approve": {"mitigation": "a", "action": "scale", "digest": "yes"}}, "spec.approve.digest"),
    ],
)
def test_a_wrong_entry_is_refused_by_name_of_the_field(kubectl: Kubectl, spec: dict[str, Any], said: str) -> None:
    """One statement, complete."""
    answer = kubectl.create(entry(**spec))
    assert not answer.ok
    assert said in answer.err


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ('{"spec":{"targets":[{"kind":"Deployment","name":"payments"}]}}', "targets[0] is fixed once set"),
        ('{"spec":{"targets":null}}', "targets[0] is fixed once set"),
        ('{"spec":{"drill":true}}', "drill is fixed once created"),
    ],
)
def test_what_an_incident_is_about_does_not_change(kubectl: Kubectl, patch: str, said: str) -> None:
    """The first target and drill stand for ever; a confused deputy would aim elsewhere."""
    assert kubectl.create(incident()).ok
    answer = kubectl("patch", "inc", "checkout-5xx", "--type=merge", "-p", patch)
    assert not answer.ok
    assert said in answer.err


def test_targets_are_appended(kubectl: Kubectl) -> None:
    """Another target after the first is no change of the first."""
    assert kubectl.create(incident()).ok
    patch = '{"spec":{"targets":[{"kind":"Deployment","name":"checkout"},{"kind":"Deployment","name":"payments"}]}}'
    assert kubectl("patch", "inc", "checkout-5xx", "--type=merge", "-p", patch).ok


@pytest.mark.parametrize(
    ("item", "patch", "said"),
    [
        (entry(acknowledge={}), '{"spec":{"text":"other"}}', "a timeline entry is never changed"),
        (evidence(), '{"spec":{"data":"b3RoZXI="}}', "evidence is never changed"),
        (POSTMORTEM, '{"spec":{"incident":"other"}}', "incident is fixed once created"),
        (ACTION_ITEM, '{"spec":{"incident":"other"}}', "incident is fixed once created"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_records_are_not_rewritten(kubectl: Kubectl, item: dict[str, Any], patch: str, said: str) -> None:
    """Not even by the operator, nor by an admin."""
    made = operator(kubectl).create(item).json()
    name = f"{made['kind']}/{made['metadata']['name']}"
    answer = operator(kubectl)("patch", name, "--type=merge", "-p", patch)
    assert not answer.ok
    assert said in answer.err


def test_a_long_name_is_refused(kubectl: Kubectl) -> None:
    """A name that is no label value would leave evidence that nobody finds."""
    answer = kubectl.create(incident("a" * 64))
    assert "metadata.name must have at most 63 characters" in answer.err


def test_a_name_is_taken_once(kubectl: Kubectl) -> None:
    """Declaring twice under one name says so."""
    assert kubectl.create(incident()).ok
    assert "already exists" in kubectl.create(incident()).err


def test_fields_select(kubectl: Kubectl) -> None:
    """`--field-selector` finds incidents by severity and entries by incident."""
    assert kubectl.create(incident("one", severity="SEV1")).ok
    assert kubectl.create(incident("two", severity="SEV3")).ok
    assert kubectl.create(entry("one", acknowledge={})).ok
    assert kubectl.create(entry("two", acknowledge={})).ok
    found = kubectl("get", "inc", "--field-selector=spec.severity=SEV1", "-o", "name").out.split()
    said = kubectl("get", "tle", "--field-selector=spec.incident=two", "-o", "name").out.split()
    assert found == ["incident.stanch.dev/one"]
    assert len(said) == 1


def test_kubectl_explains_every_kind(admin: Kubectl) -> None:
    """Descriptions reach `kubectl explain`; the category lists all kinds."""
    assert "Go back to the last good pod template" in admin("explain", "inc.spec.mitigations").out
    listed = admin("api-resources", "--api-group=stanch.dev", "--categories=response", "--no-headers", "-o", "name").out
    assert sorted(listed.split()) == sorted(f"{kind.plural}.stanch.dev" for kind in KINDS)
