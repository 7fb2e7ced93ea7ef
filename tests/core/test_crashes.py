"""Crashes, lost answers and other hands: exactly one effect, and a record that says what happened."""

from dataclasses import replace
from datetime import timedelta

import pytest

import world as worlds
from build import BAD, GOOD, entry, incident, roll_back
from stanch.core.observations import Failed
from stanch.core.questions import UndoSecret
from world import CATALOG, World, bad_deploy


@pytest.mark.parametrize("steps", range(10))
def test_a_crash_after_any_step_still_ends_in_one_effect(steps):
    """Killed after each write in turn, then started again."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=steps)
    world.run(minutes=3)
    assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken)
    assert "Verified" == world.record("roll-back").attempts[-1].state.value


def left_behind() -> World:
    """Written down, and then nobody was there for twenty seconds."""
    world = bad_deploy(incident(roll_back())).about_to_act()
    world.stopped, world.now = None, world.now + timedelta(seconds=20)
    return world


def test_what_was_written_down_waits_while_the_incident_is_paused():
    """Paused is paused, also for the one who comes after a crash; it goes on when the word is taken back."""
    world = left_behind().respec(paused=True).run(minutes=5)
    assert ([], "Paused", "Intended") == (
        world.effects,
        world.record("roll-back").reason,
        world.record("roll-back").attempts[-1].state.value,
    )
    assert GOOD == world.respec(paused=None).run(minutes=1).image


def test_what_waited_too_long_is_given_up():
    """What was agreed to a quarter of an hour ago is not done on a world that nobody has looked at."""
    world = left_behind().respec(paused=True).run(minutes=20)
    world.respec(paused=None).run(minutes=1)
    assert ([], "Failed") == (world.effects, world.record("roll-back").state.value)


def test_nothing_is_done_in_what_is_being_deleted():
    """Its namespace goes away."""
    world = left_behind()
    meta = world.incident.metadata.model_copy(update={"deletion_timestamp": world.now})
    world.incident = world.incident.model_copy(update={"metadata": meta})
    assert ([], "Paused") == (world.run(minutes=5).effects, world.record("roll-back").reason)


def test_what_is_over_needs_nothing_more():
    """As what was only asked for: skipped when it is resolved."""
    world = left_behind().respec(paused=True).run(seconds=5)
    override = entry("alice", after=timedelta(seconds=40), resolve={"override": True}, text="it was the load balancer")
    world.say(override).run(seconds=30).respec(paused=None).run(seconds=30)
    assert world.incident.status.times.resolved is not None
    assert ([], "Skipped", []) == (world.effects, world.record("roll-back").state.value, world.broken)


def test_an_undo_that_was_written_down_goes_on_while_the_incident_is_paused():
    """Paused starts nothing new, and taking back is always free."""
    world = bad_deploy(incident(roll_back())).run(seconds=5)
    world.say(entry("alice", after=timedelta(seconds=8), undo={"mitigation": "roll-back"}))
    world.now += timedelta(seconds=10)
    world = world.about_to_act()
    world.stopped, world.now = None, world.now + timedelta(seconds=20)
    assert BAD == world.respec(paused=True).run(minutes=1).image


def test_a_lost_answer_is_read_back_and_not_sent_again():
    """The patch was taken but nobody heard: the record says Applied, and it was done once."""
    world = bad_deploy(incident(roll_back()))
    world.lose_next_reply = True
    world.run(minutes=2)
    assert (1, "Verified") == (len(world.effects), world.record("roll-back").attempts[0].state.value)


@pytest.mark.parametrize("lost", ["roll-back-1-a", "stanch-undo"])
def test_an_intention_without_its_receipts_is_given_up_and_made_anew(lost):
    """No evidence or no undo record: no command; a new attempt captures again."""
    world = bad_deploy(incident(roll_back()))
    world.lose_stores = {lost}
    world.look(die_after=3)
    assert [] == world.effects
    world.lose_stores = set()
    world.run(minutes=2)
    states = [a.state.value for a in world.record("roll-back").attempts]
    assert (["Skipped", "Verified"], 1) == (states, len(world.effects))


@pytest.mark.parametrize("wishes", [(), (roll_back(),)], ids=["nothing-asked", "a-rollback"])
@pytest.mark.parametrize("steps", range(1, 8, 3))
def test_evidence_that_was_never_stored_is_not_named_for_long(wishes, steps):
    """Killed between the status that names it and the object itself: it is captured again, and only what is there is named."""
    world = bad_deploy(incident(*wishes))
    world.look(die_after=steps)
    world.run(minutes=2)
    named = [(e.name in world.stored, e.stored) for e in world.incident.status.evidence]
    assert {(True, True)} == set(named)
    assert (len(wishes), []) == (len(world.effects), world.broken)
    assert (steps == 1) == world.kinds().count("EvidenceNotStored")


def test_evidence_is_given_time_to_be_stored():
    """Another replica may be about to: it is not forgotten before nobody can be writing it any more."""
    world = bad_deploy(incident())
    world.look(die_after=1)
    stopped, world.stopped = world.stopped, None
    world.run(seconds=4)
    world.stopped = stopped
    world.go_on()
    world.run(minutes=2)
    assert (1, True) == (len(world.incident.status.evidence), world.incident.status.evidence[0].stored)
    assert "EvidenceNotStored" not in world.kinds()


def test_a_human_push_between_plan_and_patch_is_not_overwritten():
    """The test of the old template fails, and the record names who wrote."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.4"
    world.target["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": "2026-11-21T14:00:02Z"}]
    world.run(minutes=1)
    record = world.record("roll-back")
    assert ("shop/checkout:1.8.4", "Diverged") == (world.image, record.attempts[0].state.value)
    assert "kubectl-edit" in record.message


def test_a_namesake_of_the_target_is_never_touched():
    """Deleted and made again between plan and patch: another uid, no effect (F2)."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    world.target["metadata"]["uid"] = "33333333-3333-3333-3333-333333333333"
    world.run(minutes=1)
    assert (BAD, [], "Failed") == (world.image, world.effects, world.record("roll-back").attempts[0].state.value)


def test_what_somebody_else_did_first_is_not_ours():
    """The same template came by another hand: nothing to do, and nothing of ours to undo."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    world.settle()
    world.run(minutes=1)
    assert ("Skipped", []) == (world.record("roll-back").attempts[0].state.value, world.effects)


def test_two_processes_with_the_same_intention_do_it_once():
    """The second one's patch fails on our own label, and it finds its own action there."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    other = world.incident
    world.run(seconds=3)
    world.incident = other
    world.run(minutes=2)
    assert (1, "Verified") == (len(world.effects), world.record("roll-back").attempts[0].state.value)


def test_a_process_that_slept_through_an_undo_does_not_do_it_again():
    """Stopped before its patch, woken after somebody took the effect back: the label says no."""
    world = bad_deploy(incident(roll_back()))
    seen = world.seen()
    for _ in range(2):
        decided, seen = world.decide(seen)
        if decided.commands:
            break
        seen = world._write_stores(decided, world._write_status(decided, seen))
    decided, _ = world.decide(seen)
    world.perform(decided.commands[0])
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.perform(decided.commands[0])
    assert (1, BAD) == (len(world.effects), world.image)


def test_a_rollout_that_never_comes_up_is_a_failure_with_the_workloads_words():
    """Written is not verified; after its time the record says so."""
    world = bad_deploy(incident(roll_back()))
    world.controller_works = False
    world.look()
    world.target["metadata"]["generation"] = 3
    world.run(minutes=12)
    assert ("Failed", 1) == (world.record("roll-back").attempts[0].state.value, len(world.effects))


@pytest.mark.parametrize("fails", ["secrets", "evidences", "deployments"])
@pytest.mark.parametrize("steps", [2, 3])
def test_a_read_that_fails_after_a_crash_is_no_proof_of_anything(fails, steps):
    """One 503 long after the effect: it is not done again (an independent reviewer found that it was)."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=steps)
    world.now += timedelta(seconds=20)
    answer, left = world.answer, [2]

    def unreliable(question):
        plural = (
            "secrets" if isinstance(question, UndoSecret) else getattr(getattr(question, "ref", None), "plural", "")
        )
        if plural == fails and left[0]:
            left[0] -= 1
            return Failed(503, "unavailable")
        return answer(question)

    world.answer = unreliable
    world.run(minutes=3)
    assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken)


def test_an_intention_of_yesterday_is_not_carried_out_today():
    """Back after days: the world is another one."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    world.now += timedelta(days=3)
    world.run(minutes=1)
    assert ([], "Failed") == (world.effects, world.record("roll-back").attempts[0].state.value)
    assert "Not done within 15m of being written down; nothing was changed" == world.record("roll-back").message


def test_how_late_is_too_late_is_the_policy_s():
    """`approvals.validFor`, in those words."""
    world = bad_deploy(incident(roll_back()))
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, approval_valid_for=timedelta(minutes=2)))
    world = world.about_to_act()
    world.now += timedelta(minutes=3)
    record = world.run(minutes=1).record("roll-back")
    assert ([], True) == (world.effects, record.message.startswith("Not done within 2m of being written down"))


def test_a_lost_bell_is_made_up_for_within_a_minute():
    """Nothing is under way and nothing rings: it is looked at again all the same, for a list may have missed an entry."""
    world = bad_deploy(incident(targets=None, recovery=None))
    world.look()
    wake = world.look().wake_at
    assert wake is not None
    assert wake - world.now <= timedelta(seconds=60)


def test_evidence_whose_answer_was_lost_is_on_the_record(monkeypatch):
    """It was stored, and nobody heard: the attempt names it, and so does the incident."""

    def unheard(world, decided, seen):
        seen = World._write_stores(world, decided, seen)
        names = [s.name for s in decided.stores if s.ref.plural == "evidences"]
        if not names or seen.not_stored or world.effects:
            return seen
        stored = {name: digest for name, digest in seen.stored.items() if name not in names}
        return replace(seen, stored=stored, not_stored=dict.fromkeys(names, Failed(0, "no answer")))

    monkeypatch.setattr(worlds, "STEPS", (World._write_status, unheard, World._perform))
    world = bad_deploy(incident(roll_back(), severity="SEV3")).run(minutes=20)
    named = [e.name for e in world.incident.status.evidence if e.purpose == "Before"]
    assert [world.record("roll-back").attempts[0].evidence] == named
    assert "True Complete" == world.condition("EvidenceCaptured")


def refused(**more) -> World:
    """A namespace whose quota has no room for Evidence."""
    world = bad_deploy(incident(roll_back(), **more))
    world.refuse_stores = {"declared-a", "-roll-back-"}
    return world


def test_evidence_that_may_not_be_stored_keeps_no_effect_from_being_done():
    """Decisions C5: it acts, and says that it does without. What can't be stored was tried first, and the law has its reason."""
    world = refused().run(minutes=3)
    assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken)
    attempts = world.record("roll-back").attempts
    assert ("Skipped", "Verified") == (attempts[-2].state.value, attempts[-1].state.value)
    assert "exceeded quota: no-evidence" == attempts[-2].evidence_refused
    assert attempts[-1].evidence is None
    said = [x.text for x in world.incident.status.timeline if x.kind == "EvidenceNotStored"]
    assert [t for t in said if t.startswith("roll-back goes on without evidence") and "exceeded quota" in t]


def test_what_may_be_a_slip_of_the_server_is_stored_on_the_next_try():
    """409 and 422 may be about one request: it is captured again, and gone without only when that is refused, too."""
    world = refused()
    world.refuse_with = 422
    world.refuse_stores = {"declared-a", "-roll-back-1-"}
    world.run(minutes=3)
    assert 1 == len(world.effects)
    assert world.record("roll-back").attempts[-1].evidence is not None
    world = refused()
    world.refuse_with = 422
    world.run(minutes=3)
    assert (1, []) == (len(world.effects), world.broken)
    states = [a.state.value for a in world.record("roll-back").attempts]
    assert ["Skipped", "Skipped", "Verified"] == states


def test_the_same_where_the_operator_ends_in_between():
    """What was refused is on the record: whoever comes after knows it."""
    for steps in range(1, 14):
        world = refused()
        world.look(die_after=steps)
        world.run(minutes=3)
        assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken), steps


def test_in_a_namespace_that_is_going_nothing_is_done():
    """It is refused, too, and no reason to do without."""
    world = refused()
    world.refuse_words = "forbidden: unable to create new content in namespace shop because it is being terminated"
    world.run(minutes=3)
    assert [] == world.effects


def test_with_evidence_required_nothing_is_done_without():
    """It fails with the words of the API server."""
    world = refused()
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, evidence_required=True))
    world.run(minutes=3)
    assert [] == world.effects
    assert "Failed" == world.record("roll-back").state.value
    assert "exceeded quota" in world.record("roll-back").message


def test_evidence_that_got_no_answer_is_no_reason_to_do_without():
    """Nobody refused it: it is tried again, and what was lost for good has no effect."""
    world = bad_deploy(incident(roll_back()))
    world.lose_stores = {"declared-a", "-roll-back-"}
    world.run(minutes=3)
    assert [] == world.effects
    assert not [a for a in world.record("roll-back").attempts if a.evidence_refused]
