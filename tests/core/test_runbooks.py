"""An incident that follows a Runbook: its plan is frozen once, nothing acts that was not read, and whose rights count."""

from dataclasses import replace
from datetime import timedelta

import pytest

from books import ACCOUNT, AUTO, alerted, body, following
from build import BAD, GOOD, T0, entry, roll_back
from stanch.api.incident_status import WishState
from stanch.api.names import RUNBOOK_STAMP
from stanch.api.runbook_record import Mode
from stanch.core.census import Census, Deed
from stanch.core.invariants import broken
from stanch.core.observations import Policies
from world import bad_deploy, healthy


def start(incident, **spec):
    """A bad deploy, an incident about it, and the Runbook; one look."""
    world = bad_deploy(incident)
    if spec is not None:
        write(world, **spec)
    world.look()
    return world


def write(world, **spec):
    """The Runbook as Git has it now."""
    world.objects[("runbooks", "bad-deploy")] = body(**spec)


def approve(world, by="bob", name="roll-back", **more):
    """Somebody agrees to the plan that is shown; then a look."""
    record = world.record(name)
    after = world.now - T0 + timedelta(seconds=1)
    said = {"mitigation": name, "action": record.action, "digest": record.digest}
    world.say(entry(by, after=after, name=f"approve-{by}-{len(world.entries)}", approve=said))
    world.now += timedelta(seconds=1)
    world.look()
    return world


def frozen(world):
    """The Runbook of the incident, as its status has it."""
    return world.incident.status.runbook


def test_the_plan_is_frozen_and_waits_for_a_person():
    """Approve is the default: whoever chose it, somebody else reads the plan first."""
    world = start(following())
    assert (1, "Approve", "alice") == (frozen(world).generation, frozen(world).mode, frozen(world).requested_by)
    record = world.record("roll-back")
    assert ("Runbook/bad-deploy", "Held", "ApprovalMissing") == (record.source, record.state, record.reason)
    assert "Go back with checkout" == record.asked.reason
    assert ([], []) == (world.effects, world.broken)
    approve(world)
    world.run(minutes=2)
    assert (GOOD, WishState.DONE, []) == (world.image, world.record("roll-back").state, world.broken)
    assert "True Held" == world.condition("Resolved")


def test_who_chose_it_does_not_approve_it():
    """It takes another."""
    world = approve(start(following()), by="alice")
    assert (BAD, []) == (world.image, world.effects)
    assert "can't be the one who approves it" in world.incident.status.timeline[-1].text


def test_targets_and_recovery_are_the_runbooks_where_the_incident_says_nothing():
    """Evidence, criteria and words are about them."""
    world = start(following())
    assert "checkout" == world.incident.status.target
    assert timedelta(seconds=30) == world.incident.status.recovery.hold
    assert ["pods", "restarts"] == [c.name for c in world.incident.status.recovery.criteria]
    assert world.incident.spec.targets is None
    own = start(following(recovery={"hold": "7m"}))
    assert timedelta(minutes=7) == own.incident.status.recovery.hold


def test_a_push_to_git_changes_no_plan():
    """Not before it is approved, and not between approval and effect."""
    world = start(following())
    before = frozen(world)
    write(world, generation=2, mode="Auto", mitigations=[{"name": "roll-back", "scale": {"replicas": 0}}])
    world.now += timedelta(seconds=20)
    world.look()
    assert before == frozen(world)
    approve(world)
    world.run(minutes=2)
    assert (GOOD, before, []) == (world.image, frozen(world), world.broken)
    del world.objects[("runbooks", "bad-deploy")]
    world.run(minutes=1)
    assert before == frozen(world)


def test_observe_shows_the_plan_and_never_acts():
    """Whatever anybody approves; and it keeps nobody else's mitigation waiting."""
    world = start(following(), mode="Observe")
    record = world.record("roll-back")
    assert ("OnlyShown", True) == (record.reason, bool(record.digest and record.plan))
    approve(world)
    world.run(minutes=1)
    assert (BAD, []) == (world.image, world.effects)
    wish = roll_back("by-hand", target={"kind": "Deployment", "name": "checkout"})
    world.say(entry("carol", after=world.now - T0, name="by-hand", mitigate=wish)).run(seconds=5)
    assert (GOOD, []) == (world.image, world.broken)


def test_an_entrys_mitigation_of_the_same_name_comes_too_late():
    """And one of the spec comes before: its name is taken, which is told."""
    world = start(following(roll_back(), targets=[{"kind": "Deployment", "name": "checkout"}]))
    assert "Spec" == world.record("roll-back").source
    assert any("NameTaken" in line.text for line in world.incident.status.timeline)


# --- why there is no plan ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "parameters", "reason", "words"),
    [
        ({}, {}, "NotRendered", "parameter deployment has no value"),
        ({}, {"deployment": "billing"}, "NotRendered", "must be one of checkout, cart"),
        ({"targets": None}, None, "NotRendered", "names no target"),
        ({"mitigations": [{"name": "m", "cordon": {}}]}, None, "NotRendered", "cordon acts on Node, not on Deployment"),
        (
            {"mitigations": [{"name": "m", "rolloutUndo": {}, "revert": "OnExpiry"}]},
            None,
            "NotRendered",
            "revert must be Ask",
        ),
        ({"mitigations": [{"name": "m"}]}, None, "NotRendered", "exactly one action"),
        ({"mode": "Whatever"}, None, "SpecInvalid", "spec.mode"),
        (
            {"preconditions": [{"name": "fresh", "rolledOutWithin": "1m"}]},
            None,
            "PreconditionUnmet",
            "more than 1m ago",
        ),
    ],
)
def test_what_can_not_be_planned_says_why(spec, parameters, reason, words):
    """Named, and nothing else happens."""
    world = start(following(parameters=parameters), **spec)
    assert (reason, True, None) == (frozen(world).reason, words in frozen(world).message, frozen(world).digest)
    assert ([], []) == (list(world.incident.status.mitigations or ()), world.broken)
    assert 1 == world.kinds().count("RunbookHeld")


def test_a_runbook_that_comes_later_is_planned_then():
    """It was named before it was there."""
    world = bad_deploy(following())
    world.look()
    assert "RunbookNotFound" == frozen(world).reason
    write(world)
    world.run(seconds=20)
    assert frozen(world).digest
    assert "ApprovalMissing" == world.record("roll-back").reason


def test_preconditions_are_looked_at_until_they_are_met():
    """The alert may be faster than the pods."""
    world = healthy(following())
    write(world, preconditions=[{"name": "it-fails", "failing": "Any"}])
    world.look()
    assert "PreconditionUnmet" == frozen(world).reason
    assert [("it-fails", False)] == [(p.name, p.met) for p in frozen(world).preconditions]
    world.target["status"] |= {"availableReplicas": 1}
    world.run(seconds=20)
    assert [("it-fails", True)] == [(p.name, p.met) for p in frozen(world).preconditions]


def test_a_fresh_rollout_is_one():
    """Two minutes ago is within the hour."""
    world = start(
        following(), preconditions=[{"name": "fresh", "rolledOutWithin": "1h"}, {"name": "bad", "failing": "All"}]
    )
    assert [True, True] == [p.met for p in frozen(world).preconditions]


# --- another choice ---------------------------------------------------------------------------------------------------


def test_another_choice_withdraws_what_has_not_started():
    """And plans anew, for whoever chose that."""
    world = start(following())
    world.respec(runbook={"name": "bad-deploy", "parameters": {"deployment": "cart"}})
    world.objects[("deployments", "cart")] = {**world.target, "metadata": {**world.target["metadata"], "name": "cart"}}
    world.look()
    assert {"deployment": "cart"} == frozen(world).parameters
    assert "cart" == world.record("roll-back").target.name
    assert ["MitigationWithdrawn", "RunbookLeft"] == [
        k for k in world.kinds() if k in ("MitigationWithdrawn", "RunbookLeft")
    ]
    world.respec(runbook=None)
    world.look()
    assert (None, WishState.WITHDRAWN, []) == (frozen(world), world.record("roll-back").state, world.broken)


def test_what_has_started_stays():
    """A removed Runbook takes nothing back."""
    world = approve(start(following()))
    world.respec(runbook=None)
    world.run(minutes=1)
    assert (GOOD, WishState.DONE) == (world.image, world.record("roll-back").state)


# --- whose rights -----------------------------------------------------------------------------------------------------


def test_the_requesters_own_rights_count():
    """Without the right to patch, nothing is done with it."""
    world = bad_deploy(following())
    world.may = lambda q: not (q.username == "alice" and q.resource == "deployments")
    write(world)
    world.look()
    assert "NoAuthority" == world.record("roll-back").reason


def test_the_verb_run_is_asked_again():
    """It may have been lost since admission."""
    world = bad_deploy(following())
    world.may = lambda q: q.verb != "run"
    write(world)
    world.look()
    assert ("NoAuthority", True) == (world.record("roll-back").reason, "verb run" in world.record("roll-back").message)


def test_the_service_account_lends_its_rights():
    """To who may run it; another approves."""
    asked = []
    world = bad_deploy(following())
    world.may = lambda q: asked.append((q.username, q.verb, q.resource)) or q.username != "alice" or q.verb == "run"
    write(world, serviceAccountName="runbook-deploys")
    world.look()
    assert (ACCOUNT, "ApprovalMissing") == (frozen(world).account, world.record("roll-back").reason)
    approve(world)
    world.run(seconds=10)
    assert (GOOD, []) == (world.image, world.broken)
    assert {(ACCOUNT, "patch", "deployments"), ("alice", "run", "runbooks")} <= set(asked)
    assert ("alice", "patch", "deployments") not in asked


def test_nobody_vouched_nobody_acts():
    """Chosen before the policies were in force."""
    world = start(following(by=None))
    record = world.record("roll-back")
    assert (BAD, "AuthorityUnproven", None) == (world.image, record.reason, record.digest)


def test_a_machine_that_chooses_it_waits_for_a_person():
    """Also in mode Auto: Git brings back an incident of months ago (F1)."""
    world = start(following(by="system:serviceaccount:ci:deployer"), **AUTO)
    assert ("Approve", "ApprovalMissing") == (frozen(world).mode, world.record("roll-back").reason)
    assert "A machine chose it" in frozen(world).message


# --- mode Auto --------------------------------------------------------------------------------------------------------


def test_an_alert_lets_auto_act_with_the_rights_of_its_account():
    """Nobody need agree to class B; the rights are the account's."""
    world = start(alerted(), **AUTO)
    assert (GOOD, "Auto", True) == (world.image, frozen(world).mode, world.record("roll-back").automatic)
    assert [] == world.broken


def test_without_an_account_who_approves_becomes_who_asks():
    """An alert has no rights: those of the person count, and without them nothing is done."""
    world = start(alerted(account=None), mode="Auto", drilledWithin="1h", guardrails={"cooldown": "1m"})
    assert ("Approve", "ApprovalMissing") == (frozen(world).mode, world.record("roll-back").reason)
    world.may = lambda q: q.username != "bob" or q.verb == "approve"
    approve(world)
    assert (BAD, "NoAuthority") == (world.image, world.record("roll-back").reason)
    approve(world, by="carol")
    assert (GOOD, []) == (world.image, world.broken)


def test_an_account_that_the_runbook_does_not_name_any_more_lends_nothing():
    """Chosen for an account, and frozen when its author had left that out: then who approves needs the rights."""
    world = start(alerted(), serviceAccountName=None)
    assert (None, "ApprovalMissing") == (frozen(world).account, world.record("roll-back").reason)
    world.may = lambda q: q.username != "bob" or q.verb == "approve"
    approve(world)
    assert (BAD, "NoAuthority") == (world.image, world.record("roll-back").reason)
    approve(world, by="carol")
    assert (GOOD, []) == (world.image, world.broken)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"drilled": False}, "never drilled"),
        ({"drilledWithin": None}, "no drilledWithin"),
        ({"drilledWithin": "0s"}, "more than 0s ago"),
        ({"serviceAccountName": None}, "names no serviceAccountName"),
    ],
)
def test_auto_asks_a_person_until_it_was_drilled(spec, words):
    """And says why."""
    world = start(alerted(), **(AUTO | spec))
    assert ("Approve", BAD) == (frozen(world).mode, world.image)
    assert words in frozen(world).message


def test_a_change_since_the_drill_asks_a_person():
    """What was tried out is not what would act."""
    changed = body(generation=2, **AUTO)
    changed["status"]["drilled"]["generation"] = 1
    world = bad_deploy(alerted())
    world.objects[("runbooks", "bad-deploy")] = changed
    world.look()
    assert ("Approve", True) == (frozen(world).mode, "changed since its drill" in frozen(world).message)


def test_auto_does_not_act_on_what_is_wide():
    """Class C needs a person, whatever the mode."""
    world = start(alerted(), **(AUTO | {"mitigations": [{"name": "roll-back", "scale": {"replicas": 0}}]}))
    assert ("ApprovalMissing", []) == (world.record("roll-back").reason, world.effects)


def test_auto_starts_nothing_once_harm_is_over():
    """What is mitigated waits, also the first rung."""
    world = healthy(alerted(recovery={"hold": "10m"}))
    write(world, **AUTO)
    world.may = lambda q: False
    world.run(minutes=1)
    world.may = lambda q: True
    world.run(minutes=1)
    assert "True" in world.condition("Mitigated")
    assert "OnlyIfHarmGoesOn" == world.record("roll-back").reason


def test_a_person_who_changes_the_choice_of_an_alert_is_who_asks():
    """What made the incident lends nothing to what somebody else chose later."""
    stamps = [{"username": "mallory", "uid": "m", "groups": [], "mitigations": [RUNBOOK_STAMP]}]
    world = bad_deploy(alerted())
    world.respec(requesters=stamps)
    world.may = lambda q: q.username != "mallory"
    write(world, **(AUTO | {"authority": "Requester"}))
    world.look()
    assert (None, "NoAuthority", []) == (frozen(world).account, world.record("roll-back").reason, world.effects)


# --- law 27 -----------------------------------------------------------------------------------------------------------

TAMPERED = {
    "another generation": lambda status: {"runbook": status.runbook.model_copy(update={"generation": 2})},
    "another account": lambda status: {"runbook": status.runbook.model_copy(update={"account": "x"})},
    "another bar": lambda status: {"runbook": status.runbook.model_copy(update={"recovery": None})},
    "another wish": lambda status: {
        "mitigations": tuple(r.model_copy(update={"wish": "sha256:else"}) for r in status.mitigations)
    },
    "no plan": lambda status: {"runbook": None},
}


def the_step_that_intends():
    """An alert's incident as it was before, and the plan in which the mitigation is written down."""
    world = bad_deploy(alerted())
    write(world, **AUTO)
    world.policies = Policies(proven=False, problem="not yet", stamped=True)
    world.look()
    before = world.incident
    world.policies = Policies(proven=True)
    decided, _ = world.decide(world.seen())
    assert decided.status.mitigations[0].attempts
    return before, decided


@pytest.mark.parametrize("how", TAMPERED)
def test_law_27_catches_what_was_not_frozen(how):
    """A plan that differs from the one that people could read is refused."""
    before, decided = the_step_that_intends()
    assert [] == broken(before, decided)
    tampered = replace(decided, status=decided.status.model_copy(update=TAMPERED[how](decided.status)))
    assert "law_27_a_runbook_does_what_was_frozen" in broken(before, tampered)


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE])
def test_law_27_lets_by_itself_act_only_what_is_in_auto(mode):
    """Also where the frozen plan says so all along."""
    before, decided = the_step_that_intends()
    said = {"runbook": before.status.runbook.model_copy(update={"mode": mode})}
    before = before.model_copy(update={"status": before.status.model_copy(update=said)})
    assert broken(before, replace(decided, status=decided.status.model_copy(update=said)))
    people = tuple(
        r.model_copy(update={"automatic": None, "requested_by": "alice"}) for r in decided.status.mitigations
    )
    asked = decided.status.model_copy(update=said | {"mitigations": people})
    assert (mode is Mode.OBSERVE) == bool(broken(before, replace(decided, status=asked)))


# --- how often --------------------------------------------------------------------------------------------------------


def deed(incident, ago, **more):
    """What the Runbook did in another incident."""
    when = T0 - ago
    known = {
        "target": "22222222-2222-2222-2222-222222222222",
        "effect": "Helped",
        "source": "Runbook/bad-deploy",
    } | more
    return Deed(incident=f"shop/{incident}", mitigation="roll-back", time=when, under_way=False, **known)


def test_its_cooldown_holds_the_same_target():
    """Longer than the ResponsePolicy's; another target is free."""
    world = bad_deploy(alerted())
    world.census = Census((deed("yesterday", timedelta(minutes=20)),))
    write(world, **AUTO)
    world.look()
    record = world.record("roll-back")
    assert ("CoolingDown", True) == (record.reason, "guardrails.cooldown is 30m" in record.message)
    world.run(minutes=11)
    assert GOOD == world.image
    free = bad_deploy(alerted())
    free.census = Census((deed("yesterday", timedelta(minutes=20), target="another"),))
    write(free, **AUTO)
    free.look()
    assert GOOD == free.image


def test_more_runs_than_max_per_day_ask_a_person():
    """Something else is wrong then."""
    runs = tuple(deed(f"i{n}", timedelta(hours=n + 2), target=f"t{n}") for n in range(3))
    for most, image in ((3, BAD), (4, GOOD)):
        world = bad_deploy(alerted())
        world.census = Census(runs)
        write(world, **(AUTO | {"guardrails": {"cooldown": "1m", "maxPerDay": most}}))
        world.look()
        assert image == world.image
    told = bad_deploy(alerted())
    told.census = Census(runs)
    write(told, **(AUTO | {"guardrails": {"cooldown": "1m", "maxPerDay": 3}}))
    told.look()
    assert "ran in 3 incidents within 24h" in told.record("roll-back").message


def test_a_scale_that_takes_too_many_pods_is_wide():
    """Half of them is class B, and more than maxPodsPercent class C."""
    scale = {"mitigations": [{"name": "roll-back", "scale": {"replicas": 2}}]}
    plain = start(alerted(), **(AUTO | scale))
    assert 2 == plain.target["spec"]["replicas"]
    wide = start(alerted(), **(AUTO | scale | {"guardrails": {"cooldown": "30m", "maxPodsPercent": 20}}))
    assert ("ApprovalMissing", 3) == (wide.record("roll-back").reason, wide.target["spec"]["replicas"])


@pytest.mark.parametrize(("guardrails", "hours"), [({"maxPerDay": 1}, 24), ({"cooldown": "12h"}, 12)])
def test_it_is_counted_for_as_long_as_its_own_guardrails_look(guardrails, hours):
    """Closed after four hours, it would be forgotten before the day is over; the breaker looks at nothing here."""
    world = bad_deploy(alerted())
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, runs_counted_for=timedelta(0)))
    write(world, **(AUTO | {"guardrails": {"cooldown": "1m"} | guardrails}))
    world.run(minutes=2)
    world.publish()
    world.wait(T0 + timedelta(hours=hours, minutes=-1))
    assert (True, False) == (bool(world.incident.status.times.closed), world.plans[-1].close)
    world.wait(T0 + timedelta(hours=hours, minutes=1))
    assert world.plans[-1].close


# --- crashes and drills -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", range(8))
def test_a_crash_anywhere_freezes_one_plan_and_acts_once(steps):
    """Whatever was written is read again."""
    world = bad_deploy(alerted())
    write(world, **AUTO)
    world.look(die_after=steps)
    write(world, generation=2, **AUTO)
    world.run(minutes=2)
    assert (GOOD, 1, []) == (world.image, len(world.effects), world.broken)
    assert frozen(world).generation in (1, 2)


def test_a_drill_goes_the_same_way_and_changes_nothing():
    """Every write is a dry run."""
    world = approve(start(following(drill=True)))
    world.run(seconds=30)
    assert (BAD, WishState.DONE, []) == (world.image, world.record("roll-back").state, world.broken)


def test_while_nobody_can_tell_who_asked_nothing_is_frozen():
    """The policies could not be looked at: what needs a name waits."""
    world = bad_deploy(following())
    world.policies = Policies(proven=False, problem="?", unclear=True)
    write(world)
    world.look()
    assert frozen(world) is None
    world.policies = Policies(proven=True)
    world.look()
    assert frozen(world).digest
