"""
A webhook of anybody: CloudEvents 1.0 as JSON (ecosystem.md 3.7), signed with HMAC-SHA256 as Standard Webhooks say.

`webhook-id` is the CloudEvent's id and the same at each try: who keeps the ids takes nothing twice.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.names import GROUP
from stanch.api.said import Audience
from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, Unusable, judged_by_status, needed

KEY_PREFIX: Final = "whsec_"
# Standard Webhooks: from 24 to 64 bytes. Ours are read from text, so a few more are no harm.
KEY_MIN: Final = 24


class Webhook:
    """Keys of the Secret: ``url``, and ``key`` (`whsec_` and base64, or at least 24 characters) that signs what is sent there."""

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Post, ...]:
        """One event."""
        url, key = needed(secret, "url"), _key(needed(secret, "key"))
        body = json.dumps(event(notice), ensure_ascii=False, separators=(",", ":")).encode()
        stamp = str(int(notice.sent.timestamp()))
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": notice.key,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{signature(key, notice.key, stamp, body)}",
        }
        return (Post("the webhook", url, body, headers),)

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """By its status."""
        return judged_by_status("the webhook", reply)


def signature(key: bytes, message: str, stamp: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over `id.timestamp.body`."""
    signed = hmac.new(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _key(text: str) -> bytes:
    try:
        key = (
            base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
            if text.startswith(KEY_PREFIX)
            else text.encode()
        )
    except (binascii.Error, ValueError) as error:
        raise Unusable(f"key key of the Secret begins with {KEY_PREFIX} and goes on with no base64") from error
    if len(key) < KEY_MIN:
        raise Unusable(f"key key of the Secret is shorter than {KEY_MIN} bytes")
    return key


def event(notice: Notice) -> dict[str, Any]:
    """The CloudEvent. The public is told nothing that no person wrote for it, names included."""
    public = notice.audience is Audience.PUBLIC
    place = "incidents" if public else f"namespaces/{notice.namespace}/incidents"
    data: dict[str, Any] = {"moment": notice.moment, "audience": notice.audience.value}
    data |= {"uid": notice.uid, "subject": notice.text.subject, "text": notice.text.body}
    if not public:
        data |= {"namespace": notice.namespace, "name": notice.name, "title": notice.title, "severity": notice.severity}
        data |= {"record": notice.headline} | ({"service": notice.service} if notice.service else {})
    return {
        "specversion": "1.0",
        "id": notice.key,
        "source": f"/apis/{GROUP}/{place}/{notice.uid if public else notice.name}",
        "type": f"{_reversed(GROUP)}.incident.{notice.moment.lower()}",
        "subject": notice.uid if public else f"{notice.namespace}/{notice.name}",
        "time": instant(notice.time),
        "datacontenttype": "application/json",
        "data": data,
    }


def _reversed(domain: str) -> str:
    return ".".join(reversed(domain.split(".")))
