"""
Values of Secrets of the operator's namespace, read by name when they are needed: not watched, not listed, never logged.

Each is kept for half a minute, so that a storm of notices is no storm of reads and a rotated one is used soon. Whoever is told that
a credential is wrong says so with ``forget``, and the next question reads it anew.
"""

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.secret_refs import Missing, SecretRef, secret
from stanch.shell.client import Kube, Unanswered
from stanch.shell.kept import Kept

SECRETS: Final = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
KEPT_SECONDS: Final = 30.0
# Somebody may be about to make it.
MISSING_SECONDS: Final = 5.0
KEPT_MAX: Final = 256
# What people make to be sent. Tokens of ServiceAccounts, undo records and the redaction key are in the same namespace: who may
# write a ResponsePolicy must not have them sent to an address of their choice.
TYPES: Final = ("Opaque", "kubernetes.io/basic-auth")
# It becomes part of a path.
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

Values = Mapping[str, str]


class SecretRefs:
    """The one place that reads credentials of others."""

    def __init__(self, kube: Kube, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` is monotonic, in seconds."""
        self._kube = kube
        self._kept: Kept[str, Values | Missing] = Kept(_seconds, KEPT_MAX, now)

    async def secret_value(self, ref: SecretRef) -> str | Missing:
        """The value of one key, as text without the newline at its end; or why there is none. Never raises for what is stored."""
        values = await self.values(ref.name)
        if isinstance(values, Missing):
            return values
        return values[ref.key] if ref.key in values else Missing(f"{secret(ref.name)} has no key {ref.key}")

    async def values(self, name: str) -> Values | Missing:
        """All keys of a Secret that hold text, to their values; or why it can't be had."""
        before = self._kept.last(name)
        return await self._kept.get(name, lambda: self._read(name, before))

    def forget(self, name: str) -> None:
        """It was refused where it was sent: the next question reads it anew."""
        self._kept.forget(name)

    async def _read(self, name: str, before: Values | Missing | None) -> Values | Missing:
        if len(name) > 253 or not _NAME.fullmatch(name):
            return Missing(f"{name[:80]!r} is no name of a Secret")
        found = await self._ask(name)
        if isinstance(found, Missing) and found.passing and before is not None and not isinstance(before, Missing):
            # What was so when somebody could last say.
            return before
        return found

    async def _ask(self, name: str) -> Values | Missing:
        try:
            reply = await self._kube.get(f"{SECRETS}/{name}")
        except Unanswered:
            return Missing(f"{secret(name)} can't be read now: the API server does not answer", passing=True)
        if reply.ok:
            return _values(name, reply.body)
        if reply.status == 404:
            return Missing(f"{secret(name)} is not there")
        return Missing(f"{secret(name)} can't be read: {reply.message}", passing=reply.busy)


def _seconds(answer: Values | Missing) -> float:
    return MISSING_SECONDS if isinstance(answer, Missing) else KEPT_SECONDS


def _values(name: str, body: Mapping[str, Any]) -> Values | Missing:
    if (kind := str(body.get("type") or TYPES[0])) not in TYPES:
        return Missing(f"{secret(name)} is of type {kind}, which is never sent anywhere; make one of type {TYPES[0]}")
    decoded = {key: _text(value) for key, value in (body.get("data") or {}).items()}
    return {key: value for key, value in decoded.items() if value is not None}


def _text(value: Any) -> str | None:
    """Without the newline that `echo` and editors put at the end; None for what is no text."""
    try:
        return base64.b64decode(str(value), validate=True).decode().rstrip("\r\n")
    except (binascii.Error, UnicodeDecodeError):
        return None
