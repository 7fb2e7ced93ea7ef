"""
From the cluster's ResponsePolicy and a namespace's to what is in force there (decisions F14).

Of approvals, guardrails, retention, evidence.required and roles.commanderActs the stricter value counts, field by field.
Of all else a section counts whole: the namespace's, else the cluster's, else the built-in one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from stanch.api import duration
from stanch.api.communications_status import Moment
from stanch.api.meta import Severity
from stanch.api.people_rules import CadenceRule, RolesRule
from stanch.api.policy import BurnRule, Policy
from stanch.api.policy_review import MaxDue
from stanch.api.policy_sections import Burn, Cadence, Endpoint, RolesRequired, UpdateTemplate
from stanch.api.response_policy import ResponsePolicySpec
from stanch.api.said import Audience
from stanch.core.contacts import in_words
from stanch.core.policy_paths import stated

Stricter = Callable[[Any, Any], Any]


def longer(one: Any, other: Any) -> Any:
    """The larger of two is stricter."""
    return max(one, other)


def shorter(one: Any, other: Any) -> Any:
    """The smaller of two is stricter."""
    return min(one, other)


def both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """What either names."""
    return one | other


def last_of(*words: str) -> Stricter:
    """The one that stands later in this list is stricter."""
    return lambda one, other: max(one, other, key=words.index)


def the_clusters(one: Any, other: Any) -> Any:
    """A namespace has no say."""
    return one


def _as_it_is(value: Any) -> Any:
    return value


def _word(value: Enum) -> Any:
    return value.value


def _by(key: str, field: str, read: Callable[[Any], Any] = _as_it_is) -> Callable[[Any], dict[Any, Any]]:
    return lambda items: {read(getattr(item, key)): getattr(item, field) for item in items}


def _replaced(before: Any, value: Any) -> Any:
    return {**before, **value} if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class Line:
    """
    One field of a Policy and where people write it.

    ``stricter`` of two values; None where the namespace's section counts. ``read`` makes of the written form the one that
    decisions use; ``join`` puts it over what holds without it.
    """

    path: str
    field: str
    stricter: Stricter | None = None
    read: Callable[[Any], Any] = _as_it_is
    join: Callable[[Any, Any], Any] = _replaced

    @property
    def section(self) -> str:
        """The part of the spec that it is in."""
        return self.path.partition(".")[0]


def _burn(rows: Iterable[Burn]) -> tuple[BurnRule, ...]:
    return tuple(BurnRule(row.level, Decimal(row.factor), row.long, row.short) for row in rows)


def _endpoint_secrets(endpoints: Iterable[Endpoint]) -> dict[str, str]:
    return {each.name: each.secret for each in endpoints if each.secret is not None}


def _by_priority(said: MaxDue) -> dict[str, timedelta]:
    return {name.upper(): value for name in MaxDue.model_fields if (value := getattr(said, name)) is not None}


def _cadence(rows: Iterable[Cadence]) -> dict[Severity, CadenceRule]:
    return {row.severity: CadenceRule(row.internal, row.leadership, row.public_first, row.public) for row in rows}


def _templates(rows: Iterable[UpdateTemplate]) -> dict[tuple[Audience, Moment], str]:
    return {(row.audience, row.moment): row.text for row in rows}


def _required(rows: Iterable[RolesRequired]) -> dict[Severity, RolesRule]:
    return {row.severity: RolesRule(row.roles, row.within) for row in rows}


_APPROVALS: Final = _by("class_", "needed", _word)

LINES: Final[tuple[Line, ...]] = (
    Line("severity.whenUnknown", "when_unknown"),
    Line("severity.burn", "burn", None, _burn),
    Line("severity.alertSeverity", "alert_severity"),
    Line("declare.alerts", "declare_alerts"),
    Line("declare.within", "declare_within"),
    # Only in the cluster's policy, as it says where things are made (core/policy_check.py).
    Line("receiver.defaultNamespace", "alerts_namespace"),
    Line("receiver.namespaces", "alerts_namespaces", None, frozenset),
    Line("roles.commanderActs", "commander_acts", last_of("Warn", "Deny"), _word),
    Line("roles.required", "roles_required", None, _required),
    Line("roles.avoid", "roles_avoid", None, frozenset),
    Line("roles.splitAfter.duration", "split_after"),
    Line("roles.splitAfter.responders", "split_responders"),
    Line("roles.handoffAfter", "handoff_after"),
    Line("roles.acceptWithin", "accept_within"),
    Line("declare.nudgeAfter", "nudge_after"),
    Line("declare.alsoWhenUserVisible", "nudge_when_visible"),
    Line("communications.cadence", "cadence", None, _cadence),
    Line("communications.afterMitigated", "after_mitigated"),
    Line("communications.templates", "update_templates", None, _templates),
    Line("communications.lint", "public_lint", None, _word),
    Line("approvals.person", "approvals_person", longer, _APPROVALS),
    Line("approvals.machine", "approvals_machine", longer, _APPROVALS),
    Line("approvals.auto", "approvals_auto", longer, _APPROVALS),
    # Only the cluster's policy has it; a namespace can't add to it (core/policy_check.py).
    Line("approvals.people", "machine_people", frozenset.intersection, frozenset),
    Line("approvals.validFor", "approval_valid_for", shorter),
    Line("approvals.askFor", "approval_ask_for", shorter),
    Line("guardrails.perTarget", "per_target", longer),
    Line("guardrails.perNamespaceHourly", "per_namespace_hourly", shorter),
    Line("guardrails.clusterHourly", "cluster_hourly", shorter),
    Line("guardrails.autoInFlight", "auto_in_flight", shorter),
    Line("guardrails.nodesPercent", "nodes_percent", shorter),
    Line("guardrails.scaleFactor", "scale_factor", shorter),
    Line("guardrails.minReadyPercent", "min_ready_percent", longer),
    Line("guardrails.storm.incidents", "storm_incidents", shorter),
    Line("guardrails.storm.within", "storm_within", longer),
    Line("guardrails.storm.calm", "storm_calm", longer),
    Line("guardrails.breaker", "breaker", shorter),
    # The four that are built in are refused by stanch-operator-leash, whatever a policy says.
    Line("guardrails.protectedNamespaces", "protected_namespaces", both, frozenset, both),
    Line("guardrails.whenWorse", "when_worse", last_of("Undo", "Ask"), _word),
    Line("guardrails.gitOps", "git_ops", last_of("Ignore", "Hold", "Refuse")),
    # Only in the cluster's policy: a namespace that sets a cadence keeps the channels (core/policy_check.py).
    Line("communications.channels", "channels", the_clusters),
    Line("evidence.deadline", "evidence_deadline", None, _by("severity", "within")),
    Line("evidence.required", "evidence_required", longer),
    Line("evidence.storedBytes", "evidence_stored_bytes"),
    Line("evidence.incidentBytes", "evidence_incident_bytes"),
    Line("evidence.clusterBytes", "evidence_cluster_bytes"),
    Line("recovery.hold", "hold", None, _by("severity", "for_")),
    Line("recovery.sampleEvery", "sample_every"),
    Line("recovery.crashLoopHold", "crash_loop_hold"),
    Line("recovery.gitOpsHold", "git_ops_hold"),
    Line("recovery.reopenWithin", "reopen_within"),
    Line("recovery.recurrenceWithin", "recurrence_within"),
    Line("postmortem.requiredAt", "postmortem_at"),
    Line("postmortem.onMitigations", "postmortem_on", None, frozenset),
    Line("postmortem.userVisibleFor", "postmortem_visible"),
    Line("postmortem.resolveLongerThan", "postmortem_resolve"),
    Line("postmortem.detectLongerThan", "postmortem_detect"),
    Line("postmortem.onDataAtRisk", "postmortem_data"),
    Line("postmortem.onCustomerDetected", "postmortem_customer"),
    Line("postmortem.onRecurrence", "postmortem_recurrence"),
    Line("postmortem.budgetPercent", "postmortem_budget"),
    Line("postmortem.due", "postmortem_due"),
    Line("postmortem.reviewWithin", "postmortem_review"),
    Line("postmortem.publishWithin", "postmortem_publish"),
    Line("postmortem.signOffs", "postmortem_signs"),
    Line("postmortem.minFactors", "postmortem_factors"),
    Line("postmortem.lint", "postmortem_lint", None, _word),
    Line("actionItems.maxPerPostmortem", "items_max"),
    Line("actionItems.maxDue", "items_due", None, _by_priority),
    Line("actionItems.chaseEvery", "items_chase_every"),
    Line("actionItems.threeWeekTest", "items_test_after"),
    Line("actionItems.escalateAfter", "items_escalate_after"),
    Line("actionItems.escalateTo", "items_escalate_to"),
    Line("actionItems.lookEvery", "items_look_every"),
    Line("actionItems.hold", "items_hold"),
    # Only in the cluster's policy, as it stops what others do.
    Line("errorBudget.mode", "budget_mode", None, _word),
    Line("errorBudget.query", "budget_query"),
    Line("errorBudget.exemptLabel", "budget_exempt_label"),
    Line("retention.incident", "retention_incident", longer),
    Line("retention.entries", "retention_entries", longer),
    Line("retention.evidence", "retention_evidence", longer, _by("severity", "for_")),
    Line("retention.drills", "retention_drills", longer),
    Line("prometheus.url", "prometheus_url"),
    Line("prometheus.secret", "prometheus_secret"),
    Line("endpoints", "endpoints", None, _by("name", "url")),
    Line("endpoints", "endpoint_secrets", None, _endpoint_secrets),
    Line("contacts", "contacts", None, in_words),
)


def effective(base: Policy, cluster: ResponsePolicySpec | None, own: ResponsePolicySpec | None = None) -> Policy:
    """What is in force in a namespace: ``base`` is what is built in; ``own`` is left out for the cluster's itself."""
    above = replace(base, **{line.field: _over(line, base, getattr(base, line.field), cluster) for line in LINES})
    if own is None:
        return above
    return replace(base, **{line.field: _in_namespace(line, base, above, own) for line in LINES})


def _over(line: Line, base: Policy, otherwise: Any, spec: ResponsePolicySpec | None) -> Any:
    """What a spec says over what is built in; ``otherwise`` when it says nothing."""
    said = stated(spec, line.path) if spec is not None else None
    return otherwise if said is None else line.join(getattr(base, line.field), line.read(said))


def _in_namespace(line: Line, base: Policy, above: Policy, own: ResponsePolicySpec) -> Any:
    highest = getattr(above, line.field)
    if line.stricter is None:
        whole = getattr(base, line.field) if stated(own, line.section) is not None else highest
        return _over(line, base, whole, own)
    said = stated(own, line.path)
    return highest if said is None else _stricter(line, highest, line.read(said))


def _stricter(line: Line, one: Any, other: Any) -> Any:
    assert line.stricter is not None
    if isinstance(one, Mapping):
        return {key: line.stricter(value, other.get(key, value)) for key, value in one.items()}
    return line.stricter(one, other)


# --- what of a namespace's policy does not count ---------------------------------------------------------------------


def too_loose(base: Policy, cluster: ResponsePolicySpec | None, own: ResponsePolicySpec) -> tuple[str, ...]:
    """One sentence for each value of a namespace that is looser than what holds there anyway."""
    above = effective(base, cluster)
    return tuple(text for line in LINES if line.stricter for text in _loose(line, above, cluster, own))


def _loose(line: Line, above: Policy, cluster: ResponsePolicySpec | None, own: ResponsePolicySpec) -> Iterator[str]:
    said = stated(own, line.path)
    if said is None or line.join is both:
        return
    value, highest = line.read(said), getattr(above, line.field)
    whose = "built-in" if cluster is None or stated(cluster, line.path) is None else "cluster's"
    pairs = value.items() if isinstance(value, Mapping) else [("", value)]
    for key, wanted in pairs:
        limit = highest[key] if key else highest
        if _stricter(line, limit, wanted) != wanted:
            place = f"spec.{line.path}" + (f"[{_text(key)}]" if key else "")
            yield f"{place}: {_text(wanted)} is looser than the {whose} {_text(limit)}; {_text(limit)} is in force"


def _text(value: Any) -> str:
    match value:
        case timedelta():
            return duration.write(value)
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case frozenset():
            return ", ".join(sorted(value)) or "none"
        case _:
            return str(value)
