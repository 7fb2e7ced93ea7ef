"""New pod templates: from ReplicaSets and ControllerRevisions, going back included."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from stanch.api.names import FIELD_MANAGER
from stanch.core.asking import revision_number
from stanch.core.diff import differences
from stanch.evidence.changes.change import Changed, Obj, Sort
from stanch.evidence.changes.dating import BY_CREATION, BY_FIELDS, Clock, created, last_write, whole
from stanch.evidence.dig import at, mapping, name_of, number, text, uid_of
from stanch.evidence.pod_row import template_hash
from stanch.evidence.scene import Scene

# A template and the ReplicaSet it leads to are written within so much of each other.
TOGETHER: Final = timedelta(seconds=10)
_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_LINES_MAX: Final = 3
_HASHES: Final = ("pod-template-hash", "controller-revision-hash")


def rollouts(scene: Scene, scalings: Sequence[Obj], clock: Clock, since: datetime) -> list[Changed]:
    """One for each template taken up ``since`` then, with the diff to the one before it; the order of revisions counts."""
    if scene.target is None:
        return []
    ordered = sorted(scene.history, key=lambda each: (_number(each), text(each, "metadata", "creationTimestamp")))
    hashes: dict[str, set[str]] = {}
    for pod in scene.pods:
        hashes.setdefault(template_hash(pod), set()).add(uid_of(pod))
    found = [
        _rollout(scene, ordered, index, scalings, clock, since, hashes)
        for index in range(len(ordered))
        # The oldest that is kept has nothing to be compared with, unless it is all there ever was.
        if index or len(ordered) == 1
    ]
    return [each for each in found if each]


def _number(obj: Obj) -> int:
    return number(obj, "revision") or revision_number(obj)


def _rollout(
    scene: Scene,
    ordered: list[Obj],
    index: int,
    scalings: Sequence[Obj],
    clock: Clock,
    since: datetime,
    hashes: Mapping[str, set[str]],
) -> Changed | None:
    obj, before = ordered[index], ordered[index - 1] if index else None
    current = index == len(ordered) - 1
    back = current and _went_back(obj, ordered)
    time, dated = _when(scene, obj, ordered, scalings, clock) if back else (created(obj), BY_CREATION)
    if time is not None and time < since:
        return None  # Most are old, and to compare templates takes time.
    said = last_write(scene.target or {}, clock, ("f:spec", "f:template")) if current else None
    near = said is not None and said.time is not None and time is not None and abs(said.time - time) <= TOGETHER
    manager = said.manager if said and near else ""
    code = _code(obj)
    return Changed(
        sort=Sort.TEMPLATE,
        name=f"rollout-{_number(obj) or code}",
        what=f"{scene.aim.kind.value} {scene.aim.name}",
        text=_text(code, before, obj, back=back),
        time=time,
        dated=dated,
        by=manager,
        has=frozenset(hashes.get(code, set()) | hashes.get(name_of(obj), set())),
        ours=manager == FIELD_MANAGER,
        suggests="rolloutUndo" if before is not None and current else "",
    )


def _went_back(obj: Obj, ordered: list[Obj]) -> bool:
    """An old template was taken up again: its object is older than another one of a lower revision."""
    mine = created(obj)
    return mine is not None and any((other := created(each)) is not None and other > mine for each in ordered)


def _when(
    scene: Scene, obj: Obj, ordered: list[Obj], scalings: Sequence[Obj], clock: Clock
) -> tuple[datetime | None, str]:
    """No object is made when one goes back: the template's write tells, or the first event of its ReplicaSet since."""
    since = max((t for each in ordered if (t := created(each))), default=None)
    write = last_write(scene.target or {}, clock, ("f:spec", "f:template"))
    if write.dated == BY_FIELDS and write.time and since and write.time >= since:
        return write.time, BY_FIELDS
    firsts = [
        first
        for event in scalings
        if f" {name_of(obj)} " in f"{text(event, 'message')} "
        and (first := whole(event.get("firstTimestamp") or event.get("eventTime")))
        and since
        and first >= since
    ]
    if firsts:
        return min(firsts), "event ScalingReplicaSet"
    # Of a ControllerRevision the number is all that moves.
    moved = last_write(obj, clock)
    return (moved.time, moved.dated) if moved.time else (write.time, write.dated)


def _code(obj: Obj) -> str:
    """What its pods have as a label: a StatefulSet's have the revision's whole name."""
    return template_hash(obj) or name_of(obj)


def _template(obj: Obj) -> Obj:
    """The pod template without the label that says which one it is."""
    found = mapping(obj, "spec", "template") or mapping(obj, "data", "spec", "template")
    labels = {k: v for k, v in mapping(found, "metadata", "labels").items() if k not in _HASHES}
    metadata = {k: v for k, v in mapping(found, "metadata").items() if k != "creationTimestamp"}
    return {"metadata": {**metadata, "labels": labels}, "spec": mapping(found, "spec")}


def _text(code: str, before: Obj | None, obj: Obj, *, back: bool) -> str:
    did = "taken up again" if back else "rolled out"
    if before is None:
        return f"template {code} {did}, the first one"
    old, new = _template(before), _template(obj)
    if _only_restarted(old, new):
        return f"restarted: template {code}, which differs by {_RESTARTED} only"
    lines = differences(old, new)
    more = f" and {len(lines) - _LINES_MAX} more" if len(lines) > _LINES_MAX else ""
    told = "; ".join(line.removeprefix("spec.") for line in lines[:_LINES_MAX])
    return f"template {code} {did} ({told or 'no difference'}{more})"


def _only_restarted(old: Obj, new: Obj) -> bool:
    if at(old, "metadata", "annotations", _RESTARTED) == at(new, "metadata", "annotations", _RESTARTED):
        return False
    plain = [{**each, "metadata": {**mapping(each, "metadata"), "annotations": _others(each)}} for each in (old, new)]
    return plain[0] == plain[1]


def _others(template: Obj) -> Obj:
    return {k: v for k, v in mapping(template, "metadata", "annotations").items() if k != _RESTARTED}
