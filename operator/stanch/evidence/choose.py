"""Which pods to look at closely, out of any number: by failure signature, not by order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stanch.api.evidence import PODS_LOST_MAX
from stanch.evidence.dig import name_of, number, text
from stanch.evidence.pod_row import row, status_word, template_hash
from stanch.evidence.reach import USUAL, Reach
from stanch.evidence.states import condition, is_ready, last_end, statuses

__all__ = ["Chosen", "Signature", "choose", "is_bad", "row", "signature", "status_word"]

BAD_LEAST = 4  # as many as a small workload has, so that it is captured whole
PER_SIGNATURE = 2

Pod = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Signature:
    """Pods that fail alike: the same template, container and way to fail."""

    ready: bool  # runs now, but crashed before: after those that fail now
    template: str
    container: str
    cause: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pod to look at; a control is a healthy one to compare with."""

    pod: Pod
    control: bool


def choose(pods: Iterable[Pod], reach: Reach = USUAL) -> tuple[Chosen, ...]:
    """At most ``reach.pods`` failing pods, the commonest failure first, and ``reach.controls`` healthy ones."""
    groups: dict[Signature, list[Pod]] = defaultdict(list)
    healthy: list[Pod] = []
    for pod in sorted(pods, key=name_of):
        if is_bad(pod):
            groups[signature(pod)].append(pod)
        elif is_ready(pod):
            healthy.append(pod)
    ordered = [_worst_first(groups[key]) for key in sorted(groups, key=lambda key: (key.ready, -len(groups[key]), key))]
    bad = [pod for group in ordered for pod in _spread(group)][: reach.pods]
    taken = {id(pod) for pod in bad}
    rest = [pod for group in ordered for pod in group if id(pod) not in taken]
    bad += rest[: max(0, min(BAD_LEAST, reach.pods) - len(bad))]
    controls = _controls(healthy, template_hash(bad[0]) if bad else "")[: reach.controls]
    return tuple([Chosen(pod, False) for pod in bad] + [Chosen(pod, True) for pod in controls])


def lost(pods: Iterable[Pod]) -> tuple[Chosen, ...]:
    """Pods that are about to go, at most PODS_LOST_MAX, failing ones first; what was well gets less room."""
    ordered = sorted(pods, key=lambda pod: (not is_bad(pod), text(pod, "metadata", "namespace"), name_of(pod)))
    return tuple(Chosen(pod, control=not is_bad(pod)) for pod in ordered[:PODS_LOST_MAX])


def is_bad(pod: Pod) -> bool:
    """Fails now, or has crashed before and may again. Completed pods and ready ones that never crashed are not bad."""
    if text(pod, "status", "phase") == "Succeeded":
        return False
    return not is_ready(pod) or any(number(last_end(status), "exitCode") for status in statuses(pod))


def signature(pod: Pod) -> Signature:
    """How it fails."""
    container, cause = _cause(pod)
    return Signature(is_ready(pod), template_hash(pod), container, cause)


def _cause(pod: Pod) -> tuple[str, str]:
    waits = [(text(each, "name"), text(each, "state", "waiting", "reason")) for each in statuses(pod)]
    stuck = [(name, why) for name, why in waits if why not in ("", "CrashLoopBackOff", "PodInitializing")]
    ends = [(text(each, "name"), last_end(each)) for each in statuses(pod)]
    failed = [(name, end) for name, end in ends if number(end, "exitCode")]
    if failed:
        name, end = failed[0]
        return name, f"{text(end, 'reason')}:{number(end, 'exitCode')}"
    if stuck:
        return stuck[0]
    unscheduled = condition(pod, "PodScheduled")
    if unscheduled.get("status") == "False":
        return "", text(unscheduled, "reason")
    return "", text(pod, "status", "reason") or text(condition(pod, "Ready"), "reason") or status_word(pod)


def _worst_first(group: list[Pod]) -> list[Pod]:
    """The latest crash first, then the most restarts; the order of names decides the rest."""

    def crash(pod: Pod) -> tuple[str, int]:
        ends = [text(last_end(status), "finishedAt") for status in statuses(pod)]
        return max(ends, default=""), sum(number(status, "restartCount") for status in statuses(pod))

    return sorted(group, key=crash, reverse=True)


def _spread(group: list[Pod]) -> list[Pod]:
    """The first PER_SIGNATURE pods, on different nodes where there are."""
    nodes: Counter[str] = Counter()
    ranked = []
    for index, pod in enumerate(group):
        node = text(pod, "spec", "nodeName")
        ranked.append((nodes[node], index, pod))
        nodes[node] += 1
    return [pod for _, _, pod in sorted(ranked, key=lambda each: each[:2])][:PER_SIGNATURE]


def _controls(healthy: list[Pod], template: str) -> list[Pod]:
    """One of the failing template and one of another, so that the difference can be read; else any."""
    first: dict[str, Pod] = {}
    for pod in healthy:
        first.setdefault(template_hash(pod), pod)
    pair = [first[template]] if template in first else []
    pair += [pod for key, pod in sorted(first.items()) if key != template]
    taken = {id(pod) for pod in pair}
    return pair + [pod for pod in healthy if id(pod) not in taken]
