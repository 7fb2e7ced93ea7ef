"""
What the guards count: effects of every open incident, and when alerts made incidents. All of it stands in records in the
API (decisions C13), so a restart forgets nothing; a second replica that has not seen the newest record may overshoot by one
(ADR 18).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.incident_status import AttemptState, Effect, WishState
from stanch.api.names import Label, Reason
from stanch.api.wish import Revert

# Sources of a wish that a Runbook made, before its name.
RUNBOOK: Final = "Runbook/"
# Of an attempt that is under way; as an enum's values are strings, this serves for JSON, too.
OPEN: Final = frozenset({AttemptState.INTENDED, AttemptState.STARTED, AttemptState.APPLIED})


@dataclass(frozen=True, slots=True)
class Deed:
    """
    One effect, or one that is written down and about to be: an undo is none, for undoing is always free.

    ``post`` is the digest of its ``fields`` as it left them; ``applied`` is when it was seen to be done; ``owner`` is the uid
    of the controller of a pod; ``undo_took`` is from the intention of its undo until that was seen to be whole; ``removes``
    are uids of the pods it takes away; ``over``: its incident is closed or cancelled.
    """

    incident: str
    mitigation: str
    source: str
    target: str
    time: datetime
    under_way: bool
    effect: str
    fields: tuple[str, ...] = ()
    undone: bool = False
    post: str = ""
    action: str = ""
    applied: datetime | None = None
    owner: str = ""
    undo_took: timedelta | None = None
    removes: tuple[str, ...] = ()
    over: bool = False

    @property
    def namespace(self) -> str:
        """Where its incident lives."""
        return self.incident.partition("/")[0]

    @property
    def helped(self) -> bool:
        """Was it judged to have helped?"""
        return self.effect == Effect.HELPED

    def unseen_since(self, looked: datetime) -> bool:
        """May what was read then lack it? It was done later, or is still to be done."""
        # Times in records have whole seconds.
        late = self.applied is not None and self.applied >= looked.replace(microsecond=0)
        return not self.undone and (self.under_way or late)


@dataclass(frozen=True, slots=True)
class Reliance:
    """
    What an incident asked for and found done already, so it did nothing and counts on it; ``name`` is the target's. It ends with
    an undo entry for it, and with its incident.
    """

    incident: str
    mitigation: str
    action: str
    name: str


@dataclass(frozen=True, slots=True)
class Census:
    """Deeds of other incidents, when incidents were made from alerts, and what others count on."""

    deeds: tuple[Deed, ...] = ()
    alarms: tuple[datetime, ...] = ()
    reliances: tuple[Reliance, ...] = ()


NOBODY: Final = Census()


def is_alarm(labels: Mapping[str, str] | None) -> bool:
    """Did a group of alerts make the incident with these labels?"""
    return Label.ALERT_GROUP in (labels or {})


def deeds_of(incident: str, records: Iterable[Mapping[str, Any]], over: bool = False) -> Iterator[Deed]:
    """Deeds of one incident (namespace/name), from ``status.mitigations`` as the API server keeps it."""
    for record in records:
        attempts = record.get("attempts") or ()
        undone = {a["undoes"]: a for a in attempts if a.get("undoes") and a.get("appliedTime")}
        for attempt in attempts:
            under_way = attempt.get("state") in OPEN
            if attempt.get("undoes") or not (under_way or attempt.get("appliedTime")):
                continue
            yield Deed(
                incident=incident,
                mitigation=str(record["name"]),
                source=str(record.get("source") or ""),
                target=str((record.get("target") or {}).get("uid") or ""),
                time=datetime.fromisoformat(attempt["intendedTime"]),
                under_way=under_way,
                effect=str(record.get("effect") or ""),
                fields=tuple(attempt.get("fields") or ()),
                undone=attempt.get("id") in undone,
                undo_took=_took(undone.get(attempt.get("id"))),
                post=str(attempt.get("post") or ""),
                action=str(record.get("action") or ""),
                owner=str((record.get("target") or {}).get("owner") or ""),
                applied=datetime.fromisoformat(attempt["appliedTime"]) if attempt.get("appliedTime") else None,
                removes=tuple(attempt.get("removes") or ()),
                over=over,
            )


def reliances_of(incident: str, records: Iterable[Mapping[str, Any]], *, resolved: bool) -> Iterator[Reliance]:
    """Of one incident that is not over, as `deeds_of`; once ``resolved`` without those that were to end with that."""
    for record in records:
        if resolved and (record.get("asked") or {}).get("revert") == Revert.ON_RESOLVED:
            continue
        if record.get("state") == WishState.SKIPPED and record.get("reason") == Reason.NOTHING_TO_DO:
            name = str((record.get("target") or {}).get("name") or "")
            yield Reliance(incident, str(record["name"]), str(record.get("action") or ""), name)


def _took(undo: Mapping[str, Any] | None) -> timedelta | None:
    if undo is None or undo.get("state") != AttemptState.VERIFIED or not undo.get("endedTime"):
        return None
    return datetime.fromisoformat(undo["endedTime"]) - datetime.fromisoformat(undo["intendedTime"])
