"""Alerts on a real cluster: each group once, through kills and busy API servers; and from a real workload's fault to its end."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts import alert, payload
from e2e.support.alerting import (
    Stack,
    Storm,
    let_it_take_alerts,
    made_by_alerts,
    pods_of,
    post,
    sender,
    the_one,
    token_of,
)
from e2e.support.api import Api, Json, until
from e2e.support.flux import free_port
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.world import BAD, GOOD, READY, SERVE, World, container, crashing, deployment, lines, new_world
from stanch.core.alert_groups import read_known
from stanch.core.alert_states import firing

# The first test of a cold machine installs Prometheus and Alertmanager.
pytestmark = pytest.mark.timeout(900)
# What is measured by it has nothing between the operator and the API server.
DIRECT = "test_500_alerts_in_5_s_in_10_groups_are_10_incidents"
HOLD_SECONDS = 2
# The operator of the tests looks every second; two good looks are needed before a hold is of any use.
LOOKS_SECONDS = 4
MEASURED = SERVE.replace("echo serving", "echo 'shop_up 1' >/tmp/w/metrics; echo serving")


class Taker:
    """An operator that takes alerts for one namespace; behind a proxy that can break things, unless it is to be ``direct``."""

    def __init__(
        self, world: World, token: Json, loop: Loop, folder: Path, server: ForkServer, *, direct: bool = False
    ) -> None:
        self.world, self.port, self.direct = world, free_port(), direct
        self.proxy = FaultProxy(loop, world.admin.server, world.admin.ca, world.ns)
        self._with = (token, folder, server)
        self.url = f"http://127.0.0.1:{self.port}/alerts"

    def __enter__(self) -> "Taker":
        token, folder, server = self._with
        self.proxy.__enter__()
        more = {"alerts": f"127.0.0.1:{self.port}", "counts": {"alerts_namespace": self.world.ns}}
        config = token if self.direct else self.proxy.kubeconfig(token)
        self.operator = Operator(config, folder, "taker", server, **more)
        self.operator.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self.operator.__exit__(kind, *rest)
        self.proxy.__exit__(kind, *rest)

    def post(self, body: Json, token: str) -> tuple[int, Json]:
        """One notification."""
        return post(self.url, body, token)


@pytest.fixture
def taker(
    admin: Api, token: Json, loop: Loop, fork_server: ForkServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Taker]:
    """Starts one in a fresh namespace."""
    world = new_world(admin, "alerts")
    let_it_take_alerts(admin, world.ns)
    direct = request.node.name == DIRECT
    with Taker(world, token, loop, tmp_path, fork_server, direct=direct) as running:
        yield running
    admin.delete("namespaces", None, world.ns, propagationPolicy="Background")


def counted(world: World) -> list[int]:
    """How many alerts fire in each incident that alerts made and that was not cancelled."""
    known = [read_known(item) for item in made_by_alerts(world)]
    return sorted(firing(each.group) for each in known if each is not None and each.ended is None)


def all_there(world: World) -> None:
    """What was answered may be kept for a while still, before it is in its incident; then nothing is kept any more."""
    until(lambda: counted(world) == [50] * 10, 60, "fifty alerts in each of ten incidents")
    until(lambda: not world.admin.list("alertbatches", "stanch-system"), 60, "nothing is kept any more")


# --- each once -------------------------------------------------------------------------------------------------------


def test_500_alerts_in_5_s_in_10_groups_are_10_incidents(taker: Taker) -> None:
    """None is lost, and none is made twice."""
    storm = Storm(taker.url, sender(taker.world)).run()
    print(storm.words())
    assert [] == storm.refused
    all_there(taker.world)
    assert 10 == len(made_by_alerts(taker.world))


def test_nor_when_it_is_killed_in_the_middle_and_the_api_server_is_busy(taker: Taker) -> None:
    """kill -9 after a write whose answer nobody got, and 429 to every seventh request: told again, each is where it belongs."""
    token = sender(taker.world)
    taker.proxy.begin()
    kill = Fault("PATCH incidents#10", "after", "kill", taker.operator.kill)
    for sort in ("LIST incidents", "PATCH incidents", "POST incidents"):
        taker.proxy.faults += [Fault(f"{sort}#{n}", "before", "429") for n in range(2, 400, 7)]
    taker.proxy.faults.append(kill)
    storm = Storm(taker.url, token)
    sending = threading.Thread(target=storm.run)
    sending.start()
    until(lambda: kill.fired and not taker.operator.alive(), 30, "the operator is killed")
    taker.operator.start()
    sending.join(120)
    print(storm.words())
    refused = [seen for seen in taker.proxy.log if seen.status == 429]
    assert len(refused) > 3
    assert [] == storm.refused
    all_there(taker.world)
    assert 10 == len(made_by_alerts(taker.world))


def test_two_operators_and_a_pair_of_alertmanagers_are_one_too(
    taker: Taker, token: Json, loop: Loop, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each of the pair sends all to another replica, at once: what the younger of two made is cancelled, and nothing is lost."""
    secret = sender(taker.world)
    with Taker(taker.world, token, loop, tmp_path_factory.mktemp("second"), fork_server) as second:
        storms = [Storm(each.url, secret, alerts=100, seconds=1) for each in (taker, second)]
        threads = [threading.Thread(target=storm.run) for storm in storms]
        for each in threads:
            each.start()
        for each in threads:
            each.join(120)
        assert [[], []] == [storm.refused for storm in storms]
        until(lambda: counted(taker.world) == [10] * 10, 60, f"ten of ten, not {counted(taker.world)}")


# --- who -------------------------------------------------------------------------------------------------------------


def test_the_api_server_says_who_sends_and_whether_they_may(taker: Taker) -> None:
    """No token of our audience, no right there: nothing is made; a guess neither."""
    world = taker.world
    good, poor = sender(world), sender(world, "poor", may=False)
    said = payload(alert())
    assert [401, 401, 403] == [taker.post(said, t)[0] for t in ("guess", token_of(world, "alertmanager"), poor)]
    assert [] == made_by_alerts(world)
    code, body = taker.post(said, good)
    assert (202, world.ns) == (code, body["namespace"])
    made = the_one(world)
    assert "system:serviceaccount:stanch-system:stanch" == made["spec"]["declaredBy"]["username"]
    assert not {"mitigations", "requesters", "serviceAccountName"} & set(made["spec"])


def test_nobody_but_the_operator_writes_what_alerts_say(taker: Taker) -> None:
    """Criteria and a reopening rest on it; not even an admin writes it."""
    world = taker.world
    assert 202 == taker.post(payload(alert()), sender(world))[0]
    made = the_one(world)
    group = made["spec"]["alertGroup"]
    for change in ({"alertGroup": None}, {"alertGroup": group | {"alerts": []}}):
        reply = world.admin.merge("incidents", world.ns, made["metadata"]["name"], {"spec": change})
        assert (422, 403).count(reply.status) == 1
        assert "spec.alertGroup is written by the operator" in reply.message
    forged = {"title": "x", "alertGroup": group}
    item = {"apiVersion": "stanch.dev/v1alpha1", "kind": "Incident", "metadata": {"name": "forged"}, "spec": forged}
    assert "spec.alertGroup is written by the operator" in world.alice.create(item, world.ns).message


# --- from a fault to its end -----------------------------------------------------------------------------------------

RULES = [
    {
        "alert": "CheckoutDown",
        "expr": 'sum by (namespace, deployment) (up{job="shop"}) == 0',
        "for": "0s",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "No pod of checkout answers"},
    }
]


def measured(image: str = GOOD) -> Json:
    """A pod that serves, and tells Prometheus so."""
    return {"containers": [container(image, MEASURED, readinessProbe=READY)], "terminationGracePeriodSeconds": 1}


def up(stack: Stack) -> Any:
    """What Prometheus has measured."""
    url = f"http://127.0.0.1:{stack.prometheus}/api/v1/query?query=up"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [r["value"][1] for r in json.loads(answer.read())["data"]["result"]]
    except OSError:
        return []


def looked_at_from_the_first(world: World, name: str) -> None:
    """Nobody has named a target: its label did, so the evidence is there, and advice; and nothing is done by that."""
    world.condition("EvidenceCaptured", name)
    status = world.wait(lambda s: s.get("suggestions"), "advice", name)
    assert [{"kind": "Deployment", "name": "checkout", "label": "deployment"}] == status["alerts"]["targets"]
    assert "from alert label deployment" in lines(status, "TargetNamed")[0]["text"]
    kept = world.admin.get("evidences", world.ns, status["evidence"][0]["name"])
    assert "Declared" == status["evidence"][0]["purpose"]
    assert any("checkout" in item["name"] for item in kept["spec"]["items"])
    assert ("rolloutUndo", "checkout") == (
        status["suggestions"][0]["action"],
        status["suggestions"][0]["target"]["name"],
    )
    assert "mitigations" not in status


def the_alert_ends_and_nothing_is_over(world: World, name: str) -> None:
    """A person scales it to zero: nothing is measured that could fire any more, and nobody serves. Waited for past the hold."""
    world.admin.merge("incidents", world.ns, name, {"spec": {"recovery": {"hold": f"{HOLD_SECONDS}s"}}}).must()
    world.set(replicas=0)
    ended = world.wait(lambda s: s["alerts"]["firing"] == 0, "the alert ends", name, 90)
    assert 1 == len(lines(ended, "AlertsResolved"))
    over = time.monotonic() + HOLD_SECONDS + LOOKS_SECONDS
    until(lambda: time.monotonic() > over, 30, "the hold would be over")
    # What is taken in after that was looked at after that.
    world.folded(world.say("note", about=name))
    status = world.status(name)
    assert not {"mitigated", "resolved"} & status["times"].keys()
    assert {"pods": "Failing", "alerts": "Passing"}.items() <= {
        c["name"]: c["state"] for c in status["recovery"]["criteria"]
    }.items()


def test_from_a_real_fault_to_its_end(taker: Taker, tmp_path: Path) -> None:
    """
    A release breaks a workload; the real Prometheus sees it, the real Alertmanager tells it with `group_wait: 0s`, and there is
    one incident. The alert ends, which is told as well and alone ends nothing; a person rolls back, and then it is over.
    """
    world = taker.world
    world.deploy(deployment(pod=measured(), strategy={"type": "Recreate"}))
    world.serving()
    folder = tmp_path / "stack"
    folder.mkdir()
    with Stack(folder, RULES, lambda: pods_of(world)) as stack:
        stack.start(taker.url, sender(world), group_interval="1s", group_by=["alertname", "namespace", "deployment"])
        until(lambda: up(stack) == ["1"], 60, f"Prometheus measures: {stack.log()}")
        assert [] == made_by_alerts(world)
        world.release(crashing(BAD))
        made = the_one(world)
        name = made["metadata"]["name"]
        assert "CheckoutDown: No pod of checkout answers" == made["spec"]["title"]
        status = world.status(name)
        assert ("SEV2", "Derived") == (status["severity"]["level"], status["severity"]["source"])
        assert status["times"]["detected"] <= status["times"]["declared"]
        assert 1 == status["alerts"]["firing"]
        looked_at_from_the_first(world, name)
        the_alert_ends_and_nothing_is_over(world, name)
        world.set(replicas=1)
        target = {"kind": "Deployment", "name": "checkout"}
        world.say("mitigate", {"name": "back", "rolloutUndo": {}, "target": target}, about=name)
        world.state("Done", "back", name)
        world.serving()
        world.wait(lambda s: "resolved" in s["times"], f"it is over: {stack.log()}", name, 90)
        assert 1 == len(made_by_alerts(world))
