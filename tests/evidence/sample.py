"""Words to build evidence worlds: recorded ones from a real cluster, and small ones made up."""

import base64
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stanch.api.evidence import Purpose
from stanch.api.meta import Severity, TargetKind
from stanch.core import asking
from stanch.core.observations import Answer, Found, NotFound, Observations
from stanch.core.ports import Aim
from stanch.core.questions import Get, List, Logs, Question
from stanch.evidence.bundle import Bundle, Capture
from stanch.evidence.gather import questions

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 21, 11, 28, tzinfo=UTC)
KEY = b"k" * 32
SHOP = Aim(TargetKind.DEPLOYMENT, "checkout", "shop")

Obj = dict[str, Any]


def what(question: Question) -> str:
    """A short word for a question, as the recorded worlds name their answers."""
    match question:
        case Get():
            return "leases" if question.ref.plural == "leases" else "target"
        case List():
            return question.ref.plural
        case Logs():
            return f"{question.pod}/{question.container}/{'previous' if question.previous else 'current'}"
    raise AssertionError(question)


def observe(aim: Aim, answers: dict[str, Answer], severity: Severity = Severity.SEV1) -> Observations:
    """Ask until nothing is left to ask; what has no answer here stays unanswered."""
    seen = Observations()
    while True:
        found = {each: answers[what(each)] for each in questions(aim, seen, severity) if what(each) in answers}
        if not found:
            return seen
        seen = seen.with_answers(found)


def recorded(kind: str) -> tuple[Aim, Observations]:
    """What a real cluster answered about a Deployment, StatefulSet, DaemonSet or Node."""
    world = json.loads((HERE / "fixtures" / f"{kind.lower()}.json").read_text())
    aim = Aim(TargetKind(world["kind"]), world["name"], world["namespace"])
    return aim, observe(
        aim, {"leases": NotFound(), **{each["what"]: Found(each["value"]) for each in world["answers"]}}
    )


def pod(name: str, *, ready: bool = True, template: str = "new", node: str = "n1", **status: Any) -> Obj:
    """A pod with one container ``app``, running unless its container status says otherwise."""
    state = {"name": "app", "restartCount": 0, "ready": ready, "state": {"running": {}}, **status}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "labels": {"pod-template-hash": template},
        },
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "app:1"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "ContainersNotReady"}],
            "containerStatuses": [state],
        },
    }


def crash(name: str, code: int = 1, at: str = "2026-11-21T11:20:00Z", **more: Any) -> Obj:
    """A pod in CrashLoopBackOff."""
    ended = {"exitCode": code, "reason": "OOMKilled" if code == 137 else "Error", "finishedAt": at}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    return pod(name, ready=False, **{"restartCount": 3, "state": waiting, "lastState": {"terminated": ended}, **more})


def deployment(**spec: Any) -> Obj:
    """A Deployment ``shop/checkout``."""
    metadata = {"name": "checkout", "namespace": "shop", "uid": "uid-checkout"}
    selector = {"matchLabels": {"app": "checkout"}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"selector": selector, **spec}}


def listed(*objects: Obj) -> Found:
    """A list answer."""
    return Found({"items": list(objects)})


def world(*pods: Obj, log: str = "started\n", **answers: Answer) -> Observations:
    """All that can be asked about ``shop/checkout``, answered; ``answers`` replace some of it, by ``what``."""
    usual: dict[str, Answer] = {"target": Found(deployment()), "pods": listed(*pods)}
    for plural in ("replicasets", "events", "services", "endpointslices"):
        usual[plural] = listed()
    usual |= {"horizontalpodautoscalers": listed(), "poddisruptionbudgets": listed()}
    for each in pods:
        for age in ("previous", "current"):
            usual[f"{each['metadata']['name']}/app/{age}"] = Found({"text": log, "dropped": 0})
    return observe(SHOP, usual | answers)


def capture(seen: Observations, *aims: Aim, **more: Any) -> Capture:
    """A capture before a mitigation."""
    usual: dict[str, Any] = {
        "severity": Severity.SEV1,
        "purpose": Purpose.BEFORE,
        "name": "checkout-5xx-roll-back-1-a",
        "namespace": "shop",
        "incident": "checkout-5xx",
        "incident_uid": "3f0c",
        "captured_time": NOW,
        "key": KEY,
        "mitigation": "roll-back",
        "attempt": "4be1c0ffee12ab34",
        "deadline": timedelta(seconds=5),
    }
    return Capture(aims=aims or (SHOP,), seen=seen, **{**usual, **more})


def files(made: Bundle) -> dict[str, bytes]:
    """The files of a bundle, read back with the standard library."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(made.body["spec"]["data"]))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive.getmembers()}


def without(seen: Observations, aim: Aim = SHOP) -> Observations:
    """The same world with its target gone."""
    return seen.with_answers({asking.target_of(aim): NotFound()})
