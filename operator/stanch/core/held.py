"""What part a of a capture was made of, kept until part b is stored: logs of pods that the effect took away are nowhere else."""

from collections.abc import Iterable, Mapping
from typing import Any

from stanch.api.incident_status import IncidentStatus
from stanch.core.observations import Answer, Found, Held, Observations
from stanch.core.questions import EVIDENCES, Get, List, Logs, Question
from stanch.core.records import Store


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


def size(held: Held) -> int:
    """About how many bytes it takes: of its logs, for they are most of it."""
    found = (a.value for q, a in held.answers.items() if isinstance(q, Logs) and isinstance(a, Found))
    return sum(len(value.get("text") or "") for value in found)


def needed(held: Mapping[str, Held], status: IncidentStatus) -> dict[str, Held]:
    """What the record still has use for: it names part a, and no part b of it that is stored."""
    kept = status.evidence or ()
    done = {each.rest_of for each in kept if each.stored}
    return {each.name: held[each.name] for each in kept if each.name in held and each.name not in done}
