"""Have the alerts ended that made the incident? The receiver keeps them in spec.alertGroup; what fires is in status.alerts."""

from stanch.core.draft import Draft
from stanch.core.sample import Sample


def has_alerts(draft: Draft) -> bool:
    """Did alerts make it? The status says so of those alone that only the operator could have written down."""
    return draft.status.alerts is not None


def look(draft: Draft) -> Sample:
    """None of them fires, and since when by Alertmanager's own times; where not all are kept, since that was told."""
    counts, group = draft.status.alerts, draft.incident.spec.alert_group
    if counts is None or group is None:
        return Sample(None, "no alert made this incident, so none can end")
    if counts.firing:
        return Sample(False, "an alert of its group fires")
    ends = [alert.ends_time for alert in group.alerts if alert.ends_time is not None]
    whole = ends and len(ends) == len(group.alerts) and not group.others and not group.more
    return Sample(True, "no alert of its group fires", max(ends) if whole else group.received_time)
