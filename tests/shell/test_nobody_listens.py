"""What is said to an incident that is closed, or that never was, changes nothing: and whoever said it is told so, once."""

import asyncio

import pytest

from stanch.api.names import Label
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.clock import Clock
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG

KEY = Key("incidents", "shop", "checkout-5xx")
META = {"name": "said", "namespace": "shop", "uid": "said", "resourceVersion": "7", "labels": {}}
SAID = {"metadata": META, "spec": {"note": {}}}


class Paper:
    """An API server with one entry that nobody took in, and an incident or none."""

    def __init__(self, labels: dict[str, str] | None) -> None:
        self.labels, self.clock, self.told, self.labelled = labels, Clock(), [], []

    async def get(self, path, params=None, accept=""):
        if "timelineentries" in path:
            return Reply(200, {"items": [SAID]})
        return Reply(404, {}) if self.labels is None else Reply(200, {"metadata": {"labels": self.labels}})

    async def patch(self, path, body, content_type, dry=False):
        self.labelled.append(path)
        return Reply(200, {})

    async def create(self, path, obj):
        self.told.append((obj["reason"], obj["involvedObject"]["name"]))
        return Reply(201, {})


async def heard(labels: dict[str, str] | None) -> Paper:
    """After two looks."""
    kube = Paper(labels)
    reconciler = Reconciler(kube, CATALOG, Cache(), Bells(), Rewind(kube, again=0.001))
    for _ in range(2):
        await reconciler.look(KEY)
        await reconciler.drain()
    await asyncio.sleep(0)
    return kube


@pytest.mark.parametrize(
    ("labels", "told"),
    [({Label.CLOSED: "true"}, "IncidentIsClosed"), (None, "NoSuchIncident")],
    ids=["closed", "never was"],
)
async def test_who_said_it_is_told(labels, told):
    """On their entry, for they look there; at the second look no more."""
    assert [(told, "said")] == (await heard(labels)).told


async def test_what_is_only_not_known_yet_is_told_nothing():
    """A cache that is behind is no reason to say that it does not exist."""
    assert [] == (await heard({})).told
