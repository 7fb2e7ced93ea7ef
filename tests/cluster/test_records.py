"""Records against a real API server: what only the operator writes, and what nobody deletes while it matters."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster.given import (
    ADMIN_GROUPS,
    Kubectl,
    entry,
    evidence,
    incident,
    operator,
    roll_back,
    thing,
)
from stanch.api.names import Label

Become = Callable[..., Kubectl]

# --- what only the operator writes -----------------------------------------------------------------------------------


def test_only_the_operator_writes_status(kubectl: Kubectl) -> None:
    """An admin is refused too, and told what to write instead."""
    assert kubectl.create(incident()).ok
    words = (
        "patch",
        "inc",
        "checkout-5xx",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"phase":"Fine"}}',
    )
    answer = kubectl(*words)
    assert "only the stanch operator writes incidents/status; admin may write a TimelineEntry" in answer.err
    assert operator(kubectl)(*words).ok


@pytest.mark.parametrize(
    "item",
    [
        thing("Postmortem", "checkout-5xx", {"incident": "checkout-5xx"}),
        thing("ActionItem", "a", {"title": "Do it", "owner": "a", "dueTime": "2026-12-05T17:00:00Z"}),
        thing("ResponsePolicy", "default", {}),
    ],
    ids=lambda item: item["kind"],
)
def test_only_the_operator_writes_status_of_what_people_write(kubectl: Kubectl, item: dict[str, Any]) -> None:
    """The spec is theirs, the status is not."""
    assert kubectl.create(item).ok
    name = f"{item['kind']}/{item['metadata']['name']}"
    words = ("patch", name, "--subresource=status", "--type=merge", "-p", '{"status":{"observedGeneration":1}}')
    assert "only the stanch operator writes" in kubectl(*words).err
    assert operator(kubectl)(*words).ok


def test_only_the_operator_writes_evidence(kubectl: Kubectl) -> None:
    """Evidence that anybody could write would be none."""
    assert "only the stanch operator writes evidences" in kubectl.create(evidence()).err
    assert operator(kubectl).create(evidence()).ok
    words = ("label", "evid", "checkout-5xx-a", "mine=yes")
    assert "only the stanch operator writes evidences" in kubectl(*words).err


def test_our_labels_are_the_operators(kubectl: Kubectl) -> None:
    """Not set on creation, not later, not taken off; other labels are free."""
    closed = {Label.CLOSED: "true"}
    assert (
        f"label {Label.CLOSED} is written by the stanch operator" in kubectl.create(incident() | _labelled(closed)).err
    )
    assert kubectl.create(incident() | _labelled({"team": "shop"})).ok
    assert "is written by the stanch operator" in kubectl("label", "inc", "checkout-5xx", f"{Label.CLOSED}=true").err
    assert operator(kubectl)("label", "inc", "checkout-5xx", f"{Label.CLOSED}=true").ok
    assert "is written by the stanch operator" in kubectl("label", "inc", "checkout-5xx", f"{Label.CLOSED}-").err
    assert (
        "is written by the stanch operator"
        in kubectl("label", "--overwrite", "inc", "checkout-5xx", f"{Label.CLOSED}=no").err
    )
    assert kubectl("label", "--overwrite", "inc", "checkout-5xx", "team=web").ok


def _labelled(labels: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "checkout-5xx", "labels": labels}}


def test_no_owner_is_given_to_a_record(kubectl: Kubectl) -> None:
    """An owner that does not exist would have the garbage collector delete what may not be deleted."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "0b9c7c0e-6c1f-4f0e-9d1d-2f6f3f1a7b11"}
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    assert kubectl.create(incident()).ok
    assert "ownerReferences" in kubectl("patch", "inc", "checkout-5xx", "--type=merge", "-p", patch).err
    as_operator = operator(kubectl)("patch", "inc", "checkout-5xx", "--type=merge", "--dry-run=server", "-p", patch)
    assert "stanch-operator-leash-records" in as_operator.err


# --- records are kept ------------------------------------------------------------------------------------------------


def test_an_open_incident_is_not_deleted(kubectl: Kubectl, namespace: str) -> None:
    """By name, all at once, or as a collection: the record outlives a typo. A closed one may go."""
    assert kubectl.create(incident()).ok
    assert "incident checkout-5xx is not closed" in kubectl("delete", "inc", "checkout-5xx").err
    assert not kubectl("delete", "inc", "--all").ok
    path = f"/apis/stanch.dev/v1alpha1/namespaces/{namespace}/incidents"
    assert not kubectl("delete", "--raw", path).ok
    assert kubectl("get", "inc", "checkout-5xx").ok
    assert operator(kubectl)("label", "inc", "checkout-5xx", f"{Label.CLOSED}=true").ok
    assert kubectl("delete", "inc", "checkout-5xx").ok


def test_what_belongs_to_an_incident_is_not_deleted(kubectl: Kubectl) -> None:
    """Entries, evidence, postmortems: neither by an admin nor by the operator, until it says that the incident is closed."""
    items = (entry(note={}, text="x"), evidence(), thing("Postmortem", "checkout-5xx", {"incident": "checkout-5xx"}))
    for item in items:
        made = operator(kubectl).create(item).json()
        name = f"{made['kind']}/{made['metadata']['name']}"
        for who in (kubectl, operator(kubectl)):
            assert "is kept until its incident is closed" in who("delete", name).err
        assert operator(kubectl)("label", name, f"{Label.CLOSED}=").ok
        assert kubectl("delete", name).ok


@pytest.mark.parametrize(
    "collector",
    [
        "system:serviceaccount:kube-system:namespace-controller",
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "system:kube-controller-manager",
    ],
)
def test_the_collectors_pass(kubectl: Kubectl, as_user: Become, collector: str) -> None:
    """Also where all controllers share one identity; else a namespace would hang for ever."""
    assert kubectl.create(incident()).ok
    assert operator(kubectl).create(evidence()).ok
    assert as_user(collector, ADMIN_GROUPS)("delete", "inc/checkout-5xx", "evid/checkout-5xx-a").ok


def test_a_namespace_with_open_incidents_goes_away(kubectl: Kubectl, admin: Kubectl, namespace: str) -> None:
    """Nothing of ours holds it, and nobody but the API server's own controllers is needed."""
    owner = kubectl.create(incident("checkout-5xx", roll_back())).json()["metadata"]
    reference = {"apiVersion": "stanch.dev/v1alpha1", "kind": "Incident", "name": owner["name"], "uid": owner["uid"]}
    assert operator(kubectl).create(evidence(ownerReferences=[reference | {"blockOwnerDeletion": True}])).ok
    assert kubectl.create(entry(note={}, text="x")).ok
    assert kubectl.create(thing("Postmortem", "checkout-5xx", {"incident": "checkout-5xx"})).ok
    assert kubectl.create(thing("ActionItem", "a", {"title": "Do", "owner": "a", "dueTime": "2026-12-05T17:00:00Z"})).ok
    assert admin("delete", "namespace", namespace, "--timeout=60s").ok
    assert not admin("get", "namespace", namespace).ok


def test_a_closed_incident_and_all_that_belongs_to_it_go_by_one_line(kubectl: Kubectl) -> None:
    """By the label that the operator puts on them (tests/e2e/test_debts.py); of what is open nothing goes with them."""
    for name in ("checkout-5xx", "open"):
        assert kubectl.create(incident(name)).ok
        assert operator(kubectl).create(evidence(f"{name}-a")).ok
    for name in ("inc/checkout-5xx", "evid/checkout-5xx-a"):
        assert operator(kubectl)("label", name, f"{Label.CLOSED}=").ok
    assert kubectl("delete", "inc,tle,evid,postmortems", "-l", Label.CLOSED, "--timeout=60s").ok
    left = kubectl("get", "inc,evid", "-o", "name").out.split()
    assert {each.rpartition("/")[2] for each in left} == {"open", "open-a"}


def test_evidence_that_is_deleted_in_the_foreground_goes(kubectl: Kubectl) -> None:
    """Then the garbage collector must write to it, to take its finalizer off; else it and its namespace hang."""
    assert operator(kubectl).create(evidence()).ok
    assert operator(kubectl)("label", "evid", "checkout-5xx-a", f"{Label.CLOSED}=").ok
    assert kubectl("delete", "evid", "checkout-5xx-a", "--cascade=foreground", "--timeout=30s").ok
