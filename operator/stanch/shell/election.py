"""
Who of several replicas works, judged from the Lease and from when it was seen to change: pure, with no clock of its own.

Never from the Lease's timestamps: they are another machine's. A Lease that has not changed for as long as its holder said
it lasts is free, whatever it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

# A Lease that claims to last longer than this was not written by us.
LASTS_MAX: Final = 60.0
MICRO_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: how long a Lease lasts unrenewed, when its holder stops working, how often it is renewed or looked at."""

    lasts: float = 15.0
    give_up: float = 10.0
    every: float = 2.0

    @property
    def attempt(self) -> float:
        """How long one renewal may take: three fit in before the holder stops."""
        return self.give_up / 3


class Move(Enum):
    """What to do about the Lease."""

    CREATE = "Create"
    TAKE = "Take"
    RENEW = "Renew"
    WAIT = "Wait"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One version of the Lease, and since when (monotonic) it has been seen to be the newest."""

    version: str
    since: float


def sighted(before: Sighting | None, lease: Mapping[str, Any] | None, now: float) -> Sighting | None:
    """What is known after a look that was answered at ``now``."""
    version = f"{lease['metadata']['uid']}/{lease['metadata']['resourceVersion']}" if lease else ""
    if not version:
        return None
    return before if before is not None and before.version == version else Sighting(version, now)


def holder_of(lease: Mapping[str, Any] | None) -> str:
    """Who holds it; empty when nobody does."""
    return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")


def frees_at(lease: Mapping[str, Any], sighting: Sighting, times: Times) -> float:
    """When (monotonic) it is free, unless it is renewed."""
    said = (lease.get("spec") or {}).get("leaseDurationSeconds")
    lasts = float(said) if isinstance(said, int) and 0 < said <= LASTS_MAX else times.lasts
    return sighting.since + lasts


def judge(lease: Mapping[str, Any] | None, me: str, sighting: Sighting | None, asked: float, times: Times) -> Move:
    """What to do. ``asked`` is when this look was asked for: the Lease stood unchanged at least until then."""
    if lease is None or sighting is None:
        return Move.CREATE
    holder = holder_of(lease)
    if holder == me:
        return Move.RENEW
    if not holder or asked >= frees_at(lease, sighting, times):
        return Move.TAKE
    return Move.WAIT


def spec_of(move: Move, lease: Mapping[str, Any] | None, me: str, now: datetime, times: Times) -> dict[str, Any]:
    """The Lease's spec after the move. Its instants are for people who read it."""
    stamp = now.strftime(MICRO_TIME)
    spec: dict[str, Any] = {
        "holderIdentity": me,
        "leaseDurationSeconds": max(1, round(times.lasts)),
        "renewTime": stamp,
    }
    if move is not Move.RENEW:
        before = ((lease or {}).get("spec") or {}).get("leaseTransitions") or 0
        spec |= {"acquireTime": stamp, "leaseTransitions": before + 1 if lease else 0}
    return spec


def released(now: datetime) -> dict[str, Any]:
    """The fields of a Lease that is given up: the next who looks may take it."""
    return {"holderIdentity": "", "renewTime": now.strftime(MICRO_TIME)}
