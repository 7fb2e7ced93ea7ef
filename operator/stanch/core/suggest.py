"""
What could be tried, from the shape of the symptom: ranked, with the reason, never run by itself (decisions 2.2).

Score = fit (how well the action answers the symptom) x undo (exact 1, by hand 0.7, none 0.3) x narrow (1 less half the share
of ready pods touched) x quick (1 / (1 + undo in minutes)). Only what could start now is named: its own plan says so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.actions import Actions
from stanch.api.incident_status import Suggestion, UndoClass, WishState
from stanch.api.meta import Target, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE, ConditionType, EventKind
from stanch.core.asking import hpas, owned_by, pods_of, replicasets_of, revision_number, target_of
from stanch.core.attempts import open_attempt, standing
from stanch.core.check_restarts import HASH
from stanch.core.conditions import is_true
from stanch.core.draft import Draft, aim_at
from stanch.core.observations import Found, items
from stanch.core.ports import Aim, Change, Clock, Sized
from stanch.core.runners import run_elsewhere

TOP: Final = 3
REPLICAS_MAX: Final = 10_000
UNDO: Final = {UndoClass.AUTO: 1.0, UndoClass.MANUAL: 0.7, UndoClass.NONE: 0.3}
_SECONDS: Final = re.compile(r"^(\d+)s")


@dataclass(frozen=True, slots=True)
class Symptom:
    """One shape that was seen, and an action that answers it. ``ready_touched`` is a share of the pods that are well."""

    action: str
    args: Actions
    target: Target
    fit: float
    why: str
    ready_touched: float = 0.0


def ask_what_could_help(draft: Draft) -> None:
    """What a suggestion is made of; nothing once somebody has asked for something, or it is over."""
    for target in _targets(draft):
        aim = aim_at(draft.incident, target.kind.value, target.name)
        answer = draft.answer(target_of(aim))
        if isinstance(answer, Found) and aim.namespace is not None:
            draft.ask(pods_of(aim, answer.value), replicasets_of(aim, answer.value), hpas(aim.namespace))
    for symptom in _found(draft):
        if isinstance(sized := _size_up(draft, symptom), tuple):
            draft.ask(*sized)


def suggest(draft: Draft) -> None:
    """The three best; the best is told once, when it changes."""
    ranked = sorted(filter(None, (_score(draft, s) for s in _found(draft))), key=lambda s: (-s.score, s.action))[:TOP]
    known = draft.status.suggestions or ()
    if [(s.action, s.target) for s in ranked] == [(s.action, s.target) for s in known]:
        return
    draft.set(suggestions=tuple(ranked) or None)
    if ranked:
        best = ranked[0]
        draft.say(EventKind.MITIGATION_SUGGESTED, f"{best.action} on {best.target}: {best.text}", event=True)


def _found(draft: Draft) -> list[Symptom]:
    return [s for t in _targets(draft) for s in _symptoms(draft, t) if not _stands(draft, s)]


def _targets(draft: Draft) -> list[Target]:
    times = draft.status.times
    over = times is None or times.mitigated or times.resolved or times.cancelled or times.closed
    if over or (draft.records and not _somebody_decides(draft)):
        return []
    return [t for t in draft.incident.spec.targets or () if t.kind is TargetKind.DEPLOYMENT]


def _somebody_decides(draft: Draft) -> bool:
    """What was tried has had its time, and nothing else waits for its turn: then what else there is is looked for."""
    moving = any(r.state in (WishState.WAITING, WishState.HELD) or open_attempt(r) for r in draft.records)
    tried = any(r.box_over_time for r in draft.records)
    return tried and not moving and is_true(draft.status, ConditionType.TIME_BOX_OVER)


def _stands(draft: Draft, symptom: Symptom) -> bool:
    """Is this what was done already?"""
    done = (r for r in draft.records if r.target is not None and r.action == symptom.action and standing(r) is not None)
    return any((r.target.kind, r.target.name) == (symptom.target.kind, symptom.target.name) for r in done if r.target)


def _symptoms(draft: Draft, target: Target) -> Iterator[Symptom]:
    aim = aim_at(draft.incident, target.kind.value, target.name)
    answer = draft.seen.get(target_of(aim))
    if not isinstance(answer, Found):
        return
    obj = answer.value
    listed = draft.seen.get(pods_of(aim, obj))
    if not isinstance(listed, Found):
        return
    pods = [p for p in items(listed) if not p["metadata"].get("deletionTimestamp")]
    bad = [p for p in pods if _fails(p)]
    yield from _new_template(draft, aim, obj, target, pods, bad)
    yield from _one_node(target, pods, bad)
    yield from _scale(draft, aim, obj, target, bad)


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
    others = len(pods) - len(mine)
    sick = len(bad) - len(failing)
    words = f"{len(failing)} of {len(mine)} pods of its newest template fail, {sick} of {others} of older ones"
    well = len(pods) - len(bad)
    touched = (len(mine) - len(failing)) / well if well else 0.0
    yield Symptom("rolloutUndo", Actions(rollout_undo={}), target, 1.0, words, touched)
    if others - sick:
        yield Symptom("rolloutPause", Actions(rollout_pause={}), target, 0.6, f"{words}; it stops there")


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


def _fails(pod: dict[str, Any]) -> bool:
    status = pod.get("status") or {}
    for c in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = ((c.get("state") or {}).get("waiting") or {}).get("reason", "")
        if waiting.endswith(("BackOff", "Error")) or waiting.startswith("ErrImage"):
            return True
        ended = (c.get("state") or {}).get("terminated") or (c.get("lastState") or {}).get("terminated") or {}
        if ended.get("exitCode") and not c.get("ready"):
            return True
    return False


def _size_up(draft: Draft, symptom: Symptom) -> Sized:
    aim = aim_at(draft.incident, symptom.target.kind.value, symptom.target.name)
    _, args = symptom.args.action
    if elsewhere := run_elsewhere(draft, aim, symptom.args):
        return elsewhere
    return draft.catalog.mitigations[symptom.action].size_up(args, aim, draft.seen, Clock(draft.now, draft.now))


def _score(draft: Draft, symptom: Symptom) -> Suggestion | None:
    """Rated by its own plan; None when that would be refused."""
    change = _size_up(draft, symptom)
    if not isinstance(change, Change):
        return None
    seconds = _SECONDS.match(change.undo_takes)
    quick = 1 / (1 + int(seconds[1]) / 60) if seconds else 1.0
    narrow = 1 - symptom.ready_touched * 0.5
    score = symptom.fit * UNDO[draft.catalog.mitigations[symptom.action].undo_class] * narrow * quick
    return Suggestion(
        action=symptom.action,
        target=symptom.target,
        score=round(100 * score),
        text=f"{symptom.why}: {change.summary}"[:500],
        undo_takes=change.undo_takes,
        ask=_ask(symptom),
    )


def _ask(symptom: Symptom) -> str:
    """What to write into the spec, or into a `mitigate` entry, to have it done."""
    target = f"{{kind: {symptom.target.kind.value}, name: {symptom.target.name}}}"
    inner = ", ".join(f"{k}: {v}" for k, v in symptom.args.action[1].wire().items())
    return f"{{name: try-1, target: {target}, {symptom.action}: {{{inner}}}}}"
