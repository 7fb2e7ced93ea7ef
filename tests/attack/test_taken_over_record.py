"""The operator's own token against what is its own: the record it keeps, and the Secrets it makes."""

from typing import Any

import pytest

from attack.people import Place, entry, incident, refused
from cluster.given import evidence, thing
from e2e.support.api import MERGE, Api, Json
from stanch.api.names import OPERATOR_NAMESPACE, Label
from stanch.core.records import REDACTION_KEY_TYPE, UNDO_TYPE

LEASH, SECRETS, KEEP = "stanch-operator-leash-records", "stanch-operator-leash-secrets", "stanch-keep-records"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}
METADATA: tuple[Json, ...] = ({"ownerReferences": [OWNER]}, {"finalizers": ["x.example/keep"]})
# What a taken-over operator would like an incident to say, a field at a time.
WORDS: tuple[Json, ...] = (
    {"title": "Nothing happened"},
    {"paused": True},
    {"severity": "SEV4"},
    {"impact": {"summary": "none"}},
    {"roles": {"commander": "mallory"}},
)


@pytest.fixture
def kept(place: Place, taken_over: Api) -> dict[str, str]:
    """An incident with all that belongs to one: name by kind."""
    place.alice.create(incident(), place.ns).must()
    said = place.alice.create(entry(note={}), place.ns).must()
    taken_over.create(evidence(), place.ns).must()
    review = thing("Postmortem", "checkout-5xx", {"incident": "checkout-5xx"})
    taken_over.request("POST", taken_over.path("postmortems", place.ns), review).must()
    return {
        "incidents": "checkout-5xx",
        "timelineentries": said["metadata"]["name"],
        "evidences": "checkout-5xx-a",
        "postmortems": "checkout-5xx",
    }


def test_the_record_is_not_taken_away(place: Place, admin: Api, taken_over: Api, kept: dict[str, str]) -> None:
    """Neither by a DELETE, nor by an owner that is not there, nor by a status that names one."""
    for plural, name in kept.items():
        assert taken_over.delete(plural, place.ns, name).status == 403, plural
        assert taken_over.request("DELETE", taken_over.path(plural, place.ns)).status == 403, plural
    for plural, name in kept.items():
        for change in METADATA:
            refused(taken_over.merge(plural, place.ns, name, {"metadata": change}), LEASH, "neither owner references")
    path = f"{taken_over.path('incidents', place.ns, 'checkout-5xx')}/status"
    for change in METADATA:
        taken_over.request("PATCH", path, {"metadata": change, "status": {"observedGeneration": 1}}, MERGE).must()
    for plural, name in kept.items():
        there = admin.get(plural, place.ns, name)["metadata"]
        assert (there.get("ownerReferences"), there.get("finalizers")) == (None, None), plural


@pytest.mark.parametrize("change", WORDS, ids=lambda change: next(iter(change)))
def test_what_people_declared_is_not_rewritten(
    place: Place, taken_over: Api, kept: dict[str, str], change: Json
) -> None:
    """Its severity, whether it is paused, its words: the operator's own are in the status."""
    answer = taken_over.merge("incidents", place.ns, "checkout-5xx", {"spec": change})
    refused(answer, LEASH, f"spec.{next(iter(change))} stays as it is")


def test_it_marks_what_it_took_in_and_nothing_else(place: Place, taken_over: Api, kept: dict[str, str]) -> None:
    """A label of people's, or whose evidence it is, stays."""
    name = kept["timelineentries"]
    taken_over.merge("timelineentries", place.ns, name, {"metadata": {"labels": {Label.FOLDED: "7"}}}).must()
    for meta in ({"labels": {"team": "mine"}}, {"labels": {Label.INCIDENT_UID: "x"}}, {"annotations": {"a": "b"}}):
        refused(taken_over.merge("timelineentries", place.ns, name, {"metadata": meta}), LEASH, Label.FOLDED)
        refused(taken_over.merge("incidents", place.ns, "checkout-5xx", {"metadata": meta}), LEASH, Label.CLOSED)


# --- Secrets ---------------------------------------------------------------------------------------------------------


def secret(kind: str, **metadata: Any) -> Json:
    """One that the operator might make."""
    meta = {"generateName": "planted-"} | metadata
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind, "stringData": {"a": "b"}}


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "Opaque"])
def test_it_makes_no_token(taken_over: Api, kind: str) -> None:
    """A Secret of that type is filled with a token of any ServiceAccount there is, for ever."""
    planted = secret(kind, annotations={"kubernetes.io/service-account.name": "stanch"})
    path = taken_over.path("secrets", OPERATOR_NAMESPACE)
    refused(taken_over.request("POST", path, planted), SECRETS, UNDO_TYPE)


@pytest.mark.parametrize("kind", [UNDO_TYPE, REDACTION_KEY_TYPE])
def test_what_an_undo_needs_it_makes(admin: Api, taken_over: Api, kind: str) -> None:
    """At home, and once made it is made."""
    path = taken_over.path("secrets", OPERATOR_NAMESPACE)
    made = taken_over.request("POST", path, secret(kind)).must()["metadata"]["name"]
    try:
        assert taken_over.request("PATCH", f"{path}/{made}", {"stringData": {"a": "c"}}, MERGE).status == 403
        assert taken_over.request("DELETE", f"{path}/{made}").status == 403
        assert taken_over.request("GET", path).status == 403
    finally:
        admin.request("DELETE", f"{path}/{made}")


def test_of_secrets_it_deletes_undo_records_only(admin: Api, taken_over: Api) -> None:
    """By their uid; what channels are asked with is in the same namespace, and the key of all tokens."""
    path = taken_over.path("secrets", OPERATOR_NAMESPACE)
    its = {"labels": {Label.INCIDENT_UID: "u"}}
    spared = [secret("Opaque", **its), secret(REDACTION_KEY_TYPE, **its), secret(UNDO_TYPE)]
    made = [admin.request("POST", path, each).must()["metadata"] for each in (*spared, secret(UNDO_TYPE, **its))]
    try:
        *others, undo = [(f"{path}/{m['name']}", {"preconditions": {"uid": m["uid"]}}) for m in made]
        for where, options in others:
            refused(taken_over.request("DELETE", where, options), SECRETS, "deletes only undo records")
        refused(taken_over.request("DELETE", undo[0], {}), SECRETS, "only by its uid")
        assert taken_over.request("DELETE", path, {}).status == 403
        taken_over.request("DELETE", *undo).must()
    finally:
        for meta in made:
            admin.request("DELETE", f"{path}/{meta['name']}")
