"""The generated admission policy about action items: what doneWhen reads, its writer may read."""

import pytest

from admission import Json, Refused, Request, Right, about, admit
from chores import PDB, body
from core.test_policies import ALICE, OPERATOR

POLICY = "stanch-actionitem-reads"
CEL = {**PDB, "expression": "object.spec.minAvailable > 0"}
NODE = {"apiVersion": "v1", "resource": "nodes", "name": "worker-7", "clusterScoped": True}


def asked(request: Request, allowed: bool) -> list[Right]:
    """What the authorizer was asked."""
    found: list[Right] = []

    def may(right: Right) -> bool:
        found.append(right)
        return allowed

    admit(request, may)
    return found


def create(check: Json | None, by=ALICE) -> Request:
    """Somebody writes an item."""
    return Request(by, "CREATE", "actionitems", body(doneWhen=check))


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ({"objectExists": PDB}, ("policy", "poddisruptionbudgets", "shop", "checkout")),
        ({"cel": CEL}, ("policy", "poddisruptionbudgets", "shop", "checkout")),
        ({"objectExists": NODE}, ("", "nodes", "", "worker-7")),
    ],
    ids=["there", "true", "in no namespace"],
)
def test_who_writes_it_may_read_it(check, right):
    """That very object, where the operator will look."""
    (found,) = asked(create(check), allowed=True)
    assert ("get", *right) == (found.verb, found.group, found.resource, found.namespace, found.name)
    with pytest.raises(Refused, match=f"alice may not get {right[1]} {right[3]}, which spec.doneWhen looks at"):
        admit(create(check), lambda _: False)


@pytest.mark.parametrize("check", [None, {"alertRule": {"name": "X"}}, {"promQL": {"query": "up == 1"}}])
def test_what_reads_no_object_waits_for_nothing(check):
    """Prometheus is asked where the platform says, and what it may tell is for its ResponsePolicy."""
    assert POLICY not in about(create(check), lambda _: False)


def test_an_edit_of_all_else_needs_no_such_right():
    """Another may set closed; who changes doneWhen is asked."""
    old, new = body(doneWhen={"objectExists": PDB}), body(doneWhen={"objectExists": PDB}, closed=True)
    assert admit(Request(ALICE, "UPDATE", "actionitems", new, old), lambda _: False)
    other = body(doneWhen={"objectExists": {**PDB, "name": "payments"}})
    with pytest.raises(Refused, match="alice may not get poddisruptionbudgets payments"):
        admit(Request(ALICE, "UPDATE", "actionitems", other, old), lambda _: False)
    with pytest.raises(Refused):
        admit(Request(ALICE, "UPDATE", "actionitems", new, body()), lambda _: False)


def test_what_the_operator_drafts_is_looked_at_with_its_own_rights():
    """It has them, or says which it lacks."""
    assert admit(create({"objectExists": PDB}, OPERATOR), lambda _: False)
