"""The record has room for so much of each thing; when it is full that is said, and nothing stands still."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from build import Json, entry, incident, roll_back, scale_to
from objects import FLUX, flags, route, slices, wish
from objects import world as one_wish
from stanch.api.incident_status import Page
from stanch.core.invariants import STATUS_BYTES_MAX
from world import CATALOG, World, bad_deploy, healthy

PAUSE = {"name": "pause", "rolloutPause": {}}
DEBTS, RECORDS, PAGES, ATTEMPTS = 16, 32, 40, 8


def say(world: World, by: str = "alice", **said: object) -> World:
    """Somebody says something now."""
    return world.say(entry(by, after=world.now - world.incident.declared, name=f"said-{len(world.entries)}", **said))


def test_of_many_warnings_the_first_are_kept_and_the_rest_counted() -> None:
    """A route with nine other rules that still send there."""
    shift = {"rule": "r0", "weights": [{"backend": "v1", "weight": 0}, {"backend": "v2", "weight": 100}]}
    asked = wish("HTTPRoute", "web", routeShift=shift)
    there = one_wish(asked, httproutes=route(100, 0, rules=10), endpointslices=[slices("v1", "a"), slices("v2", "b")])
    there.run(minutes=1)
    assert ([], 1) == (there.broken, len(there.effects))
    assert "and 3 more like these" == there.record("act").warnings[-1]


@pytest.mark.parametrize("how", ["not stored", "refused"])
def test_an_undo_that_was_chosen_beforehand_is_not_tried_for_ever(how: str) -> None:
    """The undo record can't be stored (a quota), or the write is refused: given up, told, and still owed."""
    there = healthy(incident({**PAUSE, "revert": "OnResolved"}, severity="SEV4")).run(seconds=10)
    there.lose_stores, there.refuses = ({"stanch-undo"}, 0) if how == "not stored" else (set(), 403)
    there.run(minutes=20)
    assert ([], "pause") == (there.broken, there.incident.status.debt[0].name)
    assert len(there.record("pause").attempts) <= 1 + 3
    there.lose_stores, there.refuses = set(), 0
    say(there, undo={"mitigation": "pause"}).run(minutes=1)
    assert "Undone" == there.record("pause").state.value


def test_people_may_ask_for_an_undo_as_often_as_there_is_room() -> None:
    """The leash says no each time; the ninth try is refused with the line that does it by hand."""
    there = healthy(incident(PAUSE, severity="SEV4")).run(minutes=1)
    there.refuses = 403
    for _ in range(ATTEMPTS + 1):
        say(there, undo={"mitigation": "pause"}).run(minutes=1)
    assert ([], ATTEMPTS) == (there.broken, len(there.record("pause").attempts))
    assert "tried 8 times" in there.record("pause").message
    assert "rollout resume" in there.record("pause").message


def test_the_forty_first_page_is_turned() -> None:
    """A target that flaps for a day; older pages are found from the newer ones."""
    there = healthy(incident(scale_to(4), severity="SEV4", recovery={"hold": "2h"})).run(minutes=1)
    pages = tuple(Page(name=f"checkout-5xx-page-{n}", first=n, last=n, sha256="0" * 64) for n in range(1, PAGES + 1))
    status = there.incident.status.model_copy(update={"pages": pages})
    there.incident = there.incident.model_copy(update={"status": status})
    for n in range(100):
        there.target["spec"]["replicas"] = 3 + n % 2
        there.settle()
        there.now += timedelta(minutes=1)
        there.look()
    after = there.incident.status.pages
    assert (PAGES, [], True) == (len(after), there.broken, after[-1].last > PAGES)
    assert len({p.name for p in after}) == PAGES


def flag(number: int) -> Json:
    """Switch a feature off in a ConfigMap of its own."""
    target = {"kind": "ConfigMap", "name": f"c{number}"}
    return {"name": f"f{number}", "target": target, "configFlag": {"key": "search", "value": "off"}, "when": "Always"}


def test_what_the_record_can_not_hold_as_a_debt_is_not_begun() -> None:
    """The seventeenth: refused while sixteen are owed, also by ActionItems; it goes on when one is taken back."""
    there = healthy(incident(severity="SEV4", recovery={"hold": "20h"}))
    there.repeat = False
    there.catalog = replace(CATALOG, policy=replace(CATALOG.policy, per_namespace_hourly=99))
    for n in range(DEBTS + 1):
        config = flags()
        config["metadata"] |= {"name": f"c{n}", "uid": f"cu{n}"}
        there.objects[("configmaps", f"c{n}")] = config
    there.run(seconds=10)
    for n in range(DEBTS + 1):
        say(there, mitigate=flag(n)).run(seconds=3)
    last = there.record(f"f{DEBTS}")
    assert (DEBTS, DEBTS, "TooMuchOwed") == (len(there.effects), len(there.incident.status.debt), last.reason)
    say(there, undo={"mitigation": "f0"}).run(seconds=30)
    assert ("Done", []) == (there.record(f"f{DEBTS}").state.value, there.broken)


def test_a_hold_for_which_there_is_no_room_is_said() -> None:
    """Thirty-two mitigations: the last needs a hold of its own."""
    there = bad_deploy(incident(recovery={"hold": "5h"}))
    there.target["metadata"]["labels"] |= FLUX
    there.repeat = False
    alice = {"username": "alice", "uid": "alice", "groups": ["system:authenticated"]}
    for block in range(RECORDS // 8):
        asked = [{"name": f"m{block}-{n}", "rolloutResume": {}, "approvals": 1} for n in range(8)]
        if block == RECORDS // 8 - 1:
            asked[-1] = roll_back("last", when="Always")
        who = [{**alice, "mitigations": [each["name"] for each in asked]}]
        there.respec(mitigations=asked, requesters=who).run(seconds=10)
    assert ([], RECORDS) == (there.broken, len(there.incident.status.mitigations))
    assert "no room for a hold" in there.record("last").message


# --- what anybody can write ------------------------------------------------------------------------------------------


def notes(world: World, count: int, text: str = "hi", by: str = "eve") -> World:
    """So many words in one second."""
    after = world.now - world.incident.declared
    return world.say(
        *(entry(by, after=after, name=f"n{len(world.entries):03}-{n:03}", note={}, text=text) for n in range(count))
    )


def looks(world: World, count: int) -> World:
    """Look again and again, a few seconds apart, with time for nothing else."""
    world.repeat = False
    for _ in range(count):
        world.look()
        world.now += timedelta(seconds=3)
    return world


def test_a_burst_of_notes_holds_up_nothing_that_is_said_after_it() -> None:
    """More than the timeline holds, while nobody looked: all of it is taken in, page by page, the approval too."""
    there = bad_deploy(incident(roll_back(approvals=1), recovery={"hold": "1h"})).run(seconds=5)
    notes(there, 130)
    said = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": there.record("roll-back").digest}
    there.now += timedelta(seconds=2)
    looks(say(there, "bob", approve=said), 8)
    assert ([], (), 1) == (there.broken, there.unfolded(), len(there.effects))
    assert len(there.incident.status.timeline) <= 85


def test_a_small_burst_on_a_timeline_that_is_nearly_full() -> None:
    """Seventy-four lines, and twenty-eight more at once."""
    there = healthy(incident(recovery={"hold": "5h"})).run(seconds=5)
    while len(there.incident.status.timeline) < 74:
        looks(notes(there, 74 - len(there.incident.status.timeline)), 1)
    looks(notes(there, 28), 3)
    assert ([], (), True) == (there.broken, there.unfolded(), bool(there.incident.status.pages))


def test_letters_count_as_the_bytes_that_they_are() -> None:
    """Four for an emoji, not the twelve of its escape; and long lines leave sooner, so that the record stays small."""
    there = healthy(incident(recovery={"hold": "5h"})).run(seconds=5)
    for _ in range(4):
        looks(notes(there, 30, "\U0001f600" * 300), 2)
    wire = json.dumps(there.incident.status.wire(), ensure_ascii=False)
    assert ([], ()) == (there.broken, there.unfolded())
    assert len(wire.encode()) < STATUS_BYTES_MAX / 2


def test_what_stanch_says_itself_has_room_above_what_people_say() -> None:
    """A full timeline, and then twenty-four mitigations that end in the same moment."""
    there = healthy(incident(recovery={"hold": "5h"})).run(seconds=5)
    for n in range(24):
        asked = {
            "name": f"m{n}",
            "target": {"kind": "Deployment", "name": "checkout"},
            "rolloutPause": {},
            "approvals": 1,
        }
        say(there, mitigate=asked)
    looks(there, 2)
    notes(there, 100)
    say(there, resolve={"override": True}, text="over")
    looks(there, 6)
    assert ([], (), "True Override") == (there.broken, there.unfolded(), there.condition("Resolved"))


def test_a_page_that_can_not_be_stored_holds_up_people_and_breaks_nothing() -> None:
    """No room in etcd: what was said waits, and is taken in once there is."""
    there = healthy(incident(recovery={"hold": "5h"})).run(seconds=5)
    there.lose_stores = {"-page-"}
    looks(notes(there, 130), 5)
    assert ([], True) == (there.broken, bool(there.unfolded()))
    there.lose_stores = set()
    assert () == looks(there, 8).unfolded()
