"""ResponsePolicies on a real API server: what it takes and refuses, by whom, and where."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl, documents, operator, thing
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.policy import DEFAULT
from stanch.core.policy_judge import judge, stand

ROOT = Path(__file__).resolve().parents[2]
OWN_POLICY = """
apiVersion: stanch.dev/v1alpha1
kind: ResponsePolicy
metadata: {name: default}
spec:
  communications: {cadence: [{severity: SEV1, internal: 10m, leadership: 30m, publicFirst: 5m, public: 15m}]}
  guardrails: {perTarget: 20m}
"""


def test_the_example_policies_are_taken(admin: Kubectl, kubectl: Kubectl) -> None:
    """All the defaults written out, in stanch-system; and a namespace's, which holds only what differs."""
    text = (ROOT / "examples" / "responsepolicy-defaults.yaml").read_text(encoding="utf-8")
    answer = admin.create(documents(text)[0], "--dry-run=server")
    assert answer.err == ""
    assert answer.ok
    own = kubectl.create(documents(OWN_POLICY)[0])
    assert own.err == ""
    assert own.ok


def test_the_status_of_a_policy_is_taken_and_fits_the_table(kubectl: Kubectl) -> None:
    """What judge() says of a good one and of a wrong one, as the operator writes it."""
    made = kubectl.create(documents(OWN_POLICY)[0]).json()
    for spec, shown in ((made["spec"], ["True", "1", "InForce"]), ({"recovery": {"sampleEvery": "0s"}}, ["False"])):
        body = made | {"spec": spec}
        status = judge(body, stand(body), DEFAULT, None, datetime(2026, 11, 21, 14, 0, tzinfo=UTC)).wire()
        words = ("patch", "rpol", "default", "--subresource=status", "--type=merge")
        answer = operator(kubectl)(*words, "-p", json.dumps({"status": {"inForce": None, "findings": None} | status}))
        assert answer.err == ""
        lines = kubectl("get", "rpol").out.splitlines()
        assert lines[0].split() == ["NAME", "READY", "IN-FORCE", "REASON", "AGE"]
        assert lines[1].split()[1 : 1 + len(shown)] == shown
    assert kubectl("wait", "--for=condition=Stalled", "rpol/default", "--timeout=5s").ok


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"guardrail": {}}, 'unknown field "spec.guardrail"'),
        ({"guardrails": {"nodesPercent": 60}}, "spec.guardrails.nodesPercent"),
        ({"guardrails": {"perTarget": "soon"}}, "spec.guardrails.perTarget"),
        ({"guardrails": {"gitOps": "hold"}}, 'spec.guardrails.gitOps: Unsupported value: "hold"'),
        ({"approvals": {"person": [{"class": "B"}]}}, "spec.approvals.person[0].needed: Required value"),
        (
            {"approvals": {"person": [{"class": "B", "needed": 1}, {"class": "B", "needed": 0}]}},
            'spec.approvals.person[1]: Duplicate value: {"class":"B"}',
        ),
        (
            {"approvals": {"machine": [{"class": "A", "needed": 0}]}},
            "spec.approvals.machine: Invalid value: needed must be at least 1: what a machine asks for takes a person",
        ),
        (
            {"approvals": {"auto": [{"class": "A", "needed": 0}, {"class": "C", "needed": 0}]}},
            "spec.approvals.auto: Invalid value: needed must be at least 1 for class C",
        ),
        ({"postmortem": {"onMitigations": ["rollbackUndo"]}}, "spec.postmortem.onMitigations[0]: Unsupported value"),
        ({"severity": {"burn": [{"level": "SEV1", "factor": 14.4, "long": "1h", "short": "5m"}]}}, "factor"),
        ({"evidence": {"pods": 0}}, "spec.evidence.pods"),
    ],
)
def test_a_wrong_policy_is_refused_by_name_of_the_field(kubectl: Kubectl, spec: dict[str, Any], said: str) -> None:
    """Typos, wrong words and sizes, a class twice: at once, and not by a condition later."""
    answer = kubectl.create(thing("ResponsePolicy", "default", spec))
    assert not answer.ok
    assert said in answer.err


def test_a_namespace_has_one_policy(kubectl: Kubectl) -> None:
    """Its name says so, and any other is refused with the right one."""
    answer = kubectl.create(thing("ResponsePolicy", "strict", {}))
    assert "metadata.name must be default: a namespace has one ResponsePolicy" in answer.err


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("approvals.people", {"approvals": {"people": ["system:serviceaccount:ci:deployer"]}}),
        ("communications.channels", {"communications": {"channels": []}}),
        ("errorBudget", {"errorBudget": {}}),
        ("receiver", {"receiver": {"groupBy": "groupKey"}}),
        ("prometheus", {"prometheus": {"url": "http://prometheus.mine:9090"}}),
        ("endpoints", {"endpoints": [{"name": "a", "url": "http://10.0.0.1/"}]}),
    ],
)
def test_where_the_operator_goes_is_said_in_its_own_namespace(
    admin: Kubectl, kubectl: Kubectl, namespace: str, path: str, spec: dict[str, Any]
) -> None:
    """Not by a tenant, neither at once nor later; the answer names the field and where it belongs (F14)."""
    item = thing("ResponsePolicy", "default", spec)
    text = f"spec.{path} belongs in the ResponsePolicy of namespace {OPERATOR_NAMESPACE}, not in that of {namespace}"
    assert text in kubectl.create(item).err
    assert kubectl.create(thing("ResponsePolicy", "default", {"guardrails": {"perTarget": "20m"}})).ok
    changed = kubectl("patch", "rpol", "default", "--type=merge", "-p", json.dumps({"spec": spec}))
    assert text in changed.err
    there = admin.having("--namespace", OPERATOR_NAMESPACE).create(item, "--dry-run=server")
    assert there.ok, there.err
