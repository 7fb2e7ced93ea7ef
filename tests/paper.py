"""Evidence on paper: what decisions need of it is that it exists."""

import hashlib
from typing import Any

from stanch.api.names import Label
from stanch.core.observations import Answer, Failed, Observations
from stanch.core.ports import Aim, Captured, CaptureRequest, WhatChanged
from stanch.core.questions import Outside, Question


class PaperCollector:
    """Asks for nothing and stores a slip of paper: core decisions need evidence to exist, not to say something."""

    def within(self, policy: object) -> "PaperCollector":
        """Paper is paper."""
        return self

    def questions(
        self, aim: Aim, seen: Observations, severity: object, loses: frozenset[str] = frozenset()
    ) -> tuple[Question, ...]:
        """Nothing."""
        return ()

    def prepare(self, incident_uid: object, aims: object, seen: object, severity: object, now: object) -> None:
        """Nothing."""

    def capture(self, request: CaptureRequest, seen: Observations) -> Captured:
        """A slip that says what it is for."""
        sha = hashlib.sha256(f"{request.name}{request.captured}".encode()).hexdigest()
        name = f"{request.name}-{sha[:6]}"
        body = {
            "metadata": {
                "name": name,
                "labels": {Label.INCIDENT: request.incident, Label.INCIDENT_UID: request.incident_uid},
            },
            "of": sorted(request.loses),
        }
        return Captured(name, body, sha, items=1, missing=0, really_missing=0, stored_bytes=10)

    def changes_questions(self, aims: object, seen: object) -> tuple[Question, ...]:
        """Nothing."""
        return ()

    def rest_questions(
        self, aims: object, seen: object, severity: object, manifest: object, loses: object = frozenset()
    ) -> tuple[Question, ...]:
        """Nothing."""
        return ()

    def what_changed(
        self, incident_uid: object, aims: object, seen: object, said: object, now: object
    ) -> WhatChanged | None:
        """Paper can't say."""
        return None


def nobody_outside(_: Outside) -> Answer:
    """No Prometheus and no endpoint."""
    return Failed(0, "nobody is there")


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Fields that are not the same, shortened."""
    return [f"{k}: {one.get(k)} -> {other.get(k)}"[:700] for k in {*one, *other} if one.get(k) != other.get(k)]
