"""The leash on what is the operator's own, as generated: the record is marked and not rewritten, and Secrets are no tokens."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from tools.policy_parts import OUR_KINDS

from admission import Json, Person, Refused, Request, admit, shipped
from stanch.api.names import OPERATOR_NAMESPACE, OPERATOR_USER, Label
from stanch.core.records import REDACTION_KEY_TYPE, UNDO_TYPE

OPERATOR, SOMEBODY = Person(OPERATOR_USER), Person("alice", groups=("system:masters",))
OWNER = {"kind": "ConfigMap", "name": "gone", "uid": "0"}
LEASHED = ("stanch-operator-leash-records", "stanch-operator-leash-secrets")
# What others would say first to what makes no sense otherwise.
OTHERS = tuple(f"{p['kind']}/{p['metadata']['name']}" for p, _ in shipped() if p["metadata"]["name"] not in LEASHED)


def refusal(request: Request, frozen: Sequence[str] = ()) -> str:
    """Why this leash refuses it; '' when it does not. ``frozen`` is what a freeze is about."""
    try:
        admit(request, lambda right: right.verb != "freeze" or right.resource in frozen, OTHERS)
    except Refused as error:
        return error.message
    return ""


# --- the record ------------------------------------------------------------------------------------------------------


def record(**spec: Any) -> Json:
    """Some object of ours, as people or the operator made it."""
    labels = {Label.INCIDENT_UID: "u1", "team": "shop"}
    said = {"title": "500s", "incident": "checkout-5xx", "author": {"username": "alice"}, **spec}
    return {"metadata": {"name": "a", "labels": labels, "annotations": {"a": "b"}}, "spec": said}


def written(resource: str, new: Json, old: Json | None = None, by: Person = OPERATOR) -> str:
    """What the leash says to a write of it."""
    return refusal(Request(by, "UPDATE", resource, new, old or record()))


def relabelled(**labels: str | None) -> Json:
    """The same with other labels; None takes one off."""
    item = record()
    both = {**item["metadata"]["labels"], **{k: v for k, v in labels.items() if v is not None}}
    item["metadata"]["labels"] = {k: v for k, v in both.items() if labels.get(k, v) is not None}
    return item


@pytest.mark.parametrize("resource", OUR_KINDS)
def test_nothing_of_what_was_written_is_changed(resource: str) -> None:
    """Changed, added or taken out: by its name."""
    without = record()
    del without["spec"]["author"]
    empty: Json = {"metadata": record()["metadata"]}
    for new, old, field in (
        (record(title="all is well"), record(), "title"),
        (record(paused=True), record(), "paused"),
        (record(severity="SEV4"), record(severity="SEV1"), "severity"),
        (without, record(), "author"),
        (empty, record(), ""),
        (record(), empty, ""),
    ):
        said = written(resource, new, old)
        assert said.startswith("stanch changes nothing of what people wrote: spec."), said
        assert f"spec.{field}" in said
        assert "" == written(resource, new, old, by=SOMEBODY)


@pytest.mark.parametrize("resource", OUR_KINDS)
@pytest.mark.parametrize("field", ["ownerReferences", "finalizers"])
def test_owners_and_finalizers_stay_as_they_are(resource: str, field: str) -> None:
    """An owner that is not there has the record deleted, a finalizer keeps it and its namespace for ever."""
    other = record()
    other["metadata"][field] = [OWNER]
    changed = copy.deepcopy(other)
    changed["metadata"][field] = [OWNER | {"uid": "1"}]
    for new, old in ((other, record()), (record(), other), (changed, other)):
        assert "neither owner references nor finalizers" in written(resource, new, old)
    assert "" == written(resource, copy.deepcopy(other), other)


@pytest.mark.parametrize("resource", OUR_KINDS)
def test_it_marks_what_it_took_in_and_what_is_closed(resource: str) -> None:
    """That is what it patches the record for."""
    assert "" == written(resource, relabelled(**{Label.FOLDED: "7"}))
    assert "" == written(resource, relabelled(**{Label.CLOSED: ""}))
    for labels in ({Label.INCIDENT_UID: "u2"}, {Label.INCIDENT_UID: None}, {"team": None}, {Label.PROTECTED: ""}):
        assert f"sets {Label.CLOSED} and {Label.FOLDED} only" in written(resource, relabelled(**labels))
    for annotations in ({}, {"a": "c"}, {"a": "b", "c": "d"}):
        noted = record()
        noted["metadata"]["annotations"] = annotations
        assert f"sets {Label.CLOSED} and {Label.FOLDED} only" in written(resource, noted)


def test_what_alerts_say_is_the_operators_to_write() -> None:
    """Which group of alerts an incident is about: nobody else keeps that."""
    assert "" == written("incidents", record(alertGroup={"key": "a"}), record(alertGroup={"key": "b"}))
    assert "" == written("incidents", record(alertGroup={"key": "a"}))


# --- Secrets ---------------------------------------------------------------------------------------------------------


def secret(
    kind: str | None, namespace: str = OPERATOR_NAMESPACE, operation: str = "CREATE", by: Person = OPERATOR
) -> str:
    """What the leash says to a Secret of this type."""
    item: Json = {"metadata": {"name": "s"}, "stringData": {"a": "b"}} | ({"type": kind} if kind is not None else {})
    old = None if operation == "CREATE" else item
    return refusal(Request(by, operation, "secrets", item, old, namespace, "", "v1"))


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_it_makes_no_token(operation: str) -> None:
    """One of type kubernetes.io/service-account-token is filled with a token that never expires."""
    for kind in ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "Opaque", "", None):
        assert f"only Secrets of type {UNDO_TYPE} and {REDACTION_KEY_TYPE}" in secret(kind, operation=operation)
        assert "" == secret(kind, operation=operation, by=SOMEBODY)
    for kind in (UNDO_TYPE, REDACTION_KEY_TYPE):
        assert "" == secret(kind, operation=operation)
        assert f"in namespace {OPERATOR_NAMESPACE} only" in secret(kind, "shop", operation)


def deleted(
    kind: str,
    uid: bool = True,
    by: Person = OPERATOR,
    namespace: str = OPERATOR_NAMESPACE,
    frozen: Sequence[str] = (),
    **more: str,
) -> str:
    """What the leash says to the deletion of a Secret of this type, with these labels besides."""
    item: Json = {"type": kind, "metadata": {"name": "s", "labels": {Label.MANAGED_BY: "stanch"} | more}}
    options = {"preconditions": {"uid": "u"}} if uid else {}
    return refusal(Request(by, "DELETE", "secrets", None, item, namespace, "", "v1", options=options), frozen)


def test_of_secrets_it_deletes_undo_records_only() -> None:
    """What channels and Prometheus are asked with, and the key of all tokens, is kept beside them."""
    its = {Label.INCIDENT_UID: "u1"}
    assert "" == deleted(UNDO_TYPE, **its)
    for kind in (REDACTION_KEY_TYPE, "Opaque", "kubernetes.io/basic-auth", ""):
        assert "deletes only undo records" in deleted(kind, **its)
        assert "" == deleted(kind, by=SOMEBODY, **its)
    assert "deletes only undo records" in deleted(UNDO_TYPE)
    assert f"in namespace {OPERATOR_NAMESPACE} only" in deleted(UNDO_TYPE, namespace="shop", **its)


def test_while_it_is_halted_no_undo_record_goes() -> None:
    """Nothing is changed then, says docs/how-to/stop-it.md: also not what takes an effect back by hand."""
    its = {Label.INCIDENT_UID: "u1"}
    assert "stays as it is" in deleted(UNDO_TYPE, frozen=("mitigations", "undos"), **its)
    assert "" == deleted(UNDO_TYPE, frozen=("mitigations",), **its)


def test_an_undo_record_goes_by_its_uid() -> None:
    """Its name may be another's a second later."""
    assert "only by its uid" in deleted(UNDO_TYPE, uid=False, **{Label.INCIDENT_UID: "u1"})
