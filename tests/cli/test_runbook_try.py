"""`stanch runbook test`: a case that does not hold is said to, whatever it expects; one that can't fail is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.books import Json, good, put, spoilt, stanch

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "checkout", "uid": "d", "annotations": {"deployment.kubernetes.io/revision": "2"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "checkout"}},
        "template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {"containers": [{"name": "web", "image": "shop:2"}]},
        },
    },
    "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 0},
}


def revision(number: int, age: str) -> Json:
    """A ReplicaSet of the Deployment."""
    template = {
        "metadata": {"labels": {"app": "checkout", "pod-template-hash": f"h{number}"}},
        "spec": {"containers": [{"name": "web", "image": f"shop:{number}"}]},
    }
    owner = {"kind": "Deployment", "name": "checkout", "uid": "d", "controller": True}
    meta = {
        "name": f"checkout-h{number}",
        "creationTimestamp": age,
        "labels": {"app": "checkout", "pod-template-hash": f"h{number}"},
        "annotations": {"deployment.kubernetes.io/revision": str(number)},
        "ownerReferences": [owner],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": meta,
        "spec": {"replicas": 1, "template": template},
    }


OBJECTS = [DEPLOYMENT, revision(1, "2026-02-01T00:00:00Z"), revision(2, "2026-03-01T01:50:00Z")]
ALERT = {"alertname": "Stuck", "deployment": "checkout"}
STEP = {"name": "roll-back", "action": "rolloutUndo", "target": "Deployment checkout", "class": "B", "does": "shop:1"}
BOOK = spoilt(lambda b: b["spec"].update(preconditions=[{"name": "fresh", "rolledOutWithin": "1h"}]))


def tried(folder: Path, expect: Json, **more: Any) -> tuple[int, Json]:
    """(exit code, what is said of the one case)."""
    case = {"name": "it", "alert": ALERT, "objects": OBJECTS, "expect": expect} | more
    done = stanch("test", "-o", "json", put(folder, BOOK, cases={"tests": [case]}))
    assert done.exit_code in (0, 1), done.output
    return done.exit_code, json.loads(done.stdout)["cases"][0]


def test_a_case_that_holds_holds(tmp_path: Path) -> None:
    """
    Everything that can be expected, at once.
    """
    code, said = tried(tmp_path, {"matches": True, "fits": True, "plan": [STEP | {"warns": "are not rolled back"}]})
    assert (0, []) == (code, said["wrong"]), said
    assert any("class B" in line and "shop:1" in line for line in said["came"])


WRONG = (
    ({"matches": False}, {}, "matches: expected no, got yes"),
    ({"fits": False}, {}, "fits: expected no, got yes"),
    ({"fits": True}, {"now": "2026-03-02T00:00:00Z"}, "fits: expected yes, got no"),
    ({"fits": False, "why": "stale"}, {"now": "2026-03-02T00:00:00Z"}, "why: expected 'stale'"),
    ({"refused": "deployment"}, {}, "but there is a plan"),
    ({"fits": True}, {"parameters": {"deployment": "payments"}}, "expected a plan, but it is refused"),
    ({"refused": "cheese"}, {"parameters": {"deployment": "payments"}}, "refused: expected 'cheese'"),
    ({"plan": []}, {}, "plan: expected no mitigations, got roll-back"),
    ({"plan": [STEP | {"name": "undo"}]}, {}, "plan: expected undo, got roll-back"),
    ({"plan": [STEP | {"action": "scale"}]}, {}, "action: expected scale"),
    ({"plan": [STEP | {"target": "Deployment cart"}]}, {}, "target: expected Deployment cart"),
    ({"plan": [STEP | {"class": "A"}]}, {}, "class: expected A, got B"),
    ({"plan": [STEP | {"does": "shop:7"}]}, {}, "does: expected 'shop:7'"),
    ({"plan": [STEP | {"warns": "data loss"}]}, {}, "warns: expected 'data loss'"),
    ({"plan": [{"name": "roll-back", "refused": "never"}]}, {}, "refused: expected 'never', but class B"),
    ({"plan": [{"name": "roll-back", "nothing": "already"}]}, {}, "nothing: expected 'already', but class B"),
    ({"plan": [STEP]}, {"objects": []}, "expected a change, but it is refused: There is no Deployment"),
    ({"plan": [{"name": "roll-back", "refused": "paused"}]}, {"objects": []}, "refused: expected 'paused' in"),
    ({"plan": [STEP]}, {"objects": [OBJECTS[0], OBJECTS[2]]}, "but it is refused: No earlier revision"),
    ({"matches": True}, {"alert": None, "parameters": {"deployment": "cart"}}, "the case has no alert"),
)


@pytest.mark.parametrize(("expect", "more", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_a_case_that_does_not_hold_is_said_to(tmp_path: Path, expect: Json, more: Json, said: str) -> None:
    """
    Each expectation can fail, and says what was expected and what came.
    """
    code, case = tried(tmp_path, expect, **more)
    assert 1 == code
    assert [line for line in case["wrong"] if said in line], case


def test_what_argo_rollouts_runs_is_left_alone(tmp_path: Path) -> None:
    """
    Though nothing on the Deployment says so: the refusal of the operator is that of the test.
    """
    points = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}}
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"}, "spec": points}
    plan = [{"name": "roll-back", "refused": "Argo Rollout shop"}]
    code, case = tried(tmp_path, {"plan": plan}, objects=[*OBJECTS, rollout])
    assert 0 == code, case


REFUSED = (
    ({"expect": {}}, "expects nothing"),
    ({"expect": {"matchs": True}}, "Extra inputs"),
    ({"expect": {"refused": "x", "plan": []}}, "has no plan"),
    ({"expect": {"plan": [{"name": "a", "klass": "B"}]}}, "Extra inputs"),
    ({"objects": [{"kind": "Deploymnet", "metadata": {"name": "x"}}]}, "no mitigation looks at that kind"),
    ({"objects": [DEPLOYMENT | {"apiVersion": "extensions/v1beta1"}]}, "apiVersion must be apps/v1"),
    ({"objects": [{"kind": "Pod", "metadata": {}}]}, "without metadata.name"),
    ({"severity": "SEV9"}, "SEV1"),
    ({"now": "tomorrow"}, "datetime"),
)


@pytest.mark.parametrize(("more", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_a_case_that_means_nothing_is_refused(tmp_path: Path, more: Json, said: str) -> None:
    """
    Exit code 2, with the file and what is wrong: a typing error must not pass as a case that holds.
    """
    case = {"name": "it", "alert": ALERT, "objects": OBJECTS, "expect": {"fits": True}} | more
    done = stanch("test", put(tmp_path, BOOK, cases={"tests": [case]}))
    assert 2 == done.exit_code
    assert said in done.stderr
    assert "test.yaml" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_people_see_what_failed_and_what_came_instead(tmp_path: Path) -> None:
    """
    A line a case; below one that failed, why, and what came of it; with -v of all of them.
    """
    cases = [
        {"name": "good", "alert": ALERT, "objects": OBJECTS, "expect": {"fits": True}},
        {"name": "bad", "alert": ALERT, "objects": OBJECTS, "expect": {"fits": False}},
    ]
    put(tmp_path, BOOK, cases={"tests": cases})
    done = stanch("test", tmp_path)
    assert 1 == done.exit_code
    assert "  ok    good\n  FAIL  bad\n          fits: expected no, got yes" in done.stdout
    assert "1 of 2 cases hold, in 1 file" == done.stdout.splitlines()[-1]
    assert (
        1 == done.stdout.count("roll-back: class B") < stanch("test", "-v", tmp_path).stdout.count("roll-back: class B")
    )


def test_no_case_at_all_is_no_success(tmp_path: Path) -> None:
    """
    Exit code 2; beside others that have some, it is told and no more.
    """
    put(tmp_path / "a", good(), cases=None)
    assert 2 == (done := stanch("test", tmp_path)).exit_code
    assert "not one case" in done.stderr
    put(tmp_path / "b", spoilt(lambda b: b["metadata"].update(name="b")))
    done = stanch("test", tmp_path)
    assert 0 == done.exit_code
    assert "no cases beside it" in done.stdout


def test_a_runbook_that_cannot_be_read_is_no_success(tmp_path: Path) -> None:
    """
    Exit code 2, with the field.
    """
    put(tmp_path, spoilt(lambda b: b["spec"].pop("title")))
    assert 2 == (done := stanch("test", tmp_path)).exit_code
    assert "spec.title" in done.stderr
