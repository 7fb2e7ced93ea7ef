"""Action items for those who don't look into the cluster: Markdown, CSV, and GitHub Issues, both ways. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.action_item import ActionItem, ProofState
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
LABEL: Final = "stanch"
_MARK: Final = re.compile(r"<!-- stanch\.dev/actionitem: ([A-Za-z0-9-]{1,64}) -->")
TITLE_MAX: Final = 250


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
        what = _text(row["title"])
        # The schema takes http and https only; blanks and brackets would end the link.
        link = re.sub(r"[\s()<>|]", lambda m: f"%{ord(m[0]):02X}", row["tracker"])
        cells = (
            row["state"],
            row["priority"],
            f"[{what}]({link})" if link else what,
            _text(row["owner"]),
            row["due"][:10],
            _text(row["incident"]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    # An at sign would call a person, wherever it is pasted.
    return _MARKDOWN.sub(r"\\\1", shorten(text, 300)).replace("@", "@\u200b")


# --- GitHub Issues ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToTracker:
    """One call of GitHub's REST API; ``path`` below the base URL."""

    method: str
    path: str
    body: Mapping[str, Any]
    item: str


@dataclass(frozen=True, slots=True)
class ToItem:
    """A merge patch of an item's spec, as a person would make it."""

    namespace: str
    name: str
    spec: Mapping[str, Any]


Step = ToTracker | ToItem


def issue(item: ActionItem) -> dict[str, Any]:
    """Title, body and labels of the issue of an item. The mark in the body says whose it is, whatever people do to the title."""
    spec, meta = item.spec, item.metadata
    facts = [
        f"- Owner: {_text(spec.owner)}",
        f"- Due: {instant(spec.due_time)}",
        f"- After: incident {_text(spec.incident)}" if spec.incident else "",
        f"- Answers: {_text(', '.join(spec.answers))}" if spec.answers else "",
        f"- State: {item.status.state or 'Open'}",
    ]
    if (proof := item.status.proof) is not None:
        facts.append(f"- Proof ({proof.state}): {_text(proof.seen)}")
    words = [
        _text_block(spec.description or ""),
        "\n".join(fact for fact in facts if fact),
        f"ActionItem {meta.namespace}/{meta.name}. Closing this issue closes it, unless doneWhen says otherwise.",
        f"<!-- stanch.dev/actionitem: {meta.uid} -->",
    ]
    labels = [LABEL, *([spec.priority.value] if spec.priority else []), *([spec.kind.value] if spec.kind else [])]
    return {
        "title": shorten(spec.title, TITLE_MAX).replace("@", "@\u200b"),
        "body": "\n\n".join(w for w in words if w),
        "labels": labels,
    }


def _text_block(text: str) -> str:
    """Several lines, in which nothing is a mark of ours, and nobody is called."""
    return text.replace("<!--", "<\u200b!--").replace("@", "@\u200b")


def marked(found: Mapping[str, Any]) -> str:
    """The uid of the item that an issue is of: the last mark, which is ours; empty when there is none."""
    marks = _MARK.findall(str(found.get("body") or ""))
    return str(marks[-1]) if marks and "pull_request" not in found else ""


def sync(items: Sequence[ActionItem], issues: Iterable[Mapping[str, Any]], repo: str) -> list[Step]:
    """
    What makes both say the same. Words go from the item to the issue, a closed issue closes its item, a done item its issue;
    an issue that was closed although doneWhen fails is opened again, and its body says what was seen. ``repo`` is `owner/name`.
    """
    known = {uid: each for each in issues if (uid := marked(each))}
    steps: list[Step] = []
    for item in items:
        found = known.get(item.metadata.uid)
        steps += _of_one(item, found, repo) if found is not None else _new(item, repo)
    return steps


def _new(item: ActionItem, repo: str) -> list[Step]:
    if done(item):
        return []
    return [ToTracker("POST", f"/repos/{repo}/issues", issue(item), f"{item.metadata.namespace}/{item.metadata.name}")]


def _of_one(item: ActionItem, found: Mapping[str, Any], repo: str) -> list[Step]:
    meta, steps = item.metadata, list[Step]()
    spec: dict[str, Any] = {}
    if item.spec.tracker is None and str(found.get("html_url") or "").startswith(("https://", "http://")):
        spec["tracker"] = found["html_url"]
    wanted, is_closed = issue(item), found.get("state") == "closed"
    fails = item.status.proof is not None and item.status.proof.state is ProofState.FAILS
    change: dict[str, Any] = {key: wanted[key] for key in ("title", "body") if wanted[key] != found.get(key)}
    if set(wanted["labels"]) - {_name(label) for label in found.get("labels") or ()}:
        change["labels"] = sorted({_name(label) for label in found.get("labels") or ()} | set(wanted["labels"]))
    if done(item) and not is_closed:
        change |= {"state": "closed", "state_reason": "completed"}
    elif is_closed and not done(item) and not item.spec.closed and not fails:
        spec["closed"] = True
    elif is_closed and not done(item) and fails:
        change |= {"state": "open"}
    if change:
        path = f"/repos/{repo}/issues/{int(found['number'])}"
        steps.append(ToTracker("PATCH", path, change, f"{meta.namespace}/{meta.name}"))
    if spec:
        steps.append(ToItem(meta.namespace, meta.name, spec))
    return steps


def _name(label: Any) -> str:
    return str(label.get("name") if isinstance(label, Mapping) else label)
