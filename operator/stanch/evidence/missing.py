"""Why something is not there: from what the API server said to one fixed word, and what was said."""

import re
from collections.abc import Sequence

from stanch.api.evidence import NORMAL_REASONS, MissingItem
from stanch.api.names import MissingReason
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.questions import Logs, Question

_NO_PREVIOUS = re.compile(r"previous terminated container .{0,256} not found", re.DOTALL)
_NOT_STARTED = re.compile(r"is waiting to start", re.DOTALL)
_SILENT = re.compile(
    r"dial tcp|i/o timeout|timed? ?out|connection refused|no route to host|10250|proxy error|EOF", re.I
)
_TEXT_MAX = 512
_NAMED_MAX = 3


def why(question: Question, answer: Answer | None) -> tuple[str, str]:
    """The reason and message for an answer that can't be used."""
    match answer:
        case None:
            return MissingReason.DEADLINE_OVER, "no answer before the deadline"
        case NotFound():
            return MissingReason.NOT_ANSWERED, "404: it is not there"
        case Failed(reason=MissingReason.DEADLINE_OVER | MissingReason.BUDGET_FULL as reason, message=message):
            # Left behind while others were waited for, or given up since: that says nothing about its own node.
            return reason, message
        case Failed(status=status, message=message):
            return _failed(question, status, message)
        case Found():
            return MissingReason.NOT_ANSWERED, "answered, but not as expected"


def _failed(question: Question, status: int, message: str) -> tuple[str, str]:
    said = f"{status}: {message}" if status else message
    if status in (401, 403):
        return MissingReason.FORBIDDEN, said
    if not isinstance(question, Logs):
        return MissingReason.NOT_ANSWERED, said
    if status == 400 and (_NO_PREVIOUS.search(message) or _NOT_STARTED.search(message)):
        return (MissingReason.NO_PREVIOUS if _NO_PREVIOUS.search(message) else MissingReason.NOT_STARTED), said
    if status == 200:
        return MissingReason.NOT_ANSWERED, f"the kubelet had removed it already: {message}"
    if status == 0 or status >= 500 or _SILENT.search(message):
        seconds = f"{question.timeout_seconds:g}s"
        return MissingReason.NODE_SILENT, f"node {question.node or '?'} did not answer within {seconds}: {said}"
    return MissingReason.NOT_ANSWERED, said


def item(name: str, reason: str, message: str) -> MissingItem:
    """For the list of what is not there; long texts are cut."""
    return MissingItem(name=name[:_TEXT_MAX], reason=reason, message=message[:_TEXT_MAX] or None)


def words(found: Sequence[MissingItem]) -> str:
    """``NodeSilent: pod/a/app.log, pod/b/app.log and 4 more; Forbidden: hpa.json``; empty when nothing really is missing."""
    reasons: dict[str, list[str]] = {}
    for each in found:
        if each.reason not in NORMAL_REASONS:
            reasons.setdefault(each.reason, []).append(each.name)
    return "; ".join(f"{reason}: {_few(sorted(names))}" for reason, names in sorted(reasons.items()))


def _few(names: list[str]) -> str:
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
