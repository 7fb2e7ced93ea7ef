"""What Prometheus can ask of the operator; never an incident's name as a label."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

API_SECONDS = Histogram(
    "stanch_api_request_duration_seconds", "Requests to the API server.", ["method"], registry=REGISTRY
)
RECONCILES = Counter(
    "stanch_reconciles_total", "Looks at an incident, by how they ended.", ["result"], registry=REGISTRY
)
RECONCILE_SECONDS = Histogram("stanch_reconcile_duration_seconds", "One look at an incident.", registry=REGISTRY)
OUTSIDE_SECONDS = Histogram(
    "stanch_outside_request_duration_seconds",
    "Questions to Prometheus and to endpoints, by how they ended.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
EFFECTS = Counter("stanch_effects_total", "Writes to targets, by outcome.", ["outcome"], registry=REGISTRY)
LAWS_BROKEN = Counter("stanch_laws_broken_total", "Plans refused because they broke a law.", ["law"], registry=REGISTRY)
CONFLICTS = Counter("stanch_status_conflicts_total", "Status writes that met a newer version.", registry=REGISTRY)
OPEN_INCIDENTS = Gauge("stanch_incidents_open", "Incidents that are not closed.", registry=REGISTRY)
ORPHANS = Gauge(
    "stanch_orphans", "Marks of stanch on objects that no open incident knows, by kind.", ["kind"], registry=REGISTRY
)
POLICIES_PROVEN = Gauge("stanch_policies_proven", "1 while the admission policies are in force.", registry=REGISTRY)
LOOP_LAG = Gauge("stanch_event_loop_lag_seconds", "How late the event loop was, lately at most.", registry=REGISTRY)
CLOCK_AHEAD = Gauge(
    "stanch_clock_ahead_seconds", "This machine's clock less the API server's, whose time counts.", registry=REGISTRY
)
LEADING = Gauge("stanch_leading", "1 while this replica works, 0 while it stands by.", registry=REGISTRY)
EVIDENCE_BYTES = Gauge("stanch_evidence_bytes", "Stored bytes of all evidence, at the last sweep.", registry=REGISTRY)
EVIDENCE_REMOVED = Counter(
    "stanch_evidence_removed_total",
    "Evidence objects removed, by why: RunOut or TooMuch.",
    ["reason"],
    registry=REGISTRY,
)
ALERTS = Counter(
    "stanch_alerts_requests_total", "Requests with alerts, by what was answered.", ["code"], registry=REGISTRY
)
ALERTS_TOLD = Counter("stanch_alerts_received_total", "Alerts in requests that were taken in.", registry=REGISTRY)
ALERT_GROUPS = Counter(
    "stanch_alerts_groups_total",
    "Notifications of groups of alerts, by what became of them.",
    ["what"],
    registry=REGISTRY,
)
ALERT_SECONDS = Histogram(
    "stanch_alerts_request_duration_seconds",
    "Requests with alerts, from the first byte to the answer.",
    registry=REGISTRY,
)
SILENCES = Counter("stanch_silences_total", "Silences at Alertmanager, by what was done.", ["what"], registry=REGISTRY)
NOTIFICATIONS = Counter(
    "stanch_notifications_total",
    "Tries to tell a channel, by how they ended: delivered, failed (tried again) or refused.",
    ["channel", "outcome"],
    registry=REGISTRY,
)

# --- incidents; a name of one is never a label, drills are not counted (shell/measures.py) -----------------------------

# Minutes and hours: what people do takes those.
_LONG = (60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
DECLARED = Counter(
    "stanch_incidents_declared_total",
    "Incidents that were declared, by who did: person, alert or machine.",
    ["severity", "source"],
    registry=REGISTRY,
)
PAGES = Counter(
    "stanch_pages_total",
    "Incidents that were SEV1 or SEV2 for the first time, as which they page; false alarms too.",
    ["severity"],
    registry=REGISTRY,
)
for _level in ("SEV1", "SEV2"):
    # From nought on, or the first page of a process would be no increase.
    PAGES.labels(_level)
TIME_TO_ACKNOWLEDGE = Histogram(
    "stanch_incident_time_to_acknowledge_seconds",
    "From the declaration to a person.",
    ["severity"],
    buckets=_LONG,
    registry=REGISTRY,
)
TIME_TO_MITIGATE = Histogram(
    "stanch_incident_time_to_mitigate_seconds",
    "From the beginning of harm to its end, told when it is resolved.",
    ["severity"],
    buckets=_LONG,
    registry=REGISTRY,
)
TIME_TO_RESOLVE = Histogram(
    "stanch_incident_time_to_resolve_seconds",
    "From the beginning of harm until recovery had held.",
    ["severity"],
    buckets=_LONG,
    registry=REGISTRY,
)
MITIGATIONS = Counter(
    "stanch_mitigations_total",
    "Attempts that ended, by how, and by who asked: person, runbook, auto or undo.",
    ["action", "outcome", "mode"],
    registry=REGISTRY,
)
MITIGATION_SECONDS = Histogram(
    "stanch_mitigation_duration_seconds",
    "Attempts from being written down to their end.",
    ["action"],
    buckets=(1, 2, 5, 10, 30, 60, 120, 300, 600),
    registry=REGISTRY,
)
APPROVAL_SECONDS = Histogram(
    "stanch_approval_wait_seconds",
    "From asking for an approval to what was approved being begun.",
    buckets=(10, 30, 60, 120, 300, 600, 900, 1_800, 3_600),
    registry=REGISTRY,
)
REFUSALS = Counter("stanch_guardrail_refusals_total", "Mitigations that began to wait.", ["reason"], registry=REGISTRY)
RUNBOOK_RUNS = Counter(
    "stanch_runbook_runs_total",
    "Runbooks of incidents that ended: helped, worse, no_effect, or not_run.",
    ["runbook", "outcome"],
    registry=REGISTRY,
)
EVIDENCE_STORED = Counter("stanch_evidence_stored_bytes_total", "Bytes of evidence that was stored.", registry=REGISTRY)
# --- people ----------------------------------------------------------------------------------------------------------

UPDATES_GIVEN = Counter(
    "stanch_updates_given_total", "Updates that people gave, by whom they are for.", ["audience"], registry=REGISTRY
)
UPDATES_MISSED = Counter(
    "stanch_updates_missed_total", "Promised updates that did not come in time.", registry=REGISTRY
)
NUDGES = Counter(
    "stanch_nudges_total", "Reminders of what is wanting, by what they are about.", ["kind"], registry=REGISTRY
)
