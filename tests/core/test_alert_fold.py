"""What alerts mean for the incident they made: detected, not over, or one too many; and nothing is ended by them alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts import alert, minutes, stored, told
from books import alerted, body
from build import T0, Json, entry, incident, roll_back
from stanch.api.alerts import AlertGroup
from stanch.api.incident import Incident
from stanch.api.names import ConditionType, Label
from stanch.core.alert_states import merged
from stanch.core.conditions import is_true
from world import World

OPERATOR = "system:serviceaccount:stanch-system:stanch"
SEEN = told(alert())
KEY = SEEN.key


def group_of(*alerts: Json, **more: Any) -> Json:
    """What the receiver stores of these."""
    group = merged(AlertGroup(key=KEY, received_time=T0), told(*alerts), T0)
    return group.model_copy(update=more).wire()


def alarmed(*alerts: Json, name: str = "inc-1", **spec: Any) -> Incident:
    """An incident that these alerts made."""
    made = incident(by=OPERATOR, name=name, **{"severity": None, "alertGroup": group_of(*alerts), **spec})
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": {Label.ALERT_GROUP: KEY}})})


def tell(world: World, *alerts: Json, **more: Any) -> None:
    """The receiver writes this, and it is looked at."""
    spec = world.incident.spec.model_copy(update={"alert_group": AlertGroup.model_validate(group_of(*alerts, **more))})
    world.incident = world.incident.model_copy(update={"spec": spec})
    world.look()


def kinds(world: World) -> list[str]:
    """What is on the record, in order."""
    return [line.kind for line in world.incident.status.timeline]


def test_it_was_detected_when_the_first_alert_fired() -> None:
    """By Alertmanager, before anybody declared it; and nobody has acknowledged it by that."""
    world = World(alarmed(alert(start=T0 - minutes(3)), alert(2, start=T0 - minutes(2))))
    world.look()
    times = world.incident.status.times
    assert times is not None
    assert (T0 - minutes(3), None) == (times.detected, times.acknowledged)
    line = next(each for each in world.incident.status.timeline if each.kind == "Detected")
    assert ("Alertmanager", "ShopErrors fired", True) == (line.by, line.text, line.milestone)
    assert not is_true(world.incident.status, ConditionType.ACKNOWLEDGED)


def test_a_clock_that_is_ahead_detects_nothing_in_the_future() -> None:
    """Never after it was declared."""
    world = World(alarmed(alert(start=T0 + minutes(30))))
    world.look()
    assert world.incident.status.times is not None
    assert T0 == world.incident.status.times.detected


def test_what_fires_is_on_the_record_and_ends_nothing() -> None:
    """The last end is a line, the next start another; numbers all the time."""
    world = World(alarmed(alert()))
    world.look()
    tell(world, alert(end=T0), alert(2))
    tell(world, alert(end=T0), alert(2, end=T0))
    tell(world, alert(end=T0), alert(2, start=T0 + minutes(1)))
    lines = [(each.kind, each.text) for each in world.incident.status.timeline if each.by == "Alertmanager"]
    assert [("AlertsResolved", "No alert of 2 fires any more"), ("AlertsFiring", "1 of 2 alerts fire again")] == lines[
        1:
    ]
    assert world.incident.status.alerts is not None
    assert (1, 2) == (world.incident.status.alerts.firing, world.incident.status.alerts.total)
    assert world.incident.status.times is not None
    assert world.incident.status.times.resolved is None


def resolved(world: World) -> datetime:
    """Let a person end it."""
    world.look()
    world.entries.append(entry("ana", text="it is over", resolve={"override": True}))
    world.now = T0 + minutes(5)
    world.look()
    times = world.incident.status.times
    assert times is not None
    assert times.resolved is not None
    return times.resolved


def test_what_fires_anew_reopens_it() -> None:
    """As a person's word would: what passed before counts no more. A repetition does not."""
    world = World(alarmed(alert()))
    end = resolved(world)
    tell(world, alert(), reopen_time=end - minutes(1))
    assert world.incident.status.times is not None
    assert world.incident.status.times.resolved
    world.now = end + minutes(2)
    tell(world, alert(), alert(2, start=end + minutes(1)), reopen_time=end + minutes(2))
    times = world.incident.status.times
    assert (None, end + minutes(2), None) == (times.resolved, times.reopened, world.incident.status.override)
    assert 1 == kinds(world).count("Reopened")
    world.look()
    assert 1 == kinds(world).count("Reopened")


def test_alerts_that_somebody_wrote_down_reopen_nothing() -> None:
    """The label says that alerts made it, and only the operator sets it."""
    made = alarmed(alert())
    world = World(made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": {}})}))
    end = resolved(world)
    tell(world, alert(), reopen_time=end + minutes(1))
    assert "Reopened" not in kinds(world)
    assert "Detected" not in kinds(world)


def test_runbooks_of_the_same_rank_are_told_and_none_is_taken() -> None:
    """All are listed, with what a person can do."""
    world = World(alarmed(alert()))
    tell(world, alert(), tied=("a", "b"), recurrence_of="inc-0")
    told_lines = {each.kind: each.text for each in world.incident.status.timeline}
    assert (
        "2 Runbooks are for these alerts with the same rank: a, b; choose one by spec.runbook"
        == told_lines["RunbooksTied"]
    )
    assert "The same alerts made inc-0 before" == told_lines["Recurred"]
    assert world.incident.status.runbook is None


def test_a_runbook_reads_its_parameters_from_labels_that_all_alerts_have() -> None:
    """Only through its own oneOf or pattern; what a label says of a namespace or another object is nothing to it."""
    for label, plan in (("checkout", ["roll-back"]), ("../../payments", []), ("", [])):
        world = following(label)
        world.look()
        world.look()
        assert plan == [m.name for m in world.incident.status.mitigations or ()], label


def test_a_plan_keeps_its_parameters_when_the_group_has_the_label_no_more() -> None:
    """It was frozen from what all alerts had then; another of them joins."""
    world = following("checkout")
    world.look()
    before = world.incident.status.runbook
    assert before is not None
    assert {"deployment": "checkout"} == before.parameters
    group = world.incident.spec.alert_group
    assert group is not None
    wider = merged(group, told(alert(2, deployment="cart")), world.now)
    assert not wider.labels
    world.incident = world.incident.model_copy(
        update={"spec": world.incident.spec.model_copy(update={"alert_group": wider})}
    )
    world.run(minutes=1)
    assert (before, []) == (world.incident.status.runbook, world.broken)
    assert ["roll-back"] == [m.name for m in world.incident.status.mitigations or ()]


def following(label: str) -> World:
    """An incident of alerts with the Runbook that is for them."""
    made = alarmed(alert(deployment=label), targets=None, recovery=None)
    followed = alerted().model_dump(by_alias=True, exclude_none=True)["spec"]
    spec = made.spec.wire() | {"runbook": {"name": "bad-deploy"}, "declaredBy": followed["declaredBy"]}
    spec |= {"requesters": followed["requesters"], "serviceAccountName": "runbook-deploys"}
    group = AlertGroup.model_validate(group_of(alert(deployment=label)))
    labels = {"deployment": label} if label else {}
    spec["alertGroup"] = group.model_copy(update={"labels": labels}).wire()
    world = World(Incident.model_validate({"metadata": made.metadata.wire(), "spec": spec}))
    world.objects[("runbooks", "bad-deploy")] = body()
    return world


# --- two of one group ------------------------------------------------------------------------------------------------


def beside(world: World, name: str, created: datetime, **times: datetime) -> None:
    """Another of the same group is stored."""
    body = {"metadata": {"name": name, "namespace": "shop", "labels": {Label.ALERT_GROUP: KEY}}}
    body |= {"spec": {"title": "x", "alertGroup": group_of(alert())}}
    world.objects[("incidents", name)] = stored(body, created, **times)


SOON = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("name", "created", "times", "goes"),
    [
        ("inc-0", T0, {}, True),
        ("inc-0", T0 - SOON, {}, True),
        ("inc-9", T0 - SOON, {}, True),
        ("inc-9", T0, {}, False),
        ("inc-0", T0 + SOON, {}, False),
        ("inc-0", T0 - SOON, {"resolved": T0}, False),
        ("inc-0", T0 - SOON, {"cancelled": T0}, False),
    ],
    ids=["same second", "older", "older by time", "itself by name", "younger", "resolved", "cancelled"],
)
def test_of_two_the_younger_goes(name: str, created: datetime, times: dict[str, datetime], goes: bool) -> None:
    """Exactly one of any two stays, whoever looks first."""
    world = World(alarmed(alert()))
    beside(world, name, created, **times)
    world.look()
    assert goes == (world.incident.status.times is not None and world.incident.status.times.cancelled is not None)
    said = [each.text for each in world.incident.status.timeline if each.kind == "Cancelled"]
    assert ([f"Cancelled: Duplicate of {name}, made for the same alerts"] if goes else []) == said


def test_where_somebody_is_it_stays() -> None:
    """A person took it on, or something is asked for in it; and long after nobody makes a second one."""
    taken, asked, late = World(alarmed(alert())), World(alarmed(alert())), World(alarmed(alert()))
    taken.look()
    taken.entries.append(entry("ana", acknowledge={}))
    taken.look()
    wished = alarmed(alert(), mitigations=[roll_back()])
    asked.incident = wished
    late.look()
    late.now = T0 + minutes(10)
    for world in (taken, asked, late):
        beside(world, "inc-0", T0 - SOON)
        world.look()
        assert world.incident.status.times is not None
        assert world.incident.status.times.cancelled is None


@pytest.mark.parametrize("frozen", [False, True], ids=["at its first look", "once its plan is frozen"])
def test_a_runbooks_plan_alone_keeps_neither(frozen: bool) -> None:
    """The older one has the same plan; and what is cancelled does nothing of it."""
    world = following("checkout")
    if frozen:
        world.look()
    beside(world, "inc-0", T0 - SOON)
    for _ in range(3):
        world.look()
    status = world.incident.status
    assert ["roll-back"] == [m.name for m in status.mitigations or ()]
    assert not any(m.attempts for m in status.mitigations or ())
    assert status.times is not None
    assert status.times.cancelled is not None
