"""What a Postmortem is: facts and numbered gaps from the record, findings, and published only when clean and signed off."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, roll_back, stamp
from learning import as_kept, written
from on_paper import Paper
from stanch.api.incident_status import Approvals
from stanch.core.gaps.find import find_gaps, keep_numbers
from stanch.core.postmortem_text import text_digest
from world import CATALOG, World, bad_deploy, healthy

MINUTE = timedelta(minutes=1)


def resolved(**spec: Any) -> World:
    """A full one is required, unless its severity says otherwise."""
    return healthy(incident(**{"severity": "SEV1", **spec})).run(minutes=20)


def say(world: World, by: str = "bob", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def body(world: World) -> dict[str, Any]:
    """The Postmortem as the operator keeps it."""
    found = world.objects[("postmortems", "checkout-5xx")]
    as_kept(world, "postmortems", "checkout-5xx")
    return found


def published(world: World) -> str:
    """`False LintFindings`: status and reason of its condition."""
    (condition,) = body(world)["status"]["conditions"]
    return f"{condition['status']} {condition['reason']}"


def wish(world: World) -> World:
    """Somebody with the verb publish wishes it."""
    world.objects[("postmortems", "checkout-5xx")]["spec"]["published"] = True
    return world


# --- published -------------------------------------------------------------------------------------------------------


def test_it_is_published_when_it_is_clean_and_signed_off():
    """A wish is not enough: first the findings, then another person; then the incident is reviewed, and the text has its hash."""
    world = wish(resolved())
    assert ("False LintFindings", "False LintFindings") == (
        published(world),
        world.run(minutes=11).condition("Reviewed"),
    )
    written(world.objects[("postmortems", "checkout-5xx")])
    assert "False SignOffMissing" == published(world)
    say(world, sign_off={})
    assert "True Published" == published(world)
    record = body(world)["status"]["published"]
    assert (text_digest(body(world)["spec"]), ["bob"]) == (record["sha256"], [s["by"] for s in record["signedOff"]])
    assert ("True Published", []) == (world.run(minutes=11).condition("Reviewed"), world.broken)


def test_a_sign_off_is_of_one_text():
    """Changed afterwards it is to be read again; to wish for publishing changes no word."""
    world = resolved()
    text = written(world.objects[("postmortems", "checkout-5xx")])
    say(world, sign_off={})
    text["spec"]["lessons"] = "Something else."
    assert "False SignOffMissing" == published(wish(world))
    assert "True Published" == published(say(world, sign_off={}))


def test_who_became_an_author_has_not_signed_it_off():
    """Whoever writes on it afterwards stands by it no more than its other authors."""
    world = resolved()
    text = written(world.objects[("postmortems", "checkout-5xx")])
    say(world, sign_off={})
    text["spec"]["authors"] = ["alice", "bob"]
    assert "False SignOffMissing" == published(wish(world))
    assert "is an author of it" in say(world, sign_off={}).incident.status.timeline[-1].text
    assert "False SignOffMissing" == published(world)


def test_nothing_is_published_that_nobody_wished():
    """Clean and signed off, it waits for the word of who may."""
    world = resolved()
    written(world.objects[("postmortems", "checkout-5xx")])
    say(world, sign_off={})
    assert ("False NotAsked", "Ready") == (published(world), body(world)["status"]["state"])


def test_what_is_published_stays_what_it_is():
    """Facts, gaps and findings too: a later look changes nothing."""
    world = wish(resolved())
    written(world.objects[("postmortems", "checkout-5xx")])
    before = dict(body(say(world, sign_off={}))["status"])
    say(world, note={}, text="one more thing").run(hours=30)
    assert before == body(world)["status"]


def test_a_reopened_incident_publishes_nothing():
    """What is learned is learned when it is over."""
    world = wish(resolved())
    written(world.objects[("postmortems", "checkout-5xx")])
    say(world, "alice", reopen={})
    assert "False SignOffMissing" == published(world)
    message = body(world)["status"]["conditions"][0]["message"]
    assert "the incident is not resolved" in message


def test_a_finding_may_stay_for_a_recorded_reason():
    """It is counted in what is published, with the reason; the others still keep it."""
    world = wish(resolved())
    text = written(world.objects[("postmortems", "checkout-5xx")])
    text["spec"]["lessons"] = "The root cause was the migration. Alice forgot the flag."
    assert {"single-root-cause", "person-as-cause"} == {f["rule"] for f in body(world)["status"]["lint"] if f["blocks"]}
    said = {"rule": "single-root-cause", "reason": "Quoted from the regulator's letter, word by word"}
    text["spec"]["exceptions"] = [said]
    assert {"person-as-cause"} == {f["rule"] for f in body(world)["status"]["lint"] if f["blocks"]}
    text["spec"]["exceptions"] = [
        said,
        {"rule": "person-as-cause", "field": "spec.lessons", "reason": "She asked for it to stay"},
    ]
    assert "True Published" == published(say(world, sign_off={}))
    assert 2 == body(world)["status"]["published"]["excepted"]


def test_where_the_policy_warns_findings_keep_nobody():
    """`postmortem.lint: Warn`: they are listed all the same."""
    world = wish(resolved())
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, postmortem_lint="Warn"))
    say(world, sign_off={})
    assert "True Published" == published(world)
    assert len(body(world)["status"]["lint"]) > 5


@pytest.mark.parametrize(
    ("needed", "reason"), [(0, "True Published"), (1, "True Published"), (2, "False SignOffMissing")]
)
def test_the_policy_says_how_many_sign_it_off(needed, reason):
    """None, one, or two different people."""
    world = wish(resolved())
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, postmortem_signs=needed))
    written(world.objects[("postmortems", "checkout-5xx")])
    if needed:
        say(world, sign_off={})
    assert reason == published(world)


def test_published_the_same_night_is_advised_against():
    """A finding that keeps nobody, until twelve hours after it was over."""
    world = wish(resolved())
    written(world.objects[("postmortems", "checkout-5xx")])
    soon = [f["rule"] for f in body(world)["status"]["lint"]]
    world.now += timedelta(hours=13)
    assert (["slept-on-it"], None) == (soon, body(world)["status"].get("lint"))


def test_a_factor_is_answered_by_an_item_or_accepted():
    """Named in its `answers`, whoever made the item."""
    world = wish(resolved())
    text = written(world.objects[("postmortems", "checkout-5xx")], "an item")
    unanswered = [f["field"] for f in body(world)["status"]["lint"] if f["rule"] == "factor-unanswered"]
    assert [f"spec.factors[{n}]" for n in range(3)] == unanswered
    names = [f["name"] for f in text["spec"]["factors"]]
    item = {
        "title": "Alert when the orders reader meets an unknown column",
        "postmortem": "checkout-5xx",
        "owner": "orders-team",
        "dueTime": "2026-12-05T17:00:00Z",
        "answers": names,
    }
    world.objects[("actionitems", "reader-alert")] = {"metadata": {"name": "reader-alert"}, "spec": item}
    assert "False SignOffMissing" == published(world)


# --- facts and gaps --------------------------------------------------------------------------------------------------


def gaps(world: World) -> dict[str, dict[str, Any]]:
    """By kind."""
    return {g["kind"]: g for g in body(world)["status"].get("gaps") or ()}


def test_facts_follow_the_record():
    """Decision, times, durations, and how far the record was read."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    facts = body(world)["status"]["facts"]
    assert ("Required", ["SEV1", "rolloutUndo"], "SEV1") == (facts["decision"], facts["reasons"], facts["severity"])
    assert facts["recordSeq"] == world.incident.status.last_seq
    assert "16s" == facts["durations"]["toMitigate"]


def test_a_gap_keeps_the_number_by_which_people_speak_of_it():
    """What comes up later has the next one, also where it happened first; the text quotes what it quoted."""
    world = resolved()
    before = {g["kind"]: g["number"] for g in body(world)["status"]["gaps"]}
    quoted = body(world)["spec"]["wentBadly"]
    say(world, impact={"startedTime": stamp(T0 - 30 * MINUTE)}, text="the logs say so")
    found = body(world)["status"]["gaps"]
    numbers = {g["kind"]: g["number"] for g in found}
    new = [numbers[kind] for kind in numbers if kind not in before]
    assert before == {kind: number for kind, number in numbers.items() if kind in before}
    assert [*range(len(before) + 1, len(before) + 1 + len(new))] == new != []
    assert "Detection" == next(g["part"] for g in found if g["kind"] not in before)
    assert set(quoted) <= {f"Gap {g['number']}: {g['text']}" for g in found}


def test_a_number_is_never_given_twice():
    """Neither that of a gap which is none any more, nor one that the text speaks of."""
    first, second, third = Paper(detected=0, declared=40, acknowledged=61, mitigated=90, resolved=95).found()[:3]
    assert [1, 2, 3] == [g.number for g in (first, second, third)]
    kept = keep_numbers((third, second), (first, second))
    assert [(2, second.kind), (3, third.kind)] == [(g.number, g.kind) for g in kept]
    assert [5] == [g.number for g in keep_numbers((third,), (second,), 4)]
    assert [1, 2] == [g.number for g in keep_numbers((first, first), (first,))]


def test_gaps_are_numbered_and_say_what_they_follow_from():
    """From 1 on, each with its part, and where in the record it stands."""
    world = bad_deploy(incident(impact={"userVisible": True})).run(minutes=12)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.2"
    world.settle()
    world.run(minutes=20)
    found = body(world)["status"]["gaps"]
    assert list(range(1, len(found) + 1)) == [g["number"] for g in found]
    assert {"RoleMissing", "ShortHold", "PublicSilence"} <= set(gaps(world))
    hold = gaps(world)["ShortHold"]
    assert ("The hold was 30s, 30m is what the policy says for SEV1", "30s", "30m") == (
        hold["text"],
        hold["took"],
        hold["limit"],
    )
    assert "status.recovery.hold" == hold["record"]
    assert all(g["record"] and g["text"] for g in found)


@pytest.mark.parametrize(
    ("paper", "kind", "text"),
    [
        (
            Paper(started=0, detected=18),
            "SlowToDetect",
            "Harm to detection: 18 min (14:00 to 14:18; 5 min is asked for)",
        ),
        (
            Paper(detected=0, declared=40),
            "SlowToDeclare",
            "Alert to declare: 40 min (14:00 to 14:40; 10 min is asked for)",
        ),
        (
            Paper(declared=0, acknowledged=9),
            "SlowToAcknowledge",
            "Declared to acknowledged: 9 min (14:00 to 14:09; 5 min",
        ),
        (
            Paper(declared=0, acknowledged=1).line(31, "MitigationApplied", by="stanch"),
            "SlowToAct",
            "Acknowledged to first action: 30 min (14:01 to 14:31; 15 min is asked for)",
        ),
        (
            Paper().line(15, "HypothesisChanged", "pool Leading: too small").line(55, "MitigationApplied", by="stanch"),
            "KnownNotDone",
            "Known at 14:15 (pool), done at 14:55: 40 min",
        ),
        (
            Paper()
            .line(31, "UpdateMissed", "public: the update was promised for 14:30:00Z", "stanch")
            .line(52, "UpdatePublished", "public, Identified: hello"),
            "UpdateLate",
            "Update for public promised 14:30, sent 14:52: 22 min late",
        ),
        (
            Paper().line(31, "UpdateMissed", "leadership: the update was promised for 2026-11-21T14:30:00Z", "stanch"),
            "UpdateMissed",
            "Update for leadership promised 14:30, never sent",
        ),
        (
            Paper()
            .line(5, "HandoffOffered", "commander to carol. impact: x")
            .line(30, "RoleChanged", "carol is commander now"),
            "HandoffWaited",
            "commander was offered and not accepted: 25 min (14:05 to 14:30; 10 min is asked for)",
        ),
        (
            Paper().line(9, "Flapping", "pods", "stanch").line(20, "Flapping", "pods", "stanch"),
            "Flapping",
            "A criterion was good and bad by turns, 2 times, first 14:09: pods",
        ),
        (
            Paper(declared=0, mitigated=60).line(10, "Note").line(50, "Note"),
            "NobodyWrote",
            "Nobody wrote anything down: 40 min (14:10 to 14:50",
        ),
        (
            Paper(started=9, detected=2),
            "TimesContradict",
            "The times contradict each other: detected 14:02 is before started 14:09",
        ),
        (
            Paper().line(3, "MitigationMadeItWorse", "fewer pods", "stanch"),
            "MadeItWorse",
            "A mitigation made it worse, once, 14:03: fewer pods",
        ),
        (
            Paper().line(3, "MitigationReverted", "by flux", "stanch"),
            "Contested",
            "Somebody or something else changed what stanch had written",
        ),
        (Paper().line(3, "Relapsed", "pods", "stanch"), "Relapsed", "Harm came back, once, 14:03: pods"),
        (
            Paper(declared=0).line(25, "RoleChanged", "bob is operations"),
            "RoleLate",
            "Nobody was operations at first: 25 min (14:00 to 14:25; 5 min",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_gap_has_its_number(paper, kind, text):
    """How long, from when to when, against what is asked for."""
    found = paper.gaps()
    assert kind in found, sorted(found)
    assert found[kind].text.startswith(text), found[kind].text


@pytest.mark.parametrize(
    ("paper", "kind"),
    [
        (Paper(started=0, detected=5), "SlowToDetect"),
        (Paper(detected=0, declared=10), "SlowToDeclare"),
        (Paper(declared=0, acknowledged=5), "SlowToAcknowledge"),
        (Paper(declared=0, acknowledged=1).line(16, "MitigationApplied", by="stanch"), "SlowToAct"),
        (
            Paper().line(15, "HypothesisChanged", "pool Rejected: x").line(55, "MitigationApplied", by="stanch"),
            "KnownNotDone",
        ),
        (
            Paper()
            .line(5, "HandoffOffered", "commander to carol. x")
            .line(15, "RoleChanged", "carol is commander now"),
            "HandoffWaited",
        ),
        (Paper(), "Flapping"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_in_time_is_no_gap(paper, kind):
    """Exactly at the limit is in time."""
    assert kind not in paper.gaps()


def test_known_and_not_done_says_what_it_waited_for():
    """An approval in between is told with its share."""
    waits = {"needed": 1, "askedTime": stamp(T0 + 20 * MINUTE)}
    agreed = {"by": "carol", "time": stamp(T0 + 51 * MINUTE), "entry": "e"}
    record = bad_deploy(incident(roll_back())).run(minutes=2).record("roll-back")
    agreed["digest"] = record.digest
    record = record.model_copy(update={"approvals": Approvals.model_validate({**waits, "by": [agreed]})})
    paper = Paper().line(15, "HypothesisChanged", "pool Leading: x").line(55, "MitigationApplied", by="stanch")
    found = paper.gaps(mitigations=(record,))
    assert found["KnownNotDone"].text.endswith("; of these 31 min waiting for approval")
    assert "roll-back waited for approval: 31 min (14:20 to 14:51; 3 min is asked for)" == found["ApprovalWaited"].text


def test_the_same_record_gives_the_same_numbers():
    """People speak of gap 3; it must be gap 3 tomorrow."""
    paper = Paper(started=0, detected=18).line(3, "Relapsed").line(9, "Flapping")
    inc = paper.incident.model_copy(update={"status": paper.status})
    one, other = (find_gaps(inc, lines, CATALOG.policy) for lines in (paper.lines, paper.lines[::-1]))
    assert one == other
    assert [g.number for g in one] == list(range(1, len(one) + 1))


# --- talked over -----------------------------------------------------------------------------------------------------


def talked_over(world: World) -> list[str]:
    """What the lint says about the meeting."""
    return [f["excerpt"] for f in body(world)["status"].get("lint") or () if f["rule"] == "talked-over"]


def test_a_full_one_is_advised_to_be_talked_over():
    """Once it should have been; a meeting that is yet to come does not count, and one that was does; it keeps nobody."""
    world = resolved()
    text = written(world.objects[("postmortems", "checkout-5xx")])
    assert [] == talked_over(world)
    world.now += timedelta(days=5)
    assert ["(no meeting)"] == talked_over(world)
    assert 0 == body(world)["status"]["findings"]
    later = stamp(world.now + timedelta(hours=1))
    text["spec"]["review"] = {"time": later}
    assert [f"planned {later}"] == talked_over(world)
    world.now += timedelta(hours=2)
    assert [] == talked_over(world)


def test_its_dates_stand_in_its_facts():
    """By when it is talked over and published; of a short review no meeting."""
    facts = body(resolved())["status"]["facts"]
    assert {"reviewDueTime", "publishDueTime", "dueTime"} <= set(facts)
    assert "reviewDueTime" not in body(resolved(severity="SEV4"))["status"]["facts"]
