"""Bundle what was answered, store it, and note it in the record: for every part of evidence, whatever it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stanch.api.evidence import Purpose
from stanch.api.incident_status import EvidenceRecord
from stanch.api.names import EventKind, MissingReason
from stanch.core.draft import Draft, shorten
from stanch.core.evidence_room import room, room_afterwards, room_for_rest, used
from stanch.core.graph_queries import drawn, graph_names, onset
from stanch.core.observations import Observations
from stanch.core.plan_type import Told
from stanch.core.ports import Aim, Captured, CaptureRequest, Stage
from stanch.core.questions import EVIDENCES
from stanch.core.records import Store

RECORDS_MAX = 24
_EVIDENCE_LINES = (EventKind.EVIDENCE_NOT_STORED, EventKind.EVIDENCE_COLLECTED)
_QUIET = (Purpose.AFTER, Purpose.RELAPSE)
_HOW = {
    MissingReason.LOST_IN_RESTART: "lost in a restart",
    MissingReason.BUDGET_FULL: "given up from memory for want of room",
}
_TOO_LATE = "not asked for within half an hour"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One capture that is to be made; ``name`` without its digest, ``loses`` as in Collector.questions."""

    aims: tuple[Aim, ...]
    purpose: Purpose
    name: str
    mitigation: str | None = None
    attempt: str | None = None
    loses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rest:
    """
    Part b of the capture ``of``: made of ``seen``, in which what part a was made of stands as it was answered then.

    ``manifest`` is the spec of part a; ``lost`` is what was left for part b and is known to nobody any more, by name, and why.
    """

    of: EvidenceRecord
    seen: Observations
    manifest: Mapping[str, Any]
    lost: Mapping[str, str]


def capture(draft: Draft, wanted: Wanted, rest: Rest | None = None) -> EvidenceRecord:
    """Bundle, store, note, and tell."""
    captured = collected(draft, wanted, rest)
    meta = draft.incident.metadata
    draft.stores.append(Store(EVIDENCES, meta.namespace, captured.name, captured.sha256, captured.body, urgent=True))
    record = EvidenceRecord(
        name=captured.name,
        purpose=wanted.purpose.value,
        attempt=wanted.attempt if wanted.purpose is Purpose.AFTER else None,
        items=captured.items,
        missing=captured.really_missing,
        lacks=shorten(captured.lacks, 300) or None,
        bytes=captured.stored_bytes,
        sha256=captured.sha256,
        captured_time=draft.now,
        rest=captured.rest or None,
        rest_of=rest.of.name if rest else None,
        caught_up=captured.caught_up or None,
        still=shorten(captured.still, 300) or None,
        failing=captured.failing,
    )
    _note(draft, record)
    _say_captured(draft, captured, wanted.purpose, rest)
    return record


def _note(draft: Draft, record: EvidenceRecord) -> None:
    """The oldest line makes room, of those whose part b is not still to come; its bytes are stored all the same."""
    kept = [*(draft.status.evidence or ()), record]
    if len(kept) > RECORDS_MAX:
        done = {e.rest_of for e in kept}
        gone = next((e for e in kept if not e.rest or e.name in done), kept[0])
        kept.remove(gone)
        draft.set(evidence_unlisted=(draft.status.evidence_unlisted or 0) + gone.bytes)
    draft.set(evidence=tuple(kept))


def _room(draft: Draft, wanted: Wanted, rest: Rest | None) -> int:
    policy, status = draft.catalog.policy, draft.status
    by_now = used(status.evidence or (), status.evidence_unlisted, draft.seen.evidence_bytes)
    if rest is not None:
        return room_for_rest(policy, by_now, rest.of)
    return room_afterwards(policy, by_now) if wanted.purpose in _QUIET else room(policy, by_now)


def collected(draft: Draft, wanted: Wanted, rest: Rest | None = None) -> Captured:
    """The bundle, stored nowhere yet."""
    meta = draft.incident.metadata
    seen = rest.seen if rest else draft.seen
    whole = wanted.purpose in _QUIET
    return draft.catalog.collector.capture(
        CaptureRequest(
            incident=meta.name,
            incident_uid=meta.uid,
            namespace=meta.namespace,
            severity=draft.severity,
            aims=wanted.aims,
            purpose=wanted.purpose,
            name=wanted.name,
            mitigation=wanted.mitigation,
            attempt=wanted.attempt,
            captured=draft.now,
            deadline=draft.catalog.policy.evidence_deadline[draft.severity],
            loses=wanted.loses,
            room=_room(draft, wanted, rest),
            graphs=drawn(draft) if rest or whole else (),
            onset=onset(draft),
            stage=Stage.REST if rest else Stage.WHOLE if whole else Stage.FIRST,
            left_for_rest=() if rest or whole else graph_names(draft),
            manifest=rest.manifest if rest else {},
            lost=rest.lost if rest else {},
        ),
        seen,
    )


def _say_captured(draft: Draft, captured: Captured, purpose: Purpose, rest: Rest | None) -> None:
    # Instants have whole seconds here, so less than one can't be told apart.
    seconds = int((draft.now - (draft.seen.evidence_started or draft.now)).total_seconds())
    took = f"in {seconds}s" if seconds > 0 else "within a second"
    last = next((x.kind for x in reversed(draft.status.timeline) if x.kind in _EVIDENCE_LINES), None)
    if last == EventKind.EVIDENCE_NOT_STORED and rest is None:
        return  # A quiet retry: the line that it could not be stored stands until something else happens.
    gaps = f", {captured.really_missing} missing" if captured.really_missing else ""
    told = f". {captured.excerpt}" if captured.excerpt and rest is None else ""
    part = ", part b" if rest else ""
    text = f"{captured.items} items{gaps} {took} ({purpose.value}{part}){told}"
    if rest is not None and rest.lost:
        lost = _lost_words(rest.lost)
        draft.say(EventKind.EVIDENCE_COLLECTED, f"{text}. {lost}", entry=captured.name, event=True, warning=True)
    elif rest is not None or purpose in _QUIET:
        # The record names it; what was done and what came of it has lines of its own.
        draft.events.append(Told(EventKind.EVIDENCE_COLLECTED, text))
    else:
        draft.say(EventKind.EVIDENCE_COLLECTED, text, entry=captured.name, event=True)


def _lost_words(lost: Mapping[str, str]) -> str:
    """For example ``2 things lost in a restart: pod/a/app.log, pod/b/app.log``."""
    by = {reason: [name for name, why in lost.items() if why == reason] for reason in dict.fromkeys(lost.values())}
    told = (f"{len(names)} things {_HOW.get(why, _TOO_LATE)}: {', '.join(names)}" for why, names in by.items())
    return "; ".join(shorten(each, 160) for each in told)
