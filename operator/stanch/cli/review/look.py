"""Read the records with the rights of who asks, fold them, and show it."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
from pydantic import ValidationError

from stanch.api.action_item import ActionItem
from stanch.api.incident import Incident
from stanch.api.names import Label
from stanch.cli.cluster import DONE, NOT_READABLE, Trouble, every, with_cluster
from stanch.cli.policy_in_force import policies_in_force
from stanch.cli.review.picture import draw
from stanch.cli.review.text import Beside, as_json, lines
from stanch.cli.terminal import say
from stanch.core.freeze_log import Held, held
from stanch.core.gameday import MARK
from stanch.core.questions import ACTION_ITEMS, INCIDENTS, POSTMORTEMS, Ref
from stanch.core.review import AGAIN_WITHIN, Rules, review
from stanch.core.review_items import items
from stanch.core.review_past import Past
from stanch.core.review_waiting import learning
from stanch.core.undeclared import Outside, burns, charged, undeclared
from stanch.shell.client import METADATA_ONLY, Kube
from stanch.shell.orphan_sweep import ONE_METADATA, CannotLook, objects

SECONDS: Final = 30.0
POINTS: Final = 5000
STEP_MIN: Final = timedelta(minutes=5)
# By namespace, name and uid of an incident.
NAMESPACES: Final = Ref("", "v1", "namespaces")
Factors = dict[tuple[str, str, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What is to be looked back on, and how it is shown. ``again`` is how soon the same again came back, None for what the policies
    say; ``svg`` is a file; ``prometheus`` a base URL, or empty.
    """

    since: timedelta
    again: timedelta | None
    pages: int
    shift: timedelta
    namespace: str | None
    as_json: bool
    svg: str | None
    prometheus: str
    burn: str
    budget: str


def look_back(kubeconfig: str | None, wanted: Wanted) -> int:
    """Exit code: 0 shown, 2 no credentials, 4 not readable."""
    return with_cluster(kubeconfig, lambda kube: _look(kube, wanted))


async def _look(kube: Kube, wanted: Wanted) -> int:
    bodies = [i async for i in every(kube, INCIDENTS, wanted.namespace)]
    texts = [p async for p in every(kube, POSTMORTEMS, wanted.namespace)]
    factors = factors_of(texts)
    chores = [a async for a in every(kube, ACTION_ITEMS, wanted.namespace)]
    # The API server's clock, which dated all of it.
    now = kube.clock.now()
    since = now - wanted.since
    policy, unsaid = await policies_in_force(kube, wanted.namespace)
    rules = Rules(lambda where: wanted.again or policy(where).recurrence_within, wanted.pages)
    longest = max(map(rules.again, {b["metadata"]["namespace"] for b in bodies}), default=AGAIN_WITHIN)
    past, unread = past_of(bodies, factors, since - longest)
    found = review(past, since, now, wanted.shift, rules)
    if unsaid:
        found = replace(found, cautions=(*found.cautions, unsaid))
    read = [i for body in chores if (i := _item(body)) is not None]
    done = items(read, now, lambda where: policy(where).items_test_after)
    learned = learning(texts, bodies, since, now)
    frozen = await _frozen(kube, wanted.namespace, since, now)
    silent = await _outside(wanted, past, since, now)
    beside = Beside(learned, frozen)
    if wanted.svg:
        await asyncio.to_thread(Path(wanted.svg).write_text, draw(found, done), encoding="utf-8")
    if wanted.as_json:
        click.echo(json.dumps(as_json(found, done, beside, silent, unread), indent=2))
    else:
        for line in lines(found, done, beside, silent, unread):
            say(line)
    return DONE


async def _frozen(kube: Kube, namespace: str | None, since: datetime, now: datetime) -> tuple[Held, ...] | None:
    """Change freezes of that time; None where Namespaces may not be read: the rest is told all the same."""
    if namespace is not None:
        reply = await kube.get(NAMESPACES.path(None, namespace), None, ONE_METADATA)
        return held([reply.body], since, now) if reply.ok else None
    try:
        return held([n async for n in objects(kube, NAMESPACES, None, "", METADATA_ONLY)], since, now)
    except CannotLook:
        return None


def past_of(bodies: list[dict[str, Any]], factors: Factors, since: datetime) -> tuple[list[Past], int]:
    """Incidents to look back on, with their factor classes; and how many can't be read."""
    past, unread = [], 0
    for body in bodies:
        try:
            incident = Incident.model_validate(body)
        except ValidationError:
            unread += 1
            continue
        if MARK in (body["metadata"].get("annotations") or {}):
            # Of a game day: real, and made by us; a rehearsal as far as numbers go.
            incident = incident.model_copy(update={"spec": incident.spec.model_copy(update={"drill": True})})
        namespace, name, uid = incident.metadata.namespace, incident.metadata.name, incident.metadata.uid
        found = (factors.get((namespace, name, of), frozenset()) for of in (uid, ""))
        one = Past(incident, frozenset().union(*found))
        # What is open is not over, however long ago it began.
        if one.declared >= since or one.times.resolved is None:
            past.append(one)
    return past, unread


def factors_of(postmortems: list[dict[str, Any]]) -> Factors:
    """
    By namespace, incident and its uid ("" where a text names none): the classes of what is published.

    A draft only asks for them, and what is only to be published is nobody's finding yet. A later text about the same incident adds
    to them; that of an earlier incident of the same name is another one's.
    """
    found: Factors = {}
    for body in postmortems:
        spec, meta = body.get("spec") or {}, body["metadata"]
        if (body.get("status") or {}).get("published"):
            uid = str((meta.get("labels") or {}).get(Label.INCIDENT_UID) or "")
            classes = frozenset(str(f.get("class")) for f in spec.get("factors") or () if f.get("class"))
            key = (meta["namespace"], str(spec.get("incident")), uid)
            found[key] = found.get(key, frozenset()) | classes
    return found


def _item(body: dict[str, Any]) -> ActionItem | None:
    try:
        return ActionItem.model_validate(body)
    except ValidationError:
        return None


async def _outside(wanted: Wanted, past: list[Past], since: datetime, now: datetime) -> Outside | None:
    """What burned with no incident open, and what each cost; None when nobody asked Prometheus."""
    if not wanted.prometheus:
        return None
    step = max(STEP_MIN, (now - since) / POINTS)
    utc = now.astimezone(UTC)
    burned = burns(await _range(wanted, "--burn", wanted.burn, since, now, step), step)
    left = await _range(wanted, "--budget", wanted.budget, since, now, step)
    # What began before, and went on, was declared all the same; what it cost before is not in these series.
    within = [p for p in past if p.declared >= since]
    return Outside(tuple(undeclared(burned, past, utc)), tuple(charged(left, within, utc)))


async def _range(wanted: Wanted, name: str, query: str, since: datetime, now: datetime, step: timedelta) -> list[Any]:
    params = {
        "query": query,
        "start": str(since.timestamp()),
        "end": str(now.timestamp()),
        "step": str(step.total_seconds()),
    }
    url = f"{wanted.prometheus.rstrip('/')}/api/v1/query_range"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, data=params) as response:
            said = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Trouble(f"Prometheus does not answer: {error or type(error).__name__}", NOT_READABLE) from error
    if not isinstance(said, dict) or said.get("status") != "success":
        why = said.get("error") if isinstance(said, dict) else f"HTTP {response.status}"
        raise Trouble(f"{name}: Prometheus says: {why}", NOT_READABLE)
    return list(said["data"]["result"])
