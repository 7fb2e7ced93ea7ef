"""What a pod's own status tells of it: is it Ready, does it crash, can it not become Ready by itself."""

from datetime import datetime, timedelta
from typing import Any, Final

from stanch.core.check_workload import condition_of, time_of

Json = dict[str, Any]
# What a container waits for that only another template, or another cluster around it, brings.
HOPELESS: Final = frozenset(
    {
        "CrashLoopBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "ImageInspectError",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
# A pod is said to be not Ready when it starts; what was said later than this was said because it had been.
_AT_ITS_START: Final = timedelta(seconds=10)
# The least that a start may take, whatever its probes say.
_START_MAX: Final = timedelta(seconds=60)
# Longer than the kubelet ever waits between two starts (5 minutes): what ended before that crashes no more.
_LATELY: Final = timedelta(minutes=10)


def containers(pod: Json) -> list[Json]:
    """Status of every init and normal container."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def is_ready(pod: Json) -> bool:
    """Does the pod's Ready condition say True?"""
    return bool(condition_of(pod, "Ready").get("status") == "True")


def ended(container: Json, *states: str) -> Json:
    """How its last run ended; empty while it never did."""
    found = (container.get(name) or {} for name in states or ("state", "lastState"))
    return next((end for state in found if (end := state.get("terminated"))), {})


def waits_for(container: Json) -> str:
    """The reason for which it is not started; empty while it runs or has ended."""
    return str(((container.get("state") or {}).get("waiting") or {}).get("reason") or "")


def crashes(pod: Json, now: datetime) -> bool:
    """
    Did a container of it end badly a moment ago, however Ready it is now?

    Without a readiness probe a container that dies after a second counts as Ready for that second.
    """
    return any(waits_for(c) == "CrashLoopBackOff" or _ended_badly(c, now) for c in containers(pod))


def _ended_badly(container: Json, now: datetime) -> bool:
    end = ended(container)
    when = time_of(end.get("finishedAt"))
    return bool(end.get("exitCode")) and (when is None or now - when <= _LATELY)


def is_stuck(pod: Json, now: datetime) -> bool:
    """Can it not become Ready by itself: it crashes, can't be started or placed, or never was Ready in its time to start?"""
    if is_ready(pod):
        return False
    # Between its end and the next start it is for a moment in no state of waiting.
    if any(waits_for(c) in HOPELESS or ended(c, "state").get("exitCode") for c in containers(pod)):
        return True
    placed = condition_of(pod, "PodScheduled")
    if placed.get("status") == "False" and placed.get("reason") == "Unschedulable":
        return True
    began = time_of((pod.get("status") or {}).get("startTime"))
    since = time_of(condition_of(pod, "Ready").get("lastTransitionTime"))
    if began is None or since is None or since - began > _AT_ITS_START:
        return False
    return now - began > max(_START_MAX, *(_may_take(c) for c in pod["spec"].get("containers") or ()))


def _may_take(container: Json) -> timedelta:
    """How long its own probes let it take to become Ready."""
    probes = [container.get(key) or {} for key in ("startupProbe", "readinessProbe")]
    seconds = (
        p.get("initialDelaySeconds", 0) + p.get("periodSeconds", 10) * p.get("failureThreshold", 3) for p in probes
    )
    return timedelta(seconds=sum(seconds))
