"""What was kept long enough, and what stays though it was: decisions 2.16 and F1 (e)."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch.api.names import Label
from stanch.api.policy import Policy
from stanch.core.record_retention import entries_run_out, incidents_run_out

NOW = datetime(2027, 11, 21, 12, tzinfo=UTC)
POLICIES = defaultdict(Policy)
Obj = dict[str, Any]


def ago(**how: float) -> str:
    """RFC 3339."""
    return (NOW - timedelta(**how)).isoformat()


def incident(closed: str | None, **more: Any) -> Obj:
    """Labelled closed, and with its lessons learned, if ``closed`` says when."""
    labels = {Label.CLOSED: ""} if closed else {}
    meta = {"namespace": "shop", "name": "i", "uid": "u", "creationTimestamp": ago(days=900), "labels": labels}
    conditions = [{"type": "Reviewed", "status": "True"}]
    times = {"closed": closed} if closed else {}
    return {"metadata": meta, "spec": more, "status": {"times": times, "conditions": conditions}}


def entry(made: str, closed: bool = True, about: str = "i", folded: bool = True) -> Obj:
    """What somebody said to it."""
    labels = ({Label.CLOSED: ""} if closed else {}) | ({Label.FOLDED: "7"} if folded else {})
    meta = {"namespace": "shop", "name": "e", "uid": "v", "creationTimestamp": made, "labels": labels}
    return {"metadata": meta, "spec": {"incident": about}}


def over(body: Obj) -> list[str]:
    """Why each stays."""
    return [each.kept for each in incidents_run_out([body], POLICIES, NOW)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (incident(ago(days=366)), [""]),
        (incident(ago(days=364)), []),
        (incident(None), []),
        (incident(ago(days=31), drill=True), [""]),
        (incident(ago(days=29), drill=True), []),
        (incident(ago(days=31), drill=False), []),
    ],
    ids=["a year", "not yet", "open", "a drill", "a fresh drill", "no drill"],
)
def test_each_is_kept_as_long_as_its_kind(body: Obj, found: list[str]) -> None:
    """A drill for a month, an incident for a year, an open one for ever."""
    assert found == over(body)


def test_what_says_it_was_closed_and_is_not_labelled_stays() -> None:
    """The label is the operator's last word on an incident; a restore may bring back times without it."""
    body = incident(ago(days=999))
    body["metadata"]["labels"] = {}
    assert [] == over(body)


def test_what_git_would_make_anew_stays() -> None:
    """It would come back as another incident, which asks for the same again."""
    flux, argo = incident(ago(days=999)), incident(ago(days=999))
    flux["metadata"]["labels"] |= {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    argo["metadata"]["labels"]["app.kubernetes.io/instance"] = "shop"
    (first,), (second,) = over(flux), over(argo)
    assert "Flux Kustomization flux-system/apps would make it anew" in first
    assert "Argo CD Application argocd/shop made it" in second


def test_what_is_still_to_be_learned_from_stays() -> None:
    """Unless it was cancelled: from a false alarm nobody has to learn."""
    body = incident(ago(days=999))
    body["status"]["conditions"] = []
    assert ["its postmortem is not published, and nobody waived it"] == over(body)
    body["status"]["times"] = {"cancelled": ago(days=999)}
    assert [""] == over(body)


@pytest.mark.parametrize(
    ("body", "its", "count"),
    [
        (entry(ago(days=400)), incident(ago(days=8)), 1),
        (entry(ago(days=400)), incident(ago(days=6)), 0),
        (entry(ago(days=400)), incident(None), 0),
        (entry(ago(days=400), closed=False), incident(ago(days=8)), 0),
        (entry(ago(days=8), about="gone"), incident(None), 1),
        (entry(ago(days=6), about="gone"), incident(None), 0),
    ],
    ids=["old", "young", "open", "not taken in", "of one that is gone", "of one that went now"],
)
def test_entries_go_a_week_after_their_incident(body: Obj, its: Obj, count: int) -> None:
    """All of them are on pages by then."""
    assert count == len(list(entries_run_out([body], [its], POLICIES, NOW)))


def test_what_was_said_after_the_closing_stays_as_long_as_an_incident() -> None:
    """Nobody took it in, and it stands on no page."""
    its = incident(ago(days=100))
    assert not list(entries_run_out([entry(ago(days=50), folded=False)], [its], POLICIES, NOW))
    assert list(entries_run_out([entry(ago(days=400), folded=False)], [incident(ago(days=500))], POLICIES, NOW))


def test_an_entry_of_an_earlier_incident_of_the_name_goes_by_its_own_age() -> None:
    """The later one is open and none of its business."""
    later = incident(None)
    later["metadata"]["creationTimestamp"] = ago(days=1)
    assert 1 == len(list(entries_run_out([entry(ago(days=30))], [later], POLICIES, NOW)))


def test_a_namespace_that_keeps_longer_is_heard() -> None:
    """The stricter value counts."""
    policies = {"shop": Policy(retention_incident=timedelta(days=1000), retention_entries=timedelta(days=1000))}
    assert not list(incidents_run_out([incident(ago(days=366))], policies, NOW))
    assert not list(entries_run_out([entry(ago(days=400))], [incident(ago(days=366))], policies, NOW))
