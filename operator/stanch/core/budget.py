"""
The error budget policy: which namespaces are to change no pod template for now, and why. Pure.

A budget that is spent, or the same factor class again while what was promised after the last time is not done (seed 1: repeats with
unshipped items are the case for a freeze). It ends by itself, as soon as neither is so. Where all is well there is no verdict, and
nothing is written at all.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.action_item import ActionItem
from stanch.api.names import Label
from stanch.core.observations import Answer, Failed, Found
from stanch.core.review_items import done
from stanch.core.undeclared import SERVICE_LABELS

NAMESPACE_LABELS: Final = ("namespace", "exported_namespace")
URGENT: Final = frozenset({"P0", "P1"})


class Unclear(Exception):
    """Prometheus did not say, in words."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one budget, as a share: 1 is all of it, 0 or less is none."""

    namespace: str
    service: str
    share: float


def budgets(answer: Answer | None) -> list[Left]:
    """What Prometheus answered to errorBudget.query. Series without a namespace are nobody's. Raises Unclear."""
    if isinstance(answer, Failed):
        raise Unclear(answer.message)
    if not isinstance(answer, Found) or answer.value.get("resultType") != "vector":
        raise Unclear("errorBudget.query must give an instant vector")
    found = []
    for series in answer.value.get("result") or ():
        labels = series.get("metric") or {}
        namespace = next((str(labels[n]) for n in NAMESPACE_LABELS if labels.get(n)), "")
        service = next((str(labels[n]) for n in SERVICE_LABELS if labels.get(n)), "some service")
        try:
            share = float(series["value"][1])
        except (KeyError, IndexError, TypeError, ValueError):
            continue
        # NaN is no number: nothing was measured, so nothing is spent.
        if namespace and not math.isnan(share):
            found.append(Left(namespace, service, share))
    return found


def spent(found: Iterable[Left]) -> dict[str, list[str]]:
    """By namespace, why: budgets of which nothing is left. Without numbers, which would change all the time."""
    out: dict[str, list[str]] = {}
    for left in sorted(found, key=lambda each: (each.namespace, each.service)):
        if left.share <= 0:
            out.setdefault(left.namespace, []).append(f"the error budget of {left.service} is spent")
    return {namespace: list(dict.fromkeys(why)) for namespace, why in out.items()}


def repeated(
    postmortems: Sequence[Mapping[str, Any]], items: Sequence[ActionItem], now: datetime, within: timedelta
) -> dict[str, list[str]]:
    """By namespace, why: a factor class came again while an urgent item of the time before, which answers it, is not done."""
    out: dict[str, list[str]] = {}
    for (namespace, kind), group in sorted(_by_class(postmortems).items()):
        line = sorted(group, key=lambda pair: pair[0])
        for number, (when, after) in enumerate(line):
            # The last time that left something undone: those in between may have promised nothing.
            owed = ((b, i) for _, b in reversed(line[:number]) for i in items if _unshipped(i, namespace, b, kind))
            before, item = next(owed, (None, None)) if now - when <= within else (None, None)
            if before is not None and item is not None:
                what = f"{kind} contributed to {after['spec']['incident']} as to {before['spec']['incident']}"
                out.setdefault(namespace, []).append(f"{what}, and item {item.metadata.name} is not done")
    return out


def _by_class(
    postmortems: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, str], list[tuple[datetime, Mapping[str, Any]]]]:
    found: dict[tuple[str, str], list[Any]] = {}
    known: set[tuple[str, Any]] = set()
    for each in sorted(postmortems, key=lambda p: str(p["metadata"]["creationTimestamp"])):
        spec, meta = each.get("spec") or {}, each["metadata"]
        # What is only to be published is nobody's finding yet; what is added later is of the same incident.
        incident = (meta["namespace"], (meta.get("labels") or {}).get(Label.INCIDENT_UID) or spec.get("incident"))
        if not (each.get("status") or {}).get("published") or incident in known:
            continue
        known.add(incident)
        for kind in {str(f.get("class")) for f in spec.get("factors") or () if f.get("class")}:
            moment = datetime.fromisoformat(meta["creationTimestamp"])
            found.setdefault((meta["namespace"], kind), []).append((moment, each))
    return found


def is_owed(item: ActionItem) -> bool:
    """Was it promised for soon, and is it not done?"""
    return item.spec.priority is not None and item.spec.priority.value in URGENT and not done(item)


def _unshipped(item: ActionItem, namespace: str, before: Mapping[str, Any], kind: str) -> bool:
    names = {str(f.get("name")) for f in before["spec"].get("factors") or () if f.get("class") == kind}
    ours = item.spec.postmortem == before["metadata"]["name"] or item.spec.incident == before["spec"].get("incident")
    return (
        item.metadata.namespace == namespace and ours and is_owed(item) and bool(names & set(item.spec.answers or ()))
    )
