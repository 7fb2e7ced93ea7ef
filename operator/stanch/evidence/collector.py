"""Evidence as the core knows it: what to ask, and the bundle of what was answered, named after its content."""

from typing import Any

from stanch.api.meta import Severity
from stanch.core.observations import Observations
from stanch.core.ports import Aim, Captured, CaptureRequest
from stanch.core.questions import Question
from stanch.evidence.bundle import Capture, bundle
from stanch.evidence.excerpt import failure_line
from stanch.evidence.gather import questions


class EvidenceCollector:
    """Captures with one redaction key, so that equal secrets become equal tokens in every bundle."""

    def __init__(self, key: bytes) -> None:
        """``key`` is kept by the operator in its own namespace."""
        self._key = key

    def questions(self, aim: Aim, seen: Observations, severity: Severity) -> tuple[Question, ...]:
        """What to ask next about this target."""
        return questions(aim, seen, severity)

    def capture(self, request: CaptureRequest, seen: Observations) -> Captured:
        """The bundle; its name ends in its digest, so that being there under that name is the receipt."""
        made = bundle(
            Capture(
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
            )
        )
        name = f"{request.name}-{made.sha256[:6]}"
        body: dict[str, Any] = {**made.body, "metadata": {**made.body["metadata"], "name": name}}
        lines = [line for aim in request.aims if (line := failure_line(seen, aim, self._key))]
        return Captured(
            name=name,
            body=body,
            sha256=made.sha256,
            items=len(made.items),
            missing=len(made.missing),
            really_missing=made.really_missing,
            stored_bytes=made.bytes,
            excerpt=lines[0] if lines else "",
        )
