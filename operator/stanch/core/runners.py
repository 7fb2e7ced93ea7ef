"""
Guard 6: a Deployment that Argo Rollouts or Flagger runs, and a route they weigh, though nothing on it says so.

An owner reference is told by the object itself; a Rollout's `workloadRef` and a Canary's `targetRef` only point at it.
"""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.actions import Actions
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.observations import Answer, Failed, items
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import CANARIES, ROLLOUTS, List

_RUN: Final = frozenset({TargetKind.DEPLOYMENT, TargetKind.DAEMON_SET, TargetKind.HTTP_ROUTE})
# What a person would type instead; for the rest: stop it, so that traffic goes back to what was stable.
_ROLLOUTS: Final = {
    "rolloutPause": "argo rollouts pause {name}",
    "rolloutResume": "argo rollouts promote {name}",
    "rolloutRestart": "argo rollouts restart {name}",
    "scale": "scale rollouts.argoproj.io {name} --replicas={replicas}",
}
_ABORT: Final = "argo rollouts abort {name}, and then kubectl -n {namespace} argo rollouts undo {name}"
_SUSPEND: Final = 'patch canaries.flagger.app {name} --type=merge -p \'{{"spec":{{"suspend":true}}}}\''


def nobody_else_runs_it(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """A hold is no change of what they run."""
    return None if record.action == HOLD else run_elsewhere(draft, aim, record.asked)


def run_elsewhere(draft: Draft, aim: Aim, asked: Actions) -> Refusal | None:
    """Asked beside the target itself, so it costs no wait; where these tools are not installed, it costs no call."""
    if aim.kind not in _RUN:
        return None
    rollouts, canaries = List(ROLLOUTS, aim.namespace), List(CANARIES, aim.namespace)
    answers = [draft.answer(q) for q in (rollouts, canaries)]
    if any(a is None for a in answers):
        return None
    failed = next((a for a in answers if isinstance(a, Failed)), None)
    if failed is not None:
        return Refusal(
            Reason.NO_DATA_NOW,
            f"Whether Argo Rollouts or Flagger runs {aim} can't be read: {failed.message}; bind stanch-look-gitops"[
                :900
            ],
        )
    return _rollout(asked, aim, answers[0]) or _canary(aim, answers[1])


def _rollout(asked: Actions, aim: Aim, answer: Answer | None) -> Refusal | None:
    found = next((r for r in items(answer) if _points_at(r["spec"].get("workloadRef"), aim) or _weighs(r, aim)), None)
    if found is None:
        return None
    name, action = found["metadata"]["name"], asked.action[0]
    replicas = asked.scale.replicas if asked.scale else 0
    line = _ROLLOUTS.get(action, _ABORT).format(name=name, namespace=aim.namespace, replicas=replicas)
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{aim} is run by Argo Rollout {name}, which would not notice or would put it back; act on that instead: "
        f"kubectl -n {aim.namespace} {line}",
        final=True,
    )


def _canary(aim: Aim, answer: Answer | None) -> Refusal | None:
    found = next((c for c in items(answer) if _points_at(c["spec"].get("targetRef"), aim)), None)
    if found is None:
        return None
    name = found["metadata"]["name"]
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{aim} is run by Flagger Canary {name}: a change of it starts a new analysis, and its traffic goes to "
        f"{aim.name}-primary. Stop Flagger first, and then act by hand: kubectl -n {aim.namespace} "
        f"{_SUSPEND.format(name=name)}",
        final=True,
    )


def _points_at(reference: Mapping[str, Any] | None, aim: Aim) -> bool:
    said = reference or {}
    return (said.get("kind"), said.get("name")) == (aim.kind.value, aim.name)


def _weighs(rollout: Mapping[str, Any], aim: Aim) -> bool:
    """Does its Gateway API plug-in set the weights of this route?"""
    if aim.kind is not TargetKind.HTTP_ROUTE:
        return False
    canary = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    plugin = ((canary.get("trafficRouting") or {}).get("plugins") or {}).get("argoproj-labs/gatewayAPI") or {}
    named = (plugin.get("httpRoute"), *(r.get("name") for r in plugin.get("httpRoutes") or ()))
    return aim.name in named
