"""StatefulSets: back to an earlier template, and what pins them to a bad one."""

from datetime import timedelta
from typing import Any

import pytest

from build import BAD, GOOD, T0, Json, entry, pod, stamp, template
from objects import controller_revision, stateful, wish, world
from stanch.core.commands import Swap
from world import World


def test_a_stateful_set_goes_back_after_a_second_person_agreed() -> None:
    """
    Its template is put back without the words that only the controller's patch has.
    """
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    there = world(asked, statefulsets=stateful(), controllerrevisions=kept, pods=pod("h2", crashing=True)).run(
        minutes=1
    )
    assert there.effects == []
    record = there.record("act")
    assert record.approvals.needed == 1
    agreed = {"mitigation": "act", "action": "rolloutUndo", "digest": record.digest}
    there.say(entry("bob", approve=agreed)).run(minutes=1)
    assert sum(isinstance(c, Swap) for c in there.effects) == 1
    assert there.objects[("statefulsets", "checkout")]["spec"]["template"] == template(GOOD)


def test_the_successor_of_a_pod_that_leaves_is_waited_for_but_not_for_ever() -> None:
    """
    Planned a second earlier, the bad pod that comes up next would not be written down, and so never be deleted.
    """
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    leaving, bad = pod("h1"), pod("h2", crashing=True)
    for one, revision, uid in ((leaving, "checkout-h1", "old"), (bad, "checkout-h2", "new")):
        one["metadata"] |= {"name": "checkout-0", "uid": uid}
        one["metadata"]["labels"]["controller-revision-hash"] = revision
    asked = wish("StatefulSet", "checkout", rolloutUndo={})

    def begun() -> World:
        there = world(asked, statefulsets=stateful(), controllerrevisions=kept, pods=leaving)
        # It takes its time: longer than this cluster in memory lets anything take.
        there.objects[("pods", "checkout-0")]["metadata"]["deletionTimestamp"] = stamp(there.now + timedelta(minutes=9))
        return there.run(seconds=5)

    there = begun()
    assert there.record("act").reason == "NotObservedYet"
    there.objects[("pods", "checkout-0")] = bad
    there.run(seconds=5)
    assert there.record("act").reason == "ApprovalMissing"
    assert "may pin it to the bad template: checkout-0" in " ".join(there.record("act").warnings)
    assert begun().run(seconds=30).record("act").reason == "ApprovalMissing"


def test_pods_that_pin_a_stateful_set_are_deleted_one_at_a_time() -> None:
    """
    The controller waits for them to become Ready, which they never do.
    """
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    pinned = [pod("h2", crashing=True), pod("h2", crashing=True)]
    for number, one in enumerate(pinned):
        one["metadata"] |= {"name": f"checkout-{number}", "uid": f"p{number}"}
        one["metadata"]["labels"]["controller-revision-hash"] = "checkout-h2"
    there = world(asked, statefulsets=stateful(), controllerrevisions=kept, pods=pinned)
    there.objects[("statefulsets", "checkout")]["status"]["readyReplicas"] = 1
    there.run(seconds=5)
    agreed = {"mitigation": "act", "action": "rolloutUndo", "digest": there.record("act").digest}
    there.say(entry("bob", approve=agreed)).look()
    there.objects[("statefulsets", "checkout")]["status"] |= {"observedGeneration": 99, "updateRevision": "checkout-h1"}
    there.look()
    assert [getattr(c, "uid", "") for c in there.effects[1:]] == ["p1"]
    there.run(minutes=1)
    assert [getattr(c, "uid", "") for c in there.effects[1:]] == ["p1", "p0"]
    assert there.broken == []


def pinned_by(sick: Json, **spec: Any) -> World:
    """A StatefulSet rolled back while pod 1 of its bad template is not Ready, in the way that ``sick`` says."""
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    sick["metadata"] |= {"name": "checkout-1", "uid": "p1"}
    sick["metadata"]["labels"]["controller-revision-hash"] = "checkout-h2"
    there = world(asked, statefulsets=stateful(**spec), controllerrevisions=kept, pods=sick)
    there.objects[("statefulsets", "checkout")]["status"]["readyReplicas"] = 2
    there.run(seconds=5)
    agreed = {"mitigation": "act", "action": "rolloutUndo", "digest": there.record("act").digest}
    there.say(entry("bob", approve=agreed)).look()
    there.objects[("statefulsets", "checkout")]["status"] |= {"observedGeneration": 99, "updateRevision": "checkout-h1"}
    return there


def not_ready(since: int, started: int, waiting: str = "", **container: Any) -> Json:
    """A pod that was started and was last said to be not Ready so many seconds before T0."""
    one = pod("h2", since=T0 - timedelta(seconds=started))
    one["spec"]["containers"][0] |= container
    last = stamp(T0 - timedelta(seconds=since))
    one["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": last}]
    if waiting:
        one["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": waiting}}
    return one


SLOW = {"startupProbe": {"periodSeconds": 10, "failureThreshold": 60}}


@pytest.mark.parametrize(
    ("sick", "goes"),
    [
        (not_ready(3600, 3600), True),
        (not_ready(5, 3600, waiting="ImagePullBackOff"), True),
        (not_ready(5, 3600), False),
        (not_ready(600, 3600), False),
        (not_ready(90, 90, **SLOW), False),
    ],
    ids=["never-was-ready", "no-image", "flaps", "was-ready-once", "still-starts"],
)
def test_only_pods_that_can_not_become_ready_are_taken_from_a_stateful_set(sick: Json, goes: bool) -> None:
    """
    One whose readiness comes and goes is the controller's to replace, in its own order; a quorum may need it.
    """
    there = pinned_by(sick).run(minutes=1)
    assert [getattr(c, "uid", "") for c in there.effects[1:]] == (["p1"] if goes else [])
    if not goes:
        assert "may yet become so by itself" in there.record("act").message
    assert there.broken == []


def ready_between_crashes(number: int, crashed: bool = True) -> Json:
    """A pod of the bad template without a readiness probe, in the moment in which it runs."""
    one = pod("h2", since=T0 - timedelta(seconds=20))
    one["metadata"] |= {"name": f"checkout-{number}", "uid": f"p{number}"}
    one["metadata"]["labels"]["controller-revision-hash"] = "checkout-h2"
    if crashed:
        end = {"exitCode": 1, "finishedAt": stamp(T0 - timedelta(seconds=3))}
        one["status"]["containerStatuses"][0] |= {"restartCount": 2, "lastState": {"terminated": end}}
    return one


def crash(one: Json, state: Json) -> None:
    """It is down once more."""
    one["status"]["conditions"][0] |= {"status": "False", "lastTransitionTime": stamp(T0 + timedelta(seconds=9))}
    one["status"]["containerStatuses"][0] |= {"ready": False, "state": state}


DOWN = [
    {"waiting": {"reason": "CrashLoopBackOff"}},
    {"terminated": {"exitCode": 1, "finishedAt": stamp(T0 + timedelta(seconds=9))}},
]


@pytest.mark.parametrize("down", DOWN, ids=["waits", "has-ended"])
def test_a_pod_that_is_ready_between_two_crashes_pins_it_as_well(down: Json) -> None:
    """
    Without a readiness probe it is Ready when the rollback is planned, and so is the one that came after it and will crash, too.
    """
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    pods = [ready_between_crashes(1), ready_between_crashes(0, crashed=False)]
    there = world(asked, statefulsets=stateful(), controllerrevisions=kept, pods=pods)
    there.objects[("statefulsets", "checkout")]["status"]["readyReplicas"] = 2
    there.run(seconds=5)
    assert "crash, may pin it to the bad template: checkout-1, checkout-0" in " ".join(there.record("act").warnings)
    agreed = {"mitigation": "act", "action": "rolloutUndo", "digest": there.record("act").digest}
    there.say(entry("bob", approve=agreed)).look()
    there.objects[("statefulsets", "checkout")]["status"] |= {"observedGeneration": 99, "updateRevision": "checkout-h1"}
    there.run(seconds=5)
    assert len(there.effects) == 1  # As long as they are Ready the controller replaces them itself.
    crash(there.objects[("pods", "checkout-0")], down)
    there.run(seconds=10)
    assert [getattr(c, "uid", "") for c in there.effects[1:]] == ["p0"]
    assert there.broken == []


def test_a_pod_that_crashed_long_ago_is_no_reason() -> None:
    """
    It serves since, and its template with it.
    """
    one = ready_between_crashes(1)
    one["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = stamp(T0 - timedelta(hours=3))
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    there = world(asked, statefulsets=stateful(), controllerrevisions=kept, pods=one).run(seconds=5)
    assert "may pin it" not in " ".join(there.record("act").warnings)


def test_pods_below_the_partition_are_not_deleted() -> None:
    """
    The controller would make them again of the same bad template.
    """
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    there = pinned_by(not_ready(3600, 3600), updateStrategy=strategy).run(minutes=1)
    assert len(there.effects) == 1


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"type": "OnDelete"}, "keep the bad version until each is deleted"),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "pods 0 to 1 are not touched"),
    ],
)
def test_it_says_which_pods_keep_the_bad_template(strategy: Json, words: str) -> None:
    """
    Said in the plan, where a person still can choose otherwise.
    """
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    there = world(asked, statefulsets=stateful(updateStrategy=strategy), controllerrevisions=kept).run(seconds=5)
    assert words in " ".join(there.record("act").warnings)
