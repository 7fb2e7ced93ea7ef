"""Write an effect down: evidence, undo record and attempt together, once everything that must be known is known."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from stanch.api.evidence import NORMAL_REASONS, Purpose
from stanch.api.incident_status import (
    Attempt,
    AttemptState,
    EvidenceRecord,
    MitigationRecord,
    UndoClass,
    WishState,
)
from stanch.api.meta import Target, TargetKind, instant
from stanch.api.names import OPERATOR_NAMESPACE, EventKind, Label, Reason
from stanch.core.askers import who_asked
from stanch.core.captures import Wanted, capture, collected
from stanch.core.diff import differences, dotted
from stanch.core.draft import MACHINE, Draft, shorten
from stanch.core.freeze import met
from stanch.core.observations import Answer, Failed, Found
from stanch.core.plain import without_values
from stanch.core.ports import Aim, Change, Refusal
from stanch.core.questions import REF_OF_KIND, DryRun, Ref
from stanch.core.records import UNDO_TYPE, Store
from stanch.core.swap import action_id, digest, exchange, fields, mark, patch_text

SECRETS = Ref("", "v1", "secrets")
# etcd's and the API server's limit for a Secret's data, less what stands around the patches, which come in three forms.
SECRET_BYTES_MAX = 1_000_000
UNDO_COPIES = 3
_SILENT: Final = {
    0: "The API server gave no answer when it was to try it; an admission webhook that hangs does that: look at them with "
    "`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`",
    429: "The API server has no time to try it",
}


def next_id(draft: Draft, record: MitigationRecord, *, undoes: bool = False) -> str:
    """Id of the attempt that would come next; equal for every replica."""
    return action_id(draft.incident.metadata.uid, record.name, len(record.attempts or ()) + 1, undoes=undoes)


def apply_patch(change: Change, action: str) -> str:
    """The patch text that would be sent."""
    return patch_text([*exchange(change.uid, change.before, change.after), *mark(change.labels, action)])


def dry_run(
    draft: Draft, record: MitigationRecord, aim: Aim, change: Change, *, undoes: bool = False
) -> Refusal | bool:
    """True when the API server would accept exactly this patch; False while it is being asked."""
    if not change.before:
        return True  # It writes no field; whether its pods may go was asked by its own plan.
    patch = apply_patch(change, next_id(draft, record, undoes=undoes))
    if too_big := _too_big(aim, len(patch.encode())):
        return too_big
    answer = _said(draft.answer(DryRun(REF_OF_KIND[aim.kind.value], aim.namespace, aim.name, patch)), change)
    if answer is None:
        return False
    if isinstance(answer, Failed):
        return _judged(draft, record, answer, undoes=undoes)
    return _kept_otherwise(aim, change, answer.value) if isinstance(answer, Found) else True


def _said(answer: Answer | None, change: Change) -> Answer | None:
    """Who refuses often quotes what it refuses."""
    if not isinstance(answer, Failed):
        return answer
    for written in (change.before, change.after):
        answer = replace(answer, message=without_values(answer.message, written))
    return answer


def _kept_otherwise(aim: Aim, change: Change, kept: Mapping[str, Any]) -> Refusal | bool:
    """A webhook, or a schema that lacks the field, may make something else of it: then its undo would not be exact."""
    live = fields(kept, change.after)
    if digest(live) == digest(dict(change.after)):
        return True
    lines = [line for p, wanted in change.after.items() for line in differences(wanted, live[p], dotted(p))]
    message = (
        f"The API server would make something else of it than is planned for {aim}: {'; '.join(lines[:4])}. Look for a "
        "mutating webhook or policy that changes it, or a CRD that lacks the field; act by hand if it is meant"
    )
    return Refusal(Reason.DRY_RUN_REFUSED, message)


def _judged(draft: Draft, record: MitigationRecord, answer: Failed, *, undoes: bool) -> Refusal | bool:
    if answer.status in (0, 429):
        # Nobody judged the patch: asked again, and once it has lasted told, but not as a refusal.
        since = record.undo_asked.time if undoes and record.undo_asked else record.asked_time
        if draft.now - since >= draft.catalog.policy.told_after:
            return Refusal(Reason.NO_DATA_NOW, f"{_SILENT[answer.status]} ({answer.message}); tried again"[:900])
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return False
    if met(answer):
        return Refusal(Reason.FROZEN, answer.message[:900])
    if answer.status == 403 and "cannot patch resource" in answer.message:
        missing = answer.message.split(": ", 1)[-1]
        return Refusal(
            Reason.PERMISSION_MISSING, f"The operator may not do it ({missing}); bind its role for {record.action}"
        )
    if answer.status >= 500:
        return Refusal(Reason.NO_DATA_NOW, f"The API server could not try it: {answer.message}; tried again"[:900])
    return Refusal(Reason.DRY_RUN_REFUSED, f"The API server would refuse it: {answer.message}"[:900])


def _too_big(aim: Aim, size: int) -> Refusal | None:
    if size * UNDO_COPIES <= SECRET_BYTES_MAX:
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"The undo record of {aim} would not fit into a Secret: {size} bytes of old and new values, "
        f"{SECRET_BYTES_MAX // UNDO_COPIES} at most; act by hand, or make the template smaller",
        final=True,
    )


def fresh_evidence(draft: Draft, aim: Aim) -> EvidenceRecord | None:
    """A capture of this target that is young (decisions 1.3 no. 37) and whole enough to stand for this effect too."""
    policy = draft.catalog.policy
    kept = (e for e in draft.status.evidence or () if e.captured_time >= draft.now - policy.evidence_fresh)
    whole = (e for e in kept if e.rest_of is None and not (policy.evidence_required and e.missing))
    return next(reversed([e for e in whole if _shows(draft, e, aim)]), None)


def _shows(draft: Draft, evidence: EvidenceRecord, aim: Aim) -> bool:
    if evidence.purpose == Purpose.DECLARED:
        return any((t.kind, t.name) == (aim.kind, aim.name) for t in _declared_about(draft))
    if evidence.purpose != Purpose.BEFORE:
        return False
    made_for = (r for r in draft.records if any(a.evidence == evidence.name for a in r.attempts or ()))
    return any(draft.aim(r) == aim for r in made_for)


def _declared_about(draft: Draft) -> tuple[Target, ...]:
    """What the capture at declaration surely shows: of targets that came later nobody can tell whether they came in time."""
    declared, named = draft.incident.spec.targets or (), draft.named_by_alerts
    return tuple(t for t in declared if t in named) if declared and named else declared or named


def lacks_evidence(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> Refusal | None:
    """`evidence.required` of the ResponsePolicy: nothing is done without whole evidence (decisions C5). Undoing is free."""
    if not draft.catalog.policy.evidence_required:
        return None
    rule = "evidence.required of the ResponsePolicy is true"
    if record.asked.harm_first:
        return Refusal(
            Reason.EVIDENCE_INCOMPLETE,
            f"harmFirst would act before there is evidence, and {rule}; ask without harmFirst",
        )
    loses = lost_with(aim, change)
    if not loses and fresh_evidence(draft, aim) is not None:
        return None
    captured = collected(draft, Wanted((aim,), Purpose.BEFORE, record.name, record.name, None, loses))
    if not captured.really_missing:
        return None
    lacking = captured.body["spec"].get("missing") or ()
    names = ", ".join(f"{each['name']} ({each['reason']})" for each in lacking if each["reason"] not in NORMAL_REASONS)
    return Refusal(
        Reason.EVIDENCE_INCOMPLETE,
        f"{captured.really_missing} things are missing in the evidence of {aim}: {shorten(names, 300)}; and {rule}. Tried again",
    )


def intend(draft: Draft, record: MitigationRecord, aim: Aim, change: Change, undoes: str | None = None) -> None:
    """The write-ahead step: from here on the effect may happen, so everything to undo it is stored with it."""
    action = next_id(draft, record, undoes=undoes is not None)
    refused = _refused_before(draft, record, undoes)
    without = record.asked.harm_first or refused
    evidence = None if without else _evidence(draft, record, aim, action, lost_with(aim, change))
    patches = _undo_record(draft, record, aim, change, action)
    secret = f"stanch-undo-{action}-{digest(patches)[7:13]}"
    draft.stores.append(_secret(draft, record, secret, patches))
    asked = record.undo_asked if undoes else None
    attempt = Attempt(
        id=action,
        state=AttemptState.INTENDED,
        undoes=undoes,
        asked_by=asked.by if asked else None,
        asked_entry=asked.entry if asked else None,
        agreed=asked.approvals.by if asked and asked.approvals else None,
        intended_time=draft.now,
        pre=digest(dict(change.before)),
        post=digest(dict(change.after)),
        evidence=evidence.name if evidence else None,
        evidence_sha256=evidence.sha256 if evidence else None,
        undo_ref=secret,
        fields=tuple(change.before)[:64] or None,
        removes=tuple(pod.uid for pod in change.removes) or None,
    )
    assert record.target is not None
    changes: dict[str, Any] = {
        "attempts": (*(record.attempts or ()), attempt),
        "target": record.target.model_copy(update={"uid": change.uid}),
        "message": None,
        "reason": None,
    }
    if not undoes:
        changes |= {"state": WishState.RUNNING, "break_glass": _break_glass(draft, record, aim, change, secret)}
    else:
        changes |= {"undo_asked": None}
    draft.put(record.model_copy(update=changes))
    who = asked.by if asked else record.requested_by
    lets_in = f". {'; '.join(change.warnings)}" if undoes and change.warnings else ""
    draft.say(EventKind.MITIGATION_INTENDED, f"{record.name}: {change.summary}, asked by {who}{lets_in}")
    if refused:
        text = f"{record.name} goes on without evidence, which the API server would not store: {refused}"
        draft.say(EventKind.EVIDENCE_NOT_STORED, text, event=True, warning=True)


def _refused_before(draft: Draft, record: MitigationRecord, undoes: str | None) -> str:
    """
    Why the API server would not store the evidence of the try before; empty where it did, or where nothing is done without.

    A quota or a webhook that is itself the incident must not keep it from being ended (decisions C5).
    """
    last = next(reversed(record.attempts or ()), None)
    if (
        last is None
        or last.state is not AttemptState.SKIPPED
        or (draft.catalog.policy.evidence_required and not undoes)
    ):
        return ""
    return last.evidence_refused or ""


def lost_with(aim: Aim, change: Change) -> frozenset[str]:
    """
    Uids of pods whose logs go with the effect and are in no other evidence: those of a Node are many workloads', so only
    what takes them away looks at them.
    """
    return frozenset(pod.uid for pod in change.removes) if aim.kind is TargetKind.NODE else frozenset()


def _evidence(draft: Draft, record: MitigationRecord, aim: Aim, action: str, loses: frozenset[str]) -> EvidenceRecord:
    number = len(record.attempts or ()) + 1
    # Only what is older than a minute is captured again; an undo always looks anew, for the world has changed since.
    fresh = fresh_evidence(draft, aim) if number == 1 and not loses else None
    if fresh is not None:
        return fresh
    name = f"{draft.incident.metadata.name[:120]}-{record.name}-{number}-a"
    return capture(draft, Wanted((aim,), Purpose.BEFORE, name, record.name, action, loses))


def _undo_record(draft: Draft, record: MitigationRecord, aim: Aim, change: Change, action: str) -> dict[str, Any]:
    ref = REF_OF_KIND[aim.kind.value]
    return {
        "action": action,
        "incident": {"namespace": draft.incident.metadata.namespace, "name": draft.incident.metadata.name},
        "mitigation": record.name,
        "path": ref.path(aim.namespace, aim.name),
        "uid": change.uid,
        "before": dict(change.before),
        "after": dict(change.after),
        "removes": [asdict(pod) for pod in change.removes],
        "within": change.within.total_seconds() if change.within else None,
        "note": dict(change.note),
        **who_asked(draft, record),
        "apply": apply_patch(change, action),
        "undo": patch_text(exchange(change.uid, change.after, change.before)),
    }


def _kept(patches: Mapping[str, Any]) -> dict[str, Any]:
    """What the Secret's member ``record`` holds: all but the patches, which have members of their own."""
    return {key: value for key, value in patches.items() if key not in ("apply", "undo")}


def _secret(draft: Draft, record: MitigationRecord, name: str, patches: Mapping[str, Any]) -> Store:
    meta = draft.incident.metadata
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": UNDO_TYPE,
        "immutable": True,
        "metadata": {
            "name": name,
            "namespace": OPERATOR_NAMESPACE,
            "labels": {
                Label.MANAGED_BY: MACHINE,
                # So that people find it by the mark on the target: the operator may not list Secrets.
                Label.ACTION: patches["action"],
                Label.INCIDENT_UID: meta.uid,
                Label.INCIDENT_NAMESPACE: meta.namespace,
            },
            "annotations": {
                "stanch.dev/incident": meta.name,
                "stanch.dev/mitigation": record.name,
                "stanch.dev/time": instant(draft.now),
            },
        },
        # Templates may hold secrets in env, so they live here, in the operator's namespace, and nowhere else.
        "stringData": {"undo": patches["undo"], "apply": patches["apply"], "record": patch_text([_kept(patches)])},
    }
    return Store(SECRETS, OPERATOR_NAMESPACE, name, digest(patches), body, urgent=True, record=dict(patches))


def _break_glass(
    draft: Draft, record: MitigationRecord, aim: Aim, change: Change, secret: str
) -> tuple[str, ...] | None:
    """Lines that take it back without stanch; none where nothing can."""
    if draft.catalog.mitigations[record.action].undo_class is UndoClass.NONE:
        return None
    where = f"-n {aim.namespace} " if aim.namespace else ""
    exact = (
        f"kubectl -n {OPERATOR_NAMESPACE} get secret {secret} -o go-template='{{{{.data.undo|base64decode}}}}' | "
        f"kubectl {where}patch {aim.kind.value.lower()} {aim.name} --type=json --patch-file=/dev/stdin"
    )
    return (change.undo_by_hand, exact)
