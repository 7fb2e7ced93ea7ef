"""What a notifier is: from a notice to what is sent, and from the answer to what came of it. Pure; the shell does the sending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from stanch.api.said import Audience
from stanch.core.notices import Text
from stanch.core.observations import Delivered


class Unusable(Exception):
    """Why nothing can be sent with what the Secret holds: a sentence that names the key and never its value."""


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One message, ready to be put into the form of a channel. ``key`` is the same each time it is tried; ``uid`` is the
    incident's; ``ref`` is what the channel calls the headline, None when it has none yet; ``raised`` counts a pager's pages
    for a higher severity. ``headline`` is the live record
    in one line, or for the public the subject. ``time`` is when it happened, ``sent`` is now, both in UTC.
    """

    key: str
    channel: str
    moment: str
    audience: Audience
    text: Text
    headline: str
    namespace: str
    name: str
    uid: str
    title: str
    severity: str
    service: str
    time: datetime
    sent: datetime
    ref: str | None = None
    raised: int = 0


@dataclass(frozen=True, slots=True)
class Post:
    """One HTTP request; ``what`` names it in words about it, for its URL may be a secret."""

    what: str
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail, and the relay that takes it. ``tls`` is StartTLS, TLS or None."""

    host: str
    port: int
    tls: str
    username: str
    password: str
    sender: str
    recipients: tuple[str, ...]
    message: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """
    The answer. ``status`` is that of HTTP or SMTP, 0 when none came, and then ``why`` says so in words. ``after`` is how
    long to wait, when it says so; ``body`` is cut to what is read of one.
    """

    status: int
    body: bytes = b""
    after: timedelta | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it. ``ref`` is the headline's; ``forget``: there is no headline of the one that we had any more."""

    kind: Delivered
    why: str = ""
    after: timedelta | None = None
    ref: str | None = None
    forget: bool = False


class Notifier(Protocol):
    """One kind of channel."""

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Post | Letter, ...]:
        """What is sent, in order; the next only when the one before was taken. Raises Unusable."""

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """What the answer to one of them means."""


def needed(secret: Mapping[str, str], key: str) -> str:
    """A value of the Secret. Raises Unusable."""
    value = secret.get(key, "").strip()
    if not value:
        raise Unusable(f"the Secret has no key {key}")
    if any(not c.isprintable() for c in value):
        raise Unusable(f"key {key} of the Secret holds a line end or another control character")
    return value


def judged_by_status(what: str, reply: Reply) -> Judged:
    """By the status alone: what may be put right within the hour, a wrong key or a busy server, is tried again."""
    if 200 <= reply.status < 300:
        return Judged(Delivered.YES)
    if reply.status == 0:
        return Judged(Delivered.AGAIN, f"{what}: {reply.why or 'no answer'}")
    if 300 <= reply.status < 400:
        return Judged(Delivered.NEVER, f"{what} answers {reply.status}, and redirects are not followed")
    again = reply.status >= 500 or reply.status in (401, 403, 404, 408, 425, 429)
    return Judged(Delivered.AGAIN if again else Delivered.NEVER, f"{what} answers {reply.status}", reply.after)
