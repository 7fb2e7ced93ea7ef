"""
From looks at doneWhen to a proof: it must hold for a while before it counts, and fail for a while before it does not.

Decisions 2.11: true twice, an hour apart, is done; false later is reopened. What was reopened must hold for twice as long the
next time, so that what comes and goes does not open and close an item all day.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.action_item import Proof, ProofState
from stanch.api.done_when import DoneWhen
from stanch.api.policy import Policy
from stanch.core.done_when import Look
from stanch.core.swap import digest

NEEDED_MAX: Final = timedelta(hours=24)
# Of what is done is looked at more rarely: it seldom changes, and there will be many.
RARELY: Final = 4
# What was proved must fail for this part of what it had to hold.
FAILS_FOR: Final = 6


def asks(check: DoneWhen) -> str:
    """Which doneWhen: another one is proved anew."""
    return digest(check.wire())


def take_in(before: Proof | None, seen: Look, check: DoneWhen, now: datetime, hold: timedelta) -> Proof:
    """The proof after this look. ``hold`` is what the policy asks for; a reopened one keeps its own."""
    wanted = asks(check)
    if before is not None and before.asks != wanted:
        before = None
    known: dict[str, Any] = {
        "asks": wanted,
        "state": seen.state,
        "reason": seen.reason,
        "seen": seen.seen,
        "resource_version": seen.version,
        "uid": seen.uid,
        "look_time": now,
        "needed": max(hold, before.needed) if before is not None else hold,
    }
    if seen.state is ProofState.HOLDS:
        return Proof(**known, **_holds(before, known["needed"], now))
    if seen.state is ProofState.FAILS:
        return Proof(**(known | _fails(before, known["needed"], now)))
    kept = before.model_dump(include={"since_time", "proven_time", "fails_since"}) if before is not None else {}
    return Proof(**known, **kept)


def _holds(before: Proof | None, needed: timedelta, now: datetime) -> dict[str, Any]:
    since = (before.since_time if before is not None else None) or now
    proven = before.proven_time if before is not None else None
    # A second look is needed, however short it has to hold: one may be chance.
    seen_twice = before is not None and before.since_time is not None and since < now
    if proven is None and seen_twice and now - since >= needed:
        proven = now
    return {"since_time": since, "proven_time": proven}


def _fails(before: Proof | None, needed: timedelta, now: datetime) -> dict[str, Any]:
    if before is None or before.proven_time is None:
        return {}
    since = before.fails_since or now
    if since < now and now - since >= needed / FAILS_FOR:
        return {"needed": min(needed * 2, NEEDED_MAX)}
    return {"since_time": before.since_time, "proven_time": before.proven_time, "fails_since": since}


def next_look(proof: Proof, policy: Policy) -> datetime:
    """When it is looked at again."""
    if proof.fails_since is not None and proof.state is ProofState.FAILS:
        return max(proof.fails_since + proof.needed / FAILS_FOR, proof.look_time + timedelta(seconds=1))
    if proof.proven_time is not None and proof.state is ProofState.HOLDS:
        return proof.look_time + policy.items_look_every * RARELY
    soon = proof.look_time + policy.items_look_every
    if proof.state is ProofState.HOLDS and proof.since_time is not None:
        return max(proof.look_time + timedelta(seconds=1), min(soon, proof.since_time + proof.needed))
    return soon
