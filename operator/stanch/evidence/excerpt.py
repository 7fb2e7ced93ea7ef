"""The one line that tells most, for the timeline: how many pods fail, how, and what they said last."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from stanch.api.similar_status import FailureSignature
from stanch.core.observations import Found
from stanch.core.questions import Logs
from stanch.evidence.choose import is_bad, signature
from stanch.evidence.describe.page import visible
from stanch.evidence.dig import mapping, name_of, number, text
from stanch.evidence.last_words import whole
from stanch.evidence.redact import Redactor
from stanch.evidence.scene import Scene
from stanch.evidence.states import condition, last_end, statuses

Obj = dict[str, Any]

_WORDS_MAX = 160
# As long as a text of the status may be.
_MARK_MAX = 300
# So many words without a number say something.
_TELLS = 2
_LOOK_BACK = 50
_TAIL = 16_384
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]{8,20}(?:Z|[+-]\d\d:\d\d)\s+")
_TELLING = re.compile(r"fatal|panic|error|exception|cannot|can't|failed|refused|denied|no such", re.I)
_STACK = re.compile(r"^\s*(?:at |\.\.\. \d+ more|File \"|goroutine )")


@dataclass(frozen=True, slots=True)
class Failure:
    """In a line, and as what later incidents are compared by; neither where nothing fails."""

    line: str = ""
    mark: FailureSignature | None = None


def failure_of(scene: Scene, key: bytes = b"") -> Failure:
    """For example ``6 of 6 pods of template 7c9d8f6b54 crash: exit code 1, last log line "FATAL: no such table"``."""
    redactor = Redactor(key)
    if scene.on_node:
        return Failure(_node(scene, redactor))
    bad = [chosen.pod for chosen in scene.chosen if not chosen.control]
    if not bad:
        return Failure()
    worst = signature(bad[0])
    alike = [pod for pod in scene.pods if is_bad(pod) and _same(signature(pod), worst)]
    total = sum(signature(pod).template == worst.template for pod in scene.pods)
    template = f" of template {worst.template}" if worst.template else ""
    how, (where, words) = _how(bad[0], worst.container, redactor), _said(scene, alike, worst.container, redactor)
    said = f', {where} "{words}"' if words else ""
    line = visible(f"{len(alike)} of {total} {'' if scene.are_all else 'listed '}pods{template} {how}{said}")
    mark = FailureSignature(container=worst.container[:_MARK_MAX], cause=worst.cause[:_MARK_MAX], said=_general(words))
    return Failure(line, mark)


def _general(words: str) -> str | None:
    """What is said whenever it fails so: numbers, addresses, ids and masks differ each time. None where too little is left."""
    kept = ["#" if any(c.isdigit() for c in word) or "***" in word else word for word in visible(words).split()]
    return " ".join(kept)[:_MARK_MAX] if sum(word != "#" for word in kept) >= _TELLS else None


def _same(one: Any, other: Any) -> bool:
    return (one.template, one.container, one.cause) == (other.template, other.container, other.cause)


def _how(pod: Obj, container: str, redactor: Redactor) -> str:
    """What happens to a pod of this signature."""
    status = next((each for each in statuses(pod) if text(each, "name") == container), {})
    end = last_end(status)
    if number(end, "exitCode"):
        reason = text(end, "reason")
        why = f"{reason}, " if reason not in ("", "Error") else ""
        return f"crash: {why}exit code {number(end, 'exitCode')}"
    waiting = mapping(status, "state", "waiting")
    if waiting:
        return f"do not start: {_short(redactor, text(waiting, 'reason'), text(waiting, 'message'))}"
    unscheduled = condition(pod, "PodScheduled")
    if unscheduled.get("status") == "False":
        return f"are not scheduled: {_short(redactor, text(unscheduled, 'reason'), text(unscheduled, 'message'))}"
    ready = condition(pod, "Ready")
    reason = text(pod, "status", "reason") or text(ready, "reason") or text(pod, "status", "phase")
    message = text(pod, "status", "message") or text(ready, "message")
    return f"are not ready: {_short(redactor, reason, message)}"


def _said(scene: Scene, alike: list[Obj], container: str, redactor: Redactor) -> tuple[str, str]:
    """The last words of a crashed container, and where they stand: its log, else its termination message."""
    names = {name_of(pod) for pod in alike}
    lines = [_telling(redactor, text(answer, "text")) for answer in _answers(scene, names, container)]
    found = Counter(line for line in lines if line[0])
    if found:
        words, last = found.most_common(1)[0][0]
        return "last log line" if last else "log says", words
    for pod in alike:
        for status in statuses(pod):
            words, _ = _telling(redactor, whole(text(last_end(status), "message")))
            if text(status, "name") == container and words:
                return "termination message", words
    return "", ""


def _answers(scene: Scene, names: set[str], container: str) -> list[Obj]:
    """Logs that were read of these pods: of the run before where there is one."""
    found: dict[str, Obj] = {}
    for question, answer in scene.seen.answers.items():
        if not isinstance(question, Logs) or question.pod not in names or question.container != container:
            continue
        if isinstance(answer, Found) and (question.previous or question.pod not in found):
            found[question.pod] = answer.value
    return [found[name] for name in sorted(found)]


def _telling(redactor: Redactor, log: str) -> tuple[str, bool]:
    """The newest line that names an error, and whether it is the last one; else the last line."""
    tail = log[-_TAIL:]
    tail = tail[tail.find("\n") + 1 :] if len(tail) < len(log) else tail  # half a secret has no pattern
    lines = [line for line in _masked(redactor, tail).split("\n") if line.strip()][-_LOOK_BACK:]
    stripped = [_TIME.sub("", line).strip() for line in lines]
    named = [line for line in stripped if _TELLING.search(line) and not _STACK.search(line)]
    if not stripped:
        return "", True
    words = named[-1] if named else stripped[-1]
    return words[:_WORDS_MAX], words == stripped[-1]


def _node(scene: Scene, redactor: Redactor) -> str:
    ready = condition(scene.target or {}, "Ready")
    if not ready or ready.get("status") == "True":
        return ""
    since = text(ready, "lastTransitionTime")
    return f"node {scene.aim.name} is not ready since {since}: {_short(redactor, text(ready, 'reason'), text(ready, 'message'))}"


def _short(redactor: Redactor, reason: str, message: str) -> str:
    return ": ".join(part for part in (reason, _masked(redactor, message)[:_WORDS_MAX].replace("\n", " ")) if part)


def _masked(redactor: Redactor, words: str) -> str:
    """Masked before anything is cut: half a secret has no pattern."""
    return redactor.log(words.encode("utf-8", "replace")).decode()
