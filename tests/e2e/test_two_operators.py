"""
Two operators at once with no Lease, two hours apart by their clocks; one is stopped for a minute between its intention and
its effect, which then arrives a minute late. Each thing is done once, and on time.
"""

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from e2e.support import oracles
from e2e.support.api import Api, Json, together, until
from e2e.support.courses import CONFIG, CRON, asleep
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.world import World, deployment, incident, lines, new_world, stands, stuck, wish

HOUR = 3600
STOPPED_SECONDS = 60
# What is done to a target → how its request is called on the wire.
WIRE = {
    "deployments": "PATCH deployments",
    "configmaps": "PATCH configmaps",
    "cronjobs": "PATCH cronjobs",
    "pods": "DELETE pods",
}


@dataclass(frozen=True)
class Case:
    """One incident and what is asked for in it, about a target of the same name."""

    name: str
    kind: str
    plural: str
    asked: Json
    spec: Json = field(default_factory=dict)

    def declare(self, world: World) -> None:
        """alice declares it."""
        target = {"kind": self.kind, "name": self.name}
        world.declare(incident({**self.asked, "name": "act"}, name=self.name, target=target, **self.spec))


ROLLBACKS = tuple(Case(f"back-{n}", "Deployment", "deployments", wish()) for n in range(3))
FLAG = wish(action="configFlag", args={"key": "a", "value": "off"}, ttl="30m", revert="OnExpiry")
LATER = {"recovery": {"hold": "10m"}}
AGREED = Case("agreed", "Deployment", "deployments", wish(action="scale", args={"replicas": 1}, approvals=1), LATER)
CASES = (
    *ROLLBACKS,
    Case("size", "Deployment", "deployments", wish(action="scale", args={"replicas": 1})),
    Case("pause", "Deployment", "deployments", wish(action="rolloutPause"), LATER),
    Case("flag", "ConfigMap", "configmaps", FLAG),
    Case("cron", "CronJob", "cronjobs", wish(action="suspendCronJob")),
    Case("pod", "Pod", "pods", wish(action="deletePod")),
    AGREED,
)


@dataclass
class Seen:
    """How it ended."""

    world: World
    statuses: dict[str, Json]
    proxies: list[FaultProxy]
    operators: list[Operator]
    stopped: int

    def accepted(self, what: str) -> list[str]:
        """Names of the targets that the API server let them change, in no order."""
        return sorted(re.sub(".*/", "", s.path) for p in self.proxies for s in p.committed(what))


def set_up(world: World) -> None:
    """Good releases under bad ones, a stopped Deployment each, a ConfigMap, a CronJob and a pod that costs nothing."""

    def broken(name: str) -> None:
        world.deploy(deployment(name))
        world.serving(name)
        world.release(stuck(), name)
        world.observed(name)

    for name in ("size", "pause", "agreed"):
        world.deploy(deployment(name, replicas=0))
    world.deploy(CONFIG | {"metadata": {"name": "flag"}})
    world.deploy(CRON | {"metadata": {"name": "cron"}})
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "flag",
        "uid": world.target("flag", "configmaps")["metadata"]["uid"],
    }
    meta = {"name": "pod", "ownerReferences": [owner | {"controller": True}]}
    world.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": asleep()}, world.ns).must()
    together(*(lambda c=c: broken(c.name) for c in ROLLBACKS))


def stop_the_first(operators: list[Operator], stopped: list[int]) -> list[Fault]:
    """Whoever is first to send its effect is stopped before the API server has it; it then goes on, and so does it."""
    first = threading.Lock()

    def hook(index: int) -> None:
        if first.acquire(blocking=False):
            operators[index].signal(signal.SIGSTOP)
            stopped.append(index)
            time.sleep(STOPPED_SECONDS)
            operators[index].signal(signal.SIGCONT)

    return [Fault("PATCH deployments#1", "before", "call", lambda i=i: hook(i)) for i in range(len(operators))]


def agree(world: World) -> None:
    """bob approves what waits for him."""
    record = world.state("Held", "act", "agreed")
    said = {"mitigation": "act", "action": "scale", "digest": record["digest"]}
    world.say("approve", said, by=world.bob, about="agreed")


def is_over(case: Case, status: Json) -> bool:
    """Is it done; and a rollback's incident all the way to what is to be learned?"""
    if case in ROLLBACKS:
        return bool(lines(status, "ActionItemDrafted"))
    return any(a.get("appliedTime") for a in stands(status, "act").get("attempts") or ())


@pytest.fixture(scope="module")
def seen(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """The story; everything is over before the one that was stopped goes on."""
    world, folder, stopped = new_world(admin, "two"), tmp_path_factory.mktemp("two"), list[int]()
    set_up(world)
    with (
        FaultProxy(loop, admin.server, admin.ca, world.ns) as a,
        FaultProxy(loop, admin.server, admin.ca, world.ns) as b,
    ):
        proxies, ahead = [a, b], [HOUR, -HOUR]
        operators = [
            Operator(p.kubeconfig(token), folder, f"op{i}", fork_server, ahead=ahead[i]) for i, p in enumerate(proxies)
        ]
        for proxy, fault in zip(proxies, stop_the_first(operators, stopped), strict=True):
            proxy.faults = [fault]
        together(*(o.start for o in operators))
        try:
            together(*(lambda c=c: c.declare(world) for c in CASES))
            until(lambda: stopped, 30, "one is stopped right before its effect")
            agree(world)
            together(*(lambda c=c: world.wait(lambda s: is_over(c, s), "it is over", c.name) for c in CASES))
            late = proxies[stopped[0]].log
            until(lambda: any(s.fault and s.status for s in late), STOPPED_SECONDS + 30, "the late effect arrives")
            settled(proxies)
        finally:
            together(*(o.stop for o in operators))
        yield Seen(world, {c.name: world.status(c.name) for c in CASES}, proxies, operators, stopped[0])
    admin.delete("namespaces", None, world.ns)


def settled(proxies: list[FaultProxy]) -> None:
    """Wait until nothing has been written for three seconds."""
    counts = [-1]

    def quiet() -> bool:
        counts.append(sum(s.is_write for p in proxies for s in p.log))
        return counts[-1] == counts[-2]

    until(quiet, 30, "nothing is written any more", every=3)


@pytest.mark.parametrize("plural", WIRE)
def test_each_effect_was_made_once(seen: Seen, plural: str) -> None:
    """By both together, on each target of the sort."""
    assert seen.accepted(WIRE[plural]) == sorted(c.name for c in CASES if c.plural == plural)


def test_the_effect_that_came_a_minute_late_was_refused(seen: Seen) -> None:
    """Its intention had become the other's by then; the API server itself tested what the target was to look like."""
    late = next(s for s in seen.proxies[seen.stopped].log if s.fault)
    assert (late.label, late.status) == ("PATCH deployments#1", 422)


def test_both_were_at_work(seen: Seen) -> None:
    """Or this test would prove nothing: each planned something, and each had a wrong clock."""
    logs = [o.log.read_text() for o in seen.operators]
    assert all("msg=planned" in log and "clock counts" in log for log in logs)


def test_the_record_is_one(seen: Seen) -> None:
    """One attempt each; no line told twice; nobody complains."""
    for case in CASES:
        status = seen.statuses[case.name]
        assert len(stands(status, "act")["attempts"]) == 1, case.name
        for kind in ("MitigationApplied", "MitigationIntended"):
            assert len(lines(status, kind)) == 1, case.name
    for case in ROLLBACKS:
        oracles.timeline_is_complete(seen.statuses[case.name], wish="act")
    assert [o.complaints() for o in seen.operators] == [[], []]


def test_approvals_holds_and_debts_are_judged_by_the_api_servers_time(seen: Seen) -> None:
    """An hour ahead, an approval is stale, ten minutes have passed and half an hour is over; an hour behind, never."""
    assert [a["by"] for a in stands(seen.statuses["agreed"], "act")["approvals"]["by"]] == ["bob"]
    assert "resolved" not in seen.statuses["pause"]["times"]
    assert all("resolved" in seen.statuses[c.name]["times"] for c in ROLLBACKS)
    debt = next(d for d in seen.statuses["flag"]["debt"] if d["name"] == "act")
    flag = seen.world.target("flag", "configmaps")
    written = max(m["time"] for m in flag["metadata"]["managedFields"] if m["manager"] == "stanch")
    owed = datetime.fromisoformat(debt["dueTime"]) - datetime.fromisoformat(written)
    assert flag["data"]["a"] == "off", json.dumps(seen.statuses["flag"]["timeline"])
    assert abs(owed - timedelta(minutes=30)) < timedelta(minutes=1)
