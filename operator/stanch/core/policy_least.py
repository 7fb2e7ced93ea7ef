"""
A machine may declare; only a person, or a Runbook in mode Auto within A and B, may act (decisions F1, 2.8): no policy lets less do.

The API server refuses less. A policy that was stored when it took it is in force but for that: as a whole out of force it would
take with it all in which it is stricter than what is built in.
"""

from collections.abc import Iterator
from typing import Final

from stanch.api.policy_limits import ActionClass, ApprovalsOfClass
from stanch.api.response_policy import ResponsePolicySpec
from stanch.core.policy_paths import everywhere

LEAST: Final = 1
_MACHINE: Final = (
    "what a machine asks for takes a person. ServiceAccounts that stand for one are listed in approvals.people"
)
_WIDE: Final = "what is wide takes a person, also in mode Auto"


def with_the_least(spec: ResponsePolicySpec) -> tuple[ResponsePolicySpec, tuple[str, ...]]:
    """The same with at least one approval wherever it takes a person, and `spec.<field>: why` of each that was less."""
    problems = tuple(_too_few(spec))
    rules = spec.approvals
    if not problems or rules is None:
        return spec, ()
    raised = {
        "machine": tuple(_raised(each) for each in rules.machine) if rules.machine else rules.machine,
        "auto": tuple(_raised(e) if _is_wide(e) else e for e in rules.auto) if rules.auto else rules.auto,
    }
    return spec.model_copy(update={"approvals": rules.model_copy(update=raised)}), problems


def _too_few(spec: ResponsePolicySpec) -> Iterator[str]:
    for where, each in everywhere(spec, "approvals.machine[]"):
        if each.needed < LEAST:
            yield f"{where}.needed: must be at least {LEAST} (got {each.needed}): {_MACHINE}"
    for where, each in everywhere(spec, "approvals.auto[]"):
        if _is_wide(each) and each.needed < LEAST:
            yield f"{where}.needed: must be at least {LEAST} for class C (got {each.needed}): {_WIDE}"


def _is_wide(each: ApprovalsOfClass) -> bool:
    return each.class_ is ActionClass.C


def _raised(each: ApprovalsOfClass) -> ApprovalsOfClass:
    return each.model_copy(update={"needed": max(LEAST, each.needed)})
