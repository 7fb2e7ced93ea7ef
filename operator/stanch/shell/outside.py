"""
The way to what is not the API server: Prometheus, and endpoints that criteria ask. Bounded in time and size, never a retry.

No cookies, no proxy, no redirects; and nothing link-local, whatever a name resolves to: that is where clouds keep credentials.
Which URLs there are, and with which Secret they are asked, the cluster's ResponsePolicy says alone.
"""

import asyncio
import json
import socket
import time
from dataclasses import replace
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from stanch.api.meta import instant
from stanch.api.secret_refs import Missing, secret
from stanch.core.check_http import NOT_ASKED
from stanch.core.observations import Answer, Failed, Found
from stanch.core.policy_check import is_forbidden, wrong_address
from stanch.core.questions import LoadedRule, Metric, MetricRange, Outside, Probe
from stanch.shell.client import USER_AGENT
from stanch.shell.lookups import Lookups
from stanch.shell.metrics import OUTSIDE_SECONDS
from stanch.shell.outside_access import DENIED, Access, access_of
from stanch.shell.secret_refs import SecretRefs

BODY_MAX: Final = 1024 * 1024
# A probe is about the status; what it says is nobody's business here.
PROBE_MAX: Final = 64 * 1024
# Characters of an error that are told.
WORDS_MAX: Final = 500
AT_ONCE: Final = 8
# Whoever gives up after some seconds leaves the name being looked up: so there are more of them.
_NAMES: Final = Lookups(8 * AT_ONCE)
# aiohttp's parser puts the bytes that it stumbled over into these.
QUOTING: Final = (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)
_HEADERS: Final = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


class Refused(aiohttp.ClientError):
    """An address that is never asked."""


class TooLarge(Exception):
    """More than is read of an answer."""


class Careful(AbstractResolver):
    """Names to addresses, but not to link-local ones."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses, or Refused: one that is forbidden among them makes the name suspect."""
        found = await _NAMES.resolve(host, port, family)
        if any(is_forbidden(each["host"]) for each in found):
            raise Refused(f"{host} is a link-local address, which is never asked")
        return found

    async def close(self) -> None:
        """Nothing is open."""


class Asker:
    """Asks, a few at a time."""

    def __init__(self, secrets: SecretRefs | None = None) -> None:
        """Holds no connection; ``secrets`` reads what a question names."""
        self._turn, self._secrets = asyncio.Semaphore(AT_ONCE), secrets

    async def ask(self, question: Outside) -> Answer:
        """One request, once. What comes back is other people's, and never raises."""
        began, kind = time.perf_counter(), "endpoint" if isinstance(question, Probe) else "prometheus"
        access = await self._access(question)
        if isinstance(access, Missing):
            answer: Answer = Failed(0, access.why, NOT_ASKED)
        else:
            answer = _fit_to_tell(await _ask(question, self._turn, access), access)
        if self._secrets is not None and _is_denied(question, answer):
            self._secrets.forget(question.secret)
        outcome = "answered" if isinstance(answer, Found) else "failed"
        OUTSIDE_SECONDS.labels(kind, outcome).observe(time.perf_counter() - began)
        return answer

    async def _access(self, question: Outside) -> Access | Missing:
        try:
            async with asyncio.timeout(question.seconds):
                return await access_of(self._secrets, question.secret)
        except TimeoutError:
            return Missing(f"{secret(question.secret)} can't be read within {question.seconds:g} s", passing=True)


def _fit_to_tell(answer: Answer, access: Access) -> Answer:
    """Masked first and cut then, and nowhere before: half a secret is no value that could be found."""
    return replace(answer, message=access.masked(answer.message)[:WORDS_MAX]) if isinstance(answer, Failed) else answer


def _is_denied(question: Outside, answer: Answer) -> bool:
    """Did it say that these credentials are none?"""
    if isinstance(answer, Failed):
        return answer.status in DENIED
    return isinstance(question, Probe) and isinstance(answer, Found) and answer.value["status"] in DENIED


async def _ask(question: Outside, turn: asyncio.Semaphore, access: Access) -> Answer:
    if why := wrong_address(question.url) or _wrong_when_sent(question.url):
        return Failed(0, f"its URL {why}", NOT_ASKED)
    timeout = aiohttp.ClientTimeout(total=question.seconds)
    try:
        async with asyncio.timeout(question.seconds), turn, _session(timeout, access) as session:
            return await _sent(session, question)
    except TimeoutError:
        return Failed(0, f"no answer within {question.seconds:g} s")
    except TooLarge:
        return Failed(0, f"its answer is larger than {BODY_MAX // 1024} KiB; aggregate it")
    except (Refused, aiohttp.ClientConnectorDNSError, aiohttp.ClientSSLError, aiohttp.InvalidURL) as error:
        return Failed(0, words_of(error), NOT_ASKED)
    except (aiohttp.ClientError, OSError) as error:
        return Failed(0, words_of(error))


def _wrong_when_sent(url: str) -> str:
    """As it will be connected to: a circled digit is none as it is written, and is one then."""
    try:
        return wrong_address(str(URL(url)))
    except ValueError:
        return "must be an URL"


async def _sent(session: aiohttp.ClientSession, question: Outside) -> Answer:
    match question:
        case Metric() | MetricRange():
            return await _metric(session, question)
        case LoadedRule():
            return await _rule(session, question)
        case Probe():
            return await _probe(session, question)


def _session(timeout: aiohttp.ClientTimeout, access: Access) -> aiohttp.ClientSession:
    # Of its own each time: a question every quarter of a minute needs no pool, and nothing is left of it.
    connector = aiohttp.TCPConnector(resolver=Careful(), use_dns_cache=False, force_close=True, ssl=access.tls)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        headers={**_HEADERS, **access.headers},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def words_of(error: BaseException) -> str:
    """Whole. Those that quote what came back have cut it already, perhaps in the middle of what was sent."""
    if isinstance(error, QUOTING):
        return f"{type(error).__name__}: what it answers is no HTTP, or not all of it"
    return f"{type(error).__name__} {error}".strip()


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    kept = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        kept += chunk
        if len(kept) > limit:
            raise TooLarge
    return bytes(kept)


async def _metric(session: aiohttp.ClientSession, question: Metric | MetricRange) -> Answer:
    base, form = question.url.rstrip("/"), {"query": question.query, "timeout": f"{question.seconds:g}s"}
    url = f"{base}/api/v1/query"
    if isinstance(question, MetricRange):
        url, step = f"{base}/api/v1/query_range", question.step.total_seconds()
        form |= {"start": instant(question.start), "end": instant(question.end), "step": f"{step:.10g}"}
    async with session.post(url, data=form, allow_redirects=False) as response:
        if 300 <= response.status < 400:
            return Failed(response.status, f"it answers {response.status}, and redirects are not followed")
        said = _json(await _body(response, BODY_MAX))
        if said is None:
            return Failed(response.status, f"it answers {response.status}, and not with JSON of Prometheus' API")
        if said.get("status") != "success":
            return Failed(response.status, str(said.get("error") or f"it answers {response.status}"))
        if said.get("warnings"):
            return Failed(response.status, f"only part of the answer: {_listed(said['warnings'])}")
        data = said.get("data")
        return Found(data) if isinstance(data, dict) else Failed(response.status, "its answer has no data")


def _listed(said: Any) -> str:
    """As they were written: quoted by Python, what is to be masked may look otherwise."""
    return "; ".join(map(str, said)) if isinstance(said, list) else str(said)


async def _rule(session: aiohttp.ClientSession, question: LoadedRule) -> Answer:
    url = f"{question.url.rstrip('/')}/api/v1/rules"
    # Older than 2.45 it does not know rule_name[] and answers with all: so what comes is looked through here, too.
    params = {"type": "alert", "rule_name[]": question.name}
    async with session.get(url, params=params, allow_redirects=False) as response:
        said = _json(await _body(response, BODY_MAX))
        if said is None or said.get("status") != "success":
            why = str((said or {}).get("error") or f"it answers {response.status}")
            return Failed(response.status, why)
        return Found({"rules": [rule for rule in _rules(said.get("data")) if rule["name"] == question.name]})


def _rules(data: Any) -> list[dict[str, str]]:
    """Name, query and health of each alerting rule; what has another shape is passed over."""
    groups = data.get("groups") if isinstance(data, dict) else None
    found = []
    for group in groups if isinstance(groups, list) else ():
        rules = group.get("rules") if isinstance(group, dict) else None
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and rule.get("type") == "alerting":
                found.append({key: str(rule.get(key) or "")[:1024] for key in ("name", "query", "health")})
    return found


def _json(raw: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


async def _probe(session: aiohttp.ClientSession, question: Probe) -> Answer:
    async with session.get(question.url, allow_redirects=False) as response:
        # Its status is known; a body that goes on for ever changes nothing about it.
        await response.content.read(PROBE_MAX)
        return Found({"status": response.status})
