"""
A SEV1 played by five people who have nothing but kubectl and the roles that are shipped, on a real clock (issue 8).

tests/core/test_sev1_played.py has the hours; here a quarter of an hour is nine seconds. Who may not is told so by the API
server, and what everybody reads is what `kubectl get` and `kubectl describe` print.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from cluster.given import Answer, Kubectl
from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.world import OURS, World, bind, deployment, good, lines, stands, stuck, wait_for_right
from stanch.api.meta import instant

HURRY = 100
# What is no rhythm of people: how long a word may be under way, when a hat is worn too long, and how long an offer may wait.
SOON = {"update_grace": 1, "update_seen_within": 1, "handoff_after": 6, "accept_within": 600}
PEOPLE = {
    "alice": ("edit",),
    "bob": ("edit", "stanch-approver"),
    "carol": ("edit", "stanch-commander"),
    "dora": ("edit", "stanch-publisher"),
    "vera": ("view",),
}
RIGHTS = (
    ("alice", "create", "incidents"),
    ("bob", "approve", "mitigations"),
    ("carol", "command", "incidents"),
    ("dora", "publish", "updates"),
    ("vera", "get", "incidents"),
)
NAME = "checkout-5xx"
BACK = {"rolloutUndo": {}, "target": {"kind": "Deployment", "name": "checkout"}}
TOLD = {"impact": "One in five checkouts fails", "tried": "roll-back helped", "next": "Watch the pipeline"}
SAFE = "About one in five checkouts fails. We are working on it. We will post the next update within 20 minutes."


@dataclass
class Room:
    """What people do, each with kubectl of their own."""

    kubectl: Kubectl
    world: World

    def by(self, name: str) -> Kubectl:
        """Somebody's kubectl, in the namespace."""
        return self.kubectl.having("-n", self.world.ns).as_user(name, ["system:authenticated"])

    def says(self, name: str, text: str = "", **said: Any) -> str:
        """`kubectl create -f -` of one entry; its name."""
        return str(self.tries(name, text, **said).json()["metadata"]["name"])

    def tries(self, name: str, text: str = "", **said: Any) -> Answer:
        """The same, whatever comes of it."""
        spec = {"incident": NAME, **({"text": text} if text else {}), **said}
        meta = {"generateName": f"{NAME}-"}
        return self.by(name).create({"apiVersion": OURS, "kind": "TimelineEntry", "metadata": meta, "spec": spec})

    def status(self) -> Json:
        """As vera reads it, who may only look."""
        answer = self.by("vera").get("incident", NAME)
        status: Json = answer.get("status", {})
        return status

    def until(self, true: Callable[[Json], object], what: str) -> Json:
        """Wait for it in the record, as people do."""
        return until(lambda: s if true(s := self.status()) else None, 30, what)

    def line(self, kind: str, *words: str) -> str:
        """Wait for a line of that kind with these words."""
        said = lambda s: [x["text"] for x in lines(s, kind) if all(word in x["text"] for word in words)]  # noqa: E731
        return str(said(self.until(said, f"{kind} {words}"))[-1])


@pytest.fixture(scope="module")
def operator(token: Json, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator for whom people are a hundred times as quick."""
    folder = tmp_path_factory.mktemp("played")
    with Operator(token, folder, "played", fork_server, policy=SOON, hurry=HURRY) as running:
        yield running


@pytest.fixture
def room(admin: Api, kubectl: Kubectl, operator: Operator) -> Iterator[Room]:
    """A release that fits nowhere over one that serves, and people with the shipped roles."""
    world = World(admin, f"e2e-sev1-played-{uuid.uuid4().hex[:6]}")
    labels = {"e2e": "stanch"}
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.ns, "labels": labels}}).must()
    for person, roles in PEOPLE.items():
        for role in roles:
            bind(admin, world.ns, role, {"kind": "User", "name": person})
    for person, verb, resource in RIGHTS:
        wait_for_right(admin, world.ns, person, verb, resource)
    world.deploy(deployment(pod=good()))
    world.serving()
    world.release(stuck())
    world.observed()
    yield Room(kubectl, world)
    admin.delete("namespaces", None, world.ns, propagationPolicy="Background")


def declared(room: Room) -> None:
    """alice says that it is bad, and nothing else; the room is told that nobody leads, until somebody does."""
    spec = {
        "title": "Checkout returns 500s",
        "severity": "SEV1",
        "service": "checkout",
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "recovery": {"hold": "10m"},
    }
    assert room.by("alice").apply({"apiVersion": OURS, "kind": "Incident", "metadata": {"name": NAME}, "spec": spec}).ok
    assert "nobody leads; commander, operations, communications, scribe are missing" in room.line("RoleMissing")
    assert room.tries("vera", acknowledge={}).code != 0
    for person, role in (("alice", "commander"), ("bob", "operations"), ("dora", "communications")):
        room.says(person, take={"role": role})
    room.line("RoleChanged", "dora is communications")


def helped(room: Room) -> None:
    """It takes another person: who asked has no right to agree, and could not agree to that one."""
    room.says("alice", "Nothing else changed", mitigate={"name": "roll-back", "approvals": 1, **BACK})
    status = room.until(lambda s: stands(s, "roll-back").get("reason") == "ApprovalMissing", "it waits for people")
    agree = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": stands(status, "roll-back")["digest"]}
    assert "may not approve rolloutUndo" in room.tries("alice", approve=agree).err
    room.says("bob", approve=agree)
    assert room.by("vera")("wait", "--for=condition=Mitigated", f"incident/{NAME}", "--timeout=30s").ok


def told(room: Room) -> None:
    """The public hears it from who may publish; a promise is reminded of, missed, and kept again."""
    public = {"audience": "public", "state": "Identified", "nextUpdateIn": "3s"}
    assert "needs verb publish on updates.stanch.dev" in room.tries("alice", SAFE, update=public).err
    entry = room.says("dora", SAFE, update=public)
    room.line("UpdateDue", "public: the next update is due at", "dora, it is yours")
    status = room.until(lambda s: _since(s, entry, "UpdateMissed"), "it is missed")
    due, missed = _since(status, entry, "UpdateDue")[0], _since(status, entry, "UpdateMissed")[0]
    assert due["seq"] < missed["seq"]
    assert "update was promised for" in missed["text"]
    room.says("dora", SAFE, update={**public, "state": "Monitoring", "nextUpdateIn": "20m"})
    room.until(lambda s: _promise(s, "public").get("missed", 0) == 0, "the promise is kept again")


def handed_over(room: Room) -> None:
    """Incomplete, the API server refuses it; mended, carol declines it; offered again, only she can accept it."""
    half = {name: text for name, text in TOLD.items() if name != "tried"}
    assert (
        "spec.handoff.summary.tried"
        in room.tries("alice", handoff={"role": "commander", "to": "carol", "summary": half}).err
    )
    whole = {"role": "commander", "to": "carol", "summary": TOLD}
    first = room.says("alice", "My shift ends", handoff=whole)
    room.line("HandoffOffered", "commander to carol")
    room.says("carol", "In ten minutes", decline={"handoff": first})
    assert "it stays alice's" in room.line("HandoffDeclined")
    second = room.says("alice", handoff=whole)
    room.says("bob", accept={"handoff": second})
    room.line("EntryRefused", "only they can accept it")
    assert room.status()["commander"] == "alice"
    room.says("carol", "I am commander", accept={"handoff": second})
    room.line("RoleChanged", "carol is commander now, from alice")


def relapsed(room: Room) -> None:
    """A pipeline pushes it again: the same incident hurts again, and the second rollback holds."""
    room.world.release(stuck())
    room.line("Relapsed")
    room.says("bob", "Pipeline is off", mitigate={"name": "roll-back-again", **BACK})
    room.until(lambda s: len(lines(s, "Mitigated")) == 2, "it helped again")
    assert room.line("HandoffDue", "bob is operations")


def ended(room: Room) -> None:
    """A downgrade is free; a time is put right and the wrong one stays; an override takes the verb, and says who."""
    room.says("carol", "Nearly all of them get through", severity={"level": "SEV2"})
    room.line("SeverityChanged", "SEV1 to SEV2")
    was = room.status()["times"]["detected"]
    earlier = instant(datetime.fromisoformat(was) - timedelta(minutes=5))
    room.says("alice", "The graph says so", correct={"what": "detected", "time": earlier})
    status = room.until(lambda s: s["times"]["detected"] == earlier, "it is corrected")
    stamp = next(s for s in status["stamps"] if s["what"] == "detected")
    assert (stamp["by"], [b["time"] for b in stamp["before"]]) == ("alice", [was])
    over = {"override": True}
    assert "may not override the criteria" in room.tries("bob", "Enough", resolve=over).err
    room.says("carol", "Seen by hand for an hour", resolve=over)
    assert room.by("vera")("wait", "--for=condition=Resolved", f"incident/{NAME}", "--timeout=30s").ok


def test_a_sev1_with_nothing_but_kubectl(room: Room) -> None:
    """From the first word to the last, and what everybody sees of it in the table and in `describe`."""
    declared(room)
    helped(room)
    told(room)
    table = room.by("vera")("get", "inc").out.splitlines()
    assert table[0].split()[:5] == ["NAME", "SEV", "PHASE", "COMMANDER", "TARGET"]
    assert table[1].split()[:5] == [NAME, "SEV1", "Mitigated", "alice", "checkout"]
    handed_over(room)
    relapsed(room)
    shown = room.by("vera")("describe", "inc", NAME).out
    record = room.status()["record"]
    assert record.startswith("SEV1 · commander carol · Checkout returns 500s · tried: roll-back ")
    for words in (
        record.split(" · ")[1],
        "roll-back-again",
        "Next Update",
        "Handoff Draft",
        "Relapsed",
        "nobody leads",
    ):
        assert words in shown
    ended(room)
    resolved = next(s for s in room.status()["stamps"] if s["what"] == "resolved")
    assert (resolved["by"], resolved["source"]) == ("carol", "Override")


def _promise(status: Json, audience: str) -> Json:
    promises = status.get("communications", {}).get("nextUpdates", [])
    return next((p for p in promises if p["audience"] == audience), {})


def _since(status: Json, entry: str, kind: str) -> list[Json]:
    """Lines about the public that came after an entry."""
    said = next((x["seq"] for x in status["timeline"] if x.get("entry") == entry), None)
    return [x for x in lines(status, kind) if said is not None and x["seq"] > said and x["text"].startswith("public")]
