"""Who works: decided from the Lease and from when it was seen to change, in a table."""

from datetime import UTC, datetime

import pytest

from stanch.shell.election import Move, Sighting, Times, frees_at, judge, released, sighted, spec_of

TIMES = Times()
NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


def lease(holder: str, version: int = 5, uid: str = "u", **more):
    """A Lease as stored."""
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, **more}
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}, "spec": spec}


CASES = [
    (None, None, 100.0, Move.CREATE, "there is none"),
    (lease("me"), Sighting("u/5", 0.0), 1.0, Move.RENEW, "it is ours"),
    (lease("me"), Sighting("u/5", 0.0), 900.0, Move.RENEW, "it was ours, and nobody took it meanwhile"),
    (lease("other"), Sighting("u/5", 90.0), 104.9, Move.WAIT, "it changed less than 15 s ago"),
    (lease("other"), Sighting("u/5", 90.0), 105.0, Move.TAKE, "it has not changed for 15 s"),
    (lease(""), Sighting("u/5", 100.0), 100.0, Move.TAKE, "it was given up"),
    (lease("other", leaseDurationSeconds=5), Sighting("u/5", 90.0), 96.0, Move.TAKE, "its holder said 5 s"),
    (lease("other", leaseDurationSeconds=10**9), Sighting("u/5", 90.0), 106.0, Move.TAKE, "no operator says years"),
    (lease("other", leaseDurationSeconds=-1), Sighting("u/5", 90.0), 96.0, Move.WAIT, "nor less than nothing"),
    (lease("other", renewTime="1999-01-01T00:00:00.0Z"), Sighting("u/5", 99.0), 100.0, Move.WAIT, "its clock is wrong"),
    (lease("other", renewTime="2099-01-01T00:00:00.0Z"), Sighting("u/5", 80.0), 100.0, Move.TAKE, "its clock is ahead"),
]


@pytest.mark.parametrize(("found", "sighting", "asked", "expected", "because"), CASES, ids=[c[-1] for c in CASES])
def test_what_to_do_about_the_lease(found, sighting, asked, expected, because):
    """By its holder, and by how long it was seen unchanged; never by the instants written in it."""
    assert expected is judge(found, "me", sighting, asked, TIMES)


def test_a_lease_counts_as_changed_when_its_version_changes():
    """A renewal starts the wait anew; the same version does not; a Lease that was made again does."""
    first = sighted(None, lease("other", 5), 10.0)
    assert first == sighted(first, lease("other", 5), 20.0)
    assert 20.0 == sighted(first, lease("other", 6), 20.0).since
    assert 20.0 == sighted(first, lease("other", 5, uid="v"), 20.0).since
    assert sighted(first, None, 20.0) is None


def test_whoever_holds_it_stops_before_another_may_take_it():
    """Renewed at 0 and seen at 0, the holder's tenure ends at 10, and it is free at 15: five seconds to stop in."""
    assert TIMES.give_up < frees_at(lease("me"), Sighting("u/5", 0.0), TIMES)
    assert 3 * TIMES.attempt <= TIMES.give_up


def test_the_lease_tells_people_who_and_since_when():
    """A takeover counts as a transition; a renewal does not; who gives it up leaves no name."""
    taken = spec_of(Move.TAKE, lease("other", leaseTransitions=3), "me", NOW, TIMES)
    assert ("me", 4, 15) == (taken["holderIdentity"], taken["leaseTransitions"], taken["leaseDurationSeconds"])
    assert "2026-11-21T14:00:00.000000Z" == taken["acquireTime"] == taken["renewTime"]
    assert "leaseTransitions" not in spec_of(Move.RENEW, lease("me"), "me", NOW, TIMES)
    assert 0 == spec_of(Move.CREATE, None, "me", NOW, TIMES)["leaseTransitions"]
    assert "" == released(NOW)["holderIdentity"]
