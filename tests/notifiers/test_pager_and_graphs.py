"""PagerDuty by one key an incident, and Grafana's annotations."""

import json

import pytest

from notifiers.notices import HOSTILE, NOW, UID, notice
from stanch.api.names import EventKind
from stanch.api.policy_sections import ChannelKind
from stanch.core.observations import Delivered
from stanch.core.who_hears import CARRIES
from stanch.notifiers import ALL
from stanch.notifiers.grafana import Grafana
from stanch.notifiers.pager_duty import ACTIONS, PagerDuty
from stanch.notifiers.ports import Reply, Unusable

PAGER = {"routingKey": "R" * 32}
GRAPHS = {"url": "https://grafana.example.com/", "token": "glsa_1"}


def test_every_kind_of_channel_has_its_notifier() -> None:
    """What a policy may name can be told."""
    assert {"Slack", "Email", "Webhook", "PagerDuty", "Grafana"} == {kind.value for kind in ALL}


@pytest.mark.parametrize(
    ("moment", "wanted"),
    [
        ("Declared", "trigger"),
        ("SeverityChanged", "trigger"),
        ("Reopened", "trigger"),
        ("Acknowledged", "acknowledge"),
        ("RoleChanged", "acknowledge"),
        ("Resolved", "resolve"),
        ("Cancelled", "resolve"),
    ],
)
def test_all_events_of_an_incident_have_its_key(moment: str, wanted: str) -> None:
    """So that what is told twice is one, and the end finds its beginning."""
    (post,) = PagerDuty().compose(notice(moment), PAGER)
    said = json.loads(post.body)
    assert (wanted, UID) == (said["event_action"], said["dedup_key"])
    assert ("payload" in said) == (wanted == "trigger")


MOMENTS = sorted({kind for name, kind in vars(EventKind).items() if name.isupper()})


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_other_moment_wakes_nobody(moment: str) -> None:
    """Of all kinds there are: only these have an action, and the outbox gives a pager no others."""
    sent = PagerDuty().compose(notice(moment), PAGER)
    assert (moment in ACTIONS) == bool(sent)
    assert (moment in ACTIONS) == (moment in CARRIES[ChannelKind.PAGER_DUTY])


def test_a_kind_that_nobody_knows_yet_wakes_nobody() -> None:
    """Neither what a newer operator wrote down, nor a word that is none."""
    assert () == PagerDuty().compose(notice("ShiftsChanged"), PAGER)


@pytest.mark.parametrize(
    ("moment", "keys"),
    [
        ("Declared", [UID]),
        ("SeverityChanged", [f"{UID}-2"]),
        ("Reopened", [UID]),
        ("Acknowledged", [UID, f"{UID}-1", f"{UID}-2"]),
        ("Resolved", [UID, f"{UID}-1", f"{UID}-2"]),
    ],
)
def test_a_higher_severity_has_a_page_of_its_own_and_all_are_ended(moment: str, keys: list[str]) -> None:
    """With the key of one that is open it would be a line of its log, and wake nobody."""
    sent = [json.loads(post.body) for post in PagerDuty().compose(notice(moment, raised=2), PAGER)]
    assert keys == [one["dedup_key"] for one in sent]
    assert {ACTIONS[moment]} == {one["event_action"] for one in sent}


def test_a_trigger_has_what_pager_duty_asks_for() -> None:
    """Summary, source and severity; at most 1024 characters."""
    (post,) = PagerDuty().compose(notice(title="x" * 200), PAGER)
    payload = json.loads(post.body)["payload"]
    assert ("critical", "shop/checkout-5xx", "checkout") == tuple(
        payload[k] for k in ("severity", "source", "component")
    )
    assert len(payload["summary"]) <= 1024


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_wrote_stays_a_value(text: str) -> None:
    """It ends no page and makes no element."""
    (page,) = PagerDuty().compose(notice(title=text), PAGER)
    (mark,) = Grafana().compose(notice(title=text), GRAPHS)
    assert ("trigger", UID) == tuple(json.loads(page.body)[k] for k in ("event_action", "dedup_key"))
    assert not set("<>") & set(json.loads(mark.body)["text"])


def test_an_annotation_stands_at_the_time_it_happened() -> None:
    """In milliseconds, with tags to find it by."""
    (post,) = Grafana().compose(notice("Mitigated"), {**GRAPHS, "dashboardUID": "shop", "panelId": "4"})
    said = json.loads(post.body)
    assert ("https://grafana.example.com/api/annotations", "Bearer glsa_1") == (post.url, post.headers["Authorization"])
    assert (NOW.timestamp() * 1000, "shop", 4) == tuple(said[k] for k in ("time", "dashboardUID", "panelId"))
    assert ["stanch", "Mitigated", "SEV1", "shop", "checkout-5xx"] == said["tags"]


@pytest.mark.parametrize(
    ("kind", "reply", "wanted"),
    [
        ("PagerDuty", Reply(202, b'{"status":"success","dedup_key":"x"}'), Delivered.YES),
        ("PagerDuty", Reply(200, b"<html>sign in</html>"), Delivered.AGAIN),
        ("PagerDuty", Reply(400, b'{"status":"invalid event"}'), Delivered.NEVER),
        ("PagerDuty", Reply(429), Delivered.AGAIN),
        ("Grafana", Reply(200, b'{"id":1,"message":"Annotation added"}'), Delivered.YES),
        ("Grafana", Reply(200, b"<html>sign in</html>"), Delivered.AGAIN),
        ("Grafana", Reply(401), Delivered.AGAIN),
        ("Webhook", Reply(204), Delivered.YES),
        ("Webhook", Reply(307), Delivered.NEVER),
        ("Webhook", Reply(503), Delivered.AGAIN),
    ],
)
def test_what_an_answer_means(kind: str, reply: Reply, wanted: Delivered) -> None:
    """A page that answers for somebody else has told nobody."""
    notifier = next(n for k, n in ALL.items() if k.value == kind)
    (post,) = notifier.compose(notice(), {**PAGER, **GRAPHS, "key": "k" * 32})
    assert wanted is notifier.judge(post, reply).kind


def test_a_panel_is_a_number() -> None:
    """Of the Secret, as all that is configured."""
    with pytest.raises(Unusable, match="panelId"):
        Grafana().compose(notice(), {**GRAPHS, "panelId": "four"})
