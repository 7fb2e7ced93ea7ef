"""When it is resolved: a Postmortem drafted from the record, and an ActionItem for what a rollback leaves open."""

from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.action_item import ActionItemSpec, ActionKind, Priority
from stanch.api.done_when import DoneWhen
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import RECONCILERS
from stanch.api.names import API_VERSION, EventKind, Label
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.attempts import standing
from stanch.core.budget_charge import is_awaited
from stanch.core.chase import first_reminder
from stanch.core.closing import postmortem_of
from stanch.core.draft import MACHINE, Draft, shorten
from stanch.core.drill_review import review_drill
from stanch.core.full_after_all import tell_that_more_is_asked
from stanch.core.further_text import is_further, next_name, says_enough
from stanch.core.git_ops import HOLD
from stanch.core.item_checks import ask_for_checks, fixed, in_git
from stanch.core.observations import Failed, Found, NotFound
from stanch.core.postmortem_draft import postmortem_spec
from stanch.core.postmortem_gate import SHORT, dates_of, decide, due_of, only_more
from stanch.core.postmortem_text import is_published
from stanch.core.questions import ACTION_ITEMS, POSTMORTEMS, Get, Ref
from stanch.core.records import Store
from stanch.core.spec_fold import declarer
from stanch.core.swap import action_id, digest
from stanch.core.todo_items import todo_items
from stanch.core.toil import tell_of_toil
from stanch.core.whole_story import Story, pages_of, whole_story

# As many as the status names; all of them are stored.
ITEMS_NAMED = 16
# Of more none gets done; what is left stays in the timeline (decisions 2.11).
ITEMS_DRAFTED = 5
# Whether the name is free, when the API server could not say.
ASK_AGAIN: Final = timedelta(seconds=5)
_UNSAID: Final = {"reminders": 0, "overdue": None, "review_asked": None, "publish_asked": None}


def learn(draft: Draft) -> None:
    """Decide what to learn, and draft it once; people own what is written from then on."""
    times = draft.status.times
    if times is None or times.resolved is None:
        return
    record = draft.status.postmortem
    if draft.incident.spec.drill:
        _learn_from_a_drill(draft)
        return
    if record is not None and record.drafted_time is not None:
        _still_so(draft, record)
        return
    if record is None and is_awaited(draft):
        # Resolved is written first, and then asked what it cost: one question, whatever comes of it.
        draft.wake(draft.now)
        return
    # All that is asked for is asked for at once.
    story, named, asking = _story(draft), record is not None or _name(draft) is not None, ask_for_checks(draft)
    if story is None or asking or not named:
        return
    if record is None:
        record = _decided(draft, story)
    if record is None:
        return
    stores = _drafts(draft, story, record)
    if all(s.name in draft.seen.stored for s in stores):
        _drafted(draft, record, stores)
    elif not any(s.name in draft.seen.not_stored for s in stores):
        # Made again after a crash between the record and the objects: what is there already stays as it is.
        draft.stores.extend(stores)


def _learn_from_a_drill(draft: Draft) -> None:
    story = _story(draft) if draft.status.postmortem is None else None
    if story is not None:
        review_drill(draft, story)


def _still_so(draft: Draft, record: PostmortemRecord) -> None:
    """Reopened and resolved again it may ask for more, never for less; and it is due from the last time on."""
    times = draft.status.times
    assert times is not None
    assert times.resolved is not None
    known = only_more(record, *decide(draft, Story(draft.status.timeline)))
    dates = dates_of(draft, times.resolved)
    if known.due_time is None or dates["due_time"] > known.due_time:
        changes = {**dates, **_UNSAID, "remind_time": first_reminder(draft, dates["due_time"])}
        known = known.model_copy(update=changes)
    tell_that_more_is_asked(draft, known)
    if known != record:
        draft.set(postmortem=known)
    if not _draft_later_items(draft, known):
        _write_another(draft, known)


def _draft_later_items(draft: Draft, record: PostmortemRecord) -> bool:
    """
    What was done, held or noted since is to be done as well, once; true while that is on its way.

    One that somebody deleted stays away: the record names all that were ever drafted.
    """
    known = record.action_items or ()
    missing = [s for s in _later_items(draft, record) if s.name not in known][: ITEMS_NAMED - len(known)]
    if not missing or (draft.status.times is not None and draft.status.times.closed):
        return False
    if ask_for_checks(draft):
        return True
    stored = [s for s in missing if s.name in draft.seen.stored]
    if stored:
        draft.set(postmortem=record.model_copy(update={"action_items": (*known, *(s.name for s in stored))}))
        _tell_of_items(draft, stored)
    refused = [s for s in missing if s.name in draft.seen.not_stored]
    if refused:
        draft.wake(draft.now + draft.catalog.policy.store_again)
    draft.stores.extend(s for s in missing if s not in stored and s not in refused)
    return len(refused) < len(missing)


def _later_items(draft: Draft, record: PostmortemRecord) -> list[Store]:
    """Of notes those that are in sight: who wrote one since has its line there, and five in all are enough."""
    known, meta = record.action_items or (), draft.incident.metadata
    followed = _following(draft)
    room = ITEMS_DRAFTED - len({*known, *(s.name for s in followed)})
    due = draft.now + draft.catalog.policy.follow_up_due
    story, name = Story(draft.status.timeline), record.name or meta.name
    notes = todo_items(draft, story, name, due, len(story.lines))
    fresh = [(title, spec) for title, spec in notes if title not in known][: max(0, room)]
    return [*followed, *(_store(draft, ACTION_ITEMS, "ActionItem", title, spec) for title, spec in fresh)]


def _write_another(draft: Draft, record: PostmortemRecord) -> None:
    """What is published and does not say what came after it stays as it is; another text begins with the whole record."""
    meta, times, answer = draft.incident.metadata, draft.status.times, draft.seen.get(postmortem_of(draft))
    if times is None or times.closed or record.waived or not isinstance(answer, Found):
        return
    if not is_published(answer.value) or says_enough(answer.value, record, times):
        return
    anew = {"due_time": None, "remind_time": None, "drafted_time": None, **_UNSAID}
    name = next_name(meta, record.name or meta.name)
    draft.set(postmortem=record.model_copy(update={**anew, "name": name}))


def _story(draft: Draft) -> Story | None:
    """The whole of the record; None while pages are asked for."""
    namespace = draft.incident.metadata.namespace
    if draft.ask(*pages_of(draft.status, namespace)):
        return None
    return whole_story(draft.status, namespace, draft.seen.get)


def _decided(draft: Draft, story: Story) -> PostmortemRecord | None:
    """Decided once; None while it is not known whether the name is free."""
    name = _name(draft)
    if name is None:
        return None
    decision, reasons = decide(draft, story)
    record = PostmortemRecord(decision=decision, reasons=reasons, name=name)
    items = tuple(s.name for s in _drafts(draft, story, record)[1:])
    record = record.model_copy(update={"action_items": items[:ITEMS_NAMED] or None})
    draft.set(postmortem=record)
    return record


def _name(draft: Draft) -> str | None:
    """
    The incident's name; where an earlier incident of that name left its own, which is kept for ever, with our uid. None while
    it is not known: people may have begun one under the name, and a busy moment of the API server must not give them a second.
    """
    meta = draft.incident.metadata
    answer = draft.answer(Get(POSTMORTEMS, meta.namespace, meta.name))
    if isinstance(answer, Failed) and answer.passing:
        draft.wake(draft.now + ASK_AGAIN)
        return None
    if answer is None:
        return None
    mine = isinstance(answer, NotFound)
    if isinstance(answer, Found):
        mine = _is_mine(draft, answer.value)
    return meta.name if mine else f"{meta.name}-{meta.uid[:6]}"


def _is_mine(draft: Draft, body: dict[str, Any]) -> bool:
    """With our uid; or what people began to write for this incident, and for no earlier one of its name."""
    meta, labels = draft.incident.metadata, body["metadata"].get("labels") or {}
    if Label.INCIDENT_UID in labels:
        return bool(labels[Label.INCIDENT_UID] == meta.uid)
    made = body["metadata"].get("creationTimestamp")
    earlier = made is not None and datetime.fromisoformat(made) < meta.creation_timestamp
    theirs = Label.CLOSED in labels or is_published(body) or earlier
    return not theirs and body["spec"].get("incident") == meta.name


def _drafts(draft: Draft, story: Story, record: PostmortemRecord) -> list[Store]:
    """The Postmortem, then the items that follow from it; a further text names those that there are."""
    meta = draft.incident.metadata
    name = record.name or meta.name
    items = [] if is_further(meta, name) else _items(draft, story, name)
    named = tuple(i.name for i in items) or record.action_items or ()
    text_due = due_of(draft, draft.now)
    text = postmortem_spec(draft, story, named, text_due, record.decision != SHORT)
    return [_store(draft, POSTMORTEMS, "Postmortem", name, text), *items]


def _following(draft: Draft) -> list[Store]:
    """What follows from what was done."""
    items = [_follow_up(draft, r) for r in draft.records if r.action == "rolloutUndo" and standing(r)]
    return [*items, *(_back_port(draft, r) for r in draft.records if r.action == HOLD and standing(r))]


def _items(draft: Draft, story: Story, name: str) -> list[Store]:
    items = _following(draft)
    due = draft.now + draft.catalog.policy.follow_up_due
    for title, spec in todo_items(draft, story, name, due, ITEMS_DRAFTED - len(items)):
        items.append(_store(draft, ACTION_ITEMS, "ActionItem", title, spec))
    return items


def _drafted(draft: Draft, record: PostmortemRecord, stores: list[Store]) -> None:
    dates = dates_of(draft, draft.now)
    changes = {"drafted_time": draft.now, **dates, "remind_time": first_reminder(draft, dates["due_time"])}
    draft.set(postmortem=record.model_copy(update=changes))
    why = ", ".join(record.reasons or ())
    further = is_further(draft.incident.metadata, record.name)
    stays = "; what is published stays as it is" if further else ""
    text = f"Postmortem {record.name} drafted ({record.decision}: {why}){stays}"
    draft.say(EventKind.POSTMORTEM_DRAFTED, text, entry=record.name, event=True)
    _tell_of_items(draft, stores[1:])
    if not further:
        tell_of_toil(draft)


def _tell_of_items(draft: Draft, stores: list[Store]) -> None:
    for each in stores:
        title = each.body["spec"]["title"]
        text = f"{title}; owner {each.body['spec']['owner']}"
        draft.say(EventKind.ACTION_ITEM_DRAFTED, text, entry=each.name, event=True)


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
    check = in_git(draft, record)
    return item(
        draft,
        record,
        _of_this(draft, record, "git"),
        f"Put into Git what was changed {where} {record.target}, then undo {record.name}",
        f"{record.plan}. Until it is undone, no change of Git {comes} it. Do it in this order: change Git, check that it "
        f"says what the cluster says, then undo {record.name}. {check.words}.",
        done_when=check.done_when,
    )


def _follow_up(draft: Draft, record: MitigationRecord) -> Store:
    """The bad revision still needs a fix: a rollback only bought time."""
    check = fixed(draft, record)
    return item(
        draft,
        record,
        _of_this(draft, record, "fix"),
        f"Fix what {record.target} was rolled back from, and roll it out again",
        f"{record.plan}. Until the fix is out, Git and the cluster may disagree: bring the rollback into Git too. {check.words}.",
        done_when=check.done_when,
    )


def _of_this(draft: Draft, record: MitigationRecord, suffix: str) -> str:
    """
    With the first attempt's digits, which never change: an incident of the same name has other ones, and its item is not taken
    for ours that is there already.
    """
    return f"{suffix}-{action_id(draft.incident.metadata.uid, record.name, 1)[:6]}"


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
        postmortem=(draft.status.postmortem.name if draft.status.postmortem else None) or name,
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
