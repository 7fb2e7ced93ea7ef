"""
Who sends alerts, and may they? TokenReview for our own audience, then SubjectAccessReview in the namespace.

Answers are kept for a short while and asked for once at a time, so that a storm of alerts is no storm of questions.
"""

import asyncio
import base64
import hashlib
import json
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from stanch.api.names import ALERTS_AUDIENCE, GROUP
from stanch.shell.client import Kube, Reply, Unanswered
from stanch.shell.kept import Kept

TOKEN_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
# A right that is taken away counts for so long still; one that is given is seen sooner.
YES_SECONDS: Final = 60.0
NO_SECONDS: Final = 5.0
KEPT_MAX: Final = 1024
# Tokens that nobody knows cost the API server a question each.
ASKED_AT_ONCE: Final = 8
WAITING_MAX: Final = 64
T = TypeVar("T")


class Unknown(Exception):
    """The token is nobody's, or not for us."""


class Busy(Exception):
    """The API server can't say now, or too many ask: try again."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as the API server knows them; and for how many seconds that may be believed."""

    username: str
    review: tuple[tuple[str, Any], ...]
    good_for: float = YES_SECONDS


class Senders:
    """What is known of senders and their rights."""

    def __init__(self, kube: Kube, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` is monotonic, in seconds."""
        self._kube = kube
        self._known: Kept[str, Sender | None] = Kept(lambda who: who.good_for if who else NO_SECONDS, KEPT_MAX, now)
        self._rights: Kept[tuple[str, str], bool] = Kept(lambda may: YES_SECONDS if may else NO_SECONDS, KEPT_MAX, now)
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        self._waiting = 0

    async def who(self, token: str) -> Sender:
        """Whose token it is. Raises Unknown or Busy."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = await self._known.get(digest, lambda: self._in_turn(lambda: self._review(token)))
        if found is None:
            raise Unknown
        return found

    async def may(self, sender: Sender, namespace: str) -> bool:
        """May they create alerts there? Raises Busy."""
        key = (hashlib.sha256(repr(sender.review).encode()).hexdigest(), namespace)
        return await self._rights.get(key, lambda: self._in_turn(lambda: self._access(sender, namespace)))

    async def _in_turn(self, ask: Callable[[], Awaitable[T]]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Busy("too many unknown senders at once")
        self._waiting += 1
        try:
            async with self._asking:
                return await ask()
        finally:
            self._waiting -= 1

    async def _review(self, token: str) -> Sender | None:
        spec = {"token": token, "audiences": [ALERTS_AUDIENCE]}
        status = await self._post(TOKEN_REVIEWS, "authentication.k8s.io/v1", "TokenReview", spec)
        if not status.get("authenticated") or ALERTS_AUDIENCE not in (status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        # `extra` holds lists of what a token is bound to; authorizers may look at it.
        review = {name: user[name] for name in ("uid", "groups", "extra") if user.get(name)}
        name = str(user.get("username") or "")
        good_for = min(YES_SECONDS, seconds_left(token, self._kube.clock.now()))
        return Sender(name, (("user", name), *review.items()), good_for) if name else None

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


def seconds_left(token: str, now: datetime) -> float:
    """Until a token ends that says so itself (RFC 7519); for ever for any other. Whether it is true, the API server has said."""
    try:
        part = token.split(".")[1]
        ends = float(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return math.inf
    return max(0.0, ends - now.timestamp())
