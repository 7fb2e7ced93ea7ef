"""Evidence as the core knows it: what to ask, and the bundle of what was answered, named after its content."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stanch.api.evidence import EXTRACT_ANNOTATION, NORMAL_REASONS, Purpose, extract_line
from stanch.api.meta import Severity
from stanch.api.policy import Policy
from stanch.core.held import taken
from stanch.core.observations import Observations
from stanch.core.ports import Aim, Captured, CaptureRequest, Stage, WhatChanged
from stanch.core.questions import Get, List, Question
from stanch.evidence import again, missing
from stanch.evidence.bundle import Capture, bundle, prepare
from stanch.evidence.changes.sources import questions as changes_questions
from stanch.evidence.excerpt import failure_of
from stanch.evidence.gather import questions
from stanch.evidence.opened import reasons
from stanch.evidence.reach import USUAL, reach_of
from stanch.evidence.redact import incident_key
from stanch.evidence.scene import Scene
from stanch.evidence.shelf import File
from stanch.evidence.suspects import what_changed

# Rendered before it is known whether there will be a capture: the oldest goes, and costs the time to render it again.
_PREPARED_MAX = 16
_PREPARED_BYTES_MAX = 64 * 1024 * 1024
# For whom, and which answers a prepared file was made of: by identity, for an answer is never changed, only replaced.
_Fingerprint = tuple[str, tuple[Aim, ...], frozenset[tuple[Question, int]]]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Files of what was seen, and about how many bytes both take."""

    seen: Observations
    files: Mapping[str, File]
    took: int


class EvidenceCollector:
    """Captures with one redaction key an incident, so that equal secrets become equal tokens in all that is kept of it."""

    def __init__(self, key: bytes) -> None:
        """``key`` is kept by the operator in its own namespace; each incident's is made of it (ADR 57)."""
        self._key, self._reach = key, USUAL
        self._prepared: dict[_Fingerprint, _Prepared] = {}

    def within(self, policy: Policy) -> "EvidenceCollector":
        """The same, with what it has prepared, reading as much as this policy says."""
        other = copy(self)
        other._reach = reach_of(policy)
        return other

    def questions(
        self, aim: Aim, seen: Observations, severity: Severity, loses: frozenset[str] = frozenset()
    ) -> tuple[Question, ...]:
        """What to ask next about this target, and about pods that would be lost."""
        return questions(aim, seen, severity, loses, self._reach)

    def prepare(
        self, incident_uid: str, aims: tuple[Aim, ...], seen: Observations, severity: Severity, now: datetime
    ) -> None:
        """Render objects, tables and descriptions while the logs are on their way."""
        request = CaptureRequest(
            "", incident_uid, "", severity, aims, Purpose.BEFORE, "", None, None, now, timedelta(0)
        )
        files = prepare(self._capture(request, seen, {}))
        took = sum(len(file.content) for file in files.values()) + sum(taken(q, a) for q, a in seen.answers.items())
        # The observations are kept with it, so that no identity in the fingerprint can come to mean something else.
        self._prepared[_fingerprint(incident_uid, aims, seen)] = _Prepared(seen, files, took)
        # Several threads may do this at once: each step is one that Python does in one go.
        kept = list(self._prepared.items())
        while len(kept) > _PREPARED_MAX or sum(each.took for _, each in kept) > _PREPARED_BYTES_MAX:
            self._prepared.pop(kept.pop(0)[0], None)

    def capture(self, request: CaptureRequest, seen: Observations) -> Captured:
        """The bundle; its name ends in its digest, so that being there under that name is the receipt."""
        if request.stage is Stage.REST:
            seen = again.with_later(self._scenes(request.aims, seen, request.loses), seen)
        prepared = self._prepared.pop(_fingerprint(request.incident_uid, request.aims, seen), None)
        capture = self._capture(request, seen, prepared.files if prepared else {})
        made = bundle(capture)
        name = f"{request.name}-{made.sha256[:6]}"
        notes = {EXTRACT_ANNOTATION: extract_line(request.namespace, name, made.body["spec"]["encoding"])}
        metadata = {**made.body["metadata"], "name": name, "annotations": notes}
        body: dict[str, Any] = {**made.body, "metadata": metadata}
        told = () if request.stage is Stage.REST else capture.scenes
        failures = [failure for scene in told if (failure := failure_of(scene, capture.key)).line]
        caught_up, still = _of_part_a(request.manifest, {each.name for each in made.items})
        return Captured(
            name=name,
            body=body,
            sha256=made.sha256,
            items=len(made.items),
            missing=len(made.missing),
            really_missing=made.really_missing,
            stored_bytes=made.bytes,
            excerpt=failures[0].line if failures else "",
            lacks=missing.words(made.missing),
            rest=made.rest,
            caught_up=caught_up,
            still=still,
            failing=failures[0].mark if failures else None,
        )

    def changes_questions(self, aims: tuple[Aim, ...], seen: Observations) -> tuple[Question, ...]:
        """What to ask next to learn what changed around these targets."""
        return changes_questions(self._scenes(aims, seen), seen)

    def rest_questions(
        self,
        aims: tuple[Aim, ...],
        seen: Observations,
        severity: Severity,
        manifest: Mapping[str, Any],
        loses: frozenset[str] = frozenset(),
    ) -> tuple[Question, ...]:
        """What to ask next of what part a was not given in time."""
        seen = again.with_later(self._scenes(aims, seen, loses), seen)
        return again.questions(self._scenes(aims, seen, loses), seen, severity, manifest)

    def what_changed(
        self, incident_uid: str, aims: tuple[Aim, ...], seen: Observations, said: datetime | None, now: datetime
    ) -> WhatChanged | None:
        """Dated, ranked and masked."""
        return what_changed(self._scenes(aims, seen), seen, said, now, incident_key(self._key, incident_uid))

    def _capture(self, request: CaptureRequest, seen: Observations, prepared: Mapping[str, File]) -> Capture:
        return Capture(
            aims=request.aims,
            severity=request.severity,
            seen=seen,
            purpose=request.purpose,
            incident=request.incident,
            namespace=request.namespace,
            incident_uid=request.incident_uid,
            mitigation=request.mitigation,
            attempt=request.attempt,
            captured_time=request.captured,
            name=request.name,
            key=incident_key(self._key, request.incident_uid),
            deadline=request.deadline,
            prepared=prepared,
            loses=request.loses,
            room=request.room,
            graphs=request.graphs,
            onset=request.onset,
            stage=request.stage,
            left_for_rest=request.left_for_rest,
            manifest=request.manifest,
            lost=request.lost,
            reach=self._reach,
        )

    def _scenes(
        self, aims: tuple[Aim, ...], seen: Observations, loses: frozenset[str] = frozenset()
    ) -> tuple[Scene, ...]:
        return tuple(Scene(aim, seen, loses, self._reach) for aim in dict.fromkeys(aims))


def _of_part_a(manifest: Mapping[str, Any], here: set[str]) -> tuple[int, str]:
    """How much of what part a was not given is here, and what is missing still, in words."""
    told = [missing.item(*each) for each in reasons(manifest)]
    lacked = [each for each in told if each.reason not in NORMAL_REASONS]
    still = [each for each in lacked if each.name not in here]
    return len(lacked) - len(still), missing.words(still)


def _fingerprint(incident_uid: str, aims: tuple[Aim, ...], seen: Observations) -> _Fingerprint:
    kept = ((q, id(a)) for q, a in seen.answers.items() if isinstance(q, Get | List))
    return incident_uid, aims, frozenset(kept)
