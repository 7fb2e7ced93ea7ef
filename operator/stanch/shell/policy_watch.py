"""Are the admission policies in force that prove who asked? Looked at every minute; nothing is performed while they differ."""

import asyncio
import re
from typing import Any, Final

from stanch.core.observations import Policies
from stanch.shell.client import Kube, Unanswered
from stanch.shell.policies import EXPECTED, in_force_since, problem

EVERY_SECONDS: Final = 60.0
SOON_SECONDS: Final = 5.0
OLDEST: Final = (1, 36)
_GROUP: Final = "/apis/admissionregistration.k8s.io/v1"


async def look_at_policies(kube: Kube) -> Policies:
    """Read every policy and binding by name and compare their digests. An answer that can't be had proves nothing."""
    try:
        version = await kube.get("/version")
        if not version.ok:
            return _unclear(version.message)
        if old := _too_old(version.body):
            return Policies(False, old)
        wanted = EXPECTED.items()
        replies = await asyncio.gather(*(kube.get(f"{_GROUP}/{e.resource}/{e.name}") for _, e in wanted))
    except Unanswered as error:
        return _unclear(str(error))
    # Only what is said not to be there is missing: a 500 of one of many must not have people's words refused.
    silent = next((r for r in replies if not r.ok and r.status != 404), None)
    if silent is not None:
        return _unclear(silent.message)
    live = {name: (r.body if r.ok else None) for (name, _), r in zip(wanted, replies, strict=True)}
    why = problem(live)
    return Policies(not why, why, since=None if why else in_force_since(live))


def _unclear(why: str) -> Policies:
    return Policies(False, f"The admission policies can't be read: {why}", unclear=True)


def _too_old(said: dict[str, Any]) -> str:
    # Providers write what they like behind the number: 36+, 36-gke.1.
    major, minor = (re.sub(r"\D.*", "", str(said.get(part, ""))) or "0" for part in ("major", "minor"))
    if (int(major), int(minor)) >= OLDEST:
        return ""
    return f"Kubernetes {major}.{minor} can't prove who asked: stanch declares and records only, and acts from 1.36 on"
