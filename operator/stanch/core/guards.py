"""Reasons not to act, in order; the first that says no wins (decisions 2.9; the rest of the sixteen come with their issue)."""

from collections.abc import Callable, Iterable
from typing import Final

from stanch.api.actions import KINDS_OF_ACTION
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import Person, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE, Label, Reason
from stanch.core.asking import target_of
from stanch.core.contest import tug_of_war
from stanch.core.debts import DEBTS_MAX, owing
from stanch.core.draft import HOLD_FOR, Draft
from stanch.core.observations import Busy, Failed, Found
from stanch.core.ports import Aim, Need, Refusal
from stanch.core.questions import ENTRIES, EVIDENCES, REF_OF_KIND, Get, List, MayThey
from stanch.core.runners import nobody_else_runs_it
from stanch.core.swap import overlap

Guard = Callable[[Draft, MitigationRecord, Aim], Refusal | None]


def incident_is_open(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Nothing new starts in a paused incident, or in one whose namespace is going away."""
    if draft.incident.spec.paused:
        return Refusal(Reason.PAUSED, "The incident is paused; set spec.paused to false to go on")
    if draft.incident.metadata.deletion_timestamp:
        return Refusal(Reason.PAUSED, "The incident is being deleted")
    return None


def policies_are_proven(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Without the admission policies nobody knows who asked (F13)."""
    if draft.seen.policies.proven:
        return None
    return Refusal(Reason.POLICIES_MISSING, draft.seen.policies.problem)


def somebody_vouched(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """A wish from before the policies were in force stays unstamped, and never runs."""
    if record.requested_by:
        return None
    return Refusal(
        Reason.AUTHORITY_UNPROVEN,
        f"Nobody vouched for {record.name}: it was written before the admission policies were in force; "
        "ask again with a mitigate entry",
    )


def action_fits_kind(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Admission refuses this already; an older schema may not."""
    if aim.kind in KINDS_OF_ACTION[record.action]:
        return None
    kinds = ", ".join(sorted(k.value for k in KINDS_OF_ACTION[record.action]))
    return Refusal(Reason.PREFLIGHT, f"{record.action} acts on {kinds}, not on {aim.kind.value}", final=True)


def place_is_allowed(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Nodes only from the operator's namespace; nothing in protected namespaces (F15)."""
    namespace = draft.incident.metadata.namespace
    if aim.kind is TargetKind.NODE:
        if namespace == OPERATOR_NAMESPACE:
            return None
        return Refusal(
            Reason.PROTECTED,
            f"Nodes are acted on only by incidents in namespace {OPERATOR_NAMESPACE}; declare it there",
            final=True,
        )
    if namespace in draft.catalog.policy.protected_namespaces:
        return Refusal(Reason.PROTECTED, f"Namespace {namespace} is protected; nothing is changed there", final=True)
    return None


def not_seen_before(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """An incident created again (Git, a restore) must not act again: evidence of its former self is still there (F1)."""
    meta = draft.incident.metadata
    question = List(EVIDENCES, meta.namespace, labels=f"{Label.INCIDENT}={meta.name}", limit=20, metadata_only=True)
    answer = draft.answer(question)
    if not isinstance(answer, Found):
        return (
            None
            if answer is None
            else Refusal(
                Reason.NO_DATA_NOW, f"Earlier evidence can't be read yet: {getattr(answer, 'message', '')}; asked again"
            )
        )
    others = {
        uid
        for item in answer.value.get("items") or ()
        if (uid := (item["metadata"].get("labels") or {}).get(Label.INCIDENT_UID)) and uid != meta.uid
    }
    if not others or record.source != "Spec":
        return None
    return Refusal(
        Reason.SEEN_BEFORE,
        f"An incident {meta.name} acted here before and was created again; "
        "if it is a new one, ask with a mitigate entry, or declare it under a new name",
    )


def target_is_free(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """No two writes at once on one object: each would find the other's label where its own should be."""
    other = _acting(draft, aim)
    return _busy(other, aim) if other is not None and other.fields is None else None


def fields_are_free(draft: Draft, aim: Aim, fields: Iterable[str]) -> Refusal | None:
    """What another incident wrote and still looks at is not written over; its other fields may be."""
    other, mine = _acting(draft, aim), tuple(fields) or ("",)
    if other is None or not any(_overlap(one, two) for one in other.fields or ("",) for two in mine):
        return None
    return _busy(other, aim)


def _acting(draft: Draft, aim: Aim) -> Busy | None:
    answer = draft.seen.get(target_of(aim))
    return draft.seen.busy.get(answer.value["metadata"]["uid"] if isinstance(answer, Found) else "")


def _busy(other: Busy, aim: Aim) -> Refusal:
    return Refusal(
        Reason.TARGET_BUSY, f"Incident {other.incident} is acting on {aim}; free when that attempt has ended"
    )


def _overlap(one: str, two: str) -> bool:
    """A pause would freeze a rollout on its way, so these two are one."""
    one, two = (pointer.replace("/spec/paused", "/spec/template") for pointer in (one, two))
    return overlap(one, two)


def room_for_what_is_owed(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """What the record has no room for, nobody would be reminded of."""
    mitigation = draft.catalog.mitigations[record.action]
    owes = mitigation.debt is not None and mitigation.owes(record.asked.action[1], aim)
    if (
        not owes
        or len({*(d.attempt for d in draft.status.debt or ()), *(a.id for _, a, _ in owing(draft))}) < DEBTS_MAX
    ):
        return None
    return Refusal(
        Reason.TOO_MUCH_OWED,
        f"{DEBTS_MAX} things are owed already, which is all that the record holds; undo one first, or ask in another incident",
    )


def nobody_pulls(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Two that write the same object by turns make it worse each time."""
    pulled = next((r for r in draft.records if draft.aim(r) == aim and tug_of_war(draft, r)), None)
    if pulled is None or pulled.contest is None:
        return None
    return Refusal(
        Reason.TUG_OF_WAR,
        f"{aim} is changed back and forth, last by {pulled.contest.by or 'somebody'}; nothing is started there until it has "
        "been calm for ten minutes (an hour after three changes). Find out who writes it",
    )


def asker_may(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """The asker's own right, asked again just before the effect: it may have been lost since admission."""
    needs = draft.catalog.mitigations[record.action].needs.get(aim.kind, ())
    person = _asker(draft, record)
    if person is None:
        return None
    return may(draft, record, aim, person, needs)


def _asker(draft: Draft, record: MitigationRecord) -> Person | None:
    """Who asked, with groups; None while the entry that says so is being read."""
    undo = record.undo_asked
    if record.source.startswith(HOLD_FOR) and not undo:
        wanted = draft.held_for(record)
        return _asker(draft, wanted) if wanted else Person(username="")
    source = record.source.removeprefix("Entry/") if record.source.startswith("Entry/") else None
    entry = undo.entry if undo and undo.entry else source
    if entry is None:
        return draft.incident.requester_of(record.name) or Person(username=record.requested_by or "")
    answer = draft.answer(Get(ENTRIES, draft.incident.metadata.namespace, entry))
    if answer is None:
        return None
    author = answer.value["spec"].get("author") if isinstance(answer, Found) else None
    return Person.model_validate(author) if author else Person(username="")


def may(draft: Draft, record: MitigationRecord, aim: Aim, person: Person, needs: tuple[Need, ...]) -> Refusal | None:
    """A refusal that names the missing right; None when all are there or still being asked."""
    ref = REF_OF_KIND[aim.kind.value]
    for need in needs:
        # What is not the target itself (a pod to evict) has no name yet; so does admission ask.
        itself = (need.group, need.resource) == (ref.group, ref.plural)
        question = MayThey(
            username=person.username,
            uid=person.uid or "",
            groups=person.groups or (),
            verb=need.verb,
            group=need.group,
            resource=need.resource,
            subresource=need.subresource,
            namespace=aim.namespace or "",
            name=aim.name if itself else "",
        )
        answer = draft.answer(question)
        if answer is None:
            continue
        if isinstance(answer, Failed):
            return Refusal(Reason.AUTHORITY_UNPROVEN, f"Rights of {person.username} can't be checked: {answer.message}")
        if not (isinstance(answer, Found) and answer.value.get("allowed")):
            what = f"{need.resource}{'/' + need.subresource if need.subresource else ''}"
            where = f"in namespace {aim.namespace}" if aim.namespace else "in the cluster"
            return Refusal(
                Reason.NO_AUTHORITY,
                f"{person.username} may not {need.verb} {what} {aim.name} {where}; grant it, or let another ask",
            )
    return None


# Order is design: cheap and certain first, questions to the API last.
GUARDS: Final[tuple[Guard, ...]] = (
    incident_is_open,
    policies_are_proven,
    somebody_vouched,
    action_fits_kind,
    place_is_allowed,
    not_seen_before,
    nobody_else_runs_it,
    asker_may,
    target_is_free,
    room_for_what_is_owed,
    nobody_pulls,
)


def refused(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """The first guard that says no."""
    return next((r for guard in GUARDS if (r := guard(draft, record, aim)) is not None), None)
