"""One line for each pod, in the words of `kubectl get pods -o wide` (printPod of Kubernetes 1.36)."""

from dataclasses import dataclass
from typing import Any

from stanch.evidence.dig import at, dicts, mapping, name_of, number, text
from stanch.evidence.states import condition, is_ready

HEADER = ("NAME", "READY", "STATUS", "RESTARTS", "NODE", "TEMPLATE-HASH", "READY-SINCE")
_HASH_LABELS = ("pod-template-hash", "controller-revision-hash")


@dataclass(slots=True)
class _Tally:
    word: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    last_restart: str = ""

    def add(self, status: dict[str, Any]) -> None:
        self.restarts += number(status, "restartCount")
        self.last_restart = max(self.last_restart, text(status, "lastState", "terminated", "finishedAt"))


def row(pod: dict[str, Any]) -> str:
    """One line; absolute times in place of ages."""
    return "  ".join(cells(pod))


def cells(pod: dict[str, Any]) -> tuple[str, ...]:
    """The columns of HEADER."""
    tally = _tally(pod)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts += f" ({tally.last_restart})"
    since = text(condition(pod, "Ready"), "lastTransitionTime") if is_ready(pod) else ""
    return (
        name_of(pod) or "-",
        f"{tally.ready}/{tally.total}",
        tally.word or "-",
        restarts,
        text(pod, "spec", "nodeName") or "<none>",
        template_hash(pod) or "-",
        since or "-",
    )


def template_hash(pod: dict[str, Any]) -> str:
    """Which template the pod was made from."""
    labels = mapping(pod, "metadata", "labels")
    return next((text(labels, key) for key in _HASH_LABELS if key in labels), "")


def status_word(pod: dict[str, Any]) -> str:
    """The STATUS column: CrashLoopBackOff, Init:0/1, Completed, Terminating, …"""
    return _tally(pod).word


def _tally(pod: dict[str, Any]) -> _Tally:
    tally = _Tally(word=text(pod, "status", "reason") or text(pod, "status", "phase"))
    if condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        tally.word = "SchedulingGated"
    specs = {text(each, "name"): each for each in dicts(pod, "spec", "initContainers")}
    sidecars = {name for name, each in specs.items() if each.get("restartPolicy") == "Always"}
    tally.total = len(dicts(pod, "spec", "containers")) + len(sidecars)
    of_sidecars = _Tally(word="")
    initializing = _init(pod, sidecars, tally, of_sidecars)
    if not initializing or condition(pod, "Initialized").get("status") == "True":
        tally.restarts, tally.last_restart = of_sidecars.restarts, of_sidecars.last_restart
        _main(pod, tally)
    _deleted(pod, tally)
    return tally


def _init(pod: dict[str, Any], sidecars: set[str], tally: _Tally, of_sidecars: _Tally) -> bool:
    """Go through init containers until one holds the pod up; true when one does."""
    count = len(dicts(pod, "spec", "initContainers"))
    for index, status in enumerate(dicts(pod, "status", "initContainerStatuses")):
        sidecar = text(status, "name") in sidecars
        tally.add(status)
        if sidecar:
            of_sidecars.add(status)
        ended = at(status, "state", "terminated")
        if ended is not None and number(ended, "exitCode") == 0:
            continue
        if sidecar and status.get("started") is True:
            tally.ready += status.get("ready") is True
            continue
        waiting = text(status, "state", "waiting", "reason")
        if ended is not None:
            tally.word = "Init:" + _ending(ended)
        elif waiting not in ("", "PodInitializing"):
            tally.word = "Init:" + waiting
        else:
            tally.word = f"Init:{index}/{count}"
        return True
    return False


def _main(pod: dict[str, Any], tally: _Tally) -> None:
    running, error = False, ""
    for status in reversed(dicts(pod, "status", "containerStatuses")):
        tally.add(status)
        waiting, ended = text(status, "state", "waiting", "reason"), at(status, "state", "terminated")
        if waiting:
            tally.word = waiting
        elif ended is not None:
            tally.word = _ending(ended)
            error = tally.word if number(ended, "exitCode") else error
        elif status.get("ready") is True and at(status, "state", "running") is not None:
            running = True
            tally.ready += 1
    if tally.word == "Completed":
        if running and is_ready(pod):
            tally.word = "Running"
        elif error or running:
            tally.word = error or "NotReady"


def _ending(ended: Any) -> str:
    """Why a container ended."""
    if reason := text(ended, "reason"):
        return reason
    signal = number(ended, "signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{number(ended, 'exitCode')}"


def _deleted(pod: dict[str, Any], tally: _Tally) -> None:
    if at(pod, "metadata", "deletionTimestamp") is None:
        return
    if text(pod, "status", "reason") == "NodeLost":
        tally.word = "Unknown"
    elif text(pod, "status", "phase") not in ("Succeeded", "Failed"):
        tally.word = "Terminating"
