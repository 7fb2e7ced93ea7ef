"""The record is what happened: nobody but the operator writes it, nobody takes it away, and hostile input is only text."""

import pytest

from attack.people import Place, entry, incident, refused
from cluster.given import evidence
from e2e.support.api import Api, Json

WRITES, LABELS, KEEP = "stanch-operator-writes", "stanch-own-labels", "stanch-keep-records"
EVIDENCE = evidence("planted")
PLANTED = {"mitigations": [{"name": "roll-back", "state": "Held", "approvals": {"needed": 0}}]}


def declared(place: Place) -> None:
    """Alice has declared an incident."""
    place.alice.create(incident(), place.ns).must()


def test_status_is_the_operators(place: Place, admin: Api) -> None:
    """Not even an admin of the cluster writes an approval into it; in a create it is dropped."""
    made = place.mallory.create(incident() | {"status": PLANTED}, place.ns).must()
    assert "status" not in made
    path = f"{admin.path('incidents', place.ns, 'checkout-5xx')}/status"
    patch = {"status": {"phase": "Resolved"}}
    content = "application/merge-patch+json"
    assert place.mallory.request("PATCH", path, patch, content).status == 403
    refused(admin.request("PATCH", path, patch, content), WRITES, "only the stanch operator writes incidents/status")


def test_evidence_is_the_operators(place: Place, admin: Api) -> None:
    """Neither planted nor taken away."""
    refused(admin.create(EVIDENCE, place.ns), WRITES, "only the stanch operator writes evidences")
    assert place.mallory.create(EVIDENCE, place.ns).status == 403


def test_nobody_forges_alerts_that_are_kept(place: Place, admin: Api) -> None:
    """Who could create one would be believed to be any sender: neither a tenant's admin nor one of the cluster."""
    told = {"namespaces": [place.ns], "told": "{}"}
    batch = {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "AlertBatch",
        "metadata": {"name": "forged"},
        "spec": {"receivedTime": "2026-11-21T14:00:00Z", "notifications": [told]},
    }
    for namespace in (place.ns, "stanch-system"):
        refused(admin.create(batch, namespace), WRITES, "only the stanch operator writes alertbatches")
        assert place.mallory.create(batch, namespace).status == 403
        assert place.mallory.request("GET", admin.path("alertbatches", namespace)).status == 403


def test_evidence_is_not_for_everybody(place: Place) -> None:
    """It holds logs and specs of that time: edit and view don't read it."""
    for who in (place.alice, place.mallory):
        assert who.request("GET", who.path("evidences", place.ns)).status == 403


@pytest.mark.parametrize("key", ["stanch.dev/closed", "stanch.dev/group", "stanch.dev/incident-uid"])
def test_our_labels_are_ours(place: Place, admin: Api, key: str) -> None:
    """Closed would let anybody delete it; group would make a storm of alerts out of nothing."""
    labelled = incident(name="labelled")
    labelled["metadata"]["labels"] = {key: "x"}
    for who in (place.mallory, admin):
        refused(who.create(labelled, place.ns), LABELS, key)
    declared(place)
    later = {"metadata": {"labels": {key: "x"}}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", later), LABELS, key)


def test_an_entry_is_not_born_folded(place: Place) -> None:
    """It would never be heard, and say so nowhere."""
    said = entry(note={})
    said["metadata"]["labels"] = {"stanch.dev/folded": "1"}
    refused(place.mallory.create(said, place.ns), LABELS)


def test_the_garbage_collector_is_not_sent(place: Place) -> None:
    """An owner that does not exist would have it delete the record."""
    declared(place)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}
    change = {"metadata": {"ownerReferences": [owner]}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", change), LABELS, "garbage collector")
    orphan = entry(note={})
    orphan["metadata"]["ownerReferences"] = [owner]
    refused(place.mallory.create(orphan, place.ns), LABELS)


def test_an_open_record_is_not_deleted(place: Place, admin: Api) -> None:
    """By a typo, by a pipeline that prunes, by an admin; nor what was said about it."""
    declared(place)
    name = place.mallory.create(entry(note={}), place.ns).must()["metadata"]["name"]
    for plural, which in (("incidents", "checkout-5xx"), ("timelineentries", name)):
        assert place.mallory.delete(plural, place.ns, which).status == 403
        refused(admin.delete(plural, place.ns, which), KEEP)
    every = admin.request("DELETE", admin.path("incidents", place.ns))
    assert admin.find("incidents", place.ns, "checkout-5xx") is not None, every.body


def test_what_was_said_is_not_changed(place: Place, admin: Api) -> None:
    """Entries are immutable, for admins as well."""
    declared(place)
    name = place.mallory.create(entry(note={}), place.ns).must()["metadata"]["name"]
    change = {"spec": {"text": "I never said that"}}
    assert place.mallory.merge("timelineentries", place.ns, name, change).status == 403
    refused(admin.merge("timelineentries", place.ns, name, change), "never changed")


# --- another namespace, another kind ---------------------------------------------------------------------------------


def test_a_namespace_is_a_border(place: Place, admin: Api) -> None:
    """What one may in one's own counts for nothing in another's, and a target names no namespace."""
    for plural in ("incidents", "timelineentries", "evidences", "postmortems"):
        assert place.mallory.request("GET", admin.path(plural, "default")).status == 403
    strict = admin.path("incidents", place.ns, fieldValidation="Strict")
    elsewhere = incident(targets=[{"kind": "Deployment", "name": "coredns", "namespace": "kube-system"}])
    refused(place.mallory.request("POST", strict, elsewhere), "namespace")
    lax = place.mallory.create(elsewhere, place.ns).must()
    assert lax["spec"]["targets"] == [{"kind": "Deployment", "name": "coredns"}]


@pytest.mark.parametrize("kind", ["Secret", "ClusterRoleBinding", "ServiceAccount", "Namespace", "Incident"])
def test_only_known_kinds_are_targets(place: Place, kind: str) -> None:
    """A closed list: what gives power is not in it."""
    refused(place.mallory.create(incident(targets=[{"kind": kind, "name": "x"}]), place.ns), "Unsupported value", kind)


# --- hostile words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        {"links": [{"name": "x", "url": "javascript:alert(1)"}]},
        {"links": [{"name": "x", "url": "file:///etc/shadow"}]},
        {"title": "x" * 201},
        {"title": ""},
        {"service": "x" * 64},
        {"impact": {"usersPercent": 101}},
        {"impact": {"summary": "x" * 100_000}},
        {"recovery": {"hold": "-1m"}},
        {"recovery": {"hold": "99999999999h"}},
        {"mitigations": [{"name": "a/../../b", "rolloutUndo": {}}]},
        {"mitigations": [{"name": "x" * 41, "rolloutUndo": {}}]},
        {"targets": [{"kind": "Deployment", "name": "../../other/deployments/x"}]},
        {"targets": [{"kind": "ConfigMap", "name": "../secrets/x"}]},
        {"targets": [{"kind": "Deployment", "name": "web?dryRun=All"}]},
        {"targets": [{"kind": "Deployment", "name": ".."}]},
        {"targets": [{"kind": "Deployment", "name": "*"}]},
        {"mitigations": [{"name": "a", "serviceShift": {"selector": {}}}]},
        {"mitigations": [{"name": "a", "scale": {"replicas": -1}}]},
        {"targets": [{"kind": "Deployment", "name": ""}]},
        {"targets": [{"kind": "Deployment", "name": f"d{n}"} for n in range(9)]},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_the_schema(place: Place, spec: Json) -> None:
    """Whoever sends it; the field is named."""
    answer = place.admin.create(incident(**spec), place.ns)
    refused(answer, "spec.")


def test_an_object_as_large_as_a_house_is_refused(place: Place) -> None:
    """And the API server goes on."""
    huge = incident()
    huge["metadata"]["annotations"] = {"x": "y" * 300_000}
    refused(place.mallory.create(huge, place.ns), "Too long")
    deep: Json = {}
    for _ in range(500):
        deep = {"a": deep}
    answer = place.mallory.create(incident(impact=deep), place.ns)
    assert answer.body.get("spec", {}).get("impact", {}) == {}
    if not answer.ok:
        declared(place)
    assert place.mallory.get("incidents", place.ns, "checkout-5xx")


# --- the platform's rules --------------------------------------------------------------------------------------------


def rules(**spec: object) -> Json:
    """A ResponsePolicy."""
    meta = {"name": "default"}
    return {"apiVersion": "stanch.dev/v1alpha1", "kind": "ResponsePolicy", "metadata": meta, "spec": spec}


def test_a_team_writes_no_rules_for_itself(place: Place) -> None:
    """Neither who edits nor who responds."""
    for who in (place.alice, place.mallory):
        assert who.create(rules(guardrails={"perTarget": "0s"}), place.ns).status == 403


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoints": [{"name": "x", "url": "http://169.254.169.254/latest/meta-data"}]},
        {"prometheus": {"url": "http://evil.example"}},
        {"approvals": {"people": ["system:serviceaccount:shop:pipeline"]}},
    ],
    ids=["endpoints", "prometheus", "people"],
)
def test_what_reaches_out_is_only_the_platforms(place: Place, spec: Json) -> None:
    """A tenant's would have the operator ask addresses for it, or call a machine a person."""
    refused(place.admin.create(rules(**spec), place.ns), "stanch-policy-places", next(iter(spec)))
