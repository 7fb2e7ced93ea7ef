"""
PagerDuty Events v2 (ecosystem.md 3.6): trigger, acknowledge and resolve, with the incident's uid as key.

A trigger with the key of an open page is only a line of its log, so a higher severity opens a page with a key of its own;
who answers and what ends does so for all of them. PagerDuty drops what names a key that is not open.

Nothing of another kind is sent: a trigger for an incident whose page was resolved would wake somebody up for a reminder.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.core.notices import ENDS, one_line
from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, judged_by_status, needed

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_MAX: Final = 1024
_SEVERITY: Final = {"SEV1": "critical", "SEV2": "error", "SEV3": "warning", "SEV4": "info"}
# Each moment that is for a pager, and what it is there; core/who_hears.py gives it these and no others.
ACTIONS: Final[Mapping[str, str]] = {
    EventKind.DECLARED: "trigger",
    EventKind.SEVERITY_CHANGED: "trigger",
    EventKind.REOPENED: "trigger",
    EventKind.ACKNOWLEDGED: "acknowledge",
    EventKind.ROLE_CHANGED: "acknowledge",
    **dict.fromkeys(ENDS, "resolve"),
}


class PagerDuty:
    """Keys of the Secret: ``routingKey`` of an Events API v2 integration, and perhaps ``url`` where it is another region's."""

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Post, ...]:
        """
        One event, or one for each page of the incident; the same twice is one to PagerDuty, by its key. None for a moment that
        is not for a pager.
        """
        if notice.moment not in ACTIONS:
            return ()
        url, routing = secret.get("url") or EVENTS, needed(secret, "routingKey")
        action = ACTIONS[notice.moment]
        shown = _page(notice) if action == "trigger" else {}
        bodies = ({"routing_key": routing, "event_action": action, "dedup_key": key, **shown} for key in _keys(notice))
        raws = [json.dumps(body, ensure_ascii=False).encode() for body in bodies]
        return tuple(Post("PagerDuty", url, raw, {"Content-Type": "application/json"}) for raw in raws)

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """202 and what stands in the body: a proxy that answers 200 in its place has told nobody."""
        if 200 <= reply.status < 300 and b'"success"' not in reply.body:
            return judged_by_status("PagerDuty", Reply(0, why=f"answers {reply.status}, and not success"))
        return judged_by_status("PagerDuty", reply)


def _keys(notice: Notice) -> tuple[str, ...]:
    """Of the pages that it is about: the newest opens, all are answered and ended."""
    pages = (notice.uid[:240], *(f"{notice.uid[:240]}-{n}" for n in range(1, notice.raised + 1)))
    if ACTIONS[notice.moment] != "trigger":
        return pages
    return pages[-1:] if notice.moment == EventKind.SEVERITY_CHANGED else pages[:1]


def _page(notice: Notice) -> dict[str, Any]:
    payload = {
        "summary": one_line(f"{notice.severity}: {notice.title}", SUMMARY_MAX),
        "source": f"{notice.namespace}/{notice.name}",
        "severity": _SEVERITY.get(notice.severity, "error"),
        "timestamp": instant(notice.time),
        "component": notice.service or notice.name,
        "group": notice.namespace,
        "class": "incident",
        "custom_details": {"record": notice.headline, "moment": notice.moment},
    }
    return {"client": "stanch", "payload": payload}
