"""What was seen around one target, put together from the answers; asking and bundling read the same scene."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stanch.api.meta import WORKLOADS, Severity, TargetKind
from stanch.core import asking
from stanch.core.observations import Found, Observations, is_cut, items
from stanch.core.ports import Aim
from stanch.core.questions import List, Logs
from stanch.evidence.choose import Chosen, choose, lost
from stanch.evidence.dig import name_of, text, uid_of
from stanch.evidence.reach import USUAL, Reach
from stanch.evidence.states import Slot, slots

Obj = dict[str, Any]

CONTROL_BYTES = 64 * 1024
_REVISIONED = (TargetKind.STATEFUL_SET, TargetKind.DAEMON_SET)


@dataclass(frozen=True)
class Scene:
    """
    One target and what belongs to it. Items of a list carry no kind; here they do.

    ``loses`` are uids of the pods that an effect on a Node takes away; without, its pods are nobody's business here.
    """

    aim: Aim
    seen: Observations
    loses: frozenset[str] = frozenset()
    reach: Reach = USUAL

    @cached_property
    def target(self) -> Obj | None:
        """The target, or None when it is not there or could not be read."""
        answer = self.seen.get(asking.target_of(self.aim))
        return answer.value if isinstance(answer, Found) else None

    @property
    def on_node(self) -> bool:
        """Is the target a Node?"""
        return self.aim.kind is TargetKind.NODE

    @cached_property
    def history_question(self) -> List | None:
        """ReplicaSets or ControllerRevisions; None for kinds that keep no history."""
        if self.target is None:
            return None
        if self.aim.kind is TargetKind.DEPLOYMENT:
            return asking.replicasets_of(self.aim, self.target)
        return asking.controller_revisions_of(self.aim, self.target) if self.aim.kind in _REVISIONED else None

    @cached_property
    def pods_question(self) -> List | None:
        """Its pods: those a workload owns, a Service sends to, a Node runs (known without its object). Others have none."""
        if self.on_node:
            return asking.pods_on_node(self.aim.name)
        if self.target is None:
            return None
        if self.aim.kind is TargetKind.SERVICE:
            return asking.pods_behind(self.aim, self.target)
        return asking.pods_of(self.aim, self.target) if self.aim.kind in WORKLOADS else None

    @cached_property
    def events_question(self) -> List:
        """Warning events of the namespace, or the Node's own."""
        if self.on_node:
            return asking.node_events(self.aim.name)
        return asking.warning_events(self.aim.namespace or "default")

    @cached_property
    def history(self) -> list[Obj]:
        """ReplicaSets or ControllerRevisions it owns."""
        if self.history_question is None:
            return []
        kind = "ReplicaSet" if self.aim.kind is TargetKind.DEPLOYMENT else "ControllerRevision"
        listed = items(self.seen.get(self.history_question))
        return [
            {"apiVersion": "apps/v1", "kind": kind, **each} for each in asking.owned_by(listed, uid_of(self.target))
        ]

    @cached_property
    def pods(self) -> list[Obj]:
        """Its pods, by name; a Pod is its own."""
        if self.aim.kind is TargetKind.POD:
            return [{"apiVersion": "v1", "kind": "Pod", **self.target}] if self.target else []
        listed = items(self.seen.get(self.pods_question)) if self.pods_question else []
        return [{"apiVersion": "v1", "kind": "Pod", **each} for each in sorted(listed, key=name_of)]

    @property
    def are_all(self) -> bool:
        """Are these all its pods, or the first of a longer list?"""
        return self.pods_question is None or not is_cut(self.seen.get(self.pods_question))

    @cached_property
    def chosen(self) -> tuple[Chosen, ...]:
        """Pods to look at closely; of a Node, whose pods belong to others, only those that are lost."""
        return lost(self._losing) if self.on_node else choose(self.pods, self.reach)

    @property
    def passed_over(self) -> int:
        """How many pods are lost without having been looked at."""
        return len(self._losing) - len(self.chosen) if self.on_node else 0

    @cached_property
    def _losing(self) -> list[Obj]:
        return [pod for pod in self.pods if uid_of(pod) in self.loses]


def log_question(chosen: Chosen, slot: Slot, severity: Severity, reach: Reach = USUAL) -> Logs:
    """The request for one log; controls get less."""
    keep = reach.previous_bytes if slot.previous else reach.current_bytes
    keep = min(keep, CONTROL_BYTES) if chosen.control else keep
    return Logs(
        namespace=text(chosen.pod, "metadata", "namespace"),
        pod=name_of(chosen.pod),
        container=slot.container,
        previous=slot.previous,
        node=text(chosen.pod, "spec", "nodeName"),
        tail_lines=2000 if slot.previous else 1000,
        keep_bytes=keep,
        timeout_seconds=3.0 if severity is Severity.SEV1 else 5.0,
    )


def log_questions(scene: Scene, severity: Severity) -> list[Logs]:
    """Logs that can exist: previous ones first, for they are what a restart destroys."""
    open_slots = [(chosen, slot) for chosen in scene.chosen for slot in slots(chosen.pod) if not slot.missing]
    asked = [log_question(chosen, slot, severity, scene.reach) for chosen, slot in open_slots]
    return sorted(asked, key=lambda question: not question.previous)
