"""The policies in force: read before anything is done, kept when one is wrong, and told to whom it concerns."""

import asyncio
import json
from typing import Any

import pytest

from build import T0
from stanch.api.policy import DEFAULT
from stanch.core.observations import Policies
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.policy_book import PolicyBook, heard, read_policies
from stanch.shell.policy_status import look_at_policy

SHOP, HOME = Key("responsepolicies", "shop", "default"), Key("responsepolicies", "stanch-system", "default")
ONE = {"approvals": {"person": [{"class": "B", "needed": 1}]}}
TWO = {"approvals": {"person": [{"class": "B", "needed": 2}]}}
WRONG = {"guardrails": {"storm": {"within": "2h", "calm": "1h"}}}
UNREAD = "The ResponsePolicies have not been read yet"


def policy(spec: Any, version: int = 10, namespace: str = "shop", uid: str = "u1") -> dict[str, Any]:
    """A ResponsePolicy; its version stands for its generation, too."""
    meta = {"name": "default", "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": meta | {"generation": version}, "spec": spec}


def needed(book: PolicyBook, namespace: str = "shop") -> int:
    """Approvals that an action of class B needs there."""
    return book.policy(namespace).approvals_person["B"]


class Paper:
    """An API server that answers lists in turn, and takes a status or not."""

    def __init__(self, *lists: Reply | Unanswered, takes: int = 200) -> None:
        self.lists, self.takes, self.patches = list(lists), takes, []

    async def get(self, path, params=None, accept=""):
        reply = self.lists.pop(0)
        if isinstance(reply, Unanswered):
            raise reply
        return reply

    async def patch(self, path, body, content_type, dry=False):
        self.patches.append((path, json.loads(body)))
        if self.takes != 200:
            return Reply(self.takes, {"message": "no"})
        stored = policy(ONE, 10)
        stored["metadata"]["resourceVersion"] = "11"
        return Reply(200, stored | {"status": json.loads(body)["status"]})


def listed(*items: dict[str, Any], version: int = 50, more: str = "") -> Reply:
    """The answer to a list."""
    return Reply(200, {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)})


# --- what is in force ------------------------------------------------------------------------------------------------


def test_a_policy_counts_where_it_is_and_the_clusters_everywhere():
    """A namespace's own for its incidents, the cluster's for all, the stricter of both where there are two."""
    book = PolicyBook(DEFAULT)
    assert book.take(policy(ONE, namespace="stanch-system"))
    assert book.take(policy(TWO))
    assert [2, 1, 1] == [needed(book), needed(book, "other"), needed(book, "stanch-system")]


def test_a_policy_that_is_gone_is_not_in_force():
    """The cluster's counts again, and then what is built in."""
    book = PolicyBook(DEFAULT)
    book.take(policy(ONE, namespace="stanch-system"))
    book.take(policy(TWO))
    assert (True, 1) == (book.drop(SHOP), needed(book))
    assert (True, 0) == (book.drop(HOME), needed(book))
    assert not book.drop(HOME)


def test_a_wrong_one_changes_nothing():
    """The last good one stays, whether or not its status was ever written."""
    book = PolicyBook(DEFAULT)
    book.take(policy(ONE, 10))
    assert not book.take(policy(WRONG, 11))
    assert 1 == needed(book)
    assert (11, 10) == (book.standing(SHOP).generation, book.standing(SHOP).in_force)


def test_an_older_version_never_replaces_a_newer_one():
    """A list may be answered from the past, and a status written by us comes back before the watch tells of it."""
    book = PolicyBook(DEFAULT)
    book.take(policy(TWO, 12))
    assert not book.take(policy(ONE, 11))
    assert 2 == needed(book)


def test_of_a_policy_made_again_the_old_one_goes_without_it():
    """The watch may tell of the deletion after the list showed the new one."""
    book = PolicyBook(DEFAULT)
    book.take(policy(ONE, 12, uid="new"))
    assert not book.drop(SHOP, "old")
    assert 1 == needed(book)


# --- reading them ----------------------------------------------------------------------------------------------------


async def test_nothing_is_done_before_they_were_read():
    """What has not been read may be stricter than what is built in."""
    book = PolicyBook(DEFAULT, UNREAD)
    proven = Policies(proven=True)
    assert Policies(False, UNREAD, stamped=True) == book.proven(proven)
    assert {"shop"} == await read_policies(Paper(listed(policy(ONE))), book)
    assert proven == book.proven(proven)
    assert Policies(False, "missing") == book.proven(Policies(False, "missing"))


@pytest.mark.parametrize(
    "answer",
    [
        Unanswered("reset"),
        Reply(403, {"message": "stanch may not list responsepolicies"}),
        Reply(503, {}),
        Reply(429, {}),
    ],
    ids=["connection-lost", "403", "503", "429"],
)
async def test_what_can_not_be_read_loosens_nothing(answer):
    """Before the first list nothing may be done, and the text says why; after it, what was read stays."""
    book = PolicyBook(DEFAULT, UNREAD)
    assert await read_policies(Paper(answer), book) is None
    assert "can't be read" in book.proven(Policies(proven=True)).problem
    await read_policies(Paper(listed(policy(TWO))), book)
    assert await read_policies(Paper(answer), book) is None
    assert (2, True) == (needed(book), book.proven(Policies(proven=True)).proven)


async def test_without_the_kind_there_are_none():
    """A cluster that has not got the CRD yet: what is built in counts. One that loses it keeps what was read."""
    book = PolicyBook(DEFAULT, UNREAD)
    assert set() == await read_policies(Paper(Reply(404, {})), book)
    assert (0, True) == (needed(book), book.proven(Policies(proven=True)).proven)
    book.take(policy(TWO))
    await read_policies(Paper(Reply(404, {})), book)
    assert 2 == needed(book)


async def test_a_list_tells_what_the_watch_has_missed():
    """Page by page; what is not in it is gone, but for what is newer than the list."""
    book = PolicyBook(DEFAULT)
    for namespace, version in (("shop", 10), ("gone", 11), ("fresh", 60)):
        book.take(policy(ONE, version, namespace))
    pages = Paper(listed(policy(TWO, 40), more="next"), listed(policy(ONE, 41, "new")))
    assert {"shop", "gone", "new"} == await read_policies(pages, book)
    assert [2, 0, 1, 1] == [needed(book, ns) for ns in ("shop", "gone", "fresh", "new")]


# --- who is told -----------------------------------------------------------------------------------------------------


async def rung(bells: Bells) -> set[Key]:
    """Who is to be looked at."""
    return {await asyncio.wait_for(bells.take(), 1) for _ in range(len(bells))}


def world() -> tuple[PolicyBook, Cache, Bells]:
    """Two incidents in two namespaces, and the policy of a third."""
    book, cache = PolicyBook(DEFAULT), Cache()
    for namespace in ("shop", "other"):
        cache.put(Key("incidents", namespace, "x"), {"metadata": {"uid": namespace, "resourceVersion": "1"}})
    book.take(policy(ONE, 5, "third"))
    return book, cache, Bells()


async def test_a_namespaces_policy_rings_its_incidents():
    """And its own bell, for its status."""
    book, cache, bells = world()
    heard(book, cache, bells, policy(ONE), gone=False)
    assert {SHOP, Key("incidents", "shop", "x")} == await rung(bells)


async def test_the_clusters_policy_rings_everybody():
    """Other policies, too: what of them is looser may be something else by now."""
    book, cache, bells = world()
    heard(book, cache, bells, policy(TWO, namespace="stanch-system"), gone=False)
    incidents = {Key("incidents", "shop", "x"), Key("incidents", "other", "x")}
    assert {HOME, Key("responsepolicies", "third", "default")} | incidents == await rung(bells)


async def test_what_changes_nothing_rings_nobody_else():
    """A status that we wrote comes back as an event."""
    book, cache, bells = world()
    book.take(policy(ONE, 10))
    heard(book, cache, bells, policy(ONE, 11) | {"status": {"observedGeneration": 10}}, gone=False)
    assert {SHOP} == await rung(bells)


async def test_a_policy_that_goes_rings_too():
    """Who waited for an approval may not have to any more."""
    book, cache, bells = world()
    book.take(policy(ONE))
    heard(book, cache, bells, policy(ONE), gone=True)
    assert Key("incidents", "shop", "x") in await rung(bells)
    assert 0 == needed(book)


# --- its status ------------------------------------------------------------------------------------------------------


async def test_the_status_is_written_once_on_the_version_that_was_judged():
    """Then nothing more, for it says so already."""
    book, kube = PolicyBook(DEFAULT), Paper()
    book.take(policy(ONE, 10))
    assert await look_at_policy(kube, book, SHOP, T0) is None
    path, body = kube.patches[0]
    assert "/apis/stanch.dev/v1alpha1/namespaces/shop/responsepolicies/default/status" == path
    assert {"resourceVersion": "10", "uid": "u1"} == body["metadata"]
    assert {"metadata", "status"} == set(body)
    assert await look_at_policy(kube, book, SHOP, T0) is None
    assert 1 == len(kube.patches)


@pytest.mark.parametrize(("takes", "again"), [(409, True), (404, True), (503, True), (403, True)])
async def test_a_status_that_was_not_taken_is_tried_again(takes, again):
    """And what counts does not wait for it."""
    book, kube = PolicyBook(DEFAULT), Paper(takes=takes)
    book.take(policy(ONE))
    assert (again, 1) == ((await look_at_policy(kube, book, SHOP, T0)) is not None, needed(book))


async def test_what_nobody_can_read_in_a_status_goes():
    """A field of another version, or of somebody who meddled, is taken away by name."""
    book, kube = PolicyBook(DEFAULT), Paper()
    book.take(policy(ONE) | {"status": {"inForce": {"generation": "x"}, "odd": 1}})
    await look_at_policy(kube, book, SHOP, T0)
    assert kube.patches[0][1]["status"]["odd"] is None
    assert 10 == kube.patches[0][1]["status"]["inForce"]["generation"]


def test_while_it_is_not_read_nobody_knows_whom_to_tell():
    """None, and not none: what is said meanwhile is told once the channels are known."""
    room = {"name": "room", "kind": "Slack", "secret": "slack", "audiences": ["internal"]}
    book = PolicyBook(DEFAULT, UNREAD)
    book.take(policy({"communications": {"channels": [room]}}, namespace="stanch-system"))
    assert book.policy("shop").channels is None
    book.problem = ""
    assert ["room"] == [c.name for c in book.policy("shop").channels or ()]
