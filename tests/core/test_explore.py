"""
Every order of events, breadth first, from one bad release: what plan() does when people, crashes and two replicas interleave.

STANCH_EXPLORE says how many different states to look at: 600 in every test run, 100,000 in `make sweep`.
"""

import hashlib
import json
import os
import pickle
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context

import pytest

from build import BAD, entry, incident, roll_back
from stanch.core.census import OPEN
from stanch.core.commands import Swap
from stanch.core.observations import Policies
from world import World, bad_deploy

STATES = int(os.environ.get("STANCH_EXPLORE", "600"))
# Of so many states one is followed to its end.
ONE_IN = 300
BATCH = 16
Move = Callable[[World], object]


def dies(steps: int) -> Move:
    """A look that ends in a crash after so many steps; what it knew is lost."""

    def move(w: World) -> None:
        kept = w.stopped
        w.look(die_after=steps)
        w.stopped = kept

    return move


def stops(steps: int) -> Move:
    """Another replica looks, and is stopped after so many steps; it keeps what it knew."""
    return lambda w: w.stopped or w.look(die_after=steps)


def meets(event: Move, step: int) -> Move:
    """Something happens while somebody looks, right before that step."""
    return lambda w: w.look(between=lambda n: event(w) if n == step else None)


def loses(what: str) -> Move:
    """A look in which something never arrives."""

    def move(w: World) -> None:
        w.lose_stores = {what}
        w.look()
        w.lose_stores = set()

    return move


def unheard(w: World) -> None:
    """A look whose effect is done, and nobody hears of it."""
    w.lose_next_reply = True
    w.look()
    w.lose_next_reply = False


def passes(**time: float) -> Move:
    """Time goes by."""
    return lambda w: setattr(w, "now", w.now + timedelta(**time))


def pushed(w: World) -> None:
    """A person pushes another release."""
    w.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.9"
    w.target["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": "2026-11-21T14:00:02Z"}]


def replaced(w: World) -> None:
    """The target is deleted, and another of its name is there."""
    w.target["metadata"]["uid"] = "another"
    w.target["metadata"].get("labels", {}).pop("stanch.dev/action", None)


def scaled(w: World) -> None:
    """A person scales it, which is nobody's business here."""
    w.target["spec"]["replicas"] = 5


def takes_back(w: World) -> None:
    """alice wants it back."""
    if len(w.entries) < 2:
        w.say(entry("alice", after=w.now - w.incident.declared, undo={"mitigation": "roll-back"}))


def asks_again(w: World) -> None:
    """bob asks for the same, under another name."""
    asked = roll_back(name="again", target={"kind": "Deployment", "name": "checkout"}, when="Always")
    if w.incident.status.times is not None and not any(e.spec.mitigate for e in w.entries):
        w.say(entry("bob", after=w.now - w.incident.declared, mitigate=asked))


def may(yes: bool) -> Move:
    """alice loses the right, or has it again."""
    return lambda w: setattr(w, "may", everybody if yes else nobody)


def everybody(_: object) -> bool:
    """All may."""
    return True


def nobody(_: object) -> bool:
    """None may."""
    return False


MOVES: dict[str, Move] = {
    "look": World.look,
    **{f"dies after {n}": dies(n) for n in range(1, 7)},
    **{f"other stops after {n}": stops(n) for n in range(7)},
    "other goes on": World.go_on,
    "no evidence": loses("roll-back-1-a"),
    "no undo record": loses("stanch-undo"),
    "unheard": unheard,
    "a second": passes(seconds=1),
    "a minute": passes(minutes=1),
    "a quarter": passes(minutes=16),
    "policies gone": lambda w: setattr(w, "policies", Policies(proven=False, problem="gone")),
    "policies back": lambda w: setattr(w, "policies", Policies(proven=True)),
    "no right": may(yes=False),
    "right again": may(yes=True),
    "pushed": pushed,
    "replaced": replaced,
    "scaled": scaled,
    "undo": takes_back,
    "again": asks_again,
    **{f"pushed before {n}": meets(pushed, n) for n in (3, 5)},
    **{f"replaced before {n}": meets(replaced, n) for n in (3, 5)},
    **{f"undo before {n}": meets(takes_back, n) for n in (3, 5)},
}


def key(w: World) -> bytes:
    """Equal states are looked at once."""
    stopped = w.stopped and [
        w.stopped.step,
        w.stopped.version,
        str(w.stopped.decided.commands),
        len(w.stopped.decided.stores),
    ]
    what = [
        w.incident.status.wire(),
        sorted(map(str, w.objects.items())),
        sorted(w.secrets),
        sorted(w.stored),
        [(e.metadata.name, e.metadata.labels) for e in w.entries],
        [w.policies.proven, w.may is nobody, str(w.now), stopped],
    ]
    return hashlib.sha256(json.dumps(what, default=str, sort_keys=True).encode()).digest()


def wrong(w: World) -> list[str]:
    """Attempts that changed the target more than once; effects that are not on the record, or have no evidence."""
    swaps = [c for c in w.effects if isinstance(c, Swap)]
    known = {a.id: a for r in w.incident.status.mitigations or () for a in r.attempts or ()}
    twice = [a for a, n in Counter(c.attempt for c in swaps).items() if n > 1]
    unknown = [c.attempt for c in swaps if c.attempt not in known]
    bare = [c.attempt for c in swaps if c.attempt in known and known[c.attempt].evidence not in w.stored]
    said = ("twice", twice), ("not on the record", unknown), ("without evidence", bare)
    return [*(f"{a} {what}" for what, which in said for a in which), *w.broken]


def settles(w: World) -> list[str]:
    """With the world well again, and time: nothing is under way, and nothing was done twice."""
    end = w.fork()
    end.policies, end.may = Policies(proven=True), everybody
    end.go_on()
    end.run(minutes=25)
    stuck = [a.id for r in end.incident.status.mitigations or () for a in r.attempts or () if a.state in OPEN]
    return [*(f"{a} never ends" for a in stuck), *wrong(end)]


@dataclass(frozen=True)
class State:
    """A world as bytes, small and fit to be handed to another process; and the moves that lead to it."""

    path: tuple[str, ...]
    world: bytes

    @staticmethod
    def of(path: tuple[str, ...], world: World) -> "State":
        """Packed; plans are not needed any more."""
        return State(path, zlib.compress(pickle.dumps(replace(world, plans=[]), pickle.HIGHEST_PROTOCOL), 1))

    def unpacked(self) -> World:
        """The world."""
        world: World = pickle.loads(zlib.decompress(self.world))
        return world


def one_further(state: State) -> list[tuple[bytes, State]]:
    """What each move makes of it, with its key; one of each."""
    found: dict[bytes, State] = {}
    world = state.unpacked()
    for name, move in MOVES.items():
        after, path = world.fork(), (*state.path, name)
        move(after)
        assert wrong(after) == [], path
        if (mark := key(after)) not in found:
            found[mark] = State.of(path, after)
    return list(found.items())


def followed(state: State) -> None:
    """It comes to a good end."""
    assert settles(state.unpacked()) == [], state.path


@pytest.mark.timeout(7200)
def test_no_order_of_events_does_anything_twice() -> None:
    """No effect off the record, without evidence or twice, no law broken, and every way comes to an end."""
    begin = bad_deploy(incident(roll_back(), recovery={"hold": "10m"}))
    begin.repeat, begin.may = False, everybody
    assert begin.image == BAD
    front, seen, ends, depth = [State.of((), begin)], {key(begin)}, 0, 0
    with get_context("fork").Pool(os.cpu_count()) as pool:
        while front and len(seen) < STATES:
            depth += 1
            further: list[State] = []
            # A few at a time: what is handed out has to be done, also when there are enough.
            for batch in (front[i : i + BATCH] for i in range(0, len(front), BATCH)):
                for found in pool.map(one_further, batch, chunksize=1):
                    further += [state for mark, state in found if mark not in seen]
                    seen.update(mark for mark, _ in found)
                if len(seen) >= STATES:
                    break
            picked = further[::ONE_IN]
            pool.map(followed, picked, chunksize=1)
            ends, front = ends + len(picked), further
    print(f"\n{len(seen)} different states, {depth} moves deep, {ends} followed to the end")
    assert len(seen) >= STATES
