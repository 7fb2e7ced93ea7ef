"""Action items for those who don't look into the cluster: Markdown and CSV. Pure; GitHub Issues are in core/item_issues.py."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

from stanch.api.action_item import ActionItem
from stanch.api.meta import instant
from stanch.core.draft import shorten
from stanch.core.review_items import done

COLUMNS: Final = (
    *("namespace", "name", "state", "priority", "kind", "title", "owner", "due", "incident", "postmortem", "answers"),
    *("proven", "tracker", "description"),
)
# What a spreadsheet takes for a formula (OWASP, CSV injection); also behind blanks, which some of them strip.
_FORMULA: Final = re.compile(r"^[\s\x00]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]")
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>|#!~&])")


def _row(item: ActionItem) -> dict[str, str]:
    spec, proof = item.spec, item.status.proof
    values = {
        "namespace": item.metadata.namespace,
        "name": item.metadata.name,
        "state": item.status.state or "Open",
        "priority": spec.priority,
        "kind": spec.kind,
        "title": spec.title,
        "owner": spec.owner,
        "due": instant(spec.due_time),
        "incident": spec.incident,
        "postmortem": spec.postmortem,
        "answers": " ".join(spec.answers or ()),
        "proven": proof.seen if proof is not None and proof.proven_time is not None else "",
        "tracker": spec.tracker,
        "description": spec.description,
    }
    return {key: str(value or "") for key, value in values.items()}


def in_order(items: Iterable[ActionItem]) -> list[ActionItem]:
    """What is open first, by due time."""
    return sorted(items, key=lambda i: (done(i), i.spec.due_time, i.metadata.namespace, i.metadata.name))


def as_csv(items: Iterable[ActionItem]) -> str:
    """RFC 4180, every cell quoted; what a spreadsheet would run is told to be text by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for item in in_order(items):
        row = _row(item)
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(text: str) -> str:
    text = text.replace("\x00", "\ufffd")
    return f"'{text}" if _FORMULA.match(text) else text


def as_markdown(items: Iterable[ActionItem]) -> str:
    """A table; other people's words can't end a cell, open a tag or be a link."""
    rows = [_row(item) for item in in_order(items)]
    if not rows:
        return "No action items.\n"
    lines = ["| State | Priority | What | Owner | Due | After |", "|---|---|---|---|---|---|"]
    for row in rows:
        what = escaped(row["title"])
        # The schema takes http and https only; blanks and brackets would end the link.
        link = re.sub(r"[\s()<>|]", lambda m: f"%{ord(m[0]):02X}", row["tracker"])
        cells = (
            row["state"],
            row["priority"],
            f"[{what}]({link})" if link else what,
            escaped(row["owner"]),
            row["due"][:10],
            escaped(row["incident"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """On one line, and nothing in it is Markdown; an at sign would call a person, wherever it is pasted."""
    return _MARKDOWN.sub(r"\\\1", shorten(text, 300)).replace("@", "@\u200b")
