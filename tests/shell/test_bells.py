"""The queue: each key once, never twice at work, namespaces in turn."""

import asyncio

from stanch.shell.bells import Bells, Key


def _key(namespace: str, name: str = "x") -> Key:
    return Key("incidents", namespace, name)


async def test_a_key_rung_often_is_taken_once():
    """Many events, one look."""
    bells = Bells()
    for _ in range(5):
        bells.ring(_key("a"))
    assert (_key("a"), 0) == (await bells.take(), len(bells))


async def test_a_key_at_work_is_looked_at_again_afterwards_and_not_beside():
    """Rung while at work: another look, after this one."""
    bells = Bells()
    bells.ring(_key("a"))
    key = await bells.take()
    bells.ring(key)
    assert 0 == len(bells)
    bells.done(key)
    assert 1 == len(bells)


async def test_a_namespace_with_many_does_not_starve_the_others():
    """Turns go round by namespace."""
    bells = Bells()
    for n in range(5):
        bells.ring(_key("loud", str(n)))
    bells.ring(_key("quiet"))
    first = [(await bells.take()).namespace for _ in range(2)]
    assert {"loud", "quiet"} == set(first)


async def test_the_earlier_of_two_alarms_rings():
    """A later alarm never moves an earlier one."""
    bells = Bells()
    bells.ring_in(_key("a"), 0.01)
    bells.ring_in(_key("a"), 60)
    assert _key("a") == await asyncio.wait_for(bells.take(), 2)


async def test_a_forgotten_key_does_not_ring():
    """Gone is gone."""
    bells = Bells()
    bells.ring_in(_key("a"), 0.01)
    bells.forget(_key("a"))
    await asyncio.sleep(0.05)
    assert 0 == len(bells)
