"""An undo record goes a day after its incident was closed, and never while anything needs it."""

from datetime import timedelta
from typing import Any

import pytest

from build import incident, roll_back
from stanch.api.incident import Incident
from stanch.api.incident_status import AttemptState, Debt, IncidentStatus, UndoAsked
from stanch.api.names import Label
from stanch.core.undo_kept import KEPT_AFTER, all_of, items_of, may_go_from, spent
from world import bad_deploy

BEFORE = bad_deploy(incident(roll_back())).run(minutes=2).incident
STATUS = BEFORE.status


def closed(labels: dict[str, str], **times: Any) -> Incident:
    """The incident with these labels and times."""
    assert STATUS.times is not None
    status = STATUS.model_copy(update={"times": STATUS.times.model_copy(update=times)})
    return BEFORE.model_copy(
        update={"status": status, "metadata": BEFORE.metadata.model_copy(update={"labels": labels})}
    )


def owing(**changes: Any) -> IncidentStatus:
    """The rollback is still owed."""
    assert STATUS.mitigations is not None
    assert STATUS.times is not None
    now = STATUS.times.declared
    attempt = (STATUS.mitigations[0].attempts or ())[0].id
    debt = Debt(name="roll-back", attempt=attempt, what="x", owner="alice", since_time=now, due_time=now, revert="Ask")
    return STATUS.model_copy(update={"debt": (debt.model_copy(update=changes),)})


def recorded(**changes: Any) -> IncidentStatus:
    """The rollback's record says this besides."""
    assert STATUS.mitigations is not None
    return STATUS.model_copy(update={"mitigations": (STATUS.mitigations[0].model_copy(update=changes),)})


def attempted(state: AttemptState) -> IncidentStatus:
    """It was verified, and then asked for once more."""
    assert STATUS.mitigations is not None
    (first,) = STATUS.mitigations[0].attempts or ()
    return recorded(attempts=(first, first.model_copy(update={"id": "f" * 16, "undo_ref": "second", "state": state})))


def everybody(_: str) -> bool:
    """All items are done."""
    return True


def nobody(_: str) -> bool:
    """None is."""
    return False


def test_it_may_go_a_day_after_the_closing() -> None:
    """Or after it was cancelled; and not while it lacks the label, for then somebody still works on it."""
    assert STATUS.times is not None
    then = STATUS.times.declared
    assert then is not None
    assert then + KEPT_AFTER == may_go_from(closed({Label.CLOSED: ""}, closed=then))
    assert then + KEPT_AFTER == may_go_from(closed({Label.CLOSED: ""}, cancelled=then))
    assert may_go_from(closed({}, closed=then)) is None
    assert may_go_from(closed({Label.CLOSED: ""})) is None
    assert timedelta(hours=24) == KEPT_AFTER


def test_what_nothing_needs_goes_whole() -> None:
    """Verified, and owed by nobody."""
    assert all_of(STATUS)
    assert all_of(STATUS) == spent(STATUS, nobody)


NEEDED = {
    "owed here": owing(),
    "to be taken over by an item": owing(item_owner="team-shop"),
    "owed by an item that is not done": owing(item_owner="team-shop", action_item="x"),
    "asked to be taken back": recorded(undo_asked=UndoAsked(by="bob", time=BEFORE.declared)),
    "intended": attempted(AttemptState.INTENDED),
    "started": attempted(AttemptState.STARTED),
    "applied": attempted(AttemptState.APPLIED),
    "nobody knows": attempted(AttemptState.UNKNOWN),
}


@pytest.mark.parametrize("why", NEEDED)
def test_what_is_needed_stays(why: str) -> None:
    """Each undo record of that mitigation: an undo may need that of the effect, and a forced one its own."""
    assert frozenset() == spent(NEEDED[why], nobody)


def test_an_item_that_is_done_lets_it_go() -> None:
    """It quotes the line that takes it back; when that was done, nobody needs it."""
    status = owing(item_owner="team-shop", action_item="x")
    assert {"x"} == items_of(status)
    assert all_of(status) == spent(status, everybody)
    assert frozenset() == spent(owing(), everybody), "one that is owed here is no item's"


@pytest.mark.parametrize("ended", [AttemptState.VERIFIED, AttemptState.FAILED, AttemptState.SKIPPED])
def test_what_has_ended_needs_nothing(ended: AttemptState) -> None:
    """Both of its records."""
    status = attempted(ended)
    assert 2 == len(spent(status, nobody))
