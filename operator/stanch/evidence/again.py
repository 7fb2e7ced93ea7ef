"""Logs that did not come before the deadline of part a: asked once more for part b, while the same pod is there (ADR 54)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from stanch.api.meta import Severity
from stanch.api.names import MissingReason
from stanch.core.observations import Observations, items
from stanch.core.questions import PODS, List, Question
from stanch.evidence.dig import dicts, name_of, text
from stanch.evidence.layout import logs_of
from stanch.evidence.scene import Scene, log_question

# A kubelet that was slow may have answered by now; one that is dead holds nobody up for longer.
SECONDS: Final = 2.0
LATE: Final = (MissingReason.DEADLINE_OVER, MissingReason.NODE_SILENT)


def late(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Names of what part a was not given in time."""
    return named(manifest, *LATE)


def named(manifest: Mapping[str, Any], *reasons: str) -> frozenset[str]:
    """Names of what is missing in part a for one of these reasons."""
    return frozenset(text(each, "name") for each in dicts(manifest, "missing") if text(each, "reason") in reasons)


def questions(
    scenes: Sequence[Scene], seen: Observations, severity: Severity, manifest: Mapping[str, Any]
) -> tuple[Question, ...]:
    """What to ask next: is the pod still there, then its logs."""
    if not (names := late(manifest)):
        return ()
    wanted = dict.fromkeys(each for scene in scenes for each in _of(scene, seen, severity, manifest, names))
    return tuple(each for each in wanted if seen.get(each) is None)


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
