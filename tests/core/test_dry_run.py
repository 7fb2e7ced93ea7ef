"""Guard 15: what the API server would refuse, or make something else of, is not written, and nobody is asked to agree to it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from build import BAD, GOOD, TARGET_UID, entry, incident, roll_back
from stanch.api.names import Reason
from stanch.core.freeze import FROZEN_WORDS
from stanch.core.observations import Answer, Busy, Failed
from stanch.core.questions import DryRun
from world import World, bad_deploy

WEBHOOK = Failed(422, 'admission webhook "images.shop" denied the request: not signed')


def told(there: World, answer: Answer) -> World:
    """Each dry run is answered like this."""
    otherwise: Callable[..., Answer] = there.answer
    there.answer = lambda q: answer if isinstance(q, DryRun) else otherwise(q)  # type: ignore[method-assign]
    return there


def test_what_the_api_server_would_refuse_is_not_written() -> None:
    """Held with its words; nothing is on the record as begun."""
    there = told(bad_deploy(incident(roll_back())), WEBHOOK).run(seconds=20)
    record = there.record("roll-back")
    assert ("DryRunRefused", [], None) == (record.reason, there.effects, record.attempts)
    assert "not signed" in record.message
    del there.answer
    assert GOOD == there.run(seconds=20).image


SOON = timedelta(seconds=12)
NOBODY = {
    "silent": (
        Failed(0, "timed out"),
        "gave no answer when it was to try it; an admission webhook that hangs does that",
    ),
    "busy": (Failed(429, "slow down"), "has no time to try it (slow down)"),
    "broken": (Failed(500, "etcd is away"), "could not try it: etcd is away"),
}


@pytest.mark.parametrize("who", NOBODY)
def test_nobody_s_answer_is_no_refusal(who: str) -> None:
    """It says nothing about the plan: tried again, with the plan on the record, and not told as one that is bad."""
    answer, words = NOBODY[who]
    there = told(bad_deploy(incident(roll_back())), answer).run(seconds=40)
    record = there.record("roll-back")
    assert ([], "Held", Reason.NO_DATA_NOW) == (there.effects, record.state.value, record.reason)
    assert words in record.message
    assert record.plan
    assert record.diff
    assert 1 == there.kinds().count("MitigationHeld")
    del there.answer
    assert GOOD == there.run(seconds=30).image


@pytest.mark.parametrize("who", ["silent", "busy"])
def test_an_answer_that_stayed_out_once_is_nothing_to_tell(who: str) -> None:
    """A moment later there is one."""
    there = told(bad_deploy(incident(roll_back())), NOBODY[who][0]).run(seconds=10)
    assert ("Waiting", None) == (there.record("roll-back").state.value, there.record("roll-back").reason)
    del there.answer
    assert GOOD == there.run(seconds=10).image
    assert "MitigationHeld" not in there.kinds()


@pytest.mark.parametrize("who", NOBODY)
def test_an_undo_that_nobody_answers_says_so(who: str) -> None:
    """Nothing ends such a wish: without words who asked would wait for ever, and not know for what."""
    answer, words = NOBODY[who]
    there = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=10)
    told(there, answer).say(entry("alice", after=SOON, undo={"mitigation": "roll-back"})).run(seconds=50)
    record = there.record("roll-back")
    assert (Reason.NO_DATA_NOW, 1) == (record.reason, len(there.effects))
    assert words in record.message
    del there.answer
    assert "Undone" == there.run(minutes=1).record("roll-back").state.value


def test_a_freeze_that_the_dry_run_meets_is_told_as_one() -> None:
    """The binding was made after the guard had asked."""
    there = told(bad_deploy(incident(roll_back())), Failed(403, f"{FROZEN_WORDS} in namespace shop")).run(seconds=10)
    assert ("Frozen", []) == (there.record("roll-back").reason, there.effects)


def test_a_right_that_the_operator_lacks_is_named() -> None:
    """Not the plan is bad: its role is not bound there."""
    no = Failed(403, 'deployments.apps "checkout" is forbidden: User "x" cannot patch resource "deployments"')
    there = told(bad_deploy(incident(roll_back())), no).run(seconds=10)
    assert ("PermissionMissing", []) == (there.record("roll-back").reason, there.effects)
    assert "bind its role for rolloutUndo" in there.record("roll-back").message


@pytest.mark.parametrize("answer", [WEBHOOK, Failed(429, "slow down"), Failed(500, "etcd is away")], ids=str)
def test_nobody_is_asked_to_agree_to_what_would_be_refused(answer: Failed) -> None:
    """Nor to what nobody could try."""
    there = told(bad_deploy(incident(roll_back(approvals=1))), answer).run(seconds=40)
    assert "ApprovalNeeded" not in there.kinds()
    del there.answer
    assert "ApprovalNeeded" in there.run(seconds=20).kinds()


def test_what_was_tried_is_what_is_sent() -> None:
    """One text, with the same id and the same tests; the undo as well."""
    there = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=10)
    there.say(entry("alice", undo={"mitigation": "roll-back"})).run(minutes=2)
    tried = [q.patch for each in there.rounds for q in each if isinstance(q, DryRun)]
    sent = [c.patch for c in there.effects]
    assert (2, True) == (len(sent), set(sent) <= set(tried))


def test_what_was_tried_is_told_of_this_plan_alone() -> None:
    """Held for another incident before it could be tried again: what was accepted was another plan."""
    there = bad_deploy(incident(roll_back(approvals=1))).run(seconds=5)
    assert "accepted by the API server" == there.record("roll-back").dry_run
    there.busy = {TARGET_UID: Busy("shop/other", ("/spec/template",))}
    assert "accepted by the API server" == there.run(seconds=30).record("roll-back").dry_run
    there.target["spec"]["template"]["metadata"]["labels"]["note"] = "changed meanwhile"
    there.objects[("replicasets", "checkout-h2")]["spec"]["template"]["metadata"]["labels"]["note"] = (
        "changed meanwhile"
    )
    record = there.run(seconds=30).record("roll-back")
    assert ("TargetBusy", None) == (record.reason, record.dry_run)


def test_an_undo_is_tried_as_well() -> None:
    """Refused with the words of the API server, before anything is written down for it."""
    there = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=10)
    told(there, WEBHOOK).say(entry("alice", undo={"mitigation": "roll-back"})).run(minutes=2)
    record = there.record("roll-back")
    assert (GOOD, 1, "UndoNotExact") == (there.image, len(record.attempts), record.reason)
    assert "not signed" in record.message


def test_what_is_too_big_for_an_undo_record_is_not_begun() -> None:
    """Old and new values, three times, have to fit into a Secret: else it could not be taken back."""
    there = bad_deploy(incident(roll_back()))
    value = {"name": "BIG", "value": "x" * 340_000}
    there.target["spec"]["template"]["spec"]["containers"][0]["env"] = [value]
    there.objects[("replicasets", "checkout-h2")]["spec"]["template"]["spec"]["containers"][0]["env"] = [value]
    there.run(seconds=10)
    record = there.record("roll-back")
    assert ("Refused", "Preflight", [], BAD) == (record.state.value, record.reason, there.effects, there.image)
    assert "would not fit into a Secret" in record.message
