"""
What could be tried, from the shape of the symptom: ranked, with the reason, never run by itself (decisions 2.2).

Score = fit (how well the action answers the symptom) x undo (exact 1, by hand 0.7, none 0.3) x narrow (1 less half the share
of ready pods touched) x quick (1 / (1 + undo in minutes)). Only what could start now is named: its own plan says so.
"""

import json
import re
from typing import Final

from stanch.api.actions import Actions
from stanch.api.incident_status import Suggestion, UndoClass, WishState
from stanch.api.meta import Target, TargetKind
from stanch.api.names import ConditionType, EventKind
from stanch.core.asking import hpas, pods_of, replicasets_of, services, target_of
from stanch.core.attempts import open_attempt, standing
from stanch.core.conditions import is_true
from stanch.core.draft import Draft, aim_at, shorten
from stanch.core.observations import Found
from stanch.core.ports import Change, Clock, Sized
from stanch.core.questions import HTTP_ROUTES, List
from stanch.core.runners import run_elsewhere
from stanch.core.switched import ask_for_flags, switched
from stanch.core.symptoms import Symptom, symptoms
from stanch.core.undo_takes import undo_takes

TOP: Final = 3
UNDO: Final = {UndoClass.AUTO: 1.0, UndoClass.MANUAL: 0.7, UndoClass.NONE: 0.3}
_SECONDS: Final = re.compile(r"^(\d+)s")


def ask_what_could_help(draft: Draft) -> None:
    """What a suggestion is made of; nothing once somebody has asked for something, or it is over."""
    for target in _targets(draft):
        aim = aim_at(draft.incident, target.kind.value, target.name)
        answer = draft.answer(target_of(aim))
        if isinstance(answer, Found) and aim.namespace is not None:
            around = (hpas(aim.namespace), services(aim.namespace), List(HTTP_ROUTES, aim.namespace))
            draft.ask(pods_of(aim, answer.value), replicasets_of(aim, answer.value), *around)
    if _targets(draft):
        ask_for_flags(draft)
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
    targets = _targets(draft)
    shapes = [*(s for t in targets for s in symptoms(draft, t)), *(_flags(draft) if targets else ())]
    return [s for s in shapes if not _stands(draft, s)]


def _flags(draft: Draft) -> list[Symptom]:
    """A switch that was turned is turned back: the narrowest of all."""
    return [
        Symptom("configFlag", Actions(config_flag={"key": key, "value": value}), target, 1.0, shorten(why, 200))
        for target, key, value, why in switched(draft)
    ]


def _targets(draft: Draft) -> list[Target]:
    times = draft.status.times
    over = times is None or times.mitigated or times.resolved or times.cancelled or times.closed
    if over or (draft.records and not _somebody_decides(draft)):
        return []
    return [t for t in draft.looked_at if t.kind is TargetKind.DEPLOYMENT]


def _somebody_decides(draft: Draft) -> bool:
    """What was tried has had its time, and nothing else waits for its turn: then what else there is is looked for."""
    moving = any(r.state in (WishState.WAITING, WishState.HELD) or open_attempt(r) for r in draft.records)
    tried = any(r.box_over_time for r in draft.records)
    return tried and not moving and is_true(draft.status, ConditionType.TIME_BOX_OVER)


def _stands(draft: Draft, symptom: Symptom) -> bool:
    """Is this what was done already?"""
    done = (r for r in draft.records if r.target is not None and r.action == symptom.action and standing(r) is not None)
    return any((r.target.kind, r.target.name) == (symptom.target.kind, symptom.target.name) for r in done if r.target)


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
    takes = undo_takes(draft, symptom.action, change)
    seconds = _SECONDS.match(takes)
    quick = 1 / (1 + int(seconds[1]) / 60) if seconds else 1.0
    narrow = 1 - symptom.ready_touched * 0.5
    score = symptom.fit * UNDO[draft.catalog.mitigations[symptom.action].undo_class] * narrow * quick
    return Suggestion(
        action=symptom.action,
        target=symptom.target,
        score=round(100 * score),
        text=f"{symptom.why}: {change.summary}"[:500],
        undo_takes=takes,
        ask=_ask(symptom),
    )


def _ask(symptom: Symptom) -> str:
    """What to write into the spec, or into a `mitigate` entry, to have it done."""
    target = f"{{kind: {symptom.target.kind.value}, name: {symptom.target.name}}}"
    # As JSON, which is YAML, too: `off` without quotes would be no text.
    inner = ", ".join(f"{k}: {json.dumps(v)}" for k, v in symptom.args.action[1].wire().items())
    return f"{{name: try-1, target: {target}, {symptom.action}: {{{inner}}}}}"
