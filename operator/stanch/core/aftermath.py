"""When it is resolved: a Postmortem drafted from the record, and an ActionItem for what a rollback leaves open."""

from datetime import datetime, timedelta
from typing import Any

from stanch.api import duration
from stanch.api.action_item import ActionItemSpec, ActionKind, Priority
from stanch.api.done_when import DoneWhen
from stanch.api.incident_status import MitigationRecord, PostmortemRecord
from stanch.api.meta import RECONCILERS, Severity, instant
from stanch.api.names import API_VERSION, EventKind, Label
from stanch.api.postmortem import Factor, FactorClass, Impact, PostmortemSpec, TimelineNote
from stanch.core.attempts import standing
from stanch.core.draft import MACHINE, Draft, shorten
from stanch.core.git_ops import HOLD
from stanch.core.hold import why_so_long
from stanch.core.questions import ACTION_ITEMS, POSTMORTEMS, Ref
from stanch.core.records import Store
from stanch.core.spec_fold import declarer
from stanch.core.swap import digest

# As many as the status names; all of them are stored.
ITEMS_NAMED = 16
REASONS_MAX = 8


def learn(draft: Draft) -> None:
    """Decide once what to learn, and draft it; people own what is written from then on."""
    times = draft.status.times
    if times is None or times.resolved is None or draft.incident.spec.drill:
        return
    if draft.status.postmortem is None:
        _decided(draft)
    record = draft.status.postmortem
    if record is None or record.drafted_time is not None:
        return
    stores = _drafts(draft)
    if all(s.name in draft.seen.stored for s in stores):
        _drafted(draft, record, stores)
    elif not any(s.name in draft.seen.not_stored for s in stores):
        # Made again after a crash between the record and the objects: what is there already stays as it is.
        draft.stores.extend(stores)


def _decided(draft: Draft) -> None:
    decision, reasons = _decide(draft)
    items = tuple(s.name for s in _drafts(draft)[1:])
    name = draft.incident.metadata.name
    draft.set(
        postmortem=PostmortemRecord(
            decision=decision, reasons=reasons, name=name, action_items=items[:ITEMS_NAMED] or None
        )
    )


def _drafts(draft: Draft) -> list[Store]:
    """The Postmortem, then the items that follow from it."""
    items = [_follow_up(draft, r) for r in draft.records if r.action == "rolloutUndo" and standing(r)]
    items += [_back_port(draft, r) for r in draft.records if r.action == HOLD and standing(r)]
    spec = _postmortem(draft, tuple(i.name for i in items))
    return [_store(draft, POSTMORTEMS, "Postmortem", draft.incident.metadata.name, spec), *items]


def _drafted(draft: Draft, record: PostmortemRecord, stores: list[Store]) -> None:
    draft.set(postmortem=record.model_copy(update={"drafted_time": draft.now}))
    why = ", ".join(record.reasons or ())
    text = f"Postmortem {record.name} drafted ({record.decision}: {why})"
    draft.say(EventKind.POSTMORTEM_DRAFTED, text, entry=record.name, event=True)
    for item in stores[1:]:
        title = item.body["spec"]["title"]
        text = f"{title}; owner {item.body['spec']['owner']}"
        draft.say(EventKind.ACTION_ITEM_DRAFTED, text, entry=item.name, event=True)


def _decide(draft: Draft) -> tuple[str, tuple[str, ...]]:
    policy = draft.catalog.policy
    reasons = []
    # What it ever was counts: lowering it afterwards is free, and takes no lesson away.
    known = draft.status.severity
    worst = (known.worst if known else None) or draft.severity
    if list(Severity).index(worst) <= list(Severity).index(policy.postmortem_at):
        reasons.append(worst.value if worst is draft.severity else f"{worst.value} at its worst")
    reasons += sorted({r.action for r in draft.records if r.action in policy.postmortem_on and r.attempts})
    reasons += [shorten(f"asked by {name}", 300) for name in draft.status.postmortem_asked or ()]
    return ("Required", tuple(reasons[:REASONS_MAX])) if reasons else ("Short", ("nothing asks for a full one",))


def _store(draft: Draft, ref: Ref, kind: str, name: str, spec: dict[str, Any]) -> Store:
    meta = draft.incident.metadata
    labels = {Label.INCIDENT: meta.name[:63], Label.INCIDENT_UID: meta.uid, Label.MANAGED_BY: MACHINE}
    body = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": meta.namespace, "labels": labels},
        "spec": spec,
    }
    return Store(ref, meta.namespace, name, digest(spec), body, urgent=False)


def _back_port(draft: Draft, record: MitigationRecord) -> Store:
    """What was changed in the cluster is not in Git yet, and what is changed in Git does not come."""
    whole = record.target is not None and record.target.kind in RECONCILERS
    where, comes = ("under", "comes through") if whole else ("on", "reaches")
    return item(
        draft,
        record,
        "git",
        f"Put into Git what was changed {where} {record.target}, then undo {record.name}",
        f"{record.plan}. Until it is undone, no change of Git {comes} it. Do it in this order: change Git, check that it "
        f"says what the cluster says, then undo {record.name}.",
    )


def _follow_up(draft: Draft, record: MitigationRecord) -> Store:
    """The bad revision still needs a fix: a rollback only bought time."""
    return item(
        draft,
        record,
        "fix",
        f"Fix what {record.target} was rolled back from, and roll it out again",
        f"{record.plan}. Until the fix is out, Git and the cluster may disagree: bring the rollback into Git too. "
        "Done when a newer revision than the bad one serves without restarts.",
    )


def item(
    draft: Draft,
    record: MitigationRecord,
    suffix: str,
    title: str,
    description: str,
    owner: str | None = None,
    done_when: DoneWhen | None = None,
) -> Store:
    """An ActionItem about one mitigation; the commander's, unless somebody else is named."""
    name = draft.incident.metadata.name
    spec = ActionItemSpec(
        title=shorten(title, 250),
        description=shorten(f"{description} Record: incident {draft.incident.key}.", 2000),
        incident=name,
        postmortem=name,
        owner=owner or _owner(draft, record),
        due_time=draft.now + draft.catalog.policy.follow_up_due,
        priority=Priority.P1,
        kind=ActionKind.PREVENT,
        done_when=done_when,
    )
    return _store(draft, ACTION_ITEMS, "ActionItem", f"{name}-{record.name}-{suffix}", spec.wire())


def _owner(draft: Draft, record: MitigationRecord) -> str:
    owner = next((r.user for r in draft.status.roles or () if r.role == "commander"), None)
    return (owner or record.requested_by or declarer(draft)).replace(",", " ").replace(";", " ")[:253]


def _postmortem(draft: Draft, items: tuple[str, ...]) -> dict[str, Any]:
    times, durations = draft.status.times, draft.status.durations
    assert times is not None
    # From the start of harm or not at all: since the declaration would read as shorter than it was.
    minutes = _minutes(times.started, times.mitigated)
    spec = PostmortemSpec(
        incident=draft.incident.metadata.name,
        summary=shorten(_summary(draft), 8000),
        impact=Impact(users=draft.status.impact.value.summary if draft.status.impact else None, minutes=minutes),
        timeline=tuple(
            TimelineNote(time=line.time, kind=line.kind, by=line.by, text=line.text) for line in draft.status.timeline
        ),
        detection=f"Detected {instant(times.detected)}, declared {instant(times.declared)} by {declarer(draft)}."
        if times.detected and times.declared
        else None,
        response=shorten(_response(draft), 8000),
        recovery=_recovery(draft, durations.to_resolve if durations else None),
        factors=_factors(draft),
        whys=(
            shorten(
                f"Why did it happen: {draft.incident.spec.title}? (to be answered; ask on until the answer is structure)",
                1000,
            ),
        ),
        went_well=(),
        went_badly=(),
        got_lucky=(),
        action_items=items[:8],
        authors=(declarer(draft)[:253],),
        due_time=draft.now + draft.catalog.policy.postmortem_due,
    )
    return spec.wire()


def _minutes(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds() // 60) if start and end else None


def _factors(draft: Draft) -> tuple[Factor, ...]:
    """What the record knows, and prompts for what only people know; three are asked for."""
    known = [
        Factor(
            name=f"{r.name[:33].rstrip('-')}-change",
            factor_class=FactorClass.CHANGE,
            layer="release",
            statement=shorten(f"A version was rolled out that had to be taken back: {r.plan}", 1000),
        )
        for r in draft.records
        if r.action == "rolloutUndo" and standing(r)
    ]
    return (
        *known,
        Factor(
            name="let-it-through",
            factor_class=FactorClass.PROCESS,
            statement="To be filled: what let it reach users?",
        ),
        Factor(
            name="seen-late",
            factor_class=FactorClass.DETECTION,
            statement="To be filled: what would have shown it before users did?",
        ),
    )


def _summary(draft: Draft) -> str:
    times = draft.status.times
    assert times is not None
    done = [r for r in draft.records if standing(r)]
    what = "; ".join(f"{r.name} ({r.plan or r.action})" for r in done) or "no mitigation by stanch"
    start = f"It began {instant(times.started)}. " if times.started else "When it began is to be filled. "
    ended = (
        f"Harm was seen to have ended {instant(times.mitigated)}" if times.mitigated else "When harm ended is not known"
    )
    resolved = f", and recovery had held by {instant(times.resolved)}" if times.resolved else ""
    return f"{draft.incident.spec.title}. {start}{ended}{resolved}. What was done: {what}."


def _response(draft: Draft) -> str:
    lines = []
    for record in draft.records:
        attempt = standing(record)
        when = f" at {instant(attempt.applied_time)}" if attempt and attempt.applied_time else ""
        effect = f", {record.effect.value}" if record.effect else ""
        lines.append(f"{record.name}: {record.action} on {record.target}, {record.state.value}{when}{effect}.")
    return " ".join(lines) or "Nothing was done by stanch."


def _recovery(draft: Draft, took: timedelta | None) -> str:
    recovery = draft.status.recovery
    if recovery is None or not recovery.criteria:
        return "A person said that it was over; no criteria were watched."
    names = ", ".join(c.name for c in recovery.criteria)
    total = f" It took {duration.write(took)} in all." if took else ""
    return f"Criteria {names} held for {duration.write(recovery.needed)}{why_so_long(recovery)}.{total}"
