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
