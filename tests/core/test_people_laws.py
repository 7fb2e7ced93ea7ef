"""Laws 33 and 39: reminders of updates are said once, and no time changes without a name and its history."""

from datetime import timedelta

import pytest

from build import incident
from stanch.api.incident_status import IncidentStatus
from stanch.api.stamps import Setting
from stanch.core import invariants
from stanch.core.plan_type import Plan
from world import bad_deploy


def _stamps(status: IncidentStatus, how: str) -> IncidentStatus:
    """Another time of detection, by bob; and what becomes of the history."""
    earlier = status.times.detected - timedelta(minutes=5)
    (first,) = [s for s in status.stamps if s.what == "detected"]
    was = Setting(time=first.time, by=first.by, source=first.source, set_time=first.set_time)
    bob = first.model_copy(update={"time": earlier, "by": "bob", "before": (was,)})
    fresh = {
        "kept": bob,
        "put right in silence": bob.model_copy(update={"before": None}),
        "another's name": bob.model_copy(update={"before": (was.model_copy(update={"by": "carol"}),)}),
        "another time than the one that counts": bob.model_copy(update={"time": earlier + timedelta(minutes=1)}),
    }
    changed = tuple(fresh.get(how, bob) if s.what == "detected" else s for s in status.stamps)
    if how == "nobody's":
        changed = tuple(s for s in changed if s.what != "detected")
    times = status.times.model_copy(update={"detected": earlier})
    return status.model_copy(update={"times": times, "stamps": changed})


@pytest.mark.parametrize(
    ("how", "holds"),
    [
        ("kept", True),
        ("put right in silence", False),
        ("another's name", False),
        ("another time than the one that counts", False),
        ("nobody's", False),
    ],
)
def test_law_39_keeps_what_a_time_was_and_who_said_so(how, holds):
    """A correction adds; it never replaces."""
    inc = bad_deploy(incident()).run(seconds=3).incident
    law = invariants.law_39_a_time_is_set_by_somebody_and_what_it_was_stays
    assert holds == law(inc, Plan(_stamps(inc.status, how)))


def test_law_39_lets_an_incident_that_is_older_than_these_records_be():
    """An operator that is upgraded reads a status that names nobody; what changes from then on names somebody."""
    inc = bad_deploy(incident()).run(seconds=3).incident
    old = inc.model_copy(update={"status": inc.status.model_copy(update={"stamps": None})})
    law = invariants.law_39_a_time_is_set_by_somebody_and_what_it_was_stays
    assert law(old, Plan(old.status))
    assert not law(old, Plan(_stamps(inc.status, "nobody's").model_copy(update={"stamps": None})))


@pytest.mark.parametrize(
    ("marked", "said", "holds"),
    [(True, 1, True), (True, 0, False), (False, 1, False), (True, 2, False)],
    ids=["said-and-marked", "marked-in-silence", "said-and-forgotten", "twice"],
)
def test_law_33_counts_the_reminders_of_updates(marked, said, holds):
    """One line for each that was not reminded of before."""
    inc = bad_deploy(incident()).run(seconds=3).incident
    line = inc.status.timeline[-1]
    more = tuple(line.model_copy(update={"seq": inc.status.last_seq + 1 + n, "kind": "UpdateDue"}) for n in range(said))
    known = inc.status.communications
    first, *rest = known.next_updates
    promises = (first.model_copy(update={"reminded": marked or None}), *rest)
    after = inc.status.model_copy(
        update={
            "timeline": (*inc.status.timeline, *more),
            "last_seq": inc.status.last_seq + said,
            "communications": known.model_copy(update={"next_updates": promises}),
        }
    )
    assert holds == invariants.law_33_a_reminder_is_said_when_its_time_has_come_and_once(inc, Plan(after))
