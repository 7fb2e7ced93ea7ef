"""Silences that an incident owns: as narrow as its alerts, short, while somebody is at it, and nobody else's are touched."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import alert, minutes, told
from build import T0, Json, entry, incident, stamp
from stanch.api.alerts import AlertGroup
from stanch.api.incident import Incident
from stanch.api.names import Label
from stanch.core.alert_states import firing, merged
from stanch.core.silences import LASTS, RENEW_AT, SETTLED, Wanted, heard, mark_of, steps, wanted
from world import World

LABELS = {"alertname": "ShopErrors", "namespace": "shop"}
PLATFORM = "stanch-system"
GROUP = AlertGroup(key="0123456789abcdef", received_time=T0)


def alarmed(*alerts: Json, labels: Json | None = None, **spec: Any) -> Incident:
    """An incident that these alerts made."""
    seen = told(*(alerts or (alert(**(labels or {})),)))
    new = AlertGroup(key=seen.key, labels=LABELS if labels is None else labels, received_time=T0)
    made = incident(by="system:serviceaccount:stanch-system:stanch", alertGroup=merged(new, seen, T0).wire(), **spec)
    return made.model_copy(
        update={"metadata": made.metadata.model_copy(update={"labels": {Label.ALERT_GROUP: seen.key}})}
    )


def lived(made: Incident, **said: Any) -> Incident:
    """After somebody said something."""
    world = World(made)
    world.look()
    if said:
        world.entries.append(entry("ana", **said))
        world.now = T0 + minutes(2)
        world.look()
    return world.incident


def wish() -> Wanted:
    """Of an incident that somebody took on."""
    found = wanted(lived(alarmed(), acknowledge={}), PLATFORM)
    assert found is not None
    return found


def there(found: Wanted, now: datetime, **more: Any) -> Json:
    """As Alertmanager has it."""
    return {**found.body(now, None), "id": "0a1b2c3d-0000", "status": {"state": "active"}, **more}


# --- which -----------------------------------------------------------------------------------------------------------


def test_nothing_is_silenced_before_somebody_is_at_it() -> None:
    """An alert that nobody looks at must be heard."""
    assert wanted(lived(alarmed()), PLATFORM) is None
    assert LABELS == wish().labels


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (alarmed(labels={"namespace": "shop", "severity": "critical"}), {"acknowledge": {}}),
        (alarmed(labels={}), {"acknowledge": {}}),
        (alarmed(), {"text": "it is over", "resolve": {"override": True}}),
        (alarmed(drill=True), {"acknowledge": {}}),
        (incident(), {"acknowledge": {}}),
    ],
    ids=["no alertname", "no labels", "resolved", "a drill", "no alerts"],
)
def test_what_would_hide_too_much_is_not_silenced(made: Incident, said: Json) -> None:
    """All that a team has, what is over, what is none."""
    assert wanted(lived(made, **said), PLATFORM) is None


@pytest.mark.parametrize(
    ("labels", "platform", "silenced"),
    [
        ({"alertname": "NodeDown"}, PLATFORM, False),
        ({"alertname": "NodeDown", "namespace": "payments"}, PLATFORM, False),
        ({"alertname": "NodeDown", "namespace": "shop"}, PLATFORM, True),
        ({"alertname": "NodeDown"}, "shop", True),
    ],
    ids=["the whole platform's", "another namespace's", "its own", "by the platform"],
)
def test_nobody_silences_what_others_hear(labels: Json, platform: str, silenced: bool) -> None:
    """Whoever may create alerts in one namespace may write any labels into them."""
    assert silenced == (wanted(lived(alarmed(labels=labels), acknowledge={}), platform) is not None)


def test_it_is_no_wider_than_its_alerts_and_says_whose_it_is() -> None:
    """Every label equal, none by a pattern; short, and the comment names the incident."""
    body = wish().body(T0, None)
    assert [("alertname", "ShopErrors", False, True), ("namespace", "shop", False, True)] == [
        (m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in body["matchers"]
    ]
    assert ("stanch", stamp(T0), stamp(T0 + LASTS)) == (body["createdBy"], body["startsAt"], body["endsAt"])
    assert "shop/checkout-5xx" in body["comment"]
    assert "id" not in body


@given(st.text())
def test_a_label_can_not_leave_its_quotes(value: str) -> None:
    """In a query for Alertmanager."""
    (text,) = Wanted("shop", "i", "u", GROUP, {"a": value}).filters
    assert text.startswith('a="')
    assert text.endswith('"')
    inner = text[3:-1].replace("\\\\", "")
    assert '"' not in inner.replace('\\"', "")
    assert not inner.endswith("\\")


# --- what to do ------------------------------------------------------------------------------------------------------


def test_it_is_made_renewed_and_ended() -> None:
    """Made once; renewed when half its time is over; ended when nobody wants it any more."""
    mine = wish()
    assert 1 == len(steps([mine], [mine.uid], [], T0).post)
    known = [there(mine, T0)]
    fresh = steps([mine], [mine.uid], known, T0 + minutes(1))
    assert ((), ()) == (fresh.post, fresh.delete)
    later = T0 + LASTS - RENEW_AT + minutes(1)
    assert [known[0]["id"]] == [each["id"] for each in steps([mine], [mine.uid], known, later).post]
    assert (known[0]["id"],) == steps([], [mine.uid], known, T0).delete


@pytest.mark.parametrize(
    "other",
    [
        {"createdBy": "ana"},
        {"comment": "stanch incident another-clusters: shop/x"},
        {"comment": "maintenance"},
        {"status": {"state": "expired"}},
        {"comment": f"not {mark_of('uid')}"},
    ],
    ids=str,
)
def test_nobody_elses_is_touched(other: Json) -> None:
    """A person's, another cluster's, one that is over."""
    mine = wish()
    assert () == steps([], [mine.uid], [there(mine, T0, **other)], T0).delete
    assert [False] == ["id" in each for each in steps([mine], [mine.uid], [there(mine, T0, **other)], T0).post]


# --- how the alerts stand --------------------------------------------------------------------------------------------


def test_what_is_silenced_is_heard_of_all_the_same() -> None:
    """Alertmanager tells nobody of its end; what it does not have any more is over."""
    mine = wanted(lived(alarmed(*(alert(n) for n in range(1, 20))), acknowledge={}), PLATFORM)
    assert mine is not None
    up = T0 - SETTLED
    all_of_them = [{"fingerprint": f"{n:016x}"} for n in range(1, 20)]
    assert heard(mine, all_of_them, up, T0) is None
    some = heard(mine, all_of_them[:-2], up, T0)
    assert some is not None
    assert 17 == firing(merged(mine.group, some, T0))
    none = heard(mine, [], up, T0)
    assert none is not None
    assert (True, 0) == (none.over, firing(merged(mine.group, none, T0)))


def test_what_fires_with_other_labels_is_not_told_to_have_ended() -> None:
    """A second pod joins the group: asked for with the first one's labels, Alertmanager would not have its alert."""
    first = {**LABELS, "pod": "checkout-1"}
    made = alarmed(alert(1, pod="checkout-1"), labels=first)
    assert made.spec.alert_group is not None
    group = merged(made.spec.alert_group, told(alert(2, pod="checkout-2")), T0)
    made = made.model_copy(update={"spec": made.spec.model_copy(update={"alert_group": group})})
    mine = wanted(lived(made, acknowledge={}), PLATFORM)
    assert mine is not None
    assert LABELS == mine.labels
    fire = [{"fingerprint": f"{n:016x}", "labels": {**LABELS, "pod": f"checkout-{n}"}} for n in (1, 2)]
    asked_for = [each for each in fire if mine.labels.items() <= each["labels"].items()]
    assert heard(mine, asked_for, T0 - SETTLED, T0) is None


def test_an_alertmanager_that_was_just_started_says_nothing() -> None:
    """It keeps alerts in memory, and is not told of all yet."""
    assert heard(wish(), [], T0 - SETTLED + minutes(1), T0) is None
