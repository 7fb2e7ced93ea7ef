"""Evidence as the core knows it: what to ask, and the bundle of what was answered, named after its content."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stanch.api.evidence import EXTRACT_ANNOTATION, Purpose, extract_line
from stanch.api.meta import Severity
from stanch.core.observations import Observations
from stanch.core.ports import Aim, Captured, CaptureRequest, Stage, WhatChanged
from stanch.core.questions import Get, List, Question
from stanch.evidence.bundle import Capture, bundle, prepare
from stanch.evidence.changes.sources import questions as changes_questions
from stanch.evidence.excerpt import failure_line
from stanch.evidence.gather import questions
from stanch.evidence.missing import words
from stanch.evidence.scene import Scene
from stanch.evidence.shelf import File
from stanch.evidence.suspects import what_changed

_PREPARED_MAX = 16
# Which answers a prepared file was made of: by identity, for an answer is never changed, only replaced.
_Fingerprint = tuple[tuple[Aim, ...], frozenset[tuple[Question, int]]]


class EvidenceCollector:
    """Captures with one redaction key, so that equal secrets become equal tokens in every bundle."""

    def __init__(self, key: bytes) -> None:
        """``key`` is kept by the operator in its own namespace."""
        self._key = key
        self._prepared: dict[_Fingerprint, tuple[Observations, dict[str, File]]] = {}

    def questions(
        self, aim: Aim, seen: Observations, severity: Severity, loses: frozenset[str] = frozenset()
    ) -> tuple[Question, ...]:
        """What to ask next about this target, and about pods that would be lost."""
        return questions(aim, seen, severity, loses)

    def prepare(self, aims: tuple[Aim, ...], seen: Observations, severity: Severity, now: datetime) -> None:
        """Render objects, tables and descriptions while the logs are on their way."""
        request = CaptureRequest("", "", "", severity, aims, Purpose.BEFORE, "", None, None, now, timedelta(0))
        # Several threads may do this at once: each step is one that Python does in one go.
        for old in list(self._prepared)[: max(0, len(self._prepared) - _PREPARED_MAX + 1)]:
            self._prepared.pop(old, None)
        # The observations are kept with it, so that no identity in the fingerprint can come to mean something else.
        self._prepared[_fingerprint(aims, seen)] = (seen, prepare(self._capture(request, seen, {})))

    def capture(self, request: CaptureRequest, seen: Observations) -> Captured:
        """The bundle; its name ends in its digest, so that being there under that name is the receipt."""
        _, prepared = self._prepared.pop(_fingerprint(request.aims, seen), (seen, {}))
        capture = self._capture(request, seen, prepared)
        made = bundle(capture)
        name = f"{request.name}-{made.sha256[:6]}"
        notes = {EXTRACT_ANNOTATION: extract_line(request.namespace, name, made.body["spec"]["encoding"])}
        metadata = {**made.body["metadata"], "name": name, "annotations": notes}
        body: dict[str, Any] = {**made.body, "metadata": metadata}
        told = () if request.stage is Stage.REST else capture.scenes
        lines = [line for scene in told if (line := failure_line(scene, self._key))]
        return Captured(
            name=name,
            body=body,
            sha256=made.sha256,
            items=len(made.items),
            missing=len(made.missing),
            really_missing=made.really_missing,
            stored_bytes=made.bytes,
            excerpt=lines[0] if lines else "",
            lacks=words(made.missing),
            rest=made.rest,
        )

    def changes_questions(self, aims: tuple[Aim, ...], seen: Observations) -> tuple[Question, ...]:
        """What to ask next to learn what changed around these targets."""
        return changes_questions(_scenes(aims, seen), seen)

    def what_changed(
        self, aims: tuple[Aim, ...], seen: Observations, said: datetime | None, now: datetime
    ) -> WhatChanged | None:
        """Dated, ranked and masked."""
        return what_changed(_scenes(aims, seen), seen, said, now, self._key)

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
            key=self._key,
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
        )


def _scenes(aims: tuple[Aim, ...], seen: Observations) -> tuple[Scene, ...]:
    return tuple(Scene(aim, seen) for aim in dict.fromkeys(aims))


def _fingerprint(aims: tuple[Aim, ...], seen: Observations) -> _Fingerprint:
    kept = ((q, id(a)) for q, a in seen.answers.items() if isinstance(q, Get | List))
    return aims, frozenset(kept)
