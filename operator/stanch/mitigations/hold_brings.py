"""What waits behind a hold: how far the tool is, how far Git is, and what of it differs by now (mitigations.md 1.15, 1.16)."""

from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.core.git_ops import has
from stanch.core.observations import Found, Observations
from stanch.core.ports import Aim
from stanch.core.questions import FLUX_SOURCES, Get, Question
from stanch.core.steering import Steerer, leaves_alone, steerers
from stanch.mitigations.workload import Json

_NAMED: Final = 5
_REVISION: Final = 24


def brings(aim: Aim, target: Json, seen: Observations) -> str | tuple[Question, ...]:
    """What comes when it is lifted now, as far as the tool itself knows; or what must be known first."""
    if aim.kind is TargetKind.APPLICATION:
        return _application(target)
    if aim.kind is TargetKind.KUSTOMIZATION:
        return _kustomization(aim, target, seen)
    if aim.kind is TargetKind.HELM_RELEASE:
        return _helm_release(target)
    return _object(aim, target, seen)


def _application(target: Json) -> str:
    """Argo CD goes on comparing while its automated sync is off."""
    status = target.get("status") or {}
    sync = status.get("sync") or {}
    state = sync.get("status", "Unknown")
    if state == "Synced":
        return f"Lifted now, it syncs nothing: it is Synced{_at(sync.get('revision'))}"
    last = next((h.get("revision") for h in reversed(status.get("history") or ())), None)
    differ = [
        f"{r.get('kind')} {r.get('name')}" for r in status.get("resources") or () if r.get("status") == "OutOfSync"
    ]
    more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
    what = f": {', '.join(differ[:_NAMED])}{more}" if differ else ""
    since = f", last synced{_at(last)}" if last else ""
    return f"Lifted now, its automated sync goes on: it is {state}{_at(sync.get('revision'))}{since}{what}"


def _kustomization(aim: Aim, target: Json, seen: Observations) -> str | tuple[Question, ...]:
    """While it is suspended only its source follows Git."""
    applied = (target.get("status") or {}).get("lastAppliedRevision")
    ref = target["spec"].get("sourceRef") or {}
    kind, name, namespace = ref.get("kind"), ref.get("name"), ref.get("namespace") or aim.namespace
    where = f"{kind} {namespace}/{name}"
    # What is elsewhere may be none of the business of whoever reads this incident.
    if kind not in FLUX_SOURCES or not name or namespace != aim.namespace:
        return f"Lifted now, it applies what {where} has; before it was held it applied {_named(applied)}"
    question = Get(FLUX_SOURCES[kind], namespace, name)
    answer = seen.get(question)
    if answer is None:
        return (question,)
    artifact: dict[str, Any] = (
        (answer.value.get("status") or {}).get("artifact") or {} if isinstance(answer, Found) else {}
    )
    there = artifact.get("revision")
    if there is None:
        return f"Lifted now, it applies what {where} has, which can't be read; before it was held it applied {_named(applied)}"
    if there == applied:
        return f"Lifted now, it puts back what differs from Git: {where} is{_at(there)}, as when it was held"
    return f"Lifted now, it applies what came into Git since: {where} is{_at(there)}, it had applied {_named(applied)}"


def _helm_release(target: Json) -> str:
    last: Json = next(iter((target.get("status") or {}).get("history") or ()), {})
    asked = ((target["spec"].get("chart") or {}).get("spec") or {}).get("version")
    wants = f"; its spec asks for chart {asked}" if asked else ""
    return f"Lifted now, it upgrades where chart or values changed since chart {last.get('chartVersion', 'unknown')}{wants}"


def _object(aim: Aim, target: Json, seen: Observations) -> str | tuple[Question, ...]:
    """The rest of what the tool applies went on; so it knows a revision, and not what of it is this object's."""
    told: list[str] = []
    for who in steerers(target):
        if not leaves_alone(target, who) or who.ref is None:
            continue
        question = Get(who.ref, who.namespace, who.name)
        answer = seen.get(question)
        if answer is None:
            return (question,)
        told.append(_goes_on(aim, who, answer.value if isinstance(answer, Found) else {}))
    return "; ".join(told)


def _goes_on(aim: Aim, who: Steerer, reconciler: Json) -> str:
    # Who wrote the label may name what they have no right to read (core/git_ops.py).
    known = who.namespace == aim.namespace or (bool(reconciler) and has(dict(reconciler), aim))
    applied = (reconciler.get("status") or {}).get("lastAppliedRevision") if known else None
    at = f"{_at(applied)}, which the rest has" if applied else ""
    return f"Lifted now, {who} puts back what differs from Git at its next run{at}"


def _at(revision: Any) -> str:
    return f" at {_named(revision)}" if revision else ""


def _named(revision: Any) -> str:
    """`main@sha1:0123456789ab…`: long enough to be found again."""
    branch, _, code = str(revision or "nothing that is known").rpartition("@")
    short = code if len(code) <= _REVISION else f"{code[:_REVISION]}…"
    return f"{branch}@{short}" if branch else short
