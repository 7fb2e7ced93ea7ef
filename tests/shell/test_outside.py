"""Asking Prometheus and endpoints: whatever they answer, slow, huge, broken or hostile, it is an answer or a failure in words."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from stanch.core.check_http import NOT_ASKED
from stanch.core.observations import Failed, Found
from stanch.core.policy_check import is_forbidden, wrong_address
from stanch.core.questions import LoadedRule, Metric, MetricRange, Probe
from stanch.shell import outside
from stanch.shell.outside import Asker, Careful, Refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
VECTOR = {"resultType": "vector", "result": [{"metric": {}, "value": [1.5, "7"]}]}


@asynccontextmanager
async def serving(handler: Handler):
    """A server of ours; its base URL."""
    app = web.Application(client_max_size=2**20)
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def metric(handler: Handler, seconds: float = 3.0):
    """What comes of one query."""
    async with serving(handler) as url:
        return await Asker().ask(Metric(f"{url}/prom/", 'x{a="b&c"} < 1', seconds))


def says(body: str | bytes, status: int = 200, **headers: str) -> Handler:
    """A server that answers so."""

    async def handler(_: web.Request) -> web.Response:
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(body=raw, status=status, headers=headers)

    return handler


async def test_a_query_is_sent_as_prometheus_wants_it():
    """A form under the base URL, with its own time limit, and nothing else of ours."""
    seen = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(await request.post(), path=request.path, headers=dict(request.headers))
        return web.json_response({"status": "success", "data": VECTOR})

    assert Found(VECTOR) == await metric(handler)
    assert ('x{a="b&c"} < 1', "3s", "/prom/api/v1/query") == (seen["query"], seen["timeout"], seen["path"])
    assert not {"Authorization", "Cookie"} & set(seen["headers"])


async def test_a_query_over_a_time_is_sent_with_its_ends_and_its_step():
    """For graphs; as Prometheus' HTTP API has it."""
    seen, end, matrix = {}, datetime(2026, 11, 21, 14, 30, tzinfo=UTC), {"resultType": "matrix", "result": []}

    async def handler(request: web.Request) -> web.Response:
        seen.update(await request.post(), path=request.path)
        return web.json_response({"status": "success", "data": matrix})

    async with serving(handler) as url:
        asked = MetricRange(f"{url}/prom", "up", end - timedelta(minutes=30), end, timedelta(seconds=15), 2.0)
        assert Found(matrix) == await Asker().ask(asked)
    assert ("/prom/api/v1/query_range", "up", "15", "2s") == tuple(
        seen[k] for k in ("path", "query", "step", "timeout")
    )
    assert ("2026-11-21T14:00:00Z", "2026-11-21T14:30:00Z") == (seen["start"], seen["end"])


BROKEN = {
    "not JSON": (says("<html>502</html>", 502), "it answers 502, and not with JSON"),
    "a list": (says("[]"), "not with JSON of Prometheus' API"),
    "an error of its own": (
        says(json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error at char 3"}), 400),
        "parse error at char 3",
    ),
    "half of it": (
        says(json.dumps({"status": "success", "data": VECTOR, "warnings": ["store x is down"]})),
        "only part",
    ),
    "no data": (says('{"status": "success"}'), "its answer has no data"),
    "deep": (says("[" * 100_000), "not with JSON"),
    "huge": (says(b" " * (outside.BODY_MAX + 1)), "larger than 1024 KiB"),
    "elsewhere": (says("", 302, Location="http://127.0.0.1:1/"), "redirects are not followed"),
    "empty": (says(""), "not with JSON"),
    "binary": (says(b"\xff\xfe\x00"), "not with JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_answer_is_a_failure_in_words(case):
    """Never an exception, never a pass."""
    handler, words = BROKEN[case]
    answer = await metric(handler)
    assert isinstance(answer, Failed), answer
    assert words in answer.message


RULES = {
    "groups": [
        {
            "name": "orders",
            "rules": [
                {"type": "alerting", "name": "Other", "query": "up", "health": "ok"},
                {"type": "alerting", "name": "Unknown", "query": "up == 0", "health": "ok", "alerts": []},
                {"type": "recording", "name": "Unknown", "query": "up", "health": "ok"},
                "riddle",
            ],
        },
        {"rules": None},
        7,
    ]
}


async def test_a_rule_is_asked_for_by_its_name():
    """An old Prometheus answers with all of them: only alerts of that very name count."""
    seen = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.query, path=request.path)
        return web.json_response({"status": "success", "data": RULES})

    async with serving(handler) as url:
        answer = await Asker().ask(LoadedRule(f"{url}/prom/", "Unknown", 3.0))
    assert Found({"rules": [{"name": "Unknown", "query": "up == 0", "health": "ok"}]}) == answer
    assert {"type": "alert", "rule_name[]": "Unknown", "path": "/prom/api/v1/rules"} == seen


@pytest.mark.parametrize("case", [c for c in BROKEN if c not in ("half of it", "no data", "elsewhere")])
async def test_what_is_no_list_of_rules_is_a_failure(case):
    """Never an empty list: that would say that the rule is not there."""
    async with serving(BROKEN[case][0]) as url:
        assert isinstance(await Asker().ask(LoadedRule(url, "Unknown", 3.0)), Failed)


async def test_compressed_bytes_are_not_unpacked():
    """We ask for plain ones; a bomb stays packed, and is no JSON."""
    answer = await metric(says(b"\x1f\x8b" + b"\0" * 100, **{"Content-Encoding": "gzip"}))
    assert "not with JSON" in answer.message


async def test_slow_is_no_answer():
    """Also when the first half came at once."""
    done = asyncio.Event()

    async def dribbles(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"status":')
        await done.wait()
        return response

    assert Failed(0, "no answer within 0.2 s") == await metric(dribbles, 0.2)
    done.set()


async def test_a_lost_reply_is_no_answer():
    """The connection breaks in the middle."""

    async def breaks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status":')
        request.transport.close()
        return response

    answer = await metric(breaks)
    assert isinstance(answer, Failed)
    assert NOT_ASKED != answer.reason


async def test_nobody_listens():
    """Refused is what users see, too: it was asked."""
    answer = await Asker().ask(Probe("http://127.0.0.1:9/", 2.0))
    assert (0, "") == (answer.status, answer.reason)


async def test_a_probe_is_about_the_status():
    """Not about what it says, were it without end; a redirect is an answer of its own."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=503)
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    async with serving(endless) as url:
        assert Found({"status": 503}) == await Asker().ask(Probe(url, 2.0))
    async with serving(says("", 302, Location="http://127.0.0.1:1/")) as url:
        assert Found({"status": 302}) == await Asker().ask(Probe(url, 2.0))


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://user:secret@prometheus/",
        "ftp://prometheus/",
        "http://",
        "http://[::1",
        "http://prometheus:99999/",
    ],
)
def test_what_is_never_asked(url):
    """Where clouds keep credentials, and what carries them; in words that stand behind the name of the field."""
    assert wrong_address(url).startswith("must ")
    assert wrong_address("https://prometheus.example.com:9090/prom") == ""


@pytest.mark.parametrize("host", ["①69.254.169.254", "169。254。169。254"])
async def test_an_address_in_disguise_is_not_asked(host):
    """It is no address as it is written, and the one where clouds keep credentials as it would be connected to."""
    answer = await Asker().ask(Probe(f"http://{host}/", 1.0))
    assert Failed(0, "its URL must not be a link-local address, where clouds keep credentials", NOT_ASKED) == answer


async def test_what_is_wrong_is_not_sent():
    """Also when it came past the policy's own check; nobody listens there, and that is not why."""
    answer = await Asker().ask(Probe("http://user:secret@127.0.0.1:9/", 1.0))
    assert Failed(0, "its URL must not carry a user or password", NOT_ASKED) == answer


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254"])
def test_addresses_that_a_name_may_not_stand_for(address):
    """However it is written."""
    assert is_forbidden(address)
    assert not is_forbidden("10.0.0.1")


async def test_a_name_that_stands_for_one_is_refused():
    """As a number an address has more spellings than anybody lists; what the system makes of it is looked at."""
    with pytest.raises(Refused, match="link-local"):
        await Careful().resolve("2852039166", 80)
    assert await Careful().resolve("localhost", 80)


async def test_only_a_few_at_a_time():
    """A slow Prometheus does not get all of ours at once."""
    now = most = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return web.json_response({"status": "success", "data": VECTOR})

    asker = Asker()
    async with serving(handler) as url:
        answers = await asyncio.gather(*(asker.ask(Metric(url, f"x{n}", 3.0)) for n in range(40)))
    assert {True} == {isinstance(a, Found) for a in answers}
    assert outside.AT_ONCE >= most
