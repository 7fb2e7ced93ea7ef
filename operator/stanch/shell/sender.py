"""
Who sends alerts, and may they? TokenReview for our own audience, then SubjectAccessReview in the namespace.

Answers are kept for a short while and asked for once at a time, so that a storm of alerts is no storm of questions.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.names import ALERTS_AUDIENCE, GROUP
from stanch.shell.client import Kube, Reply, Unanswered

TOKEN_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
# A right that is taken away counts for so long still; one that is given is seen sooner.
YES_SECONDS: Final = 60.0
NO_SECONDS: Final = 5.0
KEPT_MAX: Final = 1024
# Tokens that nobody knows cost the API server a question each.
ASKED_AT_ONCE: Final = 8
WAITING_MAX: Final = 64


class Unknown(Exception):
    """The token is nobody's, or not for us."""


class Busy(Exception):
    """The API server can't say now, or too many ask: try again."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as the API server knows them."""

    username: str
    review: tuple[tuple[str, Any], ...]


@dataclass(slots=True)
class _Kept:
    task: "asyncio.Task[Any]"
    until: float


class Senders:
    """What is known of senders and their rights."""

    def __init__(self, kube: Kube, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` is monotonic, in seconds."""
        self._kube, self._now = kube, now
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        self._waiting = 0

    async def who(self, token: str) -> Sender:
        """Whose token it is. Raises Unknown or Busy."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        found: Sender | None = await self._once(("who", digest), lambda: self._review(token))
        if found is None:
            raise Unknown
        return found

    async def may(self, sender: Sender, namespace: str) -> bool:
        """May they create alerts there? Raises Busy."""
        review = hashlib.sha256(repr(sender.review).encode()).hexdigest()
        return bool(await self._once(("may", review, namespace), lambda: self._access(sender, namespace)))

    async def _once(self, key: tuple[str, ...], ask: Callable[[], Awaitable[Any]]) -> Any:
        kept = self._kept.get(key)
        if kept is None or (kept.task.done() and self._now() >= kept.until):
            kept = self._kept[key] = _Kept(asyncio.create_task(self._asked(key, ask)), 0.0)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return await asyncio.shield(kept.task)

    async def _asked(self, key: tuple[str, ...], ask: Callable[[], Awaitable[Any]]) -> Any:
        if self._waiting >= WAITING_MAX:
            self._kept.pop(key, None)
            raise Busy("too many unknown senders at once")
        self._waiting += 1
        try:
            async with self._asking:
                answer = await ask()
        except BaseException:
            self._kept.pop(key, None)
            raise
        finally:
            self._waiting -= 1
        if kept := self._kept.get(key):
            kept.until = self._now() + (YES_SECONDS if answer else NO_SECONDS)
        return answer

    async def _review(self, token: str) -> Sender | None:
        spec = {"token": token, "audiences": [ALERTS_AUDIENCE]}
        status = await self._post(TOKEN_REVIEWS, "authentication.k8s.io/v1", "TokenReview", spec)
        if not status.get("authenticated") or ALERTS_AUDIENCE not in (status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        # `extra` holds lists of what a token is bound to; authorizers may look at it.
        review = {name: user[name] for name in ("uid", "groups", "extra") if user.get(name)}
        name = str(user.get("username") or "")
        return Sender(name, (("user", name), *review.items())) if name else None

    async def _access(self, sender: Sender, namespace: str) -> bool:
        right = {"verb": "create", "group": GROUP, "resource": "alerts", "namespace": namespace}
        spec = {**dict(sender.review), "resourceAttributes": right}
        status = await self._post(ACCESS_REVIEWS, "authorization.k8s.io/v1", "SubjectAccessReview", spec)
        return bool(status.get("allowed"))

    async def _post(self, path: str, version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        try:
            reply: Reply = await self._kube.create(path, {"apiVersion": version, "kind": kind, "spec": spec})
        except Unanswered as error:
            raise Busy(str(error)) from error
        if not reply.ok:
            raise Busy(f"{kind}: {reply.message}")
        status: dict[str, Any] = reply.body.get("status") or {}
        return status
