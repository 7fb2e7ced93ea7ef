"""Objects put into a store that speaks S3: signed as Amazon's own examples say, checked by a server that works it out itself."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bucket import EXAMPLE, WHEN, Bucket
from http_server import Handler, says, serving
from stanch.shell.object_store import OBJECT_MAX, Keys, NotStored, ObjectStore, signed

# Amazon S3 API reference, "Signature Calculations for the Authorization Header", examples GET Object and PUT Object.
HOST = "https://examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VECTORS = {
    "GET Object": (
        ("GET", f"{HOST}/test.txt", {"Range": "bytes=0-9"}, EMPTY),
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT Object": (
        (
            "PUT",
            f"{HOST}/test%24file.text",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
        ),
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
}


@pytest.mark.parametrize("case", VECTORS)
def test_it_signs_as_amazons_examples_do(case: str) -> None:
    """To the last digit."""
    asked, names, signature = VECTORS[case]
    proof = signed(*asked, EXAMPLE, WHEN)["authorization"]
    scope = "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    assert f"AWS4-HMAC-SHA256 {scope},SignedHeaders={names},Signature={signature}" == proof


@asynccontextmanager
async def store(
    handler: Handler, keys: Keys = EXAMPLE, folder: str = "/status/shop", seconds: float = 30.0
) -> AsyncIterator[ObjectStore]:
    """A folder of a bucket behind a server of ours."""
    async with serving(handler) as url, ObjectStore(f"{url}{folder}/", keys, lambda: WHEN, seconds) as made:
        yield made


@pytest.mark.parametrize("session", ["", "FQoGZXIvYXdzEBY="])
async def test_what_is_put_is_there(session: str) -> None:
    """Under its name, with its headers, with temporary keys as well; and what is not there is nothing."""
    bucket = Bucket()
    keys = Keys(EXAMPLE.name, EXAMPLE.secret, "eu-central-1", session)
    async with store(bucket.handle, keys, "/status/caf\u00e9 $1") as made:
        assert await made.get("status.json") is None
        await made.put("index.html", b"<p>", {"Content-Type": "text/html; charset=utf-8"})
        assert b"<p>" == await made.get("index.html")
    assert ["/status/caf\u00e9 $1/index.html"] == list(bucket.objects)
    (headers,) = bucket.headers.values()
    assert "text/html; charset=utf-8" == headers["Content-Type"]
    assert (session or None) == headers.get("x-amz-security-token")


async def test_another_secret_is_refused_and_not_shown() -> None:
    """The server's word, and neither key."""
    async with store(Bucket().handle, Keys("AKID", "hush", "us-east-1", "hushhush")) as made:
        with pytest.raises(NotStored, match="403 SignatureDoesNotMatch") as caught:
            await made.put("x", b"", {})
    assert "hush" not in str(caught.value) + repr(made._keys)


async def slow(_: web.Request) -> web.Response:
    """It never answers."""
    await asyncio.Event().wait()
    return web.Response()


async def drops(request: web.Request) -> web.Response:
    """It breaks off."""
    assert request.transport
    request.transport.close()
    return web.Response()


HOSTILE: dict[str, tuple[Handler, str]] = {
    "leads elsewhere": (says("", 307, Location="/inside"), "307; redirects are not followed"),
    "broken": (says("<html>", 500), "it answers 500"),
    "no bucket": (says("<Error><Code>NoSuchBucket</Code></Error>", 404), "404 NoSuchBucket"),
    "huge": (says(b"x" * (OBJECT_MAX + 1)), "more than 33554432 bytes"),
    "drops": (drops, "no whole answer"),
    "stalls": (slow, "no answer within 0.3 s"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_whatever_it_answers_is_said(case: str) -> None:
    """And nothing is taken for an empty store, or the page would begin anew."""
    handler, words = HOSTILE[case]
    async with store(handler, seconds=0.3 if case == "stalls" else 30.0) as made:
        with pytest.raises(NotStored, match=words):
            await made.get("status.json")


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/x", "http://\u2460\u2466\u2460/"]
)
async def test_link_local_addresses_are_never_asked(url: str) -> None:
    """Also not by who names them, however they are written."""
    with pytest.raises(NotStored):
        async with ObjectStore(url, EXAMPLE, lambda: WHEN) as made:
            await made.get("x")
