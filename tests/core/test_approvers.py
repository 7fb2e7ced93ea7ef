"""Guard 16, just before the effect: may who agreed still agree? Asked again as the asker's own rights are."""

from collections.abc import Callable
from typing import Any

import pytest

from build import BAD, GOOD, entry, incident, roll_back
from core.test_approvals import agree, waiting
from core.test_forced_undo import agreed, forced
from stanch.core.observations import Failed, Found, NotFound
from stanch.core.questions import Get, MayThey, Question
from world import World, bad_deploy


def without_verb(*people: str) -> Callable[[MayThey], bool]:
    """All rights but the verb ``approve`` of these people."""
    return lambda q: not (q.verb == "approve" and q.username in people)


def about(question: Question) -> str:
    """`approve` for that verb, `entry` for what somebody said."""
    if isinstance(question, MayThey):
        return question.verb
    return "entry" if isinstance(question, Get) and question.ref.plural == "timelineentries" else ""


def answering(there: World, what: str, instead: Any) -> World:
    """It gets another answer to one kind of question."""
    answer = there.answer
    there.answer = lambda q: instead if about(q) == what else answer(q)  # type: ignore[method-assign]
    return there


def asked(there: World, verb: str = "approve") -> list[MayThey]:
    """Every such question that was put."""
    return [q for asked_at_once in there.rounds for q in asked_at_once if isinstance(q, MayThey) and q.verb == verb]


def test_who_may_not_approve_any_more_has_not_approved() -> None:
    """Taken from bob after admission had let him say it: asked again just before the effect, and told once."""
    there = waiting()
    there.may = without_verb("bob")
    agree(there).run(seconds=30)
    record = there.record("size")
    assert ([], "ApprovalMissing", None) == (there.effects, record.reason, record.approvals.by)
    told = [x.text for x in there.incident.status.timeline if "may not approve" in x.text]
    assert ["size: bob may not approve scale any more; that approval does not count"] == told
    assert 1 == len(agree(there, "carol").effects)


def test_one_of_two_is_not_enough() -> None:
    """Whose word still counts need not say it again."""
    there = agree(waiting(approvals=2))
    there.may = without_verb("bob")
    agree(there, "carol").run(seconds=10)
    assert ([], ["carol"]) == (there.effects, [a.by for a in there.record("size").approvals.by])
    assert 1 == len(agree(there, "dora").effects)


def test_one_more_than_needed_makes_up_for_one_who_may_not() -> None:
    """What counts is how many may."""
    there = waiting(approvals=2)
    yes = {"mitigation": "size", "action": "scale", "digest": there.record("size").digest}
    after = there.now - there.incident.declared
    there.may = without_verb("bob")
    there.say(*(entry(by, after=after, name=by, approve=yes) for by in ("bob", "carol", "dora"))).run(seconds=2)
    assert 1 == len(there.effects)


def test_it_is_asked_by_name_groups_action_and_place() -> None:
    """As admission asked it; the groups are in the entry, for the record keeps only the name."""
    (question,) = set(asked(agree(waiting())))
    assert ("bob", "bob", ("system:authenticated",)) == (question.username, question.uid, question.groups)
    where = (question.group, question.resource, question.subresource, question.namespace, question.name)
    assert ("stanch.dev", "mitigations", "", "shop", "scale") == where


def test_it_is_asked_beside_what_is_asked_anyway() -> None:
    """In the same hop as the asker's own right, so that it costs no wait."""
    there = agree(waiting())
    rounds = [{about(q) for q in each} for each in there.rounds]
    assert 1 == sum("approve" in each for each in rounds)
    assert {"approve", "patch"} <= next(each for each in rounds if "approve" in each)


def test_what_needs_no_approval_asks_nobody() -> None:
    """No call and no wait more than before."""
    there = bad_deploy(incident(roll_back())).run(seconds=5)
    assert (GOOD, []) == (there.image, asked(there))


def test_while_too_few_agree_nobody_is_asked_about() -> None:
    """One of two said yes: not each look asks whether they still may."""
    assert [] == asked(agree(waiting(approvals=2)).run(minutes=5))


@pytest.mark.parametrize("what", ["approve", "entry"])
def test_what_can_not_be_asked_is_no_yes(what: str) -> None:
    """Unknown is not allowed: it waits, says why, and goes on when it can be asked."""
    there = answering(waiting(), what, Failed(500, "no answer"))
    if what == "entry":
        # Marked as folded, and then another operator looks: the entry has to be read.
        there.frozen = ("mitigations",)
        agree(there)
        there.frozen = ()
        there.run(seconds=11)
    else:
        agree(there).run(seconds=11)
    assert [] == there.effects
    assert "Whether bob may still approve scale can't be checked: no answer" == there.record("size").message
    del there.answer
    assert 1 == len(there.run(seconds=12).effects)


def _later(there: World, instead: Any = None) -> World:
    """Agreed to in a freeze; when that is over, the entry carries our mark and is read by name."""
    there.frozen = ("mitigations",)
    agree(there)
    if instead is not None:
        answering(there, "entry", instead)
    there.frozen = ()
    return there.run(seconds=20)


def test_a_word_of_a_while_ago_is_read_again() -> None:
    """By the name that the record keeps."""
    there = _later(waiting())
    assert 1 == len(there.effects)
    assert "bob" in {q.username for q in asked(there)}


def test_a_word_that_is_gone_or_anothers_is_none() -> None:
    """Deleted, or deleted and written again by somebody else."""
    other = entry("mallory", name="said-0", note={}, text="hm").wire()
    for instead in (NotFound(), Found(other)):
        there = _later(waiting(), instead)
        assert ([], None) == (there.effects, there.record("size").approvals.by)


# --- after a restart -------------------------------------------------------------------------------------------------


def test_after_a_crash_who_agreed_is_asked_about_again() -> None:
    """Written down, not done; meanwhile bob lost the verb: it is not done any more."""
    there = waiting()
    yes = {"mitigation": "size", "action": "scale", "digest": there.record("size").digest}
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=yes))
    cut = there.about_to_act()
    cut.may = without_verb("bob")
    cut.run(seconds=20)
    record = cut.record("size")
    assert ([], "Failed") == (cut.effects, record.state.value)
    assert "bob may not approve scale any more; that approval does not count; nothing was changed" == record.message
    other = there.about_to_act()
    assert 1 == len(other.run(seconds=20).effects)


def test_after_a_crash_an_unclear_answer_waits() -> None:
    """It is done when it can be asked, and not before."""
    there = waiting()
    yes = {"mitigation": "size", "action": "scale", "digest": there.record("size").digest}
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=yes))
    cut = answering(there.about_to_act(), "approve", Failed(0, "timed out")).run(seconds=20)
    assert ([], "Running") == (cut.effects, cut.record("size").state.value)
    del cut.answer
    assert 1 == len(cut.run(seconds=20).effects)


# --- undo by force ---------------------------------------------------------------------------------------------------


def test_an_undo_by_force_asks_again_too() -> None:
    """What others wrote is not overwritten on the word of who may not say it any more."""
    there = forced()
    there.may = without_verb("bob")
    agreed(there).run(seconds=20)
    record = there.record("roll-back")
    assert (1, None) == (len(there.effects), record.undo_asked.approvals.by)
    assert 1 == sum("bob may not approve rolloutUndo any more" in x.text for x in there.incident.status.timeline)
    assert BAD == agreed(there, "carol").run(seconds=10).image


def test_an_undo_by_force_asks_beside_the_rest() -> None:
    """In the first hop, before even the asker's own right; nothing waits for it."""
    there = agreed(forced()).run(seconds=10)
    rounds = [{about(q) for q in each} for each in there.rounds]
    assert 1 == sum("approve" in each for each in rounds)
    assert {"approve", "freeze"} <= next(each for each in rounds if "approve" in each)


def test_an_undo_by_force_is_not_done_after_a_crash_by_who_may_not_agree_any_more() -> None:
    """The attempt names who agreed to it."""
    there = forced()
    yes = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": there.record("roll-back").undo_asked.digest}
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=yes))
    cut = there.about_to_act()
    cut.may = without_verb("bob")
    cut.run(seconds=20)
    assert (1, "Failed") == (len(cut.effects), cut.record("roll-back").attempts[-1].state.value)
    assert BAD == there.about_to_act().run(seconds=20).image
