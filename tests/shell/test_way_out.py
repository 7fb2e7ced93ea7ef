"""The way out to channels: bounded, never redirected, never to where nobody is, and silent about what is secret."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from http_server import Handler, says, serving
from smtp import relay
from stanch.notifiers.ports import Letter, Post, Reply
from stanch.shell import way_out
from stanch.shell.way_out import Guarded, Refused, retry_after, send

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
HERE = "127.0.0.1"


async def posted(handler: Handler, private: str | None = HERE, seconds: float = 3.0) -> Reply:
    """What comes of one request."""
    async with serving(handler) as url:
        return await send(Post("it", f"{url}/hush", b"{}", {"X-Key": "hush"}), private, NOW, seconds)


async def test_it_is_sent_as_it_was_made() -> None:
    """The body, the headers, and nothing of the environment."""
    seen = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(body=await request.read(), method=request.method, headers=dict(request.headers))
        return web.Response(text="ok", status=202)

    assert Reply(202, b"ok") == await posted(handler)
    assert (b"{}", "POST", "hush") == (seen["body"], seen["method"], seen["headers"]["X-Key"])
    assert not {"Cookie", "Authorization"} & set(seen["headers"])


async def test_inside_only_where_the_policy_names_it() -> None:
    """The server is there, and hears nothing."""
    heard = []

    async def handler(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    for private in (None, "localhost", "127.0.0.2"):
        reply = await posted(handler, private)
        assert (0, True) == (reply.status, bool(reply.why))
    assert [] == heard


async def test_a_name_that_stands_for_something_inside_is_refused() -> None:
    """Looked at when it is connected to: what it stood for a moment ago says nothing."""
    assert "private address" in (await send(Post("it", "https://localhost/x", b""), None, NOW)).why
    with pytest.raises(Refused, match="private address"):
        await Guarded(None).resolve("localhost", 443)
    assert await Guarded("localhost").resolve("localhost", 443)


async def test_an_address_in_odd_letters_is_that_address() -> None:
    """A circled digit is none to one reader of URLs, and a digit to the other, which connects."""
    heard = []

    async def handler(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    async with serving(handler) as url:
        for odd in (url.replace("http://1", "https://\u2460"), url.replace("http://127.0", "https://127\u30020")):
            assert "private address" in (await send(Post("it", odd, b""), None, NOW)).why
        for written in ("127.1", "2130706433", "0x7f.1", "[::ffff:7f00:1]", "127.0.0.1."):
            assert (
                0
                == (
                    await send(Post("it", url.replace("http://127.0.0.1", f"https://{written}"), b""), None, NOW)
                ).status
            )
    assert [] == heard


async def test_redirects_are_not_followed() -> None:
    """They could lead anywhere."""
    reply = await posted(says("", 302, Location="http://169.254.169.254/"))
    assert 302 == reply.status


async def test_a_huge_answer_is_cut() -> None:
    """What it decided stands at its beginning."""
    reply = await posted(says(b"x" * (way_out.BODY_MAX * 20)))
    assert (200, way_out.BODY_MAX) == (reply.status, len(reply.body))


async def test_an_answer_without_an_end_is_not_waited_for() -> None:
    """Nor kept."""
    gone = asyncio.Event()

    async def floods(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        finally:
            gone.set()

    reply = await posted(floods, seconds=5.0)
    assert (200, way_out.BODY_MAX) == (reply.status, len(reply.body))
    await asyncio.wait_for(gone.wait(), 5)


async def test_one_that_stalls_is_left() -> None:
    """Also when it has begun to answer."""
    done = asyncio.Event()

    async def dribbles(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"o")
        await done.wait()
        return response

    assert "no answer within 0.2 s" == (await posted(dribbles, seconds=0.2)).why
    done.set()


async def test_one_that_drops_is_no_answer() -> None:
    """In words that hold neither URL nor key."""

    async def drops(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.close()
        return web.Response()

    reply = await posted(drops)
    assert 0 == reply.status
    assert "hush" not in reply.why
    assert "no whole answer" in reply.why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hush.invalid/hush", "its name stands for no address"),
        ("nonsense hush", "it is no http or https URL"),
        ("http://127.0.0.1:1/hush", "no whole answer"),
        ("https://[hush/", "it is no URL"),
        ("https://x\\y.invalid/hush", "no whole answer"),
    ],
)
async def test_what_goes_wrong_is_said_without_the_url(url: str, why: str) -> None:
    """That of a Slack webhook is its password."""
    reply = await send(Post("it", url, b""), HERE, NOW)
    assert why in reply.why
    assert "hush" not in reply.why


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("30", timedelta(seconds=30)),
        ("Sat, 21 Nov 2026 14:02:00 GMT", timedelta(minutes=2)),
        ("Sat, 21 Nov 2026 13:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("99999999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        ("Mon, 01 Jan 2026 00:00:00 -99999999999999", None),
        ("", None),
    ],
)
def test_how_long_it_asks_to_wait(said: str, wanted: timedelta | None) -> None:
    """Seconds or a date; what can't be read is nothing."""
    assert wanted == retry_after({"Retry-After": said}, NOW)


@pytest.mark.parametrize(("status", "wanted"), [(200, None), (429, 30), (500, None), (503, 30)])
async def test_only_who_has_no_time_now_is_asked_when(status: int, wanted: int | None) -> None:
    """And whatever it says there, what was taken stays taken."""
    assert (status, wanted) == (
        (reply := await posted(says("ok", status, **{"Retry-After": "30"}))).status,
        reply.after and reply.after.seconds,
    )
    odd = {"Retry-After": "Mon, 01 Jan 2026 00:00:00 +99999999999999999999"}
    assert (status, None) == ((reply := await posted(says("ok", status, **odd))).status, reply.after)


# --- mail ------------------------------------------------------------------------------------------------------------


def letter(port: int, tls: str = "None", **more: str) -> Letter:
    """One for two people."""
    to = ("a@example.com", "b@example.com")
    return Letter(HERE, port, tls, more.get("username", ""), more.get("password", ""), "s@example.com", to, b"Hi\r\n")


async def test_a_letter_is_given_to_the_relay() -> None:
    """Once, for all."""
    async with relay() as at:
        assert 250 == (await send(letter(at.port), HERE, NOW)).status
        assert [b"Hi\r\n.\r\n"] == at.letters
        assert ["RCPT", "RCPT"] == [c.split()[0] for c in at.commands if c.startswith("RCPT")]


async def test_no_relay_inside_without_a_word_of_the_policy() -> None:
    """It hears nothing."""
    async with relay() as at:
        assert "private address" in (await send(letter(at.port), None, NOW)).why
        assert [] == at.commands


async def test_without_tls_nothing_is_said_to_one_that_should_have_it() -> None:
    """Neither password nor letter."""
    async with relay() as at:
        reply = await send(letter(at.port, "StartTLS", username="u", password="hush"), HERE, NOW)
        assert 0 == reply.status
        assert [] == at.letters
        assert not [c for c in at.commands if c.split()[0] not in ("EHLO", "HELO", "QUIT")]


RELAYS = {
    "not now": ("MAIL", "451 later", 451),
    "nobody of these": ("RCPT", "550 unknown", 550),
    "too busy": ("EHLO", "421 busy", 421),
    "refuses the text": ("BODY", "554 spam", 554),
}


@pytest.mark.parametrize("case", RELAYS)
async def test_what_a_relay_answers_is_its_status(case: str) -> None:
    """Whenever in the talk it says so."""
    word, answer, status = RELAYS[case]
    async with relay() as at:
        at.instead = lambda said: answer if said == word else None
        reply = await send(letter(at.port), HERE, NOW)
        assert status == reply.status or (case == "too busy" and reply.status in (0, 421))


async def test_a_relay_that_stalls_is_left() -> None:
    """Whatever it had begun."""
    async with relay() as at:
        at.instead = lambda said: "stall" if said == "DATA" else None
        assert "no answer within 0.3 s" == (await send(letter(at.port), HERE, NOW, 0.3)).why


async def test_a_relay_that_has_the_letter_may_think_about_it() -> None:
    """Scanners take minutes (RFC 5321, 4.5.3.2.6); who is left there has it, and would be given it again each time."""
    async with relay() as at:
        at.instead = lambda said: "later" if said == "BODY" else None
        sending = asyncio.create_task(send(letter(at.port), HERE, NOW, 0.3, 60.0))
        await asyncio.wait_for(at.given.wait(), 30)
        await asyncio.wait({sending}, timeout=0.6)
        assert not sending.done()
        at.stalls.set()
        assert Reply(250) == await sending
    assert 1 == len(at.letters)


async def test_a_relay_that_thinks_for_ever_is_left() -> None:
    """And it is said when."""
    async with relay() as at:
        at.instead = lambda said: "later" if said == "BODY" else None
        why = (await send(letter(at.port), HERE, NOW, 30.0, 0.3)).why
    assert "no answer within 0.3 s after it was given the letter" == why


async def test_a_letter_is_given_as_it_is() -> None:
    """A line that is a dot ends nothing."""
    lines = b".\r\n..two\r\nlast"
    async with relay() as at:
        assert 250 == (await send(replace(letter(at.port), message=lines), HERE, NOW)).status
    assert [b"..\r\n...two\r\nlast\r\n.\r\n"] == at.letters


async def test_a_relay_that_stalls_at_the_end_has_the_letter() -> None:
    """It said so; sent again it would be there twice."""
    async with relay() as at:
        at.instead = lambda said: "stall" if said == "QUIT" else None
        assert 250 == (await send(letter(at.port), HERE, NOW, 1.0)).status
        assert 1 == len(at.letters)


async def test_a_relay_that_breaks_off_is_no_answer() -> None:
    """In the middle of it."""
    async with relay() as at:

        def breaks(said: str) -> str | None:
            if said == "DATA":
                raise ConnectionError
            return None

        at.instead = breaks
        assert 0 == (await send(letter(at.port), HERE, NOW)).status


LIES = {
    "250 where the text should begin": ("DATA", "250 kept"),
    "252 for each recipient": ("RCPT", "252 perhaps"),
    "354 for the sender": ("MAIL", "354 go on"),
    "no number": ("MAIL", "yes"),
    "no end of lines": ("MAIL", "\r\n".join(["250-more"] * 20_000)),
    "no end of a line": ("MAIL", "250 " + "x" * 200_000),
}


@pytest.mark.parametrize("case", LIES)
async def test_a_relay_that_lies_has_not_taken_it(case: str) -> None:
    """It says yes out of turn, or talks without an end: tried again, and never counted as told."""
    word, answer = LIES[case]
    async with relay() as at:
        at.instead = lambda said: answer if said == word else None
        reply = await send(letter(at.port), HERE, NOW)
        assert (0, []) == (reply.status, at.letters)
        assert "out of turn" in reply.why


async def test_one_who_may_have_it_later_is_come_back_to() -> None:
    """Of two who are refused one is only put off: nobody has it, so nobody has it twice."""
    answers = iter(("550 unknown", "450 greylisted"))
    async with relay() as at:
        at.instead = lambda said: next(answers) if said == "RCPT" else None
        assert 450 == (await send(letter(at.port), HERE, NOW)).status


async def test_nobody_listens() -> None:
    """Said, and not raised."""
    assert "no whole answer" in (await send(letter(1), HERE, NOW)).why
