"""Numbers of incidents: counted when they are written, looked up when they are asked for, never by an incident's name."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from build import T0, entry, incident, roll_back, scale_to, stamp
from stanch.api.action_item import ActionItem
from stanch.api.names import EventKind
from stanch.core import nudges, posture_nudges
from stanch.core.observations import Delivered
from stanch.core.review_items import items as reviewed
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.measures import STANDING, Standing, count
from stanch.shell.metrics import PAGES, REGISTRY
from telling import behind, channel, outbox, told, tried
from world import World, bad_deploy, healthy


def value(name: str, **labels: str) -> float:
    """What Prometheus would read now."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Measured:
    """A world whose writes are counted, as the reconciler counts them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, **duration: float) -> "Measured":
        """Let time pass; each write is counted."""
        end = self.world.now + timedelta(**duration)
        while self.world.now < end:
            before = self.world.incident
            self.world.look()
            self.world.now += timedelta(seconds=1)
            count(before, self.world.incident.status)
        return self


@pytest.fixture
def since() -> Any:
    """How much a number has grown since the test began."""
    begun = {
        (s.name, tuple(sorted(s.labels.items()))): s.value for family in REGISTRY.collect() for s in family.samples
    }
    return lambda name, **labels: value(name, **labels) - begun.get((name, tuple(sorted(labels.items()))), 0.0)


def test_an_incident_is_counted_from_its_declaration_to_its_end(since: Any) -> None:
    """Once each, with how long it took."""
    Measured(healthy(incident())).run(minutes=3)
    assert 1 == since("stanch_incidents_declared_total", severity="SEV1", source="person")
    for what in ("acknowledge", "mitigate", "resolve"):
        assert 1 == since(f"stanch_incident_time_to_{what}_seconds_count", severity="SEV1"), what
    assert 30 <= since("stanch_incident_time_to_resolve_seconds_sum", severity="SEV1") < 180


@pytest.mark.parametrize(
    ("by", "source"), [("alice", "person"), ("system:serviceaccount:ci:deployer", "machine"), (None, "machine")]
)
def test_who_declared_it(since: Any, by: str | None, source: str) -> None:
    """Whoever nobody vouched for is no person."""
    Measured(bad_deploy(incident(by=by))).run(seconds=2)
    assert 1 == since("stanch_incidents_declared_total", severity="SEV1", source=source)


def test_what_was_done_is_counted_by_how_it_ended(since: Any) -> None:
    """And how long it took; and evidence by its bytes."""
    Measured(bad_deploy(incident(roll_back()))).run(minutes=1)
    assert 1 == since("stanch_mitigations_total", action="rolloutUndo", outcome="Verified", mode="person")
    assert 1 == since("stanch_mitigation_duration_seconds_count", action="rolloutUndo")
    assert since("stanch_evidence_stored_bytes_total") > 0


def test_what_waits_is_counted_once_by_why(since: Any) -> None:
    """Not at each look."""
    Measured(bad_deploy(incident(scale_to(0)))).run(minutes=1)
    assert 1 == since("stanch_guardrail_refusals_total", reason="ApprovalMissing")


def test_how_long_people_took_to_agree(since: Any) -> None:
    """From asking to beginning."""
    measured = Measured(bad_deploy(incident(scale_to(0, name="stop")))).run(seconds=20)
    record = measured.world.record("stop")
    after = measured.world.now - T0
    measured.world.say(
        entry("bob", after=after, approve={"mitigation": "stop", "action": "scale", "digest": record.digest})
    )
    measured.run(seconds=10)
    assert 1 == since("stanch_approval_wait_seconds_count")
    assert 15 <= since("stanch_approval_wait_seconds_sum") <= 30


def test_an_incident_pages_once_and_a_drill_never(since: Any) -> None:
    """However often its severity changes; one that was no page to begin with, as soon as it is one."""
    measured = Measured(bad_deploy(incident(severity="SEV3"))).run(seconds=5)
    assert 0 == since("stanch_pages_total", severity="SEV1") + since("stanch_pages_total", severity="SEV2")
    for number, level in enumerate(("SEV2", "SEV1", "SEV3", "SEV2")):
        after = measured.world.now - T0
        measured.world.say(entry("alice", after=after, severity={"level": level}, name=f"say-{number}"))
        measured.run(seconds=5)
    assert (1, 0) == (since("stanch_pages_total", severity="SEV2"), since("stanch_pages_total", severity="SEV1"))
    Measured(bad_deploy(incident(drill=True))).run(seconds=5)
    Measured(bad_deploy(incident())).run(seconds=5)
    assert 1 == since("stanch_pages_total", severity="SEV1")


def test_pages_are_there_before_the_first() -> None:
    """A series that begins with one is no increase to Prometheus, and the alert would miss the first page of each process."""
    levels = {s.labels["severity"] for s in next(iter(PAGES.collect())).samples if s.name.endswith("_total")}
    assert {"SEV1", "SEV2"} == levels


def test_a_drill_is_nobodys_incident(since: Any) -> None:
    """It would make the numbers better than they are."""
    Measured(bad_deploy(incident(roll_back(), drill=True))).run(minutes=1)
    assert 0 == since("stanch_incidents_declared_total", severity="SEV1", source="person")
    assert 0 == since("stanch_mitigations_total", action="rolloutUndo", outcome="Verified", mode="person")


def test_a_message_that_is_given_up_is_counted(since: Any) -> None:
    """By its channel."""
    measured = Measured(told(bad_deploy(incident()), channel("room"))).run(seconds=2)
    tried(measured.world, Delivered.NEVER, why="no")
    measured.run(seconds=3)
    assert ["Failed"] == [m.state.value for m in outbox(measured.world)]
    assert 1 == since("stanch_notifications_total", channel="room", outcome="lost")


def test_what_has_no_room_and_is_given_up_is_counted(since: Any) -> None:
    """Though it was never in the outbox."""
    roles = {"commander": "alice", "communications": "dora", "operations": "bob", "scribe": "eve"}
    measured = Measured(told(bad_deploy(incident(roles=roles)), channel("crowded"))).run(seconds=2)
    assert {"crowded"} == behind(measured.world).keys()
    told(measured.world, channel("other"))
    measured.run(seconds=2)
    assert 1 == since("stanch_notifications_total", channel="crowded", outcome="lost")


# --- what is so now --------------------------------------------------------------------------------------------------


def body(name: str, times: dict[str, str], **status: Any) -> dict[str, Any]:
    """An incident as the API server has it."""
    meta = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1"}
    stood = {"times": {"declared": stamp(T0), **times}, "severity": {"level": "SEV2"}, **status}
    return {"metadata": meta, "spec": {"title": "x"}, "status": stood}


def shown(*bodies: dict[str, Any], works: bool = True, items: tuple[dict[str, Any], ...] = ()) -> dict[str, float]:
    """Samples, by name and labels."""
    cache, standing = Cache(), Standing()
    for each in bodies:
        cache.put(Key("incidents", "shop", each["metadata"]["name"]), each)
    for each in items:
        cache.put(Key("actionitems", "shop", each["metadata"]["name"]), each)
    standing.follow(cache, lambda: T0 + timedelta(hours=1), lambda: works)
    samples = (s for family in standing.collect() for s in family.samples)
    return {f"{s.name}{sorted(s.labels.values())}": s.value for s in samples}


def test_what_is_open_and_where_it_stands() -> None:
    """By severity and by how far it is."""
    late = {"communications": {"nextUpdates": [{"audience": "public", "dueTime": stamp(T0)}]}}
    asked = [{"type": "ApprovalNeeded", "status": "True", "lastTransitionTime": stamp(T0 + timedelta(minutes=50))}]
    waits = {"outbox": [{"channel": "room", "state": "Pending"}, {"channel": "room", "state": "Sent"}]}
    found = shown(
        body("a", {}, **late),
        body("b", {"acknowledged": stamp(T0)}, conditions=asked),
        body("c", {"acknowledged": stamp(T0), "mitigated": stamp(T0)}, communications=waits),
    )
    assert 1 == found["stanch_incidents['Detected', 'SEV2']"] == found["stanch_incidents['Mitigated', 'SEV2']"]
    assert 600 == found["stanch_approval_oldest_seconds[]"]
    assert 1 == found["stanch_updates_overdue['public']"]
    assert 1 == found["stanch_notifications_waiting['room']"]


def test_which_services_have_an_incident() -> None:
    """What burns without one is alerted on (decisions 2.4): one that is over, was none, or is a drill, is none."""
    bodies = [
        body(name, times)
        for name, times in (("a", {}), ("b", {"resolved": stamp(T0)}), ("c", {"cancelled": stamp(T0)}))
    ]
    bodies += [body("d", {}), body("e", {})]
    for each, service in zip(bodies, ("shop", "gone", "false", "drill", None), strict=True):
        each["spec"] |= {"service": service} if service else {}
        each["spec"] |= {"drill": True} if service == "drill" else {}
    found = {name: n for name, n in shown(*bodies).items() if name.startswith("stanch_incidents_of_service")}
    assert {"stanch_incidents_of_service['shop']": 1, "stanch_incidents_of_service['']": 1} == found


def test_an_action_item_that_is_late() -> None:
    """Until it is done."""
    due = {"title": "x", "owner": "team", "dueTime": stamp(T0), "priority": "P1"}
    meta = {"name": "i", "namespace": "shop", "uid": "i", "creationTimestamp": stamp(T0)}
    late = {"metadata": meta, "spec": due}
    done = {**late, "metadata": {**late["metadata"], "name": "j"}, "status": {"doneTime": stamp(T0)}}
    assert 1 == shown(items=(late, done))["stanch_action_items_overdue['P1']"]


def chore(name: str, days_ago: float, **status: Any) -> dict[str, Any]:
    """An action item that was written so long ago."""
    created = stamp(T0 + timedelta(hours=1) - timedelta(days=days_ago))
    meta = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1", "creationTimestamp": created}
    return {"metadata": meta, "spec": {"title": "x", "owner": "team", "dueTime": stamp(T0)}, "status": status}


def test_action_items_get_done_or_not_by_their_age() -> None:
    """The ages of `stanch review`; of each that there is both states, so that none done is nought and not unknown."""
    known = {"type": "Done", "reason": "Closed", "lastTransitionTime": stamp(T0)}
    done, again = ({"conditions": [{**known, "status": status}]} for status in ("True", "False"))
    items = (
        chore("new", 1),
        chore("a", 8, **done),
        chore("b", 20, **again),
        chore("c", 46, **done),
        chore("d", 400, **done),
    )
    found = {name: n for name, n in shown(items=items).items() if name.startswith("stanch_action_items[")}
    assert {
        "stanch_action_items['open', 'week']": 1,
        "stanch_action_items['done', 'week']": 0,
        "stanch_action_items['open', 'three_weeks']": 1,
        "stanch_action_items['done', 'three_weeks']": 1,
        "stanch_action_items['older', 'open']": 0,
        "stanch_action_items['done', 'older']": 2,
    } == found
    ages = [a.age for a in reviewed([ActionItem.model_validate(i) for i in items], T0 + timedelta(hours=1)).by_age]
    assert len(ages) == len(found) / 2


def learned(name: str, days_ago: int, *by_hand: str, namespace: str = "shop") -> tuple[Key, dict[str, Any]]:
    """A Postmortem of an incident of so long ago."""
    about = {"service": "checkout"} | ({"byHand": list(by_hand)} if by_hand else {})
    declared = {"declared": stamp(T0 - timedelta(days=days_ago))}
    facts = {"incidentUid": f"{namespace}-{name}", "severity": "SEV2", "times": declared, "about": about}
    meta = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1", "creationTimestamp": stamp(T0)}
    body = {"metadata": meta, "spec": {"incident": name}, "status": {"facts": facts}}
    return Key("postmortems", namespace, name), body


def test_what_came_again_and_what_is_toil_is_told_over_namespaces() -> None:
    """Each namespace by itself, and by its own policy; then together, by severity and by mitigation."""
    cache, standing, deed = Cache(), Standing(), "rolloutRestart of Deployment checkout"
    cache.put(*learned("a", 9, deed, deed))
    cache.put(*learned("b", 5, deed))
    cache.put(*learned("c", 4, deed, namespace="other"))
    cache.put(*learned("d", 1, namespace="other"))

    def told(**days: int) -> dict[str, float]:
        within = {"shop": timedelta(days=30), "other": timedelta(days=days.get("other", 30))}
        standing.follow(cache, lambda: T0, lambda: True, within.__getitem__)
        return {f"{s.name}{sorted(s.labels.values())}": s.value for f in standing.collect() for s in f.samples}

    names = ("resolved_lately['SEV2']", "recurred_lately['SEV2']")
    assert [4, 2] == [told()[f"stanch_incidents_{name}"] for name in names]
    assert [3, 1] == [told(other=2)[f"stanch_incidents_{name}"] for name in names]
    assert 3 == told()["stanch_toil_lately['rolloutRestart']"]
    cache.drop(Key("postmortems", "shop", "b"))
    assert "stanch_toil_lately['rolloutRestart']" not in told()


def test_only_the_replica_that_works_tells() -> None:
    """Or a sum over replicas would be too much."""
    items = (chore("new", 1),)
    assert {"stanch_approval_oldest_seconds[]": 0.0} == shown(body("a", {}), works=False, items=items)


def test_what_can_not_be_read_hides_nothing_else() -> None:
    """A time of another form."""
    broken = body("a", {}, communications={"nextUpdates": [{"audience": "public", "dueTime": "soon"}]})
    assert {} == shown(broken)
    assert b"stanch_reconciles_total" in generate_latest(REGISTRY)


def test_no_name_of_an_incident_is_a_label() -> None:
    """Series for each would grow for ever."""
    labels = {label for family in REGISTRY.collect() for sample in family.samples for label in sample.labels}
    assert labels.isdisjoint({"incident", "name", "uid", "namespace", "pod"})
    assert STANDING in REGISTRY._collector_to_names


# --- people ----------------------------------------------------------------------------------------------------------


def now(world: World) -> dict[str, float]:
    """Samples of what is so in a world, as the API server has it."""
    cache, standing, i = Cache(), Standing(), world.incident
    body = {"metadata": i.metadata.wire(), "spec": i.spec.wire(), "status": i.status.wire()}
    cache.put(Key("incidents", "shop", i.metadata.name), body)
    standing.follow(cache, lambda: world.now, lambda: True)
    return {f"{s.name}{sorted(s.labels.values())}": s.value for f in standing.collect() for s in f.samples}


def test_who_was_promised_an_update_waits_until_there_is_one(since: Any) -> None:
    """Through all that is missed meanwhile, or an alert that waits five minutes would never fire; then it is over."""
    measured = Measured(bad_deploy(incident())).run(seconds=5)
    measured.world.now = T0 + timedelta(minutes=16)
    waited = []
    for _ in range(30):
        measured.run(seconds=2).world.now += timedelta(minutes=1)
        waited.append(now(measured.world).get("stanch_updates_overdue['internal']", 0))
    assert [1.0] * 30 == waited
    assert since("stanch_updates_missed_total") >= 2
    after = measured.world.now - T0
    measured.world.say(
        entry("alice", after=after, update={"audience": "internal", "state": "Identified"}, text="We roll back")
    )
    measured.run(seconds=5)
    assert 1 == since("stanch_updates_given_total", audience="internal")
    assert "stanch_updates_overdue['internal']" not in now(measured.world)


def test_who_is_there_and_what_is_wanting(since: Any) -> None:
    """Hats that are worn or handed over; each reminder once, and what it is about for as long as it is so."""
    measured = Measured(bad_deploy(incident(roles={"commander": "alice"}))).run(minutes=6)
    found = now(measured.world)
    assert 1 == found["stanch_roles_held['commander']"] == found["stanch_nudges_standing['RoleMissing']"]
    assert 2 == since("stanch_nudges_total", kind="RoleMissing")
    assert "stanch_handoffs_waiting['commander']" not in found
    told = {"impact": "Checkout", "tried": "Nothing", "next": "Look"}
    after = measured.world.now - T0
    measured.world.say(entry("alice", after=after, handoff={"role": "commander", "to": "bob", "summary": told}))
    measured.run(seconds=3)
    assert 1 == now(measured.world)["stanch_handoffs_waiting['commander']"]


def test_each_kind_of_reminder_is_counted() -> None:
    """Whatever core/nudges.py and core/posture_nudges.py may say: a kind that is new there is one here."""
    rules = "".join(Path(each.__file__).read_text(encoding="utf-8") for each in (nudges, posture_nudges))
    said = set(re.findall(r"yield Nudge\(EventKind\.([A-Z_]+)", rules))
    assert nudges.KINDS == {getattr(EventKind, name) for name in said}
