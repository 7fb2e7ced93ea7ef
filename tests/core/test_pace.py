"""Guards 9 to 12: what they count, whom they stop, and when it goes on. Each is tried at its edge, and just beyond it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from build import BAD, GOOD, T0, TARGET_UID, entry, incident, roll_back, scale_to
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import TargetKind
from stanch.core.approvals import needed, wait_for
from stanch.core.asking import target_of
from stanch.core.census import RUNBOOK, Census, Deed, deeds_of
from stanch.core.draft import Draft
from stanch.core.observations import Found, Observations
from stanch.core.others import NOTHING, census, part_of
from stanch.core.pace import asks_first, counts_until, few_under_way, has_rested, own_deeds
from stanch.core.ports import Aim, ApprovalClass
from stanch.core.swap import digest, look_up
from world import CATALOG, World, bad_deploy, healthy

MINUTE = timedelta(minutes=1)
ALERTED = {"stanch.dev/group": "abc"}
BOOK = f"{RUNBOOK}bad-deploy"


def deed(ago: timedelta, incident: str = "shop/other", target: str = TARGET_UID, **more: object) -> Deed:
    """Something that another incident did a while before T0."""
    kept: dict[str, object] = {"mitigation": "roll-back", "source": "Spec", "under_way": False, "effect": ""}
    kept |= {"fields": ("/spec/template",)} | more
    return Deed(incident=incident, target=target, time=T0 - ago, **kept)


def after(*deeds: Deed, seconds: int = 20) -> World:
    """A bad deploy that somebody wants rolled back, after all that."""
    world = bad_deploy(incident(roll_back()))
    world.census = Census(tuple(d if d.post else replace(d, post=_live(world, d)) for d in deeds))
    return world.run(seconds=seconds)


def _live(world: World, done: Deed) -> str:
    return digest({pointer: look_up(world.target, pointer) for pointer in done.fields})


def test_a_target_rests_between_two_incidents() -> None:
    """The second is told who was there, and goes on by itself when the time is over."""
    world = after(deed(9 * MINUTE))
    record = world.record("roll-back")
    assert ("CoolingDown", [], BAD) == (record.reason, world.effects, world.image)
    assert "roll-back of incident shop/other; free at 2026-11-21T14:01:00Z" in record.message
    assert GOOD == world.run(minutes=2).image


@pytest.mark.parametrize("fields", [(), ("/spec/template/spec/nodeSelector",), ("/spec/paused",)], ids=str)
def test_what_meets_its_fields_counts(fields: tuple[str, ...]) -> None:
    """The whole object, a field within, and a pause, which would freeze a rollout on its way."""
    assert "CoolingDown" == after(deed(MINUTE, fields=fields)).record("roll-back").reason


@pytest.mark.parametrize(
    "other",
    [
        deed(11 * MINUTE),
        deed(MINUTE, target="another-uid"),
        deed(MINUTE, target=""),
        deed(MINUTE, fields=("/spec/replicas",)),
        deed(MINUTE, undone=True),
        deed(MINUTE, post="sha256:0000000000000000"),
    ],
    ids=["long ago", "another target", "a target that was never found", "another field", "taken back", "changed since"],
)
def test_what_is_long_ago_or_elsewhere_holds_up_nothing(other: Deed) -> None:
    """Only this object, by its uid."""
    assert GOOD == after(other).image


def test_the_last_of_several_counts() -> None:
    """Not the first that is found."""
    record = after(deed(9 * MINUTE), deed(2 * MINUTE, "shop/latest"), deed(5 * MINUTE)).record("roll-back")
    assert "of incident shop/latest; free at 2026-11-21T14:08:00Z" in record.message


@pytest.mark.parametrize(("source", "rests"), [(BOOK, True), ("Spec", False)])
def test_a_runbook_that_asks_again_waits(source: str, rests: bool) -> None:
    """Its own last step in the same incident counts; a person who asks again has looked."""
    world = bad_deploy(incident(roll_back())).run(seconds=2)
    first = world.record("roll-back").model_copy(update={"source": source})
    second = first.model_copy(update={"name": "again", "attempts": None})
    status = world.incident.status.model_copy(update={"mitigations": (first, second)})
    seen = Observations(answers={target_of(AIM): Found(world.target)})
    draft = Draft(world.incident, seen, CATALOG, world.now, status)
    assert rests == (has_rested(draft, second, AIM, ("/spec/template",)) is not None)


def test_the_next_step_of_a_runbook_goes_on_with_what_the_one_before_has_set() -> None:
    """A drain finds its node cordoned, as it wants it; what would set the field otherwise waits."""
    world = bad_deploy(incident(roll_back())).run(seconds=2)
    first = world.record("roll-back").model_copy(update={"source": BOOK})
    second = first.model_copy(update={"name": "again", "attempts": None})
    status = world.incident.status.model_copy(update={"mitigations": (first, second)})
    seen = Observations(answers={target_of(AIM): Found(world.target)})
    draft, fields = Draft(world.incident, seen, CATALOG, world.now, status), ("/spec/template",)
    assert has_rested(draft, second, AIM, fields, ()) is None
    assert has_rested(draft, second, AIM, fields, fields) is not None
    # Whatever it sets: what another incident did there is given time.
    theirs = Census((deed(MINUTE, fields=fields, post=_live(world, deed(MINUTE))),))
    assert has_rested(replace(draft, seen=replace(seen, census=theirs)), second, AIM, fields, ()) is not None


def test_the_next_rung_of_the_same_incident_does_not_wait() -> None:
    """Its ladder waits for the effect of the one before, and a person who asks again has looked."""
    world = bad_deploy(incident({"name": "stop", "rolloutPause": {}, "when": "Always"})).run(seconds=10)
    size = {"target": {"kind": "Deployment", "name": "checkout"}} | scale_to(4)
    world.say(entry("alice", after=timedelta(seconds=20), mitigate=size)).run(minutes=5)
    assert "CoolingDown" not in [r.reason for r in world.incident.status.mitigations]


def test_undoing_is_free() -> None:
    """However much was done: taking back is never too often."""
    world = bad_deploy(incident(roll_back())).run(seconds=5)
    world.census = Census(tuple(deed(MINUTE, incident=f"shop/i{n}") for n in range(30)))
    world.say(entry("alice", after=timedelta(seconds=8), undo={"mitigation": "roll-back"})).run(seconds=10)
    assert BAD == world.image


@pytest.mark.parametrize(
    ("where", "most", "field"), [("shop", 5, "perNamespaceHourly"), ("other", 20, "clusterHourly")]
)
def test_only_so_much_is_done_in_an_hour(where: str, most: int, field: str) -> None:
    """One less goes; the message names the field and when it is free, and then it goes."""
    deeds = [deed(50 * MINUTE, f"{where}/i{n}", f"uid-{n}") for n in range(most - 1)]
    deeds = [*deeds, deed(50 * MINUTE, "shop/before", "uid-before")]
    assert GOOD == after(*deeds[1:]).image
    world = after(*deeds)
    record = world.record("roll-back")
    assert ("CoolingDown", BAD) == (record.reason, world.image)
    assert f"guardrails.{field} of the ResponsePolicy allows; free at 2026-11-21T14:10:00Z" in record.message
    assert GOOD == world.run(minutes=11).image


def test_a_full_cluster_leaves_each_namespace_its_first() -> None:
    """Tenants that do much in their own namespaces keep nobody else from acting; with the second one it waits."""
    others = [deed(50 * MINUTE, f"team{n % 4}/i{n}", f"uid-{n}") for n in range(20)]
    assert GOOD == after(*others).image
    assert "CoolingDown" == after(*others, deed(MINUTE, "shop/other", "uid-mine")).record("roll-back").reason


@pytest.mark.parametrize(("undone", "goes"), [(1, True), (0, False)])
def test_what_was_taken_back_is_no_change_of_the_cluster(undone: int, goes: bool) -> None:
    """It counts where it was done: doing and undoing by turns is no way round."""
    deeds = [deed(50 * MINUTE, f"other/i{n}", f"uid-{n}", undone=n < undone) for n in range(19)]
    deeds = [*deeds, deed(50 * MINUTE, "shop/before", "uid-before")]
    assert goes == (GOOD == after(*deeds).image)
    mine = [deed(50 * MINUTE, f"shop/i{n}", f"uid-{n}", undone=True) for n in range(5)]
    assert "CoolingDown" == after(*mine).record("roll-back").reason


@pytest.mark.parametrize(
    ("field", "word"), [("per_namespace_hourly", "perNamespaceHourly"), ("cluster_hourly", "clusterHourly")]
)
def test_none_an_hour_is_none_at_all(field: str, word: str) -> None:
    """There is no time at which it will be free; what was done before can be taken back all the same."""
    world = bad_deploy(incident(roll_back()))
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, **{field: 0}))
    record = world.run(seconds=20).record("roll-back")
    assert ("CoolingDown", BAD) == (record.reason, world.image)
    assert f"guardrails.{word} of the ResponsePolicy is 0" in record.message


def test_its_own_effects_count_too() -> None:
    """Six flags in one incident are six things done in that namespace."""
    world = healthy(incident(scale_to(4), recovery={"hold": "1h"})).run(seconds=10)
    assert 1 == len(world.effects)
    world.census = Census(tuple(deed(MINUTE, f"shop/i{n}", f"uid-{n}") for n in range(4)))
    size = {"target": {"kind": "Deployment", "name": "checkout"}, "when": "Always"} | scale_to(5, "more")
    world.say(entry("alice", after=timedelta(seconds=30), mitigate=size)).run(minutes=5)
    assert ("CoolingDown", 1) == (world.record("more").reason, len(world.effects))


# --- what Runbooks do by themselves ----------------------------------------------------------------------------------


def _draft(*deeds: Deed, alarms: tuple[datetime, ...] = (), now: datetime = T0) -> tuple[Draft, MitigationRecord]:
    world = bad_deploy(incident(roll_back())).run(seconds=2)
    record = world.record("roll-back").model_copy(update={"source": BOOK, "automatic": True})
    seen = Observations(census=Census(deeds, alarms), now=now)
    return Draft(world.incident, seen, CATALOG, now, world.incident.status), record


AIM = Aim(TargetKind.DEPLOYMENT, "checkout", "shop")


def test_of_what_runbooks_do_only_three_are_under_way() -> None:
    """What people asked for neither counts nor waits."""
    running = [deed(MINUTE, f"shop/i{n}", source=BOOK, under_way=True) for n in range(3)]
    draft, record = _draft(*running)
    assert "TooManyAtOnce" == few_under_way(draft, record, AIM).reason
    assert few_under_way(draft, record.model_copy(update={"source": "Spec"}), AIM) is None
    for fewer in (
        running[:2],
        [*running[:2], replace(running[2], source="Spec")],
        [replace(d, under_way=False) for d in running],
    ):
        draft, record = _draft(*fewer)
        assert few_under_way(draft, record, AIM) is None


def _alarms(*minutes: int) -> tuple[datetime, ...]:
    return tuple(T0 + m * MINUTE for m in minutes)


@pytest.mark.parametrize(
    ("alarms", "now", "stormy"),
    [
        (_alarms(0, 2, 4, 6, 10), 10, True),
        (_alarms(0, 2, 4, 6, 11), 11, False),
        (_alarms(0, 2, 4, 6), 6, False),
        (_alarms(0, 2, 4, 6, 8), 37, True),
        (_alarms(0, 2, 4, 6, 8), 38, False),
        (_alarms(0, 2, 4, 6, 8, 9), 38, True),
    ],
    ids=["five in ten minutes", "five in eleven", "four", "not calm yet", "calm", "one more came"],
)
def test_in_a_storm_of_alerts_nothing_goes_by_itself(alarms: tuple[datetime, ...], now: int, stormy: bool) -> None:
    """Auto acts as Approve until it has been calm for half an hour."""
    draft, record = _draft(alarms=alarms, now=T0 + now * MINUTE)
    why = asks_first(draft, record)
    assert stormy == (why is not None and why[0] == "Storm")
    assert int(stormy) == needed(record, ApprovalClass.B, draft.catalog.policy, first=why is not None)


@pytest.mark.parametrize(
    ("effects", "opened"),
    [
        (["NoEffect", "Worse"], True),
        (["NoEffect", "Unknown"], True),
        (["NoEffect", "Helped"], False),
        (["Helped", "NoEffect", "NoEffect"], True),
        (["NoEffect", "NoEffect", "Helped"], False),
        (["NoEffect"], False),
        (["NoEffect", "", ""], False),
        (["NoEffect", "", "NoEffect"], True),
    ],
    ids=str,
)
def test_a_runbook_that_does_not_help_asks_first(effects: list[str], opened: bool) -> None:
    """Two runs in a row without help, until one helps; what is not judged yet says nothing."""
    runs = [deed(timedelta(hours=9 - n), f"shop/i{n}", source=BOOK, effect=e) for n, e in enumerate(effects)]
    others = [deed(MINUTE, "shop/x", source=f"{RUNBOOK}other", effect="Helped")]
    draft, record = _draft(*runs, *others)
    why = asks_first(draft, record)
    assert opened == (why is not None and why[0] == "BreakerOpen")


def test_a_namesake_in_another_namespace_is_another_runbook() -> None:
    """Whose runs did not help is nothing to do with this one."""
    runs = [deed(n * MINUTE, f"other/i{n}", source=BOOK, effect="NoEffect") for n in range(3)]
    assert asks_first(*_draft(*runs)) is None


def test_a_person_is_asked_nothing_more_in_a_storm() -> None:
    """It is about what goes by itself."""
    draft, record = _draft(alarms=_alarms(0, 1, 2, 3, 4))
    assert asks_first(draft, record.model_copy(update={"automatic": None})) is None


def test_what_would_go_by_itself_waits_for_a_person_in_a_storm() -> None:
    """As in mode Approve, with the reason in the question; calm again, it goes."""
    draft, record = _draft(alarms=_alarms(0, 1, 2, 3, 4), now=T0 + 5 * MINUTE)
    held = wait_for(draft, record, ApprovalClass.B)
    assert held is not None
    assert (1, "ApprovalMissing") == (held.approvals.needed, held.reason)
    assert "Asked, for alerts made 5 incidents or more at once" in held.message
    draft, record = _draft(alarms=_alarms(0, 1, 2, 3, 4), now=T0 + 34 * MINUTE)
    assert wait_for(draft, record, ApprovalClass.B) is None


# --- counting --------------------------------------------------------------------------------------------------------


def test_the_census_counts_effects_and_not_undos_or_what_was_not_made() -> None:
    """From the records alone, so a restart counts the same."""
    world = bad_deploy(incident(roll_back())).run(seconds=5)
    world.say(entry("alice", after=timedelta(seconds=8), undo={"mitigation": "roll-back"})).run(seconds=10)
    (only,) = deeds_of("shop/x", world.incident.status.wire()["mitigations"])
    assert ("shop/x", "shop", "roll-back", TARGET_UID, False) == (
        only.incident,
        only.namespace,
        only.mitigation,
        only.target,
        only.under_way,
    )
    skipped = {"state": "Skipped", "intendedTime": "2026-11-21T14:00:00Z"}
    assert [] == list(deeds_of("shop/x", [{"name": "a", "attempts": [skipped]}]))


def test_a_drill_counts_for_nothing() -> None:
    """Neither in the hours of others nor in its own, and nobody waits for its targets: it changes none."""
    world = healthy(incident(scale_to(4), drill=True, recovery={"hold": "1h"})).run(seconds=10)
    meta = {"namespace": "shop", "name": "x", "creationTimestamp": "2026-11-21T14:00:00Z", "labels": ALERTED}
    body = {"metadata": meta, "spec": world.incident.spec.wire(), "status": world.incident.status.wire()}
    assert "Verified" == world.record("size").attempts[-1].state.value
    assert (NOTHING, ()) == (part_of("shop/x", body), own_deeds(_of(world)))
    real = part_of("shop/x", body | {"spec": {}})
    assert (1, 1, T0) == (len(real.deeds), len(real.acted), real.alarm)


def _of(world: World) -> Draft:
    return Draft(world.incident, Observations(), CATALOG, world.now, world.incident.status)


def test_alarms_are_incidents_that_a_group_of_alerts_made() -> None:
    """And no others."""
    meta = {"namespace": "shop", "name": "x", "creationTimestamp": "2026-11-21T14:00:00Z"}
    made = {"metadata": meta | {"labels": ALERTED}}
    parts = [part_of("shop/x", made), part_of("shop/y", {"metadata": meta})]
    assert (T0,) == census(parts).alarms


def test_an_alert_that_was_nothing_is_part_of_the_storm_it_came_with() -> None:
    """Cancelled at once, it did nothing, and is still counted for as long as a storm lasts; declared by hand, it is not."""
    world = bad_deploy(incident()).run(seconds=2)
    assert counts_until(_of(world)) is None
    world.incident.metadata.labels.update(ALERTED)
    assert T0 + 40 * MINUTE == counts_until(_of(world))


def _counted(*attempts: dict[str, object]) -> list[Deed]:
    meta = {"namespace": "shop", "name": "x", "creationTimestamp": "2026-11-21T14:00:00Z"}
    made = [{"intendedTime": "2026-11-21T14:00:00Z", **a} for a in attempts]
    body = {"metadata": meta, "status": {"mitigations": [{"name": "a", "attempts": made}]}}
    return [*census([part_of("shop/x", body)]).deeds]


@pytest.mark.parametrize(
    ("state", "counts"),
    [("Intended", True), ("Started", True), ("Applied", True), ("Failed", False), ("Skipped", False)],
)
def test_what_is_written_down_counts_before_it_is_done(state: str, counts: bool) -> None:
    """Else as many as look at once would all find room. What ended without having been applied was none."""
    assert [True] * counts == [d.under_way for d in _counted({"id": "1", "state": state})]
    done = {"id": "1", "state": "Failed", "appliedTime": "2026-11-21T14:00:01Z"}
    assert [False] == [d.under_way for d in _counted(done)]


@pytest.mark.parametrize(("more", "undone"), [({}, False), ({"appliedTime": "2026-11-21T14:00:09Z"}, True)])
def test_the_census_knows_what_was_taken_back(more: dict[str, str], undone: bool) -> None:
    """By an undo that was made, and not by one that was only tried."""
    done = {"id": "1", "state": "Verified", "appliedTime": "2026-11-21T14:00:01Z"}
    assert [undone] == [d.undone for d in _counted(done, {"id": "u", "state": "Failed", "undoes": "1", **more})]
