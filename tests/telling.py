"""Words about channels: what a world tells them, and what came of it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stanch.api.outbox_status import Message
from stanch.api.policy import DEFAULT
from stanch.api.policy_sections import Channel
from stanch.core.observations import Delivered, Delivery
from world import CATALOG, World


def channel(name: str, kind: str = "Slack", audiences: Iterable[str] = ("internal",), **more: Any) -> Channel:
    """A channel of the cluster's policy."""
    return Channel.model_validate({"name": name, "kind": kind, "secret": name, "audiences": list(audiences), **more})


def told(world: World, *channels: Channel | None) -> World:
    """A world with channels; None: nobody has read yet which there are."""
    found = None if channels == (None,) else channels
    world.catalog = replace(CATALOG, policy=replace(DEFAULT, channels=found))
    return world


def outbox(world: World, *states: str) -> list[Message]:
    """Messages to channels, in order; of some states."""
    known = world.incident.status.communications
    return [m for m in (known.outbox if known else None) or () if not states or m.state.value in states]


def tried(world: World, kind: Delivered, of: str = "", **more: Any) -> World:
    """The first message that waits for each channel (or for one) was tried, and this came of it; looked at since."""
    first: dict[str, Message] = {}
    for message in outbox(world, "Pending"):
        if of in ("", message.channel):
            first.setdefault(message.channel, message)
    world.deliveries |= {m.key: Delivery(m.tries, kind, world.now, **more) for m in first.values()}
    return world


def behind(world: World) -> dict[str, int]:
    """Channels for which more waits in the timeline, and after which line."""
    known = world.incident.status.communications
    return {t.name: t.behind for t in (known.channels if known else None) or () if t.behind is not None}


def all_told(world: World, *dead: str) -> list[tuple[str, str]]:
    """Channel and kind of whatever is told until nothing waits, in order; those that are dead answer nothing."""
    found = []
    for _ in range(400):
        first: dict[str, Message] = {}
        for message in outbox(world, "Pending"):
            first.setdefault(message.channel, message)
        if not first.keys() - {*dead}:
            break
        for m in first.values():
            kind = Delivered.AGAIN if m.channel in dead else Delivered.YES
            world.deliveries[m.key] = Delivery(m.tries, kind, world.now, why="no answer")
        found += [(m.channel, m.moment) for m in first.values() if m.channel not in dead]
        world.look()
    return found


def until_told(world: World, **duration: float) -> World:
    """Whatever waits is told; and time passes, and so is what came of that."""
    world.look()
    for _ in range(200):
        if not outbox(world, "Pending"):
            break
        tried(world, Delivered.YES).look()
    if duration:
        world.run(**duration)
    return world
