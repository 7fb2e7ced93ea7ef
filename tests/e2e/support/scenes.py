"""Scenes that are set at once and looked at one by one: waiting for pods is most of what such tests do."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from e2e.support.api import Api
from e2e.support.world import World, new_world

Setting = Callable[[World], Any]


class Scenes:
    """
    Each setting in a namespace of its own, all at the same time; a setting that fails fails only its own tests.

    One that plays elsewhere gives the world it played in.
    """

    def __init__(self, admin: Api, *settings: Setting) -> None:
        """Starts at once."""
        self._admin, self._made = admin, list[World]()
        self._pool = ThreadPoolExecutor(len(settings))
        self._futures: dict[Setting, Future[World]] = {s: self._pool.submit(self._set, s) for s in settings}

    def _set(self, setting: Setting) -> World:
        world = new_world(self._admin, setting.__name__.replace("_", "-"))
        self._made.append(world)
        elsewhere = setting(world)
        return elsewhere if isinstance(elsewhere, World) else world

    def __getitem__(self, setting: Setting) -> World:
        """The world of a setting, once it is set."""
        return self._futures[setting].result(180)

    def close(self) -> None:
        """Take all of it away; the API server does the waiting."""
        self._pool.shutdown(wait=True)
        for world in self._made:
            self._admin.delete("namespaces", None, world.ns, propagationPolicy="Background")
