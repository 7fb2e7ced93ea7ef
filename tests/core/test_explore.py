"""
Every order of events up to a depth, from one bad release: what happens to plan() when people, crashes and the world interleave.

STANCH_EXPLORE=5 looks at tens of thousands of states (`make sweep` does); in every test run it is some hundreds.
"""

import copy
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from build import BAD, entry, incident, roll_back
from stanch.core.attempts import OPEN
from stanch.core.commands import Swap
from stanch.core.observations import Policies
from world import World, bad_deploy

DEPTH = int(os.environ.get("STANCH_EXPLORE", "2"))
Move = Callable[[World], object]


def dies(steps: int) -> Move:
    """A look that ends in a crash after so many steps."""
    return lambda w: w.look(die_after=steps)


def loses(what: str) -> Move:
    """A look in which something never arrives."""

    def move(w: World) -> None:
        w.lose_stores = {what}
        w.look(die_after=3)
        w.lose_stores = set()

    return move


def unheard(w: World) -> None:
    """A look whose effect is done, and nobody hears of it."""
    w.lose_next_reply = True
    w.look(die_after=3)
    w.lose_next_reply = False


def pushed(w: World) -> None:
    """A person pushes another release."""
    w.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.9"
    w.target["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": "2026-11-21T14:00:02Z"}]


def scaled(w: World) -> None:
    """A person scales it, which is nobody's business here."""
    w.target["spec"]["replicas"] = 5


def takes_back(w: World) -> None:
    """alice wants it back."""
    w.say(entry("alice", after=w.now - w.incident.declared, undo={"mitigation": "roll-back"}))


def asks_again(w: World) -> None:
    """bob asks for the same, under another name."""
    asked = roll_back(name="again", target={"kind": "Deployment", "name": "checkout"}, when="Always")
    if w.incident.status.times is not None and not any(e.spec.mitigate for e in w.entries):
        w.say(entry("bob", after=w.now - w.incident.declared, mitigate=asked))


MOVES: dict[str, Move] = {
    "look": lambda w: w.look(),
    **{f"dies after {n}": dies(n) for n in range(1, 6)},
    "no evidence": loses("roll-back-1-a"),
    "no undo record": loses("stanch-undo"),
    "unheard": unheard,
    "a minute": lambda w: w.run(minutes=1),
    "policies gone": lambda w: setattr(w, "policies", Policies(proven=False, problem="gone")),
    "policies back": lambda w: setattr(w, "policies", Policies(proven=True)),
    "pushed": pushed,
    "scaled": scaled,
    "undo": takes_back,
    "again": asks_again,
}


def key(w: World) -> str:
    """Equal states are looked at once."""
    status = w.incident.status.wire()
    entries = [(e.metadata.name, e.metadata.labels) for e in w.entries]
    what = [
        status,
        sorted(map(str, w.objects.items())),
        sorted(w.secrets),
        sorted(w.stored),
        entries,
        w.policies.proven,
    ]
    return hashlib.sha256(json.dumps([*what, str(w.now)], default=str, sort_keys=True).encode()).hexdigest()


def duplicates(w: World) -> list[str]:
    """Attempts that changed the target more than once; effects without evidence."""
    swaps = [c for c in w.effects if isinstance(c, Swap)]
    twice = [a for a, n in Counter(c.attempt for c in swaps).items() if n > 1]
    known = {a.id: a for r in w.incident.status.mitigations or () for a in r.attempts or ()}
    bare = [c.attempt for c in swaps if c.attempt in known and known[c.attempt].evidence not in w.stored]
    return [*(f"{a} twice" for a in twice), *(f"{a} without evidence" for a in bare), *w.broken]


def settles(w: World) -> list[str]:
    """With the world well again, and time: nothing is under way, and nothing was done twice."""
    end = copy.deepcopy(w)
    end.policies = Policies(proven=True)
    end.run(minutes=25)
    stuck = [a.id for r in end.incident.status.mitigations or () for a in r.attempts or () if a.state in OPEN]
    return [*(f"{a} never ends" for a in stuck), *duplicates(end)]


@pytest.mark.timeout(7200)
def test_no_order_of_events_does_anything_twice() -> None:
    """
    No effect without evidence, none twice, no law broken, and every way comes to an end.
    """
    begin = bad_deploy(incident(roll_back(), recovery={"hold": "10m"}))
    assert begin.image == BAD
    front, seen, states, ends = [((), begin)], {key(begin)}, 1, 0
    for _ in range(DEPTH):
        further = []
        for path, world in front:
            for name, move in MOVES.items():
                after = copy.deepcopy(world)
                after.now += timedelta(seconds=1)
                move(after)
                states += 1
                assert duplicates(after) == [], (*path, name)
                if (mark := key(after)) not in seen:
                    seen.add(mark)
                    further.append(((*path, name), after))
        front = further
        for path, world in front[:: max(1, len(front) // 20)]:
            ends += 1
            assert settles(world) == [], path
    print(f"\n{states} states, {len(seen)} of them different, {ends} ways to the end")
    assert states > 100
