"""Rules and dashboard ask for numbers that are there, in PromQL that can be read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stanch.core.invariants import LAWS
from stanch.shell import measures
from stanch.shell.metrics import REGISTRY

FOLDER = Path(__file__).resolve().parents[2] / "manifests" / "components" / "monitoring"
NAME = re.compile(r"\bstanch_[a-z_]+")
PARTS = ("_bucket", "_sum", "_count", "_total")


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    objects = yaml.safe_load_all((FOLDER / "rules.yaml").read_text(encoding="utf-8"))
    return next(o for o in objects if o["kind"] == "PrometheusRule")["spec"]["groups"][0]["rules"]


def panels() -> list[dict[str, Any]]:
    """What the dashboard shows."""
    return json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]


QUERIES = {
    **{rule["alert"]: rule["expr"] for rule in rules()},
    **{f"{p['title']} {t['refId']}": t["expr"] for p in panels() for t in p["targets"]},
}


def known() -> set[str]:
    """Every name that /metrics can have."""
    assert measures.STANDING
    names = {f.name for f in [*REGISTRY.collect(), *measures.STANDING.describe()]}
    return {name + part for name in names for part in ("", *PARTS)}


def test_what_a_rule_asks_the_increase_of_is_made_at_nought() -> None:
    """Else the first event is none to Prometheus: by channel and by code where those are known, and by law here."""
    asked = {name for rule in rules() for name in re.findall(r"increase\((stanch_[a-z_]+)", rule["expr"])}
    told = {"stanch_notifications_total", "stanch_alerts_requests_total", "stanch_pages_total"}
    assert told | {"stanch_laws_broken_total"} == asked
    assert None not in [REGISTRY.get_sample_value("stanch_pages_total", {"severity": s}) for s in measures.PAGING]
    assert None not in [REGISTRY.get_sample_value("stanch_laws_broken_total", {"law": law.__name__}) for law in LAWS]


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_asked_for_is_there(query: str) -> None:
    """A number that was renamed takes its rules and panels along."""
    asked = set(NAME.findall(QUERIES[query]))
    assert asked
    assert asked <= known()


@pytest.mark.parametrize(
    "name",
    [
        "IncidentUpdateOverdue",
        "ApprovalStuck",
        "OperatorHalted",
        "NotificationsFailing",
        "AlertsRefused",
        "AlertsWait",
        "BurnsUndeclared",
    ],
)
def test_the_alerts_that_were_promised_are_there(name: str) -> None:
    """Each says what is so, and what to do."""
    rule = next(r for r in rules() if r["alert"] == name)
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert all(len(rule["annotations"][key]) > 20 for key in ("summary", "description"))


def test_what_each_replica_tells_of_is_not_summed() -> None:
    """Each that takes alerts tells of all batches: one that waits is one, however many replicas there are."""
    rule = next(r for r in rules() if r["alert"] == "AlertsWait")
    assert "max by (state) (stanch_alert_batches) > 0" == rule["expr"]


def test_panels_stand_beside_each_other() -> None:
    """None over another, each with its own id."""
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels()]
    assert len(set(places)) == len(places) == len({p["id"] for p in panels()})
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in panels())
