"""Guard 16: how many must agree, whose word counts, to what, and for how long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import GOOD, T0, entry, incident, roll_back, scale_to
from stanch.api.incident_status import Approval, Approvals
from stanch.api.policy import DEFAULT
from stanch.core.approvals import approve, is_machine, needed, valid
from stanch.core.draft import Draft
from stanch.core.observations import Policies
from stanch.core.ports import ApprovalClass
from stanch.core.swap import digest
from world import CATALOG, World, bad_deploy, healthy

ROBOT = "system:serviceaccount:ci:deployer"
MINUTE = timedelta(minutes=1)


def waiting(by: str = "alice", **wish: Any) -> World:
    """To zero, which is wide: another person must agree; and it waits for them."""
    there = healthy(incident(scale_to(0, **wish), by=by, recovery={"hold": "8h"})).run(seconds=3)
    assert ("ApprovalMissing", []) == (there.record("size").reason, there.effects)
    return there


def say(there: World, by: str | None = "bob", **said: Any) -> World:
    """Somebody says something now."""
    after = there.now - there.incident.declared
    return there.say(entry(by, after=after, name=f"said-{len(there.entries)}", **said)).run(seconds=2)


def agree(there: World, by: str | None = "bob", **changed: Any) -> World:
    """Somebody agrees to the plan as it stands on the record."""
    said = {"mitigation": "size", "action": "scale", "digest": there.record("size").digest}
    return say(there, by, approve=said | changed)


def refused(there: World) -> str:
    """The entry that was refused last."""
    return next(x.text for x in reversed(there.incident.status.timeline) if x.kind == "EntryRefused")


def with_policy(there: World, **values: Any) -> World:
    """The same with other numbers in force."""
    there.catalog = replace(CATALOG, policy=replace(CATALOG.policy, **values))
    return there


WAITING = waiting()
WAITS = WAITING.record("size")

# --- how many --------------------------------------------------------------------------------------------------------

# Decisions 2.8, word by word: for each asker what A, B and C need.
TABLE = {
    "a person": (0, 0, 1),
    "a machine": (1, 1, 2),
    "a Runbook in Auto": (0, 0, 1),
    "one that asks first": (1, 1, 2),
}


@pytest.mark.parametrize("size", ApprovalClass)
@pytest.mark.parametrize("who", TABLE)
def test_how_many_must_agree_follows_from_what_is_done_and_who_asked(who: str, size: ApprovalClass) -> None:
    """A person with the right needs nobody for A and B; a machine always needs a person."""
    wish = {"source": "Runbook/x", "automatic": True} if "Runbook" in who or "first" in who else {}
    record = waiting().record("size").model_copy(update=wish | {"requested_by": ROBOT if "machine" in who else "alice"})
    assert TABLE[who]["ABC".index(size.value)] == needed(record, size, DEFAULT, first="first" in who)


@given(
    size=st.sampled_from(ApprovalClass),
    asked=st.integers(0, 5) | st.none(),
    table=st.fixed_dictionaries(dict.fromkeys("ABC", st.integers(0, 5))),
)
def test_a_wish_can_only_raise_it(size: ApprovalClass, asked: int | None, table: dict[str, int]) -> None:
    """Whatever the wish says, never less than the policy."""
    policy = replace(DEFAULT, approvals_person=table)
    wish = WAITS.asked.model_copy(update={"approvals": asked})
    assert max(table[size.value], asked or 0) == needed(WAITS.model_copy(update={"asked": wish}), size, policy)


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("alice", False),
        (ROBOT, True),
        ("system:node:n1", True),
        ("system:serviceaccount:shop:oncall", False),
        ("system:admin", False),
        ("my-system:serviceaccount:a:b", False),
    ],
)
def test_machines_are_service_accounts_and_nodes_that_nobody_named(name: str, machine: bool) -> None:
    """The cluster's policy may name a ServiceAccount that people use; nobody else may."""
    policy = replace(DEFAULT, machine_people=frozenset({"system:serviceaccount:shop:oncall"}))
    assert machine == is_machine(name, policy)


def test_whom_the_cluster_trusts_acts_without_being_asked() -> None:
    """And no law is broken by it: the laws know the policy in force."""
    stands_for_a_person = {"machine_people": frozenset({ROBOT})}
    there = with_policy(bad_deploy(incident(roll_back(), by=ROBOT)), **stands_for_a_person).run(seconds=10)
    assert (GOOD, []) == (there.image, there.broken)


# --- whose word ------------------------------------------------------------------------------------------------------


def test_another_person_agrees_and_it_is_done_once() -> None:
    """The record says who, when, to what, by which entry."""
    there = agree(waiting())
    (by,) = there.record("size").approvals.by
    assert ("bob", there.record("size").digest, "said-0") == (by.by, by.digest, by.entry)
    assert (1, 0, []) == (len(there.effects), there.target["spec"]["replicas"], there.broken)


@pytest.mark.parametrize(
    ("by", "changed", "why"),
    [
        ("alice", {}, "alice asked for size and can't be the one who approves it"),
        (ROBOT, {}, "is a machine; a person must say it"),
        ("system:node:node-1", {}, "is a machine; a person must say it"),
        (None, {}, "nobody vouched for it"),
        ("bob", {"digest": "sha256:0000000000000000"}, "PlanChanged"),
        ("bob", {"action": "rolloutUndo"}, "size is scale, not rolloutUndo"),
        ("bob", {"mitigation": "other"}, "there is no mitigation other"),
    ],
    ids=["who-asked", "machine", "node", "nobody", "other-plan", "other-action", "other-mitigation"],
)
def test_a_word_that_does_not_count_starts_nothing(by: str | None, changed: dict[str, str], why: str) -> None:
    """Refused in words, and it goes on waiting."""
    there = agree(waiting(), by, **changed)
    assert why in refused(there)
    assert ([], "ApprovalMissing") == (there.run(minutes=1).effects, there.record("size").reason)


def test_one_person_is_one() -> None:
    """Said three times by the same, it counts once; another makes two."""
    there = agree(agree(agree(waiting(approvals=2))))
    assert ([], 1) == (there.effects, len(there.record("size").approvals.by))
    assert "needs 1 more" in there.record("size").message
    assert 1 == len(agree(there, "carol").effects)


# Minutes since the question was put, who says yes, and whether it is to the plan as it stands.
WORDS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["alice", "bob", "carol", ROBOT, None]), st.booleans()), max_size=24
)


@given(said=WORDS, at=st.integers(0, 60))
def test_whatever_is_said_only_fresh_words_of_different_others_count(
    said: list[tuple[int, str | None, bool]], at: int
) -> None:
    """For any words in any order: people other than who asked, each once, to this very plan, not too long ago."""
    draft = Draft(WAITING.incident, WAITING.seen(), CATALOG, WAITING.now, WAITING.incident.status)
    asked = Approvals(needed=2, asked_time=WAITING.now)
    draft.put(WAITS.model_copy(update={"approvals": asked}))
    now = {m: T0 + m * MINUTE for m in range(61)}
    for minute, by, same in sorted(said, key=lambda word: word[0]):
        plan = WAITS.digest if same else digest("another")
        yes = {"mitigation": "size", "action": "scale", "digest": plan}
        approve(draft, entry(by, after=minute * MINUTE, name=f"at-{minute}", approve=yes))
    draft.now = now[at]
    expected = {by for m, by, same in said if by in ("bob", "carol") and same and now[m] >= now[at] - 15 * MINUTE}
    counted = valid(draft.record("size") or WAITS, draft)
    assert expected == {a.by for a in counted}
    assert len(counted) == len(expected)


def test_who_repeats_it_pushes_nobody_out() -> None:
    """The record holds eight words; one person's are one of them."""
    draft = Draft(WAITING.incident, WAITING.seen(), CATALOG, WAITING.now, WAITING.incident.status)
    yes = {"mitigation": "size", "action": "scale", "digest": WAITS.digest}
    for n, by in enumerate(["carol", *["bob"] * 9]):
        assert approve(draft, entry(by, name=f"yes-{n}", approve=yes)) is None
    assert ["carol", "bob"] == [a.by for a in valid(draft.record("size") or WAITS, draft)]


def test_a_record_that_names_one_person_twice_counts_one() -> None:
    """As an older version may have written it."""
    word = Approval(by="bob", time=WAITING.now, digest=WAITS.digest or "", entry="one")
    twice = Approvals(needed=2, by=(word, word.model_copy(update={"entry": "two"})))
    draft = Draft(WAITING.incident, WAITING.seen(), CATALOG, WAITING.now, WAITING.incident.status)
    assert 1 == len(valid(WAITS.model_copy(update={"approvals": twice}), draft))


def test_an_old_word_does_not_count() -> None:
    """Bob agreed a quarter of an hour before carol did: by then he may think otherwise, and is asked again."""
    there = agree(waiting(approvals=2)).run(minutes=15)
    assert [] == agree(there, "carol").run(seconds=20).effects
    assert 1 == len(agree(there).effects)


def test_a_word_counts_until_it_is_old() -> None:
    """A minute less, and two are two."""
    there = agree(waiting(approvals=2)).run(minutes=14)
    assert 1 == len(agree(there, "carol").effects)


def test_how_long_a_word_counts_is_the_policys() -> None:
    """`approvals.validFor`."""
    there = agree(with_policy(waiting(approvals=2), approval_valid_for=2 * MINUTE)).run(minutes=3)
    assert [] == agree(there, "carol").run(seconds=20).effects


def test_another_plan_needs_another_word() -> None:
    """Between two who agree the target changes: the first yes was to something else."""
    there = agree(waiting(approvals=2))
    first = there.record("size").digest
    there.target["spec"]["replicas"] = 5
    there.run(minutes=1)
    assert first != there.record("size").digest
    assert [] == agree(there, "carol").run(seconds=20).effects
    assert "needs 1 more" in there.record("size").message
    assert 1 == len(agree(there).effects)


def test_two_plans_never_share_a_digest() -> None:
    """What is there, what comes instead, and which object of that name: each is part of what people agree to."""
    one = waiting()
    digests = [one.record("size").digest]
    one.target["metadata"]["uid"] = "99999999-9999-9999-9999-999999999999"
    digests.append(one.run(minutes=1).record("size").digest)
    one.target["spec"]["replicas"] = 5
    digests.append(one.run(minutes=1).record("size").digest)
    other = healthy(incident(scale_to(2, approvals=1), recovery={"hold": "8h"})).run(seconds=3)
    digests.append(other.record("size").digest)
    assert len(digests) == len(set(digests))
    assert WAITS.digest == digests[0]


def test_what_changes_in_the_wish_voids_what_was_said() -> None:
    """Alice writes another number: who agreed to the first is asked again."""
    there = agree(waiting(approvals=2))
    there.respec(mitigations=[scale_to(0, approvals=2, reason="because")]).run(seconds=2)
    assert there.record("size").approvals.by is None
    assert [] == agree(there, "carol").run(seconds=20).effects


def test_a_word_is_for_what_waits() -> None:
    """What is done, or denied, does not wait for an approval."""
    there = agree(agree(waiting()), "carol")
    assert "size does not wait for an approval (it is" in refused(there)


# --- saying no -------------------------------------------------------------------------------------------------------


def test_one_no_ends_it() -> None:
    """Whoever agreed before: it is asked again only under a new name."""
    there = say(agree(waiting(approvals=2)), "carol", deny={"mitigation": "size", "action": "scale"})
    assert ("Denied", []) == (there.record("size").state.value, there.effects)
    assert "it is Denied" in refused(agree(there))


def test_a_no_names_the_action_as_a_yes_does() -> None:
    """Admission asks for the verb on the action that is named: naming another would be a way around it."""
    there = say(waiting(), deny={"mitigation": "size", "action": "rolloutPause"})
    assert "size is scale, not rolloutPause" in refused(there)
    assert "Held" == there.record("size").state.value


@pytest.mark.parametrize(
    ("by", "mitigation", "why"),
    [
        ("alice", "size", "alice asked for size and can't be the one who denies it"),
        (ROBOT, "size", "is a machine; a person must say it"),
        (None, "size", "nobody vouched for it"),
        ("bob", "other", "there is no mitigation other"),
    ],
    ids=["who-asked", "machine", "nobody", "other-mitigation"],
)
def test_a_no_that_does_not_count(by: str | None, mitigation: str, why: str) -> None:
    """Refused in words, and it goes on waiting."""
    there = say(waiting(), by, deny={"mitigation": mitigation, "action": "scale"})
    assert (True, "Held") == (why in refused(there), there.record("size").state.value)


def test_what_is_done_is_not_denied() -> None:
    """Undo it instead."""
    there = say(agree(waiting()), "carol", deny={"mitigation": "size", "action": "scale"})
    assert "can't be denied any more" in refused(there)


# --- for how long it is asked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ask_for", "said"), [(60 * MINUTE, "1h"), (90 * MINUTE, "1h30m"), (5 * MINUTE, "5m")])
def test_the_question_dies_when_nobody_answers(ask_for: timedelta, said: str) -> None:
    """After what the policy says, in those words; a yes that comes later starts nothing."""
    there = with_policy(healthy(incident(scale_to(0), recovery={"hold": "8h"})), approval_ask_for=ask_for)
    there.run(seconds=3).wait(there.now + ask_for)
    assert ("Expired", []) == (there.record("size").state.value, there.effects)
    assert f"Nobody approved it within {said}; ask under a new name" == there.record("size").message
    assert [] == agree(there).effects


@pytest.mark.parametrize("why", ["frozen", "policies", "paused"])
def test_an_agreement_counts_whatever_else_holds_it_up(why: str) -> None:
    """Bob says yes to this very plan while it is frozen, or paused: it is done once that is over, and he is not asked again."""
    there = waiting()
    if why == "frozen":
        there.frozen = ("mitigations",)
    elif why == "paused":
        there.respec(paused=True)
    else:
        there.policies = Policies(proven=False, problem="not read yet", stamped=True)
    there.run(seconds=15)
    assert "ApprovalMissing" != there.record("size").reason
    agree(there).run(seconds=10)
    assert ([], ["bob"]) == (there.effects, [a.by for a in there.record("size").approvals.by])
    there.frozen, there.policies = (), Policies(proven=True)
    if why == "paused":
        there.respec(paused=None)
    assert 0 == there.run(minutes=1).target["spec"]["replicas"]


def test_what_has_no_plan_yet_is_not_agreed_to() -> None:
    """Held before there was one: nobody can have looked at it."""
    there = healthy(incident(scale_to(0), paused=True, recovery={"hold": "8h"})).run(seconds=3)
    agree(there, digest="sha256:0000000000000000")
    assert "size has no plan yet (Paused); approve it once ApprovalNeeded shows one" in refused(there)
    assert there.record("size").approvals is None
