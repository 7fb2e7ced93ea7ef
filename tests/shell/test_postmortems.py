"""Postmortem.status is written when it says something else, on the version that was judged; its spec never is."""

import asyncio
import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, stamp
from learning import written
from stanch.api.people_status import SignOffRecord
from stanch.api.policy import DEFAULT
from stanch.core.observations import Found
from stanch.core.postmortem_judge import judge
from stanch.core.postmortem_text import text_digest
from stanch.core.questions import EVIDENCES, POSTMORTEMS
from stanch.shell import postmortems
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.postmortems import CONFLICT_SECONDS, REFUSED_SECONDS, Postmortems, heard, ring_its, ring_of_item
from world import World, healthy

KEY, INC = Key("postmortems", "shop", "checkout-5xx"), Key("incidents", "shop", "checkout-5xx")


class Paper:
    """An API server over a world, that takes a status or not."""

    def __init__(self, world: World, takes: int = 200, pages: int = 200) -> None:
        self.world, self.takes, self.pages = world, takes, pages
        self.patches: list[tuple[str, dict[str, Any]]] = []
        self.reads: list[str] = []

    async def get(self, path: str) -> Reply:
        self.reads.append(path)
        name = path.rpartition("/")[2]
        if f"/{EVIDENCES.plural}/" in path:
            found = self.world.objects.get(("evidences", name))
            return Reply(self.pages, found or {}) if self.pages != 200 or found else Reply(404, {})
        if self.world.incident is None:
            return Reply(404, {})
        return Reply(200, self.world.incident.wire())

    async def patch(self, path: str, text: str, content_type: str, dry: bool = False) -> Reply:
        self.patches.append((path, json.loads(text)))
        if self.takes != 200:
            return Reply(self.takes, {"message": "no"})
        return Reply(200, {**body(self.world), "status": self.patches[-1][1]["status"]})


def body(world: World) -> dict[str, Any]:
    """The Postmortem, as stored, without what was said of it."""
    found = world.objects[("postmortems", "checkout-5xx")]
    meta = {"uid": "u", "resourceVersion": "7", "generation": 1, "creationTimestamp": stamp(T0), **found["metadata"]}
    return {"metadata": meta, "spec": found["spec"]}


def resolved() -> World:
    """Drafted a while ago."""
    return healthy(incident()).run(minutes=20)


def keeper(kube: Paper, known: bool = True) -> Postmortems:
    """One that has heard of the Postmortem, and of its incident if it is open."""
    cache, bells = Cache(), Bells()
    cache.put(KEY, body(kube.world))
    if known:
        cache.put(INC, kube.world.incident.wire())
    return Postmortems(kube, cache, bells)


async def test_a_long_text_holds_up_nobody(monkeypatch):
    """It is linted beside the loop, one at a time; who comes third is not waited for, and has its turn later."""
    kube, begun, going, where = Paper(resolved()), threading.Event(), threading.Event(), []

    def slow(*what):
        where.append(threading.current_thread().name)
        begun.set()
        going.wait(30)
        return judge(*what)

    monkeypatch.setattr(postmortems, "judge", slow)
    learning = keeper(kube)
    first, second = (asyncio.create_task(learning.keep(KEY, DEFAULT, kube.world.now)) for _ in range(2))
    await asyncio.to_thread(begun.wait, 30)
    await learning.keep(KEY, DEFAULT, kube.world.now)
    assert not first.done()
    assert not second.done()
    going.set()
    await asyncio.gather(first, second)
    assert [True, True] == [name.startswith("lint") for name in where]


@pytest.mark.parametrize("known", [True, False], ids=["open", "not-in-sight"])
async def test_the_status_is_written_once_and_the_spec_never(known):
    """On the very version; facts come from the incident, read when it is not in sight; and nothing when nothing changed."""
    kube = Paper(resolved())
    learning = keeper(kube, known)
    await learning.keep(KEY, DEFAULT, kube.world.now)
    ((path, said),) = kube.patches
    assert POSTMORTEMS.path("shop", "checkout-5xx") + "/status" == path
    assert {"metadata", "status"} == set(said)
    assert {"resourceVersion": "7", "uid": "u"} == said["metadata"]
    assert ("Required", "Findings") == (said["status"]["facts"]["decision"], said["status"]["state"])
    await learning.keep(KEY, DEFAULT, kube.world.now)
    assert 1 == len(kube.patches)


@pytest.mark.parametrize(
    ("answer", "again"), [(409, CONFLICT_SECONDS), (503, CONFLICT_SECONDS), (422, REFUSED_SECONDS)]
)
async def test_what_was_not_taken_is_tried_again(answer, again):
    """Soon after a conflict, with patience after a refusal."""
    learning = keeper(Paper(resolved(), takes=answer))
    rung: list[float] = []
    learning.bells.ring_in = lambda key, seconds: rung.append(seconds)
    await learning.keep(KEY, DEFAULT, T0)
    assert [again] == rung


async def test_a_published_one_is_left_alone():
    """Nothing is read for it, and nothing written."""
    kube = Paper(resolved())
    learning = keeper(kube)
    published = {"time": stamp(T0), "generation": 1, "sha256": "x"}
    learning.cache.put(KEY, {**body(kube.world), "status": {"published": published}})
    await learning.keep(KEY, DEFAULT, T0)
    assert ([], []) == (kube.patches, kube.reads)


async def test_pages_are_read_once_and_lost_ones_are_told():
    """They never change; what may not be read is counted, what does not answer is asked again."""
    world = healthy(incident(recovery={"hold": "2h"})).run(seconds=30)
    for n in range(100):
        world.say(entry("bob", after=world.now - T0, name=f"n{n}", note={}, text=f"look {n}")).run(seconds=2)
    world.run(hours=3)
    kube = Paper(world)
    learning = keeper(kube)
    await learning.keep(KEY, DEFAULT, world.now)
    reads = len(kube.reads)
    assert reads == len(world.incident.status.pages) > 0
    assert "linesLost" not in kube.patches[0][1]["status"]["facts"]
    await learning.keep(KEY, DEFAULT, world.now + timedelta(hours=30))
    assert reads == len(kube.reads)
    lost = Paper(world, pages=403)
    await keeper(lost).keep(KEY, DEFAULT, world.now)
    assert lost.patches[0][1]["status"]["facts"]["linesLost"] > 20
    busy = Paper(world, pages=503)
    await keeper(busy).keep(KEY, DEFAULT, world.now)
    assert [] == busy.patches


def of_another(kube: Paper, name: str, **status: Any) -> tuple[Key, dict[str, Any]]:
    """The Postmortem of an earlier incident of the namespace, about the same Deployment."""
    facts = {"incidentUid": name, "severity": "SEV2", "about": {"targets": ["Deployment checkout"]}}
    early = stamp(T0 - timedelta(days=9))
    meta = {**body(kube.world)["metadata"], "name": name, "uid": name, "labels": {}, "creationTimestamp": early}
    whole = {"metadata": meta, "spec": {"incident": name}, "status": {"facts": facts, **status}}
    return Key(POSTMORTEMS.plural, "shop", name), whole


async def test_similar_ones_are_those_of_its_namespace():
    """Out of what was heard of already: nothing is read for it. Of another namespace nothing is told, and nothing that is gone."""
    kube = Paper(resolved())
    learning = keeper(kube)
    for name in ("old", "gone"):
        learning.cache.put(*of_another(kube, name))
    key, elsewhere = of_another(kube, "elsewhere")
    learning.cache.put(Key(key.plural, "cart", key.name), elsewhere)
    learning.cache.drop(Key(key.plural, "shop", "gone"))
    await learning.keep(KEY, DEFAULT, kube.world.now)
    (found,) = kube.patches[0][1]["status"]["similar"]
    assert ("old", ["the same target Deployment checkout"]) == (found["incident"], found["why"])
    assert [] == kube.reads


async def test_once_it_is_published_drafts_beside_it_are_judged_anew():
    """Its factors count for theirs from now on; for what is published, or elsewhere, nothing changes any more."""
    world = resolved()
    kube = Paper(world)
    learning = keeper(kube)
    whole = body(world)
    written(whole)
    whole["spec"]["published"] = True
    record = world.incident.status.postmortem
    signed = SignOffRecord(by="bob", time=T0, entry="said", digest=text_digest(whole["spec"]))
    status = world.incident.status.model_copy(update={"postmortem": record.model_copy(update={"sign_offs": (signed,)})})
    learning.cache.put(INC, world.incident.model_copy(update={"status": status}).wire())
    learning.cache.put(KEY, whole)
    published = {"conditions": [{"type": "Published", "status": "True"}], "published": {"time": stamp(T0)}}
    draft, other = of_another(kube, "draft"), of_another(kube, "old", **published)
    for each in (draft, other):
        learning.cache.put(*each)
    rung: list[Key] = []
    learning.bells.ring = rung.append
    await learning.keep(KEY, DEFAULT, world.now)
    assert "Published" == kube.patches[0][1]["status"]["state"]
    assert [draft[0]] == rung


async def test_an_incident_of_that_name_that_is_another_is_not_its():
    """By uid: of a namesake nothing is told."""
    kube = Paper(resolved())
    learning = keeper(kube)
    other = body(kube.world)
    other["metadata"] |= {"labels": {"stanch.dev/incident-uid": "another"}}
    learning.cache.put(KEY, other)
    await learning.keep(KEY, DEFAULT, T0)
    assert "facts" not in kube.patches[0][1]["status"]


async def test_whatever_goes_wrong_stays_with_it():
    """One that can't be read stops nobody."""
    kube = Paper(resolved())
    learning = keeper(kube)
    learning.cache.put(KEY, {"metadata": {**body(kube.world)["metadata"]}, "spec": {"incident": 3}})
    await learning.keep(KEY, DEFAULT, T0)
    assert [] == kube.patches


async def test_no_answer_is_asked_again():
    """A read that nobody answered is no 404."""

    class Silent(Paper):
        async def get(self, path: str) -> Reply:
            raise Unanswered("GET")

    learning = keeper(Silent(resolved()), known=False)
    rung: list[float] = []
    learning.bells.ring_in = lambda key, seconds: rung.append(seconds)
    await learning.keep(KEY, DEFAULT, T0)
    assert [CONFLICT_SECONDS] == rung


async def test_who_waits_for_it_is_woken():
    """The text wakes its incident; the incident its text; an item the text that names it, or that it names."""
    world = resolved()
    cache, bells = Cache(), Bells()
    cache.put(INC, world.incident.wire())
    heard(cache, bells, KEY, body(world), gone=False)
    assert {KEY, INC} == {await taken(bells), await taken(bells)}
    ring_its(cache, bells, world.incident.wire())
    assert KEY == await taken(bells)
    ring_of_item(cache, bells, {"metadata": {"name": "x", "namespace": "shop"}, "spec": {"postmortem": "checkout-5xx"}})
    assert KEY == await taken(bells)
    ring_of_item(
        cache, bells, {"metadata": {"name": "x", "namespace": "other"}, "spec": {"postmortem": "checkout-5xx"}}
    )
    heard(cache, bells, KEY, body(world), gone=True)
    assert (INC, None) == (await taken(bells), cache.get(KEY))
    assert 0 == len(bells)


async def taken(bells: Bells) -> Key:
    """The next key, done with at once."""
    key = await asyncio.wait_for(bells.take(), 2)
    bells.done(key)
    return key


async def test_the_answer_of_a_page_is_the_object():
    """What the keeper hands to the story is what the API server answered."""
    kube = Paper(resolved())
    kube.world.objects[("evidences", "p")] = {"spec": {"data": "x"}}
    learning = keeper(kube)
    question = type("Q", (), {"ref": EVIDENCES, "namespace": "shop", "name": "p"})()
    assert Found({"spec": {"data": "x"}}) == await learning._read(question)
