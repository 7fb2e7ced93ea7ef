"""Scaling, from events and autoscalers: a write through /scale leaves no time in managedFields."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from stanch.api.names import FIELD_MANAGER
from stanch.core.asking import revision_number
from stanch.evidence.changes.change import Changed, Obj, Sort
from stanch.evidence.changes.dating import BY_FIELDS, UNTIMED, Clock, created, last_write, whole
from stanch.evidence.describe.parts import event_time
from stanch.evidence.dig import at, dicts, mapping, name_of, number, text, uid_of
from stanch.evidence.scene import Scene

# `Scaled up replica set checkout-7c9d8f6b54 from 2 to 5` (deployment_controller, since 1.27; before it had no `from`).
_SCALED: Final = re.compile(r"Scaled (up|down) replica set (\S{1,253}) from (\d{1,9}) to (\d{1,9})")
# A rollout moves two ReplicaSets within so much of each other; scaling moves one.
_ROLLOUT: Final = timedelta(minutes=2)
_NEAR: Final = timedelta(minutes=1)


def scalings(scene: Scene, events: Sequence[Obj], autoscalers: Sequence[Obj], clock: Clock) -> list[Changed]:
    """More or fewer pods of the running template; what a rollout does to two ReplicaSets is not told again."""
    target = scene.target
    if target is None:
        return []
    mine = [each for each in autoscalers if _of(each, scene)]
    found = [change for event in events if (change := _told(scene, event, events, mine))]
    if not found and (late := _untold(scene, clock)):
        found.append(late)
    return [*found, *(_bounds(each, clock) for each in mine)]


def _of(autoscaler: Obj, scene: Scene) -> bool:
    wanted = mapping(autoscaler, "spec", "scaleTargetRef")
    return (text(wanted, "kind"), text(wanted, "name")) == (scene.aim.kind.value, scene.aim.name)


def _told(scene: Scene, event: Obj, events: Sequence[Obj], autoscalers: Sequence[Obj]) -> Changed | None:
    """One event of the newest ReplicaSet that is no step of a rollout."""
    said = _SCALED.search(text(event, "message"))
    if said is None or text(event, "involvedObject", "uid") != uid_of(scene.target):
        return None
    newest = max(scene.history, key=revision_number, default=None)
    time = whole(event_time(event))
    if newest is None or said[2] != name_of(newest) or time is None or int(said[3]) == 0:
        return None
    down = said[1] == "down"
    if not down and _others_move(events, said[2], time):
        return None
    return _changed(scene, int(said[3]), int(said[4]), time, "event ScalingReplicaSet", _who(scene, time, autoscalers))


def _others_move(events: Sequence[Obj], name: str, time: datetime) -> bool:
    """Does another ReplicaSet of it go up or down at that time?"""
    for event in events:
        said, other = _SCALED.search(text(event, "message")), whole(event_time(event))
        if said and said[2] != name and other and abs(other - time) <= _ROLLOUT:
            return True
    return False


def _who(scene: Scene, time: datetime | None, autoscalers: Sequence[Obj]) -> str:
    for each in autoscalers:
        scaled = whole(at(each, "status", "lastScaleTime"))
        if scaled and time and abs(scaled - time) <= _NEAR:
            return f"HorizontalPodAutoscaler {name_of(each)}"
    entries = dicts(scene.target, "metadata", "managedFields")
    owners = [e for e in entries if at(e, "fieldsV1", "f:spec", "f:replicas") is not None]
    through_scale = [text(e, "manager") for e in owners if text(e, "subresource") == "scale"]
    return (through_scale or [text(e, "manager") for e in owners[-1:]] or [""])[-1]


def _changed(scene: Scene, before: int | None, after: int, time: datetime | None, dated: str, by: str) -> Changed:
    down = before is not None and after < before
    word = f"scaled from {before} to {after}" if before is not None else f"scaled, to {after} now"
    return Changed(
        sort=Sort.SCALED_DOWN if down else Sort.SCALED_UP,
        name=f"scale-{scene.aim.name}",
        what=f"{scene.aim.kind.value} {scene.aim.name}",
        text=word,
        time=time,
        dated=dated,
        by=by,
        ours=by == FIELD_MANAGER,
        suggests="scale" if down else "",
    )


def _untold(scene: Scene, clock: Clock) -> Changed | None:
    """Scaled through /scale, and no event tells when: from the ReplicaSet that followed, or not at all."""
    target = scene.target or {}
    entries = dicts(target, "metadata", "managedFields")
    if not any(text(e, "subresource") == "scale" for e in entries):
        return None
    newest = max(scene.history, key=revision_number, default=None)
    write = last_write(newest, clock, ("f:spec", "f:replicas")) if newest else None
    born = created(newest) if newest else None
    replicas = number(target, "spec", "replicas")
    by = _who(scene, None, ())
    if write and write.dated == BY_FIELDS and write.time and born and write.time > born + _ROLLOUT:
        dated = f"managedFields of ReplicaSet {name_of(newest)}, which followed"
        return _changed(scene, None, replicas, write.time, dated, by)
    return _changed(scene, None, replicas, None, UNTIMED, by)


def _bounds(autoscaler: Obj, clock: Clock) -> Changed:
    """Its own spec: bounds, metrics, behaviour."""
    write = last_write(autoscaler, clock, ("f:spec",))
    spec = mapping(autoscaler, "spec")
    low, high = text(spec, "minReplicas") or "1", text(spec, "maxReplicas")
    return Changed(
        sort=Sort.BOUNDS,
        name=f"autoscaler-{name_of(autoscaler)}",
        what=f"HorizontalPodAutoscaler {name_of(autoscaler)}",
        text=f"its spec was written: now {low} to {high} replicas",
        time=write.time,
        dated=write.dated,
        by=write.manager,
        ours=write.manager == FIELD_MANAGER,
        suggests="autoscaler",
    )
