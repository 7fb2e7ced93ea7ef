"""Postmortems that wait: what was resolved and is not learned from yet, by when it was due, and with how many gaps to explain."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.core.chase import review_time

Json = Mapping[str, Any]
_NO_LUCK: Final = ("", "nothing", "none", "nowhere", "no")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that is not published. ``meeting`` is when it is, or was, talked over; ``late``: the text was due by now."""

    postmortem: str
    incident: str
    state: str
    due: datetime | None
    late: bool
    meeting: datetime | None
    gaps: int


@dataclass(frozen=True, slots=True)
class Learning:
    """
    ``waiting``: the longest due first. ``gaps`` counts, by kind, those of postmortems that were drafted in that time; ``lucky`` is
    where luck helped, as the published ones of these say: a risk that nobody answered for yet.
    """

    waiting: tuple[Waiting, ...]
    gaps: Mapping[str, int]
    lucky: tuple[str, ...] = ()


def learning(postmortems: Sequence[Json], incidents: Sequence[Json], since: datetime, now: datetime) -> Learning:
    """Of all namespaces that were read. What was waived waits no more; bodies are as the API server has them."""
    waived = {_key(i, i["metadata"]["name"]): _waived(i) for i in incidents}
    found = [_waiting(p, now) for p in postmortems if not (p.get("status") or {}).get("published")]
    kinds: Counter[str] = Counter()
    lucky: list[str] = []
    for each in postmortems:
        made, status = each["metadata"].get("creationTimestamp"), each.get("status") or {}
        if made and since <= datetime.fromisoformat(made) <= now:
            kinds.update(str(gap.get("kind")) for gap in status.get("gaps") or ())
            lucky += _lucky(each) if status.get("published") else ()
    left = [w for w in found if w.postmortem not in waived.get(w.incident, ())]
    left.sort(key=lambda w: (w.due is None, w.due.timestamp() if w.due else 0.0, w.postmortem))
    return Learning(tuple(left), dict(sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))), tuple(lucky))


def _lucky(body: Json) -> list[str]:
    """`shop/checkout-5xx: …`; that luck did nothing is an answer, and no risk."""
    said = (str(each).strip() for each in (body.get("spec") or {}).get("gotLucky") or ())
    return [
        f"{_key(body, body['metadata']['name'])}: {each}" for each in said if each.lower().rstrip(".") not in _NO_LUCK
    ]


def _waiting(body: Json, now: datetime) -> Waiting:
    spec, status = body.get("spec") or {}, body.get("status") or {}
    due = (status.get("facts") or {}).get("dueTime") or spec.get("dueTime")
    when = datetime.fromisoformat(str(due)) if due else None
    return Waiting(
        postmortem=_key(body, body["metadata"]["name"]),
        incident=_key(body, spec.get("incident")),
        state=str(status.get("state") or "Draft"),
        due=when,
        late=when is not None and when <= now,
        meeting=review_time(dict(spec)),
        gaps=len(status.get("gaps") or ()),
    )


def _waived(incident: Json) -> tuple[str, ...]:
    """Keys of the Postmortems that nobody has to write any more."""
    record = (incident.get("status") or {}).get("postmortem") or {}
    return (_key(incident, record.get("name")),) if record.get("waived") else ()


def _key(body: Json, name: Any) -> str:
    return f"{body['metadata']['namespace']}/{name}"
