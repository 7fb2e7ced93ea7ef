"""Guards 2 and 3: an incident that is open, and rights that the one who asks has themselves, asked again before the effect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tools.policy_rights import RESOURCES

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from stanch.api.incident_status import Contest
from stanch.api.meta import Person, TargetKind
from stanch.api.names import OPERATOR_USER
from stanch.core.draft import Draft
from stanch.core.guards import action_fits_kind, asker_may, commander_asks, nobody_pulls
from stanch.core.observations import Answer, Failed, Found, NotFound, Observations, Policies
from stanch.core.ports import Aim, Mitigation, Need
from stanch.core.questions import List, MayThey
from stanch.core.rights import may
from stanch.mitigations import ALL
from world import CATALOG, World, bad_deploy, healthy

CASES = [(m, kind) for m in ALL for kind in sorted(m.kinds)]
IDS = [f"{m.name}-{kind.value}" for m, kind in CASES]
ALICE = Person(username="alice", uid="7", groups=("team", "system:authenticated"))


def aim_at(kind: TargetKind) -> Aim:
    """Some object of a kind."""
    return Aim(kind, "it", None if kind is TargetKind.NODE else "shop")


def drafted(answers: Mapping[Any, Answer] | None = None) -> Draft:
    """An incident in which nothing is known but these answers."""
    there = bad_deploy(incident(roll_back()))
    return Draft(there.incident, Observations(answers=answers or {}), CATALOG, there.now, there.incident.status)


def asked_for(mitigation: Mitigation, kind: TargetKind) -> list[MayThey]:
    """What is asked about alice."""
    draft = drafted()
    may(draft, WAITS, aim_at(kind), ALICE, mitigation.needs[kind])
    return [q for q in draft.questions if isinstance(q, MayThey)]


def as_admission(kind: TargetKind, need: Need) -> MayThey:
    """The question that the generated policy puts (tools/policy_rights.py: a pod to evict has no name yet)."""
    aim = aim_at(kind)
    itself = RESOURCES[kind] == (need.group, need.resource)
    return MayThey(
        "alice",
        "7",
        ALICE.groups or (),
        need.verb,
        need.group,
        need.resource,
        need.subresource,
        aim.namespace or "",
        "it" if itself else "",
    )


WAITS = bad_deploy(incident(roll_back()), paused=True).run(seconds=2).record("roll-back")


# --- rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mitigation", "kind"), CASES, ids=IDS)
def test_it_asks_what_admission_asks(mitigation: Mitigation, kind: TargetKind) -> None:
    """Right before the effect the same rights are asked as when it was asked for: each of them, on that very object."""
    assert [as_admission(kind, need) for need in mitigation.needs[kind]] == asked_for(mitigation, kind)


@pytest.mark.parametrize(("mitigation", "kind"), CASES, ids=IDS)
def test_each_action_needs_each_of_its_rights_again(mitigation: Mitigation, kind: TargetKind) -> None:
    """All but one are not enough; the refusal names the one."""
    questions = [as_admission(kind, need) for need in mitigation.needs[kind]]
    for missing in questions:
        draft = drafted({q: Found({"allowed": q != missing}) for q in questions})
        refusal = may(draft, WAITS, aim_at(kind), ALICE, mitigation.needs[kind])
        assert refusal is not None
        assert "NoAuthority" == refusal.reason
        assert f"alice may not {missing.verb} {missing.resource}" in refusal.message
    everything = drafted({q: Found({"allowed": True}) for q in questions})
    assert may(everything, WAITS, aim_at(kind), ALICE, mitigation.needs[kind]) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Failed(500, "no answer"), "AuthorityUnproven"), (NotFound(), "NoAuthority"), (Found({}), "NoAuthority")],
    ids=["failed", "not-found", "empty"],
)
def test_a_right_that_cant_be_asked_is_none(answer: Answer, reason: str) -> None:
    """Unknown is not allowed."""
    (question,) = asked_for(CATALOG.mitigations["rolloutUndo"], TargetKind.DEPLOYMENT)
    needs = CATALOG.mitigations["rolloutUndo"].needs[TargetKind.DEPLOYMENT]
    refusal = may(drafted({question: answer}), WAITS, aim_at(TargetKind.DEPLOYMENT), ALICE, needs)
    assert refusal is not None
    assert reason == refusal.reason


def _ours(question: MayThey) -> bool:
    """Is it about the operator itself?"""
    return question.username == OPERATOR_USER


def _patches(there: World) -> set[tuple[str, str, tuple[str, ...]]]:
    asked = (q for each in there.rounds for q in each if isinstance(q, MayThey) and q.verb == "patch" and not _ours(q))
    return {(q.username, q.uid, q.groups) for q in asked}


def test_it_asks_for_who_asked_with_uid_and_groups() -> None:
    """Of the incident's stamp, of an entry's, and of the entry that wants it back: a right of a group is a right."""
    groups = ("system:authenticated",)
    there = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5)
    assert {("alice", "alice", groups)} == _patches(there)
    there.rounds = []
    there.say(entry("bob", undo={"mitigation": "roll-back"})).run(minutes=2)
    assert {("bob", "bob", groups)} == _patches(there)
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    there = bad_deploy(incident()).run(seconds=5).say(entry("carol", mitigate=wish)).run(minutes=2)
    assert {("carol", "carol", groups)} == _patches(there)


def test_who_said_it_is_read_from_the_entry_and_not_believed_from_the_record() -> None:
    """An entry that is gone vouches for nobody."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    there = bad_deploy(incident(), paused=True).run(seconds=5).say(entry("carol", mitigate=wish)).run(minutes=2)
    there.entries, there.may = [], lambda q: q.username != ""
    del there.target["spec"]["paused"]
    there.run(minutes=1)
    assert ("NoAuthority", []) == (there.record("roll-back").reason, there.effects)


def test_a_right_that_is_gone_after_a_crash_stops_it() -> None:
    """Written down, not done; meanwhile alice lost the right."""
    cut = bad_deploy(incident(roll_back())).about_to_act()
    cut.may = lambda _: False
    record = cut.run(seconds=20).record("roll-back")
    assert ("Failed", []) == (record.state.value, cut.effects)
    assert "alice may not patch deployments" in record.message


def test_a_hold_is_made_with_the_rights_of_who_asked_for_what_it_is_for() -> None:
    """And in nobody's name when that is gone."""
    hold = WAITS.model_copy(update={"name": "hold", "source": "For/roll-back", "action": "gitOpsHold"})
    draft = drafted()
    draft.set(mitigations=(hold, WAITS))
    assert asker_may(draft, hold, aim_at(TargetKind.DEPLOYMENT)) is None
    assert {"alice"} == {q.username for q in draft.questions if isinstance(q, MayThey)}
    draft = drafted()
    draft.set(mitigations=(hold,))
    asker_may(draft, hold, aim_at(TargetKind.DEPLOYMENT))
    assert {""} == {q.username for q in draft.questions if isinstance(q, MayThey)}


@pytest.mark.parametrize("mitigation", ALL, ids=lambda m: m.name)
def test_an_action_is_for_its_kinds(mitigation: Mitigation) -> None:
    """Admission refuses the others already; an older schema may not."""
    record = WAITS.model_copy(update={"action": mitigation.name})
    fits = {kind for kind in TargetKind if action_fits_kind(drafted(), record, aim_at(kind)) is None}
    assert mitigation.kinds == fits


@pytest.mark.parametrize(("role", "commander"), [("commander", "alice"), ("operations", None)])
def test_only_the_commander_s_hat_counts(role: str, commander: str | None) -> None:
    """Who has operations is there to act."""
    there = bad_deploy(incident(roll_back(), roles={role: "alice"}), paused=True).run(seconds=5)
    draft = Draft(there.incident, there.seen(), CATALOG, there.now, there.incident.status)
    assert commander == commander_asks(draft, there.record("roll-back"))


def test_while_it_is_being_asked_nothing_is_refused() -> None:
    """A plan that still asks decides nothing."""
    draft = drafted()
    assert asker_may(draft, WAITS, aim_at(TargetKind.DEPLOYMENT)) is None
    assert draft.questions


# --- who asked -------------------------------------------------------------------------------------------------------


def _vouched(there: World, by: str) -> World:
    """The whole list was written again under another name, as admission stamps it."""
    return there.respec(requesters=[{"username": by, "uid": by, "groups": [], "mitigations": ["size"]}])


def test_who_vouches_for_it_now_is_who_asks() -> None:
    """And what was agreed to was agreed for another: bob, who said yes, can't be the one who asked."""
    there = healthy(incident(scale_to(0, approvals=2), recovery={"hold": "8h"})).run(seconds=3)
    yes = {"mitigation": "size", "action": "scale", "digest": there.record("size").digest}
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=yes)).run(seconds=2)
    record = _vouched(there, "bob").run(seconds=2).record("size")
    assert ("bob", None) == (record.requested_by, record.approvals and record.approvals.by)
    there.say(entry("carol", after=there.now - there.incident.declared, name="me", approve=yes)).run(seconds=20)
    assert [] == there.effects


def test_a_wish_that_nobody_vouched_for_is_none() -> None:
    """Written while the policies were away: refused, and told."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    there = bad_deploy(incident()).run(seconds=5).say(entry(None, mitigate=wish)).run(seconds=100)
    assert (None, BAD) == (there.incident.status.mitigations, there.image)
    assert "nobody vouched for it" in there.incident.status.timeline[-1].text


def test_another_first_target_is_another_wish() -> None:
    """What names no target aims at the first of the spec: that one is part of what was asked (F2)."""
    there = bad_deploy(incident(roll_back(approvals=1))).run(seconds=3)
    yes = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": there.record("roll-back").digest}
    there.respec(targets=[{"kind": "Deployment", "name": "payments"}]).run(seconds=2)
    assert "payments" == there.record("roll-back").target.name
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=yes)).run(seconds=20)
    assert [] == there.effects


# --- an open incident ------------------------------------------------------------------------------------------------


def test_nothing_starts_in_an_incident_that_goes_away() -> None:
    """Its record would go with it."""
    there = bad_deploy(incident(roll_back()))
    meta = there.incident.metadata.model_copy(update={"deletion_timestamp": there.now})
    there.incident = there.incident.model_copy(update={"metadata": meta})
    there.run(seconds=20)
    assert ("Paused", []) == (there.record("roll-back").reason, there.effects)


def test_nothing_is_undone_while_nobody_proves_who_asked() -> None:
    """Asked for before, it waits, and is done when they are in force again."""
    there = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5)
    there.frozen = ("undos",)
    soon = there.now - there.incident.declared
    there.say(entry("alice", after=soon, undo={"mitigation": "roll-back"})).run(seconds=5)
    there.frozen, there.policies = (), Policies(proven=False, problem="stanch-operator-leash is missing")
    there.run(minutes=2)
    assert (GOOD, "PoliciesMissing") == (there.image, there.record("roll-back").reason)
    there.policies = Policies(proven=True)
    assert BAD == there.run(minutes=1).image


def test_what_was_written_down_waits_for_the_policies() -> None:
    """Cut off between the word and the deed, and meanwhile somebody took a policy away."""
    cut = bad_deploy(incident(roll_back())).about_to_act()
    cut.policies = Policies(proven=False, problem="gone")
    assert [] == cut.run(minutes=1).effects
    cut.policies = Policies(proven=True)
    assert GOOD == cut.run(minutes=1).image


def _with_evidence(there: World, answer: Callable[[], Answer]) -> World:
    """Evidence of whatever incident is listed like this."""
    otherwise = there.answer

    def told(question: Any) -> Answer:
        listed = isinstance(question, List) and question.ref.plural == "evidences" and not question.fields
        return answer() if listed else otherwise(question)

    there.answer = told  # type: ignore[method-assign]
    return there


def test_evidence_of_a_former_self_that_cant_be_read_may_be_there() -> None:
    """It waits, and after a while says for what."""
    there = _with_evidence(bad_deploy(incident(roll_back())), lambda: Failed(500, "no answer")).run(minutes=1)
    assert ("NotReadable", []) == (there.record("roll-back").reason, there.effects)
    assert "Earlier evidence can't be read yet: no answer" in there.record("roll-back").message
    del there.answer
    assert GOOD == there.run(minutes=1).image


def test_a_person_may_ask_where_an_incident_acted_before() -> None:
    """By an entry: that was written now, by somebody who is there."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    there = bad_deploy(incident())
    there.stored["checkout-5xx-roll-back-1-a-abc123"] = "another-uid"
    there.run(seconds=5).say(entry("alice", mitigate=wish)).run(minutes=2)
    assert GOOD == there.image


# --- the target, and where it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "stanch-system", "payments"])
def test_protected_namespaces_are_left_alone(namespace: str) -> None:
    """Those that the cluster lives on, and those that a policy adds; not even a label is set there."""
    policy = replace(CATALOG.policy, protected_namespaces=CATALOG.policy.protected_namespaces | {"payments"})
    inc = incident(roll_back())
    meta = inc.metadata.model_copy(update={"namespace": namespace})
    there = bad_deploy(inc.model_copy(update={"metadata": meta}))
    there.catalog = replace(CATALOG, policy=policy)
    record = there.run(seconds=20).record("roll-back")
    assert ("Protected", "Refused", []) == (record.reason, record.state.value, there.effects)
    assert f"Namespace {namespace} is protected" in record.message


def _namesake(there: World) -> World:
    there.target["metadata"]["uid"] = "99999999-9999-9999-9999-999999999999"
    return there


def test_a_namesake_is_not_undone() -> None:
    """Deleted and made again: nothing of ours is in it."""
    there = _namesake(bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=10))
    there.say(entry("alice", undo={"mitigation": "roll-back"})).run(minutes=2)
    assert (GOOD, 1) == (there.image, len(there.effects))
    assert "is gone or was replaced; there is nothing of ours in it" in there.record("roll-back").message


def test_a_namesake_is_told_as_one() -> None:
    """Cut off before the write, and then the target was replaced."""
    cut = _namesake(bad_deploy(incident(roll_back())).about_to_act()).run(minutes=1)
    assert ([], True) == (cut.effects, "its namesake is not touched" in cut.record("roll-back").message)


# --- who pulls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes_ago", "pulled"),
    [((1, 9), True), ((1, 11), False), ((1, 30, 59), True), ((1, 30, 61), False), ((11, 30, 59), True), ((), False)],
    ids=str,
)
def test_two_who_change_it_by_turns_stop_what_would_start(minutes_ago: tuple[int, ...], pulled: bool) -> None:
    """Twice in ten minutes, or three times in an hour; each at its edge."""
    there = bad_deploy(incident(roll_back()))
    flips = tuple(there.now - timedelta(minutes=m) for m in reversed(minutes_ago))
    record = WAITS.model_copy(update={"contest": Contest(stands=False, by="kustomize-controller", flips=flips or None)})
    status = there.incident.status.model_copy(update={"mitigations": (record,)})
    draft = Draft(there.incident, there.seen(), CATALOG, there.now, status)
    refusal = nobody_pulls(draft, record, Aim(TargetKind.DEPLOYMENT, "checkout", "shop"))
    assert pulled == (refusal is not None and "TugOfWar" == refusal.reason)


@pytest.mark.parametrize(
    ("application", "why"),
    [
        ("shop", "no Application of that name that stanch can read lists it"),
        ("shop_shop", "would put it back can't be read"),
    ],
    ids=["in argocd", "beside it"],
)
def test_an_application_that_cant_be_read_may_heal(application: str, why: str) -> None:
    """Argo CD tracks it, and whether it would put it back is not known: refused, with what would free it."""
    there = bad_deploy(incident(roll_back()))
    tracking = {"argocd.argoproj.io/tracking-id": f"{application}:apps/Deployment:shop/checkout"}
    there.target["metadata"]["annotations"] |= tracking
    there.run(seconds=20)
    assert ("OwnedByAnother", []) == (there.record("roll-back").reason, there.effects)
    assert why in there.record("roll-back").message
