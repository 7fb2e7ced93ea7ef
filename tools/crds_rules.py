"""
What a CRD says beyond its fields: names, columns, selectable fields and CEL rules. Read by tools/crds.py.

A rule stands at a path of the schema: ``spec``, ``spec.mitigations[]`` (each item). Its message names the field and what
would be right, for it is all a person sees at night. Rules can't see who asks nor the namespace: that is tools/policies.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pydantic import BaseModel

from stanch.api import (
    action_item,
    evidence,
    impact,
    incident,
    incident_status,
    postmortem,
    response_policy,
    timeline_entry,
)
from stanch.api.actions import ACTION_NAMES, KINDS_OF_ACTION


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


def _default_target_rules() -> tuple[Rule, ...]:
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


INCIDENT_SPEC: tuple[Rule, ...] = (
    Rule(
        "!has(self.mitigations) || self.mitigations.all(m, has(m.target)) || (has(self.targets) && size(self.targets) > 0)",
        "a mitigation without `target` acts on spec.targets[0], so spec.targets must have one",
        field=".targets",
    ),
    *_default_target_rules(),
    Rule(
        "!has(oldSelf.targets) || size(oldSelf.targets) == 0"
        " || (has(self.targets) && size(self.targets) > 0 && self.targets[0] == oldSelf.targets[0])",
        "targets[0] is fixed once set, for mitigations without `target` act on it; append other targets after it",
        field=".targets",
    ),
    # Left out and false are the same, so dropping `drill: false` is no change.
    Rule(
        "(has(self.drill) && self.drill) == (has(oldSelf.drill) && oldSelf.drill)",
        "drill is fixed once created: declare another incident",
        field=".drill",
    ),
)

ENTRY_MEMBERS = aliases(timeline_entry.TimelineEntrySpec, timeline_entry.TimelineEntrySpec.MEMBERS)
HAS_TEXT = "(has(self.text) && size(self.text) > 0)"

ENTRY_SPEC: tuple[Rule, ...] = (
    exactly_one(ENTRY_MEMBERS, "member"),
    Rule("self == oldSelf", "a timeline entry is never changed; create another one"),
    Rule(f"!has(self.note) || {HAS_TEXT}", "a note must have spec.text", field=".text"),
    Rule(
        f"!has(self.undo) || !has(self.undo.force) || !self.undo.force || {HAS_TEXT}",
        "undo.force must have spec.text: why it is right to overwrite what others wrote since",
        field=".text",
    ),
    Rule(
        f"!has(self.resolve) || !has(self.resolve.override) || !self.resolve.override || {HAS_TEXT}",
        "resolve.override must have spec.text: why it is over although criteria do not hold",
        field=".text",
    ),
    *(
        Rule(f"!has(self.{member}) || {HAS_TEXT}", f"{member} must have spec.text: why", field=".text")
        for member in ("extend", "defer", "waive")
    ),
    Rule(f"!has(self.update) || {HAS_TEXT}", "update must have spec.text: what people are told", field=".text"),
    Rule(f"!has(self.escalate) || {HAS_TEXT}", "escalate must have spec.text: what is needed", field=".text"),
    Rule(
        "!has(self.mitigate) || has(self.mitigate.target)",
        "mitigate in an entry must name its `target` (kind and name)",
        field=".mitigate",
    ),
)

SAYS_SOMETHING = Rule(
    " || ".join(f"has(self.{name})" for name in aliases(impact.Impact, impact.Impact.model_fields)),
    f"impact must say something: one of {', '.join(aliases(impact.Impact, impact.Impact.model_fields))}",
)

INCIDENT = Kind(
    name="Incident",
    description="One incident: what was declared and wished in spec, what is so in status.",
    spec=incident.IncidentSpec,
    status=incident_status.IncidentStatus,
    plural="incidents",
    short="inc",
    columns=(
        Column("SEV", ".status.severity.level", description="Severity in force"),
        Column("PHASE", ".status.phase", description="For the eye; automate on the conditions"),
        Column("COMMANDER", ".status.commander", description="Incident commander"),
        Column("TARGET", ".status.target", description="First target"),
        Column("MITIGATION", ".status.mitigation", description="Current mitigation and where it stands"),
        Column("NEXT-UPDATE", ".status.nextUpdate", description="When the next update was promised"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("DECLARED-BY", ".spec.declaredBy.username", wide=True, description="Who declared it"),
        Column("MITIGATED", ".status.times.mitigated", wide=True, description="When harm ended"),
        Column("RESOLVED", ".status.times.resolved", wide=True, description="When recovery had held"),
        Column("TITLE", ".spec.title", wide=True, description="What is wrong"),
    ),
    selectable=(".spec.severity", ".spec.service", ".status.phase"),
    rules={
        "": (
            Rule(
                "size(self.metadata.name) <= 63",
                "metadata.name must have at most 63 characters: everything that belongs to the incident carries it as a label",
            ),
        ),
        "spec": INCIDENT_SPEC,
        "spec.mitigations[]": WISH,
        "spec.recovery.criteria[]": (
            exactly_one(aliases(incident.Criterion, incident.Criterion.CHECKS), "check"),
            Rule(
                "!has(self.target) || has(self.available) || has(self.noRestarts) || has(self.condition)",
                "only available, noRestarts and condition look at a target; leave `target` out here",
                field=".target",
            ),
        ),
    },
)

TIMELINE_ENTRY = Kind(
    name="TimelineEntry",
    description="One statement by a person: created once, never changed.",
    spec=timeline_entry.TimelineEntrySpec,
    plural="timelineentries",
    short="tle",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("BY", ".spec.author.username", description="Who said it"),
        Column("TEXT", ".spec.text", description="In their words"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(".spec.incident",),
    rules={"spec": ENTRY_SPEC, "spec.mitigate": WISH, "spec.impact": (SAYS_SOMETHING,)},
)

EVIDENCE = Kind(
    name="Evidence",
    description="One immutable bundle of what an effect would destroy, captured before it.",
    spec=evidence.EvidenceSpec,
    plural="evidences",
    short="evid",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("PURPOSE", ".spec.purpose", description="Why it was captured"),
        Column("CAPTURED", ".spec.capturedTime", description="When it was captured"),
        Column("ITEMS", ".spec.itemsCount", "integer", description="Things that are in it"),
        Column("MISSING", ".spec.missingCount", "integer", description="Things that could not be had"),
        Column("BYTES", ".spec.bytes", "integer", description="Stored size"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(".spec.incident",),
    rules={"spec": (Rule("self == oldSelf", "evidence is never changed once it is captured"),)},
)

POSTMORTEM = Kind(
    name="Postmortem",
    description="What is learnt from an incident: drafted by the operator, written by people.",
    spec=postmortem.PostmortemSpec,
    status=postmortem.PostmortemStatus,
    plural="postmortems",
    short="pmort",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("DUE", ".spec.dueTime", description="When the text is due"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(".spec.incident",),
    rules={"spec": (same_for_ever("incident"),)},
)

ACTION_ITEM = Kind(
    name="ActionItem",
    description="One thing to do, one owner, one due time.",
    spec=action_item.ActionItemSpec,
    status=action_item.ActionItemStatus,
    plural="actionitems",
    short="aitem",
    columns=(
        Column("OWNER", ".spec.owner", description="Exactly one: a person or a team"),
        # A string, for kubectl shows a date in the future as <invalid>.
        Column("DUE", ".spec.dueTime", description="When it must be done"),
        Column("PRIORITY", ".spec.priority"),
        Column("STATE", ".status.state", description="Open, Overdue or Done"),
        Column("TITLE", ".spec.title"),
        Column("INCIDENT", ".spec.incident", wide=True),
        Column("AGE", ".metadata.creationTimestamp", "date", wide=True),
    ),
    selectable=(".spec.incident", ".spec.owner"),
    rules={"spec": (same_for_ever("incident"),)},
)

RESPONSE_POLICY = Kind(
    name="ResponsePolicy",
    description="How a team responds: approvals, guardrails, cadence, recovery. One a namespace, named default.",
    spec=response_policy.ResponsePolicySpec,
    status=response_policy.ResponsePolicyStatus,
    plural="responsepolicies",
    short="rpol",
    columns=(
        Column(
            "READY", '.status.conditions[?(@.type=="Ready")].status', description="Is its newest generation in force?"
        ),
        Column("IN-FORCE", ".status.inForce.generation", "integer", description="Generation that counts"),
        Column("REASON", '.status.conditions[?(@.type=="Ready")].reason'),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("MESSAGE", '.status.conditions[?(@.type=="Ready")].message', wide=True),
    ),
    selectable=(),
    rules={
        "": (
            Rule(
                f"self.metadata.name == '{response_policy.POLICY_NAME}'",
                f"metadata.name must be {response_policy.POLICY_NAME}: a namespace has one ResponsePolicy",
            ),
        ),
    },
)

KINDS: tuple[Kind, ...] = (INCIDENT, TIMELINE_ENTRY, EVIDENCE, POSTMORTEM, ACTION_ITEM, RESPONSE_POLICY)


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
