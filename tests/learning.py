"""Postmortems in a world: what the operator keeps true of them on the side, and what people write into them."""

from datetime import datetime
from typing import Any

from build import stamp
from json_patch import copied
from stanch.core.observations import Answer, Found, NotFound
from stanch.core.postmortem_judge import Around, judge
from stanch.core.postmortem_text import text_digest
from stanch.core.whole_story import whole_story

Json = dict[str, Any]


def as_kept(world: Any, plural: str, name: str) -> Answer:
    """An object as it is now; a Postmortem with its status."""
    found = world.objects.get((plural, name))
    if found is not None and plural == "postmortems":
        keep(world, found)
    return Found(copied(found)) if found else NotFound()


def keep(world: Any, body: Json) -> None:
    """Write its status, as shell/postmortems.py does."""
    meta = {"uid": body["metadata"]["name"], "creationTimestamp": stamp(world.now), **body["metadata"]}
    story = whole_story(world.incident.status, meta["namespace"], world.answer)
    items = [o for (kind, _), o in world.objects.items() if kind == "actionitems"]
    around = Around(world.incident, story, items, world.catalog.policy, world.lessons)
    body["status"] = judge({**body, "metadata": meta}, around, world.now)[0].wire()


def publish(body: Json, now: datetime) -> None:
    """As if it had been found clean and signed off."""
    body["spec"]["published"] = True
    said = {"type": "Published", "status": "True", "reason": "Published", "lastTransitionTime": stamp(now)}
    record = {"time": stamp(now), "generation": 1, "sha256": text_digest(body["spec"])}
    body["status"] = {"conditions": [said], "published": record}


def written(body: Json, *actions: str) -> Json:
    """What honest people write into a draft; every factor is answered by one of ``actions``, or accepted."""
    factors = [
        ("migration-order", "Process", "The migration runs before the version that can read its result is everywhere."),
        ("no-contract-test", "Detection", "No test reads the new table with the old reader."),
        ("short-canary", "Change", "The canary ends before its first scheduled job."),
    ]
    accepted = {} if actions else {"accepted": "The table goes away next week, and nothing reads it then."}
    body["spec"] |= {
        "summary": "On 21 November from 14:02 to 14:41 UTC, for 39 minutes, one in five checkouts failed for about 4,100 users. "
        "A new version could not read a table that a migration had changed; going back to the version before it ended the "
        "harm, and payments caught up at 14:55 without any loss.",
        "impact": {"users": "about 4,100", "minutes": 39},
        "factors": [{"name": n, "class": c, "layer": "release", "statement": s, **accepted} for n, c, s in factors],
        "whys": [
            "Why did checkouts fail? The reader met a column that it does not know.",
            "Why could that reach production? Nothing in the pipeline checks reader and migration together.",
        ],
        "gotLucky": ["Traffic was low at that hour"],
        "lessons": "A migration is a release of its own.",
    }
    return body
