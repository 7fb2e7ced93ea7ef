"""
What a container said last, as its status keeps it: the end of its log or file, which begins wherever the kubelet cut it.

Half a secret has no pattern, so what the cut went through is left away, as it is in logs.
"""

from collections.abc import Mapping
from typing import Any, Final

from stanch.evidence.dig import dicts, mapping, text

# The kubelet keeps so much of a log (MaxContainerTerminationMessageLogLength), and twice that of a file: less was not cut.
CUT_FROM: Final = 2048
LEFT_AWAY: Final = "(its beginning was cut)"
_LISTS: Final = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_STATES: Final = ("state", "lastState")
Obj = dict[str, Any]


def whole(message: str) -> str:
    """Without the line that the cut went through."""
    if len(message.encode("utf-8", "replace")) < CUT_FROM:
        return message
    _, newline, rest = message.partition("\n")
    return f"{LEFT_AWAY}\n{rest}" if newline else LEFT_AWAY


def with_whole_words(pod: Obj) -> Obj:
    """A copy along the paths of termination messages; everything else is shared, and all of it where there are none."""
    status = mapping(pod, "status")
    lists = {name: [_container(each) for each in dicts(status, name)] for name in _LISTS if name in status}
    return {**pod, "status": {**status, **lists}} if lists else pod


def _container(status: Mapping[str, Any]) -> Obj:
    changed = dict(status)
    for name in _STATES:
        if message := text(status, name, "terminated", "message"):
            ended = {**mapping(status, name, "terminated"), "message": whole(message)}
            changed[name] = {**mapping(status, name), "terminated": ended}
    return changed
