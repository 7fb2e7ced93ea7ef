"""
Each action with exactly its role, and with its role less one right: an authorizer's own words (issue 5, decisions 2.15).

What the operator does then is told by core/test_own_rights.py (it refuses, naming the right) for each of the same rights.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tools import rbac

from cluster.given import Kubectl
from core.test_rights import Right, rights
from stanch.mitigations import ALL

LABEL = "stanch.test/exact-roles"
# Family, and the rights that some action needs of it.
NEEDS = sorted(
    {
        (rbac.family_of(m.name, kind), (need.verb, need.group, need.done_on))
        for m in ALL
        for kind, needs in m.needs.items()
        for need in needs
    }
)
Obj = dict[str, Any]


def role(name: str, held: Iterator[Right]) -> list[Obj]:
    """A role with these rights, for a user of its name, in the whole cluster."""
    meta = {"name": name, "labels": {LABEL: ""}}
    rules = [{"verbs": [verb], "apiGroups": [group], "resources": [resource]} for verb, group, resource in held]
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
        },
    ]


def whole(family: str) -> str:
    """Who has all of it."""
    return f"t-exact-{family}"


def less(family: str, right: Right) -> str:
    """Who lacks one of it."""
    return f"t-exact-{family}-{NEEDS.index((family, right))}"


@pytest.fixture(scope="module")
def users(admin: Kubectl) -> Iterator[None]:
    """Somebody with each role, and somebody with each role less each right."""
    made = [each for family in {f for f, _ in NEEDS} for each in role(whole(family), rights(family))]
    for family, right in NEEDS:
        made += role(less(family, right), (r for r in rights(family) if r != right))
    listed = {"apiVersion": "v1", "kind": "List", "items": made}
    answer = admin("apply", "--server-side", "-f", "-", stdin=json.dumps(listed))
    assert answer.ok, answer.err
    yield
    admin("delete", "clusterroles,clusterrolebindings", "-l", LABEL, "--wait=false")


def allowed(admin: Kubectl, user: str, right: Right) -> bool:
    """Asked of the authorizers themselves."""
    verb, group, resource = right
    plural, _, sub = resource.partition("/")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": sub, "namespace": "default"}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
    return bool(
        admin.create({**review, "spec": {"user": user, "resourceAttributes": asked}}).json()["status"]["allowed"]
    )


@pytest.mark.parametrize(("family", "right"), NEEDS, ids=str)
def test_a_role_less_one_right_lacks_that_right_alone(admin: Kubectl, users: None, family: str, right: Right) -> None:
    """No other rule gives it by the way: none is wider than it says, none is there twice."""
    assert allowed(admin, whole(family), right)
    assert not allowed(admin, less(family, right), right)
