"""What people wrote down to be done, in notes of kind Todo, as ActionItems to begin with: theirs, until they name another owner."""

from datetime import datetime
from typing import Any

from stanch.api.action_item import ActionItemSpec, ActionKind, Priority
from stanch.api.names import SERVICE_ACCOUNT_PREFIX, EventKind
from stanch.core.draft import Draft, shorten
from stanch.core.whole_story import Story

_TODO = "Todo: "


def todo_items(draft: Draft, story: Story, name: str, due: datetime, room: int) -> list[tuple[str, dict[str, Any]]]:
    """Name and spec of each, the first ones first; ``room`` of them at most, for of fifteen none gets done."""
    notes = [
        line
        for line in story.lines
        if line.kind == EventKind.NOTE
        and line.text.startswith(_TODO)
        and not line.by.startswith(SERVICE_ACCOUNT_PREFIX)
    ]
    found = []
    for line in notes[: max(0, room)]:
        said = line.text.removeprefix(_TODO)
        spec = ActionItemSpec(
            title=shorten(said, 250),
            description=f"Said by {shorten(line.by, 100)} during incident {draft.incident.key}; timeline {line.seq}.",
            incident=draft.incident.metadata.name,
            postmortem=name,
            owner=line.by.replace(",", " ").replace(";", " ")[:253],
            due_time=due,
            priority=Priority.P2,
            kind=ActionKind.PROCESS,
        )
        # An earlier incident of the same name may have left one of this number.
        meta = draft.incident.metadata
        found.append((f"{meta.name}-todo-{line.seq}-{meta.uid[:6]}", spec.wire()))
    return found
