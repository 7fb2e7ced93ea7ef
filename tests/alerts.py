"""Words for alerts: payloads as Alertmanager sends them, and incidents as the API server has them."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from build import T0, Json, stamp
from stanch.core.alertmanager import Told, read

DATA = Path(__file__).resolve().parent / "core" / "alertmanager"
GROUP = '{}:{alertname="ShopErrors", namespace="shop"}'


def print_of(number: int) -> str:
    """A fingerprint."""
    return f"{number:016x}"


def alert(number: int = 1, start: datetime = T0, end: datetime | None = None, **labels: str) -> Json:
    """One alert: firing, or over at ``end``."""
    return {
        "status": "resolved" if end else "firing",
        "labels": {"alertname": "ShopErrors", "namespace": "shop", "severity": "critical", **labels},
        "annotations": {"summary": "checkout errors at 37%"},
        "startsAt": stamp(start),
        "endsAt": stamp(end) if end else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": print_of(number),
    }


def payload(*alerts: Json, group: str = GROUP, **more: Any) -> Json:
    """What Alertmanager posts."""
    over = all(each["status"] == "resolved" for each in alerts)
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": "resolved" if over else "firing",
        "receiver": "stanch",
        "groupLabels": {"alertname": "ShopErrors", "namespace": "shop"},
        "commonLabels": {},
        "commonAnnotations": {"summary": "checkout errors at 37%"},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **more,
    }


def told(*alerts: Json, **more: Any) -> Told:
    """What is read of it."""
    return read(json.dumps(payload(*alerts, **more)).encode())


def stored(body: Json, created: datetime = T0, generation: int = 1, **times: datetime) -> Json:
    """An incident as the API server has it, after ``body`` was created; with times of its status."""
    meta = {
        **body["metadata"],
        "uid": f"uid-{body['metadata']['name']}",
        "generation": generation,
        "creationTimestamp": stamp(created),
    }
    status = {"times": {name: stamp(moment) for name, moment in times.items()}} if times else {}
    return {**body, "metadata": meta, "status": status}


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)


def states(group: Any) -> dict[str, tuple[str, bool]]:
    """fingerprint → (start, does it fire?), of all that is kept of a group."""
    kept = {a.fingerprint: (f"{a.starts_time:%s}", a.ends_time is None) for a in group.alerts}
    return kept | dict(_marks(group.others or ()))


def _marks(others: Iterable[str]) -> Iterable[tuple[str, tuple[str, bool]]]:
    for mark in others:
        name, _, start = mark.partition("@")
        yield name, (start.removesuffix("!"), not start.endswith("!"))
