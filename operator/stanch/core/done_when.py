"""
What doneWhen asks, and what one look at it saw. Pure: the same questions and answers as everything else that is looked at.

Nothing is proved by what could not be read: that is Unknown, and says which right or which setting is missing.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.api.action_item import ActionItem, ProofState
from stanch.api.done_when import AlertRulePresent, CelCheck, DoneWhen, ObjectRef
from stanch.api.names import GROUP, ItemReason
from stanch.api.policy import Policy
from stanch.core.check_promql import Unusable, judge
from stanch.core.draft import shorten
from stanch.core.observations import Answer, Failed, Found, Observations
from stanch.core.promql import read
from stanch.core.questions import Evaluate, Get, LoadedRule, Metric, Question, Ref

# Patient: nobody waits for it.
SECONDS: Final = 5.0
# An object as JSON, its managed fields left out; etcd takes 1.5 MiB.
OBJECT_MAX: Final = 2 * 1024 * 1024
SEEN_MAX: Final = 600
# Whatever rights anybody gave the operator: these are read for no item.
NEVER: Final = frozenset({("", "secrets"), (GROUP, "evidences")})


class CelProblem:
    """Why an expression gave no answer."""

    SYNTAX: Final = "Syntax"
    NOT_BOOLEAN: Final = "NotBoolean"
    MISSING: Final = "Missing"
    LIMIT: Final = "Limit"
    ERROR: Final = "Error"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw, in words; ``version`` and ``uid`` of the object that was read."""

    state: ProofState
    reason: str
    seen: str
    version: str | None = None
    uid: str | None = None


def look(item: ActionItem, seen: Observations, policy: Policy, now: datetime) -> Look | tuple[Question, ...]:
    """What is to be seen of it, or what has to be asked first."""
    check = item.spec.done_when
    assert check is not None
    if (ref := check.reads) is not None:
        return _object(item, ref, seen)
    return _prometheus(check, seen, policy, now)


def wrong(check: DoneWhen) -> str:
    """`field: why` of what can't be looked at whatever is there; empty when all of it can."""
    if (ref := check.reads) is not None and _key(ref) in NEVER:
        return f"spec.doneWhen.{_member(check)}.resource: {ref.resource} are read for no item (got {ref.resource!r})"
    if check.prom_ql is not None and (problem := read(check.prom_ql.query).problem):
        return f"spec.doneWhen.promQL.query: {problem}"
    return ""


def _member(check: DoneWhen) -> str:
    return "cel" if check.cel is not None else "objectExists"


def _key(ref: ObjectRef) -> tuple[str, str]:
    return _split(ref)[0], ref.resource


def _split(ref: ObjectRef) -> tuple[str, str]:
    group, _, version = ref.api_version.rpartition("/")
    return group, version


# --- an object -------------------------------------------------------------------------------------------------------


def _object(item: ActionItem, ref: ObjectRef, seen: Observations) -> Look | tuple[Question, ...]:
    check = item.spec.done_when
    assert check is not None
    if problem := wrong(check):
        return Look(ProofState.UNKNOWN, ItemReason.INVALID, problem)
    group, version = _split(ref)
    namespace = None if ref.cluster_scoped else item.metadata.namespace
    question = Get(Ref(group, version, ref.resource), namespace, ref.name)
    answer = seen.get(question)
    if answer is None:
        return (question,)
    where = f"{ref.resource} {f'{namespace}/' if namespace else ''}{ref.name}"
    if isinstance(answer, Found):
        return _found(ref, answer, where, seen)
    if isinstance(answer, Failed):
        return _not_read(answer, ref, namespace, where)
    return Look(ProofState.FAILS, ItemReason.NOT_THERE, f"There is no {where}")


def _found(ref: ObjectRef, answer: Found, where: str, seen: Observations) -> Look | tuple[Question, ...]:
    if answer.value.get("metadata", {}).get("deletionTimestamp"):
        return Look(ProofState.FAILS, ItemReason.NOT_THERE, f"{where} is being deleted", *_version(answer))
    if isinstance(ref, CelCheck):
        return _true_of(ref, answer, where, seen)
    return Look(ProofState.HOLDS, ItemReason.HOLDS, f"{where} is there", *_version(answer))


def _version(answer: Found) -> tuple[str | None, str | None]:
    meta = answer.value.get("metadata") or {}
    return (str(v) if (v := meta.get("resourceVersion")) else None), (str(u) if (u := meta.get("uid")) else None)


def _not_read(answer: Failed, ref: ObjectRef, namespace: str | None, where: str) -> Look:
    if answer.status in (401, 403):
        group = _split(ref)[0]
        right = f"get on {ref.resource}{f'.{group}' if group else ''}" + (f" in {namespace}" if namespace else "")
        text = f"stanch may not read {where}: bind it a role with {right}"
        return Look(ProofState.UNKNOWN, ItemReason.MAY_NOT_READ, text)
    text = f"{where} can't be read: {shorten(answer.message, 300)}"
    return Look(ProofState.UNKNOWN, ItemReason.NOT_ANSWERED, text)


def _true_of(ref: CelCheck, answer: Found, where: str, seen: Observations) -> Look | tuple[Question, ...]:
    meta = {key: value for key, value in (answer.value.get("metadata") or {}).items() if key != "managedFields"}
    text = json.dumps({**answer.value, "metadata": meta}, separators=(",", ":"))
    if len(text) > OBJECT_MAX:
        return Look(ProofState.UNKNOWN, ItemReason.INVALID, f"{where} is larger than {OBJECT_MAX // 2**20} MiB")
    question = Evaluate(ref.expression, text)
    said = seen.get(question)
    if said is None:
        return (question,)
    quoted = f"`{shorten(ref.expression, 160)}`"
    if isinstance(said, Found):
        holds = said.value["value"] is True
        state = (ProofState.HOLDS, ItemReason.HOLDS) if holds else (ProofState.FAILS, ItemReason.NOT_SO)
        return Look(*state, f"{quoted} is {'true' if holds else 'false'} of {where}", *_version(answer))
    return _unclear(said, quoted, where, _version(answer))


def _unclear(said: Answer, quoted: str, where: str, version: tuple[str | None, str | None]) -> Look:
    assert isinstance(said, Failed)
    if said.reason == CelProblem.MISSING:
        text = f"{quoted} names a field that {where} has not: {said.message}"
        return Look(ProofState.FAILS, ItemReason.NOT_SO, shorten(text, SEEN_MAX), *version)
    text = f"spec.doneWhen.cel.expression: {quoted}: {said.message}"
    return Look(ProofState.UNKNOWN, ItemReason.INVALID, shorten(text, SEEN_MAX))


# --- Prometheus ------------------------------------------------------------------------------------------------------


def _prometheus(check: DoneWhen, seen: Observations, policy: Policy, now: datetime) -> Look | tuple[Question, ...]:
    url, secret = policy.prometheus_url, policy.prometheus_secret
    if not url:
        text = "There is no Prometheus to ask: prometheus.url of the ResponsePolicy of stanch-system names none"
        return Look(ProofState.UNKNOWN, ItemReason.NO_DATA, text)
    if check.alert_rule is not None:
        return _rule(check.alert_rule, LoadedRule(url, check.alert_rule.name, SECONDS, secret), seen)
    assert check.prom_ql is not None
    if problem := wrong(check):
        return Look(ProofState.UNKNOWN, ItemReason.INVALID, problem)
    query = read(check.prom_ql.query)
    wanted = tuple(Metric(url, text, SECONDS, secret) for text in (query.text, query.measured, query.newest))
    answers = tuple(a for q in wanted if (a := seen.get(q)) is not None)
    if len(answers) < len(wanted):
        return tuple(q for q in wanted if seen.get(q) is None)
    try:
        sample = judge(query, answers, now)
    except Unusable as unusable:
        return Look(ProofState.UNKNOWN, ItemReason.NO_DATA, shorten(f"`{query.text}`: {unusable}", SEEN_MAX))
    value = f"; it is {sample.value}" if sample.value else ""
    state = (ProofState.HOLDS, ItemReason.HOLDS) if sample.passes else (ProofState.FAILS, ItemReason.NOT_SO)
    return Look(*state, shorten(f"{sample.message}{value}", SEEN_MAX))


def _rule(rule: AlertRulePresent, question: LoadedRule, seen: Observations) -> Look | tuple[Question, ...]:
    answer = seen.get(question)
    if answer is None:
        return (question,)
    if not isinstance(answer, Found):
        why = shorten(answer.message, 300) if isinstance(answer, Failed) else "there is none at this address"
        return Look(ProofState.UNKNOWN, ItemReason.NOT_ANSWERED, f"Prometheus did not say: {why}")
    found: list[dict[str, Any]] = answer.value["rules"]
    if not found:
        return Look(ProofState.FAILS, ItemReason.NOT_THERE, f"Prometheus has loaded no alert {rule.name}")
    if bad := next((r for r in found if r["health"] == "err"), None):
        text = f"Alert {rule.name} is loaded, and can't be evaluated: `{shorten(bad['query'], 300)}`"
        return Look(ProofState.FAILS, ItemReason.NOT_SO, text)
    text = f"Prometheus has loaded alert {rule.name}: `{shorten(found[0]['query'], 300)}`"
    return Look(ProofState.HOLDS, ItemReason.HOLDS, text)
