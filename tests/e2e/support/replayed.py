"""
A fault of the catalogue on a real cluster: real pods break, an alert tells it, a Runbook plans as it ships, people agree; and what
came of it, to be compared with what the catalogue says.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from alerts import alert, payload
from e2e.support.alerting import post, sender, the_one
from e2e.support.api import KINDS, MERGE, Json, until
from e2e.support.drills import RUNBOOKS, shipped
from e2e.support.world import BAD, HOLD, Agreement, World, deployment, good, incident, is_so, lines, story
from replays import Replay, first_of
from stanch.core.pod_health import containers, ended, is_ready, waits_for

BY_HAND: Final = "by-hand"
# Runbooks of a team: the others are for namespaces of their own.
OF_A_TEAM: Final = tuple(
    path.parent.name
    for path in sorted(RUNBOOKS.glob("*/runbook.yaml"))
    if "namespace" not in path.read_text(encoding="utf-8").split("spec:")[0]
)
_TOLD: Final = {"severity": "critical"}


@dataclass(frozen=True)
class Came:
    """
    What came of it: what was suggested first to who declared it by hand, which Runbook the alert found, which of its
    preconditions was not met, and what was done. ``seconds`` from the fault to the end.
    """

    first: str | None
    runbook: str | None
    unmet: str | None
    does: str | None
    seconds: float


class Play:
    """One fault, to be played in a namespace of its own: a setting of Scenes. ``came`` is there once it was played."""

    def __init__(self, replay: Replay, url: str) -> None:
        """``url`` is where alerts are taken."""
        self.replay, self.url = replay, url
        self.__name__ = replay.name
        self.came: Came | None = None

    def __call__(self, world: World) -> None:
        """From a workload that serves to the end of both incidents: who declared it by hand, and what the alert made."""
        stage = Stage(world, self.replay, self.url)
        stage.build()
        began = time.monotonic()
        stage.break_it()
        first = stage.advice()
        stage.nothing_was_done()
        stage.people_mend()
        stage.agree()
        stage.over()
        if self.replay.does is None:
            stage.nothing_was_done()
        self.came = stage.came(first, time.monotonic() - began)


@dataclass
class Stage:
    """The namespace in which one fault is played, and what was made there."""

    world: World
    replay: Replay
    url: str
    token: str = ""
    made: str = ""
    labels: Mapping[str, str] | None = None

    # --- before it, and it -------------------------------------------------------------------------------------------

    def build(self) -> None:
        """The workload as the catalogue has it, what is around it, all Runbooks of a team, and somebody who sends alerts."""
        world, replay = self.world, self.replay
        for obj in replay.before:
            world.admin.create(obj, self._where(obj["kind"])).must()
        pod = dict(replay.pod) if replay.pod else good()
        world.deploy(deployment(pod=good(BAD) if replay.history else pod, replicas=2))
        for name in OF_A_TEAM:
            world.deploy(shipped(name))
        self.token = sender(world)
        world.serving()
        if replay.history:
            world.release(pod)
            world.serving()
        until(self._ready, 60, f"all Runbooks of {world.ns} are Ready")

    def _ready(self) -> bool:
        """Has the operator found each Runbook to be one that can be used?"""
        found = self.world.admin.list("runbooks", self.world.ns)
        return all(is_so(each.get("status", {}), "Ready") for each in found)

    def break_it(self) -> None:
        """Do what the catalogue says, wait until it shows; then the alert is told, and somebody declares it by hand."""
        for step in self.replay.fault:
            self._do(step)
        until(self._shows, 90, f"{self.replay} shows itself in {self.world.ns}")
        self._tell()
        recovery: Json = {"hold": HOLD}
        if self.replay.criteria:
            pods: Json = {"name": "pods", "available": {}, "gates": "Mitigated"}
            recovery["criteria"] = [pods, *self.replay.criteria]
        self.world.declare(incident(name=BY_HAND, recovery=recovery))

    def _where(self, kind: str) -> str | None:
        return None if kind == "Node" else self.world.ns

    def _do(self, step: Json) -> None:
        admin = self.world.admin
        if step.get("deletePods"):
            for pod in self._pods():
                admin.delete("pods", self.world.ns, pod["metadata"]["name"])
            return
        meant = step.get("patch") or step["status"]
        path = admin.path(KINDS[meant["kind"]], self._where(meant["kind"]), meant["name"])
        admin.request("PATCH", path if "patch" in step else f"{path}/status", step["with"], MERGE).must()

    def _pods(self) -> list[Json]:
        pods = self.world.admin.list("pods", self.world.ns, labelSelector="app=checkout")
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    def _shows(self) -> bool:
        pods = self._pods()
        return all(SHOWS[what](pods, value) for what, value in self.replay.shows.items())

    def _tell(self, over: bool = False) -> None:
        """The alert, firing or over, as Alertmanager would."""
        if self.replay.alert is None:
            return
        world = self.world
        if self.labels is None:
            pod = next((p["metadata"]["name"] for p in self._pods()), "")
            told = {name: value.replace("$(pod)", pod) for name, value in self.replay.alert.items()}
            self.labels = {**_TOLD, **told, "namespace": world.ns}
        made = world.admin.get("namespaces", None, world.ns)["metadata"]["creationTimestamp"]
        start = datetime.fromisoformat(made)
        group = f'{{}}:{{alertname="{self.labels["alertname"]}", namespace="{world.ns}"}}'
        body = payload(alert(start=start, end=start if over else None, **self.labels), group=group)
        code, said = post(self.url, body, self.token)
        assert (202, world.ns) == (code, said.get("namespace")), said
        # What took a moment was kept, and is in its incident soon.
        kept = said["message"].startswith("kept")
        self.made = the_one(world)["metadata"]["name"] if kept else said["incident"]

    # --- what comes of it --------------------------------------------------------------------------------------------

    def advice(self) -> str | None:
        """What is suggested first to who declared it by hand; where nothing is right, once the evidence is there."""
        world, replay = self.world, self.replay
        world.condition("EvidenceCaptured", BY_HAND, 90)
        if replay.first is None:
            return None
        seen = world.wait(lambda s: first_of(_said(s)) == replay.first, f"{replay.first} is suggested", BY_HAND, 120)
        assert not set(replay.never) & set(_said(seen)), story(seen)
        return first_of(_said(seen))

    def nothing_was_done(self) -> None:
        """Nobody has agreed to anything: nothing is tried, and nothing here has stanch among its writers."""
        for each in self._incidents():
            tried = [m["name"] for m in each["status"].get("mitigations", []) if m.get("attempts")]
            assert [] == tried, story(each["status"])
        assert [] == [name for name, obj in self._objects() if "stanch" in _writers(obj)]

    def _incidents(self) -> list[Json]:
        return [each for each in self.world.admin.list("incidents", self.world.ns) if "status" in each]

    def _objects(self) -> Iterable[tuple[str, Json]]:
        kinds = ("Deployment", "Service", "ConfigMap", "HorizontalPodAutoscaler")
        for kind in kinds:
            for obj in self.world.admin.list(KINDS[kind], self.world.ns):
                yield f"{kind} {obj['metadata']['name']}", obj
        for pod in self._pods():
            yield f"Pod {pod['metadata']['name']}", pod
        for obj in self.replay.before:
            if obj["kind"] == "Node":
                yield "Node", self.world.admin.get("nodes", None, obj["metadata"]["name"])

    def people_mend(self) -> None:
        """What nobody can do through stanch; until then it is not over."""
        if not self.replay.mended:
            return
        if self.replay.criteria:
            assert not is_so(self.world.status(BY_HAND), "Mitigated")
        for step in self.replay.mended:
            self._do(step)

    def agree(self) -> None:
        """Another person agrees to what the Runbook planned, where that is right; and it is done, once."""
        if self.replay.does is None:
            return
        world, agreed = self.world, Agreement(self.world, self.world.bob, self.made)

        def done() -> Json | None:
            record = next((m for m in world.status(self.made).get("mitigations", []) if self._meant(m)), None)
            record = record and agreed(record["name"])
            assert not record or record.get("state") not in ("Refused", "Failed", "Skipped"), record
            return record if record and record.get("state") == "Done" else None

        try:
            until(done, 120, f"{self.replay.does} is done in {world.ns}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {story(world.status(self.made))}") from None

    def _meant(self, record: Json) -> bool:
        return record["action"] == self.replay.does and record["source"] == f"Runbook/{self.replay.runbook}"

    def over(self) -> None:
        """It serves, Prometheus says so, and what only people can see they confirm: both incidents end."""
        world = self.world
        world.serving()
        self._tell(over=True)
        self._confirm(BY_HAND)
        world.condition("Resolved", BY_HAND, 120)
        if not self.made:
            return
        status = world.wait(lambda s: s.get("alerts", {}).get("firing") == 0, "the alert is over", self.made)
        if self._unmet(status):
            return  # Its plan was never made, so it holds for as long as the policy says.
        self._confirm(self.made)
        world.condition("Resolved", self.made, 120)

    def _confirm(self, name: str) -> None:
        """alice has looked whether users are served, where that is asked."""
        for each in self.world.status(name).get("recovery", {}).get("criteria", []):
            if each["check"] == "manual":
                self.world.say("confirm", {"criterion": each["name"]}, about=name)

    # --- to be compared ----------------------------------------------------------------------------------------------

    def came(self, first: str | None, seconds: float) -> Came:
        """Facts, read at the end."""
        by_hand = self.world.status(BY_HAND)
        told = lines(by_hand, "MitigationSuggested")
        if first is None and told:
            first = told[0]["text"].partition(" ")[0]
        done = {r["action"] for each in self._incidents() for r in each["status"].get("mitigations", []) if _acted(r)}
        assert len(done) <= 1, done
        if not self.made:
            return Came(first, None, None, next(iter(done), None), seconds)
        chosen = self.world.inc(self.made)
        found = chosen["spec"].get("runbook", {}).get("name")
        return Came(first, found, self._unmet(chosen["status"]), next(iter(done), None), seconds)

    def _unmet(self, status: Json) -> str | None:
        """The first precondition that keeps the plan away; None when there is a plan."""
        looked = status.get("runbook", {})
        if looked.get("digest"):
            return None
        return next((p["name"] for p in looked.get("preconditions", []) if not p.get("met")), None)


def _said(status: Json) -> list[str]:
    return [each["action"] for each in status.get("suggestions", [])]


def _writers(obj: Json) -> set[str]:
    return {each.get("manager") for each in obj["metadata"].get("managedFields", [])}


def _acted(record: Json) -> bool:
    return bool(record.get("attempts"))


def _waits(pods: list[Json], reason: str) -> bool:
    return any(waits_for(c) == reason for pod in pods for c in containers(pod))


def _killed(pods: list[Json], reason: str) -> bool:
    return any(ended(c).get("reason") == reason for pod in pods for c in containers(pod))


def _unschedulable(pods: list[Json], _: bool) -> bool:
    conditions = [c for pod in pods for c in pod.get("status", {}).get("conditions", [])]
    return any(c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable" for c in conditions)


def _not_ready(pods: list[Json], _: Any) -> bool:
    return any(not is_ready(pod) for pod in pods)


def _so_many(pods: list[Json], count: int) -> bool:
    return len(pods) == count


# How long a pod was never Ready is waited for with the advice, which comes of it.
SHOWS: Final[Mapping[str, Callable[[list[Json], Any], bool]]] = {
    "waiting": _waits,
    "terminated": _killed,
    "unschedulable": _unschedulable,
    "notReady": _not_ready,
    "neverReadyFor": _not_ready,
    "pods": _so_many,
}


def row(replay: Replay, came: Came) -> str:
    """A line of the table in docs/replayed.md."""
    told = f"`{replay.alert['alertname']}`" if replay.alert else "a person declares it"
    found = f"`{came.runbook}`" if came.runbook else "none"
    why = f"; not planned: `{came.unmet}`" if came.unmet else ""
    acts = f"`{came.does}`, recovered" if came.does else "nothing, over by itself or by people"
    return f"| {replay.name} | {told} | {came.first or 'none'} | {found}{why} | {acts} | {came.seconds:.0f} s |"
