"""What was learned outlives its incident: closed ones are told of when another is declared, and after a restart."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from build import T0, incident, stamp
from learning import publish
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.questions import POSTMORTEMS
from stanch.shell import past
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import LESSONS_MAX, Cache
from stanch.shell.client import Reply
from stanch.shell.past import remember
from stanch.shell.postmortems import CONFLICT_SECONDS, PAST_SECONDS, Postmortems, heard
from world import healthy

DAY = timedelta(days=1)


def key(name: str = "old", namespace: str = "shop") -> Key:
    """Of a Postmortem."""
    return Key(POSTMORTEMS.plural, namespace, name)


def text(name: str = "old", days_ago: int = 9, **labels: str) -> dict[str, Any]:
    """The published Postmortem of an earlier incident, about the same Deployment; as stored."""
    declared = stamp(T0 - days_ago * DAY)
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": name,
        "resourceVersion": "5",
        "creationTimestamp": declared,
        "labels": labels,
    }
    body = {"metadata": meta, "spec": {"incident": name}}
    publish(body, T0 - days_ago * DAY)
    about = {"targets": ["Deployment checkout"]}
    facts = {"incidentUid": name, "severity": "SEV2", "times": {"declared": declared}, "about": about}
    body["status"] |= {"facts": facts}
    return body


class Paper:
    """An API server with Postmortems, two a page; ``refuses`` is the status of the first lists or reads."""

    def __init__(self, *bodies: dict[str, Any], refuses: tuple[int, ...] = ()) -> None:
        self.held, self.refuses, self.lists = {b["metadata"]["name"]: b for b in bodies}, list(refuses), []

    async def get(self, path: str, params: dict[str, str] | None = None, accept: str = "") -> Reply:
        if self.refuses:
            return Reply(self.refuses.pop(0), {"message": "no"})
        if params is None:
            found = self.held.get(path.rpartition("/")[2])
            return Reply(200, found) if found else Reply(404, {})
        self.lists.append(params["labelSelector"])
        closed = [b for b in self.held.values() if params["labelSelector"] in b["metadata"]["labels"]]
        start = int(params.get("continue", 0))
        more = {"continue": str(start + 2)} if start + 2 < len(closed) else {}
        return Reply(200, {"items": closed[start : start + 2], "metadata": more})


def named(cache: Cache) -> list[str]:
    """What an incident that is declared now is told of."""
    world = healthy(incident())
    world.lessons = cache.lessons("shop")
    relations = world.run(minutes=1).incident.status.relations
    return [each.incident for each in relations.similar] if relations else []


async def test_what_is_closed_is_told_of_when_another_is_declared():
    """The watch says of what was labelled closed that it is deleted: what was learned stays, and the text does not."""
    kube, cache, bells = Paper(text()), Cache(), Bells()
    heard(cache, bells, key(), text(), gone=False)
    kube.held["old"] = text(**{Label.CLOSED: ""})
    heard(cache, bells, key(), text(), gone=True)
    await Postmortems(kube, cache, bells).keep(key(), DEFAULT, T0)
    assert (["old"], None) == (named(cache), cache.get(key()))


async def test_what_is_deleted_is_told_of_no_more():
    """Read once, to know which of the two it was; where nobody answers that is asked again."""
    kube, cache, bells = Paper(refuses=(503,)), Cache(), Bells()
    heard(cache, bells, key(), text(), gone=False)
    heard(cache, bells, key(), text(), gone=True)
    rung: list[float] = []
    bells.ring_in = lambda _, seconds: rung.append(seconds)
    learning = Postmortems(kube, cache, bells)
    await learning.keep(key(), DEFAULT, T0)
    assert ([CONFLICT_SECONDS], True) == (rung, cache.remembers(key()))
    await learning.keep(key(), DEFAULT, T0)
    assert [] == named(cache)


async def test_after_a_restart_closed_ones_are_read_once():
    """All pages of them; of each what was learned, and no text is kept. What the watch tells of is its business."""
    closed = {Label.CLOSED: ""}
    kube, cache = Paper(text("a", 3, **closed), text("b", 5, **closed), text("c", 7, **closed), text("open")), Cache()
    await remember(kube, cache)
    assert (["a", "b", "c"], [], [Label.CLOSED] * 2) == (named(cache), cache.all(), kube.lists)


async def test_until_they_are_read_nothing_is_said(monkeypatch):
    """Half of them would name others than all of them, and again others a moment later; a list that fails is not waited for."""
    kube, cache = Paper(text("closed", **{Label.CLOSED: ""}), refuses=(503,)), Cache()
    cache.put(key("open"), text("open", 3))
    cache.past_is_known = False
    assert [] == named(cache)
    meanwhile: list[list[str]] = []

    async def again(_: float) -> None:
        meanwhile.append(named(cache))

    monkeypatch.setattr(past, "asyncio", SimpleNamespace(sleep=again))
    await remember(kube, cache)
    assert [["open"]] == meanwhile
    assert ["open", "closed"] == named(cache)


async def test_a_draft_is_judged_once_they_are_read():
    """It would say that nothing is similar, and a moment later that something is."""
    kube, cache, bells = Paper(), Cache(), Bells()
    cache.past_is_known = False
    draft = text()
    draft["status"] = {}
    cache.put(key(), draft)
    rung: list[float] = []
    bells.ring_in = lambda _, seconds: rung.append(seconds)
    await Postmortems(kube, cache, bells).keep(key(), DEFAULT, T0)
    assert [PAST_SECONDS] == rung


@pytest.mark.parametrize("first", range(3))
def test_of_very_many_the_newest_are_remembered(first):
    """In whatever order they come."""
    cache = Cache()
    days = [*range(1, LESSONS_MAX + 4)]
    for day in (days, days[::-1], days[500:] + days[:500])[first]:
        cache.recall(key(str(day)), text(str(day), day))
    known = {each.incident for each in cache.lessons("shop")}
    assert {str(day) for day in range(1, LESSONS_MAX + 1)} == known
