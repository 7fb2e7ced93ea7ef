"""
Which generation of a ResponsePolicy counts, and what its status says. Pure.

A generation that is wrong never counts: the last good one does, which stands in the status so that a restart keeps it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.meta import Condition, ConditionStatus
from stanch.api.names import OPERATOR_NAMESPACE, ConditionType, Reason
from stanch.api.policy import Policy
from stanch.api.response_policy import (
    FINDINGS_MAX,
    POLICY_NAME,
    InForce,
    ResponsePolicySpec,
    ResponsePolicyStatus,
)
from stanch.core.policy_check import first_wrong, misplaced
from stanch.core.policy_least import LEAST, with_the_least
from stanch.core.policy_merge import too_loose
from stanch.core.policy_paths import without
from stanch.core.reading import first_problem

_FINDING_MAX: Final = 500
_MESSAGE_MAX: Final = 900


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What counts of one stored policy: ``spec`` of ``in_force``, its generation; None when none was ever good.

    ``problem`` is why the newest generation does not count; ``misplaced`` are paths of it that don't, and ``raised`` says of which
    more counts than it has.
    """

    namespace: str
    uid: str
    generation: int
    spec: ResponsePolicySpec | None
    in_force: int | None
    problem: str = ""
    misplaced: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()


def stand(body: Mapping[str, Any], before: Standing | None = None) -> Standing:
    """What counts of it; ``before`` is what we knew of it, for its status may not be written yet."""
    meta = body["metadata"]
    namespace, generation = meta["namespace"], meta.get("generation", 1)
    known = (namespace, meta["uid"], generation)
    if meta["name"] != POLICY_NAME:
        return Standing(*known, None, None, f"metadata.name: must be {POLICY_NAME}; a namespace has one policy")
    spec, problem = _read(body.get("spec"))
    if spec is not None:
        _, raised = with_the_least(spec)
        here = _here(spec, namespace)
        return Standing(*known, here, generation, misplaced=misplaced(spec, namespace), raised=raised)
    last = _last_good(body, before)
    if last is None:
        return Standing(*known, None, None, problem)
    return Standing(*known, _here(last[1], namespace), last[0], problem)


def _read(raw: Any) -> tuple[ResponsePolicySpec | None, str]:
    try:
        spec = ResponsePolicySpec.model_validate(raw)
    except ValidationError as error:
        return None, f"spec.{first_problem(error)}"
    problem = first_wrong(spec)
    return (None, problem) if problem else (spec, "")


def _here(spec: ResponsePolicySpec, namespace: str) -> ResponsePolicySpec:
    for path in misplaced(spec, namespace):
        spec = without(spec, path)
    return with_the_least(spec)[0]


def _last_good(body: Mapping[str, Any], before: Standing | None) -> tuple[int, ResponsePolicySpec] | None:
    found = []
    if before is not None and before.uid == body["metadata"]["uid"] and before.spec is not None:
        found.append((before.in_force or 0, before.spec))
    written = (body.get("status") or {}).get("inForce")
    if written is not None:
        try:
            kept = InForce.model_validate(written)
            spec, _ = _read(json.loads(kept.spec))
        except ValueError:
            # Neither pydantic nor json can read it: a newer version wrote it, or somebody meddled.
            spec = None
        if spec is not None:
            found.append((kept.generation, spec))
    return max(found, key=lambda each: each[0], default=None)


# --- what its status says --------------------------------------------------------------------------------------------


def judge(
    body: Mapping[str, Any], standing: Standing, base: Policy, cluster: ResponsePolicySpec | None, now: datetime
) -> ResponsePolicyStatus:
    """``cluster`` is what is in force of the cluster's policy; None for itself, or when there is none."""
    before, now = status_of(body), now.replace(microsecond=0)
    stalled = bool(standing.problem or standing.misplaced or standing.raised)
    reason = _reason(standing)
    message = _message(standing, cluster)
    since = {(c.type, c.status): c.last_transition_time for c in before.conditions}
    said: list[tuple[str, ConditionStatus]] = [(ConditionType.READY, "False" if stalled else "True")]
    if stalled:
        said.append((ConditionType.STALLED, "True"))
    conditions = tuple(
        Condition(
            type=kind,
            status=status,
            observed_generation=standing.generation,
            last_transition_time=since.get((kind, status), now),
            reason=reason,
            message=message,
        )
        for kind, status in said
    )
    return ResponsePolicyStatus(
        observed_generation=standing.generation,
        conditions=conditions,
        in_force=_in_force(standing),
        findings=_findings(standing, base, cluster) or None,
    )


def status_of(body: Mapping[str, Any]) -> ResponsePolicyStatus:
    """Its status as it stands; empty when it can't be read."""
    try:
        return ResponsePolicyStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return ResponsePolicyStatus()


def _reason(standing: Standing) -> str:
    if standing.problem or standing.raised:
        return Reason.SPEC_INVALID
    return Reason.MISPLACED if standing.misplaced else Reason.IN_FORCE


def _message(standing: Standing, cluster: ResponsePolicySpec | None) -> str:
    newest = f"Generation {standing.generation}"
    if standing.problem:
        otherwise = "the cluster's policy is" if cluster is not None else "the built-in defaults are"
        still = f"generation {standing.in_force} still is" if standing.spec is not None else otherwise
        problem = standing.problem[: _MESSAGE_MAX - 200]
        return f"{newest} is not in force: {problem}; {still}"
    less = []
    if standing.misplaced:
        paths = ", ".join(f"spec.{path}" for path in standing.misplaced)
        where = f"the ResponsePolicy of namespace {OPERATOR_NAMESPACE}"
        less.append(f" without {paths}: only {where} may have that")
    if standing.raised:
        less.append(f" with {LEAST} where it has less: {'; '.join(standing.raised)}"[: _MESSAGE_MAX - 100])
    return f"{newest} is in force{';'.join(less)}"


def _in_force(standing: Standing) -> InForce | None:
    if standing.spec is None or standing.in_force is None:
        return None
    text = json.dumps(standing.spec.wire(), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return InForce(generation=standing.in_force, spec=text)


def _findings(standing: Standing, base: Policy, cluster: ResponsePolicySpec | None) -> tuple[str, ...]:
    if standing.spec is None:
        return ()
    loose = too_loose(base, cluster, standing.spec) if standing.namespace != OPERATOR_NAMESPACE else ()
    return tuple(text[:_FINDING_MAX] for text in loose[:FINDINGS_MAX])
