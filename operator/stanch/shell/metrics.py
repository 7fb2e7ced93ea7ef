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
