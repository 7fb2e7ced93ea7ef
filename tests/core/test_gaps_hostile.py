"""Gaps where records are as people make them: names with dots, words that sound like facts, nights that go over midnight."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, incident, roll_back, stamp
from month import MINUTE
from on_paper import Paper
from stanch.api.incident_status import Approvals, MitigationRecord, RoleRecord, SeverityRecord
from stanch.api.meta import Severity
from stanch.api.people_rules import CadenceRule, RolesRule
from stanch.api.people_status import ImpactRecord
from stanch.api.said import Role
from world import bad_deploy

OFFER = "impact: no checkout works; tried: a restart; next: ask carol to accept"
MAIL = "bob.smith@example.com"
RECORD = bad_deploy(incident(roll_back())).run(minutes=2).record("roll-back")


def severity(level: str, worst: str | None = None) -> dict[str, Any]:
    """In force, and at its worst."""
    said = {"level": level, "worst": worst, "source": "Spec", "sinceTime": stamp(T0)}
    return {"severity": SeverityRecord.model_validate({k: v for k, v in said.items() if v})}


def asked(minute: float, *agreed: tuple[float, str], needed: int = 1) -> dict[str, Any]:
    """A rollback that asked at that minute, and who agreed to it when; ``stale`` agreed to another plan."""
    by = [
        {
            "by": who,
            "time": stamp(T0 + at * MINUTE),
            "digest": "another" if who == "stale" else RECORD.digest,
            "entry": f"e-{n}",
        }
        for n, (at, who) in enumerate(agreed)
    ]
    said = Approvals.model_validate({"needed": needed, "askedTime": stamp(T0 + minute * MINUTE), "by": by})
    record: MitigationRecord = RECORD.model_copy(update={"approvals": said})
    return {"mitigations": (record,)}


# --- approvals -------------------------------------------------------------------------------------------------------


def test_waiting_for_an_approval_links_to_both_lines():
    """
    The line that asked, and the one that agreed.
    """
    paper = Paper(declared=0, acknowledged=1).line(2, "ApprovalNeeded", "roll-back: needs 1 approval(s) of x", "stanch")
    paper.line(9, "Note", "Action: looked at it").say(20, "MitigationApproved", "roll-back approved", "carol")
    paper.lines[-1] = paper.lines[-1].model_copy(update={"entry": "e-0"})
    gap = paper.gaps(**asked(2, (20, "carol")))["ApprovalWaited"]
    assert "roll-back waited for approval: 18 min (14:02 to 14:20; 3 min is asked for)" == gap.text
    assert ("timeline 1, 3", 18 * MINUTE) == (gap.record, gap.took)


def test_the_approval_that_counts_is_the_last_that_was_needed_for_this_plan():
    """
    Two are needed; one agreed to a plan that is none any more.
    """
    found = Paper().gaps(**asked(2, (3, "stale"), (10, "carol"), (30, "dave"), needed=2))
    assert "(14:02 to 14:30;" in found["ApprovalWaited"].text


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("MitigationDenied", "roll-back denied: not now", "roll-back waited for approval, and was denied: 10 min"),
        (
            "MitigationExpired",
            "roll-back: nobody agreed",
            "roll-back waited for approval, and expired without one: 10 min",
        ),
        (
            "MitigationWithdrawn",
            "roll-back: gone",
            "roll-back waited for approval, and was withdrawn without one: 10 min",
        ),
        ("Note", "roll-back denied", "roll-back waited for approval, and never got it: 1 h"),
    ],
)
def test_waiting_ends_when_somebody_says_no(kind, text, words):
    """
    Not when the incident is over; a note that only sounds like it ends nothing.
    """
    found = Paper(declared=0, mitigated=59, resolved=62).line(12, kind, text).gaps(**asked(2))
    assert found["ApprovalWaited"].text.startswith(words), found["ApprovalWaited"].text


def test_an_approval_of_another_mitigation_is_another_one():
    """
    `roll-back-db` is not `roll-back`.
    """
    found = Paper(declared=0, resolved=62).line(12, "MitigationDenied", "roll-back-db denied").gaps(**asked(2))
    assert "never got it" in found["ApprovalWaited"].text


# --- updates ---------------------------------------------------------------------------------------------------------


def test_an_update_that_was_late_over_midnight():
    """
    Promised at 23:58, sent at 00:20.
    """
    paper = Paper().line(599, "UpdateMissed", "public: an update was promised for 2026-11-21T23:58:00Z", "stanch")
    paper.say(620, "UpdatePublished", "public, Identified: We see it")
    gap = paper.gaps()["UpdateLate"]
    assert ("Update for public promised 23:58, sent 00:20: 22 min late", "timeline 1, 2") == (gap.text, gap.record)
    assert 22 * MINUTE == gap.took


def test_an_update_to_others_keeps_no_promise():
    """
    What leadership was told, users were not.
    """
    paper = Paper().line(31, "UpdateMissed", "public: an update was promised for 2026-11-21T14:30:00Z", "stanch")
    paper.say(40, "UpdatePublished", "leadership, Identified: public will be told soon")
    assert {"UpdateMissed"} == {"UpdateLate", "UpdateMissed"} & set(paper.gaps())


# --- alert to declare, midnight, links -------------------------------------------------------------------------------


def test_a_night_that_goes_over_midnight_says_which_day():
    """
    From 23:50 to 00:30 is forty minutes, and could be read as less than none.
    """
    paper = Paper(detected=590, declared=630).line(630, "Declared", "Checkout fails, SEV1", "alice")
    gap = paper.gaps()["SlowToDeclare"]
    assert "Alert to declare: 40 min (2026-11-21 23:50 to 2026-11-22 00:30; 10 min is asked for)" == gap.text
    assert "timeline 1" == gap.record


# --- known, and done -------------------------------------------------------------------------------------------------


def test_the_second_thing_that_was_known_counts_like_the_first():
    """
    The first was acted on at once; the second was known for forty minutes.
    """
    paper = Paper().say(5, "HypothesisChanged", "cache Leading: cold").line(7, "MitigationApplied", "a: x", "stanch")
    paper.say(8, "HypothesisChanged", "cache Rejected: it is warm").say(10, "HypothesisChanged", "pool Leading: small")
    paper.say(50, "Note", "Action: made the pool larger")
    gap = paper.gaps()["KnownNotDone"]
    assert gap.text.startswith("Known at 14:10 (pool), done at 14:50: 40 min")
    assert "timeline 4, 5" == gap.record


@pytest.mark.parametrize("change", ["cache Rejected: it is warm", "pool Leading: too small", "pool Confirmed: it is"])
def test_what_was_given_up_was_not_waited_for(change):
    """
    Another one led, or it was rejected, before anything was done; what was done then was done for something else.
    """
    paper = Paper().say(5, "HypothesisChanged", "cache Leading: cold").say(40, "HypothesisChanged", change)
    assert "KnownNotDone" not in paper.line(45, "MitigationApplied", "a: x", "stanch").gaps()


def test_said_again_it_was_known_since_the_first_time():
    """
    Leading, leading with other words, confirmed.
    """
    paper = (
        Paper()
        .say(5, "HypothesisChanged", "cache Leading: cold")
        .say(20, "HypothesisChanged", "cache Leading: very cold")
    )
    paper.say(30, "HypothesisChanged", "cache Confirmed: it is").line(45, "MitigationApplied", "a: x", "stanch")
    assert paper.gaps()["KnownNotDone"].text.startswith("Known at 14:05 (cache), done at 14:45: 40 min")


# --- hats ------------------------------------------------------------------------------------------------------------


def test_a_hand_off_to_an_address_was_accepted():
    """
    A user name may have dots; what follows the first is no sentence.
    """
    paper = Paper(resolved=300).say(5, "HandoffOffered", f"commander to {MAIL}. {OFFER}", "alice")
    paper.say(12, "RoleChanged", f"{MAIL} is commander now, from alice", MAIL)
    assert "HandoffWaited" not in paper.gaps()
    late = Paper(resolved=300).say(5, "HandoffOffered", f"commander to {MAIL} (the hand-off to dave is void). {OFFER}")
    gap = late.say(30, "RoleChanged", f"{MAIL} is commander now, from alice", MAIL).gaps()["HandoffWaited"]
    assert ("commander was offered and not accepted: 25 min", "timeline 1, 2") == (
        gap.text.partition(" (")[0],
        gap.record,
    )


def test_a_hat_that_somebody_else_took_did_not_wait_any_longer():
    """
    The offer was void by that.
    """
    paper = Paper(resolved=300).say(5, "HandoffOffered", f"commander to {MAIL}. {OFFER}", "alice")
    paper.say(20, "RoleChanged", f"dave is commander, from alice (the hand-off to {MAIL} is void)", "dave")
    gap = paper.gaps()["HandoffWaited"]
    assert gap.text.startswith("commander was offered and not accepted; somebody else took it: 15 min")


def test_a_hat_that_was_offered_to_another_waited_twice():
    """
    Each offer until the next one.
    """
    paper = Paper(resolved=300).say(5, "HandoffOffered", f"scribe to {MAIL}. {OFFER}")
    paper.say(20, "HandoffOffered", f"scribe to dave (the hand-off to {MAIL} is void). {OFFER}")
    found = [g for g in paper.say(50, "RoleChanged", "dave is scribe now", "dave").found() if g.kind == "HandoffWaited"]
    assert [15 * MINUTE, 30 * MINUTE] == [g.took for g in found]


WORDS: list[Any] = [
    "bob is commander now: nobody is scribe",
    "bob is commander: alice is scribe since noon, I think",
]


@pytest.mark.parametrize("text", WORDS)
def test_peoples_own_words_are_no_hats(text):
    """
    What follows the role is what somebody said, and may say anything.
    """
    paper = Paper(declared=0, mitigated=60).say(2, "RoleChanged", text, "bob")
    (gap,) = [g for g in paper.found() if "scribe" in g.text]
    assert ("RoleMissing", "Nobody was scribe; for SEV1 somebody is asked for within 5 min") == (gap.kind, gap.text)


def test_nobody_led_for_a_while():
    """
    From the declaration to the first who took it, with the line that says so; later holders change nothing about that.
    """
    paper = Paper(declared=0, mitigated=90).say(21, "RoleChanged", "bob is commander", "bob")
    paper.say(60, "RoleChanged", "carol is commander now, from bob", "carol")
    gap = next(g for g in paper.found() if g.kind == "RoleLate")
    assert ("Nobody was commander at first: 21 min (14:00 to 14:21; 5 min is asked for)", "timeline 1") == (
        gap.text,
        gap.record,
    )


def test_what_is_asked_for_at_a_severity_is_not_asked_for_before():
    """
    SEV3 for three hours, then SEV1: the commander who came two minutes later was in time; and the scribe never came.
    """
    paper = Paper(declared=0, mitigated=240).line(180, "SeverityChanged", "SEV3 to SEV1: burn 16 over 1h", "stanch")
    paper.say(182, "RoleChanged", "bob is commander", "bob")
    found = paper.found(**severity("SEV1"))
    assert not [g for g in found if g.kind == "RoleLate"]
    scribe = next(g for g in found if "scribe" in g.text)
    assert T0 + 180 * MINUTE == scribe.from_time


def test_what_was_lowered_had_been_that_severe_from_the_start():
    """
    SEV1 to SEV3 and back: it is asked since the declaration.
    """
    paper = Paper(declared=0, mitigated=240).say(20, "SeverityChanged", "SEV1 to SEV3: better")
    paper.say(180, "SeverityChanged", "SEV3 to SEV1: worse").say(15, "RoleChanged", "bob is commander", "bob")
    assert "15 min" in next(g for g in paper.found(**severity("SEV1")) if g.kind == "RoleLate").text


def test_the_policy_says_who_is_asked_for_and_by_when():
    """
    Only a commander, within half an hour.
    """
    rules = {Severity.SEV1: RolesRule((Role.COMMANDER,), 30 * MINUTE)}
    paper = (
        Paper(declared=0, mitigated=240).where(roles_required=rules).say(25, "RoleChanged", "bob is commander", "bob")
    )
    assert not {"RoleLate", "RoleMissing"} & set(paper.gaps())


def test_an_incident_that_was_over_sooner_lacked_nobody():
    """
    Four minutes, of five in which somebody is asked for; nor was the public owed a word.
    """
    said = {"value": {"userVisible": True}, "source": "Spec", "sinceTime": stamp(T0)}
    found = Paper(declared=0, detected=0, mitigated=4).gaps(impact=ImpactRecord.model_validate(said))
    assert not {"RoleMissing", "PublicSilence"} & set(found)


def test_a_hat_that_was_worn_for_long_is_told_of_each_who_did():
    """
    Five hours until it was handed over, then two: the first is told, with its own end.
    """
    paper = Paper(declared=0, mitigated=420).say(0, "RoleChanged", "alice is operations", "alice")
    paper.say(300, "RoleChanged", "bob is operations now, from alice", "bob")
    role = RoleRecord(role="operations", user="bob", since_time=T0 + 300 * MINUTE, source="Entry/x")
    (gap,) = [g for g in paper.found(roles=(role,)) if g.kind == "RoleHeldLong"]
    assert ("One person was operations for 5 h (4 h is when a hand-off is due)", "timeline 1") == (gap.text, gap.record)
    assert T0 + 300 * MINUTE == gap.to_time


def test_a_hat_whose_line_is_lost_is_known_by_the_status():
    """
    A page can't be read: since when it is worn, the status says.
    """
    role = RoleRecord(role="commander", user="bob", since_time=T0 + 20 * MINUTE, source="Entry/x")
    gap = next(g for g in Paper(declared=0, mitigated=60).found(roles=(role,)) if g.kind == "RoleLate")
    assert ("status.roles commander", 20 * MINUTE) == (gap.record, gap.took)


# --- the public, and silence -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "told"), [(5 * MINUTE, True), (timedelta(hours=1), False)], ids=["5 min", "1 h"])
def test_the_policy_says_by_when_users_hear_something(first, told):
    """
    Said after twenty minutes.
    """
    said = {"value": {"userVisible": True}, "source": "Spec", "sinceTime": stamp(T0)}
    paper = Paper(detected=0, declared=0, mitigated=60).say(20, "UpdatePublished", "public, Identified: we see it")
    paper.where(cadence={Severity.SEV1: CadenceRule(public_first=first)})
    assert told == ("PublicSilence" in paper.gaps(impact=ImpactRecord.model_validate(said)))


def test_a_page_that_said_resolved_while_it_was_not_is_a_gap_until_it_was():
    """
    From the word to the end of it; a word of the same minute, one after the end, and one of what was cancelled are none.
    """
    early = Paper(declared=0, detected=0, mitigated=20, resolved=30).say(4, "UpdatePublished", "public, Resolved: over")
    early.say(6, "UpdatePublished", "internal, Monitoring: not yet").line(30, "Resolved", "held", "stanch")
    gap = early.say(31, "UpdatePublished", "public, Resolved: now it is").gaps()["PublicTooSoon"]
    assert ("timeline 1", 26 * MINUTE, T0 + 4 * MINUTE) == (gap.record, gap.took, gap.from_time)
    assert "for 26 min (14:04 to 14:30): the page said fine while it was not" in gap.text
    said = Paper(declared=0, resolved=30).say(4, "UpdatePublished", "public, Resolved: over")
    took_back = said.say(9, "UpdatePublished", "public, Investigating: sorry").line(30, "Resolved", "held", "stanch")
    assert 5 * MINUTE == took_back.gaps()["PublicTooSoon"].took
    soon = Paper(declared=0, resolved=30).say(29.5, "UpdatePublished", "public, Resolved: x").line(30, "Resolved")
    assert "PublicTooSoon" not in soon.gaps()
    none = Paper(declared=0, resolved=30, cancelled=30).say(4, "UpdatePublished", "public, Resolved: x")
    assert "PublicTooSoon" not in none.gaps()


def test_after_it_was_opened_again_the_old_word_is_no_gap_and_a_new_one_is():
    """
    Resolved was true when it was said.
    """
    paper = Paper(declared=0, resolved=90).line(30, "Resolved").say(31, "UpdatePublished", "public, Resolved: over")
    paper.line(40, "Reopened")
    assert "PublicTooSoon" not in paper.gaps()
    assert (
        40 * MINUTE
        == paper.say(50, "UpdatePublished", "public, Resolved: over").line(90, "Resolved").gaps()["PublicTooSoon"].took
    )


def test_machines_break_no_silence_and_the_lines_around_it_are_named():
    """
    What stanch, an alert and a pipeline wrote is nobody's word.
    """
    paper = Paper(declared=0, mitigated=60).say(10, "Note", "Note: I look")
    for minute, by in ((20, "stanch"), (25, "Alertmanager"), (30, "system:serviceaccount:ci:deployer"), (35, "spec")):
        paper.line(minute, "Note", "Note: x", by)
    gap = paper.say(50, "Note", "Note: found it").gaps()["NobodyWrote"]
    assert gap.text.startswith("Nobody wrote anything down: 40 min (14:10 to 14:50;")
    assert "timeline 1, 6" == gap.record


def test_of_a_hostile_record_nothing_falls_over():
    """
    Lines that are cut, empty, or of another version.
    """
    paper = Paper(declared=0, resolved=99)
    for kind in (
        "RoleChanged",
        "HandoffOffered",
        "UpdateMissed",
        "UpdatePublished",
        "HypothesisChanged",
        "SeverityChanged",
    ):
        for text in ("", ":", " to ", "x to ", " is commander", "commander to . impact: ", "<script>alert(1)</script>"):
            paper.line(9, kind, text)
    numbers = [g.number for g in paper.found()]
    assert numbers == list(range(1, len(numbers) + 1))
