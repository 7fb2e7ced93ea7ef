"""
Silences at the one Alertmanager that the command line names: nothing that anybody writes leads to another address.

Looks every half minute, by the replica that works; what it remembers is at Alertmanager and in incidents alone.
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from pydantic import ValidationError
from yarl import URL

from stanch.api.incident import Incident
from stanch.api.policy import Policy
from stanch.api.secret_refs import Missing
from stanch.core.questions import INCIDENTS
from stanch.core.silences import CREATED_BY, Wanted, heard, steps, wanted
from stanch.shell.alert_lookup import NotStored
from stanch.shell.alert_store import AlertStore, NoSuchNamespace
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.metrics import SILENCES
from stanch.shell.outside import words_of
from stanch.shell.outside_access import DENIED, access_of
from stanch.shell.secret_refs import SecretRefs

LOG = logging.getLogger("stanch.silences")
EVERY_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 5.0
ANSWER_MAX: Final = 4 * 1024 * 1024
# Characters of an error that are told.
SAID_MAX: Final = 200
_ID: Final = re.compile(r"[0-9a-fA-F-]{8,64}")


class NoAnswer(Exception):
    """Alertmanager did not do it, or did not say; looked at again in a while."""


@dataclass(frozen=True, slots=True)
class SilencesAt:
    """Base URL of Alertmanager, "" for no silences; and the Secret that it is asked with, "" for none."""

    url: str
    secret: str = ""


# What may happen, and says in its words what it was.
_FORESEEN: Final = (NoAnswer, NotStored, NoSuchNamespace)
NO_SILENCES: Final = SilencesAt("")


class Alertmanager:
    """The requests that are made of it: a closed list, to one address, never following it elsewhere."""

    def __init__(self, at: SilencesAt, session: aiohttp.ClientSession, secrets: SecretRefs) -> None:
        """Where it is, for example http://alertmanager.monitoring:9093; ``secrets`` reads what it is asked with."""
        self._url, self._secret = at.url.rstrip("/"), at.secret
        self._session, self._secrets = session, secrets

    async def silences(self) -> list[dict[str, Any]]:
        """All of them; those that are over as well."""
        return _objects(await self._ask("GET", "silences"))

    async def alerts(self, wish: Wanted) -> list[dict[str, Any]]:
        """Alerts of a silenced group that it has now."""
        query = "&".join(f"filter={quote(each, safe='')}" for each in wish.filters)
        return _objects(await self._ask("GET", f"alerts?{query}"))

    async def up_since(self) -> datetime:
        """When it was started."""
        said = await self._ask("GET", "status")
        try:
            return datetime.fromisoformat(str(said["uptime"]))
        except (KeyError, TypeError, ValueError) as error:
            raise NoAnswer("its status says no uptime") from error

    async def post(self, silence: dict[str, Any]) -> None:
        """Make one, or renew it."""
        await self._ask("POST", "silences", silence)

    async def delete(self, silence: str) -> None:
        """Have it end now."""
        if not _ID.fullmatch(silence):
            raise NoAnswer(f"{silence[:80]!r} is no id of a silence")
        await self._ask("DELETE", f"silence/{silence}")

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        url = URL(f"{self._url}/api/v2/{path}", encoded=True)
        access = await access_of(self._secrets, self._secret)
        if isinstance(access, Missing):
            raise NoAnswer(access.why)
        how: Any = {"json": body, "timeout": timeout, "headers": access.headers, "ssl": access.tls}
        try:
            async with self._session.request(method, url, allow_redirects=False, **how) as answer:
                raw = await answer.content.read(ANSWER_MAX + 1)
                while len(raw) <= ANSWER_MAX and (more := await answer.content.read(ANSWER_MAX)):
                    raw += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(f"{method} {path.partition('?')[0]}: {access.masked(words_of(error))}") from error
        if answer.status in DENIED:
            self._secrets.forget(self._secret)
        if not 200 <= answer.status < 300 or len(raw) > ANSWER_MAX:
            # It may repeat what it was sent: masked as it came and cut then, for half a secret can't be found.
            said = access.masked(raw.decode("utf-8", "replace"))[:SAID_MAX]
            raise NoAnswer(f"{method} {path.partition('?')[0]}: HTTP {answer.status}, {said!r}")
        try:
            return json.loads(raw) if raw else None
        except ValueError as error:
            raise NoAnswer(f"{method} {path.partition('?')[0]}: no JSON") from error


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


class Silencer:
    """Keeps silences as incidents want them."""

    def __init__(self, at: SilencesAt, kube: Kube, cache: Cache, policy: Callable[[str], Policy]) -> None:
        """``cache`` holds the open incidents."""
        self._at, self._cache, self._now = at, cache, kube.clock.now
        self._secrets = SecretRefs(kube)
        self._policy = policy
        self._store = AlertStore(kube, policy, lambda: kube.clock.now().replace(microsecond=0), cache)
        self._problems: dict[str, Exception] = {}

    async def run(self) -> None:
        """For ever, until cancelled."""
        async with aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
            at = Alertmanager(self._at, session, self._secrets)
            while True:
                await self.look_and_say(at)
                await asyncio.sleep(EVERY_SECONDS)

    async def look_and_say(self, at: Alertmanager) -> None:
        """One look; what goes wrong is said once, until it is something else."""
        problems: dict[str, Exception] = {}
        await _by_itself(problems, "all", self.look(at, problems))
        for what, error in problems.items():
            if repr(error) != repr(self._problems.get(what)):
                unforeseen = None if isinstance(error, _FORESEEN) else error
                LOG.warning(
                    "silences can't be looked after", exc_info=unforeseen, extra={"what": what, "why": str(error)}
                )
        self._problems = problems

    async def look(self, at: Alertmanager, problems: dict[str, Exception] | None = None) -> None:
        """
        Make, renew and end; and hear of what is silenced. Each by itself: what goes wrong with one is put into ``problems`` and
        keeps nothing from the others. Raises NoAnswer when Alertmanager does not even say what is there.
        """
        problems = {} if problems is None else problems
        incidents = list(_incidents(self._cache))
        platform = self._policy("").alerts_namespace
        wishes = [wish for each in incidents if (wish := wanted(each, platform)) is not None]
        there = await at.silences()
        mine = [s for s in there if s.get("createdBy") == CREATED_BY]
        if not wishes and not mine:
            return
        now = self._now().replace(microsecond=0)
        todo = steps(wishes, [each.metadata.uid for each in incidents], mine, now)
        for silence in todo.post:
            if await _by_itself(problems, str(silence["comment"]), at.post(silence)):
                SILENCES.labels("renewed" if "id" in silence else "made").inc()
        for silence_id in todo.delete:
            if await _by_itself(problems, f"silence {silence_id}", at.delete(silence_id)):
                SILENCES.labels("ended").inc()
        if wishes:
            up_since = await at.up_since()
            for wish in wishes:
                await _by_itself(problems, f"{wish.namespace}/{wish.incident}", self._hear(at, wish, up_since, now))

    async def _hear(self, at: Alertmanager, wish: Wanted, up_since: datetime, now: datetime) -> None:
        told = heard(wish, await at.alerts(wish), up_since, now)
        if told is not None:
            await self._store.take(wish.namespace, told)


async def _by_itself(problems: dict[str, Exception], what: str, doing: Awaitable[None]) -> bool:
    """Did it go well? If not, why is in ``problems`` afterwards: one poison object must not stop the rest."""
    try:
        await doing
    except Exception as error:
        problems[what] = error
        return False
    return True


def _incidents(cache: Cache) -> Iterable[Incident]:
    for key in cache.all():
        body = cache.get(key)
        if key.plural != INCIDENTS.plural or body is None or not (body.get("spec") or {}).get("alertGroup"):
            continue
        try:
            yield Incident.model_validate(body)
        except ValidationError:
            continue
