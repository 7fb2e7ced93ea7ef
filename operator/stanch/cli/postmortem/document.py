"""What a rendered Postmortem says, in order, as plain values: the templates only lay it out."""

from collections.abc import Iterable, Mapping
from typing import Any

from stanch.cli.postmortem.source import Given
from stanch.core.agenda import agenda
from stanch.core.lint.run import items_of
from stanch.core.postmortem_text import is_published, text_digest, why_not_published

Json = Mapping[str, Any]


def document(given: Given) -> dict[str, Any]:
    """Everything there is, text first; the same keys in every format, and nothing that only one of them shows."""
    spec, status = given.spec, given.status
    facts = status.get("facts") or {}
    bodies = {str((b.get("metadata") or {}).get("name")): b for b in given.items}
    return {
        "name": given.name,
        "incident": spec.get("incident"),
        "severity": facts.get("severity"),
        "decision": facts.get("decision"),
        "standing": _standing(given),
        "digest": text_digest(spec),
        "audience": spec.get("audience"),
        "authors": list(spec.get("authors") or ()),
        "review": _picked([spec["review"]] if spec.get("review") else (), "time", "attendees"),
        "signedOff": [s.get("by") for s in (status.get("published") or {}).get("signedOff") or ()],
        "agenda": [{"topic": t.topic, "points": list(t.points)} for t in agenda(given.body, given.name, given.items)],
        "summary": spec.get("summary"),
        "impact": [{"what": _word(k), "value": v} for k, v in (spec.get("impact") or {}).items()],
        "times": [{"what": _word(k), "value": v} for k, v in (facts.get("times") or {}).items()],
        "durations": [{"what": _word(k), "value": v} for k, v in (facts.get("durations") or {}).items()],
        "errorBudget": _budget(facts.get("errorBudget") or {}),
        "detection": spec.get("detection"),
        "response": spec.get("response"),
        "recovery": spec.get("recovery"),
        "factors": _picked(spec.get("factors"), "name", "class", "layer", "statement", "accepted"),
        "whys": list(spec.get("whys") or ()),
        "wentWell": list(spec.get("wentWell") or ()),
        "wentBadly": list(spec.get("wentBadly") or ()),
        "gotLucky": list(spec.get("gotLucky") or ()),
        "lessons": spec.get("lessons"),
        "actions": [_action(item.name, item.there, bodies) for item in items_of(spec, given.name, given.items)],
        "gaps": _picked(
            status.get("gaps"), "number", "kind", "part", "text", "took", "limit", "fromTime", "toTime", "record"
        ),
        "similar": _picked(
            status.get("similar"), "incident", "postmortem", "declaredTime", "severity", "why", "helped"
        ),
        "timeline": _picked(spec.get("timeline"), "time", "kind", "by", "text", "entry"),
        "exceptions": _picked(spec.get("exceptions"), "rule", "field", "reason"),
    }


def _picked(items: Iterable[Json] | None, *keys: str) -> list[dict[str, Any]]:
    """Each with exactly these keys; what is not there is None."""
    return [{key: each.get(key) for key in keys} for each in items or ()]


def _budget(record: Json) -> list[dict[str, Any]]:
    """What it cost, by objective; why nothing is known of it where that is so."""
    found = _picked(record.get("charges"), "slo", "state", "used", "period", "message")
    lacks = {"slo": None, "state": record.get("state"), "used": None, "period": None, "message": record.get("message")}
    return found or ([lacks] if record else [])


def _standing(given: Given) -> str:
    if is_published(given.body):
        published = given.status.get("published") or {}
        return f"Published {published.get('time')}"
    why = why_not_published(given.body)
    return f"Draft. {why[1]}" if why else "Draft"


def _action(name: str, there: bool, bodies: Mapping[str, Json]) -> dict[str, Any]:
    body = bodies.get(name) or {}
    spec, status = body.get("spec") or {}, body.get("status") or {}
    return {
        "name": name,
        "title": spec.get("title") if there else "(there is no such ActionItem)",
        "owner": spec.get("owner"),
        "due": spec.get("dueTime"),
        "priority": spec.get("priority"),
        "state": status.get("state"),
        "tracker": spec.get("tracker"),
        "answers": list(spec.get("answers") or ()),
    }


def _word(key: str) -> str:
    """`toMitigate` as people read it: `to mitigate`."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in key)
