"""One capture made into one Evidence object: the archive, its manifest, its digest. The same input, the same bytes."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from stanch.api.evidence import (
    NORMAL_REASONS,
    PART_BYTES_MAX,
    EvidenceSpec,
    FamilyCount,
    Item,
    ItemKind,
    MissingItem,
    Part,
    Purpose,
)
from stanch.api.meta import Severity, instant
from stanch.api.names import API_VERSION, FIELD_MANAGER, Label, MissingReason
from stanch.core.graphs import Graph
from stanch.core.held import WITHOUT_ROOM
from stanch.core.observations import Observations
from stanch.core.ports import Aim, Stage
from stanch.evidence import again, discovery, missing, tar
from stanch.evidence.budget import Budget
from stanch.evidence.dig import dicts, number, text
from stanch.evidence.graph_files import put_graphs
from stanch.evidence.layout import Layout
from stanch.evidence.reach import USUAL, Reach
from stanch.evidence.readme import readme
from stanch.evidence.redact import Redactor
from stanch.evidence.rest import FIRST_LOG_BYTES, RestLayout, leave_for_rest, told_in
from stanch.evidence.scene import Scene
from stanch.evidence.shelf import File, Rank, Shelf, encode

_MISSING_MAX = 512
# Part b knows more of these, so it has its own.
_TWICE = frozenset({"changes.txt", "README.txt", "api.json", discovery.NAME})
_LOST = {
    MissingReason.LOST_IN_RESTART: "the operator ended before part b was stored",
    MissingReason.BUDGET_FULL: WITHOUT_ROOM,
}


@dataclass(frozen=True)
class Capture:
    """What to bundle, and for whom. ``key`` is the incident's, for redaction tokens; ``name`` that of the Evidence."""

    aims: tuple[Aim, ...]
    severity: Severity
    seen: Observations
    purpose: Purpose
    name: str
    namespace: str
    incident: str
    incident_uid: str
    captured_time: datetime
    key: bytes
    mitigation: str | None = None
    attempt: str | None = None
    deadline: timedelta | None = None
    prepared: Mapping[str, File] = field(default_factory=dict)
    loses: frozenset[str] = frozenset()
    room: int = PART_BYTES_MAX
    graphs: tuple[Graph, ...] = ()
    onset: datetime | None = None
    stage: Stage = Stage.WHOLE
    left_for_rest: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    reach: Reach = USUAL

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """Each target once, with what was seen around it: worked out once for all who tell about it."""
        return tuple(Scene(aim, self.seen, self.loses, self.reach) for aim in dict.fromkeys(self.aims))


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    An Evidence object ready to be created; ``sha256`` is that of the archive, for the write-ahead record, and ``rest`` is how much
    is left for part b.
    """

    name: str
    body: dict[str, Any]
    sha256: str
    items: tuple[Item, ...]
    missing: tuple[MissingItem, ...]
    bytes: int
    rest: int

    @property
    def really_missing(self) -> int:
        """How much is not there that could have been: what can't exist does not count."""
        return sum(each.reason not in NORMAL_REASONS for each in self.missing)


def bundle(capture: Capture) -> Bundle:
    """Lay out, redact, fit, pack, describe."""
    shelf = _laid_out(capture)
    files, packed = _pack(capture, shelf)
    items = tuple(file.item() for file in files)
    lacking = _ordered(shelf.missing)
    digest = hashlib.sha256(packed).hexdigest()
    rest = _left(capture, lacking)
    body = _body(capture, packed, digest, items, lacking, shelf.redactor.counts, rest)
    return Bundle(capture.name, body, digest, items, lacking, len(packed), rest)


def _left(capture: Capture, lacking: Sequence[MissingItem]) -> int:
    """What part b has, or asks for once more."""
    left = sum(each.reason == MissingReason.IN_PART_B for each in lacking)
    if capture.stage is Stage.FIRST:
        left += sum(each.reason in again.LATE and each.name.endswith(".log") for each in lacking)
        left += again.count_late(capture.scenes, capture.seen)
    return left


def prepare(capture: Capture) -> dict[str, File]:
    """The files that no log is needed for, to be handed to a later ``bundle`` of the same answers."""
    return {file.name: file for file in _laid_out(capture).files if file.rank is Rank.KEEP}


def _laid_out(capture: Capture) -> Shelf:
    if capture.stage is Stage.REST:
        return _rest_laid_out(capture)
    shelf = Shelf(Redactor(capture.key), prepared=capture.prepared)
    most = FIRST_LOG_BYTES if capture.stage is Stage.FIRST else None
    layout = Layout(capture.scenes, capture.seen, capture.severity, capture.captured_time, shelf, most)
    layout.put()
    if capture.stage is Stage.FIRST:
        leave_for_rest(layout, capture.left_for_rest)
    put_graphs(shelf, capture.graphs, capture.onset)
    return shelf


def _rest_laid_out(capture: Capture) -> Shelf:
    had = frozenset(text(each, "name") for each in dicts(capture.manifest, "items")) - _TWICE
    # One of two targets may have been given in time: what both are told in is whole here.
    had -= {
        name
        for scene in capture.scenes
        for late, _ in again.late_lists(scene, capture.manifest)
        for name in told_in(late)
    }
    shelf = Shelf(Redactor(capture.key), usual=Rank.REST, had=had)
    seen, severity, now = capture.seen, capture.severity, capture.captured_time
    RestLayout(capture.scenes, seen, severity, now, shelf, manifest=capture.manifest).put()
    put_graphs(shelf, capture.graphs, capture.onset)
    for name, reason in capture.lost.items():
        shelf.lacks(name, reason, _LOST.get(reason, "not asked within half an hour after part a"))
    return shelf


def _raw_left(capture: Capture) -> int:
    """Of what one capture may have before it is packed."""
    return max(0, capture.reach.raw_bytes - sum(number(each, "bytes") for each in dicts(capture.manifest, "items")))


def _pack(capture: Capture, shelf: Shelf) -> tuple[list[File], bytes]:
    """The files that fit, and their archive."""
    budget = Budget(shelf, min(capture.room, PART_BYTES_MAX), _raw_left(capture))
    budget.fit_raw()
    while True:
        files = [*_front(capture, shelf, budget), *shelf.files]
        packed = tar.archive(((file.name, file.content) for file in files), capture.captured_time)
        if len(packed) <= budget.room or not shelf.files:
            shelf.missing += budget.told()
            return files, packed
        budget.shrink(len(packed))


def _front(capture: Capture, shelf: Shelf, budget: Budget) -> list[File]:
    """README.txt, api.json and discovery.json, which tell about all the others."""
    head = {
        "name": capture.name,
        "namespace": capture.namespace,
        "incident": capture.incident,
        "time": instant(capture.captured_time),
        "purpose": capture.purpose.value,
        "targets": ", ".join(str(aim) for aim in capture.aims) or "nothing",
    }
    page = readme(head, shelf.redactor.counts, [*shelf.missing, *budget.told()])
    paths = {file.name: file.of for file in sorted(shelf.files, key=lambda file: file.name) if file.of}
    kinds = discovery.discovery(paths.values())
    return [
        File("README.txt", ItemKind.SUMMARY, None, page.encode("utf-8", "replace"), 0, 0, Rank.KEEP),
        File("api.json", ItemKind.SUMMARY, None, encode(paths), 0, 0, Rank.KEEP),
        File(discovery.NAME, ItemKind.SUMMARY, None, encode(kinds), 0, 0, Rank.KEEP),
    ]


def _ordered(found: Sequence[MissingItem]) -> tuple[MissingItem, ...]:
    """What could have been there first; no more than an Evidence object may list."""
    ordered = sorted(found, key=lambda each: each.reason in NORMAL_REASONS)
    if len(ordered) <= _MISSING_MAX:
        return tuple(ordered)
    rest = ordered[_MISSING_MAX - 1 :]
    reason = MissingReason.BUDGET_FULL if rest[0].reason not in NORMAL_REASONS else rest[0].reason
    return (*ordered[: _MISSING_MAX - 1], missing.item("others", reason, f"{len(rest)} more"))


def _body(
    capture: Capture,
    packed: bytes,
    digest: str,
    items: tuple[Item, ...],
    lacking: tuple[MissingItem, ...],
    families: Counter[str],
    rest: int,
) -> dict[str, Any]:
    index = 2 if capture.stage is Stage.REST else 1
    spec = EvidenceSpec(
        incident=capture.incident,
        mitigation=capture.mitigation,
        attempt=capture.attempt,
        purpose=capture.purpose,
        part=Part(index=index, of=2 if rest else index),
        captured_time=capture.captured_time,
        deadline=capture.deadline,
        items=items,
        missing=lacking or None,
        redactions=families.total(),
        families=tuple(FamilyCount(name=name, count=families[name]) for name in sorted(families)) or None,
        bytes=len(packed),
        sha256=digest,
        data=base64.b64encode(packed).decode(),
    )
    labels = {
        Label.INCIDENT: capture.incident,
        Label.INCIDENT_UID: capture.incident_uid,
        Label.MANAGED_BY: FIELD_MANAGER,
    }
    metadata = {"name": capture.name, "namespace": capture.namespace, "labels": labels}
    return {"apiVersion": API_VERSION, "kind": "Evidence", "metadata": metadata, "spec": spec.wire()}
