"""A name for the channel of an incident, where nobody gave one: dated, scoped, and found again by who looks for it (seeds)."""

import re
from typing import Final

from stanch.api.communications_status import CommunicationsRecord
from stanch.core.draft import Draft

# As long as Slack takes them.
NAME_MAX: Final = 80
_WORDS: Final = 4


def name_channel(draft: Draft) -> None:
    """What the spec says; else a name that stands still from the declaration on, also when the title changes."""
    if draft.status.times is None:
        return
    record = draft.status.communications or CommunicationsRecord()
    talk = draft.incident.spec.communications
    wanted = talk.channel if talk is not None and talk.channel else record.channel or _proposed(draft)
    if wanted != record.channel:
        draft.set(communications=record.model_copy(update={"channel": wanted}))


def _proposed(draft: Draft) -> str:
    """`#inc-2026-11-21-checkout-returns-500s`: the day, the service, and the first words that say something else."""
    spec = draft.incident.spec
    service = _words(spec.service or "")
    title = [word for word in _words(spec.title) if word not in service]
    name = "-".join((f"inc-{draft.incident.declared:%Y-%m-%d}", *service, *title[:_WORDS]))
    return f"#{name[:NAME_MAX].rstrip('-')}"


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
