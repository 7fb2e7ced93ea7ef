"""Which pods fail now, since when, and so when it began."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.evidence.changes.change import OLDEST, Obj
from stanch.evidence.changes.dating import created, whole
from stanch.evidence.choose import signature
from stanch.evidence.dig import at, name_of, number, text, uid_of
from stanch.evidence.states import condition, is_ready, last_end, statuses

# Ready between two crashes: so few restarts happen to healthy pods, too.
_CRASHES: Final = 2


@dataclass(frozen=True, slots=True)
class Onset:
    """When it began, and how that is known; ``seen`` is False when no failure was seen and somebody's word counts."""

    time: datetime
    by: str
    seen: bool


def failing(pods: Iterable[Obj]) -> frozenset[str]:
    """Uids of pods that do not serve, or crash again and again. Pods that have ended well, or are being deleted, don't count."""
    return frozenset(uid_of(pod) for pod in pods if _fails(pod))


def _fails(pod: Obj) -> bool:
    if text(pod, "status", "phase") == "Succeeded" or at(pod, "metadata", "deletionTimestamp") is not None:
        return False
    if not is_ready(pod):
        return True
    return any(number(s, "restartCount") >= _CRASHES and number(last_end(s), "exitCode") for s in statuses(pod))


def onset(pods: Sequence[Obj], warnings: Sequence[Obj], said: datetime | None, now: datetime) -> Onset:
    """
    The first sign of the commonest failure; else what was said; else now.

    A pod that has failed for weeks in its own way must not move the beginning, so only pods that fail like most count.
    """
    bad = failing(pods)
    sick = [pod for pod in pods if uid_of(pod) in bad]
    kinds = Counter((s.container, s.cause) for s in map(signature, sick))
    alike = [p for p in sick if kinds and (signature(p).container, signature(p).cause) == kinds.most_common(1)[0][0]]
    about: dict[str, list[Obj]] = {}
    for event in warnings:
        about.setdefault(text(event, "involvedObject", "uid"), []).append(event)
    told = [sign for pod in alike for sign in _signs(pod, about.get(uid_of(pod), []))]
    signs = [(time, by) for time, by in told if now - OLDEST <= time <= now]
    first = min(signs, default=None)
    said = said if said and said <= now else None
    if first and (said is None or first[0] <= said or said < first[0] - OLDEST):
        return Onset(*first, seen=True)
    if said:
        return Onset(said, "what was said", seen=False)
    return Onset(now, "no failure was seen", seen=False)


def _signs(pod: Obj, warnings: Sequence[Obj]) -> list[tuple[datetime, str]]:
    who = f"pod {name_of(pod)}"
    found: list[tuple[datetime | None, str]] = [
        (
            whole(last_end(status).get("finishedAt")),
            f"{who} ended with exit code {number(last_end(status), 'exitCode')}",
        )
        for status in statuses(pod)
        if number(last_end(status), "exitCode")
    ]
    ready = condition(pod, "Ready")
    if ready.get("status") == "False":
        # Not ready from its first moment on says only that it was made; what it is made of is looked at elsewhere.
        found.append((whole(ready.get("lastTransitionTime")) or created(pod), f"{who} is not ready"))
    found += [
        (whole(event.get("firstTimestamp") or event.get("eventTime")), f"{who}: {text(event, 'reason')}")
        for event in warnings
    ]
    return [(time, by) for time, by in found if time]
