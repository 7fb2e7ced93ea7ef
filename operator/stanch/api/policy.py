"""
The built-in defaults: what an empty ResponsePolicy means; and the form in which decisions read what is in force.

The values and their sources are decisions.md 5.7; core/policy_merge.py puts together what is in force in a namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

from stanch.api.communications_status import Moment
from stanch.api.meta import Severity
from stanch.api.names import GROUP, OPERATOR_NAMESPACE
from stanch.api.people_rules import AVOID, CADENCE, REQUIRED, CadenceRule, RolesRule
from stanch.api.policy_sections import Channel
from stanch.api.said import Audience
from stanch.api.wish import GitOps

WhenWorse = Literal["Undo", "Ask"]
CommanderActs = Literal["Warn", "Deny"]
BudgetWord = Literal["Disabled", "Warn", "Deny"]
Lint = Literal["Warn", "Deny"]

_S: Final = timedelta(seconds=1)
_M: Final = timedelta(minutes=1)
_H: Final = timedelta(hours=1)


def _by_severity(*values: timedelta) -> dict[Severity, timedelta]:
    return dict(zip(Severity, values, strict=True))


@dataclass(frozen=True, slots=True)
class BurnRule:
    """A rate at which the error budget burns over both windows, and the severity that this is."""

    level: Severity
    factor: Decimal
    long: timedelta
    short: timedelta


# 14.4 over an hour eats 2 % of a month's budget; the last two are the SRE workbook's for tickets (decisions 2.4).
_BURN: Final = (
    BurnRule(Severity.SEV1, Decimal("14.4"), _H, 5 * _M),
    BurnRule(Severity.SEV2, Decimal("6"), 6 * _H, 30 * _M),
    BurnRule(Severity.SEV3, Decimal("3"), 24 * _H, 2 * _H),
    BurnRule(Severity.SEV3, Decimal("1"), 72 * _H, 6 * _H),
)
_ALERT_SEVERITY: Final = {
    **dict.fromkeys(("critical", "page", "error"), Severity.SEV2),
    **dict.fromkeys(("warning", "ticket"), Severity.SEV3),
    "info": Severity.SEV4,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Numbers that decisions use; the defaults are the product's."""

    when_unknown: Severity = Severity.SEV2
    burn: tuple[BurnRule, ...] = _BURN
    # By the label `severity` of an alert.
    alert_severity: Mapping[str, Severity] = field(default_factory=lambda: dict(_ALERT_SEVERITY))
    # So many alerts of a group, begun within so long of each other, make an incident.
    declare_alerts: int = 1
    declare_within: timedelta = 2 * _M
    # Where incidents of alerts are made; by the alerts' label `namespace` only where that names one of these, or `*` is one.
    alerts_namespace: str = OPERATOR_NAMESPACE
    alerts_namespaces: frozenset[str] = frozenset()
    hold: Mapping[Severity, timedelta] = field(default_factory=lambda: _by_severity(30 * _M, 15 * _M, 10 * _M, 5 * _M))
    # CrashLoopBackOff waits up to 5 minutes between starts: a shorter hold would call that calm.
    crash_loop_hold: timedelta = 6 * _M
    # Argo CD puts back at last every five minutes; who may not be asked counts as such.
    git_ops_hold: timedelta = 6 * _M
    sample_every: timedelta = timedelta(seconds=15)
    # Looked at even when nothing rings: a bell, or what a list did not show, may have been lost.
    resync_every: timedelta = timedelta(seconds=60)
    resync_resolved_every: timedelta = 10 * _M
    verify_every: timedelta = timedelta(seconds=2)
    verify_within: timedelta = 10 * _M
    # A PodDisruptionBudget that says no is asked again after this, and then more and more rarely.
    evict_again: timedelta = timedelta(seconds=5)
    evictions_at_once: int = 5
    time_box: timedelta = 3 * _M
    reopen_within: timedelta = 4 * _H
    recurrence_within: timedelta = 720 * _H
    # More than ten points of the wanted pods gone is worse; less is how a rollout breathes.
    worse_points: int = 10
    # A debt is spoken of when it is due, and then on a cadence; a hold parts Git and cluster, so it is from the start.
    debt_remind_every: timedelta = 24 * _H
    debt_remind_hold_every: timedelta = 8 * _H
    # In SEV1 and SEV2 the commander hears of it an hour after it was due.
    debt_escalate_after: timedelta = _H
    debt_reminders_max: int = 9
    debt_extend_max: timedelta = 72 * _H
    evidence_deadline: Mapping[Severity, timedelta] = field(
        default_factory=lambda: _by_severity(*(timedelta(seconds=s) for s in (5, 10, 15, 15)))
    )
    evidence_fresh: timedelta = timedelta(seconds=60)
    # Approvals by other people, by class of action (decisions 2.8).
    approvals_person: Mapping[str, int] = field(default_factory=lambda: {"A": 0, "B": 0, "C": 1})
    approvals_machine: Mapping[str, int] = field(default_factory=lambda: {"A": 1, "B": 1, "C": 2})
    # Of a Runbook in mode Auto.
    approvals_auto: Mapping[str, int] = field(default_factory=lambda: {"A": 0, "B": 0, "C": 1})
    approval_valid_for: timedelta = 15 * _M
    approval_ask_for: timedelta = _H
    machine_people: frozenset[str] = frozenset()
    protected_namespaces: frozenset[str] = frozenset({"kube-system", "kube-public", "kube-node-lease", "stanch-system"})
    scale_factor: int = 3
    # The next effect on the same target, and how many in an hour; what is taken back counts for nothing.
    per_target: timedelta = 10 * _M
    counted_for: timedelta = _H
    per_namespace_hourly: int = 5
    cluster_hourly: int = 20
    auto_in_flight: int = 3
    # Of all nodes, at most so many unschedulable; one is always allowed.
    nodes_percent: int = 10
    # A cluster that has lost this many is rather cut in two, or its control plane is sick: kube-controller-manager stops there.
    sick_nodes_percent: int = 55
    min_ready_percent: int = 50
    # So many new incidents made by alerts, and what runs by itself asks a person until it was calm for long enough.
    storm_incidents: int = 5
    storm_within: timedelta = 10 * _M
    storm_calm: timedelta = 30 * _M
    # Runs in a row that did not help. Of an incident that is closed its last ones count for a day: what goes wrong each night
    # is seen the next.
    breaker: int = 2
    runs_counted_for: timedelta = 24 * _H
    when_worse: WhenWorse = "Ask"
    git_ops: GitOps = GitOps.HOLD
    # Where people are told; None while nobody has read which there are.
    channels: tuple[Channel, ...] | None = ()
    # Where criteria may ask, besides the API server: the platform's word, and nobody else's. "" is nowhere.
    prometheus_url: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    # Names of Secrets in the operator's namespace.
    prometheus_secret: str = ""
    endpoint_secrets: Mapping[str, str] = field(default_factory=dict)
    # Whom an escalation may name: how they are reached, in words.
    contacts: Mapping[str, str] = field(default_factory=dict)
    commander_acts: CommanderActs = "Warn"
    # Roles by severity, and what one person should not be at once (decisions 2.5).
    roles_required: Mapping[Severity, RolesRule] = field(default_factory=lambda: dict(REQUIRED))
    roles_avoid: frozenset[str] = AVOID
    split_after: timedelta = 30 * _M
    split_responders: int = 3
    handoff_after: timedelta = 4 * _H
    accept_within: timedelta = 10 * _M
    # A SEV4 that goes on for so long, or that users see, is asked about.
    nudge_after: timedelta = _H
    nudge_when_visible: bool = True
    # Promises of updates (decisions 2.10): missed a minute after they were due; the last one comes soon after it is over.
    cadence: Mapping[Severity, CadenceRule] = field(default_factory=lambda: dict(CADENCE))
    after_mitigated: int = 2
    # Words of their own for an audience and a moment, over the built-in ones (core/update_drafts.py).
    update_templates: Mapping[tuple[Audience, Moment], str] = field(default_factory=dict)
    public_lint: CommanderActs = "Warn"
    update_grace: timedelta = 60 * _S
    final_update_within: timedelta = 15 * _M
    # An entry that was said in time is taken in before its promise counts as missed, also when it is seen a little later.
    update_seen_within: timedelta = 5 * _S
    evidence_required: bool = False
    # Stored bytes of one bundle, of one incident, of all that is kept.
    evidence_stored_bytes: int = 2_097_152
    evidence_incident_bytes: int = 8_388_608
    evidence_cluster_bytes: int = 134_217_728
    pods_one_by_one: timedelta = 10 * _M
    postmortem_at: Severity = Severity.SEV2
    postmortem_on: frozenset[str] = frozenset({"rolloutUndo", "serviceShift", "routeShift", "drain", "quarantine"})
    postmortem_due: timedelta = 48 * _H
    # A full one is talked over by then, and each is published; said once, when it was not.
    postmortem_review: timedelta = 120 * _H
    postmortem_publish: timedelta = 240 * _H
    # Any one of these asks for a full postmortem, besides severity and what it took (decisions 2.11).
    postmortem_visible: timedelta = 15 * _M
    postmortem_resolve: timedelta = 4 * _H
    postmortem_detect: timedelta = 15 * _M
    postmortem_data: bool = True
    postmortem_customer: bool = True
    postmortem_recurrence: bool = True
    # In percent of what the error budget of one period has.
    postmortem_budget: int = 20
    postmortem_signs: int = 1
    postmortem_factors: int = 3
    postmortem_lint: Lint = "Deny"
    # A text that is not written is spoken of on a cadence, and not for ever.
    postmortem_remind_every: timedelta = 24 * _H
    postmortem_reminders_max: int = 6
    # Of one incident: more than these will not get done.
    items_max: int = 5
    # How late an item may be due, by priority, from when it was written down.
    items_due: Mapping[str, timedelta] = field(
        default_factory=lambda: {"P0": 168 * _H, "P1": 504 * _H, "P2": 1080 * _H, "P3": 2160 * _H}
    )
    items_chase_every: timedelta = 168 * _H
    items_test_after: timedelta = 504 * _H
    items_escalate_after: timedelta = 168 * _H
    # Whom an item is brought before that nobody closes; "" is nobody.
    items_escalate_to: str = ""
    # doneWhen is looked at so often, and must hold for so long.
    items_look_every: timedelta = 15 * _M
    items_hold: timedelta = _H
    # Warn of or refuse new pod templates where a budget is spent, or the same comes again while promises are not kept; the query
    # gives what is left, by namespace and service.
    budget_mode: BudgetWord = "Warn"
    budget_query: str = "slo:period_error_budget_remaining:ratio"
    budget_exempt_label: str = f"{GROUP}/exempt"
    retention_incident: timedelta = 8760 * _H
    retention_entries: timedelta = 168 * _H
    retention_evidence: Mapping[Severity, timedelta] = field(
        default_factory=lambda: _by_severity(2160 * _H, 2160 * _H, 720 * _H, 336 * _H)
    )
    retention_drills: timedelta = 720 * _H
    follow_up_due: timedelta = 72 * _H
    # A read that fails for longer than this after a wish was made is told to people.
    told_after: timedelta = timedelta(seconds=20)
    store_again: timedelta = timedelta(seconds=30)
    lost_attempts_max: int = 3
    # An intention without receipts is given up after this: longer than every write's timeout, so nobody still writes.
    lost_after: timedelta = timedelta(seconds=8)


DEFAULT: Final = Policy()
