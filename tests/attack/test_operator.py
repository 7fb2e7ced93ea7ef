"""What admission can't see, the operator does: who agreed to what, when, and whether it still counts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from attack.people import machine
from attack.test_taken_over import binding
from e2e.conftest import operator, worlds  # noqa: F401 - fixtures
from e2e.support import world as e2e_world
from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.world import World, bind, deployment, lines, may, wish
from stanch.shell.policies import BITES_AFTER

TO_ZERO = wish("size", "scale", args={"replicas": 0})
PAUSE = wish("pause", "rolloutPause")
pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:  # noqa: F811
    """A Deployment that serves."""
    there = worlds()
    there.deploy(deployment())
    there.serving()
    return there


def incident(*mitigations: Json, **spec: Any) -> Json:
    """It is well all the time: without a long hold it would be over, and the wish with it, while people still talk."""
    return e2e_world.incident(*mitigations, **({"recovery": {"hold": "10m"}} | spec))


def waiting(world: World, name: str = "size") -> Json:
    """Its record, once it waits for an approval."""
    return world.wait(
        lambda s: (
            next(
                (m for m in s.get("mitigations", []) if m["name"] == name and m.get("reason") == "ApprovalMissing"),
                None,
            )
            and s
        ),
        f"{name} waits for an approval",
    )["mitigations"][0]


def agree(world: World, record: Json, by: Api, **more: str) -> str:
    """Say yes to this plan; the entry's name."""
    return world.say(
        "approve", {"mitigation": record["name"], "action": record["action"], "digest": record["digest"]} | more, by
    )


def refusal(world: World, said: str) -> str:
    """Why an entry changes nothing."""
    world.folded(said)
    status = world.wait(lambda s: [x for x in lines(s, "EntryRefused") if x.get("entry") == said], f"{said} is refused")
    return str(next(x["text"] for x in lines(status, "EntryRefused") if x.get("entry") == said))


def untouched(world: World) -> bool:
    """Still one replica, and nothing of ours on it."""
    target = world.target()
    return target["spec"]["replicas"] == 1 and "stanch.dev/action" not in target["metadata"]["labels"]


def test_nobody_agrees_with_themselves(world: World) -> None:
    """Bob may approve, and asked for it: another must agree. The board says that it waits."""
    world.declare(incident(TO_ZERO), world.bob)
    record = waiting(world)
    assert world.status()["mitigation"] == "size ApprovalNeeded"
    assert "bob asked for size" in refusal(world, agree(world, record, world.bob))
    assert untouched(world)


def test_an_agreement_is_to_one_plan(world: World) -> None:
    """Of a digest that never was, and of one that was: each is refused by name."""
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    other = agree(world, record, world.bob, digest="sha256:0000000000000000")
    assert "PlanChanged" in refusal(world, other)
    assert untouched(world)


def test_a_changed_plan_needs_another_agreement(world: World) -> None:
    """Two must agree; between them the target changes, and the first yes is void."""
    world.declare(incident(TO_ZERO | {"approvals": 2}))
    first = waiting(world)
    world.folded(agree(world, first, world.bob))
    world.set(replicas=2)
    changed = lambda s: s["mitigations"][0].get("digest") not in (None, first["digest"])  # noqa: E731
    world.wait(changed, "the plan is another")
    assert "needs 2 more" in world.mitigation("size")["message"]
    assert "PlanChanged" in refusal(world, agree(world, first, world.bob))
    assert world.target()["spec"]["replicas"] == 2


def test_one_person_is_one(world: World) -> None:
    """Said twice by the same, it counts once."""
    world.declare(incident(TO_ZERO | {"approvals": 2}))
    record = waiting(world)
    for _ in range(2):
        world.folded(agree(world, record, world.bob))
    assert "needs 1 more" in world.mitigation("size")["message"]
    assert untouched(world)


def test_a_verb_for_one_action_agrees_to_no_other(world: World) -> None:
    """Naming the action one may approve does not help: it must be that of the mitigation."""
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    assert "size is scale, not rolloutUndo" in refusal(world, agree(world, record, world.bob, action="rolloutUndo"))
    assert untouched(world)


def test_a_machine_agrees_to_nothing(world: World, admin: Api) -> None:
    """A pipeline with the verb, and a token of its own."""
    robot = machine(admin, world.ns, "robot")
    for role in ("edit", "stanch-approver"):
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"robot-{role}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": world.ns}],
        }
        admin.create(binding, world.ns).must()
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    agreed = {"mitigation": "size", "action": record["action"], "digest": record["digest"]}
    said = until(lambda: (r := world.try_to_say("approve", agreed, robot)).ok and r, 10, "its rights are known")
    assert "is a machine" in refusal(world, said.body["metadata"]["name"])
    # And what it asks for itself waits for a person, whatever its class.
    pause = incident(PAUSE, name="by-robot")
    robot.create(pause, world.ns).must()
    world.wait(lambda s: s["mitigations"][0].get("reason") == "ApprovalMissing" and s, "a person is asked", "by-robot")
    assert untouched(world)


@pytest.mark.parametrize("member", ["take", "resolve", "askPostmortem"])
def test_a_machine_says_nothing_in_peoples_place(world: World, admin: Api, member: str) -> None:
    """A pipeline that may edit: its word takes no hat and ends nothing, with a commander or without."""
    robot = machine(admin, world.ns, "robot")
    admin.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "robot"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": world.ns}],
        },
        world.ns,
    ).must()
    world.declare(incident(TO_ZERO, recovery={"criteria": [{"name": "eyes", "manual": {}, "gates": "Mitigated"}]}))
    waiting(world)
    spoken = {"role": "commander"} if member == "take" else {}
    said = until(lambda: (r := world.try_to_say(member, spoken, robot)).ok and r, 10, "its rights are known")
    assert "is a machine" in refusal(world, said.body["metadata"]["name"])
    assert "roles" not in world.status()
    assert "resolved" not in world.status()["times"]


def test_denying_needs_the_verb_for_the_action_of_that_mitigation(world: World) -> None:
    """Naming an action that one may approve does not help: the wish goes on waiting."""
    world.declare(incident(TO_ZERO))
    waiting(world)
    said = world.say("deny", {"mitigation": "size", "action": "rolloutUndo"}, world.bob)
    assert "size is scale, not rolloutUndo" in refusal(world, said)
    assert world.mitigation("size")["reason"] == "ApprovalMissing"


def test_who_asked_can_not_be_the_one_who_says_no(world: World, admin: Api) -> None:
    """Not even with the verb: to agree and to deny are for another person, and no machine is one."""
    robot, account = (
        machine(admin, world.ns, "robot"),
        {"kind": "ServiceAccount", "name": "robot", "namespace": world.ns},
    )
    for who, role in (
        (account, "edit"),
        (account, "stanch-approver"),
        ({"kind": "User", "name": "alice"}, "stanch-approver"),
    ):
        bind(admin, world.ns, role, who)
    world.declare(incident(TO_ZERO))
    waiting(world)
    no = {"mitigation": "size", "action": "scale"}
    for who, why in ((world.alice, "alice asked for size and can't be the one who denies it"), (robot, "is a machine")):
        said = until(lambda who=who: (r := world.try_to_say("deny", no, who)).ok and r, 10, "its rights are known")
        assert why in refusal(world, said.body["metadata"]["name"])
    assert world.mitigation("size")["reason"] == "ApprovalMissing"


def test_an_agreement_is_not_used_twice(world: World) -> None:
    """The same words for another wish of the same action: its plan has another digest."""
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    again = (
        TO_ZERO
        | {"when": "Always"}
        | {"name": "again", "scale": {"replicas": 0}, "target": {"kind": "Deployment", "name": "checkout"}}
    )
    world.say("deny", {"mitigation": "size", "action": "scale"}, world.bob)
    world.state("Denied", "size")
    world.say("mitigate", again)
    world.wait(
        lambda s: any(m["name"] == "again" and m.get("reason") == "ApprovalMissing" for m in s["mitigations"]),
        "again waits",
    )
    assert "it is Denied" in refusal(world, agree(world, record, world.bob))
    assert world.mitigation("again")["reason"] == "ApprovalMissing"
    assert untouched(world)


def test_a_right_that_is_gone_stops_what_was_asked_with_it(world: World, admin: Api) -> None:
    """Asked again right before the effect, by name and groups."""
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    for bound in admin.list("rolebindings", world.ns):
        if any(s["name"] == "alice" for s in bound["subjects"]):
            admin.delete("rolebindings", world.ns, bound["metadata"]["name"]).must()
    # A binding that is deleted counts until the API server's own authorizer has heard of it.
    scale = {"verb": "patch", "group": "apps", "resource": "deployments", "subresource": "scale"}
    until(lambda: not may(admin, world.ns, "alice", scale), 20, "alice may not scale any more")
    agree(world, record, world.bob)
    world.wait(lambda s: s["mitigations"][0].get("reason") == "NoAuthority" and s, "it is held")
    assert "alice may not patch deployments/scale" in world.mitigation("size")["message"]
    assert untouched(world)


def test_an_agreement_counts_while_who_gave_it_may_give_it(world: World, admin: Api) -> None:
    """Bob's verb is taken away between his yes and carol's: two said it, one may, and nothing is done."""
    for role in ("edit", "stanch-approver"):
        bind = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"carol-{role}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": "carol", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        admin.create(bind, world.ns).must()
    world.declare(incident(TO_ZERO | {"approvals": 2}))
    record = waiting(world)
    world.folded(agree(world, record, world.bob))
    for bound in admin.list("rolebindings", world.ns):
        approves = bound["roleRef"]["name"] == "stanch-approver"
        if approves and any(s["name"] == "bob" for s in bound["subjects"]):
            admin.delete("rolebindings", world.ns, bound["metadata"]["name"]).must()
    carol = admin.as_user("carol")
    said = {"mitigation": "size", "action": record["action"], "digest": record["digest"]}
    until(lambda: world.try_to_say("approve", said, carol).ok, 10, "carol's rights are known")
    held = world.wait(lambda s: [x for x in lines(s, "MitigationHeld") if "bob" in x["text"]], "bob counts no more")
    assert "bob may not approve scale any more" in lines(held, "MitigationHeld")[-1]["text"]
    assert "needs 1 more" in world.mitigation("size")["message"]
    assert untouched(world)


def erin_responds(world: World, admin: Api) -> Api:
    """Erin may write entries, and patch nothing."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "erin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stanch-responder"},
        "subjects": [{"kind": "User", "name": "erin", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    admin.create(binding, world.ns).must()
    return admin.as_user("erin")


def wants_back(world: World, who: Api, mitigation: str = "pause") -> str:
    """An undo entry; its name."""
    said = until(lambda: (r := world.try_to_say("undo", {"mitigation": mitigation}, who)).ok and r, 10)
    return str(said.body["metadata"]["name"])


def test_undoing_needs_the_right_as_well(world: World, admin: Api) -> None:
    """Erin may respond, and not patch: what alice did stands, and the record of it says nothing about erin."""
    erin = erin_responds(world, admin)
    world.declare(incident(PAUSE))
    world.state("Done", "pause")
    assert "erin may not patch deployments" in refusal(world, wants_back(world, erin))
    assert world.target()["spec"]["paused"] is True
    assert "undoAsked" not in world.mitigation("pause")


def test_who_may_not_undo_keeps_no_undo_from_coming(world: World, admin: Api) -> None:
    """Frozen, alice's undo waits; erin's entry takes its place neither then nor after the thaw."""
    erin = erin_responds(world, admin)
    world.declare(incident(PAUSE))
    world.state("Done", "pause")
    admin.create(binding("stanch-frozen", world.ns), world.ns).must()
    try:
        world.say("undo", {"mitigation": "pause"})
        world.wait(lambda s: s["mitigations"][0].get("reason") == "Frozen" and s, "alice's undo waits")
        assert "erin may not patch deployments" in refusal(world, wants_back(world, erin))
    finally:
        admin.delete("rolebindings", world.ns, "stanch-freeze")
    world.state("Undone", "pause", seconds=30)


def test_who_may_not_undo_keeps_no_chosen_revert_from_coming(world: World, admin: Api) -> None:
    """`revert: OnResolved` stays alice's word."""
    erin = erin_responds(world, admin)
    world.declare(incident(PAUSE | {"revert": "OnResolved"}, recovery={"hold": "10s"}))
    world.state("Done", "pause")
    refusal(world, wants_back(world, erin))
    world.state("Undone", "pause", seconds=90)


@pytest.mark.parametrize("text", ["hi", "\U0001f600" * 300], ids=["short", "emoji"])
def test_a_flood_of_notes_stalls_nothing(world: World, text: str) -> None:
    """More than the timeline holds, from somebody who may only write entries; what is said after it is heard."""
    world.declare(incident(TO_ZERO))
    record = waiting(world)
    for _ in range(130):
        world.say("note", {}, text=text)
    world.folded(agree(world, record, world.bob), seconds=60)
    world.state("Done", "size")
    conditions = {c["type"]: c["reason"] for c in world.status()["conditions"]}
    assert "Stalled" not in conditions, conditions
    assert world.status()["pages"]


def taken_away(admin: Api, kind: str, name: str) -> tuple[str, Json]:
    """Delete a binding of a policy; its path, and what makes it again."""
    path = admin.path(f"{kind}admissionpolicybindings", None, name)
    kept = admin.request("GET", path).must()
    admin.request("DELETE", path).must()
    again = {"apiVersion": kept["apiVersion"], "kind": kept["kind"], "metadata": {"name": name}, "spec": kept["spec"]}
    return path, again


def given_back(admin: Api, *taken: tuple[str, Json]) -> None:
    """Make them again, and wait until what is said counts."""
    for path, again in taken:
        admin.request("POST", path.rpartition("/")[0], again).must()
    time.sleep(BITES_AFTER.total_seconds() + 1)


def test_the_operator_does_nothing_while_a_policy_is_gone(
    world: World,
    admin: Api,
    operator: Operator,  # noqa: F811
) -> None:
    """Somebody takes the leash's binding away: seen within a minute. What was asked for meanwhile is asked for again."""
    taken = taken_away(admin, "validating", "stanch-operator-leash")
    try:
        until(lambda: "stanch-operator-leash is missing" in operator.log.read_text(), 75, "it is seen", every=0.5)
        world.declare(incident(PAUSE))
        world.wait(
            lambda s: s.get("mitigations") and s["mitigations"][0].get("reason") == "PoliciesMissing", "it is held"
        )
        assert untouched(world)
    finally:
        given_back(admin, taken)
    world.wait(lambda s: s["mitigations"][0].get("reason") == "AuthorityUnproven", "it stays held", seconds=30)
    assert untouched(world)
    target = {"kind": "Deployment", "name": "checkout"}
    world.say("mitigate", PAUSE | {"name": "again", "target": target, "when": "Always"})
    world.state("Done", "again", seconds=30)


def gets_through(world: World, by: Api, member: str, value: Json, author: Json) -> str:
    """Say it in another's name, once the API server has noticed that nothing keeps one from it; the entry's name."""
    said = until(
        lambda: (r := world.try_to_say(member, value, by, author=author)).ok and r, 20, f"{member} gets through"
    )
    return str(said.body["metadata"]["name"])


def test_what_was_forged_while_the_policies_were_gone_is_nobodys(
    world: World,
    admin: Api,
    operator: Operator,  # noqa: F811
) -> None:
    """With alice's name in an entry and in an incident; seen by the operator, and not believed when they are back."""
    bindings = [
        ("mutating", "stanch-timelineentry-author"),
        ("validating", "stanch-timelineentry-author"),
        ("mutating", "stanch-incident-requesters"),
        ("validating", "stanch-incident-authority"),
    ]
    world.declare(incident())
    erin = erin_responds(world, admin)
    alice = {"username": "alice", "uid": "", "groups": ["system:masters"]}
    target = {"kind": "Deployment", "name": "checkout"}
    told = len(operator.log.read_text())  # What it said of other tests stands there, too.
    taken = [taken_away(admin, kind, name) for kind, name in bindings]
    try:
        until(lambda: "is missing" in operator.log.read_text()[told:], 75, "it is seen", every=0.5)
        said = [
            gets_through(world, erin, "mitigate", PAUSE | {"target": target, "when": "Always"}, alice),
            gets_through(world, erin, "severity", {"level": "SEV4"}, alice),
        ]
        forged = incident(PAUSE, name="forged", requesters=[alice | {"mitigations": ["pause"]}])
        erin.create(forged, world.ns).must()
        time.sleep(2)
    finally:
        given_back(admin, *taken)
    until(lambda: "policies proven" in operator.log.read_text()[told:], 30, "they are back", every=0.5)
    for entry in said:
        assert "nobody vouched for it" in refusal(world, entry)
    world.wait(
        lambda s: s.get("mitigations") and s["mitigations"][0].get("reason") == "AuthorityUnproven",
        "it is nobody's",
        "forged",
    )
    assert untouched(world)
