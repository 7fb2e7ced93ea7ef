"""
A freeze against a writer that never stops: after it is known, nothing gets through.

STANCH_FREEZES says how many; `make attack` makes a thousand. The line it prints tells how soon the API server knew.
"""

import itertools
import os
import threading
import time
from dataclasses import dataclass, field, replace

from attack.people import Place
from attack.test_taken_over import binding
from e2e.support.api import Api, until
from e2e.support.world import deployment
from stanch.api.names import Label

FREEZES = int(os.environ.get("STANCH_FREEZES", "100"))
# The authorizer learns of a binding by its watch. A write that began sooner after the freeze may have been let through.
KNOWN_WITHIN = 0.1


@dataclass
class Writer:
    """The operator's token, writing as fast as it can: when each write that got through began."""

    api: Api
    ns: str
    began: list[float] = field(default_factory=list)
    refused: int = 0
    stop: bool = False

    def run(self) -> None:
        """Until told to stop."""
        for number in itertools.count():
            if self.stop:
                return
            start = time.monotonic()
            change = {
                "metadata": {"labels": {Label.ACTION: f"{number:08x}{id(self) % 2**32:08x}"}},
                "spec": {"paused": True},
            }
            reply = self.api.merge("deployments", self.ns, "checkout", change)
            if reply.ok:
                self.began.append(start)
            else:
                assert "stanch is frozen" in reply.message, reply.message
                self.refused += 1


def test_no_write_leaks_through_a_freeze(place: Place, admin: Api, taken_over: Api) -> None:
    """Of all that begin once it is known, none; and it writes again after each thaw, or this would prove nothing."""
    admin.create(deployment(replicas=0), place.ns).must()
    # A connection of its own for each thread.
    writers = [Writer(replace(taken_over, _local=threading.local()), place.ns) for _ in range(2)]
    threads = [threading.Thread(target=w.run, daemon=True) for w in writers]
    for thread in threads:
        thread.start()
    leaked, last = 0, []
    try:
        for _ in range(FREEZES):
            count = sum(len(w.began) for w in writers)
            until(lambda c=count: sum(len(w.began) for w in writers) > c, 10, "it writes", every=0.002)
            admin.create(binding("stanch-frozen", place.ns), place.ns).must()
            frozen = time.monotonic()
            refused = sum(w.refused for w in writers)
            until(lambda r=refused: sum(w.refused for w in writers) > r + 2, 10, "it is refused", every=0.002)
            thawed = time.monotonic()
            admin.delete("rolebindings", place.ns, "stanch-freeze").must()
            through = [b - frozen for w in writers for b in w.began[-50:] if frozen < b < thawed]
            leaked += sum(after > KNOWN_WITHIN for after in through)
            last.append(max(through, default=0.0))
    finally:
        for writer in writers:
            writer.stop = True
        for thread in threads:
            thread.join(10)
    last.sort()
    print(f"\n{FREEZES} freezes, {leaked} writes leaked; the last that got through began {_spread(last)} after")
    assert leaked == 0


def _spread(seconds: list[float]) -> str:
    p50, p99 = (seconds[len(seconds) * part // 100] for part in (50, 99))
    return ", ".join(
        f"{name} {value * 1000:.1f} ms" for name, value in (("p50", p50), ("p99", p99), ("at most", seconds[-1]))
    )
