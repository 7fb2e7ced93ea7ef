"""A notice, kind or hostile, for notifiers to put into words."""

from datetime import UTC, datetime
from typing import Any

from stanch.api.said import Audience, UpdateState
from stanch.core.notices import Record, render
from stanch.notifiers.ports import Notice

NOW = datetime(2026, 11, 21, 14, 5, 6, tzinfo=UTC)
UID = "11111111-1111-1111-1111-111111111111"
KEY = "0123456789abcdef"
# What somebody may write into a title, a note or a label to have it act where it is read.
HOSTILE = (
    "<!channel> <@U123> <https://evil.example|click> &amp; @here @everyone",
    "a\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>",
    "a\nSubject: other\x00\x1b[31mred\x07\u202egnp.exe\u2028x\x85y",
    "**bold** [link](javascript:alert(1)) ![i](https://evil.example/x.png) `code` </p><img src=x onerror=alert(1)>",
    "=?utf-8?q?Bcc:_evil@example.com?= " + "é" * 300,
    "x =?utf-8?Q?=0D=0AContent-Type:_text/html=0D=0A=0D=0A<h1>evil</h1>?=",
    "=?utf-8?q?=0D=0ABcc:_evil@example.com?= =?UTF-8?B?DQpCY2M6IGV2aWxAZXhhbXBsZS5jb20=?=",
    "=?utf-8?q?hello_=E2=80=AE_evil_=1B[31m?=",
    '"}],"event_action":"resolve","x":"',
    "]]> <![CDATA[ {{ 7 * 7 }} {% raw %} \ufffe\x9b31m\u2066rev\u2069 \U000e0041",
)


def notice(
    moment: str = "Declared",
    audience: Audience = Audience.INTERNAL,
    title: str = "Checkout returns 500s",
    words: str = "Checkout returns 500s, SEV1",
    **more: Any,
) -> Notice:
    """One message to channel `room`."""
    update = {"told": audience, "state": UpdateState.IDENTIFIED} if moment == "UpdatePublished" else {}
    record = Record(
        "shop", "checkout-5xx", title, "SEV1", f"SEV1 · no commander · {title}", words, "alice", NOW, **update
    )
    text = render(moment, audience, record)
    public = audience is Audience.PUBLIC
    return Notice(
        **{
            "key": KEY,
            "channel": "room",
            "moment": moment,
            "audience": audience,
            "text": text,
            "headline": text.subject if public else record.line,
            "namespace": "shop",
            "name": "checkout-5xx",
            "uid": UID,
            "title": text.subject if public else title,
            "severity": "SEV1",
            "service": "checkout",
            "time": NOW,
            "sent": NOW,
            **more,
        }
    )
