"""Are the policies in force as shipped? Else the operator performs nothing (F13)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from admission import Json, shipped
from stanch.shell.policies import EXPECTED, digest, problem

LIVE = {f"{item['kind']}/{item['metadata']['name']}": item for both in shipped() for item in both}


def changed(key: str, how: Callable[[Json], Any]) -> dict[str, Json]:
    """All of them, one of them altered."""
    live = {k: copy.deepcopy(item) for k, item in LIVE.items()}
    how(live[key])
    return live


def test_as_shipped_all_is_well() -> None:
    """Every policy and every binding that is generated is expected, and nothing else."""
    assert set(EXPECTED) == set(LIVE)
    assert "" == problem(LIVE)


@pytest.mark.parametrize("key", sorted(EXPECTED))
def test_one_that_is_missing_leaving_or_altered_is_told(key: str) -> None:
    """By name, with the line that puts it right."""
    kind, _, name = key.partition("/")
    for live in ({k: v for k, v in LIVE.items() if k != key}, {**LIVE, key: None}):
        assert problem(live).startswith(f"{kind} {name} is missing")
    leaving = changed(key, lambda item: item["metadata"].update(deletionTimestamp="2026-11-21T14:00:00Z"))
    assert problem(leaving).startswith(f"{kind} {name} is being deleted")
    for altered in (
        changed(key, lambda item: item["spec"].update(x="y")),
        changed(key, lambda item: item["spec"].popitem()),
        changed(key, lambda item: item.pop("spec")),
    ):
        assert problem(altered).startswith(f"{kind} {name} is not as this version ships it")


@pytest.mark.parametrize("key", [k for k in sorted(EXPECTED) if k.startswith("Validating") and "Binding" in k])
def test_one_that_only_warns_or_is_for_some_namespaces_is_not_in_force(key: str) -> None:
    """A binding decides whether a policy means anything."""
    for how in (
        {"validationActions": ["Audit"]},
        {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
    ):
        assert "is not as this version ships it" in problem(
            changed(key, lambda item, how=how: item["spec"].update(how))
        )


def test_other_labels_and_versions_are_nobodys_business() -> None:
    """Only the spec counts, in whatever order it is stored."""
    key = "ValidatingAdmissionPolicy/stanch-operator-leash"
    assert "" == problem(changed(key, lambda item: item["metadata"].update(labels={"a": "b"}, resourceVersion="7")))
    spec = LIVE[key]["spec"]
    assert digest(spec) == digest(dict(reversed(spec.items())))
    assert digest(spec) != digest({**spec, "validations": spec["validations"][:-1]})
