"""Guard 7: what GitOps would put back is held first, or refused, or left to be put back, as was chosen (decisions 2.9)."""

import re
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.actions import GitOpsHold
from stanch.api.incident_status import MitigationRecord, ResolvedTarget, WishState
from stanch.api.meta import Target, instant
from stanch.api.names import EventKind, Reason
from stanch.api.wish import GitOps, Revert, When, Wish
from stanch.core.argo import heals, lists, set_of
from stanch.core.asking import target_of
from stanch.core.draft import HOLD_FOR, RECORDS_MAX, Draft
from stanch.core.observations import Found
from stanch.core.ports import Aim, Change, Refusal
from stanch.core.questions import APPLICATIONS, REF_OF_KIND, Get
from stanch.core.reverts import chosen
from stanch.core.steering import Steerer, ask_for_hold, leaves_alone, perhaps, sets, steerers
from stanch.core.swap import digest

HOLD: Final = "gitOpsHold"
NAME_MAX: Final = 40
_GO_DURATION: Final = re.compile(r"(\d+)(h|m|s)")


def who_puts_back(draft: Draft, aim: Aim, change: Change) -> tuple[Steerer, ...]:
    """Reconcilers that set a touched field and have not been told to leave the object alone."""
    target = draft.seen.get(target_of(aim))
    if not isinstance(target, Found) or not change.before:
        return ()
    obj = target.value
    return tuple(w for w in steerers(obj) if not leaves_alone(obj, w) and sets(obj, w, change.before))


def nobody_forbids(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> Refusal | None:
    """The half of the guard that people need not be asked for: where no hold would do, or it was refused."""
    return _guard(draft, record, aim, change, ask=False)


def hold_first(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> Refusal | None:
    """None when nobody would put it back, or when that was chosen; asks for a hold where one suffices."""
    return _guard(draft, record, aim, change, ask=True)


def _guard(draft: Draft, record: MitigationRecord, aim: Aim, change: Change, *, ask: bool) -> Refusal | None:
    chosen = _chosen(draft, record)
    if record.action == HOLD or chosen is GitOps.IGNORE:
        return None
    for who in who_puts_back(draft, aim, change):
        if who.ref is APPLICATIONS:
            if refusal := _application(draft, aim, who, sure=True):
                return refusal
        elif chosen is GitOps.REFUSE:
            return Refusal(
                Reason.OWNED_BY_ANOTHER, f"{who} sets this field of {aim} and would put it back; {_instead(draft)}"
            )
        elif refusal := _hold(draft, record, who, ask=ask):
            return refusal
    maybe = _who_may_be_it(draft, aim, change)
    return _application(draft, aim, maybe, sure=False) if maybe else None


def _chosen(draft: Draft, record: MitigationRecord) -> GitOps:
    """What the wish says, else the policy in force; a policy that refuses is not overruled by a wish."""
    policy = draft.catalog.policy.git_ops
    return policy if policy is GitOps.REFUSE else record.asked.git_ops or policy


def _instead(draft: Draft) -> str:
    if draft.catalog.policy.git_ops is GitOps.REFUSE:
        return "the ResponsePolicy here says guardrails.gitOps: Refuse, so change it in Git"
    return "change it in Git, or set gitOps: Hold or Ignore"


def _who_may_be_it(draft: Draft, aim: Aim, change: Change) -> Steerer | None:
    target = draft.seen.get(target_of(aim))
    return perhaps(target.value) if isinstance(target, Found) and change.before else None


def _hold(draft: Draft, record: MitigationRecord, who: Steerer, *, ask: bool) -> Refusal | None:
    name = f"hold-{record.name}"[:NAME_MAX].rstrip("-")
    known = draft.record(name)
    if known is not None and known.source != f"{HOLD_FOR}{record.name}":
        # A name that somebody else uses; this one nobody has by chance.
        name = f"hold-{digest(record.name)[-8:]}"
        known = draft.record(name)
    if known is None and len(draft.records) >= RECORDS_MAX:
        why = f"this incident has {RECORDS_MAX} mitigations, so there is no room for a hold; ask in another incident"
        return Refusal(Reason.OWNED_BY_ANOTHER, f"{who} would put it back, and {why}")
    if known is not None and known.state not in (WishState.WAITING, WishState.HELD, WishState.RUNNING):
        why = f"{name} is {known.state.value}: {known.message or 'its label is gone again'}"
        return Refusal(Reason.OWNED_BY_ANOTHER, f"{who} would put it back, and {why}"[:900])
    if not ask:
        return None
    if known is None:
        _ask(draft, record, name, who)
        draft.wake(draft.now)
    why = f" ({known.message})" if known is not None and known.state is WishState.HELD and known.message else ""
    message = f"Waits for {name}: {who} would put it back, so it is told to leave it alone first{why}"
    return Refusal(Reason.WAITS_FOR_HOLD, message[:900])


def _ask(draft: Draft, record: MitigationRecord, name: str, who: Steerer) -> None:
    """A wish of its own, by the same person, in front of the one it is for: with its own attempt, undo and debt."""
    assert record.target is not None
    target = Target(kind=record.target.kind, name=record.target.name)
    wish = Wish(
        name=name,
        git_ops_hold=GitOpsHold(),
        target=target,
        when=When.ALWAYS,
        ttl=record.asked.ttl,
        revert=_revert(draft, record),
        reason=f"{who} would put back {record.name}",
    )
    hold = MitigationRecord(
        name=name,
        source=f"{HOLD_FOR}{record.name}",
        action=HOLD,
        asked=wish,
        wish=digest({"wish": wish.wire()}),
        target=ResolvedTarget(kind=target.kind, name=target.name),
        automatic=record.automatic,
        requested_by=record.requested_by,
        asked_time=draft.now,
        state=WishState.WAITING,
    )
    at = next(i for i, r in enumerate(draft.records) if r.name == record.name)
    draft.set(mitigations=(*draft.records[:at], hold, *draft.records[at:]))
    draft.say(
        EventKind.MITIGATION_ASKED, f"{name}: {who} would put back {record.name}", by=record.requested_by or "somebody"
    )


def _revert(draft: Draft, record: MitigationRecord) -> Revert | None:
    """As was chosen for what it is for; but where nothing of that expires, the hold is not lifted over it."""
    mitigation, aim = draft.catalog.mitigations[record.action], draft.aim(record)
    expires = mitigation.debt is not None and aim is not None and mitigation.owes(record.asked.action[1], aim)
    revert = chosen(record)
    return None if revert is Revert.ASK or (revert is Revert.ON_EXPIRY and not expires) else revert


def warnings_of(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> tuple[str, ...]:
    """What it means to ignore them: when it will be put back, as far as can be read."""
    if _chosen(draft, record) is not GitOps.IGNORE:
        return ()
    return tuple(f"{who} will put it back{_when(draft, who, aim)}" for who in who_puts_back(draft, aim, change))


def _when(draft: Draft, who: Steerer, aim: Aim) -> str:
    if who.ref is None or who.ref is APPLICATIONS:
        return ""
    answer = draft.answer(Get(who.ref, who.namespace, who.name))
    if not isinstance(answer, Found) or not (who.namespace == aim.namespace or has(answer.value, aim)):
        return " at its next run"
    interval = _interval(answer.value)
    conditions = (answer.value.get("status") or {}).get("conditions") or ()
    last = next((c.get("lastTransitionTime") for c in conditions if c.get("type") == "Ready"), None)
    if interval is None or last is None:
        return " at its next run"
    return (
        f" at {instant(datetime.fromisoformat(last) + interval)} (its interval is {answer.value['spec']['interval']})"
    )


def has(kustomization: dict[str, Any], aim: Aim) -> bool:
    """Is the object in the inventory of this Kustomization? Else its label may say what is not so."""
    wanted = f"{aim.namespace}_{aim.name}_{REF_OF_KIND[aim.kind.value].group}_{aim.kind.value}"
    entries = ((kustomization.get("status") or {}).get("inventory") or {}).get("entries") or ()
    return any(e.get("id") == wanted for e in entries)


def _interval(obj: dict[str, Any]) -> timedelta | None:
    parts = _GO_DURATION.findall(str(obj["spec"].get("interval") or ""))
    units = {"h": 3600, "m": 60, "s": 1}
    return timedelta(seconds=sum(int(n) * units[u] for n, u in parts)) if parts else None


# --- Argo CD ---------------------------------------------------------------------------------------------------------


def _unproven(aim: Aim, who: Steerer) -> Refusal:
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{aim} says that {who} steers it, and no Application of that name that stanch can read lists it. Correct the "
        "annotation, let stanch get applications.argoproj.io there, or set gitOps: Ignore",
    )


def _application(draft: Draft, aim: Aim, who: Steerer, *, sure: bool) -> Refusal | None:
    """There is no label that it heeds on the object: only with self-heal on does it put a live change back at once."""
    answer = draft.answer(Get(APPLICATIONS, who.namespace, who.name))
    if answer is None:
        return None
    if who.namespace != aim.namespace and not (isinstance(answer, Found) and lists(answer.value, aim)):
        # Who wrote the mark may name what they have no right to read: whether it is there, and heals, is not theirs to learn.
        return _unproven(aim, who) if sure else None
    if not isinstance(answer, Found):
        if not sure:
            return None
        said = getattr(answer, "message", f"there is no Application {who.name} in namespace {who.namespace}")
        return Refusal(
            Reason.OWNED_BY_ANOTHER,
            f"{who} steers {aim}, and whether it would put it back can't be read ({said}); "
            "let stanch get applications.argoproj.io there, or set gitOps: Ignore",
        )
    if not heals(answer.value) or not (sure or lists(answer.value, aim)):
        return None
    set_name = set_of(answer.value)
    made_by = (
        f" Its ApplicationSet {set_name} would undo that: set there ignoreApplicationDifferences for /spec/syncPolicy."
        if set_name
        else ""
    )
    line = f"kubectl -n {who.namespace} patch {APPLICATIONS.plural}.{APPLICATIONS.group} {who.name} --type=merge"
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{who} has selfHeal on and would put {aim} back within seconds. Hold it first: {ask_for_hold(aim, who)}; or by "
        f'hand: {line} -p \'{{"spec":{{"syncPolicy":{{"automated":{{"selfHeal":false}}}}}}}}\' and put it back afterwards; '
        f"or set gitOps: Ignore.{made_by}",
    )
