"""What is done, held or noted after the text was drafted becomes an ActionItem as well, once."""

from datetime import timedelta
from typing import Any

from build import BAD, GOOD, deployment, entry, incident, pod, replicaset
from world import World, healthy


def resolved(**spec: Any) -> World:
    """Resolved and drafted, and nothing was done."""
    world = healthy(incident(severity="SEV1", **spec)).run(minutes=5)
    assert [] == items(world)
    return world


def items(world: World) -> list[str]:
    """Titles of all that are there."""
    return [body["spec"]["title"] for (kind, _), body in world.objects.items() if kind == "actionitems"]


def say(world: World, **said: Any) -> World:
    """Alice says something now."""
    after = world.now - world.incident.declared
    return world.say(entry("alice", after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=20)


def broken_again(world: World) -> World:
    """Another bad version is rolled out, and somebody reopens it."""
    world.objects[("deployments", "checkout")] = deployment()
    for kind, name in [key for key in world.objects if key[0] == "pods"]:
        del world.objects[(kind, name)]
    for rs in (replicaset(GOOD, 1), replicaset(BAD, 2, created=world.now - timedelta(minutes=2))):
        world.objects[("replicasets", rs["metadata"]["name"])] = rs
    for body in (pod("h1", 1), pod("h1", 2), pod("h2", 1, crashing=True)):
        world.objects[("pods", body["metadata"]["name"])] = body
    return say(world, reopen={}, text="it is back")


def told(world: World) -> int:
    """How often it was said that one was drafted."""
    return sum(kind == "ActionItemDrafted" for kind in world.kinds())


def test_what_is_noted_afterwards_is_drafted_once():
    """While it is resolved; and of many five in all. What somebody deleted stays away."""
    world = say(resolved(), note={"kind": "Todo"}, text="Alert on queue age of orders")
    assert (["Alert on queue age of orders"], 1) == (items(world.run(hours=1)), told(world))
    for number in range(6):
        say(world, note={"kind": "Todo"}, text=f"Alert on pool {number}")
    assert (5, 5) == (len(items(world.run(minutes=20))), told(world))
    (name, *_) = world.incident.status.postmortem.action_items
    del world.objects[("actionitems", name)]
    assert (4, 5, []) == (len(items(world.run(hours=1))), told(world), world.broken)


def test_a_rollback_of_the_relapse_is_to_be_fixed_as_well():
    """Drafted when it is resolved again, with what proves it; and the record names it."""
    world = broken_again(resolved())
    say(world, mitigate={"name": "roll-back", "rolloutUndo": {}, "target": {"kind": "Deployment", "name": "checkout"}})
    assert [] == items(world)
    world.run(minutes=60)
    assert "True" == world.condition("Resolved").split()[0]
    ((_, body),) = [(key, body) for key, body in world.objects.items() if key[0] == "actionitems"]
    assert body["spec"]["title"].startswith("Fix what Deployment checkout was rolled back from")
    assert (body["metadata"]["name"],) == world.incident.status.postmortem.action_items
    assert (1, []) == (told(world), world.broken)


def test_what_can_not_be_stored_is_tried_again():
    """A quota holds nothing else up."""
    world = resolved()
    world.refuse_stores = {"-todo-"}
    say(world, note={"kind": "Todo"}, text="Alert on queue age of orders").run(minutes=5)
    assert (0, None) == (told(world), world.incident.status.postmortem.action_items)
    world.refuse_stores = set()
    assert ["Alert on queue age of orders"] == items(world.run(minutes=20))


def test_a_closed_one_has_no_more():
    """Nobody looks at it any more."""
    world = resolved()
    world.publish().run(hours=5)
    assert world.incident.status.times.closed is not None
    assert [] == items(say(world, note={"kind": "Todo"}, text="Alert on queue age of orders").run(minutes=20))
