"""Has every gateway taken a route? Asked by the action that shifts it, and by recovery."""

from collections.abc import Mapping
from typing import Any

from stanch.core.ports import Aim, Verdict, VerdictState


def route_verdict(aim: Aim, route: Mapping[str, Any]) -> Verdict:
    """Verified when each parent accepted this generation and found its backends (Gateway API conditions)."""
    generation = route["metadata"].get("generation", 0)
    parents = (route.get("status") or {}).get("parents") or ()
    if not parents:
        return Verdict(VerdictState.WAITING, f"No gateway has said that it took {aim} (status.parents is empty)")
    for parent in parents:
        said = {c["type"]: c for c in parent.get("conditions") or ()}
        name = (parent.get("parentRef") or {}).get("name")
        for kind in ("Accepted", "ResolvedRefs"):
            condition = said.get(kind) or {}
            if condition.get("observedGeneration", 0) < generation:
                return Verdict(VerdictState.WAITING, f"Gateway {name} has not yet looked at the new {aim}")
            if condition.get("status") != "True":
                words = f"{kind} is {condition.get('status')}: {condition.get('reason')} {condition.get('message', '')}"
                return Verdict(VerdictState.WAITING, f"Gateway {name}, {aim}: {words}".strip())
    return Verdict(VerdictState.VERIFIED, f"{len(parents)} of {len(parents)} gateways took it")
