"""
The way to an object store that speaks S3 (AWS, Google with HMAC keys, MinIO, Ceph, R2 …): small objects, put and got whole.

Signed with AWS Signature Version 4 in one chunk (Amazon S3 API reference, "Authenticating requests: using the Authorization
header"). Bounded in time and size; no redirects, proxy, cookies or retries; link-local addresses never, whatever a name stands for.
"""

import hashlib
import hmac
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from stanch.core.addresses import wrong_host, wrong_url
from stanch.shell.client import USER_AGENT
from stanch.shell.way_out import Guarded, Refused

SECONDS: Final = 30.0
# As much as is read of an object; an error is read as far as its code.
OBJECT_MAX: Final = 32 * 1024 * 1024
_ERROR_MAX: Final = 8 * 1024
_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")
_SERVICE: Final = "s3"


class NotStored(Exception):
    """What the store says, or why it can't be asked: a sentence without credentials."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who asks. ``session`` is the token of temporary ones, or empty."""

    name: str
    secret: str = field(repr=False)
    region: str
    session: str = field(default="", repr=False)


def signed(
    method: str, url: str, headers: Mapping[str, str], payload: str, keys: Keys, when: datetime
) -> dict[str, str]:
    """
    ``headers``, and those that prove who asks.

    ``payload`` is the body's SHA-256 in hexadecimal, ``url`` is encoded once and has no query, ``when`` is in UTC.
    """
    parts, stamp = urlsplit(url), f"{when:%Y%m%dT%H%M%SZ}"
    every = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    every |= {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    if keys.session:
        every["x-amz-security-token"] = keys.session
    names = ";".join(sorted(every))
    lines = (f"{name}:{every[name]}" for name in sorted(every))
    asked = "\n".join((method, parts.path or "/", "", *lines, "", names, payload))
    scope = (stamp[:8], keys.region, _SERVICE, "aws4_request")
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(asked.encode()).hexdigest()))
    key = reduce(_mac, (*scope, text), f"AWS4{keys.secret}".encode())
    proof = f"Credential={keys.name}/{'/'.join(scope)},SignedHeaders={names},Signature={key.hex()}"
    return {**every, "authorization": f"AWS4-HMAC-SHA256 {proof}"}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class ObjectStore:
    """A bucket, or a folder of one."""

    def __init__(self, url: str, keys: Keys, now: Callable[[], datetime], seconds: float = SECONDS) -> None:
        """``url`` is that of the bucket, and the folder; ``now`` in UTC. Whoever names a private host means it."""
        self._url, self._keys, self._now, self._seconds = url.rstrip("/"), keys, now, seconds
        self._host = urlsplit(url).hostname or ""

    async def __aenter__(self) -> Self:
        """Raises NotStored for an address where nothing is ever sent."""
        if why := wrong_url(self._url, self._host) or wrong_host(URL(self._url).raw_host or "", self._host):
            raise NotStored(f"{self._url}: {why}")
        connector = aiohttp.TCPConnector(resolver=Guarded(self._host), use_dns_cache=False)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, name: str) -> bytes | None:
        """An object; None when there is none. Raises NotStored."""
        return await self._ask("GET", name)

    async def put(self, name: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep it whole, in the place of what was there. Raises NotStored."""
        if await self._ask("PUT", name, body, headers) is None:
            raise NotStored(f"{self._url}/{name}: it answers 404, there is no such bucket")

    async def _ask(
        self, method: str, name: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes | None:
        parts = urlsplit(str(URL(f"{self._url}/{name}")))
        # Encoded once and no more, as it is signed.
        url = parts._replace(path=quote(unquote(parts.path), safe="/-_.~")).geturl()
        ours = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        sent = signed(method, url, headers or {}, hashlib.sha256(body).hexdigest(), self._keys, self._now())
        target = URL(url, encoded=True)
        try:
            async with self._session.request(
                method, target, data=body or None, headers={**ours, **sent}, allow_redirects=False
            ) as answer:
                return await _read(answer, url)
        except TimeoutError as error:
            raise NotStored(f"{url}: no answer within {self._seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotStored(f"{url}: {_words(error)}") from error


async def _read(answer: aiohttp.ClientResponse, url: str) -> bytes | None:
    limit = OBJECT_MAX if answer.status == 200 else _ERROR_MAX
    kept = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        kept += chunk
        if len(kept) > limit:
            break
    if 200 <= answer.status < 300:
        if len(kept) > limit:
            raise NotStored(f"{url}: more than {limit} bytes")
        return bytes(kept)
    found = _CODE.search(kept)
    code = found[1].decode() if found else ""
    # Any other 404 (of a proxy, say) tells nothing of what is kept there: what is taken for empty is overwritten.
    if answer.status == 404 and code == "NoSuchKey":
        return None
    raise NotStored(f"{url}: it answers {answer.status} {code}".rstrip() + _hint(answer.status))


def _hint(status: int) -> str:
    if 300 <= status < 400:
        return "; redirects are not followed: name the bucket's own region and host"
    return "; without the right to list the bucket a missing object is refused like this, too" if status == 403 else ""


def _words(error: Exception) -> str:
    match error:
        case Refused():
            return str(error)
        case ssl.SSLError() | aiohttp.ClientSSLError():
            return "its certificate is not believed"
        case aiohttp.ClientConnectorDNSError():
            return "its name stands for no address"
        case _:
            return f"no whole answer ({type(error).__name__})"
