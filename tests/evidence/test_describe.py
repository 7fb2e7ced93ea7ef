"""The in-process describe: all that kubectl tells, and what it leaves away, and never an error."""

import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.kubectl_facts import facts, words
from evidence.sample import HERE, NOW, crash, recorded
from stanch.core.observations import items
from stanch.core.quantity import amount
from stanch.evidence.describe import about, describe
from stanch.evidence.dig import name_of
from stanch.evidence.pod_row import cells
from stanch.evidence.scene import Scene
from stanch.evidence.tables import history, nodes, pods
from stanch.evidence.times import human, stamp

KINDS = ["Deployment", "StatefulSet", "DaemonSet", "Node", "ReplicaSet", "Pod"]
NEW = [
    "Job",
    "CronJob",
    "Service",
    "Ingress",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "PersistentVolumeClaim",
    "ConfigMap",
]
_LEFT = re.compile(r"hunter2-very-secret|HolderIdentity.*|AcquireTime.*|RenewTime.*|Lease:", re.MULTILINE)


def rendered(kind: str) -> str:
    """Our page for the recorded object of a kind."""
    aim, seen = recorded("Deployment" if kind in ("ReplicaSet", "Pod") else kind)
    scene = Scene(aim, seen)
    obj = scene.target
    if kind == "ReplicaSet":
        obj = next(each for each in scene.history if "dd59" in name_of(each))
    if kind == "Pod":
        obj = next(each for each in scene.pods if "dd59" in name_of(each))
    events = about(obj, items(seen.get(scene.events_question)))
    mine = [pod for pod in scene.pods if kind != "ReplicaSet" or "dd59" in name_of(pod)]
    return describe(obj, events, now=NOW, pods=mine, replicasets=scene.history)


def told(kind: str) -> set[str]:
    """The words of what kubectl 1.36.3 printed at that time: no ages, no explanations, no events, no Lease."""
    text = (HERE / "fixtures" / f"{kind.lower()}.kubectl.txt").read_text()
    return {word for word in facts(_LEFT.sub("", text)) if "password=" not in word}


@pytest.mark.parametrize("kind", KINDS)
def test_every_fact_of_kubectl_describe_is_in_ours(kind):
    """Compared with what kubectl printed for the same objects on a real cluster."""
    assert sorted(told(kind) - words(rendered(kind))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_the_golden_one(kind):
    """REWRITE=1 rewrites the pages; the difference is the review."""
    golden = HERE / "golden" / f"{kind.lower()}.txt"
    if os.environ.get("REWRITE"):
        golden.write_text(rendered(kind))
    assert golden.read_text() == rendered(kind)


@pytest.mark.parametrize(
    "dropped",
    [
        "rendered by stanch in the style of kubectl describe 1.36",
        "back-off 10s restarting failed container=app",
        "containers with unready status: [app]",
        "2026-11-21T11:25:51Z (2m9s ago)",
    ],
)
def test_what_kubectl_leaves_away_is_there(dropped):
    """The waiting message, messages of conditions, absolute times beside ages, and who rendered it."""
    assert dropped in rendered("Pod")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# fmt: off
FIELDS = [
    "metadata", "spec", "status", "labels", "annotations", "ownerReferences", "name", "namespace", "containers",
    "initContainers", "containerStatuses", "state", "lastState", "terminated", "waiting", "running", "conditions",
    "type", "reason", "message", "env", "value", "valueFrom", "fieldRef", "fieldPath", "args", "command",
    "volumes", "projected", "sources", "tolerations", "key", "template", "selector", "matchLabels",
    "matchExpressions", "replicas", "taints", "resources", "limits", "requests", "cpu", "memory", "volumeMounts",
    "livenessProbe", "httpGet", "port", "exec", "rollingUpdate", "updateStrategy", "capacity", "allocatable",
    "addresses", "nodeInfo", "lastTransitionTime", "creationTimestamp", "deletionTimestamp", "jobTemplate", "ports",
    "clusterIPs", "ipFamilies", "loadBalancer", "ingress", "endpoints", "targetRef", "rules", "http", "paths", "backend",
    "service", "tls", "hosts", "metrics", "resource", "target", "behavior", "scaleUp", "policies", "currentMetrics",
    "disruptedPods", "accessModes", "finalizers", "dataSource", "data", "binaryData", "defaultBackend", "scaleTargetRef",
]
# fmt: on
ODD = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.fixed_dictionaries(
    {"kind": st.sampled_from([*KINDS, *NEW, "Widget"])}, optional=dict.fromkeys(["metadata", "spec", "status"], ODD)
)


@settings(max_examples=150, deadline=None)
@given(OBJECTS, OBJECTS, OBJECTS)
def test_no_object_is_too_odd(obj, event, other):
    """Evidence is taken when things are broken: rendering never raises, and never shows raw control characters."""
    page = describe(obj, [event], now=NOW, pods=[other], replicasets=[other], slices=[other])
    page += pods([obj, other]) + history([obj]) + nodes([obj])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page)
    assert len(cells(obj)) == 7


def test_terminal_control_characters_are_made_visible():
    """A message must not be able to paint over another line."""
    evil = crash("p")
    evil["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = "\x1b[2K\rall good\u202e"
    page = describe({"kind": "Pod", **evil}, now=NOW)
    assert "\\x1b[2K\\x0dall good\\x202e" in page


def test_a_value_of_many_lines_can_not_look_like_a_field():
    """Lines that follow are indented under their value."""
    obj = {"kind": "Widget", "metadata": {"name": "w"}, "spec": {"note": "one\nStatus: fine"}}
    assert "\nStatus: fine" not in describe(obj, now=NOW)


def test_any_other_kind_is_a_tree():
    """Field names in words, nested values below them, managed fields left away."""
    obj = {
        "kind": "Widget",
        "metadata": {"name": "w", "managedFields": [{}]},
        "spec": {"maxSurge": 1, "a": [{"b": []}]},
    }
    page = describe(obj, now=NOW)
    assert "Max Surge:  1" in page
    assert "Managed Fields" not in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (187, "3m7s"),
        (600, "10m"),
        (15600, "4h20m"),
        (108000, "30h"),
        (273600, "3d4h"),
        (10**7, "115d"),
    ],
)
def test_ages_are_rounded_as_kubectl_does(seconds, text):
    """duration.HumanDuration."""
    assert text == human(seconds)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "<none>"), ("soon", "soon"), ({}, "<none>"), ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00")],
)
def test_an_odd_time_is_shown_as_it_is(value, text):
    """Never an error, never a guess."""
    assert text == stamp(value, NOW)


@pytest.mark.parametrize(
    ("quantity", "number"), [("100m", 0.1), ("2", 2), ("1Ki", 1024), ("1.5Gi", 1.5 * 2**30), ("x", 0), ("", 0)]
)
def test_a_quantity_is_a_number(quantity, number):
    """As much as a node's table needs."""
    assert pytest.approx(number) == amount(quantity)
