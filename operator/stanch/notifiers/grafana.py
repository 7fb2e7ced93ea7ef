"""Annotations in Grafana (ecosystem.md 3.4): what happened, at the time it happened, on every graph that shows the tag `stanch`."""

import html
import json
from collections.abc import Mapping
from typing import Any

from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, Unusable, judged_by_status, needed


class Grafana:
    """Keys of the Secret: ``url`` (its base), ``token`` of a service account, and perhaps ``dashboardUID`` and ``panelId``."""

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Post, ...]:
        """One annotation. It has no key of its own: where an answer is lost it may be there twice."""
        body: dict[str, Any] = {
            "time": int(notice.time.timestamp() * 1000),
            "tags": ["stanch", notice.moment, notice.severity, notice.namespace, notice.name],
            # Shown as HTML.
            "text": html.escape(notice.text.subject),
        }
        if secret.get("dashboardUID"):
            body["dashboardUID"] = needed(secret, "dashboardUID")
        if panel := secret.get("panelId", "").strip():
            if not panel.isascii() or not panel.isdecimal():
                raise Unusable("key panelId of the Secret is no number")
            body["panelId"] = int(panel)
        headers = {"Authorization": f"Bearer {needed(secret, 'token')}", "Content-Type": "application/json"}
        url = f"{needed(secret, 'url').rstrip('/')}/api/annotations"
        return (Post("Grafana", url, json.dumps(body, ensure_ascii=False).encode(), headers),)

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """A login page is 200 as well: an annotation that was made has an id."""
        if 200 <= reply.status < 300 and b'"id"' not in reply.body:
            return judged_by_status("Grafana", Reply(0, why=f"answers {reply.status}, and not with an annotation"))
        return judged_by_status("Grafana", reply)
