"""Before a pause or a hold is taken back it is said what comes with it: on the debt, in the plan, and before the undo is done."""

import copy
from typing import Any

import pytest

from build import BAD, GOOD, Json, entry, incident, roll_back
from objects import steered
from reconcilers import held, reconciler
from stanch.api.incident_status import WishState
from stanch.core.foretold import BRINGS_MAX
from stanch.core.observations import Failed
from stanch.core.questions import REPLICASETS, List
from world import World, bad_deploy, healthy

PAUSE = {"name": "pause", "rolloutPause": {}}
RESUME = {"name": "resume", "rolloutResume": {}, "target": {"kind": "Deployment", "name": "checkout"}}
NOTHING = "Nothing waits for the resume: all pods have the template that stands there"
SOURCE = {"spec": {"sourceRef": {"kind": "GitRepository", "name": "repo"}}}


def brings(there: World) -> str | None:
    """What the debt says of its undo."""
    return next(iter(there.incident.status.debt)).brings


def intended(there: World) -> str:
    """The last line that was written before something was done."""
    return next(line.text for line in reversed(there.incident.status.timeline) if line.kind == "MitigationIntended")


def push(there: World, image: str) -> World:
    """Somebody deploys, and the controller leaves it at that, for it is paused."""
    there.target["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return there


def undone(there: World, name: str) -> World:
    """alice takes it back."""
    said = entry("alice", after=there.now - there.incident.declared, name="back", undo={"mitigation": name})
    return there.say(said).run(minutes=1)


def counted(there: World) -> World:
    """Each ReplicaSet has as many replicas as there are pods of it."""
    for (plural, _), each in there.objects.items():
        if plural == "replicasets":
            code = each["metadata"]["labels"]["pod-template-hash"]
            pods = [o for (kind, _), o in there.objects.items() if kind == "pods"]
            each["spec"]["replicas"] = sum(p["metadata"]["labels"]["pod-template-hash"] == code for p in pods)
    return there


def paused(there: World) -> World:
    """The pause stands."""
    counted(there).run(seconds=20)
    assert WishState.DONE is there.record("pause").state
    # As the controller does with one that is paused: nothing.
    there.controller_works = False
    return there


def test_the_debt_of_a_pause_says_which_pods_a_resume_would_replace() -> None:
    """Looked at anew as long as it stands: what is pushed meanwhile is in it."""
    there = paused(healthy(incident(PAUSE)))
    assert NOTHING == brings(there)
    push(there, BAD).run(minutes=2)
    assert f"Resumed now, it replaces 3 pods of revision 1: spec.containers[app].image: {GOOD} -> {BAD}" == brings(
        there
    )
    assert [] == there.broken


def test_it_stands_in_the_timeline_before_the_resume_is_done() -> None:
    """In the line that is written with the intention, so before the effect."""
    there = push(paused(healthy(incident(PAUSE))), BAD)
    undone(there, "pause")
    assert WishState.UNDONE is there.record("pause").state
    assert (
        f"asked by alice. Resumed now, it replaces 3 pods of revision 1: spec.containers[app].image: {GOOD} -> {BAD}"
        in (intended(there))
    )
    assert [] == there.broken


def test_a_rollout_that_was_paused_in_the_middle_counts_what_is_left_of_it() -> None:
    """Pods that have the newest template stay."""
    there = bad_deploy(incident(PAUSE))
    there.controller_works = False
    paused(there)
    assert brings(there).startswith("Resumed now, it replaces 2 pods of revision 1: ")
    assert f"spec.containers[app].image: {GOOD} -> {BAD}" in brings(there)


def test_what_may_be_a_secret_is_not_told() -> None:
    """Env values are never on the record."""
    there = paused(healthy(incident(PAUSE)))
    there.target["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "TOKEN", "value": "s3cret"}]
    there.run(minutes=2)
    assert "(not shown)" in brings(there)
    assert "s3cret" not in there.incident.status.model_dump_json()


def test_what_is_told_has_its_limit() -> None:
    """A template of many changes."""
    there = paused(healthy(incident(PAUSE)))
    labels = there.target["spec"]["template"]["metadata"].setdefault("labels", {})
    labels.update({f"label-{n:03}-{'x' * 40}": "y" * 60 for n in range(30)})
    there.run(minutes=2)
    assert BRINGS_MAX == len(brings(there))


def test_a_resume_shows_it_in_its_plan_and_an_approval_agrees_to_that_template() -> None:
    """Another push is another plan."""
    resume = RESUME | {"approvals": 1, "when": "Always"}
    there = push(paused(healthy(incident(PAUSE, resume, recovery={"hold": "30m"}))), BAD).run(seconds=30)
    record = there.record("resume")
    assert record.warnings[1].startswith("Resumed now, it replaces 3 pods of revision 1: ")
    push(there, "shop/checkout:1.8.4").run(minutes=1)
    assert there.record("resume").digest != record.digest


def test_a_list_that_can_not_be_read_is_said() -> None:
    """Instead of nothing at all."""
    there = paused(healthy(incident(PAUSE)))
    answer = there.answer

    def without(question: Any) -> Any:
        is_list = isinstance(question, List) and question.ref == REPLICASETS
        return Failed(403, "no") if is_list else answer(question)

    there.answer = without
    there.run(minutes=2)
    assert "Which pods a resume replaces can't be read: no" == brings(there)


def application(**status: Any) -> Json:
    """An Application whose automated sync is on."""
    return reconciler("Application", status=status)


APPLICATION = {
    "OutOfSync": (
        {
            "sync": {"status": "OutOfSync", "revision": "b" * 40},
            "history": [{"revision": "a" * 40}],
            "resources": [
                {"kind": "Deployment", "name": "web", "status": "OutOfSync"},
                {"kind": "Service", "name": "web", "status": "Synced"},
            ],
        },
        f"Lifted now, its automated sync goes on: it is OutOfSync at {'b' * 24}…, last synced at {'a' * 24}…: Deployment web",
    ),
    "Synced": (
        {"sync": {"status": "Synced", "revision": "abc"}},
        "Lifted now, it syncs nothing: it is Synced at abc",
    ),
    "unknown": ({"sync": {}}, "Lifted now, its automated sync goes on: it is Unknown: "),
}


@pytest.mark.parametrize("case", APPLICATION)
def test_lifting_a_hold_of_an_application_says_its_sync_status_and_the_revisions(case: str) -> None:
    """Both where the debt stands and before the sync is let go."""
    status, words = APPLICATION[case]
    there = held("Application", application(**status)).run(minutes=1)
    assert brings(there).startswith(words.removesuffix(": "))
    assert words.removesuffix(": ")[:60] in intended(undone(there, "act"))
    assert WishState.UNDONE is there.record("act").state


def source(revision: str | None) -> Json:
    """A GitRepository that has fetched this."""
    return {
        "metadata": {"name": "repo", "namespace": "shop", "uid": "g1"},
        "spec": {},
        "status": {"artifact": {"revision": revision}} if revision else {},
    }


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        (
            "main@sha1:bbb",
            "applies what came into Git since: GitRepository shop/repo is at main@sha1:bbb, it had applied main@sha1:aaa",
        ),
        (
            "main@sha1:aaa",
            "puts back what differs from Git: GitRepository shop/repo is at main@sha1:aaa, as when it was held",
        ),
        (
            None,
            "applies what GitRepository shop/repo has, which can't be read; before it was held it applied main@sha1:aaa",
        ),
    ],
)
def test_lifting_a_hold_of_a_kustomization_says_what_came_into_git(revision: str | None, words: str) -> None:
    """It applies nothing meanwhile; its source goes on fetching."""
    body = reconciler("Kustomization", status={"lastAppliedRevision": "main@sha1:aaa"}, **copy.deepcopy(SOURCE))
    there = held("Kustomization", body, gitrepositories=source(revision)).run(minutes=1)
    assert f"Lifted now, it {words}" == brings(there)
    assert [] == there.broken


def test_a_source_in_another_namespace_is_named_and_not_read() -> None:
    """Whoever reads this incident may have no right there."""
    spec = {"spec": {"sourceRef": {"kind": "GitRepository", "name": "repo", "namespace": "flux-system"}}}
    body = reconciler("Kustomization", status={"lastAppliedRevision": "main@sha1:aaa"}, **spec)
    there = held("Kustomization", body, gitrepositories=source("main@sha1:bbb")).run(minutes=1)
    assert (
        "Lifted now, it applies what GitRepository flux-system/repo has; before it was held it applied main@sha1:aaa"
        == (brings(there))
    )


def test_lifting_a_hold_of_a_helm_release_says_which_chart() -> None:
    """It knows no more while it is suspended."""
    spec = {"spec": {"chart": {"spec": {"version": "1.3.x"}}}}
    there = held("HelmRelease", reconciler("HelmRelease", status={"history": [{"chartVersion": "1.2.9"}]}, **spec))
    there.run(minutes=1)
    assert (
        "Lifted now, it upgrades where chart or values changed since chart 1.2.9; its spec asks for chart 1.3.x"
        == brings(there)
    )


def test_lifting_the_hold_of_one_object_names_what_is_put_back_with_it() -> None:
    """The rollback stands, and Git does not have it: the bad release would come back."""
    there = steered(roll_back(), hold="10m").run(seconds=30)
    assert GOOD == there.image
    debt = next(d for d in there.incident.status.debt if d.name == "hold-roll-back")
    assert (
        "Lifted now, Flux Kustomization flux-system/apps puts back what differs from Git at its next run" in debt.brings
    )
    assert "roll-back stands: it is put back, too, unless Git has it by now" in debt.brings
    undone(there, "hold-roll-back")
    assert "roll-back stands: it is put back" in intended(there)


def test_what_keeps_nothing_away_says_nothing() -> None:
    """A size, a flag, a selector: taking it back brings what was there."""
    there = healthy(incident({"name": "size", "scale": {"replicas": 4}})).run(seconds=40)
    assert brings(there) is None


def test_beside_something_that_is_under_way_nothing_is_looked_at() -> None:
    """No effect waits for it: the debt keeps what it said."""
    there = paused(healthy(incident(PAUSE, recovery={"hold": "30m"})))
    target = {"kind": "Deployment", "name": "checkout"}
    more = {"name": "more", "scale": {"replicas": 4}, "when": "Always", "target": target}
    there.say(entry("alice", after=there.now - there.incident.declared, name="more", mitigate=more)).run(seconds=20)
    assert WishState.RUNNING is there.record("more").state
    push(there, BAD).run(seconds=20)
    assert (WishState.RUNNING, NOTHING) == (there.record("more").state, brings(there))
