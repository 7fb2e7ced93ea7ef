"""One thing that became different around a target, and how it is known when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

Obj = dict[str, Any]

# What is told as "in the last hour"; what is older, to this age, is listed apart and can be a suspect only just.
HOUR: Final = timedelta(hours=1)
OLDEST: Final = timedelta(hours=6)


class Sort(StrEnum):
    """What kind of change it is: how often such a one is the cause, by and large (mitigations.md 3.2)."""

    TEMPLATE = "Template"
    CONFIG = "Config"
    TRAFFIC = "Traffic"
    NODE = "Node"
    SCALED_DOWN = "ScaledDown"
    BOUNDS = "Bounds"
    LIMITS = "Limits"
    CLUSTER = "Cluster"
    RELEASE = "Release"
    SCALED_UP = "ScaledUp"


@dataclass(frozen=True, slots=True)
class Changed:
    """
    ``time`` is None when nobody can tell; ``dated`` says how it is known. ``relation`` is how near it is to the target,
    1 for the target itself. ``has`` are uids of the pods that live with the change, None when that tells nothing.
    ``effective`` is False while no pod has taken it in. ``ours`` are stanch's own: listed, never suspected.
    """

    sort: Sort
    name: str
    what: str
    text: str
    time: datetime | None
    dated: str
    by: str = ""
    relation: float = 1.0
    has: frozenset[str] | None = None
    effective: bool = True
    ours: bool = False
    suggests: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One place that was looked at: how many changes it told of, or why it could not be read."""

    title: str
    found: int = 0
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """A ConfigMap or Secret that the target's pods read: its name, a digest, when it was written last. No value of it."""

    kind: str
    name: str
    how: str
    digest: str
    written: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that was found, newest first; what was looked at; what is in use."""

    found: tuple[Changed, ...] = ()
    sources: tuple[Source, ...] = ()
    used: tuple[Used, ...] = ()
