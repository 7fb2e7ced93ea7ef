"""
Of two guards that both say no, the one with the lower number is told (decisions 2.9).

Each is made to say no by itself, and then with each of the others. What a Runbook does by itself, on a Deployment and on a node:
so that also those have a say that are only about that.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from books import AUTO, alerted, body
from build import GOOD, T0, TARGET_UID, node
from core.test_dry_run import WEBHOOK, told
from core.test_freeze import HALTED
from objects import FLUX, TEMPLATE, managed
from stanch.api.names import Label
from stanch.api.wish import GitOps
from stanch.core.census import RUNBOOK, Census, Deed
from stanch.core.guard_order import GUARDS, OWN_REASONS, PREFLIGHT
from stanch.core.observations import Busy
from stanch.core.swap import digest, look_up
from world import World, bad_deploy

BOOK, HOME = f"{RUNBOOK}bad-deploy", "stanch-system"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Guard:
    """Its number, the reason and words it is told by, what makes it say no, and whether it needs a plan for that."""

    number: int
    reason: str
    words: str
    breaks: Callable[[World], object]
    of_plan: bool = False

    def __str__(self) -> str:
        return f"{self.number}-{self.reason}{'-of-plan' if self.of_plan else ''}"

    def is_told(self, world: World) -> bool:
        """By what the record says."""
        record = world.record("act")
        return (self.reason, True) == (record.reason, self.words in (record.message or ""))


def rollback() -> World:
    """A bad deploy that a Runbook in mode Auto would roll back at once."""
    world = bad_deploy(alerted())
    world.objects[("runbooks", "bad-deploy")] = body(**AUTO | {"mitigations": [{"name": "act", "rolloutUndo": {}}]})
    return world


def cordon() -> World:
    """Three nodes, of which such a Runbook would cordon one."""
    made = alerted(f"system:serviceaccount:{HOME}:runbook-deploys", parameters={})
    made = made.model_copy(update={"metadata": made.metadata.model_copy(update={"namespace": HOME})})
    asked = {"targets": [{"kind": "Node", "name": "node-1"}], "mitigations": [{"name": "act", "cordon": {}}]}
    world = World(made)
    world.objects[("runbooks", "bad-deploy")] = body(namespace=HOME, **AUTO | asked | {"parameters": None})
    for n in (1, 2, 3):
        world.objects[("nodes", f"node-{n}")] = node(f"node-{n}")
    return world


def aimed_at(world: World) -> dict[str, object]:
    """What the Runbook acts on, in either world."""
    found: dict[str, object] = (world.objects.get(("nodes", "node-1")) or world.target)["metadata"]
    return found


def policy(world: World, **more: object) -> None:
    """Another policy in force."""
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, **more))  # type: ignore[arg-type]


def deeds(world: World, *more: Deed) -> None:
    """What other incidents did, besides."""
    world.census = Census((*world.census.deeds, *more), world.census.alarms)


def by_flux(world: World) -> None:
    """Git sets the template, and the policy lets nobody change that."""
    world.target["metadata"]["labels"] |= FLUX
    world.target["metadata"]["managedFields"] = managed("kustomize-controller", TEMPLATE)
    policy(world, git_ops=GitOps.REFUSE)


def written_lately(world: World) -> None:
    """Another incident wrote the template a minute ago, and it still stands."""
    post = digest({"/spec/template": look_up(world.target, "/spec/template")})
    fields = ("/spec/template",)
    deeds(world, Deed("other/x", "m", "Spec", TARGET_UID, T0 - MINUTE, False, "", fields, post=post))


def running(world: World) -> None:
    """Three effects of Runbooks are under way elsewhere."""
    deeds(world, *(Deed(f"other/r{n}", "m", f"{RUNBOOK}x", f"uid-r{n}", T0 - MINUTE, True, "") for n in range(3)))


def busy(fields: tuple[str, ...] | None) -> Callable[[World], None]:
    """Another incident writes the target, or has written these fields."""
    return lambda world: world.busy.update({str(aimed_at(world)["uid"]): Busy("shop/other", fields)})


def sick_others(world: World) -> None:
    """The other nodes run no pods."""
    for n in (2, 3):
        world.objects[("nodes", f"node-{n}")]["status"] = node(ready=False)["status"]


def approve(world: World) -> None:
    """In mode Approve."""
    world.objects[("runbooks", "bad-deploy")]["spec"]["mode"] = "Approve"


OWNER = [{"kind": "Shop", "name": "main", "controller": True}]
ALWAYS = (
    Guard(1, "Frozen", "", lambda w: setattr(w, "frozen", HALTED)),
    Guard(2, "Paused", "", lambda w: w.respec(paused=True)),
    Guard(3, "NoAuthority", "", lambda w: setattr(w, "may", lambda _: False)),
    Guard(5, "Protected", "", lambda w: aimed_at(w).setdefault("labels", {}).update({Label.PROTECTED: ""})),  # type: ignore[attr-defined]
    Guard(8, "TargetBusy", "", busy(None)),
    Guard(9, "CoolingDown", "perNamespaceHourly", lambda w: policy(w, per_namespace_hourly=0)),
    Guard(10, "TooManyAtOnce", "", running),
    Guard(15, "DryRunRefused", "", lambda w: told(w, WEBHOOK)),
    Guard(16, "ApprovalMissing", "", approve),
)
ON_A_DEPLOYMENT = (
    Guard(4, "NotObservedYet", "", lambda w: aimed_at(w).update(generation=9)),
    Guard(6, "OwnedByAnother", "is controlled by Shop", lambda w: aimed_at(w).update(ownerReferences=OWNER)),
    Guard(7, "OwnedByAnother", "Flux Kustomization", by_flux, of_plan=True),
    Guard(8, "TargetBusy", "", busy(("/spec/template",)), of_plan=True),
    Guard(9, "CoolingDown", "was acted on", written_lately, of_plan=True),
    Guard(14, "Preflight", "is paused", lambda w: w.target["spec"].update(paused=True)),
)
ON_A_NODE = (
    Guard(4, "TargetDeleting", "", lambda w: aimed_at(w).update(deletionTimestamp="2026-11-21T14:00:00Z")),
    Guard(13, "WouldBreakBudget", "", lambda w: w.objects[("nodes", "node-2")]["spec"].update(unschedulable=True)),
    Guard(14, "Preflight", "only ready node", sick_others),
)
PLACES = ((rollback, (*ALWAYS, *ON_A_DEPLOYMENT)), (cordon, (*ALWAYS, *ON_A_NODE)))
ONES = [(place, guard) for place, guards in PLACES for guard in guards]
PAIRS = [
    (place, low, high)
    for place, guards in PLACES
    for low, high in itertools.permutations(guards, 2)
    if low.number < high.number and not (low.of_plan and high.number == PREFLIGHT)
]


def ids(each: object) -> str:
    """Place and guards by name."""
    return getattr(each, "__name__", None) or str(each)


@pytest.mark.parametrize("place", [rollback, cordon], ids=ids)
def test_where_nobody_says_no_it_acts(place: Callable[[], World]) -> None:
    """Or what is told below would be of something else."""
    world = place().run(seconds=20)
    assert (1, []) == (len(world.effects), world.broken)


@pytest.mark.parametrize(("place", "guard"), ONES, ids=ids)
def test_each_says_no_by_itself(place: Callable[[], World], guard: Guard) -> None:
    """With its own reason, and nothing is done."""
    world = place()
    guard.breaks(world)
    assert guard.is_told(world.run(seconds=5)), world.record("act").message
    assert ([], []) == (world.effects, world.broken)


@pytest.mark.parametrize(("place", "low", "high"), PAIRS, ids=ids)
def test_of_two_that_say_no_the_lower_is_told(place: Callable[[], World], low: Guard, high: Guard) -> None:
    """Whichever of them is known first."""
    world = place()
    high.breaks(world)
    low.breaks(world)
    assert low.is_told(world.run(seconds=5)), f"{world.record('act').reason}: {world.record('act').message}"
    assert ([], []) == (world.effects, world.broken)


@pytest.mark.parametrize("low", [guard for guard in ON_A_DEPLOYMENT if guard.of_plan], ids=ids)
def test_what_would_be_written_is_not_known_while_there_is_no_plan(low: Guard) -> None:
    """So the preflight is told first; once that is content, the others have their say (ADR 0037)."""
    world, preflight = rollback(), ON_A_DEPLOYMENT[-1]
    preflight.breaks(world)
    low.breaks(world)
    assert preflight.is_told(world.run(seconds=20))
    del world.target["spec"]["paused"]
    assert low.is_told(world.run(seconds=30)), world.record("act").message


def test_the_storm_is_told_before_the_breaker_and_both_only_raise_what_16_asks_for() -> None:
    """11 and 12 say no to nothing: so nobody is asked to agree to what 15 would refuse."""
    world = rollback()
    world.census = Census((), tuple(T0 - n * MINUTE for n in range(5, 0, -1)))
    deeds(world, *(Deed(f"shop/i{n}", "m", BOOK, f"uid-{n}", T0 - 90 * MINUTE, False, "NoEffect") for n in range(2)))
    del told(world, WEBHOOK).run(seconds=20).answer
    assert "DryRunRefused" == world.record("act").reason
    assert "ApprovalNeeded" not in world.kinds()
    record = world.run(seconds=30).record("act")
    assert ("ApprovalMissing", True) == (record.reason, "for alerts made 5 incidents" in record.message)
    world.census = Census(world.census.deeds)
    assert "did not help in its last 2 runs" in world.run(minutes=1).record("act").message
    world.census = Census()
    assert GOOD == world.run(minutes=2).image


def test_the_guards_stand_in_the_order_of_their_numbers() -> None:
    """All that are asked in one row; what an action finds out itself stands where its reason does."""
    numbers = [number for number, _ in GUARDS]
    assert numbers == sorted(numbers)
    assert {*range(1, 14)} - {11, 12} == {*numbers}
    assert all(number in numbers for number in OWN_REASONS.values())
