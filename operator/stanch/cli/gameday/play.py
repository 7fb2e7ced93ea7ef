"""
A game day as it is played: with the rights of who plays it, and none of the operator's.

The undo is stored in a ConfigMap before anything is broken, so that whoever comes after a crash of this process can take it back;
Ctrl-C, an error and a lost connection take it back here.
"""

import asyncio
import json
import signal
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api import duration
from stanch.api.meta import instant
from stanch.api.names import API_VERSION
from stanch.api.policy import DEFAULT
from stanch.cli.cluster import DIFFERS, DONE, NOT_READABLE, NOT_THERE, USAGE, Trouble, with_cluster
from stanch.cli.terminal import complain, say
from stanch.core.gameday import (
    MARK,
    CannotInject,
    Fault,
    Injection,
    Patch,
    Seen,
    allowed,
    injection,
    score,
    serves,
    stands,
)
from stanch.core.questions import CONFIG_MAPS, DEPLOYMENTS, INCIDENTS, Ref
from stanch.shell.client import JSON_PATCH, MERGE_PATCH, Kube, Unanswered

NAMESPACES: Final = Ref("", "v1", "namespaces")
EVERY_SECONDS: Final = 1.0
LABEL: Final = "stanch-gameday"
UNDO_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Day:
    """One game day: where, what, and under which name its undo is written down."""

    kube: Kube
    namespace: str
    target: str
    name: str
    injected: Injection


def play(kubeconfig: str | None, namespace: str, target: str, fault: str, declare: bool, within: int) -> int:
    """Exit code: 0 all four were done well, 1 not all of them, 2 refused, 4 not readable."""

    async def work(kube: Kube) -> int:
        day = await _prepared(kube, namespace, target, Fault(fault))
        injected = kube.clock.now()
        task = asyncio.current_task()
        assert task is not None
        _on_signal(task.cancel)
        seen: Seen | None = None
        try:
            await _inject(day)
            injected = kube.clock.now()
            if declare:
                await _declare(day)
            seen = await _watched(day, injected, within)
        except asyncio.CancelledError:
            complain("stopped; the fault is taken back")
        finally:
            # Whoever is impatient now would leave the fault where it is.
            _on_signal(lambda: complain("the fault is being taken back; a moment"))
            by_us = await _taken_back(day)
        if seen is None:
            return DIFFERS
        served = seen.served or await _served(day, 60)
        return _told(Seen(seen.injected, seen.incident, served, by_us))

    return with_cluster(kubeconfig, work)


def _on_signal(call: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, call)


async def _prepared(kube: Kube, namespace: str, target: str, fault: Fault) -> Day:
    """Everything that may refuse, and then the undo; nothing is broken yet."""
    try:
        allowed(await _read(kube, NAMESPACES, None, namespace), DEFAULT.protected_namespaces)
        obj = await _read(kube, DEPLOYMENTS, namespace, target)
        if await _left_over(kube, namespace):
            raise CannotInject(f"a fault is there already; take it back first: stanch gameday undo -n {namespace}")
        injected = injection(fault, obj)
    except CannotInject as error:
        raise Trouble(str(error), USAGE) from error
    day = Day(kube, namespace, target, f"{LABEL}-{uuid.uuid4().hex[:8]}", injected)
    meta = {"name": day.name, "labels": {"app.kubernetes.io/managed-by": LABEL}}
    data = {"deployment": target, "undo": json.dumps(injected.undo), "what": injected.words}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    reply = await kube.create(CONFIG_MAPS.path(namespace), body)
    if not reply.ok:
        raise Trouble(f"the undo can't be written down, so nothing is broken: {reply.message}", NOT_READABLE)
    line = f"kubectl -n {namespace} patch deployment {target} --type=json -p '{json.dumps(injected.undo)}'"
    say(f"Undo written down in ConfigMap {day.name}; by hand: {line}")
    return day


async def _read(kube: Kube, ref: Ref, namespace: str | None, name: str) -> dict[str, Any]:
    reply = await kube.get(ref.path(namespace, name))
    if reply.ok:
        return reply.body
    if reply.busy:
        raise Unanswered(f"{ref.plural} {name}: {reply.message}")
    raise Trouble(f"{ref.plural} {name}: {reply.message}", NOT_THERE if reply.status == 404 else NOT_READABLE)


async def _inject(day: Day) -> None:
    path = DEPLOYMENTS.path(day.namespace, day.target)
    reply = await day.kube.patch(path, json.dumps(day.injected.patch), JSON_PATCH)
    if not reply.ok:
        raise Trouble(f"nothing was broken: {reply.message}", NOT_READABLE)
    say(f"Injected: {day.injected.words}")


async def _declare(day: Day) -> None:
    """As somebody on call would who has only kubectl: the incident, and the rollback that is asked for most."""
    target = {"kind": "Deployment", "name": day.target}
    spec = {
        "title": f"Game day: {day.target} does not serve",
        "severity": "SEV3",
        "detectedBy": "Person",
        "targets": [target],
        "mitigations": [{"name": "roll-back", "rolloutUndo": {}}],
        "recovery": {"hold": "5s"},
    }
    meta = {"name": day.name, "annotations": {MARK: day.name}}
    body = {"apiVersion": API_VERSION, "kind": "Incident", "metadata": meta, "spec": spec}
    reply = await day.kube.create(INCIDENTS.path(day.namespace), body)
    if not reply.ok:
        raise Trouble(f"no incident could be declared: {reply.message}", NOT_READABLE)
    say(f"Declared: incident {day.name}")


async def _watched(day: Day, injected: datetime, within: int) -> Seen:
    """Until the incident is resolved, or nobody did so in time."""
    incident: dict[str, Any] | None = None
    served: datetime | None = None
    broke = False
    end = injected + timedelta(seconds=within)
    while (now := day.kube.clock.now()) < end:
        try:
            incident = await _incident(day, injected, incident) or incident
            target = await _read(day.kube, DEPLOYMENTS, day.namespace, day.target)
        except Unanswered:
            await asyncio.sleep(EVERY_SECONDS)
            continue
        gone = not stands(day.injected.undo, target)
        broke = broke or not serves(target)
        if served is None and broke and gone and serves(target):
            served = now
        times = ((incident or {}).get("status") or {}).get("times") or {}
        if served is not None and times.get("resolved"):
            break
        await asyncio.sleep(EVERY_SECONDS)
    return Seen(injected, incident, served, by_us=False)


async def _incident(day: Day, injected: datetime, known: dict[str, Any] | None) -> dict[str, Any] | None:
    """The first incident about the target since the fault; marked, so that no review counts it."""
    if known is not None:
        return await _read(day.kube, INCIDENTS, day.namespace, known["metadata"]["name"])
    reply = await day.kube.get(INCIDENTS.path(day.namespace))
    for body in reply.body.get("items") or () if reply.ok else ():
        meta, spec = body["metadata"], body["spec"]
        about = any((t.get("kind"), t.get("name")) == ("Deployment", day.target) for t in spec.get("targets") or ())
        # A second less: its time is in whole seconds.
        fresh = datetime.fromisoformat(meta["creationTimestamp"]) >= injected - timedelta(seconds=1)
        if about and fresh and not spec.get("drill"):
            if MARK not in (meta.get("annotations") or {}):
                await _mark(day, str(meta["name"]))
            say(f"Detected: incident {meta['name']}, {instant(datetime.fromisoformat(meta['creationTimestamp']))}")
            return dict(body)
    return None


async def _mark(day: Day, incident: str) -> None:
    change = json.dumps({"metadata": {"annotations": {MARK: day.name}}})
    reply = await day.kube.patch(INCIDENTS.path(day.namespace, incident), change, MERGE_PATCH)
    if reply.busy:
        raise Unanswered(reply.message)
    if not reply.ok:
        line = f"kubectl -n {day.namespace} annotate incident {incident} {MARK}={day.name}"
        complain(f"incident {incident} can't be marked, so a review counts it: {reply.message}\n  {line}")


async def _served(day: Day, seconds: int) -> datetime | None:
    """When it serves again after the fault was taken back; None when it does not."""
    for _ in range(seconds):
        with suppress(Unanswered):
            if serves(await _read(day.kube, DEPLOYMENTS, day.namespace, day.target)):
                return day.kube.clock.now()
        await asyncio.sleep(EVERY_SECONDS)
    return None


# --- taking it back --------------------------------------------------------------------------------------------------


async def _taken_back(day: Day) -> bool:
    """True when the fault was still there, and was taken back here; the ConfigMap goes only once it is gone."""
    by_us = await _undo(day.kube, day.namespace, day.target, day.injected.undo)
    await _forget(day.kube, day.namespace, day.name)
    say(f"Taken back: {day.injected.words}" if by_us else "The fault was gone already")
    return by_us


async def _undo(kube: Kube, namespace: str, target: str, undo: Patch) -> bool:
    """Was there something to take back? Raises Trouble when it is there and can't be."""
    why = ""
    for _ in range(UNDO_TRIES):
        try:
            reply = await kube.get(DEPLOYMENTS.path(namespace, target))
            if reply.status == 404 or (reply.ok and not stands(undo, reply.body)):
                return False
            if reply.ok:
                reply = await kube.patch(DEPLOYMENTS.path(namespace, target), json.dumps(undo), JSON_PATCH)
                if reply.ok:
                    return True
            why = reply.message
        except Unanswered as error:
            why = str(error)
        await asyncio.sleep(EVERY_SECONDS)
    raise Trouble(f"THE FAULT IS STILL THERE: {why}\n  stanch gameday undo -n {namespace}", NOT_READABLE)


async def _left_over(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    params = {"labelSelector": f"app.kubernetes.io/managed-by={LABEL}"}
    reply = await kube.get(CONFIG_MAPS.path(namespace), params)
    if not reply.ok:
        raise Trouble(f"configmaps can't be read: {reply.message}", NOT_READABLE)
    return list(reply.body.get("items") or ())


async def _forget(kube: Kube, namespace: str, name: str) -> None:
    reply = await kube.get(CONFIG_MAPS.path(namespace, name))
    if reply.ok:
        await kube.delete(CONFIG_MAPS.path(namespace, name), reply.body["metadata"]["uid"])


def undo_all(kubeconfig: str | None, namespace: str) -> int:
    """Exit code: 0 nothing of a game day is there any more."""

    async def work(kube: Kube) -> int:
        found = await _left_over(kube, namespace)
        for each in found:
            data = each.get("data") or {}
            by_us = await _undo(kube, namespace, str(data["deployment"]), json.loads(data["undo"]))
            await _forget(kube, namespace, each["metadata"]["name"])
            say(f"{'Taken back' if by_us else 'Gone already'}: {data.get('what')}")
        if not found:
            say(f"No fault of a game day is left in namespace {namespace}")
        return DONE

    return with_cluster(kubeconfig, work)


def _told(seen: Seen) -> int:
    marks = score(seen)
    for mark in marks:
        took = f"after {duration.write(mark.took)}" if mark.took is not None else "not"
        say(f"  {'ok' if mark.well else 'NO'}  {mark.name:10} {took:12} {mark.text}")
    well = sum(mark.well for mark in marks)
    say(f"{well} of {len(marks)}")
    return DONE if well == len(marks) else DIFFERS
