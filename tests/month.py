"""A month of simulated incidents whose true statistics are known, for they were made from them."""

import random
from datetime import timedelta
from typing import Any

from build import GOOD, T0, stamp

Json = dict[str, Any]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
START = T0 - 30 * DAY


def past(name: str, started: timedelta, /, **said: Any) -> Json:
    """
    An incident that began ``started`` after the month did; the rest in minutes since then, None where it did not happen.

    ``detected declared acknowledged mitigated resolved cancelled``; and ``severity service drill by_alerts done spec``.
    """
    begin = START + started
    steps = {"detected": 2, "declared": 5, "acknowledged": 8, "mitigated": 20, "resolved": 50}
    wanted = steps | {k: said[k] for k in (*steps, "cancelled", "started") if k in said}
    times = {"started": stamp(begin)} if wanted.pop("started", True) else {}
    times |= {k: stamp(begin + v * MINUTE) for k, v in wanted.items() if v is not None}
    spec: Json = {"title": name, "service": said.get("service", "checkout"), **said.get("spec", {})}
    if said.get("drill"):
        spec["drill"] = True
    if said.get("by_alerts"):
        spec |= {"detectedBy": "Monitoring"}
    status: Json = {"times": times, "severity": {"level": said.get("severity", "SEV2"), "source": "Spec"}}
    status["severity"]["sinceTime"] = times["declared"]
    if said.get("done"):
        status["mitigations"] = said["done"]
    meta = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1"}
    return {"metadata": {**meta, "creationTimestamp": times["declared"]}, "spec": spec, "status": status}


def done(
    action: str = "rolloutRestart",
    by: str | None = "alice",
    /,
    effect: str = "Helped",
    source: str = "Spec",
    undo: int | None = None,
) -> Json:
    """A mitigation that was applied; ``undo`` is how many seconds taking it back took."""
    attempt: Json = {
        "id": "a" * 16,
        "state": "Verified",
        "intendedTime": stamp(T0),
        "appliedTime": stamp(T0),
        "pre": "x",
        "post": "y",
        "undoRef": "u",
        "endedTime": stamp(T0),
    }
    attempts = [attempt]
    if undo is not None:
        ended = stamp(T0 + timedelta(seconds=undo))
        attempts.append({**attempt, "id": "u" * 16, "undoes": attempt["id"], "endedTime": ended})
    target = {"kind": "Deployment", "name": "checkout"}
    return {
        "name": "again",
        "source": source,
        "action": action,
        "asked": {"name": "again", action: {}},
        "wish": "w",
        "target": target,
        "requestedBy": by,
        "askedTime": stamp(T0),
        "state": "Done",
        "effect": effect,
        "attempts": attempts,
    }


def postmortem(incident: str, *classes: str, published: bool = True) -> Json:
    """What people found out about it."""
    factors = [{"name": f"f{n}", "class": each, "statement": f"{GOOD} was slow"} for n, each in enumerate(classes)]
    spec = {"incident": incident, "factors": factors} | ({"published": True} if published else {})
    status = {"published": {"sha256": "0" * 64}} if published else {}
    return {"metadata": {"name": incident, "namespace": "shop"}, "spec": spec, "status": status}


def exponential(mean: float, number: int, seed: int = 1) -> list[float]:
    """Durations in minutes whose true median is the mean times the logarithm of two."""
    source = random.Random(seed)
    return [source.expovariate(1 / mean) for _ in range(number)]


def a_month(mean: float = 600.0, number: int = 300) -> list[Json]:
    """Spread over the month, each resolved after its own time, unless the month is over before: then it is open."""
    found = []
    for place, minutes in enumerate(exponential(mean, number)):
        begin = 30 * DAY * (place + 0.5) / number
        left = (30 * DAY - begin) / MINUTE
        over = minutes if minutes < left else None
        first = min(minutes, 10) / 10
        found.append(
            past(f"i-{place}", begin, detected=first, declared=first, acknowledged=first, mitigated=over, resolved=over)
        )
    return found
