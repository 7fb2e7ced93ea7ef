"""What goes by itself stops while alerts storm, and while recovery is good and bad by turns (R13, guards 11 and 14)."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from attack.test_operator import TO_ZERO, untouched, waiting
from attack.test_operator import agree as agree_to
from e2e.conftest import worlds  # noqa: F401 - fixtures
from e2e.support.api import Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.world import World, deployment, good, incident
from e2e.test_runbooks import agree, follows, image, is_drilled, waits
from stanch.api.names import OPERATOR_USER, Label

# As shipped: five incidents of alerts within ten minutes.
STORM = 5
GATE = "stanch.test/well"


@pytest.fixture(scope="module", autouse=True)
def operator(token: Json, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """With short waits; how much is a storm is as shipped."""
    with Operator(token, tmp_path_factory.mktemp("automation"), "automation", fork_server) as running:
        yield running


def _of_alerts(declared: Json) -> Json:
    """As the receiver makes it for a group of alerts."""
    declared["metadata"]["labels"] = {Label.ALERT_GROUP: uuid.uuid4().hex[:16]}
    return declared


def test_in_a_storm_of_alerts_auto_waits_for_a_person(worlds: Callable[..., World]) -> None:  # noqa: F811
    """Drilled, lent rights, mode Auto: and still a person agrees first, for so many alerts have one cause that it can't see."""
    world = worlds()
    is_drilled(world)
    agree(world, waits(world, "drill"), "drill")
    world.state("Done", name="drill")

    def drilled() -> object:
        return world.admin.get("runbooks", world.ns, "bad-deploy").get("status", {}).get("drilled")

    until(drilled, 30, "the drill stands in the Runbook's status")
    ours = world.admin.as_user(OPERATOR_USER, "system:masters", "system:authenticated")
    bad = image(world)
    # It is one of the five itself: each of a storm sees four others.
    for n in range(STORM - 1):
        ours.create(_of_alerts(incident(name=f"alarm-{n}", recovery={"hold": "10m"})), world.ns).must()
        world.wait(lambda s: s.get("times"), "it is taken in", f"alarm-{n}")
    ours.create(_of_alerts(follows(serviceAccountName="deployer")), world.ns).must()
    record = waits(world)
    assert f"alerts made {STORM} incidents or more at once" in record["message"]
    assert (bad, "Auto") == (image(world), world.status()["runbook"]["mode"])
    agree(world, record)
    world.state("Done")
    assert bad != image(world)


def well(world: World, so: bool) -> None:
    """Say of its pod whether it may serve; the criteria have seen it."""

    def pods() -> list[Json]:
        return world.admin.list("pods", world.ns, labelSelector="app=checkout")

    pod = until(pods, 30, "a pod")[0]["metadata"]["name"]
    change = {"status": {"conditions": [{"type": GATE, "status": "True" if so else "False"}]}}
    path = f"{world.admin.path('pods', world.ns, pod)}/status"
    until(
        lambda: world.admin.request("PATCH", path, change, "application/strategic-merge-patch+json").ok,
        30,
        "the kubelet has said how it is",
    )


def test_what_is_good_and_bad_by_turns_goes_on_by_nobodys_leave(worlds: Callable[..., World]) -> None:  # noqa: F811
    """What was agreed to before it began to flap is held, and said; nothing is touched."""
    world = worlds()
    world.deploy(deployment(pod=good() | {"readinessGates": [{"conditionType": GATE}]}))
    well(world, so=True)
    world.serving()
    world.declare(incident(TO_ZERO, recovery={"hold": "10m"}))
    record = waiting(world)
    for so in (False, True, False):
        well(world, so)
        word = "Passing" if so else "Failing"
        world.wait(
            lambda s, word=word: any(c["state"] == word and c["name"] == "pods" for c in s["recovery"]["criteria"]),
            f"pods are {word}",
        )
    world.wait(lambda s: any(line["kind"] == "Flapping" for line in s["timeline"]), "it is said that it flaps")
    agree_to(world, record, world.bob)
    world.wait(lambda s: s["mitigations"][0].get("reason") == "Flapping" and s, "it is held")
    assert "Good and bad by turns" in world.mitigation("size")["message"]
    assert untouched(world)
