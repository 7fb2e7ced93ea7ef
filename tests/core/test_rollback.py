"""The main job on paper: evidence, intention, one effect, verification, hold, resolution, what follows."""

from datetime import timedelta

import pytest

from build import BAD, GOOD, T0, UID, deployment, entry, incident, pod, replicaset, roll_back, scale_to, stamp
from stanch.api.names import Label
from stanch.mitigations.revisions import choose, revisions
from world import World, bad_deploy, healthy


def test_a_bad_deploy_is_rolled_back_once_and_resolved():
    """From declaration to postmortem: one effect, in the order that can be trusted."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    assert [GOOD, 1, []] == [world.image, len(world.effects), world.broken]
    steps = [
        "EvidenceCollected",
        "MitigationIntended",
        "MitigationApplied",
        "MitigationVerified",
        "Mitigated",
        "Resolved",
    ]
    assert steps == [kind for kind in world.kinds() if kind in steps]
    assert "True Held" == world.condition("Resolved")


def test_first_it_is_written_down_and_only_then_done():
    """The plan that intends has no command; the next one, which can read the intention, has it."""
    world = bad_deploy(incident(roll_back()))
    world.look()
    intends = next(i for i, p in enumerate(world.plans) if p.status.mitigations and p.status.mitigations[0].attempts)
    commands = [i for i, p in enumerate(world.plans) if p.commands]
    assert () == world.plans[intends].commands
    assert intends < commands[0]


def test_the_record_says_what_it_does_and_how_to_take_it_back():
    """Plan, diff, blast and lines to paste are on the record with the attempt."""
    record = bad_deploy(incident(roll_back())).run(seconds=5).record("roll-back")
    assert f"spec.containers[app].image: {BAD} -> {GOOD}" in (record.diff or ())
    assert "kubectl -n shop rollout undo deployment/checkout --to-revision=2" == record.break_glass[0]
    assert record.attempts[0].undo_ref in record.break_glass[1]
    assert "1 of 3 pods replaced; 0 Services" == record.blast


def test_a_postmortem_and_an_item_to_fix_the_bad_revision_follow():
    """The draft has its six parts from the record, and somebody owns the fix."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    bodies = {s.body["kind"]: s.body["spec"] for p in world.plans for s in p.stores if "spec" in s.body}
    draft = bodies["Postmortem"]
    assert {"summary", "impact", "timeline", "factors", "whys", "actionItems"} <= set(draft)
    assert ("alice", "P1") == (bodies["ActionItem"]["owner"], bodies["ActionItem"]["priority"])


def test_an_incident_of_the_same_name_has_items_of_its_own():
    """What an earlier one left is not taken for its own: the record names what it stored."""
    ago = (
        bad_deploy(incident(roll_back()))
        .say(entry("alice", note={"kind": "Todo"}, text="Look at the pool"))
        .run(minutes=3)
    )
    again = incident(roll_back())
    again = again.model_copy(update={"metadata": again.metadata.model_copy(update={"uid": f"9{UID[1:]}"})})
    world = bad_deploy(again).say(entry("alice", note={"kind": "Todo"}, text="Look at the pool"))
    world.objects |= {key: body for key, body in ago.objects.items() if key[0] in ("actionitems", "postmortems")}
    items = world.run(minutes=3).incident.status.postmortem.action_items
    assert 2 == len(items)
    labels = [world.objects[("actionitems", name)]["metadata"]["labels"] for name in items]
    assert [again.metadata.uid] * 2 == [each[Label.INCIDENT_UID] for each in labels]


def test_without_a_wish_it_is_watched_and_evidence_is_kept():
    """Declaring alone captures evidence and touches nothing."""
    world = bad_deploy(incident()).run(seconds=30)
    assert ([], "True Complete") == (world.effects, world.condition("EvidenceCaptured"))
    assert ["Declared"] == [e.purpose for e in world.incident.status.evidence or ()]


def _revisions(*ages: float, serving: tuple[int, ...] = ()) -> list:
    sets = [replicaset(f"i{n}", n, created=T0 - timedelta(minutes=age)) for n, age in enumerate(ages, 1)]
    return revisions(sets, [pod(f"h{n}") for n in serving], T0)


@pytest.mark.parametrize(
    ("ages", "serving", "expected"),
    [
        ((500, 10, 5), (1,), 1),
        ((500, 100, 5), (), 2),
        ((20, 5, 1), (), 1),
        ((10_000, 100, 90, 1), (), 3),
        ((500, 100, 5), (2, 1), 2),
    ],
    ids=["serves-now", "newest-that-served-long", "longest-of-the-young", "newest-of-two-long", "two-serve"],
)
def test_which_revision_to_go_back_to(ages, serving, expected):
    """Serving now beats served long beats served longest (decisions 0.1)."""
    history = _revisions(*ages, serving=serving)
    assert expected == choose(history[:-1], history).revision.number


def test_two_bad_releases_in_a_row_go_back_to_the_good_one():
    """The one before is not good only because it came before."""
    world = bad_deploy(incident(roll_back()))
    world.objects[("deployments", "checkout")] = deployment(image="shop/checkout:1.8.4", revision=3)
    third = replicaset("shop/checkout:1.8.4", 3, created=T0 - timedelta(minutes=1))
    world.objects[("replicasets", third["metadata"]["name"])] = third
    assert GOOD == world.run(seconds=5).image


def test_a_pod_that_crashed_once_long_ago_still_serves():
    """What was killed for memory last week is steady by now; a loop that is up for this second is not."""
    steady, looping = pod("h1"), pod("h2")
    for each, began, up in ((steady, 30, timedelta(days=7)), (looping, 5, timedelta(seconds=4))):
        died = T0 - up - timedelta(seconds=10)
        last = {"exitCode": 137, "startedAt": stamp(died - timedelta(seconds=began)), "finishedAt": stamp(died)}
        status = each["status"]["containerStatuses"][0]
        status |= {"lastState": {"terminated": last}, "state": {"running": {"startedAt": stamp(T0 - up)}}}
    sets = [replicaset(f"i{n}", n, created=T0 - timedelta(minutes=9 - n)) for n in (1, 2, 3)]
    assert [1, 0, 0] == [r.serving for r in revisions(sets, [steady, looping], T0)]


def test_a_release_that_crashed_all_night_is_not_called_proven():
    """How long it was deployed is not how long it served."""
    sets = [replicaset(f"i{n}", n, created=T0 - timedelta(minutes=age)) for n, age in ((1, 620), (2, 600), (3, 1))]
    history = revisions(sets, [pod("h2", crashing=True)], T0)
    assert choose(history[:-1], history).revision.number == 1


def test_what_was_rolled_back_is_not_rolled_back_again():
    """Two people report the same outage: the second must not bring the bad release back (kubectl undo does)."""
    world = bad_deploy(incident(roll_back("one", when="Always"), roll_back("two", when="Always"))).run(minutes=1)
    assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken)
    assert "Skipped" == world.record("two").state.value
    assert "was rolled back already" in world.record("two").message


def test_what_is_asked_for_in_any_case_does_not_wait_for_what_is_held():
    """The rollback is held because the rollout is paused, and the resume that frees it is next in line."""
    resume = {"name": "go-on", "rolloutResume": {}, "when": "Always"}
    world = bad_deploy(incident(roll_back(when="Always"), resume))
    world.objects[("deployments", "checkout")]["spec"]["paused"] = True
    world.run(minutes=1)
    assert (GOOD, "Done") == (world.image, world.record("go-on").state.value)


def test_an_incident_without_targets_is_a_record():
    """Nothing to look at is not an error; a person says when it is over."""
    world = World(incident(targets=None)).run(seconds=30)
    assert ("Unknown NoData", "False NothingToCapture") == (
        world.condition("Mitigated"),
        world.condition("EvidenceCaptured"),
    )


def test_what_was_ready_since_yesterday_is_not_over_because_of_that():
    """Somebody says that it is broken now, and needs a second person's word to act: the hold begins with the declaration."""
    world = healthy(incident(scale_to(0), recovery={"hold": "5m"}))
    world.now -= timedelta(days=1)
    world.settle()
    world.now += timedelta(days=1)
    world.run(minutes=4)
    assert ("False Holding", "Held") == (world.condition("Resolved"), world.record("size").state.value)
    assert "True Held" == world.run(minutes=2).condition("Resolved")


@pytest.mark.parametrize(("again", "state"), [(False, "Running"), (True, "Failed")], ids=["the-old-one", "a-new-one"])
def test_a_deadline_missed_before_the_rollback_is_not_held_against_it(again, state):
    """The controller goes on saying so of the bad release; said anew after the rollback, it is about the rollback."""
    world = bad_deploy(incident(roll_back()))
    world.controller_works = False
    missed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    world.target["status"]["conditions"] = [missed | {"lastUpdateTime": stamp(T0 - timedelta(minutes=3))}]
    world.run(seconds=5)
    assert 1 == len(world.effects)
    world.target["status"]["observedGeneration"] = 99
    if again:
        world.target["status"]["conditions"] = [missed | {"lastUpdateTime": stamp(T0 + timedelta(seconds=9))}]
    assert state == world.run(minutes=1).record("roll-back").state.value
