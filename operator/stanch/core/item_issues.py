"""
GitHub Issues of action items, both ways. Pure.

Who is right when the two differ? Whoever changed it since they last agreed: what was agreed stands in a mark in the issue's
body, so a person who opens one side again is heard as one who closes it. Where doneWhen says what is so, it wins.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.action_item import ActionItem, ProofState
from stanch.api.meta import instant
from stanch.api.names import ItemCondition, ItemReason
from stanch.core.draft import shorten
from stanch.core.item_export import escaped
from stanch.core.review_items import done

LABEL: Final = "stanch"
TITLE_MAX: Final = 250
_MARK: Final = re.compile(r"<!-- stanch\.dev/actionitem: ([A-Za-z0-9-]{1,64}) -->")
_AGREED: Final = re.compile(r"<!-- stanch\.dev/agreed: (open|closed) -->")
_OPEN, _CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class ToTracker:
    """One call of GitHub's REST API; ``path`` below the base URL; ``item`` as ``namespace/name``, ``tracker`` what it names."""

    method: str
    path: str
    body: Mapping[str, Any]
    item: str
    tracker: str | None = None


@dataclass(frozen=True, slots=True)
class ToItem:
    """A merge patch of an item's spec, as a person would make it, of the version that was looked at."""

    namespace: str
    name: str
    spec: Mapping[str, Any]
    version: str = ""

    @property
    def item(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


Step = ToTracker | ToItem


def issue(item: ActionItem, closed: bool = False) -> dict[str, Any]:
    """
    Title, body and labels of the issue of an item.

    Marks in the body say whose it is, whatever people do to the title, and whether both sides are
    ``closed`` once this is written.
    """
    spec, meta = item.spec, item.metadata
    facts = [
        f"- Owner: {escaped(spec.owner)}",
        f"- Due: {instant(spec.due_time)}",
        f"- After: incident {escaped(spec.incident)}" if spec.incident else "",
        f"- Answers: {escaped(', '.join(spec.answers))}" if spec.answers else "",
        f"- State: {item.status.state or 'Open'}{_why(item)}",
    ]
    if (proof := item.status.proof) is not None:
        facts.append(f"- Proof ({proof.state}): {escaped(proof.seen)}")
    words = [
        _text_block(spec.description or ""),
        "\n".join(fact for fact in facts if fact),
        f"ActionItem {meta.namespace}/{meta.name}. Closing this issue closes it, and opening it again opens it, unless doneWhen "
        "says otherwise.",
        f"<!-- stanch.dev/agreed: {_CLOSED if closed else _OPEN} -->",
        f"<!-- stanch.dev/actionitem: {meta.uid} -->",
    ]
    labels = [LABEL, *([spec.priority.value] if spec.priority else []), *([spec.kind.value] if spec.kind else [])]
    return {
        "title": shorten(spec.title, TITLE_MAX).replace("@", "@\u200b"),
        "body": "\n\n".join(w for w in words if w),
        "labels": labels,
    }


def _why(item: ActionItem) -> str:
    said = next((c for c in item.status.conditions if c.type == ItemCondition.DONE), None)
    return "" if said is None or said.reason in (ItemReason.OPEN, ItemReason.CLOSED) else f": {escaped(said.message)}"


def _text_block(text: str) -> str:
    """Several lines, in which nothing is a mark of ours, and nobody is called."""
    return text.replace("<!--", "<\u200b!--").replace("@", "@\u200b")


def marked(found: Mapping[str, Any]) -> str:
    """The uid of the item that an issue is of: the last mark, which is ours; empty when there is none."""
    marks = _MARK.findall(str(found.get("body") or ""))
    return str(marks[-1]) if marks and "pull_request" not in found else ""


def has_label(found: Mapping[str, Any]) -> bool:
    """Does an issue carry our label? GitHub drops labels of whoever may not set them, without a word."""
    return LABEL in _labels(found)


def issue_number(tracker: str, repo: str) -> int | None:
    """Of the issue that a link names, if it is one of this repository."""
    match = re.fullmatch(rf"https?://[^/]+/(?:repos/)?{re.escape(repo)}/issues/(\d{{1,12}})", tracker)
    return int(match[1]) if match else None


def sync(items: Sequence[ActionItem], issues: Iterable[Mapping[str, Any]], repo: str) -> list[Step]:
    """
    What makes both say the same, in the order in which it must be done. ``repo`` is `owner/name`.

    Words go from the item to the issue. What a person closed or opened again since the last time goes from either side to
    the other; an issue that says otherwise than doneWhen is put right, and its body says what was seen.
    """
    known = {uid: each for each in issues if (uid := marked(each))}
    steps: list[Step] = []
    for item in items:
        found = known.get(item.metadata.uid)
        steps += _of_one(item, found, repo) if found is not None else _new(item, repo)
    return steps


def _new(item: ActionItem, repo: str) -> list[Step]:
    if done(item) or (item.spec.closed and item.spec.done_when is None):
        return []
    name = f"{item.metadata.namespace}/{item.metadata.name}"
    return [ToTracker("POST", f"/repos/{repo}/issues", issue(item), name, item.spec.tracker)]


def _of_one(item: ActionItem, found: Mapping[str, Any], repo: str) -> list[Step]:
    meta, steps = item.metadata, list[Step]()
    is_closed = found.get("state") == _CLOSED
    word, closed = _settled(item, is_closed, _AGREED.findall(str(found.get("body") or ""))[-1:] == [_CLOSED])
    spec: dict[str, Any] = {} if word is None else {"closed": word}
    if item.spec.tracker is None and str(found.get("html_url") or "").startswith(("https://", "http://")):
        spec["tracker"] = found["html_url"]
    if spec:
        # Before the issue says that both agree: after a crash between the two the same is found again.
        steps.append(ToItem(meta.namespace, meta.name, spec, meta.resource_version))
    wanted = issue(item, closed)
    change: dict[str, Any] = {key: wanted[key] for key in ("title", "body") if wanted[key] != found.get(key)}
    if set(wanted["labels"]) - _labels(found):
        change["labels"] = sorted(_labels(found) | set(wanted["labels"]))
    if closed and not is_closed:
        change |= {"state": _CLOSED, "state_reason": "completed"}
    elif is_closed and not closed:
        change |= {"state": _OPEN, "state_reason": "reopened"}
    if change:
        path = f"/repos/{repo}/issues/{int(found['number'])}"
        steps.append(ToTracker("PATCH", path, change, f"{meta.namespace}/{meta.name}"))
    return steps


def _settled(item: ActionItem, is_closed: bool, was: bool) -> tuple[bool | None, bool]:
    """
    What spec.closed is to be (None: as it is), and whether the issue is closed then.

    ``is_closed`` is the issue, ``was`` what both said when they last agreed.
    """
    word, check = bool(item.spec.closed), item.spec.done_when is not None
    if check and (proven := _proven(item)) is not None:
        return None, proven
    if check and done(item):
        # Proved, and just now nobody can say: neither side is put right by a guess.
        return None, is_closed
    if is_closed == word:
        return None, is_closed
    if is_closed != was:
        return is_closed, is_closed
    # What is said of the item closes no issue while doneWhen is still to prove it.
    return None, word and not check


def _proven(item: ActionItem) -> bool | None:
    """Does doneWhen say that it is done, or that it is not? None while it says neither."""
    proof = item.status.proof
    if proof is None or proof.state is ProofState.UNKNOWN:
        return None
    if proof.state is ProofState.HOLDS:
        return True if done(item) else None
    return None if done(item) else False


def _labels(found: Mapping[str, Any]) -> set[str]:
    """Names of an issue's labels, which a tracker gives as objects or as words."""
    return {str(label.get("name") if isinstance(label, Mapping) else label) for label in found.get("labels") or ()}
