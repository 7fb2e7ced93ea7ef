"""Objects in a file answer as an API server would."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stanch.cli.runbook.snapshot import Snapshot, patched
from stanch.core.observations import Failed, Found, NotFound, items
from stanch.core.questions import NODES, PODS, DryRun, Get, List

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def pod(name: str, namespace: str | None = None, node: str = "n1", **labels: str) -> dict[str, Any]:
    """A pod."""
    meta = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": node}}


NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
FRONT, BACK = pod("a", app="web", tier="front"), pod("b", app="web", tier="back")
SEEN = Snapshot([FRONT, BACK, pod("c", "other", "n2", app="web"), pod("d", app="db"), NODE], "shop", NOW)
SELECTED = (
    ("", "abd"),
    ("app=web", "ab"),
    ("app==web,tier=front", "a"),
    ("app!=web", "d"),
    ("app in (web,db)", "abd"),
    ("app in (web),tier notin (front)", "b"),
    ("tier", "ab"),
    ("!tier", "d"),
)


@pytest.mark.parametrize(("labels", "names"), SELECTED, ids=[s or "all" for s, _ in SELECTED])
def test_selectors_select(labels: str, names: str) -> None:
    """
    As `kubectl get -l` does, in one namespace.
    """
    answer = SEEN.answer(List(PODS, "shop", labels=labels))
    assert list(names) == [o["metadata"]["name"] for o in items(answer)]


def test_all_namespaces_and_fields() -> None:
    """
    No namespace is all of them; a field selector looks at the field.
    """
    assert 4 == len(items(SEEN.answer(List(PODS, None))))
    assert ["c"] == [o["metadata"]["name"] for o in items(SEEN.answer(List(PODS, None, fields="spec.nodeName=n2")))]
    assert ["b"] == [o["metadata"]["name"] for o in items(SEEN.answer(List(PODS, "shop", fields="metadata.name=b")))]


def test_an_object_is_found_where_it_is_and_nowhere_else() -> None:
    """
    By kind, namespace and name; a node has no namespace.
    """
    assert isinstance(SEEN.answer(Get(PODS, "shop", "a")), Found)
    assert isinstance(SEEN.answer(Get(PODS, "other", "a")), NotFound)
    node = SEEN.answer(Get(NODES, None, "n1"))
    assert isinstance(node, Found)
    assert "namespace" not in node.value["metadata"]
    assert node.value["metadata"]["uid"]


def test_a_patch_is_tried_and_kept_nowhere() -> None:
    """
    The answer to a dry run is the object as it would be; what was there stays.
    """
    patch = '[{"op":"test","path":"/spec/nodeName","value":"n1"},{"op":"replace","path":"/spec/nodeName","value":"n9"}]'
    tried = SEEN.answer(DryRun(PODS, "shop", "a", patch))
    assert isinstance(tried, Found)
    assert "n9" == tried.value["spec"]["nodeName"]
    assert "n1" == SEEN.answer(Get(PODS, "shop", "a")).value["spec"]["nodeName"]  # type: ignore[union-attr]
    wrong = SEEN.answer(DryRun(PODS, "shop", "a", patch.replace('"n1"', '"n2"')))
    assert isinstance(wrong, Failed)
    assert 422 == wrong.status


def test_patches_are_those_of_the_rfc() -> None:
    """
    Add, replace, remove, in objects and lists; a test of null passes while the field is absent.
    """
    operations = [
        {"op": "test", "path": "/c", "value": None},
        {"op": "add", "path": "/c", "value": {"x~/y": 1}},
        {"op": "replace", "path": "/c/x~0~1y", "value": 2},
        {"op": "add", "path": "/l/-", "value": 3},
        {"op": "remove", "path": "/l/0"},
    ]
    assert {"a": 1, "l": [2, 3], "c": {"x~/y": 2}} == patched({"a": 1, "l": [1, 2]}, operations)
    for wrong in (
        {"op": "replace", "path": "/z", "value": 1},
        {"op": "remove", "path": "/z"},
        {"op": "move", "path": "/a"},
    ):
        with pytest.raises((LookupError, ValueError)):
            patched({"a": 1}, [wrong])
