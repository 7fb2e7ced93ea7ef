"""CloudEvents with a signature that somebody else can check, and nothing internal in what the public gets."""

import base64
import hashlib
import hmac
import json

import pytest

from notifiers.notices import HOSTILE, KEY, NOW, UID, notice
from stanch.api.said import Audience
from stanch.notifiers.ports import Post, Unusable
from stanch.notifiers.webhook import Webhook

SECRET = {"url": "https://hooks.example.com/x", "key": "k" * 32}


def post(secret: dict[str, str] = SECRET, **more: object) -> Post:
    """What is sent."""
    (found,) = Webhook().compose(notice(**more), secret)
    return found


def test_it_is_a_cloud_event() -> None:
    """Version 1.0 in structured form; the id is the key, so that a second try is known for one."""
    sent = post()
    event = json.loads(sent.body)
    assert "application/cloudevents+json; charset=utf-8" == sent.headers["Content-Type"]
    assert {
        "specversion": "1.0",
        "id": KEY,
        "source": "/apis/stanch.dev/namespaces/shop/incidents/checkout-5xx",
        "type": "dev.stanch.incident.declared",
        "subject": "shop/checkout-5xx",
        "time": "2026-11-21T14:05:06Z",
        "datacontenttype": "application/json",
    } == {k: v for k, v in event.items() if k != "data"}
    assert (UID, "SEV1", "internal") == tuple(event["data"][k] for k in ("uid", "severity", "audience"))


@pytest.mark.parametrize("key", ["k" * 32, "whsec_" + base64.b64encode(b"k" * 32).decode()], ids=["text", "whsec"])
def test_the_signature_is_that_of_standard_webhooks(key: str) -> None:
    """HMAC-SHA256 over `id.timestamp.body`, in base64."""
    sent = post({**SECRET, "key": key})
    stamp = str(int(NOW.timestamp()))
    signed = hmac.new(b"k" * 32, f"{KEY}.{stamp}.".encode() + sent.body, hashlib.sha256).digest()
    assert (KEY, stamp) == (sent.headers["webhook-id"], sent.headers["webhook-timestamp"])
    assert f"v1,{base64.b64encode(signed).decode()}" == sent.headers["webhook-signature"]


def test_the_public_gets_what_was_written_for_it_and_no_more() -> None:
    """No title, no name, no namespace, no record: a person wrote the text, and nothing else is public."""
    sent = post(moment="UpdatePublished", audience=Audience.PUBLIC, title="db-7 is on fire", words="Some orders fail")
    text = sent.body.decode()
    assert "Some orders fail" in text
    assert not [word for word in ("db-7", "checkout-5xx", "shop", "SEV1", "commander", "alice") if word in text]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_wrote_stays_a_value(text: str) -> None:
    """However it looks."""
    event = json.loads(post(title=text, words=text).body)
    assert (KEY, text) == (event["id"], event["data"]["title"])


@pytest.mark.parametrize("key", ["short", "whsec_!!!", "whsec_aGk="])
def test_a_weak_key_is_refused(key: str) -> None:
    """Or anybody could sign."""
    with pytest.raises(Unusable, match="key key of the Secret"):
        post({**SECRET, "key": key})
