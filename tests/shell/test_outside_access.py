"""Credentials for Prometheus and endpoints: of the Secret that the platform names, in one header, and in nobody's words."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import get_args

import pytest
from aiohttp import web

import http_server
from stanch.api.secret_refs import Missing
from stanch.core.check_http import NOT_ASKED
from stanch.core.observations import Failed, Found
from stanch.core.questions import LoadedRule, Metric, Outside, Probe
from stanch.shell.outside import WORDS_MAX, Asker
from stanch.shell.outside_access import Access, access_of, read_access

BASIC = "Basic " + base64.b64encode(b"stanch:hush-2").decode()


class Secrets:
    """What is in the namespace, and what was forgotten."""

    def __init__(self, **secrets: dict[str, str]) -> None:
        self.secrets, self.forgotten, self.slow = secrets, list[str](), 0.0

    async def values(self, name: str) -> dict[str, str] | Missing:
        await asyncio.sleep(self.slow)
        return self.secrets.get(name) or Missing(f"Secret stanch-system/{name} is not there")

    def forget(self, name: str) -> None:
        self.forgotten.append(name)


def asker(**secrets: dict[str, str]) -> tuple[Asker, Secrets]:
    """One that reads these."""
    known = Secrets(**secrets)
    return Asker(known), known  # type: ignore[arg-type]  # as much of a SecretRefs as is used


@asynccontextmanager
async def serving(status: int = 200) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that repeats what it was sent; its URL, and who asked."""
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.json_response({"status": "error", "error": f"no: {seen[-1]}"}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()


def test_every_question_to_the_outside_can_name_a_secret() -> None:
    """A new one that could not would be asked without credentials, in silence."""
    assert [] == [kind for kind in get_args(Outside) if "secret" not in {f.name for f in fields(kind)}]


@pytest.mark.parametrize(
    ("keys", "sent"),
    [({"token": "hush-1"}, "Bearer hush-1"), ({"username": "stanch", "password": "hush-2"}, BASIC)],
    ids=["token", "basic"],
)
async def test_a_question_is_asked_with_the_secret_that_it_names(keys: dict[str, str], sent: str) -> None:
    """Prometheus and endpoints alike; without one, without."""
    asks, _ = asker(it=keys)
    async with serving() as (url, seen):
        await asks.ask(Metric(url, "up", 3.0, "it"))
        await asks.ask(LoadedRule(url, "Down", 3.0, "it"))
        assert Found({"status": 200}) == await asks.ask(Probe(url, 3.0, "it"))
        await asks.ask(Probe(url, 3.0))
    assert [sent, sent, sent, ""] == seen


async def test_what_was_sent_is_in_no_answer() -> None:
    """Words of others go into a record that many read."""
    asks, _ = asker(it={"token": "hush-1"}, basic={"username": "stanch", "password": "hush-2"})
    async with serving() as (url, _):
        answers = [await asks.ask(Metric(url, "up", 3.0, name)) for name in ("it", "basic")]
    assert ["no: Bearer ***", "no: Basic ***"] == [a.message for a in answers if isinstance(a, Failed)]


HALF = "." * 470 + "hush-" + "1" * 60
SAID = {
    "its error": {"status": "error", "error": HALF},
    "a warning": {"status": "success", "data": {}, "warnings": [HALF]},
}


@pytest.mark.parametrize("how", SAID)
async def test_half_of_what_was_sent_is_in_no_answer(how: str) -> None:
    """Masked first and cut then: nobody would find the half that a cut leaves."""
    asks, _ = asker(it={"token": HALF.strip(".")})
    async with http_server.serving(http_server.says(json.dumps(SAID[how]))) as url:
        answers = [await asks.ask(Metric(url, "up", 3.0, "it")), await asks.ask(LoadedRule(url, "Down", 3.0, "it"))]
    told = [a.message for a in answers if isinstance(a, Failed)]
    assert told
    assert [] == [words for words in told if "hush" in words or len(words) > WORDS_MAX]


async def test_what_is_no_http_is_not_quoted() -> None:
    """The parser cuts what it stumbled over where it likes."""

    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nA\x00" + sent.partition(b"Authorization: ")[2] + b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(repeat, "127.0.0.1", 0)
    async with server:
        asks, _ = asker(it={"token": "hush-1"})
        answer = await asks.ask(Probe(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 3.0, "it"))
    assert isinstance(answer, Failed)
    assert "is no HTTP" in answer.message
    assert "hush" not in answer.message


@pytest.mark.parametrize("status", [401, 403])
async def test_one_that_is_refused_is_read_anew(status: int) -> None:
    """It may have been rotated a moment ago."""
    asks, known = asker(it={"token": "old"})
    async with serving(status) as (url, _):
        await asks.ask(Metric(url, "up", 3.0, "it"))
        await asks.ask(Probe(url, 3.0, "it"))
    assert ["it", "it"] == known.forgotten


async def test_without_the_secret_nothing_is_asked() -> None:
    """That is no failure of the endpoint: nobody asked it, and the words name the Secret."""
    asks, known = asker()
    async with serving() as (url, seen):
        answer = await asks.ask(Probe(url, 3.0, "it"))
        known.slow = 30
        late = await asks.ask(Probe(url, 0.05, "it"))
    assert Failed(0, "Secret stanch-system/it is not there", NOT_ASKED) == answer
    assert Failed(0, "Secret stanch-system/it can't be read within 0.05 s", NOT_ASKED) == late
    assert [] == seen


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"other": "x"}, "has neither token, nor username and password, nor ca.crt"),
        ({"token": "x", "username": "y"}, "has token and username"),
        ({"username": "y"}, "has no key password"),
        ({"username": "a:b", "password": "x"}, "has a colon"),
        ({"token": "hush\r\nHost: elsewhere"}, "characters that no token has"),
        ({"token": ""}, "is empty"),
        ({"ca.crt": "hush"}, "ca.crt of Secret stanch-system/it is no certificate"),
        ({"ca.crt": ""}, "is no certificate"),
    ],
)
def test_what_can_not_be_meant_is_told(keys: dict[str, str], why: str) -> None:
    """By its key, and without its content."""
    missing = read_access("it", keys)
    assert isinstance(missing, Missing)
    assert why in missing.why
    assert "hush" not in missing.why


def test_a_certificate_of_ones_own_replaces_those_of_the_system() -> None:
    """Whoever has another authority's certificate is not believed then."""
    pem = ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0])
    access = read_access("it", {"ca.crt": pem, "token": "x"})
    assert isinstance(access, Access)
    assert isinstance(access.tls, ssl.SSLContext)
    assert 1 == len(access.tls.get_ca_certs())
    assert ssl.CERT_REQUIRED == access.tls.verify_mode
    assert "Bearer" not in repr(access)


async def test_where_no_secret_can_be_read_none_is_left_out_in_silence() -> None:
    """Asking without it would be another question."""
    assert isinstance(await access_of(None, "it"), Missing)
    assert Access() == await access_of(None, "")
