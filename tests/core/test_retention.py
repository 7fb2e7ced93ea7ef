"""Evidence goes when its time is over or there is too much of it, and never while anybody may need it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import entry, roll_back
from build import incident as incident_of
from paper import PaperCollector
from stanch.api.evidence import PART_BYTES_MAX, Purpose
from stanch.api.incident_status import EvidenceRecord
from stanch.api.meta import Severity, instant
from stanch.api.policy import DEFAULT
from stanch.core.captures import RECORDS_MAX, Wanted, capture
from stanch.core.draft import Draft, aim_at
from stanch.core.evidence_room import LEAST, Used, room, room_afterwards, room_for_rest, used
from stanch.core.retention import RECORDS, Kept, Standing, run_out, standing, too_much
from world import CATALOG, bad_deploy

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
DAY = timedelta(days=1)
UID = "3f0c"


def kept(name="e", purpose="Before", days=1.0, size=1000, uid=UID):
    """One Evidence object, captured so many days ago."""
    return Kept("shop", name, f"uid-{name}", "checkout-5xx", uid, purpose, instant(NOW - days * DAY), bytes=size)


def incident(closed_days=None, reviewed="True", severity="SEV1", **times):
    """An incident, closed so many days ago."""
    labels = {} if closed_days is None else {"stanch.dev/closed": ""}
    if closed_days is not None:
        times = {"closed": instant(NOW - closed_days * DAY), **times}
    conditions = [{"type": "Reviewed", "status": reviewed}]
    status = {"times": times, "severity": {"level": severity}, "conditions": conditions}
    return {"metadata": {"uid": UID, "labels": labels}, "status": status}


def goes(obj, each, policy=DEFAULT):
    """Would it be removed, its time being over?"""
    return run_out(each, standing(obj, UID), policy, NOW) is not None


@pytest.mark.parametrize(("severity", "days"), [("SEV1", 90), ("SEV2", 90), ("SEV3", 30), ("SEV4", 14)], ids=str)
def test_it_is_kept_by_severity_from_the_closing_on(severity, days):
    """Not from the capture on: an incident may be open for weeks."""
    old = kept(days=400)
    assert not goes(incident(days - 0.01, severity=severity), old)
    assert goes(incident(days, severity=severity), old)


NEVER = [
    ("it is open", incident()),
    ("it is resolved and not closed", incident(resolved=instant(NOW - 400 * DAY))),
    ("it is labelled as closed, and no time says since when", {**incident(400), "status": {}}),
    ("its postmortem is still owed", incident(400, reviewed="False")),
    (
        "nobody knows whether it was reviewed",
        {**incident(400), "status": {"times": {"closed": instant(NOW - 400 * DAY)}}},
    ),
    ("its closing time can't be read", incident(400, closed="yesterday")),
]


@pytest.mark.parametrize("obj", [case[1] for case in NEVER], ids=[case[0] for case in NEVER])
def test_the_floor(obj):
    """Neither time nor want of room removes what an incident still needs."""
    each = kept(days=1000, size=10**9)
    assert not goes(obj, each)
    assert () == too_much([each], {UID: standing(obj, UID)}, 1)


def test_a_false_alarm_is_over_when_it_was_cancelled():
    """It has no postmortem."""
    obj = incident(cancelled=instant(NOW - 91 * DAY))
    assert not goes(obj, kept())
    obj["metadata"]["labels"] = {"stanch.dev/closed": ""}
    assert goes(obj, kept())


def test_a_severity_that_is_unknown_counts_as_the_worst():
    """What is kept longest."""
    assert not goes(incident(60, severity="SEV9"), kept())
    assert goes(incident(91, severity="SEV9"), kept())


@pytest.mark.parametrize("purpose", sorted(RECORDS))
def test_pages_of_the_record_live_as_long_as_the_incident(purpose):
    """They are the record; however old, and however full it is."""
    each = kept(purpose=purpose, days=1000, size=10**9)
    assert not goes(incident(1000), each)
    assert () == too_much([each], {UID: standing(incident(1000), UID)}, 1)


def test_evidence_of_a_deleted_incident_is_the_memory_of_it():
    """It is what tells that an incident was here before (ADR 6): kept as the longest, whatever the room."""
    gone = standing(None, UID)
    another = standing({**incident(400), "metadata": {"uid": "another", "labels": {"stanch.dev/closed": ""}}}, UID)
    for how in (gone, another):
        assert how == Standing(there=False)
        assert run_out(kept(days=89.9), how, DEFAULT, NOW) is None
        assert run_out(kept(days=90), how, DEFAULT, NOW) is not None
        assert run_out(kept(days=89.9, purpose="Page"), how, DEFAULT, NOW) is None
        assert run_out(kept(days=90, purpose="Page"), how, DEFAULT, NOW) is not None
        assert () == too_much([kept(size=10**9)], {UID: how}, 1)


def test_the_policy_of_the_namespace_says_how_long():
    """Stricter is longer."""
    longer = replace(DEFAULT, retention_evidence={**DEFAULT.retention_evidence, Severity.SEV1: 200 * DAY})
    assert goes(incident(100), kept())
    assert not goes(incident(100), kept(), longer)


def test_when_there_is_too_much_the_oldest_that_nobody_needs_goes_first():
    """Until it fits, and not one more."""
    closed, needed = standing(incident(1), UID), standing(incident(), UID)
    everything = [kept("a", days=3, size=40), kept("c", days=5, size=40), kept("b", days=4, size=40, uid="open")]
    found = too_much(everything, {UID: closed, "open": needed}, 70)
    assert ["c", "a"] == [each.kept.name for each in found]
    assert ["c"] == [each.kept.name for each in too_much(everything, {UID: closed, "open": needed}, 80)]
    assert () == too_much(everything, {UID: closed, "open": needed}, 120)


def test_why_it_went_is_said_in_words():
    """For whoever looks for it."""
    why = run_out(kept(), standing(incident(91), UID), DEFAULT, NOW)
    assert "its incident was closed 91 days ago, and it is kept for 90 days" == why.why


STANDINGS = st.builds(
    Standing,
    there=st.booleans(),
    over=st.none() | st.integers(0, 900).map(lambda days: NOW - days * DAY),
    severity=st.sampled_from(Severity),
)
EVERYTHING = st.lists(
    st.builds(
        kept,
        name=st.text("abc", min_size=1, max_size=3),
        purpose=st.sampled_from([p.value for p in Purpose]),
        days=st.integers(0, 900),
        size=st.integers(0, 10**6),
        uid=st.sampled_from("uvw"),
    ),
    max_size=12,
)


@given(EVERYTHING, st.fixed_dictionaries({}, optional=dict.fromkeys("uvw", STANDINGS)), st.integers(0, 10**6))
def test_whatever_there_is_nothing_that_is_needed_goes(everything, standings, most):
    """Of an open incident, of one that can't be read, of the record itself: never; and else no more than is too much."""
    found = too_much(everything, standings, most)
    for each in found:
        assert standings[each.kept.incident_uid].over is not None
        assert each.kept.purpose not in RECORDS
    left = sum(each.bytes for each in everything) - sum(each.kept.bytes for each in found)
    if found:
        assert left + found[-1].kept.bytes > most
    for each in everything:
        how = standings.get(each.incident_uid)
        if how is not None and run_out(each, how, DEFAULT, NOW):
            assert not how.there or how.over is not None


def record(size):
    """A bundle that the incident has."""
    return EvidenceRecord(name="e", purpose="Before", items=1, missing=0, bytes=size, sha256="0", captured_time=NOW)


def test_a_bundle_has_the_room_that_its_incident_has_left():
    """At most what one object holds; at least enough for what is not a log."""
    assert PART_BYTES_MAX == room(DEFAULT, Used(0))
    assert 500_000 == room(replace(DEFAULT, evidence_stored_bytes=500_000), Used(0))
    almost = [record(DEFAULT.evidence_incident_bytes - 100_000)]
    assert 100_000 == room(DEFAULT, used(almost, None, 0))
    assert LEAST == room(DEFAULT, Used(10**9))
    assert 30_000 == room(replace(DEFAULT, evidence_stored_bytes=30_000), Used(10**9))


def test_what_the_record_does_not_list_any_more_is_stored_all_the_same():
    """A long incident does not get its budget again each time that a line makes room for another."""
    almost = [record(DEFAULT.evidence_incident_bytes - 300_000)]
    assert 100_000 == room(DEFAULT, used(almost, 200_000, 0))


def test_beyond_the_cluster_s_budget_an_effect_has_the_least_and_what_comes_after_nothing():
    """etcd is for all: many incidents at once must not fill it (decisions 2.6)."""
    full = Used(0, DEFAULT.evidence_cluster_bytes)
    assert (LEAST, 0) == (room(DEFAULT, full), room_afterwards(DEFAULT, full))
    assert 0 == room_for_rest(DEFAULT, full, record(0))
    nearly = Used(0, DEFAULT.evidence_cluster_bytes - 90_000)
    assert (90_000, 90_000) == (room(DEFAULT, nearly), room_afterwards(DEFAULT, nearly))


def test_a_line_makes_room_only_when_its_part_b_is_not_still_to_come():
    """Else what was left of it would never be captured, and nobody would be told."""
    world = bad_deploy(incident_of(roll_back())).about_to_act()
    kept = tuple(
        record(100).model_copy(update={"name": f"e{n}", "rest": 1 if n == 0 else None}) for n in range(RECORDS_MAX)
    )
    draft = Draft(
        world.incident, world.seen(), CATALOG, world.now, world.incident.status.model_copy(update={"evidence": kept})
    )
    capture(draft, Wanted((aim_at(draft.incident, "Deployment", "checkout"),), Purpose.BEFORE, "new"))
    names = [e.name for e in draft.status.evidence]
    assert (RECORDS_MAX, "e0", "e2", 100) == (len(names), names[0], names[1], draft.status.evidence_unlisted)


def test_where_whole_evidence_is_required_the_incident_s_budget_stops_nothing():
    """Else the last effects of a long incident could never be done."""
    assert PART_BYTES_MAX == room(replace(DEFAULT, evidence_required=True), Used(10**9))


class Measured(PaperCollector):
    """Slips of paper of a megabyte each, and how much room each was given."""

    def __init__(self):
        self.rooms = []

    def capture(self, request, seen):
        """The slip."""
        self.rooms.append(request.room)
        return replace(super().capture(request, seen), stored_bytes=1_000_000)


def test_each_capture_of_an_incident_is_given_what_the_ones_before_have_left():
    """By the policy in force; what came after is captured as well, in the least that there always is."""
    collector = Measured()
    policy = replace(DEFAULT, evidence_incident_bytes=1_200_000)
    world = bad_deploy(incident_of(roll_back()))
    world.catalog = replace(world.catalog, collector=collector, policy=policy)
    undo = entry("alice", after=timedelta(seconds=6), undo={"mitigation": "roll-back"})
    world.run(seconds=5).say(undo).run(seconds=10)
    assert [PART_BYTES_MAX, 200_000, LEAST] == list(dict.fromkeys(collector.rooms))
