"""
POST /alerts: Alertmanager's webhook, version 4, for those who may create alerts in the namespace.

202 only once the API has it; 503 when it can't have it now, for Alertmanager tries again after 5xx and after nothing else;
4xx for what no second try would mend. The order of looking: who, may they, how long, what. Where an incident is made, its alerts
say; so of who may send none to where the platform takes any, no more is read than is needed for that: a small body.
"""

import asyncio
import contextlib
import json
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from stanch.api.policy import Policy
from stanch.core.alert_batches import Kept
from stanch.core.alertmanager import NAMESPACE_LABEL, Garbage, Told, read
from stanch.shell.alert_ahead import SOON_SECONDS, Ahead
from stanch.shell.alert_lookup import NotStored
from stanch.shell.alert_store import AlertStore, NoSuchNamespace, Stored
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.metrics import ALERT_SECONDS, ALERTS, ALERTS_TOLD
from stanch.shell.sender import Busy, Sender, Senders, Unknown

LOG = logging.getLogger("stanch.alerts")
# What is no HTTP at all is answered with 400, and fills no log: whoever reaches the port may send it.
HTTP_LOG = logging.getLogger("stanch.alerts.http")
HTTP_LOG.setLevel(logging.CRITICAL)
PATH: Final = "/alerts"
BODY_MAX: Final = 1024 * 1024
# Larger ones are read of those alone who are known to be allowed, and beside the event loop.
SMALL: Final = 32 * 1024
TOO_LARGE: Final = (
    f"the body must have at most {BODY_MAX} bytes; make the group smaller by group_by, or set max_alerts in"
    " alertmanager.yml"
)
BODY_SECONDS: Final = 5.0
# Alertmanager gives up on a notification after its group_interval, ten seconds at least.
ANSWER_SECONDS: Final = 8.0
AT_ONCE: Final = 256
RETRY_SECONDS: Final = 2
RELOAD_SECONDS: Final = 60.0
SAY_SECONDS: Final = 10.0
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/-]+=*)")
ANY: Final = "*"


class Answer(Exception):
    """What is answered instead of going on: an HTTP code, and why in a sentence."""

    def __init__(self, code: int, why: str) -> None:
        """Neither says anything that the sender does not know."""
        super().__init__(why)
        self.code, self.why = code, why


# Answers after which Alertmanager does not tell it again.
REFUSALS: Final = (400, 401, 403, 408, 413, 415)


@dataclass(frozen=True, slots=True)
class AlertsAt:
    """Where alerts come in: host:port, and the folder of tls.crt and tls.key, None for plain HTTP."""

    address: str
    tls: Path | None = None


class Receiver:
    """One listening place; it holds nothing that a restart would lose."""

    def __init__(
        self,
        kube: Kube,
        policy: Callable[[str], Policy],
        unread: Callable[[], str],
        cache: Cache | None = None,
        soon: float = SOON_SECONDS,
    ) -> None:
        """
        ``policy`` is what is in force in a namespace, "" for the cluster; ``unread`` why that is not known yet; ``cache`` what a
        watch has told of open incidents. What is not in its incident within ``soon`` seconds is written ahead.
        """
        self._policy, self._unread = policy, unread
        self._senders = Senders(kube)
        self._store = AlertStore(kube, policy, _now(kube), cache)
        self._ahead = Ahead(kube, _now(kube), self._fold, soon)
        self._store.is_kept, self._store.awaited = lambda: self._ahead.works, self._ahead.awaited
        self._inside = 0
        self._said: dict[int, float] = {}
        # Each at nought: the first refusal is an increase then, which an alert rule sees.
        for code in REFUSALS:
            ALERTS.labels(str(code))

    def app(self) -> web.Application:
        """The one page."""
        app = web.Application(client_max_size=BODY_MAX)
        app.add_routes([web.post(PATH, self._post)])
        return app

    async def close(self) -> None:
        """What is not written by now is not; whoever told it got no 202, or it is kept."""
        await self._ahead.close()
        await self._store.close()

    async def look_for_ever(self) -> None:
        """Tell again what is kept and not in its incident."""
        await self._ahead.run()

    async def _post(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        self._inside += 1
        try:
            if self._inside > AT_ONCE:
                raise Answer(503, f"more than {AT_ONCE} requests at once")
            async with asyncio.timeout(ANSWER_SECONDS):
                stored = await self._taken(request)
            code, body = 202, {"incident": stored.incident, "namespace": stored.namespace, "message": stored.why}
        except Answer as answer:
            code, body = answer.code, {"message": answer.why}
        except TimeoutError:
            code, body = 503, {"message": f"not stored within {ANSWER_SECONDS:.0f}s"}
        except Exception:  # a bug of ours must not lose an alert: it is told again
            LOG.exception("alerts can't be taken")
            code, body = 503, {"message": "stanch failed; its log says why"}
        finally:
            self._inside -= 1
        ALERTS.labels(str(code)).inc()
        ALERT_SECONDS.observe(time.perf_counter() - began)
        if code != 202:
            self._say(code, body["message"])
        return _reply(code, body)

    def _say(self, code: int, why: str | None) -> None:
        """In the log, but not each time: whoever may not send fills no disk."""
        now = time.monotonic()
        if now - self._said.get(code, -SAY_SECONDS) >= SAY_SECONDS:
            self._said[code] = now
            LOG.warning("alerts refused", extra={"code": code, "why": why})

    async def _taken(self, request: web.Request) -> Stored:
        if why := self._unread():
            raise Answer(503, why)
        sender = await self._sender(request)
        if _is_large(request):
            await self._welcomed(sender, request)
        raw = await _body(request)
        try:
            told = read(raw) if len(raw) <= SMALL else await asyncio.to_thread(read, raw)
        except Garbage as error:
            raise Answer(400, str(error)) from None
        stored = await self._stored(sender, told)
        ALERTS_TOLD.inc(len(told.alerts))
        return stored

    async def _sender(self, request: web.Request) -> Sender:
        found = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        if found is None:
            raise Answer(401, "needs the header Authorization: Bearer TOKEN (docs/how-to/connect-alertmanager.md)")
        try:
            return await self._senders.who(found[1])
        except Unknown:
            why = "the token is not known, or was not made for this: kubectl create token --audience alerts.stanch.dev"
            raise Answer(401, why) from None
        except Busy as error:
            raise Answer(503, str(error)) from None

    async def _welcomed(self, sender: Sender, request: web.Request) -> None:
        """May they send to where alerts go by the policy, or to the namespace that the URL names? Nothing of the body is read."""
        policy, named = self._policy(""), request.query.get("namespace", "")
        if named and not _NAMESPACE.fullmatch(named):
            raise Answer(400, "namespace in the URL must be the name of a namespace")
        places = (named,) if named else (policy.alerts_namespace, *sorted(policy.alerts_namespaces - {ANY}))
        for place in places:
            if await self._may_somewhere(sender, (place,)):
                return
        raise Answer(
            403,
            f"{sender.username} may not create alerts.stanch.dev in namespace {' or '.join(places)}, and more than {SMALL} bytes"
            f" are read of nobody else; another namespace must be named in the URL: {PATH}?namespace=NAME",
        )

    async def _stored(self, sender: Sender, told: Told) -> Stored:
        """In its incident; or, where that takes longer than a moment, where it is kept until it is."""
        try:
            places = await self._places(sender, told)
        except (Busy, NotStored) as error:
            raise Answer(503, str(error)) from None
        direct = asyncio.create_task(self._in_its_incident(sender, told, places))
        try:
            if await self._ahead.first(direct, lambda: self._kept(sender, told, places)):
                return Stored(places[0], None, "kept; it goes into its incident")
            return await direct
        except asyncio.CancelledError:
            direct.cancel()
            raise

    async def _kept(self, sender: Sender, told: Told, places: Sequence[str]) -> Kept:
        """With the places where the sender may: nobody asks for them again."""
        try:
            return Kept(tuple([place for place in places if await self._senders.may(sender, place)]), told)
        except Busy:
            return Kept((), told)

    async def _fold(self, kept: Kept) -> None:
        """What was kept, into the first of its places that is there. Raises NotStored."""
        for place in kept.places:
            with contextlib.suppress(NoSuchNamespace):
                await self._store.take(place, kept.told)
                return
        raise NotStored(f"there is no namespace {kept.places[-1]}")

    async def _in_its_incident(self, sender: Sender, told: Told, places: Sequence[str]) -> Stored:
        """In the first place that is meant and allowed. The sender's rights say where, not the labels."""
        try:
            for place in places:
                if await self._senders.may(sender, place):
                    with contextlib.suppress(NoSuchNamespace):
                        return await self._store.take(place, told)
        except (Busy, NotStored) as error:
            raise Answer(503, str(error)) from None
        if not await self._may_somewhere(sender, places):
            raise Answer(403, f"{sender.username} may not create alerts.stanch.dev in namespace {' or '.join(places)}")
        raise Answer(503, f"there is no namespace {places[-1]}; see receiver.defaultNamespace of the ResponsePolicy")

    async def _places(self, sender: Sender, told: Told) -> tuple[str, ...]:
        """First where it is open already: what else joins or leaves the group must not part it from its incident."""
        places = await self._meant(sender, told)
        home = await self._store.home(told, places[0])
        if home is None or home == places[0] or not await self._senders.may(sender, home):
            return places
        return (home, *(place for place in places if place != home))

    async def _meant(self, sender: Sender, told: Told) -> tuple[str, ...]:
        """Besides what the platform lets, the namespace that all alerts name where a Runbook there is for them."""
        policy = self._policy("")
        places, named = places_for(told, policy), told.labels.get(NAMESPACE_LABEL, "")
        if named in places or not _NAMESPACE.fullmatch(named) or not await self._senders.may(sender, named):
            return places
        return (named, *places) if await self._store.has_runbook(named, told) else places

    async def _may_somewhere(self, sender: Sender, places: Sequence[str]) -> bool:
        try:
            return any([await self._senders.may(sender, place) for place in places])
        except Busy as error:
            raise Answer(503, str(error)) from None


def places_for(told: Told, policy: Policy) -> tuple[str, ...]:
    """Namespaces for its incident, the best first: the one that all alerts name if the platform lets them, then the default."""
    named = told.labels.get(NAMESPACE_LABEL, "")
    allowed = named in policy.alerts_namespaces or ANY in policy.alerts_namespaces
    if allowed and _NAMESPACE.fullmatch(named) and named != policy.alerts_namespace:
        return named, policy.alerts_namespace
    return (policy.alerts_namespace,)


def _now(kube: Kube) -> Callable[[], datetime]:
    return lambda: kube.clock.now().replace(microsecond=0)


def _is_large(request: web.Request) -> bool:
    """More than a few alerts; or nobody knows how much."""
    return request.can_read_body and (request.content_length is None or request.content_length > SMALL)


async def _body(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Answer(415, "Content-Encoding must be left out")
    if (request.content_length or 0) > BODY_MAX:
        raise Answer(413, TOO_LARGE)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Answer(413, TOO_LARGE) from None
    except TimeoutError:
        raise Answer(408, f"the body did not arrive within {BODY_SECONDS:.0f}s") from None
    except (web.PayloadAccessError, web.RequestPayloadError, ConnectionError, asyncio.IncompleteReadError):
        raise Answer(400, "the body did not arrive whole") from None


def _reply(code: int, body: dict[str, Any]) -> web.Response:
    headers = {"Retry-After": str(RETRY_SECONDS)} if code == 503 else {}
    if code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    # A body that was not read to the end leaves nothing behind it that can be understood.
    response = web.json_response(body, status=code, headers=headers, dumps=json.dumps)
    if code in (401, 403, 408, 413, 415):
        response.force_close()
    return response


# --- listening -------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def receiving(at: AlertsAt | None, receiver: Receiver) -> AsyncIterator[str]:
    """Take alerts while inside, at the host:port that it gives. Raises OSError when address or certificate can't be had."""
    if at is None:
        yield ""
        return
    host, _, port = at.address.rpartition(":")
    runner = web.AppRunner(
        receiver.app(), access_log=None, logger=HTTP_LOG, auto_decompress=False, shutdown_timeout=2.0
    )
    await runner.setup()
    tls = _certificate(at.tls) if at.tls else None
    site = web.TCPSite(runner, host or "0.0.0.0", int(port), ssl_context=tls)
    renewing = asyncio.create_task(_renew(tls, at.tls)) if tls and at.tls else None
    looking = asyncio.create_task(receiver.look_for_ever())
    try:
        await site.start()
        found = " ".join(f"{a[0]}:{a[1]}" for a in runner.addresses)
        LOG.info("alerts are taken", extra={"address": found})
        yield found
    finally:
        if renewing:
            renewing.cancel()
        looking.cancel()
        await receiver.close()
        await runner.cleanup()


def _certificate(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


async def _renew(context: ssl.SSLContext, folder: Path) -> None:
    """cert-manager writes a new one long before the old one ends; connections that are made then get it."""
    while True:
        await asyncio.sleep(RELOAD_SECONDS)
        try:
            context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        except (OSError, ssl.SSLError):
            LOG.warning("the certificate can't be read; the one before stays", exc_info=True)
