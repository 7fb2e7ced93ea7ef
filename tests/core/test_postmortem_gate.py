"""Full or short, due and chased: decided by the record with its numbers, and never less than it was (decisions 2.11)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, roll_back, scale_to, stamp
from stanch.core.observations import Failed
from stanch.core.questions import POSTMORTEMS, Get
from world import CATALOG, World, bad_deploy, healthy

MINUTE = timedelta(minutes=1)


def resolved(*wishes: Any, **spec: Any) -> World:
    """SEV4, resolved a while ago, nothing else that asks for anything."""
    return healthy(incident(*wishes, **{"severity": "SEV4", **spec})).run(minutes=20)


def record(world: World) -> Any:
    """What was decided."""
    return world.incident.status.postmortem


def say(world: World, by: str = "bob", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def started(minutes: int, **impact: Any) -> dict[str, Any]:
    """Harm that began so long before it was declared."""
    return {"impact": {"startedTime": stamp(T0 - minutes * MINUTE), **impact}}


def late(**spec: Any) -> World:
    """Pods that come up after half an hour only."""
    world = bad_deploy(incident(severity="SEV4", **spec)).run(minutes=30)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.2"
    world.settle()
    return world.run(minutes=20)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"severity": "SEV2"}, "SEV2"),
        ({"severity": "SEV1"}, "SEV1"),
        (started(20, userVisible=True), "users saw it for 20m"),
        ({"impact": {"dataAtRisk": True}}, "data was at risk"),
        ({"impact": {"securityBreach": True}}, "it was a security breach"),
        (started(300), "it took 5h"),
        (started(16), "nobody saw it for 16m, more than 15m"),
        ({"detectedBy": "Customer"}, "a customer saw it first: nobody was alerted"),
    ],
    ids=["sev2", "sev1", "visible", "data", "breach", "long", "unseen", "customer"],
)
def test_each_trigger_asks_for_a_full_one(spec, reason):
    """By itself, and with its number."""
    found = record(resolved(**spec))
    assert "Required" == found.decision
    assert any(r.startswith(reason) for r in found.reasons), found.reasons


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"severity": "SEV3"},
        started(14, userVisible=True),
        started(40, userVisible=False) | {"severity": "SEV4", "detectedBy": "Monitoring"},
        {"detectedBy": "Person"},
    ],
    ids=["nothing", "sev3", "short", "unseen-by-users", "person"],
)
def test_what_asks_for_nothing_is_a_short_review(spec):
    """Explicit, too: somebody looks at each."""
    world = (
        resolved(**spec) if "startedTime" not in str(spec) or "userVisible': True" in str(spec) else _only_long(spec)
    )
    assert ("Short", ("nothing asks for a full one",)) == (record(world).decision, record(world).reasons)


def _only_long(spec: dict[str, Any]) -> World:
    """Detected late is a reason of its own, so the policy here allows it."""
    world = healthy(incident(**{"severity": "SEV4", **spec}))
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, postmortem_detect=timedelta(hours=9)))
    return world.run(minutes=20)


@pytest.mark.parametrize(
    ("change", "spec"),
    [
        ({"postmortem_visible": timedelta(hours=1)}, started(20, userVisible=True)),
        ({"postmortem_data": False}, {"impact": {"dataAtRisk": True}}),
        ({"postmortem_customer": False}, {"detectedBy": "Customer"}),
        ({"postmortem_resolve": timedelta(hours=9)}, started(300)),
    ],
    ids=["visible", "data", "customer", "resolve"],
)
def test_the_policy_says_what_asks(change, spec):
    """Each trigger is the policy's; what it does not ask for is short."""
    world = healthy(incident(**{"severity": "SEV4", **spec}))
    policy = replace(CATALOG.policy, postmortem_detect=timedelta(hours=9), **change)
    world.catalog = replace(CATALOG, policy=policy)
    assert "Short" == record(world.run(minutes=20)).decision


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("Failed over to the standby database in zone b", True),
        ("Rerouted uploads to the other region", True),
        ("rolled back by hand with helm", True),
        ("Restarted my laptop", False),
    ],
)
def test_an_intervention_by_hand_counts_as_one_by_stanch(text, full):
    """A note of kind Action that tells of a failover, a rollback or a rerouting."""
    world = healthy(incident(severity="SEV4")).run(seconds=3)
    found = record(say(world, note={"kind": "Action"}, text=text).run(minutes=20))
    assert full == (found.decision == "Required")
    assert not full or found.reasons[0].startswith("bob wrote down an action by hand: ")


def test_an_intervention_by_stanch_counts():
    """What was tried, whatever came of it."""
    world = bad_deploy(incident(roll_back(), severity="SEV4")).run(minutes=2)
    assert ("Required", ("rolloutUndo",)) == (record(world).decision, record(world).reasons)


def test_it_becomes_a_full_one_when_it_comes_back():
    """Decided short, reopened, resolved again: more than before, due from the last time on, and the text stays."""
    world = resolved()
    before, text = record(world), dict(world.objects[("postmortems", "checkout-5xx")]["spec"])
    say(world, "alice", reopen={}).run(minutes=30)
    after = record(world)
    assert ("Short", "Required", ("it came back after it was resolved",)) == (
        before.decision,
        after.decision,
        after.reasons,
    )
    assert after.due_time > before.due_time
    assert text == world.objects[("postmortems", "checkout-5xx")]["spec"]


def test_that_a_short_one_is_to_be_full_is_said_with_what_it_lacks():
    """Both are explicit: a milestone and an Event, once, with the reason and what the text has to have now."""
    world = resolved()
    say(world, impact={"dataAtRisk": True}, text="rows were lost").run(minutes=20)
    ((text, milestone),) = [
        (x.text, x.milestone) for x in world.incident.status.timeline if x.kind == "PostmortemRequired"
    ]
    assert "Postmortem checkout-5xx is to be a full one now, no short review: data was at risk. Its text lacks " in text
    assert all(f"spec.{lacks}" in text for lacks in ("factors", "whys", "gotLucky"))
    assert ("1 sign-off of who is no author" in text, milestone, []) == (True, True, world.broken)
    assert 1 == sum(event.reason == "PostmortemRequired" for planned in world.plans for event in planned.events)


def test_a_full_one_never_becomes_short():
    """Lowering the severity afterwards takes nothing away."""
    world = resolved(severity="SEV1")
    say(world, severity={"level": "SEV4"}).run(minutes=30)
    assert "Required" == record(world).decision


def test_what_was_said_once_is_not_unsaid():
    """No data was lost in the end: what made it a full one made people act, and is looked at."""
    world = resolved(impact={"dataAtRisk": True})
    say(world, impact={"dataAtRisk": False}).run(minutes=30)
    assert ("Required", ("data was at risk",), []) == (record(world).decision, record(world).reasons, world.broken)


# --- due and chased --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("severity", "hours"), [("SEV1", 24), ("SEV2", 48), ("SEV4", 48)])
def test_it_is_due_in_a_day_or_two(severity, hours):
    """A SEV1 in half the time; the draft says the same."""
    world = resolved(severity=severity)
    assert timedelta(hours=hours) == record(world).due_time - world.incident.status.times.resolved
    assert stamp(record(world).due_time) == world.objects[("postmortems", "checkout-5xx")]["spec"]["dueTime"]


def told(world: World) -> list[str]:
    """Reminders, in one word each."""
    return [k for k in world.kinds() if k in ("PostmortemReminded", "PostmortemOverdue")]


def test_it_is_chased_and_not_for_ever():
    """Half way, when it is due (a milestone, once), then each day; the sixth reminder is the last, and says so."""
    world = resolved()
    seen = [len(told(world.run(hours=hours))) for hours in (23, 2, 24, 24, 24, 24, 24, 24, 240)]
    assert [0, 1, 2, 3, 4, 5, 6, 6, 6] == seen
    assert ["PostmortemReminded", "PostmortemOverdue", *["PostmortemReminded"] * 4] == told(world)
    lines = [x for x in world.incident.status.timeline if x.kind in told(world)]
    assert [None, True, None, None, None, None] == [x.milestone for x in lines]
    assert lines[-1].text.endswith("This is the last reminder")
    assert "alice: Postmortem checkout-5xx (a short review) was due " in lines[1].text
    assert ("False Overdue", []) == (world.condition("Reviewed"), world.broken)


def test_what_is_written_or_waived_is_chased_no_more():
    """Nobody is reminded of what is done."""
    # It stays open for long: a closed one is spoken of no more in any case.
    world = resolved()
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, reopen_within=timedelta(hours=200)))
    assert [] == told(world.publish().run(hours=100))
    assert world.incident.status.times.closed is None
    world = resolved()
    world.entries.clear()
    assert [] == told(say(world, waive={}, text="a known one").run(hours=100))


def test_while_nobody_looked_nothing_piles_up():
    """An operator that was away for a week says it once."""
    world = resolved()
    world.now += timedelta(days=7)
    assert ["PostmortemOverdue"] == told(world.run(seconds=5))


def test_a_waiver_has_a_name_and_a_reason():
    """By a person with the verb command; a machine waives nothing."""
    world = say(resolved(), "system:serviceaccount:ci:deployer", waive={}, text="not needed")
    assert "is a machine" in world.incident.status.timeline[-1].text
    assert record(world).waived is None
    assert "bob: a known one" == record(say(world, waive={}, text="a known one")).waived
    assert "True Waived" == world.condition("Reviewed")


# --- the draft -------------------------------------------------------------------------------------------------------


def draft(world: World) -> dict[str, Any]:
    """The text."""
    return world.objects[("postmortems", "checkout-5xx")]["spec"]


def test_a_full_draft_says_what_is_known_and_asks_what_is_not():
    """At least three factors are asked for, and whys that end in structure; impact and times are in numbers."""
    world = resolved(severity="SEV1", **started(20, summary="Checkout fails", usersPercent=20))
    spec = draft(world)
    assert "It began at 13:40 UTC on 2026-11-21" in spec["summary"]
    assert {"users": "Checkout fails; 20 % of users", "minutes": 20} == spec["impact"]
    assert len(spec["factors"]) >= 3
    assert len({f["class"] for f in spec["factors"]}) >= 3
    assert 5 == len(spec["whys"])
    assert all("To be filled" in f["statement"] for f in spec["factors"])


def test_a_short_draft_can_stand_as_it_is():
    """Nothing in it waits to be filled: published as it is, it is a short review."""
    world = resolved()
    assert "To be" not in str(draft(world))
    draft(world)["published"] = True
    assert "True ShortReview" == world.run(minutes=11).condition("Reviewed")


def test_notes_of_things_to_do_become_items_and_of_many_the_first_five():
    """Theirs who said it; the others stay in the timeline."""
    world = healthy(incident(severity="SEV4")).run(seconds=3)
    for n in range(7):
        say(world, "carol", note={"kind": "Todo"}, text=f"Alert when the pool is above {n}0 %")
    world.run(minutes=20)
    items = [b["spec"] for (k, _), b in world.objects.items() if k == "actionitems"]
    assert 5 == len(items) == len(draft(world)["actionItems"])
    assert {"carol"} == {i["owner"] for i in items}
    assert "Alert when the pool is above 00 %" == items[0]["title"]


def test_the_timeline_is_all_of_it_with_links_to_evidence():
    """Also what has moved onto pages; and a page that is lost is told in the facts."""
    world = healthy(incident(severity="SEV1", recovery={"hold": "2h"})).run(seconds=30)
    for n in range(100):
        say(world, note={}, text=f"look {n}")
    assert world.incident.status.pages
    world.run(hours=3)
    texts = [line["text"] for line in draft(world)["timeline"]]
    assert all(any(t.endswith(f"look {n}") for t in texts) for n in range(100))
    assert any(line["kind"] == "EvidenceCollected" and line.get("entry") for line in draft(world)["timeline"])


def test_what_a_person_wrote_first_is_not_overwritten():
    """A Postmortem that is there already, from Git: the operator's draft is not made over it."""
    world = healthy(incident(severity="SEV4"))
    mine = {
        "metadata": {"name": "checkout-5xx", "namespace": "shop"},
        "spec": {"incident": "checkout-5xx", "summary": "Mine"},
    }
    world.objects[("postmortems", "checkout-5xx")] = mine
    world.run(minutes=20)
    assert "Mine" == draft(world)["summary"]
    assert record(world).drafted_time is not None


def test_an_earlier_incident_of_that_name_keeps_its_postmortem():
    """Postmortems are kept for ever: a new incident of the same name has one of its own, and learns for itself."""
    world = healthy(incident(severity="SEV4"))
    labels = {"stanch.dev/incident-uid": "another"}
    old = {
        "metadata": {"name": "checkout-5xx", "namespace": "shop", "labels": labels},
        "spec": {"incident": "checkout-5xx"},
    }
    world.objects[("postmortems", "checkout-5xx")] = old
    world.publish().run(minutes=20)
    name = record(world).name
    assert ("checkout-5xx-111111", "False Due") == (name, world.condition("Reviewed"))
    assert ("postmortems", name) in world.objects


@pytest.mark.parametrize(
    ("meta", "spec", "published", "name"),
    [
        ({}, {}, False, "checkout-5xx"),
        ({"creationTimestamp": stamp(T0)}, {}, False, "checkout-5xx"),
        ({"creationTimestamp": stamp(T0 - MINUTE)}, {}, False, "checkout-5xx-111111"),
        ({"labels": {"stanch.dev/closed": ""}}, {}, False, "checkout-5xx-111111"),
        ({}, {}, True, "checkout-5xx-111111"),
        ({}, {"incident": "cart"}, False, "checkout-5xx-111111"),
    ],
    ids=["nobody knows", "written for it", "older", "closed", "published", "of another"],
)
def test_what_carries_no_uid_is_taken_only_when_it_was_begun_for_this_one(meta, spec, published, name):
    """A text of an earlier life, published last year, would end the learning before it began."""
    world = healthy(incident(severity="SEV1"))
    old = {
        "metadata": {"name": "checkout-5xx", "namespace": "shop", **meta},
        "spec": {"incident": "checkout-5xx", **spec},
    }
    world.objects[("postmortems", "checkout-5xx")] = old
    if published:
        world.publish()
    world.run(minutes=10)
    assert (name, "False Due") == (record(world).name, world.condition("Reviewed"))


@pytest.mark.parametrize(("status", "name"), [(0, "checkout-5xx"), (500, "checkout-5xx"), (403, "checkout-5xx-111111")])
def test_a_busy_moment_gives_nobody_a_second_text(status, name):
    """What can't be read now is asked for again; only what may not be read at all is left to whoever wrote it."""
    world = healthy(incident(severity="SEV4"))
    mine = {"metadata": {"name": "checkout-5xx", "namespace": "shop"}, "spec": {"incident": "checkout-5xx"}}
    world.objects[("postmortems", "checkout-5xx")] = mine
    answer, asked = world.answer, []

    def busy(question):
        if getattr(question, "ref", None) == POSTMORTEMS and isinstance(question, Get):
            asked.append(question)
            return Failed(status, "not now") if len(asked) == 1 or status == 403 else answer(question)
        return answer(question)

    world.answer = busy
    world.run(minutes=20)
    assert (name, 1) == (record(world).name, sum(kind == "postmortems" for kind, _ in world.objects) - (status == 403))


def test_once_it_is_drafted_it_is_never_made_again():
    """Deleted by somebody who may, it stays deleted, and the incident says what would help."""
    world = resolved()
    del world.objects[("postmortems", "checkout-5xx")]
    world.run(hours=1)
    assert ("postmortems", "checkout-5xx") not in world.objects
    assert "False Due" == world.condition("Reviewed")
    told = next(c.message for c in world.incident.status.conditions if c.type == "Reviewed")
    assert "There is no Postmortem checkout-5xx any more: apply it again, or waive it" in told


@pytest.mark.parametrize("steps", range(3))
def test_a_crash_between_record_and_draft_loses_nothing(steps):
    """Written down first; the draft is made after the restart, once."""
    world = healthy(incident(scale_to(4), severity="SEV4")).run(seconds=30)
    while world.incident.status.postmortem is None:
        world.now += timedelta(seconds=15)
        world.look(die_after=steps if world.incident.status.times.mitigated else None)
    world.run(minutes=1)
    assert 1 == sum(k == "PostmortemDrafted" for k in world.kinds())
    assert ("postmortems", "checkout-5xx") in world.objects


# --- talked over, and published --------------------------------------------------------------------------------------


def later(world: World, hours: float) -> World:
    """So much later; what is due by then is looked at once."""
    world.now += timedelta(hours=hours)
    return world.run(seconds=20)


def dates(world: World) -> list[str]:
    """What was said of the meeting and of publishing."""
    return [k for k in world.kinds() if k in ("PostmortemReviewDue", "PostmortemPublishDue")]


def test_a_full_one_that_nobody_talked_over_is_said_once():
    """Five days after it was resolved; ten days after, that it is not published; each once, with what would help."""
    world = resolved(severity="SEV1")
    assert [[], ["PostmortemReviewDue"], ["PostmortemReviewDue", "PostmortemPublishDue"]] == [
        dates(later(world, hours)) for hours in (119, 2, 120)
    ]
    assert 2 == len(dates(later(later(world, 1), 300)))
    texts = {x.kind: x.text for x in world.incident.status.timeline}
    assert "and no meeting is planned; write the meeting into spec.review" in texts["PostmortemReviewDue"]
    assert "publish it, or waive it with a reason" in texts["PostmortemPublishDue"]
    assert [] == world.broken


@pytest.mark.parametrize(
    ("days", "said"), [(4, ["PostmortemPublishDue"]), (9, ["PostmortemReviewDue", "PostmortemPublishDue"])]
)
def test_a_meeting_that_is_planned_in_time_is_not_asked_for(days, said):
    """One that is later than the policy asks for is told with its date."""
    world = resolved(severity="SEV1")
    when = stamp(world.incident.status.times.resolved + timedelta(days=days))
    draft(world)["review"] = {"time": when, "attendees": ["alice", "bob"]}
    assert said == dates(later(later(world, 121), 130))
    late = [x.text for x in world.incident.status.timeline if x.kind == "PostmortemReviewDue"]
    assert all(f"and the meeting is {when}" in text for text in late)


def test_a_short_review_needs_no_meeting():
    """It is to be published all the same."""
    assert ["PostmortemPublishDue"] == dates(later(resolved(), 250))


def test_what_is_published_or_waived_is_spoken_of_no_more():
    """Neither of its meeting nor of anything else."""
    assert [] == dates(later(resolved(severity="SEV1").publish(), 250))
    world = say(resolved(severity="SEV1"), waive={}, text="a known one")
    assert [] == dates(later(world, 250))


def test_reopened_it_is_to_be_talked_over_anew():
    """Counted from the last time it was resolved."""
    world = resolved(severity="SEV1")
    first = record(world).review_due_time
    say(world, "alice", reopen={}).run(hours=1)
    assert record(world).review_due_time > first
    assert timedelta(hours=240) == record(world).publish_due_time - world.incident.status.times.resolved


def test_the_policy_says_by_when():
    """Two days and three."""
    world = healthy(incident(severity="SEV1"))
    days = {"postmortem_review": timedelta(days=2), "postmortem_publish": timedelta(days=3)}
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, **days))
    assert ["PostmortemReviewDue"] == dates(later(world.run(minutes=20), 49))
