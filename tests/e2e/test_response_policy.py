"""A namespace's ResponsePolicy on a real cluster: it raises, it never loosens, and a mistake leaves the last good one."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import OURS, ROLL_BACK, World, deployment, incident, is_so, lines, stands, stuck

TWO_PEOPLE: Json = {"approvals": {"person": [{"class": "B", "needed": 1}]}}
# Valid for the schema, and not meant by anybody: a storm would be over before it is counted.
WRONG: Json = {"guardrails": {"storm": {"within": "2h", "calm": "1h"}}}


def policy(spec: Json) -> Json:
    """The one ResponsePolicy of a namespace."""
    return {"apiVersion": OURS, "kind": "ResponsePolicy", "metadata": {"name": "default"}, "spec": spec}


def write(world: World, spec: Json) -> None:
    """The platform team writes it: the whole spec, whatever stood there."""
    if world.admin.create(policy(spec), world.ns).status == 409:
        change = [{"op": "replace", "path": "/spec", "value": spec}]
        path = world.admin.path("responsepolicies", world.ns, "default")
        world.admin.request("PATCH", path, change, "application/json-patch+json").must()


def judged(world: World, kind: str, reason: str) -> Json:
    """Wait until the newest generation is judged so; the policy's status."""
    last: Json = {}

    def look() -> Json | None:
        nonlocal last
        last = world.admin.get("responsepolicies", world.ns, "default")
        status: Json = last.get("status", {})
        newest = status.get("observedGeneration") == last["metadata"]["generation"]
        return status if newest and said(status, kind)[1] == reason else None

    try:
        return until(look, 30, f"{kind} {reason}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it stands so: {last.get('status')}") from None


def said(status: Json, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition; empty words while it is not there."""
    found: Json = next((c for c in status.get("conditions", []) if c["type"] == kind), {})
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def broken(world: World) -> None:
    """A good release that serves, and a bad one that does not."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()


def asks_for_two(world: World) -> None:
    """A rollback needs nobody else as built in; here it needs one."""
    write(world, TWO_PEOPLE)
    judged(world, "Ready", "InForce")
    broken(world)
    world.declare(incident(ROLL_BACK))


def asks_and_is_lifted(world: World) -> None:
    """The same; the policy is going to be deleted while the rollback waits."""
    asks_for_two(world)


def tries_to_loosen(world: World) -> None:
    """A tenant wants no approvals, fewer pods left, and less protection."""
    write(
        world,
        {
            "approvals": {"person": [{"class": "C", "needed": 0}]},
            "guardrails": {"minReadyPercent": 0, "protectedNamespaces": ["none-at-all"], "gitOps": "Ignore"},
        },
    )
    world.deploy(deployment())
    world.serving()
    # It is well all the time: without a long hold the incident would be over, and the wish with it, before anybody looks.
    world.declare(incident({"name": "stop", "scale": {"replicas": 0}, "when": "Always"}, recovery={"hold": "10m"}))


def goes_wrong_later(world: World) -> None:
    """A good generation, and then one that can't be meant."""
    write(world, TWO_PEOPLE)
    judged(world, "Ready", "InForce")
    write(world, WRONG)
    broken(world)


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, asks_for_two, asks_and_is_lifted, tries_to_loosen, goes_wrong_later)
    yield made
    made.close()


def agree(world: World, record: Json) -> None:
    """bob agrees to this very plan."""
    agreed = {"mitigation": record["name"], "action": record["action"], "digest": record["digest"]}
    world.say("approve", agreed, by=world.bob)


def waits(world: World, wish: str = "roll-back") -> Json:
    """Wait until it waits for another person; its record."""
    for_people = {"state": "Held", "reason": "ApprovalMissing"}
    # An operator that has begun a moment ago holds it first for what it has not read yet.
    world.wait(lambda s: for_people.items() <= stands(s, wish).items(), f"{wish} waits for people")
    return world.mitigation(wish)


# --- raising ---------------------------------------------------------------------------------------------------------


def test_a_namespace_asks_for_more_approvals(scenes: Scenes) -> None:
    """alice alone could roll back elsewhere; here it waits for bob, and nothing is touched meanwhile."""
    world = scenes[asks_for_two]
    before = world.target()["metadata"]["generation"]
    record = waits(world)
    assert record["approvals"]["needed"] == 1
    assert world.target()["metadata"]["generation"] == before
    agree(world, record)
    assert [a["by"] for a in world.state("Done")["approvals"]["by"]] == ["bob"]


def test_a_policy_in_force_says_so(scenes: Scenes) -> None:
    """Ready with the generation, kept as text; nothing stalls and nothing is found wrong."""
    status = judged(scenes[asks_for_two], "Ready", "InForce")
    assert said(status, "Stalled") == ("", "", "")
    assert status["inForce"]["generation"] == 1
    assert '"needed":1' in status["inForce"]["spec"]
    assert "findings" not in status


def test_a_deleted_policy_lets_go_what_waited_for_it(scenes: Scenes) -> None:
    """What is built in counts again, within seconds: alice's wish goes on by itself."""
    world = scenes[asks_and_is_lifted]
    waits(world)
    world.admin.delete("responsepolicies", world.ns, "default")
    record = world.state("Done")
    assert not record["approvals"].get("by")


# --- loosening -------------------------------------------------------------------------------------------------------


def test_a_namespace_loosens_nothing(scenes: Scenes) -> None:
    """Scaling to zero waits for a second person all the same, and the policy is told what of it does not count."""
    world = scenes[tries_to_loosen]
    assert waits(world, "stop")["approvals"]["needed"] == 1
    assert world.target()["spec"]["replicas"] == 1
    findings = judged(world, "Ready", "InForce")["findings"]
    assert any("spec.approvals.person[C]: 0 is looser than the" in f and "1 is in force" in f for f in findings)
    assert any("spec.guardrails.minReadyPercent: 0 is looser than the" in f for f in findings)
    assert any("spec.guardrails.gitOps: Ignore is looser than the" in f for f in findings)


@pytest.mark.parametrize(
    "section",
    [
        {"prometheus": {"url": "http://prometheus.mine:9090"}},
        {"endpoints": [{"name": "inside", "url": "http://169.254.169.254/latest/meta-data"}]},
        {"approvals": {"people": ["system:serviceaccount:mine:robot"]}},
    ],
    ids=lambda section: next(iter(section)),
)
def test_where_the_operator_goes_is_not_a_tenants(scenes: Scenes, section: Json) -> None:
    """Refused at once, with the field and where it belongs (F14)."""
    world = scenes[asks_for_two]
    answer = world.admin.merge("responsepolicies", world.ns, "default", {"spec": section})
    assert answer.status in (403, 422), answer
    assert f"spec.{next(iter(section))}" in answer.message
    assert "belongs in the ResponsePolicy of namespace stanch-system" in answer.message


# --- a mistake -------------------------------------------------------------------------------------------------------


def test_a_wrong_generation_says_what_counts_instead(scenes: Scenes) -> None:
    """Stalled, with the field and the generation that still is in force."""
    status = judged(scenes[goes_wrong_later], "Ready", "SpecInvalid")
    message = said(status, "Ready")[2]
    assert said(status, "Stalled") == ("True", "SpecInvalid", message)
    assert message.startswith("Generation 2 is not in force: spec.guardrails.storm.within: ")
    assert message.endswith("generation 1 still is")
    assert status["inForce"]["generation"] == 1


def test_the_last_good_one_outlives_a_restart(scenes: Scenes, operator: Operator) -> None:
    """An operator that never saw the good generation reads it from the status: the rollback still waits for bob."""
    world = scenes[goes_wrong_later]
    judged(world, "Ready", "SpecInvalid")
    for other in (asks_and_is_lifted, tries_to_loosen):
        scenes[other]
    operator.stop()
    operator.start()
    world.declare(incident(ROLL_BACK))
    agree(world, waits(world))
    world.state("Done")
    assert [line["by"] for line in lines(world.status(), "MitigationApproved")] == ["bob"]


def test_it_is_corrected(scenes: Scenes) -> None:
    """The next good generation is in force at once, and Stalled is gone."""
    world = scenes[goes_wrong_later]
    write(world, {})
    status = judged(world, "Ready", "InForce")
    assert status["inForce"]["generation"] == 3
    assert not is_so(status, "Stalled")
