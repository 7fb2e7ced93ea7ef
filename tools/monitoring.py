"""What tells when stanch, or a response, does not do what it should: alert rules and a dashboard, a kustomize component."""

import json
from collections.abc import Sequence
from typing import Any, Final

from tools import generated
from tools.rbac import HEADER, Object

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.undeclared_now import BURNING, FACTOR

HOW = (
    "\n\nAlert rules, a PodMonitor and a Grafana dashboard. Needs prometheus-operator. In a kustomization of your own:\n"
    "  components: [../components/monitoring]\n"
    "What each alert means, and without prometheus-operator: docs/how-to/watch-stanch.md"
)
PODS = {"matchLabels": {"app.kubernetes.io/name": "stanch"}}


def _rule(alert: str, severity: str, wait: str, expr: str, summary: str, description: str) -> Object:
    found: Object = {"alert": alert, "expr": expr}
    return (
        found
        | ({"for": wait} if wait else {})
        | {"labels": {"severity": severity}, "annotations": {"summary": summary, "description": description}}
    )


DECLARED: Final = '(stanch_incidents_of_service{service!=""} > 0)'
# The first of the labels that is there.
WHOSE: Final = "{{ or $labels.service $labels.sloth_service $labels.slo }}"
# Each has what to do in its description.
RULES: Final[list[Object]] = [
    _rule(
        "IncidentUpdateOverdue",
        "warning",
        "5m",
        "sum by (audience) (stanch_updates_overdue) > 0",
        "People were promised an update and have none",
        "{{ $value }} incidents owe audience {{ $labels.audience }} an update: kubectl get incidents -A, and write one.",
    ),
    _rule(
        "ApprovalStuck",
        "warning",
        "",
        "max(stanch_approval_oldest_seconds) > 600",
        "A mitigation has waited ten minutes for an approval",
        "kubectl get incidents -A shows ApprovalNeeded; approve or deny it: what nobody agrees to expires.",
    ),
    _rule(
        "OperatorHalted",
        "critical",
        "5m",
        "absent(stanch_leading == 1) or min(stanch_policies_proven) == 0 "
        'or sum(stanch_incidents_held{reason="Frozen"}) > 0',
        "stanch acts on nothing just now",
        "No replica works, the admission policies are not in force, or somebody froze it while mitigations wait: "
        "kubectl -n stanch-system logs deploy/stanch, and docs/how-to/stop-it.md.",
    ),
    _rule(
        "RolesMissing",
        "warning",
        "5m",
        'sum(stanch_nudges_standing{kind="RoleMissing"}) > 0',
        "Somebody who is needed is not there",
        "In {{ $value }} incidents a role that the severity needs is nobody's, and reminders did not help: "
        "kubectl get incidents -A, and write a take entry.",
    ),
    _rule(
        "BurnsUndeclared",
        "warning",
        "10m",
        # decisions 2.4; an incident that names no service may be about any, as in `stanch review`.
        f"{BURNING} >= {FACTOR} unless on (service) {DECLARED} unless on (sloth_service) "
        f'label_replace({DECLARED}, "sloth_service", "$1", "service", "(.+)") unless on (slo) '
        f'label_replace({DECLARED}, "slo", "$1", "service", "(.+)") '
        'unless on () (stanch_incidents_of_service{service=""} > 0)',
        "An error budget burns, and nobody has declared an incident",
        f"{WHOSE} burns {{{{ $value }}}} times as fast as its budget allows, for ten minutes: declare an incident "
        f"with spec.service {WHOSE} (stanch declare). One too many is cheap; a late one is not.",
    ),
    _rule(
        "NotificationsFailing",
        "warning",
        "",
        'sum by (channel) (increase(stanch_notifications_total{outcome="lost"}[1h])) > 0 or (sum by (channel) '
        '(increase(stanch_notifications_total{outcome=~"failed|refused"}[15m])) > 3 unless sum by (channel) '
        '(increase(stanch_notifications_total{outcome="delivered"}[15m])) > 0)',
        "A channel is not told what happens",
        "Channel {{ $labels.channel }}: the incidents' status.communications.outbox says why. Tell people by hand meanwhile.",
    ),
    _rule(
        "AlertsRefused",
        "warning",
        "",
        'sum by (code) (increase(stanch_alerts_requests_total{code=~"4.."}[1h])) > 0',
        "Alerts that were sent to stanch were refused, and are lost",
        "HTTP {{ $labels.code }}, and Alertmanager tells nothing again after it. 413: make the groups smaller by group_by, or "
        "cut them by max_alerts; of 400, 401, 403 and 415 the log of stanch says why: docs/how-to/connect-alertmanager.md.",
    ),
    _rule(
        "AlertsWait",
        "warning",
        "10m",
        "max by (state) (stanch_alert_batches) > 0",
        "Alerts that stanch took are in no incident",
        "{{ $value }} batches, {{ $labels.state }}. waiting: their incidents are refused, the log of stanch says why, and it goes "
        "on trying. unreadable: kubectl -n stanch-system get alertbatches -o yaml shows what they say: "
        "docs/how-to/connect-alertmanager.md.",
    ),
    _rule(
        "IncidentsStalled",
        "warning",
        "5m",
        "sum by (reason) (stanch_incidents_stalled) > 0",
        "Incidents can't go on without somebody",
        "{{ $value }} incidents are Stalled, {{ $labels.reason }}: the condition's message says what would free them.",
    ),
    _rule(
        "LawsBroken",
        "critical",
        "",
        "sum by (law) (increase(stanch_laws_broken_total[1h])) > 0",
        "A plan of stanch broke one of its laws and was refused",
        "{{ $labels.law }}: nothing was done by it. This is a bug: report it, with the incident.",
    ),
    _rule(
        "ActionItemsOverdue",
        "info",
        "24h",
        "sum(stanch_action_items_overdue) > 0",
        "What was to be done after incidents is late",
        "{{ $value }} action items are past their due time: kubectl get actionitems -A.",
    ),
    _rule(
        "PagesTooMany",
        "warning",
        "",
        # Two in a shift leave time for each (core/review.py); increase() is no whole number.
        "round(sum(increase(stanch_pages_total[12h]))) > 2",
        "More pages in twelve hours than leave time for each",
        "{{ $value }} incidents of SEV1 or SEV2 in twelve hours. Night after night that is a matter of priorities, not of stamina: "
        "`stanch review` says what pages, and what comes again.",
    ),
    _rule(
        "ToilByHand",
        "info",
        "24h",
        "sum by (action) (stanch_toil_lately) > 0",
        "People do the same by hand again and again",
        "{{ $labels.action }}, {{ $value }} times within thirty days on targets that had it three times or more: `stanch review` "
        "says which, and prints a Runbook to begin with.",
    ),
]


def rules_file() -> str:
    """The rules and what scrapes the operator."""
    meta = {"name": "stanch", "namespace": OPERATOR_NAMESPACE, "labels": PODS["matchLabels"]}
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": meta,
        "spec": {"selector": PODS, "podMetricsEndpoints": [{"port": "http", "path": "/metrics"}]},
    }
    found = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": meta,
        "spec": {"groups": [{"name": "stanch", "rules": RULES}]},
    }
    return generated.document(HEADER, found, monitor)


def component() -> str:
    """A kustomize component: the rules, and the dashboard in a ConfigMap as Grafana's sidecar looks for it."""
    index = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["rules.yaml"],
        "configMapGenerator": [
            {"name": "stanch-dashboard", "namespace": OPERATOR_NAMESPACE, "files": ["stanch.json=dashboard.json"]}
        ],
        "generatorOptions": {"disableNameSuffixHash": True, "labels": {"grafana_dashboard": "1"}},
    }
    return generated.document(HEADER + HOW, index)


# --- the dashboard: a row of what is so, a row of how long things take, a row of how stanch itself is ------------------

_WIDTH, _HEIGHT, _ACROSS = 8, 8, 3


def _panel(title: str, kind: str, unit: str, *queries: tuple[str, str]) -> Object:
    targets = [
        {"refId": chr(ord("A") + n), "expr": expr, "legendFormat": legend, "datasource": _SOURCE}
        for n, (expr, legend) in enumerate(queries)
    ]
    defaults: dict[str, Any] = {"unit": unit, "min": 0}
    return {
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


_SOURCE = {"type": "prometheus", "uid": "${source}"}


def _quantile(name: str, q: str) -> str:
    return f"histogram_quantile({q}, sum by (le) (increase({name}_bucket[$__range])))"


def _median(what: str) -> tuple[str, str]:
    return _quantile(f"stanch_incident_time_to_{what}_seconds", "0.5"), f"to {what}"


# In the order they are read.
PANELS: Final[Sequence[Object]] = (
    _panel("Open incidents", "timeseries", "short", ("sum by (severity) (stanch_incidents)", "{{severity}}")),
    _panel("Where they stand", "bargauge", "short", ("sum by (state) (stanch_incidents)", "{{state}}")),
    _panel(
        "Late",
        "stat",
        "short",
        ("sum(stanch_updates_overdue) or vector(0)", "updates"),
        ("sum(stanch_action_items_overdue) or vector(0)", "action items"),
        ("sum(stanch_notifications_waiting) or vector(0)", "messages that wait"),
    ),
    _panel(
        "Declared",
        "timeseries",
        "short",
        ("sum by (severity, source) (increase(stanch_incidents_declared_total[1d]))", "{{severity}} by {{source}}"),
    ),
    _panel("Median time", "stat", "s", _median("acknowledge"), _median("mitigate"), _median("resolve")),
    _panel(
        "Waiting for approval",
        "timeseries",
        "s",
        (_quantile("stanch_approval_wait_seconds", "0.5"), "median"),
        ("max(stanch_approval_oldest_seconds)", "waits now"),
    ),
    _panel(
        "Mitigations",
        "timeseries",
        "short",
        (
            "sum by (action, outcome) (increase(stanch_mitigations_total[$__rate_interval]))",
            "{{action}} {{outcome}}",
        ),
    ),
    _panel(
        "Why they wait",
        "bargauge",
        "short",
        ("sum by (reason) (increase(stanch_guardrail_refusals_total[$__range]))", "{{reason}}"),
    ),
    _panel(
        "Runbooks",
        "bargauge",
        "short",
        (
            "sum by (runbook, outcome) (increase(stanch_runbook_runs_total[$__range]))",
            "{{runbook}} {{outcome}}",
        ),
    ),
    _panel(
        "Channels",
        "timeseries",
        "short",
        (
            "sum by (channel, outcome) (increase(stanch_notifications_total[$__rate_interval]))",
            "{{channel}} {{outcome}}",
        ),
    ),
    _panel(
        "Updates",
        "timeseries",
        "short",
        ("sum by (audience) (increase(stanch_updates_given_total[1d]))", "given to {{audience}}"),
        ("sum(increase(stanch_updates_missed_total[1d]))", "missed"),
        ("sum by (audience) (stanch_updates_overdue)", "{{audience}} waits"),
    ),
    _panel(
        "Who is there",
        "bargauge",
        "short",
        ("sum by (role) (stanch_roles_held)", "{{role}}"),
        ("sum by (role) (stanch_handoffs_waiting)", "{{role}} is handed over"),
    ),
    _panel(
        "What is wanting",
        "timeseries",
        "short",
        ("sum by (kind) (stanch_nudges_standing)", "{{kind}} now"),
        ("sum by (kind) (increase(stanch_nudges_total[$__rate_interval]))", "{{kind}}"),
    ),
    _panel(
        "Pages in twelve hours",
        "timeseries",
        "short",
        ("sum by (severity) (increase(stanch_pages_total[12h]))", "{{severity}}"),
    ),
    _panel(
        "Came again within thirty days",
        "timeseries",
        "percentunit",
        (
            "sum by (severity) (stanch_incidents_recurred_lately) / sum by (severity) (stanch_incidents_resolved_lately)",
            "{{severity}}",
        ),
    ),
    _panel(
        "Action items done, by age",
        "bargauge",
        "percentunit",
        (
            'sum by (age) (stanch_action_items{state="done"}) / sum by (age) (stanch_action_items)',
            "{{age}}",
        ),
    ),
    _panel(
        "By hand again and again",
        "bargauge",
        "short",
        ("sum by (action) (stanch_toil_lately)", "{{action}}"),
    ),
    _panel(
        "Looks",
        "timeseries",
        "s",
        (
            "histogram_quantile(0.99, sum by (le) (rate(stanch_reconcile_duration_seconds_bucket[$__rate_interval])))",
            "99 of 100",
        ),
        ("max(stanch_event_loop_lag_seconds)", "event loop late"),
    ),
    _panel(
        "stanch works",
        "stat",
        "short",
        ("sum(stanch_leading)", "replicas that work"),
        ("min(stanch_policies_proven)", "policies in force"),
        ("sum(stanch_incidents_stalled) or vector(0)", "stalled incidents"),
        ("sum(increase(stanch_laws_broken_total[$__range]))", "laws broken"),
    ),
)


def dashboard() -> str:
    """As Grafana imports it."""
    placed = [
        {
            **panel,
            "id": n + 1,
            "gridPos": {
                "x": n % _ACROSS * _WIDTH,
                "y": n // _ACROSS * _HEIGHT,
                "w": _WIDTH,
                "h": _HEIGHT,
            },
        }
        for n, panel in enumerate(PANELS)
    ]
    board = {
        "title": "stanch",
        "uid": "stanch",
        "tags": ["stanch"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "annotations": {
            "list": [
                {
                    "name": "Incidents",
                    "enable": True,
                    "iconColor": "red",
                    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                    "target": {"type": "tags", "tags": ["stanch"], "limit": 100, "matchAny": False},
                }
            ]
        },
        "panels": placed,
    }
    return json.dumps(board, indent=1) + "\n"


def files() -> dict[str, str]:
    """Path below manifests/ → text."""
    return {
        "components/monitoring/rules.yaml": rules_file(),
        "components/monitoring/kustomization.yaml": component(),
        "components/monitoring/dashboard.json": dashboard(),
    }
