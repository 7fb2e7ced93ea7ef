"""Acceptance stories of routes (mitigations.md, section 6): a real HTTPRoute, real endpoints, and the test as its gateway."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, together, until
from e2e.support.crds import RealCrds, addons, taken
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, obj, said_no, take_back, untouched
from e2e.support.world import World, bind, deployment, incident, wait_for_right, wish
from e2e.test_undo_fidelity import all_but_counters, odd

CRDS = (addons.GATEWAY_API,)
ROUTE, GATEWAY = {"kind": "HTTPRoute", "name": "web"}, "gateway.networking.k8s.io"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
PORTS = [{"port": 80, "targetPort": 8080}]


def weights(**of: int) -> Json:
    """Arguments of a shift."""
    return {"rule": "all", "weights": [{"backend": name, "weight": weight} for name, weight in of.items()]}


def setting(world: World) -> None:
    """Two versions behind a route, a third that nobody runs, and alice who may patch routes."""
    role = obj("ClusterRole", f"routes-{world.ns}", "rbac.authorization.k8s.io/v1")
    rules = [{"apiGroups": [GATEWAY], "resources": ["httproutes"], "verbs": ["get", "list", "patch"]}]
    world.admin.request("POST", ROLES, role | {"rules": rules}).must()
    bind(world.admin, world.ns, f"routes-{world.ns}", {"kind": "User", "name": "alice"})
    wait_for_right(world.admin, world.ns, "alice", "patch", "httproutes", GATEWAY)
    for name in ("v1", "v2"):
        world.deploy(deployment(name))
    for name in ("v1", "v2", "v3"):
        world.deploy(obj("Service", name, spec={"selector": {"app": name}, "ports": PORTS}))
    together(*(lambda name=name: world.serving(name) for name in ("v1", "v2")))
    backends = [
        {"name": "v1", "port": 80, "weight": 90},
        {"name": "v2", "port": 80},
        {"name": "v3", "port": 80, "weight": 0},
    ]
    canary = {
        "matches": [{"headers": [{"name": "canary", "value": "yes"}]}],
        "backendRefs": [{"name": "v2", "port": 80}],
    }
    rules = [{"backendRefs": backends, "name": "all"}, canary | {"name": "canary"}]
    world.deploy(odd(obj("HTTPRoute", "web", f"{GATEWAY}/v1", spec={"parentRefs": [{"name": "gate"}], "rules": rules})))
    taken(world)


@pytest.fixture(scope="module")
def scenes(crds: RealCrds, admin: Api, operator: Operator) -> Iterator[Scenes]:
    """The one scene."""
    made = Scenes(admin, setting)
    yield made
    made.close()
    admin.request("DELETE", f"{ROLES}/routes-{made[setting].ns}").must()


REFUSED = {
    "all-zero": (weights(v1=0, v2=0), ("All weights of rule all", "routeShift.weights")),
    "nobody-there": (weights(v3=10), ("Service v3 has no ready endpoints", "give it weight 0")),
    "no-backend": (weights(v9=1), ("there are: v1, v2, v3", "routeShift.weights[].backend")),
    "no-rule": ({**weights(v1=1), "rule": "other"}, ("has no rule other; its rules are: all, canary",)),
    "as-it-is": (weights(v1=90), ("already has the weights 90/1/0",)),
}


def test_story_39_weights_that_leave_nobody_are_refused(scenes: Scenes) -> None:
    """All zero, nobody behind it, a backend or rule that is not there: each in the plan, with the field."""
    world = scenes[setting]
    asked = [wish(name, "routeShift", args=args, when="Always") for name, (args, _) in REFUSED.items()]
    world.declare(incident(*asked, name="wrong", target=ROUTE, recovery=HELD))
    for name, (_, words) in REFUSED.items():
        record = said_no(world, name, "wrong")
        assert [w for w in words if w not in record["message"]] == [], record
    assert untouched(world.target("web", "httproutes"))


def test_story_40_weights_are_shifted_and_what_other_rules_still_send_is_said(scenes: Scenes) -> None:
    """Done only once the gateway says so; a canary by header goes on; the undo restores the weight that was not written."""
    world = scenes[setting]
    look = lambda: all_but_counters(world.target("web", "httproutes"))  # noqa: E731
    before = look()
    world.declare(incident(wish("cut", "routeShift", args=weights(v2=0)), name="cut", target=ROUTE, recovery=HELD))
    until(lambda: look() != before, 30, "it is shifted")
    assert world.mitigation("cut", "cut")["state"] == "Running"
    assert [b["weight"] for b in look()["spec"]["rules"][0]["backendRefs"]] == [90, 0, 0]
    taken(world)
    record = world.state("Done", "cut", "cut")
    assert f"Rule canary of HTTPRoute {world.ns}/web (header canary: yes) still sends to v2" in record["warnings"]
    take_back(world, "cut", "cut")
    assert look() == before
