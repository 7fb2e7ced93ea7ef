"""
When somebody outside the API server is asked: Prometheus, an endpoint. Never on the way of an effect.

What is outside may be slow or dead just now, for it is an incident. So it is asked alone, once all else is known, and not in a
plan that begins or performs something. Only before the first effect a quick answer is taken along, for the effect will be
judged against how things stood before it.
"""

from dataclasses import replace
from typing import Final, TypeVar

from stanch.api.incident_status import WishState
from stanch.api.recovery_status import CriterionRecord
from stanch.core.draft import Draft
from stanch.core.observations import Answer
from stanch.core.questions import Metric, Outside, Probe
from stanch.core.sample import is_due

# Longer than a busy Prometheus takes for what a criterion should ask; short enough that nothing else waits for long.
PATIENT: Final = 3.0
# What an effect may be kept waiting, once, beside reads that take about as long.
QUICK: Final = 0.25
Q = TypeVar("Q", Metric, Probe)


def ask_outside(draft: Draft, c: CriterionRecord, *questions: Q) -> tuple[Answer, ...] | None:
    """The answers, in order; None when it is not the time to ask. The questions come with any ``seconds``."""
    if not is_due(c, draft.now, draft.catalog.policy.sample_every):
        return None
    quick = tuple(_within(q, QUICK) for q in questions)
    if (known := _known(draft, quick)) is not None:
        return known
    patient = tuple(_within(q, PATIENT) for q in questions)
    if (known := _known(draft, patient)) is not None:
        return known
    if draft.stores or draft.commands:
        return None
    if draft.questions and not all(isinstance(q, Outside) for q in draft.questions):
        if c.sample_time is None and any(r.state in (WishState.WAITING, WishState.HELD) for r in draft.records):
            draft.ask(*quick)
    else:
        draft.ask(*patient)
    return None


def _within(question: Q, seconds: float) -> Q:
    return replace(question, seconds=seconds)


def _known(draft: Draft, questions: tuple[Q, ...]) -> tuple[Answer, ...] | None:
    found = [a for q in questions if (a := draft.seen.get(q)) is not None]
    return tuple(found) if len(found) == len(questions) else None
