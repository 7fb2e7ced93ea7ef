"""What a rule, a column and a kind of a CRD are, and the rules that several kinds share. Read by tools/crds_rules.py."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pydantic import BaseModel

from stanch.api.actions import ACTION_NAMES, KINDS_OF_ACTION
from stanch.api.wish import ONLY_WHEN_ASKED


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`; wide ones show with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False
    description: str = ""


@dataclass(frozen=True)
class Rule:
    """One CEL rule. ``field`` is put after the path in the answer, so that it points at what is wrong."""

    rule: str
    message: str
    field: str = ""


@dataclass(frozen=True)
class Kind:
    """One of our kinds."""

    name: str
    description: str
    spec: type[BaseModel]
    plural: str
    short: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...]
    status: type[BaseModel] | None = None
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)


def aliases(model: type[BaseModel], members: Iterable[str]) -> tuple[str, ...]:
    """Names of fields as they are written in YAML."""
    return tuple(model.model_fields[name].alias or name for name in members)


def exactly_one(members: tuple[str, ...], what: str) -> Rule:
    """One-of in CEL, for `oneOf` answers with a riddle (facts/admission.md 8)."""
    parts = ", ".join(f"has(self.{name})" for name in members)
    return Rule(
        f"[{parts}].filter(x, x).size() == 1",
        f"exactly one {what} of {', '.join(members)} must be set (write `{members[0]}: {{}}`; "
        f"`{members[0]}:` alone counts as not set)",
    )


def same_for_ever(name: str) -> Rule:
    """A field that is never changed, added or removed."""
    return Rule(
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        f"{name} is fixed once created; it must stay what it was",
        field=f".{name}",
    )


def kind_rules(action_kinds: str, unless: str, reach: str, hint: str) -> tuple[Rule, ...]:
    """One rule for each set of kinds: which actions act on them. ``reach`` is the CEL of the target's kind."""
    by_kinds = sorted(ACTION_NAMES, key=lambda action: sorted(KINDS_OF_ACTION[action]))
    rules = []
    for kinds, group in groupby(by_kinds, key=lambda action: sorted(KINDS_OF_ACTION[action])):
        actions = sorted(group, key=ACTION_NAMES.index)
        asked = " || ".join(f"has({action_kinds}.{action})" for action in actions)
        listed = ", ".join(f"'{kind}'" for kind in kinds)
        rules.append(
            Rule(
                f"{unless} || !({asked}) || {reach} in [{listed}]",
                f"{', '.join(actions)} must have a target of kind {' or '.join(kinds)}{hint}",
            )
        )
    return tuple(rules)


WISH: tuple[Rule, ...] = (
    exactly_one(ACTION_NAMES, "action"),
    *kind_rules("self", "!has(self.target)", "self.target.kind", ""),
    Rule(
        f"!has(self.revert) || self.revert == 'Ask' || !({' || '.join(f'has(self.{name})' for name in ONLY_WHEN_ASKED)})",
        f"revert must be Ask, or left out, for {', '.join(ONLY_WHEN_ASKED)}: none of them goes back by itself",
        field=".revert",
    ),
    Rule(
        "!has(self.autoscaler) || has(self.autoscaler.minReplicas) || has(self.autoscaler.maxReplicas)",
        "autoscaler must set minReplicas, maxReplicas or both",
        field=".autoscaler",
    ),
    Rule(
        "!has(self.autoscaler) || !has(self.autoscaler.minReplicas) || !has(self.autoscaler.maxReplicas)"
        " || self.autoscaler.minReplicas <= self.autoscaler.maxReplicas",
        "autoscaler.minReplicas must not be greater than autoscaler.maxReplicas",
        field=".autoscaler",
    ),
    Rule(
        "!has(self.routeShift) || self.routeShift.weights.all(w, self.routeShift.weights.exists_one(o, o.backend == w.backend))",
        "routeShift.weights must name each backend once",
        field=".routeShift",
    ),
)


def default_target_rules() -> tuple[Rule, ...]:
    """The same for mitigations that name no target and so act on the first of spec.targets."""
    per_wish = kind_rules(
        "m",
        "has(m.target)",
        "self.targets[0].kind",
        "; spec.targets[0] is another kind: name the right one in `target`",
    )
    can_judge = "!has(self.mitigations) || !has(self.targets) || size(self.targets) == 0"
    return tuple(
        Rule(f"{can_judge} || self.mitigations.all(m, {rule.rule})", rule.message, ".mitigations") for rule in per_wish
    )


def as_column(column: Column) -> dict[str, Any]:
    """As the CRD writes it."""
    out: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        out["description"] = column.description
    if column.wide:
        out["priority"] = 1
    return out


def as_rule(rule: Rule) -> dict[str, Any]:
    """As the CRD writes it."""
    out = {"rule": rule.rule, "message": rule.message}
    return out | {"fieldPath": rule.field} if rule.field else out
