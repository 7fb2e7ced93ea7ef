"""
Shapes of trouble that a Deployment, its pods and what stands around them show, and the action that answers each.

The table *symptom to action* with its fits is decisions 2.2. What is judged is read, never guessed: a suggestion is made only
of what the API server says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.actions import Actions
from stanch.api.meta import Target, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.asking import hpas, owned_by, pods_of, replicasets_of, revision_number, services, target_of
from stanch.core.check_restarts import HASH
from stanch.core.check_workload import condition_of, time_of
from stanch.core.draft import Draft, aim_at
from stanch.core.observations import Found, is_cut, items
from stanch.core.pod_health import containers, ended, is_stuck
from stanch.core.ports import Aim
from stanch.core.questions import HTTP_ROUTES, List

REPLICAS_MAX: Final = 10_000
# A template that was there this long before the declaration is no change that could have made it.
LATELY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Symptom:
    """One shape that was seen, and an action that answers it. ``ready_touched`` is a share of the pods that are well."""

    action: str
    args: Actions
    target: Target
    fit: float
    why: str
    ready_touched: float = 0.0


def symptoms(draft: Draft, target: Target) -> Iterator[Symptom]:
    """Of one Deployment, as far as it was read; the table *symptom to action* of decisions 2.2."""
    aim = aim_at(draft.incident, target.kind.value, target.name)
    answer = draft.seen.get(target_of(aim))
    if not isinstance(answer, Found):
        return
    obj = answer.value
    listed = draft.seen.get(pods_of(aim, obj))
    # Shares of a part of the pods say nothing about all of them.
    if not isinstance(listed, Found) or is_cut(listed):
        return
    pods = [p for p in items(listed) if not p["metadata"].get("deletionTimestamp")]
    bad = [p for p in pods if _fails(p, draft.now)]
    yield from _new_template(draft, aim, obj, target, pods, bad)
    yield from _one_node(target, pods, bad)
    yield from _scale(draft, aim, obj, target, bad)
    yield from _out_of_memory(draft, aim, obj, target, pods)
    yield from _behind_a_route(draft, aim, obj, pods, bad)


def _new_template(
    draft: Draft, aim: Aim, obj: dict[str, Any], target: Target, pods: list[dict[str, Any]], bad: list[dict[str, Any]]
) -> Iterator[Symptom]:
    owned = owned_by(items(draft.seen.get(replicasets_of(aim, obj))), obj["metadata"]["uid"])
    newest = max(owned, key=revision_number, default=None)
    if newest is None or len(owned) < 2:
        return
    code = (newest["metadata"].get("labels") or {}).get(HASH)
    mine = [p for p in pods if (p["metadata"].get("labels") or {}).get(HASH) == code]
    failing = [p for p in bad if p in mine]
    if not failing or len(failing) * 2 < len(mine):
        return
    others, sick = len(pods) - len(mine), len(bad) - len(failing)
    if not others and not _is_new(draft, obj, newest):
        return
    words = f"{len(failing)} of {len(mine)} pods of its newest template fail, {sick} of {others} of older ones"
    well = len(pods) - len(bad)
    touched = (len(mine) - len(failing)) / well if well else 0.0
    yield Symptom("rolloutUndo", Actions(rollout_undo={}), target, 1.0, words, touched)
    if others - sick:
        yield Symptom("rolloutPause", Actions(rollout_pause={}), target, 0.6, f"{words}; it stops there")


def _is_new(draft: Draft, obj: dict[str, Any], newest: dict[str, Any]) -> bool:
    """
    Was its newest template rolled out lately, or not to the end? What has served for long was not broken by its release: what
    it depends on may be down, and an older template would stand before the same.
    """
    since = draft.incident.declared - LATELY
    done = condition_of(obj, "Progressing")
    complete = time_of(done.get("lastUpdateTime")) if done.get("reason") == "NewReplicaSetAvailable" else None
    made = time_of(newest["metadata"].get("creationTimestamp"))
    return complete is None or complete >= since or (made is not None and made >= since)


def _one_node(target: Target, pods: list[dict[str, Any]], bad: list[dict[str, Any]]) -> Iterator[Symptom]:
    nodes = {p["spec"].get("nodeName") for p in bad} - {None}
    elsewhere = {p["spec"].get("nodeName") for p in pods if p not in bad} - {None}
    if len(bad) < 2 or len(nodes) != 1 or nodes & elsewhere or not elsewhere:
        return
    node = str(next(iter(nodes)))
    words = f"all {len(bad)} failing pods are on node {node}, and none elsewhere; declare it in {OPERATOR_NAMESPACE}"
    yield Symptom("cordon", Actions(cordon={}), Target(kind=TargetKind.NODE, name=node), 0.9, words)


def _scale(draft: Draft, aim: Aim, obj: dict[str, Any], target: Target, bad: list[dict[str, Any]]) -> Iterator[Symptom]:
    if bad or aim.namespace is None:
        return
    for hpa in items(draft.seen.get(hpas(aim.namespace))):
        reference, spec = hpa["spec"]["scaleTargetRef"], hpa["spec"]
        limited = any(
            c.get("type") == "ScalingLimited" and c.get("status") == "True"
            for c in (hpa.get("status") or {}).get("conditions") or ()
        )
        if (reference["kind"], reference["name"]) == (aim.kind.value, aim.name) and limited:
            most = int(spec["maxReplicas"])
            if most >= REPLICAS_MAX:
                continue
            wanted = Target(kind=TargetKind.AUTOSCALER, name=hpa["metadata"]["name"])
            words = f"its autoscaler wants more than {most} replicas, and no pod fails"
            yield Symptom(
                "autoscaler", Actions(autoscaler={"max_replicas": min(most * 2, REPLICAS_MAX)}), wanted, 0.8, words
            )


def _fails(pod: dict[str, Any], now: datetime) -> bool:
    """Does it end badly, or can it not become Ready by itself? One that starts, within the time its probes give it, does not."""
    return is_stuck(pod, now) or any(ended(c).get("exitCode") and not c.get("ready") for c in containers(pod))


def _out_of_memory(
    draft: Draft, aim: Aim, obj: dict[str, Any], target: Target, pods: list[dict[str, Any]]
) -> Iterator[Symptom]:
    """Killed for their memory by a template that has long been well: perhaps each has too much to do."""
    killed = [p for p in pods if any(ended(c).get("reason") == "OOMKilled" for c in containers(p))]
    owned = owned_by(items(draft.seen.get(replicasets_of(aim, obj))), obj["metadata"]["uid"])
    newest = max((datetime.fromisoformat(o["metadata"]["creationTimestamp"]) for o in owned), default=None)
    size = obj["spec"].get("replicas", 1)
    if not killed or newest is None or newest > draft.incident.declared - LATELY or not size:
        return
    wanted = min(size + max(1, size // 2), REPLICAS_MAX)
    words = f"{len(killed)} of {len(pods)} pods were killed for want of memory, and its template is older than an hour"
    yield Symptom("scale", Actions(scale={"replicas": wanted}), target, 0.4, words)


def _behind_a_route(
    draft: Draft, aim: Aim, obj: dict[str, Any], pods: list[dict[str, Any]], bad: list[dict[str, Any]]
) -> Iterator[Symptom]:
    """One version of several behind a route fails: the others may have its traffic."""
    if aim.namespace is None or len(bad) * 2 < max(1, len(pods)):
        return
    labels = (obj["spec"]["template"]["metadata"].get("labels")) or {}
    mine = {
        s["metadata"]["name"]
        for s in items(draft.seen.get(services(aim.namespace)))
        if (chosen := (s.get("spec") or {}).get("selector")) and chosen.items() <= labels.items()
    }
    for route in items(draft.seen.get(List(HTTP_ROUTES, aim.namespace))):
        for rule in route["spec"].get("rules") or ():
            weights = {str(b.get("name")): b.get("weight", 1) for b in rule.get("backendRefs") or ()}
            sick = sorted(name for name, weight in weights.items() if weight and name in mine)
            if sick:  # That others are left to send to is the plan's to say.
                wanted = Target(kind=TargetKind.HTTP_ROUTE, name=route["metadata"]["name"])
                words = f"{len(bad)} of {len(pods)} pods behind {sick[0]} fail; {wanted} sends to others"
                zero = {"weights": [{"backend": name, "weight": 0} for name in sick]}
                yield Symptom("routeShift", Actions(route_shift=zero), wanted, 0.9, words)
                return
