"""Does a condition of the object say so? About its newest generation, and not while it is switched off."""

from typing import Any, Final

from stanch.api.meta import WORKLOADS
from stanch.core.check_workload import condition_of, time_of
from stanch.core.ports import Aim
from stanch.core.sample import Sample

_OPPOSITE: Final = {"True": "False", "False": "True"}


def condition(aim: Aim, obj: dict[str, Any], asks: str) -> Sample:
    """``asks`` is `Type=Status`."""
    kind, _, wanted = asks.rpartition("=")
    if off := _is_off(aim, obj):
        return Sample(False, off, hard=True, off=True)
    found = condition_of(obj, kind)
    if not found:
        return Sample(None, f"{aim} has no condition {kind}")
    generation = obj["metadata"].get("generation", 0)
    looked_at = found.get("observedGeneration") or (obj.get("status") or {}).get("observedGeneration")
    if looked_at is not None and looked_at < generation:
        return Sample(None, f"{aim}: its newest spec is not yet observed")
    if found.get("status") == wanted:
        return Sample(True, f"{kind} of {aim} is {wanted}", since=time_of(found.get("lastTransitionTime")))
    if found.get("status") == _OPPOSITE[wanted]:
        why = f" ({found['reason']})" if found.get("reason") else ""
        return Sample(False, f"{kind} of {aim} is {found['status']}{why}")
    return Sample(None, f"{kind} of {aim} is {found.get('status')}, which says nothing")


def _is_off(aim: Aim, obj: dict[str, Any]) -> str:
    """A condition stays what it was when nobody works on it any more."""
    spec = obj.get("spec") or {}
    if spec.get("suspend") is True:
        return f"{aim} is suspended, which is no recovery"
    if aim.kind in WORKLOADS and spec.get("replicas") == 0:
        return f"{aim} is scaled to zero, which is no recovery"
    return ""
