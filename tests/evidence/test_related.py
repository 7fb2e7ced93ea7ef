"""Pages of what stands around a target: Services, autoscalers, budgets, Ingresses, Nodes, claims, ConfigMaps."""

import pytest

from evidence.changing import NOON, ago, checkout, failing, findings, observed, serving
from evidence.sample import SHOP, capture, files, listed
from stanch.core.observations import Found
from stanch.evidence.bundle import bundle
from stanch.evidence.describe import describe
from stanch.evidence.related import EACH_MAX, related
from stanch.evidence.scene import Scene

TEMPLATE = {"spec": {"volumes": [{"name": "f", "configMap": {"name": "flags"}}], "containers": [{"name": "app"}]}}


def named(name: str, **more):
    """An object of ``shop``."""
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": ago(days=3)},
        **more,
    }


def around():
    """A workload with one of everything around it, and a neighbour that is nobody's business."""
    sick = failing("a", ago(minutes=4), node="n7")
    sick["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    backend = {"service": {"name": "checkout", "port": {"number": 80}}}
    rule = {"host": "shop.example.com", "http": {"paths": [{"path": "/", "backend": backend}]}}
    piece = named("checkout-x", ports=[{"name": "http", "port": 8080}])
    piece["metadata"]["labels"] = {"kubernetes.io/service-name": "checkout"}
    piece["endpoints"] = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": {"name": "well"}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": False}, "targetRef": {"name": "a"}, "nodeName": "n7"},
    ]
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    services = [
        named("checkout", spec={"selector": {"app": "checkout"}, "ports": ports}),
        named("stranger", spec={"selector": {"app": "stranger"}}),
    ]
    return observed(
        sick,
        serving("well"),
        target=checkout(template=TEMPLATE),
        services=listed(*services),
        endpointslices=listed(piece),
        ingresses=listed(named("front", spec={"rules": [rule]}), named("stranger", spec={})),
        horizontalpodautoscalers=listed(
            named("scaler", spec={"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}, "maxReplicas": 4})
        ),
        poddisruptionbudgets=listed(named("budget", spec={"selector": {"matchLabels": {"app": "checkout"}}})),
        nodes_n7=Found(named("n7", spec={}, status={})),
        leases_n7=Found(named("n7", spec={"holderIdentity": "n7", "renewTime": "2026-11-21T11:55:01.123456Z"})),
        configmaps_flags=Found(named("flags", data={"mode": "hunter2-very-secret"})),
        persistentvolumeclaims_data=Found(named("data", spec={}, status={"phase": "Lost"})),
    )


def test_what_is_on_the_way_has_a_page_and_the_neighbour_has_none():
    """Whoever reads the archive weeks later has no cluster to ask."""
    kept = files(bundle(capture(around(), captured_time=NOON)))
    pages = "service/checkout horizontalpodautoscaler/scaler poddisruptionbudget/budget ingress/front node/n7"
    pages += " configmap/flags persistentvolumeclaim/data"
    assert [] == [page for page in pages.split() if f"{page}.describe.txt" not in kept]
    assert [] == [name for name in kept if "stranger" in name]
    assert "Lost" in kept["persistentvolumeclaim/data.describe.txt"].decode()


def test_a_node_says_since_when_its_kubelet_is_silent_and_what_nobody_asked():
    """Its heartbeat is ten seconds fine; of its other pods nothing is known here, and no total is made up."""
    page = files(bundle(capture(around(), captured_time=NOON)))["node/n7.describe.txt"].decode()
    assert "RenewTime:       2026-11-21T11:55:01Z (4m59s ago)" in page
    assert "Non-terminated Pods:  not asked for" in page


def test_objects_that_are_in_no_list_are_kept_as_json_and_values_are_not():
    """A ConfigMap's page has its keys, how long the values are, and a token for each."""
    kept = files(bundle(capture(around(), captured_time=NOON)))
    assert {"configmap/flags.json", "node/n7.json", "ingress/front.json"} <= set(kept)
    assert "service/checkout.json" not in kept
    assert "<19 characters, ***data:" in kept["configmap/flags.describe.txt"].decode()
    assert b"hunter2" not in b"".join(kept.values())


def test_a_service_says_where_it_sends_and_whom_it_leaves_out():
    """kubectl shows the ready ones only; the pod that gets no traffic is what one looks for."""
    page = files(bundle(capture(around(), captured_time=NOON)))["service/checkout.describe.txt"].decode()
    assert "10.0.0.1:8080" in page
    (line,) = [x for x in page.splitlines() if "10.0.0.2" in x]
    assert line.split() == ["a", "10.0.0.2", "n7"]


def test_a_namespace_full_of_services_does_not_fill_the_bundle():
    """Six of a kind, by name."""
    many = [named(f"s{n:02}", spec={"selector": {"app": "checkout"}}) for n in range(40)]
    seen = observed(serving("a"), services=listed(*many))
    found = related(Scene(SHOP, seen), seen)
    assert [f"s{n:02}" for n in range(EACH_MAX)] == [each.obj["metadata"]["name"] for each in found]


def test_a_target_is_not_told_twice():
    """What has its own page as target needs none beside it."""
    assert "deployment/checkout.describe.txt" in files(bundle(capture(around(), captured_time=NOON)))
    assert findings().ranked == ()


@pytest.mark.parametrize(
    ("limit", "divisor", "read"),
    [("100m", "", "1"), ("100m", "1m", "100"), ("300m", "100m", "3"), ("1500m", "", "2")],
)
def test_a_share_of_a_limit_is_what_the_container_reads(limit, divisor, read):
    """In units of the divisor, rounded up: what the program was told, not what was written."""
    reference = {"resource": "limits.cpu", **({"divisor": divisor} if divisor else {})}
    env = [{"name": "CPUS", "valueFrom": {"resourceFieldRef": reference}}]
    container = {"name": "app", "resources": {"limits": {"cpu": limit}}, "env": env}
    page = describe({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}, now=NOON)
    assert f"{read} (limits.cpu)" in page


def test_an_autoscaler_without_numbers_says_so():
    """The metric that can't be read is often why nothing scales."""
    wanted = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    obj = named("h", kind="HorizontalPodAutoscaler", spec={"metrics": [{"type": "Resource", "resource": wanted}]})
    assert "<unknown> / 70%" in describe(obj, now=NOON)
    current = {"name": "cpu", "current": {"averageUtilization": 93, "averageValue": "93m"}}
    obj["status"] = {"currentMetrics": [{"type": "Resource", "resource": current}]}
    assert "93% (93m) / 70%" in describe(obj, now=NOON)
