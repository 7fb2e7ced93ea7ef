"""M1 and M2: from a person's word to the patched Deployment, by the operator and by the replay of its own requests."""

import asyncio
import json
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Final

from bench import replay
from bench.api import Api, BenchError, EffectWatch
from bench.cluster import Operator
from bench.hops import Hop, Note, hops, is_effect, on_the_way
from bench.workload import ALICE, INCIDENT, MACHINE, NAME, Case, forget, freshen, incident, until
from stanch.api.names import API_VERSION, Label, Reason

SETTLE: Final = 1.0
# The API server answers a consistent LIST at once, unless the same kind was listed less than 100 ms ago: then it waits
# for the next progress notice of etcd. What the bench itself lists must not be what is measured.
LISTED_LONG_AGO: Final = 0.3


@dataclass(frozen=True, slots=True)
class Took:
    """One repetition."""

    seconds: float
    said: float
    way: tuple[Note, ...] = ()
    began: float = 0.0
    late: tuple[Note, ...] = ()
    walls: tuple[float, ...] = ()


@dataclass
class Pair(ABC):
    """A way to ask, tried in turn with the operator and without."""

    admin: Api
    sender: Api
    operator: Operator
    recipe: replay.Recipe | None = None
    ours: list[Took] = field(default_factory=list)
    peer: list[Took] = field(default_factory=list)

    @property
    @abstractmethod
    def title(self) -> str:
        """What is measured."""

    @abstractmethod
    async def lead_up(self, case: Case) -> dict[str, Any]:
        """What happens before the clock starts; the Incident as it is then, if there is one."""

    @abstractmethod
    async def ask(self, case: Case, before: dict[str, Any], entry: str) -> dict[str, Any]:
        """The person's one request; the Incident that a replay writes to."""

    async def run_ours(self, case: Case) -> Took:
        """By the operator."""
        before, watch, entry = await self._ready(case)
        began = time.perf_counter()
        made = await self.ask(case, before, entry)
        said = time.perf_counter()
        at, seen = await watch.effect()
        if Label.ACTION not in seen["metadata"].get("labels", {}):
            raise BenchError(f"somebody else changed {case.namespace}/{NAME}")
        await asyncio.sleep(SETTLE)
        notes = await self._notes(began)
        way = on_the_way(notes, began)
        if self.recipe is None:
            names = replay.Names(case, made["metadata"]["uid"], entry)
            self.recipe = replay.record(names, hops([note for note in way if _ours(note)]))
        late = tuple(note for note in notes if "late" in note)
        await forget(self.admin, case)
        return Took(at - began, said - began, tuple(way), began, late)

    async def run_peer(self, case: Case) -> Took:
        """By the replay, with the operator held still; what it leaves behind is gone before the operator goes on."""
        before, watch, entry = await self._ready(case)
        assert self.recipe is not None
        names = replay.Names(case, "", entry)
        steps = replay.rewrite(self.recipe, names)
        self.operator.stop()
        try:
            await asyncio.sleep(0.05)
            began = time.perf_counter()
            made = await self.ask(case, before, entry)
            said = time.perf_counter()
            walls = await replay.play(self.sender, self.recipe, steps, made)
            at, _ = await watch.effect()
            await forget(self.admin, case)
        finally:
            self.operator.go()
        await asyncio.sleep(SETTLE)
        return Took(at - began, said - began, walls=tuple(walls))

    async def _notes(self, began: float) -> list[Note]:
        """What the operator noted of this repetition, once it is written."""

        async def written() -> list[Note] | None:
            notes = self.operator.notes(began)
            return notes if any("url" in note and is_effect(note) for note in notes) else None

        return await until("what the operator sent", written)

    async def _ready(self, case: Case) -> tuple[dict[str, Any], EffectWatch, str]:
        before = await self.lead_up(case)
        await freshen(self.admin, case)
        watch = EffectWatch(self.admin, case.deployments, NAME, case.deployment)
        await watch.opened()
        await asyncio.sleep(LISTED_LONG_AGO)
        return before, watch, f"{INCIDENT}-{uuid.uuid4().hex[:5]}"


def _ours(note: Note) -> bool:
    return bool(note["status"])


class Declare(Pair):
    """M1: a person declares an incident and asks for a rollback."""

    title = "M1 declare to effect"

    async def lead_up(self, case: Case) -> dict[str, Any]:
        """Nothing."""
        return {}

    async def ask(self, case: Case, before: dict[str, Any], entry: str) -> dict[str, Any]:
        """POST an Incident."""
        made: dict[str, Any] = await self.admin.impersonating(ALICE).must("POST", case.incidents, incident())
        return made


class Approve(Pair):
    """M2: a machine asked, a person approves."""

    title = "M2 approve to effect"

    async def lead_up(self, case: Case) -> dict[str, Any]:
        """The machine declares; wait until an approval is all that is missing."""
        await self.admin.impersonating(MACHINE).must("POST", case.incidents, incident())

        async def waiting() -> dict[str, Any] | None:
            seen: dict[str, Any] = await self.admin.must("GET", f"{case.incidents}/{INCIDENT}")
            asked = seen.get("status", {}).get("mitigations") or [{}]
            return seen if asked[0].get("reason") == Reason.APPROVAL_MISSING and asked[0].get("digest") else None

        await until(f"{case.namespace}: waits for an approval", waiting)
        await asyncio.sleep(SETTLE)
        found = await waiting()
        if found is None:
            raise BenchError(f"{case.namespace}: does not wait for an approval any more")
        return found

    async def ask(self, case: Case, before: dict[str, Any], entry: str) -> dict[str, Any]:
        """POST an approving TimelineEntry."""
        approve = {"mitigation": "roll-back", "action": "rolloutUndo"}
        approve["digest"] = before["status"]["mitigations"][0]["digest"]
        body = {
            "apiVersion": API_VERSION,
            "kind": "TimelineEntry",
            "metadata": {"name": entry},
            "spec": {"incident": INCIDENT, "approve": approve},
        }
        await self.admin.impersonating(ALICE).must("POST", case.incidents.replace("incidents", "timelineentries"), body)
        return before


def table(pair: Pair) -> list[dict[str, Any]]:
    """Hop by hop, middle values over the repetitions that took as many hops as most did."""
    runs = [(took, hops(took.way)) for took in pair.ours]
    if not runs:
        return []
    usual = _middle([len(found) for _, found in runs])
    runs = [(took, found) for took, found in runs if len(found) == usual]
    rows = []
    for number in range(int(usual)):
        here = [found[number] for _, found in runs]
        before = [took.began if number == 0 else found[number - 1].ended for took, found in runs]
        gaps = [hop.began - end for hop, end in zip(here, before, strict=True)]
        cpu = [_cpu(found, number) for _, found in runs]
        walls = [took.walls[number] for took in pair.peer if len(took.walls) > number]
        rows.append(
            {
                "hop": number + 1,
                "requests": [(n["method"], n["url"]) for n in here[-1].requests],
                "notes": here[-1].requests,
                "wall": _middle([hop.ended - hop.began for hop in here]),
                "replay": _middle(walls),
                "gap": _middle(gaps),
                "cpu": _middle(cpu),
                "inside": _middle([_cpu_inside(hop) for hop in here]),
            }
        )
    return rows


def _cpu(found: list[Hop], number: int) -> float:
    if number == 0:
        return 0.0
    last = max(found[number - 1].requests, key=lambda note: note["ended"])
    first = min(found[number].requests, key=lambda note: note["began"])
    return float(first["cpu"] - last["cpu_ended"])


def _cpu_inside(hop: Hop) -> float:
    first = min(hop.requests, key=lambda note: note["began"])
    last = max(hop.requests, key=lambda note: note["ended"])
    return float(last["cpu_ended"] - first["cpu"])


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def sizes(way: tuple[Note, ...]) -> int:
    """Bytes that were sent on the way."""
    return len(json.dumps([note["body"] for note in way if note["body"]]))
