"""Runbooks on a real API server: what it takes and refuses, who may write, choose and lend."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl, documents, grant, incident, operator, thing
from stanch.api.names import OPERATOR_NAMESPACE, RUNBOOK_STAMP
from stanch.core.runbook_status import judge

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = documents((ROOT / "examples" / "runbook.yaml").read_text(encoding="utf-8"))
AUTO = {"mode": "Auto", "recovery": {}, "guardrails": {"cooldown": "30m"}, "drilledWithin": "720h"}


def runbook(**spec: Any) -> dict[str, Any]:
    """The smallest one."""
    return thing("Runbook", "bad-deploy", {"title": "Roll back", **spec})


def wish(**action: Any) -> dict[str, Any]:
    """One mitigation of a Deployment, unless it says otherwise."""
    return {"name": "m", "target": {"kind": "Deployment", "name": "checkout"}} | action


def test_the_example_runbooks_are_taken(admin: Kubectl, kubectl: Kubectl) -> None:
    """One for a team's namespace, and one for nodes in the operator's."""
    for item, where in zip(EXAMPLES, (kubectl, admin.having("--namespace", OPERATOR_NAMESPACE)), strict=True):
        item["metadata"].pop("namespace")
        answer = where.create(item, "--dry-run=server")
        assert answer.err == ""
        assert answer.ok


def test_the_status_of_a_runbook_is_taken_and_fits_the_table(kubectl: Kubectl) -> None:
    """What judge() says of a good one and of a wrong one, as the operator writes it."""
    made = kubectl.create(runbook(mode="Approve")).json()
    for spec, shown in (
        (made["spec"], ["Approve", "True", "Valid"]),
        ({"title": "x", "mode": "?"}, ["Approve", "False"]),
    ):
        status = judge(made | {"spec": spec}, (), datetime(2026, 11, 21, 14, 0, tzinfo=UTC)).wire()
        words = ("patch", "rbk", "bad-deploy", "--subresource=status", "--type=merge")
        answer = operator(kubectl)(*words, "-p", json.dumps({"status": {"findings": None} | status}))
        assert answer.err == ""
        lines = kubectl("get", "rbk").out.splitlines()
        assert lines[0].split() == ["NAME", "MODE", "READY", "REASON", "DRILLED", "AGE"]
        assert lines[1].split()[1 : 1 + len(shown)] == shown
    assert kubectl("wait", "--for=condition=Stalled", "rbk/bad-deploy", "--timeout=5s").ok


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"mitigation": []}, 'unknown field "spec.mitigation"'),
        ({"mode": "auto"}, 'spec.mode: Unsupported value: "auto"'),
        ({"mode": "Auto"}, "mode Auto must have recovery, guardrails.cooldown and drilledWithin"),
        (AUTO | {"mitigations": [wish(scale={"replicas": 0})]}, "mode Auto must have no drain, uncordon, scale to 0"),
        (AUTO | {"mitigations": [{"name": "m", "drain": {}}]}, "mode Auto must have no drain"),
        ({"authority": "ServiceAccount"}, "authority ServiceAccount must have serviceAccountName"),
        ({"parameters": [{"name": "x"}]}, "exactly one of oneOf and pattern must say which values are allowed"),
        ({"parameters": [{"name": "x", "oneOf": ["a"], "pattern": "a"}]}, "exactly one of oneOf and pattern"),
        ({"parameters": [{"name": "x", "pattern": "("}]}, "error parsing regexp"),
        ({"parameters": [{"name": "x", "oneOf": []}]}, "spec.parameters[0].oneOf"),
        ({"preconditions": [{"name": "x"}]}, "exactly one of rolledOutWithin and failing must be set"),
        ({"guardrails": {"cooldown": "25h"}}, "guardrails.cooldown must be at most 24h"),
        ({"targets": [{"kind": "Deployment", "name": "$(x) y"}]}, "spec.targets[0].name"),
        ({"targets": [{"kind": "Deployment", "name": "../x"}]}, "spec.targets[0].name"),
        ({"mitigations": [wish()]}, "exactly one action of rolloutUndo"),
        ({"mitigations": [wish(rolloutPause={}), wish(rolloutUndo={})]}, 'Duplicate value: {"name":"m"}'),
        ({"mitigations": [wish(cordon={})]}, "cordon, uncordon must have a target of kind Node"),
        (
            {"targets": [{"kind": "Service", "name": "x"}], "mitigations": [{"name": "m", "rolloutUndo": {}}]},
            "spec.targets[0] is another kind",
        ),
        ({"recovery": {"criteria": [{"name": "c"}]}}, "exactly one check of"),
        ({"docs": "ftp://x"}, "spec.docs"),
    ],
)
def test_a_wrong_runbook_is_refused_by_name_of_the_field(kubectl: Kubectl, spec: dict[str, Any], said: str) -> None:
    """When it is written, and not at night."""
    answer = kubectl.create(runbook(**spec))
    assert not answer.ok
    assert said in answer.err


def test_auto_takes_what_is_narrow(kubectl: Kubectl) -> None:
    """With all that it must have."""
    answer = kubectl.create(runbook(**AUTO, mitigations=[wish(rolloutUndo={})]))
    assert answer.ok, answer.err


def test_nodes_are_for_the_operators_namespace(admin: Kubectl, kubectl: Kubectl) -> None:
    """Nodes belong to everybody (F15)."""
    about = runbook(
        targets=[{"kind": "Node", "name": "$(node)"}], parameters=[{"name": "node", "pattern": "[a-z0-9-]+"}]
    )
    assert "nodes are only acted on from namespace stanch-system" in kubectl.create(about).err
    there = admin.having("--namespace", OPERATOR_NAMESPACE).create(about, "--dry-run=server")
    assert there.ok, there.err


def test_choosing_a_runbook_needs_the_verb_run_on_it(kubectl: Kubectl) -> None:
    """On this one, by its name; who chose it is stamped, and forging that is in vain."""
    for who, names in (("alice", ["bad-deploy"]), ("bob", ["other"])):
        grant(kubectl, who, cluster_role="stanch-responder")
        grant(kubectl, who, cluster_role="stanch-viewer")
        grant(
            kubectl,
            who,
            {"apiGroups": ["stanch.dev"], "resources": ["runbooks"], "verbs": ["run"], "resourceNames": names},
        )
    item = incident("a", runbook={"name": "bad-deploy"})
    refused = kubectl.as_user("bob").create(item).err
    assert "user bob may not run Runbook bad-deploy in namespace" in refused
    assert "needs verb run on runbooks.stanch.dev, resourceNames [bad-deploy]" in refused
    item["spec"]["requesters"] = [{"username": "root", "mitigations": [RUNBOOK_STAMP]}]
    stored = kubectl.as_user("alice").create(item).json()
    assert [("alice", [RUNBOOK_STAMP])] == [(r["username"], r["mitigations"]) for r in stored["spec"]["requesters"]]
    changed = {"spec": {"runbook": {"name": "bad-deploy", "parameters": {"x": "y"}}}}
    words = ("patch", "inc", "a", "--type=merge", "-p")
    assert "bob may not run" in kubectl.as_user("bob")(*words, json.dumps(changed)).err
    assert kubectl.as_user("bob")(*words, json.dumps({"spec": {"title": "Better"}})).ok
    assert kubectl.as_user("alice")(*words, json.dumps(changed)).ok


def test_lending_the_rights_of_an_account_needs_the_verb_use_on_it(kubectl: Kubectl) -> None:
    """Also to change what is done with them; else every author of Runbooks had the rights of all accounts."""
    for who in ("carol", "dave"):
        grant(kubectl, who, cluster_role="stanch-runbook-author")
        grant(kubectl, who, cluster_role="stanch-viewer")
    use = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["use"], "resourceNames": ["deployer"]}
    grant(kubectl, "dave", use)
    lends = runbook(serviceAccountName="deployer")
    refused = kubectl.as_user("carol").create(lends).err
    assert "user carol may not use ServiceAccount deployer" in refused
    assert kubectl.as_user("dave").create(lends).ok
    words = ("patch", "rbk", "bad-deploy", "--type=merge", "-p")
    changed = json.dumps({"spec": {"mitigations": [wish(rolloutUndo={})]}})
    assert "may not use ServiceAccount" in kubectl.as_user("carol")(*words, changed).err
    assert kubectl.as_user("carol")("label", "rbk", "bad-deploy", "team=checkout").ok
    assert kubectl.as_user("dave")(*words, changed).ok


def test_nobody_but_the_operator_says_that_it_was_drilled(kubectl: Kubectl) -> None:
    """Not even an admin: by that it would act by itself."""
    assert kubectl.create(runbook()).ok
    status = {"drilled": {"incident": "x", "time": "2026-11-21T14:00:00Z", "generation": 1}}
    words = ("patch", "rbk", "bad-deploy", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    assert "only the stanch operator writes runbooks/status" in kubectl(*words).err
    assert operator(kubectl)(*words).ok
