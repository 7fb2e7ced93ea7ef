"""The same courses, with a person who changes the object at the worst moment, or puts another of its name there."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from e2e.support import oracles
from e2e.support.api import Api, Json
from e2e.support.proxy import FaultProxy
from e2e.support.sweep import THE_UNDO, Plan, wait_for
from e2e.support.world import World, lines, stands

HUMAN, NAMESAKE = "human", "namesake"
KEPT_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


class Undoable(Protocol):
    """What a course must tell of itself to be meddled with."""

    name: str
    plural: str
    obj: str
    human: Json | None

    def world(self, admin: Api, name: str) -> World:
        """Where it happens."""

    def leave(self, world: World) -> None:
        """Take it away."""

    def set_up(self, world: World) -> Any:
        """Before."""

    def targets(self, world: World) -> Sequence[str]:
        """Parts of the paths of what it may change."""

    def declare(self, world: World) -> None:
        """Ask for the action."""


def plans(course: Undoable) -> list[Plan]:
    """Before and after the effect, before the undo is asked for and before it is done."""
    if course.human is None:
        return []
    effect, undo = f"PATCH {course.plural}#1", f"PATCH {course.plural}#2"
    moments = [Plan(effect, "before", HUMAN), Plan(effect, "after", HUMAN), Plan(undo, "before", HUMAN)]
    moments.append(Plan(THE_UNDO, "before", HUMAN))
    # Another object of the same name and content: its uid is all that tells them apart.
    return moments if course.plural == "deployments" else [*moments, Plan(effect, "before", NAMESAKE)]


@dataclass(frozen=True)
class Meddled:
    """A course, and when somebody meddles."""

    course: Undoable
    plan: Plan

    @property
    def name(self) -> str:
        """That of the course."""
        return self.course.name

    @property
    def early(self) -> bool:
        """Before our effect: then there is none."""
        return self.plan.label.endswith("#1") and self.plan.when == "before"

    def world(self, admin: Api, name: str) -> World:
        """As the course."""
        return self.course.world(admin, name)

    def leave(self, world: World) -> None:
        """As the course."""
        self.course.leave(world)

    def set_up(self, world: World) -> Any:
        """As the course."""
        return self.course.set_up(world)

    def meddle(self, world: World) -> None:
        """What the person does."""
        plural, name = self.course.plural, self.course.obj
        if self.plan.do == HUMAN:
            assert self.course.human
            world.admin.merge(plural, world.ns, name, self.course.human).must()
            return
        again = copy.deepcopy(world.target(name, plural))
        for each in KEPT_BY_SERVER:
            again["metadata"].pop(each, None)
        world.admin.delete(plural, world.ns, name)
        world.admin.create(again, world.ns).must()

    def targets(self, world: World) -> Sequence[str]:
        """Those of the course that is meddled with."""
        return self.course.targets(world)

    def play(self, world: World, tick: Callable[[], None]) -> None:
        """Done or not; undo asked for where there is something to undo; until nothing is under way."""
        self.course.declare(world)
        ended = lambda s: stands(s, "act").get("state") in ("Done", "Failed")  # noqa: E731
        wait_for(lambda: ended(world.status()), tick, f"{self.name} has an end")
        if self.early:
            return
        if self.plan.label == THE_UNDO:
            self.meddle(world)
        entry = world.say("undo", {"mitigation": "act"})
        answered = lambda s: told(s, entry) and over(s)  # noqa: E731
        wait_for(lambda: answered(world.status()), tick, "the undo is answered")

    def judge(self, world: World, before: Any, proxy: FaultProxy) -> None:
        """What the person wrote stands; ours was done at most once, and the record says what became of it."""
        status, after = world.status(), world.target(self.course.obj, self.course.plural)
        sent = oracles.effects(proxy, self.course.plural)
        assert len(sent) == (0 if self.early else 1), f"duplicate: {[s.label for s in sent]}"
        if self.plan.do == HUMAN:
            assert holds(after, self.course.human), f"lost: what a person wrote is overwritten: {after}"
        else:
            assert "stanch.dev/action" not in (after["metadata"].get("labels") or {}), "duplicate: the namesake is ours"
        ends = [a["state"] for a in stands(status, "act")["attempts"] if a["state"] in ("Diverged", "Failed")]
        refused = lines(status, "UndoRefused", "EntryRefused")
        assert ends or refused, f"half-recorded: {[(x['kind'], x['text']) for x in status['timeline']]}"
        seqs = [line["seq"] for line in status["timeline"]]
        assert seqs == list(range(1, status["lastSeq"] + 1)), f"half-recorded: {seqs}"


def told(status: Json, entry: str) -> bool:
    """Is the entry on the timeline?"""
    return any(line.get("entry") == entry for line in status["timeline"])


def over(status: Json) -> bool:
    """Is nothing under way or asked for?"""
    record = stands(status, "act")
    open_ones = [a for a in record.get("attempts") or () if not a.get("endedTime")]
    return not open_ones and not record.get("undoAsked")


def holds(obj: Any, wanted: Any) -> bool:
    """Are all these values in there?"""
    if isinstance(wanted, dict):
        return isinstance(obj, dict) and all(holds(obj.get(key), value) for key, value in wanted.items())
    return bool(obj == wanted)
