"""The leash on Namespaces: one label and its reason, and nothing else of them."""

import copy

import pytest

from admission import Json, Person, Refused, Request, admit, shipped
from stanch.api.names import OPERATOR_USER, Annotation, Label

OPERATOR = Person(OPERATOR_USER)
NAME = "ValidatingAdmissionPolicy/stanch-operator-leash-namespaces"
OTHERS = tuple(n for p, _ in shipped() if (n := f"{p['kind']}/{p['metadata']['name']}") != NAME)
BEFORE: Json = {
    "metadata": {"name": "shop", "labels": {"team": "shop", "pod-security.kubernetes.io/enforce": "restricted"}},
    "spec": {"finalizers": ["kubernetes"]},
}


def changed(**meta: object) -> Json:
    """The same with other metadata."""
    found = copy.deepcopy(BEFORE)
    for key, value in meta.items():
        found["metadata"][key] = {**found["metadata"].get(key, {}), **value} if isinstance(value, dict) else value
    return found


def refusal(new: Json | None, old: Json | None = None, by: Person = OPERATOR, operation: str = "UPDATE", **how) -> str:
    """Why it is refused; '' when it is not."""
    request = Request(by, operation, "namespaces", new, old or BEFORE, namespace="shop", group="", version="v1", **how)
    try:
        admit(request, lambda right: right.verb != "freeze", OTHERS)
    except Refused as error:
        return error.message
    return ""


FROZEN = changed(
    labels={Label.CHANGE_FREEZE: "true"},
    annotations={
        Annotation.FREEZE_REASON: "x",
        Annotation.FREEZE_BY: "stanch",
        Annotation.FREEZE_UNTIL: "y",
        Annotation.FREEZES_PAST: "[]",
    },
)


def test_it_freezes_and_frees():
    """That is what it is for."""
    assert "" == refusal(FROZEN)
    assert "" == refusal(BEFORE, FROZEN)


@pytest.mark.parametrize(
    "new",
    [
        changed(labels={"pod-security.kubernetes.io/enforce": "privileged"}),
        changed(labels={"stanch.dev/exempt": ""}),
        {**BEFORE, "metadata": {"name": "shop"}},
        changed(annotations={"openshift.io/node-selector": "x"}),
        changed(finalizers=[]),
        {**BEFORE, "spec": {}},
        changed(ownerReferences=[{"kind": "ConfigMap", "name": "gone", "uid": "0"}]),
    ],
    ids=["pod security", "another of ours", "labels off", "annotation", "finalizers", "spec", "owner"],
)
def test_nothing_else_of_a_namespace_is_its_business(new):
    """For others it is."""
    assert "" != refusal(new)
    assert "" == refusal(new, by=Person("admin"))


def test_it_makes_and_deletes_none():
    """Nor finalizes one."""
    assert "" != refusal(None, operation="DELETE")
    assert "" != refusal(BEFORE, operation="CREATE")
    assert "" != refusal(FROZEN, sub="finalize")


def test_who_is_halted_freezes_nobody_and_may_free_when_undo_is_left():
    """The freeze of stanch itself."""
    request = Request(OPERATOR, "UPDATE", "namespaces", FROZEN, BEFORE, namespace="shop", group="", version="v1")
    with pytest.raises(Refused):
        admit(request, lambda right: right.resource == "mitigations", OTHERS)
    back = Request(OPERATOR, "UPDATE", "namespaces", BEFORE, FROZEN, namespace="shop", group="", version="v1")
    assert admit(back, lambda right: right.resource == "mitigations", OTHERS)
