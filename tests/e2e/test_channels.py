"""From a declaration to who is told, on a real cluster: Secrets, a policy, servers that have a bad minute, and the status page."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from cluster.given import Kubectl
from e2e.support.api import Json
from e2e.support.operators import Operator
from e2e.support.proxy import Loop
from e2e.support.world import OURS, World, bind, incident, wait_for_right
from http_server import serving
from smtp import Relay, relay
from stanch.cli.main import main

HERE = "127.0.0.1"
KEY = "k" * 32
NOBODY = {"kind": "Deployment", "name": "nobody"}
BAD_TRIES = 2


class Hook:
    """
    Webhooks on loopback: one answers 500 and 429 by turns until it is well, one takes all, one never answers anybody.

    What is taken was signed with our key; ``refused`` are the ids of what was not taken, ``taken`` the events.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.forged: list[str] = []
        self.taken: dict[str, list[Json]] = {"house": [], "users": []}
        self.well, self.never = False, asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        raw, name = await request.read(), request.path.strip("/")
        if name == "dead":
            await self.never.wait()
        if name == "house" and not (self.well and len(self.refused) >= BAD_TRIES):
            self.refused.append(request.headers["webhook-id"])
            busy = len(self.refused) % 2 == 0
            return web.Response(status=429, headers={"Retry-After": "1"}) if busy else web.Response(status=500)
        if not is_signed(request.headers, raw):
            self.forged.append(request.headers["webhook-id"])
            return web.Response(status=403)
        self.taken[name].append(json.loads(raw))
        return web.Response(status=204)


def is_signed(headers: Any, raw: bytes) -> bool:
    """As Standard Webhooks say, worked out by ourselves."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    good = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(headers["webhook-signature"], f"v1,{good}")


class Servers:
    """The webhooks, and a mail relay that puts off, breaks off, and then is well with them."""

    def __init__(self, hook: Hook, url: str, mail: Relay) -> None:
        self.hook, self.url, self.mail, self.mail_refused = hook, url, mail, 0
        mail.instead = self._answer

    def _answer(self, word: str) -> str | None:
        if word not in ("MAIL", "DATA") or (self.hook.well and self.mail_refused >= BAD_TRIES):
            return None
        if word == "MAIL":
            if self.mail_refused % 2:
                return None
            self.mail_refused += 1
            return "451 try again later"
        self.mail_refused += 1
        raise ConnectionError

    def letters(self) -> list[Any]:
        """What the relay took, as a mail program reads it."""
        return [message_from_bytes(raw.removesuffix(b".\r\n"), policy=default) for raw in self.mail.letters]


@pytest.fixture(scope="module")
def servers(loop: Loop) -> Iterator[Servers]:
    """They listen, in the thread of the proxies."""
    hook = Hook()
    with ExitStack() as left:

        def entered(context: Any) -> Any:
            found = loop.run(context.__aenter__())
            left.callback(lambda: loop.run(context.__aexit__(None, None, None)))
            return found

        url, mail = entered(serving(hook.handle)), entered(relay())
        left.callback(lambda: loop.loop.call_soon_threadsafe(hook.never.set))
        yield Servers(hook, url, mail)


def secret(name: str, **data: str) -> Json:
    """What a channel needs to know."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "stanch-system"},
        "stringData": data,
    }


def written(servers: Servers) -> list[Json]:
    """What the platform team applies: where each audience hears it, and what that takes."""
    mail = {
        "host": HERE,
        "port": str(servers.mail.port),
        "tls": "None",
        "from": "stanch@example.com",
        "to": "boss@example.com",
    }
    hooks = {name: {"url": f"{servers.url}/{name}", "key": KEY} for name in ("house", "users", "dead")}
    kinds = {"house": ("Webhook", "internal"), "users": ("Webhook", "public"), "dead": ("Webhook", "internal")}
    kinds["leaders"] = ("Email", "leadership")
    channels = [
        {"name": name, "kind": kind, "secret": f"told-{name}", "audiences": [audience], "privateHost": HERE}
        for name, (kind, audience) in kinds.items()
    ]
    meta = {"name": "default", "namespace": "stanch-system"}
    spec = {"communications": {"channels": channels}}
    policy = {"apiVersion": OURS, "kind": "ResponsePolicy", "metadata": meta, "spec": spec}
    return [*(secret(f"told-{name}", **data) for name, data in {**hooks, "leaders": mail}.items()), policy]


@pytest.fixture
def channels(kubectl: Kubectl, servers: Servers, operator: Operator) -> Iterator[None]:
    """They are in force while inside; by kubectl, as the platform team does it."""
    items = {"apiVersion": "v1", "kind": "List", "items": written(servers)}
    done = kubectl.apply(items)
    assert done.ok, done.err
    policy = ("-n", "stanch-system", "responsepolicy/default")
    ready = kubectl("wait", "--for=condition=Ready", "--timeout=30s", *policy)
    assert ready.ok, ready.err
    yield
    assert kubectl("delete", "--wait=false", "-f", "-", stdin=json.dumps(items)).ok


def outbox(status: Json, *channels: str) -> list[Json]:
    """What is to be told to some channels, in order."""
    return [m for m in status["communications"].get("outbox", ()) if m["channel"] in channels]


def test_people_are_told_though_their_channels_have_a_bad_minute(
    channels: None, servers: Servers, world: World, operator: Operator, admin_file: Path, tmp_path: Path
) -> None:
    """Each thing once, in order and signed, with a receipt; what happens waits for nobody; the public reads its own words."""
    hook = servers.hook
    bind(world.admin, world.ns, "stanch-publisher", {"kind": "User", "name": "bob"})
    wait_for_right(world.admin, world.ns, "bob", "publish", "updates")
    world.declare(incident(target=NOBODY))
    world.say("acknowledge")
    world.say("severity", {"level": "SEV1"})
    update = {"audience": "public", "state": "Identified", "nextUpdateIn": "20m"}
    world.folded(world.say("update", update, by=world.bob, text="Some orders can't be paid"))
    stood = world.condition("Acknowledged")
    # While house, leaders and dead have told nobody anything.
    assert ("SEV1", [], []) == (stood["severity"]["level"], hook.taken["house"], servers.mail.letters)
    hook.well = True
    told = ("house", "users", "leaders")
    waits = lambda s: len(box := outbox(s, *told)) == 8 and {"Sent"} == {m["state"] for m in box}  # noqa: E731
    status = world.wait(waits, "all that have an ear were told")
    receipts = {name: [m["key"] for m in outbox(status, name)] for name in told}
    moments = {"declared", "acknowledged", "severitychanged", "updatepublished"}
    assert {f"dev.stanch.incident.{m}" for m in moments} == {event["type"] for event in hook.taken["house"]}
    assert [[event["id"] for event in hook.taken[name]] for name in told[:2]] == [receipts[name] for name in told[:2]]
    assert [f"<{key}@example.com>" for key in receipts["leaders"]] == [one["Message-ID"] for one in servers.letters()]
    assert ({receipts["house"][0]}, []) == (set(hook.refused), hook.forged)
    assert {"Pending"} == {m["state"] for m in outbox(status, "dead")}
    assert "NotDelivered" not in {line["kind"] for line in status["timeline"]}
    (public,) = hook.taken["users"]
    assert "Some orders can't be paid" in public["data"]["text"]
    hidden = ("checkout-5xx", world.ns, "alice", "bob", "SEV1", "Checkout returns")
    assert [] == [word for word in hidden if word in json.dumps(public)]
    assert KEY not in operator.log.read_text()
    page = status_page(admin_file, world, tmp_path)
    assert "Some orders can&#39;t be paid" in page
    assert [] == [word for word in hidden if word in page]


def status_page(admin_file: Path, world: World, folder: Path) -> str:
    """As CI or a CronJob writes it."""
    words = ["status-page", "--out", str(folder), "-n", world.ns, "--kubeconfig", str(admin_file)]
    done = CliRunner().invoke(main, words)
    assert (0, "") == (done.exit_code, done.stderr)
    return (folder / "index.html").read_text(encoding="utf-8")
