"""
PagerDuty Events v2 (ecosystem.md 3.6): trigger, acknowledge and resolve, all with the incident's uid as key.

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
        """One event, the same twice is one to PagerDuty, by its key; none for a moment that is not for a pager."""
        if notice.moment not in ACTIONS:
            return ()
        body: dict[str, Any] = {
            "routing_key": needed(secret, "routingKey"),
            "event_action": ACTIONS[notice.moment],
            "dedup_key": notice.uid[:255],
        }
        if body["event_action"] == "trigger":
            body["client"] = "stanch"
            body["payload"] = {
                "summary": one_line(f"{notice.severity}: {notice.title}", SUMMARY_MAX),
                "source": f"{notice.namespace}/{notice.name}",
                "severity": _SEVERITY.get(notice.severity, "error"),
                "timestamp": instant(notice.time),
                "component": notice.service or notice.name,
                "group": notice.namespace,
                "class": "incident",
                "custom_details": {"record": notice.headline, "moment": notice.moment},
            }
        raw = json.dumps(body, ensure_ascii=False).encode()
        url = secret.get("url") or EVENTS
        return (Post("PagerDuty", url, raw, {"Content-Type": "application/json"}),)

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """202 and what stands in the body: a proxy that answers 200 in its place has told nobody."""
        if 200 <= reply.status < 300 and b'"success"' not in reply.body:
            return judged_by_status("PagerDuty", Reply(0, why=f"answers {reply.status}, and not success"))
        return judged_by_status("PagerDuty", reply)
