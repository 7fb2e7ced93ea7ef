"""Keep status small: old timeline lines move to an immutable page, and only once the page is known to be stored."""

import base64
import gzip
import hashlib
import json
from typing import Final

from stanch.api.evidence import EXTRACT_ANNOTATION, EvidenceSpec, Item, ItemKind, Part, Purpose, extract_line
from stanch.api.incident_status import Page, TimelineLine
from stanch.api.names import API_VERSION, ConditionType, EventKind, Label, Reason
from stanch.core.approvals import is_machine
from stanch.core.conditions import drop, find, put
from stanch.core.draft import MACHINE, Draft, shorten
from stanch.core.outbox import waiting_lines
from stanch.core.plan_type import Told
from stanch.core.questions import EVIDENCES
from stanch.core.records import Store

INLINE_MAX: Final = 60
PAGE_LINES: Final = 30
# As many as the schema takes.
LINES_MAX: Final = 160
# What people say waits for a page above this; the schema's limit is far enough above it for all that one plan says itself.
FULL_LINES: Final = 80
# The status travels whole to every watcher: what may leave is never much of its 128 KiB, however long its lines are.
MOVABLE_BYTES: Final = 40 * 1024
FULL_BYTES: Final = 48 * 1024
# Beyond this, the rest of the status may not fit beside them any more.
MOVABLE_BYTES_MAX: Final = 72 * 1024
# A target that flaps all night makes a milestone each time; the newest stay in sight.
MILESTONES_KEPT: Final = 40
# The end of the story stays in sight when it is closed, besides milestones.
CLOSED_LINES: Final = 10
# Each page has the digest of the one before it, so the older ones are found from these.
PAGES_NAMED: Final = 40
# As many as take part while it matters who wrote; of more, those who wrote last.
WITNESSES_MAX: Final = 8


def turn_page(draft: Draft) -> None:
    """Move the oldest lines out, milestones stay; nothing leaves before its receipt is seen. All go before the closed label."""
    _say_full(draft, _turn(draft))


def _say_full(draft: Draft, why: str | None) -> None:
    """Nobody is heard while it is full and no page can be stored: told outside the record, for what is full takes no line."""
    known = find(draft.status, ConditionType.STALLED)
    said = known is not None and known.reason == Reason.RECORD_FULL
    if not is_full(draft):
        if said:
            drop(draft, ConditionType.STALLED)
    elif why is not None and not said:
        text = f"The record is full, and a page of its oldest lines can't be stored ({why}): what people say waits until it can"
        put(draft, ConditionType.STALLED, "True", Reason.RECORD_FULL, text)
        if known is None:
            draft.events.append(Told(EventKind.STALLED, shorten(f"{Reason.RECORD_FULL}: {text}", 900), warning=True))


def _turn(draft: Draft) -> str | None:
    """Why the page can't be stored; None when it can, or nobody knows yet."""
    old = _leaving(draft)
    if not old:
        return None
    # Where no page can be stored the lines stay, and the incident is closed with them.
    if draft.close and not draft.seen.not_stored:
        draft.close = False
        draft.wake(draft.now)
    pages = draft.status.pages or ()
    store, sha = _page(draft, old, pages[-1].sha256 if pages else "")
    if store.name in draft.seen.not_stored:
        return draft.seen.not_stored[store.name].message
    if draft.seen.stored.get(store.name) != sha:
        draft.stores.append(store)
        draft.wake(draft.now)
        return None
    page = Page(name=store.name, first=old[0].seq, last=old[-1].seq, sha256=sha)
    gone = {line.seq for line in old}
    draft.set(
        timeline=tuple(line for line in draft.status.timeline if line.seq not in gone),
        pages=(*pages, page)[-PAGES_NAMED:],
    )
    return None


def is_full(draft: Draft) -> bool:
    """Must lines leave before people say more? Never so that none could: milestones alone don't fill it."""
    return len(draft.status.timeline) >= FULL_LINES or _bytes(_movable(draft)) >= FULL_BYTES


def overflows(draft: Draft) -> bool:
    """Would what is planned not fit any more? Then only a page may come next: a plan that is refused stores none."""
    return len(draft.status.timeline) > LINES_MAX or _bytes(_movable(draft)) > MOVABLE_BYTES_MAX


def _movable(draft: Draft) -> list[TimelineLine]:
    milestones = [line.seq for line in draft.status.timeline if line.milestone]
    # What a channel still waits for is told in its words; and that somebody acted or wrote is asked about later.
    staying = {*milestones[-MILESTONES_KEPT:], *waiting_lines(draft), *_witnesses(draft)}
    return [line for line in draft.status.timeline if line.seq not in staying]


def _witnesses(draft: Draft) -> set[int]:
    """The first note of something done by hand, and the newest that each of a few people wrote (core/nudges.py)."""
    lines, policy = draft.status.timeline, draft.catalog.policy
    acted = [x.seq for x in lines if x.kind == EventKind.NOTE and x.text.startswith("Action")]
    spoke = {x.by: x.seq for x in lines if x.entry and not is_machine(x.by, policy)}
    return {*acted[:1], *sorted(spoke.values())[-WITNESSES_MAX:]}


def _is_closed(draft: Draft) -> bool:
    return draft.status.times is not None and draft.status.times.closed is not None


def _leaving(draft: Draft) -> tuple[TimelineLine, ...]:
    """The oldest that may: a page of them once there are too many; of long ones, half."""
    movable = _movable(draft)
    if _is_closed(draft):
        return tuple(movable[:-CLOSED_LINES][:PAGE_LINES])
    # Milestones and what channels wait for can be most of it; full, whatever may leave leaves, or nobody would be heard.
    least = PAGE_LINES if len(draft.status.timeline) < FULL_LINES else 1
    if len(draft.status.timeline) > INLINE_MAX + PAGE_LINES // 2 and len(movable) >= least:
        return tuple(movable[:PAGE_LINES])
    if _bytes(movable) > MOVABLE_BYTES:
        return tuple(movable[: min(PAGE_LINES, -(-len(movable) // 2))])
    return ()


def _bytes(lines: list[TimelineLine]) -> int:
    """Near enough: the words, and a little for the names of the fields."""
    return sum(len(f"{x.text}{x.by}{x.entry or ''}".encode()) + 100 for x in lines)


def _page(draft: Draft, lines: tuple[TimelineLine, ...], before: str) -> tuple[Store, str]:
    meta = draft.incident.metadata
    text = "\n".join(
        json.dumps(x, ensure_ascii=False) for x in ({"pageBefore": before}, *(line.wire() for line in lines))
    )
    raw = text.encode()
    data = gzip.compress(raw, compresslevel=6, mtime=0)
    sha = hashlib.sha256(data).hexdigest()
    name = f"{meta.name[:200]}-page-{lines[0].seq}-{sha[:6]}"
    item = Item(name="timeline.jsonl", kind=ItemKind.SUMMARY, bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    spec = EvidenceSpec(
        incident=meta.name,
        purpose=Purpose.PAGE,
        part=Part(index=1, of=1),
        # The newest line's time, not the clock: the page must come out the same if it is made again.
        captured_time=lines[-1].time,
        items=(item,),
        bytes=len(data),
        sha256=sha,
        encoding="gzip",
        data=base64.b64encode(data).decode(),
    )
    labels = {Label.INCIDENT: meta.name[:63], Label.INCIDENT_UID: meta.uid, Label.MANAGED_BY: MACHINE}
    body = {
        "apiVersion": API_VERSION,
        "kind": "Evidence",
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": labels,
            "annotations": {EXTRACT_ANNOTATION: extract_line(meta.namespace, name, spec.encoding)},
        },
        "spec": spec.wire(),
    }
    return Store(EVIDENCES, meta.namespace, name, sha, body, urgent=True), sha
