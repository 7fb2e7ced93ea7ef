"""
Is there room for more pods? What ResourceQuotas of the namespace leave, for pods of this template (decisions 1.3 no. 21).

Only what is sure is refused: of a pod the requests and limits that are written down count, not what a LimitRange adds or its init
containers take, and a quota with scopes, which may be about other pods, is left out.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stanch.api.names import Reason
from stanch.core.ports import Aim, Refusal
from stanch.core.quantity import parse

Json = Mapping[str, Any]
# How a quota names what a container asks for, besides `requests.` and `limits.` before the resource.
_SHORT: Final = ("cpu", "memory", "ephemeral-storage")
# Sums of binary fractions are not exact.
_NEARLY: Final = 1e-6


def no_room(aim: Aim, target: Json, wanted: int, quotas: list[dict[str, Any]]) -> Refusal | None:
    """The first quota, by name, that would not let all pods be made; and how many it would."""
    now_at = target["spec"].get("replicas", 1)
    each = {"pods": 1.0, "count/pods": 1.0, **_asked_for(target["spec"]["template"].get("spec") or {})}
    for quota in sorted(quotas, key=lambda q: str(q["metadata"]["name"])):
        spec = quota.get("spec") or {}
        if wanted <= now_at or spec.get("scopes") or spec.get("scopeSelector"):
            continue
        left = {resource: room for resource, room in _left(quota) if each.get(resource)}
        fits, resource = min(
            ((max(0, math.floor(room / each[what] + _NEARLY)), what) for what, room in left.items()),
            default=(wanted, ""),
        )
        if fits < wanted - now_at:
            hard, used = quota["status"]["hard"], quota["status"].get("used") or {}
            return Refusal(
                Reason.PREFLIGHT,
                f"ResourceQuota {quota['metadata']['name']} leaves room for {fits} more pods of {aim} ({resource}: "
                f"{used.get(resource, 0)} of {hard[resource]} used), and {wanted - now_at} are wanted; raise it, or "
                f"ask for {now_at + fits} replicas at most",
            )
    return None


def _left(quota: Json) -> Iterator[tuple[str, float]]:
    """What of each resource is not used yet; without those that can't be read."""
    status = quota.get("status") or {}
    used = status.get("used") or {}
    for resource, hard in (status.get("hard") or {}).items():
        most, taken = parse(str(hard)), parse(str(used.get(resource, "0")))
        if most is not None and taken is not None:
            yield resource, most - taken


def _asked_for(pod: Json) -> dict[str, float]:
    """What the containers of one pod ask for, under all names that a quota has for it."""
    found: dict[str, float] = {}
    for container in pod.get("containers") or ():
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        # What is only limited is asked for as well.
        for kind, given in (("requests", limits | (resources.get("requests") or {})), ("limits", limits)):
            for resource, quantity in given.items():
                value = parse(str(quantity)) or 0.0
                names = (f"{kind}.{resource}", *((resource,) if kind == "requests" and resource in _SHORT else ()))
                for name in names:
                    found[name] = found.get(name, 0.0) + value
    return found
