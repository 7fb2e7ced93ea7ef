"""POST /alerts: who may, what is garbage, 202 only for what is stored, and each group once however it is told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import generate_latest

from alert_api import AUDIENCE, GOOD, OTHER, THIEF, AlertApi
from alert_place import Place, placed, runbook
from alerts import alert, payload
from build import T0, stamp
from stanch.api.policy import DEFAULT
from stanch.core.alert_groups import OPEN_MAX
from stanch.shell import alert_store, receiver
from stanch.shell.metrics import ALERTS, REGISTRY
from stanch.shell.receiver import BODY_MAX, AlertsAt, Receiver, receiving


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Everything together."""
    async with placed(AlertApi()) as made:
        yield made


# --- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "guessed", THIEF, "x" * 8_000, "bad token", "Ünicode"])
async def test_nobody_without_a_token_for_this(place: Place, token: str | None) -> None:
    """None, a guessed one, one that was made for the API server, and one that is no token: nothing is read, nothing made."""
    code, said = await place.post(payload(alert()), token)
    assert 401 == code
    assert "Bearer" == place.headers["WWW-Authenticate"]
    assert AUDIENCE in said["message"] or "Authorization" in said["message"]
    assert {} == place.api.incidents


@pytest.mark.parametrize(
    "raw",
    [b"\x16\x03\x01\x02\x00", b"POST /alerts HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", b"?\r\n\r\n"],
    ids=["TLS", "a long header", "nonsense"],
)
async def test_what_is_no_http_fills_no_log(place: Place, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reaches the port may send anything, as often as they like."""
    reader, writer = await asyncio.open_connection(
        *place.url.removeprefix("http://").removesuffix("/alerts").split(":")
    )
    writer.write(raw)
    assert (await reader.read(12)).startswith(b"HTTP/1.")
    writer.close()
    assert [] == [r for r in caplog.records if r.levelno >= 40]


async def test_who_may_not_create_alerts_there_is_refused(place: Place) -> None:
    """Known, and without the right; the answer names it."""
    code, said = await place.post(payload(alert()), OTHER)
    assert 403 == code
    assert "may not create alerts.stanch.dev in namespace stanch-system" in said["message"]
    assert {} == place.api.incidents


async def begun(place: Place, token: str, *lines: str, query: str = "") -> tuple[int, str]:
    """Code and body of what is answered to a head alone: the body never comes."""
    host, port = place.url.removeprefix("http://").removesuffix("/alerts").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [f"POST /alerts{query} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    async with asyncio.timeout(receiver.BODY_SECONDS / 2):
        answered = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        (length,) = (int(each.split()[1]) for each in answered if each.startswith("Content-Length"))
        said = (await reader.readexactly(length)).decode()
    writer.close()
    return int(answered[0].split()[1]), said


@pytest.mark.parametrize("length", [f"Content-Length: {BODY_MAX}", "Transfer-Encoding: chunked"])
async def test_of_who_may_not_send_nothing_large_is_read(place: Place, length: str) -> None:
    """Answered while not a byte of the body is there; where else alerts go by the policy is looked at first."""
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop", "*"}))
    code, said = await begun(place, OTHER, length)
    assert 403 == code
    assert "in namespace stanch-system or shop, and more than 32768 bytes" in said
    assert (1, 2) == (place.api.asked["who"], place.api.asked["may"])
    assert 400 == (await begun(place, OTHER, length, query="?namespace=../shop"))[0]
    assert "in namespace shop," in (await begun(place, OTHER, length, query="?namespace=shop"))[1]
    with pytest.raises(TimeoutError):
        await begun(place, GOOD, length)


LARGE = payload(*(alert(n, summary="x" * 400) for n in range(100)))


async def test_who_may_sends_much_without_another_question(place: Place) -> None:
    """As many as for a little: about the default namespace, and the one that they name."""
    assert len(json.dumps(LARGE)) > receiver.SMALL
    assert 202 == (await place.post(LARGE))[0]
    assert (1, 2) == (place.api.asked["who"], place.api.asked["may"])


async def test_who_may_send_to_one_other_namespace_names_it_in_the_url(place: Place) -> None:
    """For much; a few alerts say themselves where they belong."""
    place.api.may, place.api.runbooks = {"shop"}, [runbook("for-it", "shop")]
    assert (202, "shop") == ((await place.post(payload(alert())))[0], next(iter(place.api.incidents))[0])
    assert 403 == (await place.post(LARGE))[0]
    place.url += "?namespace=shop"
    code, said = await place.post(LARGE)
    assert (202, "shop") == (code, said["namespace"])


async def test_a_label_names_no_namespace_by_itself(place: Place) -> None:
    """Only where the platform says so, and only where the sender may; else it is the default one."""
    await place.post(payload(alert(), group="a"))
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop"}))
    await place.post(payload(alert(), group="b"))
    place.api.may.add("shop")
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"*"}))
    await place.post(payload(alert(namespace="kube-system"), group="c"))
    await place.post(payload(alert(namespace="../shop"), group="d"))
    await place.post(payload(alert(), alert(2, namespace="other"), group="e"))
    assert {"stanch-system"} == {namespace for namespace, _ in place.api.incidents}


async def test_where_the_platform_lets_it_the_label_says_where(place: Place) -> None:
    """For a sender who may create alerts there."""
    place.api.may.add("shop")
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop"}))
    code, said = await place.post(payload(alert()))
    assert (202, "shop") == (code, said["namespace"])


async def test_the_runbook_that_is_for_it_is_named(place: Place) -> None:
    """The one of that namespace that fits best; one of another namespace takes nobody else's alerts."""
    place.api.runbooks = [
        runbook("other", "stanch-system", 'alertname="Other"'),
        runbook("theirs", "payments", priority=1000),
        runbook("second"),
        runbook("first", priority=5)
        | {"spec": runbook("first", priority=5)["spec"] | {"serviceAccountName": "deploys"}},
    ]
    _, said = await place.post(payload(alert()))
    spec = place.api.incidents[("stanch-system", said["incident"])]["spec"]
    assert ({"name": "first"}, None) == (spec["runbook"], spec["alertGroup"].get("tied"))
    assert "deploys" == spec["serviceAccountName"], "whose rights count, for an alert has none"
    assert "mitigations" not in spec


async def test_of_several_with_the_same_rank_none_is_named_and_all_are_listed(place: Place) -> None:
    """Never a guess."""
    place.api.runbooks = [runbook("b"), runbook("a"), runbook("c", "stanch-system", 'alertname="Other"')]
    _, said = await place.post(payload(alert()))
    spec = place.api.incidents[("stanch-system", said["incident"])]["spec"]
    assert "runbook" not in spec
    assert ["a", "b"] == spec["alertGroup"]["tied"]


@pytest.mark.parametrize(("may", "where"), [(True, "shop"), (False, "stanch-system")])
async def test_a_runbook_of_the_namespace_that_the_alerts_name_says_where(place: Place, may: bool, where: str) -> None:
    """If the sender may create alerts there; without a Runbook the label says nothing."""
    place.api.runbooks = [runbook("for-it", "shop")]
    place.api.may |= {"shop"} if may else set()
    _, said = await place.post(payload(alert()))
    assert where == said["namespace"]
    _, other = await place.post(payload(alert(alertname="Other"), group="other"))
    assert "stanch-system" == other["namespace"]


async def test_what_would_go_into_a_namespace_that_is_not_there_goes_into_the_default(place: Place) -> None:
    """Nothing is lost for want of a namespace."""
    place.api.may.add("gone")
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"*"}))
    code, said = await place.post(payload(alert(namespace="gone")))
    assert (202, "stanch-system") == (code, said["namespace"])
    place.policy = replace(DEFAULT, alerts_namespace="gone")
    assert 503 == (await place.post(payload(alert(), group="other")))[0]


async def test_a_storm_of_alerts_is_no_storm_of_questions(place: Place) -> None:
    """Asked once for all that come meanwhile: about the default namespace, and the one that they name."""
    await asyncio.gather(*(place.post(payload(alert(n), group=f"g{n % 3}")) for n in range(30)))
    assert (1, 2) == (place.api.asked["who"], place.api.asked["may"])


# --- what ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[" * 500_000, 400),
        (b'{"version":"4","alerts":' + b"[" * 900_000, 400),
        (json.dumps(payload(alert()) | {"version": "1"}).encode(), 400),
        (json.dumps(payload(alert() | {"fingerprint": "../x"})).encode(), 400),
        (b" " * (BODY_MAX + 1), 413),
    ],
    ids=["empty", "bare", "deep", "deep alerts", "version 1", "a path for a name", "huge"],
)
async def test_garbage_makes_nothing_and_says_why(place: Place, body: bytes, code: int) -> None:
    """A clear 4xx, which Alertmanager does not try again."""
    got, said = await place.post(body)
    assert (code, {}) == (got, place.api.incidents)
    assert len(said["message"]) > 5


async def test_a_body_without_a_length_is_bounded_too(place: Place) -> None:
    """Chunked, for as long as it goes on."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 65_536

    headers = {"Authorization": f"Bearer {GOOD}"}
    with contextlib.suppress(aiohttp.ClientError):
        async with place.web.post(place.url, data=endless(), headers=headers) as answer:
            assert 413 == answer.status
    assert {} == place.api.incidents


async def test_a_body_that_is_packed_is_refused(place: Place) -> None:
    """A small one may become a large one."""
    assert 415 == (await place.post(b"\x1f\x8b", **{"Content-Encoding": "gzip"}))[0]


async def test_a_body_that_does_not_come_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is slow holds no place for long."""
    monkeypatch.setattr(receiver, "BODY_SECONDS", 0.05)
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    headers = {"Authorization": f"Bearer {GOOD}"}
    async with place.web.post(place.url, data=slowly(), headers=headers) as answer:
        assert 408 == answer.status


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/alerts", 405), ("POST", "/", 404), ("POST", "/metrics", 404)]
)
async def test_there_is_one_page_and_one_way_to_it(place: Place, method: str, path: str, code: int) -> None:
    """Nothing else is served there."""
    async with place.web.request(method, place.url.replace("/alerts", path)) as answer:
        assert code == answer.status


# --- once ------------------------------------------------------------------------------------------------------------


async def test_what_is_told_is_stored_before_it_is_answered(place: Place) -> None:
    """One incident, marked as made by alerts, with nothing in it that acts."""
    code, said = await place.post(payload(alert()))
    assert (202, "stored") == (code, "stored" if said["incident"] else said)
    stored = place.api.incidents[("stanch-system", said["incident"])]
    assert {"stanch.dev/group"} == set(stored["metadata"]["labels"])
    assert not {"mitigations", "serviceAccountName", "targets", "declaredBy"} & set(stored["spec"])


async def test_500_alerts_of_10_groups_make_10_incidents(place: Place) -> None:
    """Each told twice, as a pair of Alertmanagers does, all at once; none is lost, and far fewer writes are needed."""
    bodies = [payload(alert(n, pod=f"p{n}"), group=f"g{n % 10}") for n in range(1, 501)]
    codes = await asyncio.gather(*(place.post(body) for body in bodies for _ in range(2)))
    assert 0 < sum(code == 202 for code, _ in codes)
    again = [body for body, (code, _) in zip([b for b in bodies for _ in range(2)], codes, strict=True) if code != 202]
    for body in again:
        assert 202 == (await place.post(body))[0]
    assert [50] * 10 == place.groups()
    assert place.api.asked["patch"] < 500


async def test_a_replay_changes_nothing(place: Place) -> None:
    """Not one write."""
    for _ in range(3):
        assert 202 == (await place.post(payload(alert())))[0]
    assert (1, 0) == (place.api.asked["create"], place.api.asked["patch"])


@pytest.mark.parametrize("code", [429, 500, 503])
@pytest.mark.parametrize("what", ["who", "may", "list", "create", "patch"])
async def test_what_can_not_be_stored_now_is_asked_for_again(place: Place, what: str, code: int) -> None:
    """503 and nothing else, whatever the API server is too busy for; the next try finds its place."""
    if what == "patch":
        await place.post(payload(alert(9)))
    refuse = [what]

    def busy(asked: str, _: web.Request) -> web.Response | None:
        return web.json_response({"message": "too busy"}, status=code) if asked in refuse else None

    place.api.instead = busy
    if what in ("who", "may"):
        # It was asked a moment ago, and is known.
        place.api.asked.clear()
    got, said = await place.post(payload(alert()), GOOD)
    if not (got == 202 and place.api.asked[what] == 0):
        assert (503, "2") == (got, place.headers["Retry-After"])
        assert "too busy" in said["message"]
    refuse.clear()
    assert 202 == (await place.post(payload(alert())))[0]
    assert [1 + (what == "patch")] == place.groups()


async def test_an_answer_that_got_lost_makes_no_second_one(place: Place) -> None:
    """The write was made, and nobody knows: the next try finds it."""

    def lost(what: str, request: web.Request) -> web.Response | None:
        if what == "list" and place.api.incidents and request.transport:
            request.transport.abort()
        return None

    place.api.instead = lost
    assert 503 == (await place.post(payload(alert())))[0]
    place.api.instead = lambda what, request: None
    assert 202 == (await place.post(payload(alert())))[0]
    assert 1 == len(place.api.incidents)


async def test_it_goes_into_what_another_replica_made_meanwhile(place: Place) -> None:
    """Its create is a conflict, and then it is written into that one."""
    code, said = await place.post(payload(alert()))
    made = place.api.incidents.pop(("stanch-system", said["incident"]))

    def at_the_same_time(what: str) -> None:
        if what == "create" and not place.api.incidents:
            place.api.incidents[("stanch-system", said["incident"])] = made

    place.api.before = at_the_same_time
    code, again = await place.post(payload(alert(2, start=T0), alert()))
    assert (202, said["incident"], [2]) == (code, again["incident"], place.groups())


async def test_of_two_that_were_made_at_once_the_older_knows_all(place: Place) -> None:
    """The younger cancels itself, so nothing may stand in it alone."""
    code, said = await place.post(payload(alert(1, start=T0 - timedelta(minutes=9))))
    older = place.api.incidents.pop(("stanch-system", said["incident"]))

    def at_the_same_time(what: str) -> None:
        if what == "create":
            created = stamp(T0 - timedelta(seconds=1))
            place.api.incidents[("stanch-system", said["incident"])] = {
                **older,
                "metadata": {**older["metadata"], "creationTimestamp": created},
            }

    place.api.before = at_the_same_time
    code, again = await place.post(payload(alert(2)))
    assert (202, said["incident"]) == (code, again["incident"])
    assert sorted(place.groups()) == [1, 2]


async def test_what_another_wrote_meanwhile_is_not_written_over(place: Place) -> None:
    """Read again, decided again; the other's alert stays."""
    _, said = await place.post(payload(alert()))
    key, seen = ("stanch-system", said["incident"]), [0]

    def meanwhile(what: str) -> None:
        if what == "patch" and not seen[0]:
            seen[0] = 1
            spec = place.api.incidents[key]["spec"]
            group = {**spec["alertGroup"], "others": ["abc@1763733600"]}
            meta = {**place.api.incidents[key]["metadata"], "generation": 2}
            place.api.incidents[key] = {
                **place.api.incidents[key],
                "metadata": meta,
                "spec": {**spec, "alertGroup": group},
            }

    place.api.before = meanwhile
    assert 202 == (await place.post(payload(alert(2))))[0]
    assert [3] == place.groups()


async def test_one_that_is_closed_while_it_is_written_gets_a_new_one(place: Place) -> None:
    """Nothing may end in a record that nobody looks at any more."""
    _, said = await place.post(payload(alert()))
    key = ("stanch-system", said["incident"])

    def closed(what: str) -> None:
        if what == "patch":
            place.api.incidents[key]["status"] = {"times": {"closed": stamp(T0), "resolved": stamp(T0)}}
            place.api.incidents[key]["metadata"]["labels"]["stanch.dev/closed"] = ""

    place.api.before = closed
    code, new = await place.post(payload(alert(2, start=T0 + timedelta(minutes=1))))
    assert 202 == code
    assert new["incident"] != said["incident"]
    assert [1] == place.groups()


async def test_more_groups_than_anybody_could_work_on_join_one(place: Place) -> None:
    """Twenty of their own, and the rest in one for the storm; none is dropped, and an end finds its alert there."""
    for n in range(1, OPEN_MAX + 6):
        assert 202 == (await place.post(payload(alert(n), group=f"g{n}")))[0]
    assert ([1] * OPEN_MAX, [5]) == (sorted(place.groups())[:OPEN_MAX], sorted(place.groups())[OPEN_MAX:])
    last = OPEN_MAX + 5
    await place.post(payload(alert(last, end=T0 + timedelta(minutes=1)), group=f"g{last}"))
    assert 4 == max(place.groups())


async def test_nothing_is_taken_before_the_policies_are_read(place: Place) -> None:
    """They say where it goes."""
    place.unread = "The ResponsePolicies have not been read yet"
    assert 503 == (await place.post(payload(alert())))[0]
    assert 0 == place.api.asked["who"]


async def test_too_many_at_once_are_told_to_come_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than all of them waiting."""
    monkeypatch.setattr(receiver, "AT_ONCE", 3)
    place.api.slow = 0.05
    codes = [code for code, _ in await asyncio.gather(*(place.post(payload(alert(n))) for n in range(9)))]
    assert {202, 503} == set(codes)
    assert {202: 1} == {(await place.post(payload(alert())))[0]: 1}


async def test_an_api_server_that_does_not_answer_holds_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in time, for Alertmanager would give up, and not try again."""
    monkeypatch.setattr(receiver, "ANSWER_SECONDS", 0.05)
    place.api.slow = 30
    assert 503 == (await place.post(payload(alert())))[0]


async def test_names_that_are_taken_by_others_are_passed_over(place: Place) -> None:
    """A person may have called theirs so."""
    _, said = await place.post(payload(alert()))
    mine = place.api.incidents.pop(("stanch-system", said["incident"]))
    place.api.put(
        {"metadata": {"name": mine["metadata"]["name"], "namespace": "stanch-system"}, "spec": {"title": "x"}}
    )
    assert f"{said['incident']}-2" == (await place.post(payload(alert())))[1]["incident"]


async def test_it_is_counted(place: Place) -> None:
    """By answers and by groups, and no alert's name is in a label."""
    await place.post(payload(alert()))
    await place.post(b"{}")
    text = generate_latest(REGISTRY).decode()
    for line in (
        'stanch_alerts_requests_total{code="202"}',
        'stanch_alerts_requests_total{code="400"}',
        'stanch_alerts_groups_total{what="created"}',
        "stanch_alerts_received_total",
        "stanch_alerts_request_duration_seconds_bucket",
    ):
        assert line in text
    assert "ShopErrors" not in text


def test_the_first_refusal_is_a_number_that_rises() -> None:
    """From nought, which is there before: a rule that asks for an increase sees none in a number that begins at one."""
    ALERTS.clear()
    Receiver(None, lambda _: DEFAULT, lambda: "")  # type: ignore[arg-type]  # never used
    assert 'stanch_alerts_requests_total{code="413"} 0.0' in generate_latest(REGISTRY).decode()


# --- listening -------------------------------------------------------------------------------------------------------


async def test_without_an_address_nothing_listens(place: Place) -> None:
    """Off unless it is asked for."""
    async with receiving(None, Receiver(None, lambda _: DEFAULT, lambda: "")):  # type: ignore[arg-type]  # never used
        assert {} == place.api.incidents


async def test_an_address_that_is_taken_is_an_error_at_the_start(place: Place) -> None:
    """And not silence for ever."""
    taken = place.url.removeprefix("http://").removesuffix("/alerts")
    with pytest.raises(OSError, match="address already in use"):
        async with receiving(AlertsAt(taken), Receiver(None, lambda _: DEFAULT, lambda: "")):  # type: ignore[arg-type]  # never used
            pass


def test_limits_are_what_the_docs_say() -> None:
    """1 MiB, and an answer before Alertmanager gives up."""
    assert BODY_MAX == 1024 * 1024
    assert receiver.ANSWER_SECONDS + receiver.RETRY_SECONDS <= 10
    assert alert_store.TRIES_MAX > 1
