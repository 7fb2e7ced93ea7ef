"""
Which alerts are worth their noise: those that no Runbook is for, and those that never led to an action (seed 1, alert review).

By the name of the alert, over all incidents that it made; false alarms count, for they are what is looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stanch.api.names import SERVICE_ACCOUNT_PREFIX, EventKind
from stanch.core.review_deeds import applied
from stanch.core.review_past import Past

DUPLICATE: Final = "Duplicate"
_ACTION: Final = "Action: "


@dataclass(frozen=True, slots=True)
class Alerts:
    """Incidents by the alert that made them: all; of alerts for which none had a Runbook; of those of which none was acted on."""

    incidents: Mapping[str, int]
    without_runbook: Mapping[str, int]
    never_acted: Mapping[str, int]


def alerts(past: Sequence[Past]) -> Alerts:
    """Of incidents that alerts made and that are no drills. A duplicate says nothing: its signals went to the other one."""
    by: dict[str, list[Past]] = {}
    for p in past:
        group = p.incident.spec.alert_group
        names = dict.fromkeys(a.name for a in (group.alerts if group else ()) if a.name)
        for name in names if p.cancelled_as != DUPLICATE else ():
            by.setdefault(name, []).append(p)
    return Alerts(
        _counted(by),
        _counted({name: group for name, group in by.items() if not any(p.incident.status.runbook for p in group)}),
        _counted({name: group for name, group in by.items() if not any(map(_was_acted_on, group))}),
    )


def _counted(by: Mapping[str, Sequence[Past]]) -> Mapping[str, int]:
    """The most frequent first."""
    return {name: len(group) for name, group in sorted(by.items(), key=lambda pair: (-len(pair[1]), pair[0]))}


def _was_acted_on(p: Past) -> bool:
    """By stanch, or by a person who wrote down what they did."""
    status = p.incident.status
    by_hand = (x for x in status.timeline if x.kind == EventKind.NOTE and not x.by.startswith(SERVICE_ACCOUNT_PREFIX))
    return any(map(applied, status.mitigations or ())) or any(x.text.startswith(_ACTION) for x in by_hand)
