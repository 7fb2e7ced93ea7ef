"""A short review that is to be a full one after all is said when that is decided: why, and what its text lacks (issue 9)."""

from collections.abc import Mapping
from typing import Any

from stanch.api.names import EventKind
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.closing import postmortem_of
from stanch.core.draft import Draft, shorten
from stanch.core.lint.form import RULES, Whole
from stanch.core.observations import Found
from stanch.core.postmortem_gate import REQUIRED, SHORT
from stanch.core.postmortem_text import is_published


def tell_that_more_is_asked(draft: Draft, record: PostmortemRecord) -> None:
    """Once: what stood in the record that was handed in was short."""
    before = draft.incident.status.postmortem
    if before is None or before.decision != SHORT or record.decision != REQUIRED:
        return
    why = shorten(", ".join(record.reasons or ()), 500)
    answer = draft.seen.get(postmortem_of(draft))
    todo = _todo(draft, answer.value) if isinstance(answer, Found) else ""
    text = f"Postmortem {before.name} is to be a full one now, no short review: {why}{todo}"
    draft.say(EventKind.POSTMORTEM_REQUIRED, text, entry=before.name, event=True, warning=True)


def _todo(draft: Draft, body: Mapping[str, Any]) -> str:
    if is_published(body):
        return ". It is published and stays as it is: another is drafted"
    whole = Whole(body["spec"], factors_min=draft.catalog.policy.postmortem_factors)
    lacks = dict.fromkeys(each.field.partition("[")[0] for rule in RULES if rule.full for each in rule.look(whole))
    signs = draft.catalog.policy.postmortem_signs
    lacks |= {f"{signs} sign-off{'s' if signs > 1 else ''} of who is no author": None} if signs else {}
    return f". Its text lacks {', '.join(lacks)}" if lacks else ""
