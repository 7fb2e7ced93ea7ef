"""
The Lease that lets one of several replicas work and speak. Small, and no promise rests on it (decisions 1.3 no. 53).

Renewed on a monotonic clock with a timeout each; whoever can't renew it stops working before another may take it.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.shell.client import MERGE_PATCH, Kube, Reply, Unanswered
from stanch.shell.election import Move, Sighting, Times, frees_at, holder_of, judge, released, sighted, spec_of
from stanch.shell.tenure import Tenure

LOG = logging.getLogger("stanch.lease")
NAME: Final = "stanch"
_ALL: Final = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases"
PATH: Final = f"{_ALL}/{NAME}"
SHORTEST_PAUSE: Final = 0.05


class Lease:
    """Keeps the tenure true to the Lease."""

    def __init__(
        self, kube: Kube, tenure: Tenure, me: str, times: Times, die: Callable[[int], object] = os._exit
    ) -> None:
        """``die`` ends the process when work does not stop in time; nothing is cleaned up then, as in a crash."""
        self.kube, self.tenure, self.me, self.times, self._die = kube, tenure, me, times, die
        self._time = asyncio.get_running_loop().time  # monotonic
        self._mine: Mapping[str, Any] | None = None
        self._sighting: Sighting | None = None
        self._told = ""

    async def keep(self) -> None:
        """For ever: take it, renew it, or stand by."""
        held = False
        while True:
            pause = self.times.every
            try:
                async with asyncio.timeout(self.times.attempt):
                    pause = await self._turn()
            except (Unanswered, TimeoutError):
                self._mine = None  # What became of it is read in the next turn.
            except Exception:  # who stops looking at the lease would stand by for ever
                self._mine = None
                LOG.exception("the lease can't be kept")
            if held and not self.tenure.holds:
                await self._stopped()
            held = self.tenure.holds
            await asyncio.sleep(max(SHORTEST_PAUSE, pause))

    async def _turn(self) -> float:
        """One look or renewal; seconds until the next."""
        lease, asked = self._mine, self._time()
        if lease is None:
            reply = await self.kube.get(PATH)
            if not reply.ok and reply.status != 404:
                return self._refused(reply)
            lease = reply.body if reply.ok else None
            self._sighting = sighted(self._sighting, lease, self._time())
        move = judge(lease, self.me, self._sighting, asked, self.times)
        if move is not Move.WAIT:
            return await self._write(move, lease)
        assert lease is not None
        assert self._sighting is not None
        self.tenure.end()
        self._tell(f"stands by; {holder_of(lease)} works")
        return min(self.times.every, frees_at(lease, self._sighting, self.times) - self._time())

    async def _write(self, move: Move, lease: Mapping[str, Any] | None) -> float:
        asked, spec = self._time(), spec_of(move, lease, self.me, self.kube.clock.now(), self.times)
        if lease is None:
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}, "spec": spec}
            reply = await self.kube.create(_ALL, body)
        else:
            reply = await self._swap(lease, spec)
        if not reply.ok:
            self._mine = None
            return 0.0 if reply.status in (404, 409) else self._refused(reply)
        self._mine, self._sighting = reply.body, sighted(self._sighting, reply.body, self._time())
        # Counted from before the request: others count from when they saw what came of it.
        self.tenure.extend(asked + self.times.give_up)
        self._tell("works")
        return self.times.every

    async def _swap(self, lease: Mapping[str, Any], spec: Mapping[str, Any]) -> Reply:
        known = {key: lease["metadata"][key] for key in ("uid", "resourceVersion")}
        return await self.kube.patch(PATH, json.dumps({"metadata": known, "spec": spec}), MERGE_PATCH)

    def _refused(self, reply: Reply) -> float:
        remedy = "is the RBAC installed (make install)? Run one replica with --no-lease until then"
        self._tell(f"Lease {OPERATOR_NAMESPACE}/{NAME} is refused: {reply.message}; {remedy}", logging.WARNING)
        return self.times.every

    async def _stopped(self) -> None:
        """Lost: what was being done must have ended before another may take it."""
        self._tell("stopped: the lease was lost", logging.WARNING)
        if not await self.tenure.stopped(grace=self.times.lasts - self.times.give_up):
            LOG.error("work did not stop in time; ending without cleaning up")
            self._die(1)

    async def release(self) -> None:
        """Give it up, once nothing is being done any more, so that another need not wait."""
        self.tenure.end()
        with contextlib.suppress(Unanswered):
            reply = await self.kube.get(PATH)
            if reply.ok and holder_of(reply.body) == self.me:
                await self._swap(reply.body, released(self.kube.clock.now()))

    def _tell(self, what: str, level: int = logging.INFO) -> None:
        if what != self._told:
            self._told = what
            LOG.log(level, what, extra={"replica": self.me})
