"""What people say: each TimelineEntry is taken in once, an invalid one is kept and refused, and none is lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.scenes import Scenes
from e2e.support.world import ROLL_BACK, World, deployment, incident, is_so, lines, new_world, stuck, wish

NOBODY = {"kind": "Deployment", "name": "nobody"}


def talk(world: World) -> None:
    """An incident whose target does not exist: nothing happens but what is said."""
    world.declare(incident(target=NOBODY))


def rolled_back(world: World) -> None:
    """A rollback that is over."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.declare(incident(ROLL_BACK))
    world.condition("Resolved")


def false_alarm(world: World) -> None:
    """Nothing was wrong."""
    world.declare(incident(target=NOBODY))


def hopeless(world: World) -> None:
    """It never recovers by its criteria."""
    world.declare(incident(target=NOBODY))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, talk, rolled_back, false_alarm, hopeless)
    yield made
    made.close()


def told_of(status: Json, entry: str) -> list[str]:
    """Kinds of the timeline lines that stand for this entry."""
    return [line["kind"] for line in status["timeline"] if line.get("entry") == entry]


def told_once(world: World, entry: str) -> str:
    """The one line of an entry that is folded: its kind."""
    world.folded(entry)
    (kind,) = told_of(world.status(), entry)
    return kind


def test_note_acknowledge_take(scenes: Scenes) -> None:
    """A note is a line, an acknowledgement a condition, a hat a role; each once, by who said it."""
    world = scenes[talk]
    assert told_once(world, world.say("note", {"kind": "Observation"}, text="disk is full")) == "Note"
    assert told_once(world, world.say("acknowledge", by=world.bob)) == "Acknowledged"
    assert told_once(world, world.say("take", {"role": "commander"}, by=world.bob)) == "RoleChanged"
    status = world.status()
    assert status["commander"] == "bob"
    assert is_so(status, "Acknowledged")
    assert [line["by"] for line in lines(status, "Note")] == ["alice"]


def test_mitigate_and_deny(scenes: Scenes) -> None:
    """A wish by entry is asked by its author; a denied one is over, and its name taken."""
    world = scenes[talk]
    asked = world.say("mitigate", wish("grow", "scale", args={"replicas": 2}, target=NOBODY))
    world.folded(asked)
    assert world.mitigation("grow")["requestedBy"] == "alice"
    assert world.mitigation("grow")["source"] == f"Entry/{asked}"
    assert (
        told_once(world, world.say("deny", {"mitigation": "grow", "action": "scale"}, by=world.bob))
        == "MitigationDenied"
    )
    assert world.mitigation("grow")["state"] == "Denied"
    again = world.say("mitigate", wish("grow", "scale", args={"replicas": 3}, target=NOBODY))
    assert told_once(world, again) == "EntryRefused"


INVALID: dict[str, tuple[str, Json, str]] = {
    "an approval of nothing": ("approve", {"mitigation": "x", "action": "scale", "digest": f"sha256:{'0' * 16}"}, "x"),
    "a denial of nothing": ("deny", {"mitigation": "x", "action": "scale"}, "x"),
    "an undo of nothing": ("undo", {"mitigation": "x"}, "x"),
    "a reopening of what is open": ("reopen", {}, "not resolved"),
}


@pytest.mark.parametrize("case", INVALID)
def test_what_changes_nothing_is_kept_and_refused(scenes: Scenes, case: str) -> None:
    """The entry stays, carries our mark, and the timeline says why it changed nothing."""
    world = scenes[talk]
    member, value, words = INVALID[case]
    entry = world.say(member, value, by=world.bob)
    assert told_once(world, entry) == "EntryRefused"
    (line,) = [line for line in world.status()["timeline"] if line.get("entry") == entry]
    assert line["text"].startswith("Refused: ")
    assert words in line["text"]


def test_resolve_waits_for_the_criteria(scenes: Scenes) -> None:
    """Saying that it is over does not make it so; an override by the commander does, and is on the record."""
    world = scenes[hopeless]
    told_once(world, world.say("resolve"))
    assert not is_so(world.status(), "Resolved")
    assert "command" in world.try_to_say("resolve", {"override": True}, text="customers say so").message
    world.say("resolve", {"override": True}, by=world.bob, text="customers say so")
    world.condition("Resolved", reason="Override")
    assert "bob" in world.status()["override"]


def test_undo_and_reopen(scenes: Scenes) -> None:
    """After it is resolved: reopened by a person, and the rollback taken back because somebody asks."""
    world = scenes[rolled_back]
    assert told_once(world, world.say("reopen")) == "Reopened"
    assert not is_so(world.status(), "Resolved") or lines(world.status(), "Resolved")[1:]
    asked = world.say("undo", {"mitigation": "roll-back"})
    world.folded(asked)
    until(lambda: "nodeSelector" in world.target()["spec"]["template"]["spec"], 30, "the template is back")
    world.wait(lambda s: len(lines(s, "MitigationUndone")) == 1, "undone")


def test_cancel(scenes: Scenes) -> None:
    """Who declared it may say that it was none: then it is closed, and takes nothing more."""
    world = scenes[false_alarm]
    assert told_once(world, world.say("cancel", {"because": "FalseAlarm"})) == "Cancelled"
    until(lambda: "stanch.dev/closed" in world.inc()["metadata"].get("labels", {}), 15, "closed")
    assert world.status()["phase"] in ("Cancelled", "Closed")


def test_said_while_nobody_listens(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path, operator: Operator
) -> None:
    """Entries written while the operator is down are taken in when it is back, in order, each once."""
    operator.kill()
    world = new_world(admin, "silence")
    try:
        world.declare(incident(target=NOBODY))
        said = [world.say("note", text=f"note {i}") for i in range(5)]
        operator.start()
        for entry in said:
            world.folded(entry)
        told = [line["text"] for line in lines(world.status(), "Note")]
        assert [t.rpartition(" ")[2] for t in told] == ["0", "1", "2", "3", "4"]
    finally:
        if not operator.alive():
            operator.start()
        admin.delete("namespaces", None, world.ns)


def test_a_mark_that_was_lost_is_made_again(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path, operator: Operator
) -> None:
    """Killed between the status and the mark: the entry is told once, and marked by the next operator."""
    operator.stop()
    world = new_world(admin, "mark")
    try:
        with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
            mine = Operator(proxy.kubeconfig(token), tmp_path, "op", fork_server)
            proxy.faults = [Fault("PATCH timelineentries#1", "before", "kill", mine.kill)]
            mine.start()
            world.declare(incident(target=NOBODY))
            entry = world.say("note")
            until(lambda: proxy.faults[0].fired and not mine.alive(), 30, "killed")
            with mine:
                world.folded(entry, 15)
        assert Counter(told_of(world.status(), entry)) == {"Note": 1}
    finally:
        operator.start()
        admin.delete("namespaces", None, world.ns)
