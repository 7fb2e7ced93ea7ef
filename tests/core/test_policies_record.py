"""The generated admission policies: what only the operator, or only the platform, writes; and what is kept."""

from dataclasses import replace
from typing import Any

import pytest

from admission import Json, Person, Refused, Request, admit, prove, shipped
from core.test_policies import ADMIN, OPERATOR, anything, create, incident
from stanch.api.response_policy import CLUSTER_ONLY

COLLECTORS = (
    Person("system:serviceaccount:kube-system:namespace-controller"),
    Person("system:serviceaccount:kube-system:generic-garbage-collector"),
    Person("system:kube-controller-manager"),
)


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
@pytest.mark.parametrize(
    ("resource", "sub"),
    [
        *((kind, "status") for kind in ("incidents", "postmortems", "actionitems", "responsepolicies")),
        ("evidences", ""),
    ],
)
def test_only_the_operator_writes_status_and_evidence(resource: str, sub: str, operation: str) -> None:
    """Cluster admins are refused, too; collectors touch metadata only."""
    old = None if operation == "CREATE" else {"metadata": {"name": "a"}, "spec": {}}
    new = {"metadata": {"name": "a"}, "spec": {}, "status": {"phase": "x"}}
    with pytest.raises(Refused, match=f"only the stanch operator writes {resource}"):
        admit(Request(ADMIN, operation, resource, new, old, sub=sub), anything)
    for by in (OPERATOR, *COLLECTORS):
        assert admit(Request(by, operation, resource, new, old, sub=sub), anything) == new


CLOSED = {"stanch.dev/closed": "true"}
KINDS = ("incidents", "timelineentries", "evidences", "postmortems", "actionitems", "responsepolicies")


@pytest.mark.parametrize("resource", KINDS)
@pytest.mark.parametrize(
    ("before", "after"),
    [(None, CLOSED), ({}, CLOSED), (CLOSED, {"stanch.dev/closed": "no"}), (CLOSED, {})],
    ids=["born", "added", "changed", "taken off"],
)
def test_our_labels_are_ours(resource: str, before: Json | None, after: Json) -> None:
    """Set, changed or taken off by another: refused; their own labels are theirs."""
    by = OPERATOR if resource == "evidences" else ADMIN

    def with_labels(labels: Json) -> Json:
        return {"metadata": {"name": "a", "labels": {"team": "shop", **labels}}, "spec": {"incident": "x"}}

    old = None if before is None else with_labels(before)
    request = Request(by, "UPDATE" if old else "CREATE", resource, with_labels(after), old)
    if by is ADMIN:
        with pytest.raises(Refused, match=r"label stanch.dev/closed is written by the stanch operator"):
            admit(request, anything)
    assert admit(replace(request, by=OPERATOR), anything)
    if by is ADMIN:
        free = with_labels(before or {})
        free["metadata"]["labels"]["team"] = "other"
        assert admit(Request(by, "UPDATE" if old else "CREATE", resource, free, old), anything)


@pytest.mark.parametrize("owners", [[{"kind": "ConfigMap", "name": "gone", "uid": "0"}]])
def test_the_garbage_collector_is_not_sent(owners: list[Json]) -> None:
    """An owner that is not there would have the record deleted; nor is one taken off."""
    bare, owned = incident(), incident()
    owned["metadata"] = {"name": "checkout-5xx", "ownerReferences": owners}
    for new, old in ((owned, None), (owned, bare), (bare, owned)):
        with pytest.raises(Refused, match="ownerReferences would let the garbage collector"):
            admit(Request(ADMIN, "UPDATE" if old else "CREATE", "incidents", new, old), anything)
    assert admit(Request(COLLECTORS[1], "UPDATE", "incidents", bare, owned), anything)


@pytest.mark.parametrize(
    ("resource", "labels", "goes"),
    [
        ("incidents", {}, False),
        ("incidents", {"stanch.dev/closed": "true"}, True),
        ("postmortems", {}, False),
        ("postmortems", {"stanch.dev/closed": "true"}, True),
        ("evidences", {}, False),
        ("evidences", {"stanch.dev/closed": ""}, True),
        ("timelineentries", {}, False),
        ("timelineentries", {"stanch.dev/closed": ""}, True),
        ("actionitems", {}, True),
    ],
    ids=str,
)
def test_what_is_not_closed_is_not_deleted(resource: str, labels: Json, goes: bool) -> None:
    """Not by an admin, nor with the operator's token; a namespace may still go, with the operator down, too (F11)."""
    kept = {"metadata": {"name": "a", "labels": labels}, "spec": {}}
    request = Request(ADMIN, "DELETE", resource, None, kept)
    for by in (ADMIN, OPERATOR):
        if goes:
            assert admit(replace(request, by=by), anything) is None
        else:
            with pytest.raises(
                Refused, match=r"is kept until its incident is closed|is not closed, and its record is kept"
            ):
                admit(replace(request, by=by), anything)
    for by in COLLECTORS:
        assert admit(replace(request, by=by), anything) is None


@pytest.mark.parametrize("path", CLUSTER_ONLY)
def test_what_reaches_out_is_only_the_platforms(path: str) -> None:
    """Where the operator goes, and whom it believes, is said in its own namespace; what is left out passes."""
    spec: Any = "said"
    for name in reversed(path.split(".")):
        spec = {name: spec}
    item = {"metadata": {"name": "default"}, "spec": spec}
    for old in (None, {"metadata": {"name": "default"}, "spec": {}}):
        request = Request(ADMIN, "UPDATE" if old else "CREATE", "responsepolicies", item, old)
        with pytest.raises(Refused, match=rf"spec\.{path} belongs in the ResponsePolicy of namespace stanch-system"):
            admit(request, anything)
        assert admit(replace(request, namespace="stanch-system"), anything)
    assert create({"metadata": {"name": "default"}, "spec": {"guardrails": {}}}, resource="responsepolicies")


# --- what is closed --------------------------------------------------------------------------------------------------


def closed(**spec: Any) -> Json:
    """An incident that is over, labelled by the operator."""
    found = incident(**spec)
    found["metadata"]["labels"] = dict(CLOSED)
    return found


def warned(by: Person, old: Json, new: Json) -> str:
    """What kubectl shows beside the answer; the write goes through in any case."""
    request = Request(by, "UPDATE", "incidents", new, old)
    assert admit(request, anything)
    policy, binding = next(pair for pair in shipped() if pair[0]["metadata"]["name"] == "stanch-closed-incidents")
    assert binding["spec"]["validationActions"] == ["Warn", "Audit"]
    try:
        prove(policy, request, anything)
    except Refused as warning:
        return warning.message
    return ""


def test_who_edits_what_is_closed_is_warned_and_not_refused() -> None:
    """Closed incidents are not watched, so nobody else would tell (ADR 64); Git's next sync must not fail."""
    said = warned(ADMIN, closed(), closed(title="Something else"))
    assert said.startswith(
        "incident checkout-5xx is closed: nothing follows from a change of its spec; declare a new one"
    )


@pytest.mark.parametrize(
    ("by", "old", "new"),
    [
        (ADMIN, incident(), incident(title="Something else")),
        (ADMIN, closed(), closed()),
        (OPERATOR, closed(), closed(alertGroup={"key": "g"})),
        (COLLECTORS[0], closed(), closed(title="Something else")),
    ],
    ids=["open", "the-same-again", "the-operator", "a-collector"],
)
def test_nobody_is_warned_of_what_follows_or_changes_nothing(by: Person, old: Json, new: Json) -> None:
    """An open one heeds its spec; an old file that is applied again changes nothing."""
    assert "" == warned(by, old, new)
