"""
The one way out to channels: HTTP and SMTP, bounded in time and size, never a retry, never to where nobody is to be told.

No proxy, no cookies, no redirects. An address is judged when it is connected to, and that very one is connected to; private
ones only for the host that the cluster's policy names (core/addresses.py). What goes wrong is said without the URL, for
that of a Slack webhook is its password.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import aiosmtplib
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from stanch.api.outbox_status import CHANNELS_MAX
from stanch.core.addresses import why_not, wrong_host, wrong_url
from stanch.notifiers.ports import Letter, Post, Reply
from stanch.shell.client import USER_AGENT
from stanch.shell.lookups import Lookups

SECONDS: Final = 10.0
# Who has the whole letter may think about it for minutes (RFC 5321, 4.5.3.2.6): left there, it has it, and gets it again.
# This holds up one of the channel's own turns, and no other channel.
THINKING_SECONDS: Final = 120.0
BODY_MAX: Final = 64 * 1024
# One for each channel that a policy may have.
_NAMES: Final = Lookups(CHANNELS_MAX)
_CODE: Final = re.compile(r"[0-9]{1,9}")
# A line that begins with a dot is given another (RFC 5321, 4.5.2).
_DOT: Final = re.compile(rb"^\.", re.MULTILINE)
# Where Retry-After says when to come again (RFC 6585, RFC 9110); anywhere else it is about something else.
_NOT_NOW: Final = (429, 503)


class Refused(aiohttp.ClientError):
    """An address where nothing is sent; its words say why."""


class Guarded(AbstractResolver):
    """Names to addresses that something may be sent to. One that is not among them makes the name suspect."""

    def __init__(self, private_host: str | None) -> None:
        """``private_host`` may be in the own network."""
        self._private = private_host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All its addresses. Raises Refused, or OSError when there are none."""
        found = await _NAMES.resolve(host, port, family)
        for each in found:
            if why := why_not(each["host"], host == self._private):
                raise Refused(why)
        return found

    async def close(self) -> None:
        """Nothing is open."""


async def send(
    sent: Post | Letter,
    private_host: str | None,
    now: datetime,
    seconds: float = SECONDS,
    thinking: float = THINKING_SECONDS,
) -> Reply:
    """
    One try; a relay that was given its letter has ``thinking`` seconds more. What comes back is other people's, and never
    raises.
    """
    late = f"no answer within {seconds:g} s"
    try:
        async with asyncio.timeout(seconds) as limit:
            if isinstance(sent, Post):
                return await _post(sent, private_host, now)

            def given() -> None:
                nonlocal late
                late = f"no answer within {thinking:g} s after it was given the letter"
                limit.reschedule(asyncio.get_running_loop().time() + thinking)

            return await _mail(sent, private_host, given)
    except TimeoutError:
        return Reply(0, why=late)
    except (aiohttp.ClientError, aiosmtplib.SMTPException, OSError, ValueError) as error:
        return Reply(0, why=_words(error))


def _words(error: Exception) -> str:
    """Never those of the error itself: they may hold the URL."""
    match error:
        case Refused():
            return str(error)
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "its name stands for no address"
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return "its certificate is not believed"
        case _:
            return f"no whole answer ({type(error).__name__})"


# --- HTTP ------------------------------------------------------------------------------------------------------------


async def _post(post: Post, private_host: str | None, now: datetime) -> Reply:
    if why := wrong_url(post.url, private_host):
        raise Refused(why)
    url = URL(post.url)
    # As it will be connected to: a circled digit is none as it is written, and is one then.
    if why := wrong_host(url.raw_host or "", private_host):
        raise Refused(why)
    connector = aiohttp.TCPConnector(resolver=Guarded(private_host), use_dns_cache=False, force_close=True)
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **post.headers}
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session,
        session.post(url, data=post.body, headers=headers, allow_redirects=False) as answer,
    ):
        kept = bytearray()
        async for chunk in answer.content.iter_chunked(16_384):
            kept += chunk
            if len(kept) > BODY_MAX:
                # What it decided stands at the beginning; one that goes on for ever is no reason to wait for ever.
                break
        after = retry_after(answer.headers, now) if answer.status in _NOT_NOW else None
        return Reply(answer.status, bytes(kept[:BODY_MAX]), after)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Of seconds or of a date; None when it says nothing that can be read."""
    said = headers.get("Retry-After", "").strip()
    if _CODE.fullmatch(said):
        return timedelta(seconds=int(said))
    try:
        until = parsedate_to_datetime(said)
        return max(timedelta(0), until - now)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


# --- SMTP ------------------------------------------------------------------------------------------------------------


class _Client(aiosmtplib.SMTP):
    """Says when the relay has the whole letter, and waits for it without a limit of its own."""

    given: Callable[[], None]

    async def data(self, message: str | bytes, /, **_: object) -> aiosmtplib.SMTPResponse:
        """DATA, the letter, and what the relay says to it. Raises SMTPDataError or SMTPServerDisconnected."""
        begins = await self.execute_command(b"DATA", timeout=None)
        if begins.code != aiosmtplib.SMTPStatus.start_input:
            raise aiosmtplib.SMTPDataError(begins.code, begins.message)
        if self.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        lines = message.encode("ascii") if isinstance(message, str) else message
        ended = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
        self.protocol.write(_DOT.sub(b"..", ended) + b".\r\n")
        self.given()
        said = await self.protocol.read_response()
        if said.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPDataError(said.code, said.message)
        return said


async def _mail(letter: Letter, private_host: str | None, given: Callable[[], None]) -> Reply:
    if why := wrong_host(letter.host, private_host):
        raise Refused(why)
    sock = await _connected(letter.host, letter.port, private_host)
    try:
        client = _Client(
            hostname=letter.host,
            sock=sock,
            timeout=None,
            use_tls=letter.tls == "TLS",
            # Asked for and not there: then nothing is said.
            start_tls=letter.tls == "StartTLS",
            username=letter.username or None,
            password=letter.password or None,
            local_hostname="stanch.invalid",
        )
        client.given = given
        await client.connect()
        try:
            refused, _ = await client.sendmail(letter.sender, list(letter.recipients), letter.message)
        finally:
            # No QUIT: a relay that stalls at it has taken the letter, and would be sent it again.
            client.close()
    except aiosmtplib.SMTPRecipientsRefused as error:
        # Nobody has it: one of them who may have it later is reason enough to come again.
        return _no(min((r.code for r in error.recipients), default=0))
    except aiosmtplib.SMTPResponseException as error:
        return _no(error.code)
    finally:
        sock.close()
    # Some have it: sent again they would have it twice. Who was refused is the relay's to tell its postmaster.
    return Reply(250, body=f"{len(refused)} of {len(letter.recipients)} refused".encode() if refused else b"")


def _no(code: int) -> Reply:
    """What is no yes must not look like one: who answers 250 before it was given the letter has not taken it."""
    return Reply(code) if 400 <= code < 600 else Reply(0, why="it answers out of turn, or does not speak SMTP")


async def _connected(host: str, port: int, private_host: str | None) -> socket.socket:
    """A socket to an address that was judged. Raises Refused or OSError."""
    loop = asyncio.get_running_loop()
    trouble: OSError = OSError("no address")
    for each in await Guarded(private_host).resolve(host, port):
        sock = socket.socket(each["family"], socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, (each["host"], each["port"]))
        except OSError as error:
            sock.close()
            trouble = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise trouble
