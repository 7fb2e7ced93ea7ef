"""What part a of a capture was made of, kept until part b is stored: logs of pods that the effect took away are nowhere else."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from stanch.api.incident_status import IncidentStatus
from stanch.api.names import MissingReason
from stanch.core.observations import Answer, Failed, Found, Held, Observations
from stanch.core.questions import EVIDENCES, Get, List, Logs, Question
from stanch.core.records import Store

# JSON that was parsed takes so many times the bytes it came in (measured: a list of 500 pods 5.9, of 500 Events 4.3).
PARSED: Final = 6
# One line of a manifest: a dict of some short texts.
LINE_BYTES: Final = 1024
GIVEN_UP: Final = Held(given_up=True)
WITHOUT_ROOM: Final = "given up from memory before part b was stored, for want of room"


def to_hold(seen: Observations, stores: Iterable[Store]) -> dict[str, Held]:
    """What is to be kept when these are stored, by the name of part a; none where nothing is left for a part b."""
    left = {s.name: s.body["spec"] for s in stores if s.ref == EVIDENCES and _leaves(s.body.get("spec") or {})}
    if not left:
        return {}
    found = ((q, a) for q, a in seen.answers.items() if isinstance(q, Get | List | Logs) and isinstance(a, Found))
    answers: dict[Question, Answer] = dict(found)
    return {n: Held(answers, {k: v for k, v in spec.items() if k != "data"}) for n, spec in left.items()}


def _leaves(spec: Mapping[str, Any]) -> bool:
    part = spec.get("part") or {}
    return bool(part.get("index", 1) < part.get("of", 1))


def size(held: Iterable[Held]) -> int:
    """About how many bytes of memory all of this takes; what several share counts once."""
    kept = list(held)
    answers = {id(a): taken(q, a) for each in kept for q, a in each.answers.items()}
    lines = sum(len(each.manifest.get(of) or ()) for each in kept for of in ("items", "missing"))
    return sum(answers.values()) + lines * LINE_BYTES


def taken(question: Question, answer: Answer) -> int:
    """About how many bytes of memory an answer takes."""
    if not isinstance(answer, Found):
        return 0
    if not isinstance(question, Logs):
        return answer.size * PARSED
    log = str(answer.value.get("text") or "")
    return len(log) if log.isascii() else 4 * len(log)


def thinned(held: Held, most: int) -> Held:
    """
    Within ``most`` bytes: without its largest logs, each with an answer that says so; all of it is given up where that is not
    enough.
    """
    logs = [(taken(q, a), q) for q, a in held.answers.items() if isinstance(q, Logs)]
    answers, over = dict(held.answers), size([held]) - most
    for much, question in sorted(logs, key=lambda each: (each[1].previous, -each[0])):
        if over <= 0:
            break
        answers[question] = Failed(0, f"{much} bytes {WITHOUT_ROOM}", MissingReason.BUDGET_FULL)
        over -= much
    return replace(held, answers=answers) if over <= 0 else GIVEN_UP


def needed(held: Mapping[str, Held], status: IncidentStatus) -> dict[str, Held]:
    """What the record still has use for: it names part a, and no part b of it that is stored."""
    kept = status.evidence or ()
    done = {each.rest_of for each in kept if each.stored}
    return {each.name: held[each.name] for each in kept if each.name in held and each.name not in done}
