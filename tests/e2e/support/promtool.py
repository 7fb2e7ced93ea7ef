"""Our alert rules as Prometheus' own tool judges them: can they be read, and when do they fire?"""

import subprocess
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parents[3] / "manifests" / "components" / "monitoring" / "rules.yaml"


def _fires(alert: str, at: str, series: dict[str, str], *labels: dict[str, str]) -> dict[str, Any]:
    """A unit test: with these series the alert fires at this time, once for each of these labels."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"alertname": alert, "eval_time": at, "exp_alerts": [{"exp_labels": each} for each in labels]}
        ],
    }


WORKS = {"stanch_leading": "1x60", "stanch_policies_proven": "1x60"}
LOST = 'stanch_notifications_total{channel="room",outcome="lost"}'
FAILED = 'stanch_notifications_total{channel="room",outcome="failed"}'
GIVEN = 'stanch_notifications_total{channel="room",outcome="delivered"}'
LAW = 'stanch_laws_broken_total{law="law_34"}'
TAKEN = 'stanch_alerts_requests_total{code="202"}'
TOO_LARGE = 'stanch_alerts_requests_total{code="413"}'
WARNING, CRITICAL = {"severity": "warning"}, {"severity": "critical"}
ROOM = {**WARNING, "channel": "room"}
BURNS = {'slo:current_burn_rate:ratio{sloth_service="shop"}': "7x60"}
OF_SHOP = {**WARNING, "sloth_service": "shop"}
# Seven times what an objective of 99 % allows, as Pyrra and its generic rules record it.
PYRRA = {
    'http_requests:burnrate5m{job="api",slo="shop-errors"}': "0.07x60",
    'pyrra_objective{slo="shop-errors"}': "0.99x60",
}
# A label that somebody gave the objective is what its alerts, and so their incidents, are named after.
LABELLED = {'slo:current_burn_rate:ratio{sloth_service="shop",service="web"}': "7x60"}
TESTS = (
    _fires("OperatorHalted", "20m", WORKS),
    _fires("OperatorHalted", "20m", {**WORKS, "stanch_leading": "0x60"}, CRITICAL),
    _fires("OperatorHalted", "20m", {**WORKS, "stanch_policies_proven": "0x60"}, CRITICAL),
    _fires("OperatorHalted", "20m", {**WORKS, 'stanch_incidents_held{reason="Frozen"}': "2x60"}, CRITICAL),
    _fires("NotificationsFailing", "30m", {GIVEN: "0+1x60", FAILED: "0+1x60"}),
    _fires("NotificationsFailing", "30m", {GIVEN: "5x60", FAILED: "0+1x60"}, ROOM),
    _fires("NotificationsFailing", "30m", {GIVEN: "0+1x60", LOST: "0x20 1x40"}, ROOM),
    # What is not there before it happens (_) has no increase: these are made at nought (tests/shell/test_measures.py).
    _fires("NotificationsFailing", "30m", {GIVEN: "0+1x60", LOST: "_x20 1x40"}),
    _fires("LawsBroken", "30m", {LAW: "_x20 1x40"}),
    _fires("LawsBroken", "30m", {LAW: "0x20 1x40"}, {**CRITICAL, "law": "law_34"}),
    _fires("AlertsRefused", "30m", {TAKEN: "0+1x60", TOO_LARGE: "0x60"}),
    _fires("AlertsRefused", "30m", {TAKEN: "0+1x60", TOO_LARGE: "0x20 1x40"}, {**WARNING, "code": "413"}),
    _fires("AlertsRefused", "90m", {TAKEN: "0+1x99", TOO_LARGE: "0x20 1x79"}),
    _fires("AlertsWait", "9m", {'stanch_alert_batches{state="waiting"}': "0x5 2x60"}),
    _fires("AlertsWait", "20m", {'stanch_alert_batches{state="waiting"}': "0x5 2x60"}, {**WARNING, "state": "waiting"}),
    _fires("ApprovalStuck", "5m", {"stanch_approval_oldest_seconds": "300+60x60"}),
    _fires("ApprovalStuck", "10m", {"stanch_approval_oldest_seconds": "300+60x60"}, WARNING),
    _fires("RolesMissing", "4m", {'stanch_nudges_standing{kind="RoleMissing"}': "1x60"}),
    _fires("RolesMissing", "20m", {'stanch_nudges_standing{kind="HandoffDue"}': "1x60"}),
    _fires("RolesMissing", "6m", {'stanch_nudges_standing{kind="RoleMissing"}': "1x60"}, WARNING),
    _fires("BurnsUndeclared", "12m", {**BURNS, "stanch_incidents_of_service": "0x60"}, OF_SHOP),
    _fires(
        "BurnsUndeclared",
        "12m",
        {**BURNS, 'stanch_incidents_of_service{service="pay"}': "1x60"},
        OF_SHOP,
    ),
    _fires("BurnsUndeclared", "12m", {**BURNS, 'stanch_incidents_of_service{service="shop"}': "1x60"}),
    _fires("BurnsUndeclared", "12m", {**BURNS, "stanch_incidents_of_service": "1x60"}),
    _fires("BurnsUndeclared", "9m", BURNS),
    _fires("BurnsUndeclared", "12m", PYRRA, {**WARNING, "slo": "shop-errors"}),
    _fires("BurnsUndeclared", "12m", {**PYRRA, 'stanch_incidents_of_service{service="shop-errors"}': "1x60"}),
    _fires("BurnsUndeclared", "12m", {**PYRRA, 'http_requests:burnrate5m{job="api",slo="shop-errors"}': "0.05x60"}),
    _fires("BurnsUndeclared", "12m", LABELLED, {**OF_SHOP, "service": "web"}),
    _fires("BurnsUndeclared", "12m", {**LABELLED, 'stanch_incidents_of_service{service="web"}': "1x60"}),
    _fires("BurnsUndeclared", "12m", {**LABELLED, 'stanch_incidents_of_service{service="shop"}': "1x60"}),
    _fires("BurnsUndeclared", "12m", {'slo:current_burn_rate:ratio{sloth_service="shop"}': "5x60"}),
    _fires(
        "IncidentUpdateOverdue",
        "20m",
        {'stanch_updates_overdue{audience="public"}': "1x60"},
        {**WARNING, "audience": "public"},
    ),
)


def judged(folder: Path) -> tuple[int, str]:
    """Exit code and words of promtool, over rules and their unit tests."""
    objects = yaml.safe_load_all(RULES.read_text(encoding="utf-8"))
    spec = next(o for o in objects if o["kind"] == "PrometheusRule")["spec"]
    for group in spec["groups"]:
        for rule in group["rules"]:
            # Annotations are prose, which the unit tests would have to repeat.
            rule.pop("annotations")
    (folder / "rules.yml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": list(TESTS)}
    (folder / "tests.yml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    words = ["promtool", "test", "rules", "tests.yml"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr
