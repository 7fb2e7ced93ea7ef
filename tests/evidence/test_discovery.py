"""A bundle tells which API it came from, so that it can be served as one."""

import json

import pytest

from evidence.sample import capture, crash, files, recorded, world
from stanch.evidence.bundle import bundle
from stanch.evidence.discovery import discovery


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Node"])
def test_every_api_path_of_a_bundle_is_of_a_kind_that_its_discovery_has(kind):
    """Both files are in every bundle; the kind is that of the object."""
    aim, seen = recorded(kind)
    content = files(bundle(capture(seen, aim)))
    paths = json.loads(content["api.json"])
    served = {
        (group["metadata"]["name"], version["version"], resource["resource"]): resource
        for group in json.loads(content["discovery.json"])["items"]
        for version in group["versions"]
        for resource in version["resources"]
    }
    for name, path in paths.items():
        parts = path.partition("?")[0].strip("/").split("/")
        group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1], parts[2:])
        plural = rest[3] if rest[1] == "namespaces" and len(rest) > 3 else rest[1]
        resource = served[group, rest[0], plural]
        obj = json.loads(content[name]) if name.endswith(".json") else {}
        if obj and obj["kind"] != "List":
            assert obj["kind"] == resource["responseKind"]["kind"]
        assert ("Namespaced" if rest[1] == "namespaces" else "Cluster") == resource["scope"]


def test_it_has_the_form_that_clients_know():
    """apidiscovery.k8s.io/v2, as kubectl asks for it."""
    content = files(bundle(capture(world(crash("a")))))
    whole = json.loads(content["discovery.json"])
    assert ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2") == (whole["kind"], whole["apiVersion"])
    (core,) = [group for group in whole["items"] if group["metadata"]["name"] == ""]
    (pods,) = [r for r in core["versions"][0]["resources"] if r["resource"] == "pods"]
    assert {
        "resource": "pods",
        "responseKind": {"group": "", "version": "v1", "kind": "Pod"},
        "scope": "Namespaced",
        "singularResource": "pod",
        "verbs": ["get", "list"],
    } == pods


def test_what_is_no_api_path_is_left_out():
    """Whatever stands in a manifest."""
    assert [] == discovery(["", "nonsense", "/healthz"])["items"]
