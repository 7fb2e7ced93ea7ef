"""
What part a was not given in time, asked once more for part b (ADR 54): logs while the same pod is there, and lists, which then show
what is so after the effect.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from stanch.api.meta import Severity
from stanch.api.names import MissingReason
from stanch.core import asking
from stanch.core.observations import Answer, Failed, Found, Observations, items
from stanch.core.questions import PODS, List, Question
from stanch.evidence.dig import dicts, name_of, text
from stanch.evidence.layout import lists_of, logs_of, target_file
from stanch.evidence.scene import Scene, log_question

# A kubelet that was slow may have answered by now; one that is dead holds nobody up for longer.
SECONDS: Final = 2.0
LATE: Final = (MissingReason.DEADLINE_OVER, MissingReason.NODE_SILENT)


# A list says less about why: what was refused is named otherwise.
LATE_LISTS: Final = (MissingReason.DEADLINE_OVER, MissingReason.NOT_ANSWERED)


def late(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Names of logs that part a was not given in time."""
    return named(manifest, *LATE)


def late_target(scene: Scene, manifest: Mapping[str, Any]) -> bool:
    """Was the target itself not given in time? Then it was not known what else to ask."""
    return target_file(scene) in named(manifest, *LATE_LISTS)


def late_lists(scene: Scene, manifest: Mapping[str, Any]) -> Iterator[tuple[str, List]]:
    """File and question of lists that part a was not given in time, or did not know of for that reason."""
    names, anew = named(manifest, *LATE_LISTS), late_target(scene, manifest)
    had = frozenset(text(each, "name") for each in dicts(manifest, "items")) if anew else frozenset()
    return ((n, q) for n, q in lists_of(scene) if n in names or (anew and n not in had))


def count_late(scenes: Sequence[Scene], seen: Observations) -> int:
    """How many objects and lists are worth asking for again: not those that were refused, or are not there."""
    asked = {asking.target_of(scene.aim) for scene in scenes} | {q for scene in scenes for _, q in lists_of(scene)}
    return sum(_may_come(seen.get(question)) for question in asked)


def _may_come(answer: Answer | None) -> bool:
    return answer is None or (isinstance(answer, Failed) and answer.passing)


def another(question: List) -> List:
    """The same list by another limit: another question than the one that was not answered a moment ago."""
    return replace(question, limit=question.limit - 1)


def with_later(scenes: Sequence[Scene], seen: Observations) -> Observations:
    """What came when it was asked for again, as the answer to what was asked at first."""
    asked = {q for scene in scenes for _, q in lists_of(scene) if not isinstance(seen.get(q), Found)}
    later: dict[Question, Answer] = {q: answer for q in asked if (answer := seen.get(another(q))) is not None}
    return seen.with_answers(later) if later else seen


def named(manifest: Mapping[str, Any], *reasons: str) -> frozenset[str]:
    """Names of what is missing in part a for one of these reasons."""
    return frozenset(text(each, "name") for each in dicts(manifest, "missing") if text(each, "reason") in reasons)


def questions(
    scenes: Sequence[Scene], seen: Observations, severity: Severity, manifest: Mapping[str, Any]
) -> tuple[Question, ...]:
    """What to ask next: lists; and of logs, whether the pod is still there, then what it says."""
    names = late(manifest)
    wanted = dict.fromkeys(each for scene in scenes for each in _lists(scene, seen, manifest))
    if names:
        wanted |= dict.fromkeys(each for scene in scenes for each in _of(scene, seen, severity, manifest, names))
    return tuple(each for each in wanted if seen.get(each) is None)


def _lists(scene: Scene, seen: Observations, manifest: Mapping[str, Any]) -> Iterator[Question]:
    if late_target(scene, manifest):
        yield asking.target_of(scene.aim)
    for _, question in late_lists(scene, manifest):
        if not isinstance(answer := seen.get(question), Found):
            yield question if answer is None else another(question)


def _of(
    scene: Scene, seen: Observations, severity: Severity, manifest: Mapping[str, Any], names: frozenset[str]
) -> Iterator[Question]:
    for name, chosen, slot, _ in logs_of(scene):
        if name not in names or slot.missing:
            continue
        namespace, pod = text(chosen.pod, "metadata", "namespace"), name_of(chosen.pod)
        # The list as it is now: what was seen of the pod before the effect is not asked for here.
        there = List(PODS, namespace, fields=f"metadata.name={pod}", metadata_only=True)
        answer = seen.get(there)
        if answer is None:
            yield there
        # A StatefulSet makes a pod of the same name: that one has other things to say.
        elif any(name_of(each) == pod and _is_older(each, manifest) for each in items(answer)):
            # By another timeout it is another question than the one that was not answered a moment ago.
            yield replace(log_question(chosen, slot, severity, scene.reach), timeout_seconds=SECONDS)


def _is_older(pod: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Was it there before part a was captured? Both are instants in whole seconds, in one form."""
    return "" < text(pod, "metadata", "creationTimestamp") < text(manifest, "capturedTime")
