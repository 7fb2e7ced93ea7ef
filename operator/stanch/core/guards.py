"""Reasons not to act: is it open, may they, is the target free (decisions 2.9; core/guard_order.py has all in order)."""

from collections.abc import Iterable
from typing import Final

from stanch.api.actions import KINDS_OF_ACTION
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import Person, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE, Label, Reason
from stanch.core.askers import asker
from stanch.core.asking import target_of
from stanch.core.blast import DRAIN, TAKES_NODES_OUT
from stanch.core.census import RUNBOOK
from stanch.core.contest import tug_of_war
from stanch.core.debts import DEBTS_MAX, owing
from stanch.core.draft import Draft
from stanch.core.freeze import frozen
from stanch.core.git_ops import HOLD
from stanch.core.observations import Busy, Found
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import EVIDENCES, List
from stanch.core.rights import may
from stanch.core.statements import COMMANDER, holder
from stanch.core.swap import meet

CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"


def incident_is_open(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Nothing new starts in a paused incident, or in one whose namespace is going away."""
    if draft.incident.spec.paused:
        return Refusal(Reason.PAUSED, "The incident is paused; set spec.paused to false to go on")
    if draft.incident.metadata.deletion_timestamp:
        return Refusal(Reason.PAUSED, "The incident is being deleted")
    return None


def not_frozen(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Somebody stopped stanch; the leash policy would refuse the write as well (decisions note 9)."""
    return frozen(draft, aim)


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


def target_is_not_protected(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """The control plane, the node that stanch runs on, and what somebody labelled, such as what alerts travel by."""
    answer = draft.seen.get(target_of(aim))
    labels = (answer.value["metadata"].get("labels") or {}) if isinstance(answer, Found) else {}
    if aim.kind is TargetKind.NODE and record.action in TAKES_NODES_OUT and CONTROL_PLANE in labels:
        return Refusal(
            Reason.PROTECTED, f"{aim} is a control-plane node (label {CONTROL_PLANE}); do it by hand", final=True
        )
    if record.action == DRAIN and aim.name == draft.seen.own_node:
        return Refusal(
            Reason.PROTECTED,
            f"stanch itself runs on {aim}. Cordon it, let stanch start elsewhere (kubectl -n {OPERATOR_NAMESPACE} delete pod "
            "-l app.kubernetes.io/name=stanch), and it goes on",
        )
    if Label.PROTECTED in labels and record.action != HOLD:
        return Refusal(
            Reason.PROTECTED,
            f"{aim} carries label {Label.PROTECTED}; act by hand, or take the label off if it is meant",
        )
    return None


def commander_may_act(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Who coordinates does not act, where the ResponsePolicy says so; else it is only remarked in the plan."""
    commander = commander_asks(draft, record)
    if draft.catalog.policy.commander_acts != "Deny" or commander is None:
        return None
    return Refusal(
        Reason.COMMANDER_ACTS,
        f"{commander} commands this incident, and roles.commanderActs of the ResponsePolicy is Deny; let whoever has "
        "operations ask, or agree to what an alert chose",
    )


def commander_asks(draft: Draft, record: MitigationRecord) -> str | None:
    """Who commands now, when it is they who ask: by their own wish, or as who agrees to what an alert chose."""
    commander, person = holder(draft, COMMANDER), asker(draft, record)
    asks = {record.requested_by, person.username if isinstance(person, Person) else None}
    return commander if commander in asks else None


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
    if not others or not (record.source == "Spec" or record.source.startswith(RUNBOOK)):
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
    other = _acting(draft, aim)
    if other is None or not meet(other.fields or (), fields):
        return None
    return _busy(other, aim)


def _acting(draft: Draft, aim: Aim) -> Busy | None:
    answer = draft.seen.get(target_of(aim))
    return draft.seen.busy.get(answer.value["metadata"]["uid"] if isinstance(answer, Found) else "")


def _busy(other: Busy, aim: Aim) -> Refusal:
    return Refusal(
        Reason.TARGET_BUSY, f"Incident {other.incident} is acting on {aim}; free when that attempt has ended"
    )


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
    person = asker(draft, record)
    if person is None or isinstance(person, Refusal):
        return person
    return may(draft, record, aim, person, needs)
