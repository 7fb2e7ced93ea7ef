"""
A freeze against a writer that never stops: after it is known, nothing gets through.

STANCH_FREEZES says how many of the first kind, and a tenth of each of the others; `make attack` makes a thousand and more. The
line it prints tells how soon the API server knew.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import pytest

from attack.people import Place
from attack.test_taken_over import binding
from e2e.support.api import Api, Json, Reply, until
from e2e.support.world import deployment
from stanch.api.names import Label

FREEZES = int(os.environ.get("STANCH_FREEZES", "100"))
Act = Callable[[Api, str, str], Reply]


def patches(api: Api, ns: str, mark: str) -> Reply:
    """An effect on a Deployment."""
    change = {"metadata": {"labels": {Label.ACTION: mark}}, "spec": {"paused": True}}
    return api.merge("deployments", ns, "checkout", change)


def patches_node(api: Api, ns: str, mark: str) -> Reply:
    """An effect on a Node, which is in no namespace."""
    return api.merge("nodes", None, ns, {"metadata": {"labels": {Label.ACTION: mark}}})


@cache
def uid_of_prey(api: Api, ns: str) -> str:
    """Asked once: what is measured is the write."""
    return str(api.get("pods", ns, "prey")["metadata"]["uid"])


def evicts(api: Api, ns: str, mark: str) -> Reply:
    """Takes a pod away as often as it likes: a dry run passes the same policies, and leaves the pod."""
    options = {"preconditions": {"uid": uid_of_prey(api, ns)}, "dryRun": ["All"]}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "prey"}, "deleteOptions": options}
    return api.request("POST", f"{api.path('pods', ns, 'prey')}/eviction?dryRun=All", body)


def deletes(api: Api, ns: str, mark: str) -> Reply:
    """The same by deletion. In the body: what stands in the query counts only without one."""
    options = {"preconditions": {"uid": uid_of_prey(api, ns)}, "dryRun": ["All"]}
    return api.request("DELETE", api.path("pods", ns, "prey"), {"kind": "DeleteOptions", "apiVersion": "v1"} | options)


# What freezes, everywhere or in the namespace, whom it stops, and the share of FREEZES.
CASES = {
    "halted in the namespace": ("stanch-frozen", False, patches, 1),
    "halted everywhere": ("stanch-frozen", True, patches, 10),
    "halted everywhere, a node": ("stanch-frozen", True, patches_node, 10),
    "undo only in the namespace": ("stanch-undo-only", False, patches, 10),
    "undo only everywhere": ("stanch-undo-only", True, patches, 10),
    "evictions": ("stanch-frozen", False, evicts, 10),
    "evictions, undo only": ("stanch-undo-only", True, evicts, 10),
    "deletions": ("stanch-frozen", False, deletes, 10),
}


@dataclass
class Writer:
    """The operator's token, writing as fast as it can: begin and end of each write that got through, and of each refusal."""

    api: Api
    where: str
    act: Act
    through: list[tuple[float, float]] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    stop: bool = False
    said: str = ""

    def run(self) -> None:
        """Until told to stop, or refused in other words."""
        for number in itertools.count():
            if self.stop:
                return
            start = time.monotonic()
            reply = self.act(self.api, self.where, f"{number:08x}{id(self) % 2**32:08x}")
            if reply.ok:
                self.through.append((start, time.monotonic()))
            elif "stanch is frozen" in reply.message:
                self.refused.append((start, time.monotonic()))
            elif reply.status != 409:
                self.said = reply.message
                return


@pytest.fixture
def prey(place: Place, admin: Api) -> Place:
    """A Deployment that runs nothing, a pod that is never scheduled, and a Node that is only written down."""
    admin.create(deployment(replicas=0), place.ns).must()
    spec = deployment()["spec"]["template"]["spec"] | {"nodeSelector": {"no-such": "node"}}
    pod: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prey"}, "spec": spec}
    admin.request("POST", admin.path("pods", place.ns), pod).must()
    node: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": place.ns}}
    admin.request("POST", admin.path("nodes", None), node).must()
    return place


@pytest.mark.parametrize("case", CASES)
def test_no_write_leaks_through_a_freeze(prey: Place, admin: Api, taken_over: Api, case: str) -> None:
    """Of all that begin once one was refused, none; and it writes again after each thaw, or this would prove nothing."""
    role, everywhere, act, share = CASES[case]
    # A connection of its own for each thread.
    writers = [Writer(replace(taken_over, _local=threading.local()), prey.ns, act) for _ in range(2)]
    threads = [threading.Thread(target=w.run, daemon=True) for w in writers]
    for thread in threads:
        thread.start()
    try:
        leaked, last = _frozen_again_and_again(
            admin, None if everywhere else prey.ns, role, writers, max(5, FREEZES // share)
        )
    finally:
        for writer in writers:
            writer.stop = True
        for thread in threads:
            thread.join(10)
        admin.delete("nodes", None, prey.ns)
    assert [w.said for w in writers] == ["", ""]
    last.sort()
    print(
        f"\n{case}: {len(last)} freezes, {leaked} writes leaked; the last that got through began {_spread(last)} after"
    )
    assert leaked == 0


def _frozen_again_and_again(
    admin: Api, where: str | None, role: str, writers: list[Writer], times: int
) -> tuple[int, list[float]]:
    """How many writes leaked, and for each freeze how long after it the last began that got through."""
    plural, leaked, last = "rolebindings" if where else "clusterrolebindings", 0, []
    try:
        for _ in range(times):
            count = sum(len(w.through) for w in writers)
            until(lambda c=count: sum(len(w.through) for w in writers) > c, 10, "it writes", every=0.002)
            admin.create(binding(role, where), where).must()
            frozen = time.monotonic()
            until(lambda since=frozen: len(_refused(writers, since)) >= 3, 10, "it is refused", every=0.002)
            thawed = time.monotonic()
            admin.delete(plural, where, "stanch-freeze").must()
            # The authorizer learns of a binding by its watch: from the first refusal on, it knows.
            known = min(_refused(writers, frozen))
            # What is done after the thaw may have been judged after it.
            through = [b for w in writers for b, done in w.through[-50:] if frozen < b and done < thawed]
            leaked += sum(began > known for began in through)
            last.append(max((began - frozen for began in through), default=0.0))
    finally:
        admin.delete(plural, where, "stanch-freeze")
    return leaked, last


def _refused(writers: list[Writer], since: float) -> list[float]:
    """When refusals came of what began since then: one that began before may still be by the freeze before."""
    return [came for w in writers for began, came in w.refused[-50:] if began > since]


def _spread(seconds: list[float]) -> str:
    p50, p99 = (seconds[len(seconds) * part // 100] for part in (50, 99))
    return ", ".join(
        f"{name} {value * 1000:.1f} ms" for name, value in (("p50", p50), ("p99", p99), ("at most", seconds[-1]))
    )
