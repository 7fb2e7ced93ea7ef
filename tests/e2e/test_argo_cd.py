"""Argo CD with its real CRDs, of 3.x and of 2.x: what it would put back is refused, and an Application is held as a whole."""

from collections.abc import Iterator

import pytest

from e2e.support import crds as real
from e2e.support.api import Api, Json, until
from e2e.support.crds import RealCrds, addons
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import World, bind, incident, lines, stands, wait_for_right, wish

CRDS = (addons.ARGO_CD,)
ALICE = {"kind": "User", "name": "alice"}
HEALS = {"prune": True, "selfHeal": True}
TRACKING = "argocd.argoproj.io/tracking-id"
ARGO = "argocd-controller"


def application(name: str, automated: Json | None, **more: Json | list[Json]) -> Json:
    """An Application; ``more`` is status or metadata."""
    policy = {} if automated is None else {"automated": automated}
    spec = {"project": "default", "destination": {}, "syncPolicy": policy | {"syncOptions": ["A=b"]}}
    meta = {"name": name} | dict(more.pop("metadata", {}))  # type: ignore[arg-type]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": meta, "spec": spec, **more}


def flags(name: str, annotations: Json | None = None, labels: Json | None = None) -> Json:
    """A ConfigMap that Argo CD may track."""
    meta = {"name": name, "annotations": annotations or {}, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "on"}}


def may_hold(world: World) -> None:
    """Alice may patch Applications here."""
    bind(world.admin, world.ns, real.ROLE, ALICE)
    wait_for_right(world.admin, world.ns, "alice", "patch", "applications", "argoproj.io")


def ask_to_flip(world: World, name: str) -> None:
    """Flip the flag of that name, in an incident of that name."""
    args = {"key": "a", "value": "off"}
    target = {"kind": "ConfigMap", "name": name}
    world.declare(incident(wish("flip", "configFlag", args=args), name=name, target=target, recovery={"hold": "10m"}))


def ask_to_hold(world: World, name: str) -> None:
    """Hold an Application, in an incident of its own."""
    target = {"kind": "Application", "name": name}
    asked = incident(wish("hold", "gitOpsHold"), name=f"hold-{name}", target=target, recovery={"hold": "10m"})
    world.declare(asked)


def app(world: World, name: str) -> Json:
    """spec of an Application."""
    spec: Json = world.target(name, "applications")["spec"]
    return spec


def tracked(world: World) -> None:
    """Applications with and without self-heal, by annotation and by label, and one that only shares a label with a chart."""
    may_hold(world)
    listed = [{"version": "v1", "kind": "ConfigMap", "namespace": world.ns, "name": "by-label"}]
    for obj in (
        application("heals", HEALS),
        application("waits", {"prune": True}),
        application("lists", HEALS, status={"resources": listed}),
    ):
        world.deploy(obj)

    def id_of(name: str, about: str) -> Json:
        return {TRACKING: f"{world.ns}_{name}:/ConfigMap:{world.ns}/{about}"}

    def label(name: str) -> Json:
        return {"app.kubernetes.io/instance": f"{world.ns}_{name}"}

    for name, annotations, labels in (
        ("healed", id_of("heals", "healed"), {}),
        ("not-healed", id_of("waits", "not-healed"), {}),
        ("a-copy", id_of("heals", "healed"), {}),
        ("by-label", {}, label("lists")),
        ("of-a-chart", {}, label("heals")),
    ):
        world.deploy(flags(name, annotations, labels))
        ask_to_flip(world, name)


def of_a_set(world: World) -> None:
    """An Application that an ApplicationSet made."""
    may_hold(world)
    template = {"metadata": {"name": "x"}, "spec": {"project": "default", "destination": {}}}
    api = "argoproj.io/v1alpha1"
    every = {"apiVersion": api, "kind": "ApplicationSet", "metadata": {"name": "every"}}
    uid = world.deploy(every | {"spec": {"generators": [], "template": template}})["metadata"]["uid"]
    owner = {"apiVersion": api, "kind": "ApplicationSet", "name": "every", "uid": uid, "controller": True}
    world.deploy(application("made", HEALS, metadata={"ownerReferences": [owner]}))
    ask_to_hold(world, "made")


def of_an_app(world: World) -> None:
    """An app of apps that heals, as Argo CD applies it: it sets the child's policy."""
    may_hold(world)
    world.deploy(application("root", HEALS))
    tracking = {TRACKING: f"{world.ns}_root:argoproj.io/Application:{world.ns}/child"}
    child = application("child", HEALS, metadata={"annotations": tracking})
    world.admin.apply(child, world.ns, ARGO).must()
    ask_to_hold(world, "child")


@pytest.fixture(scope="module")
def scenes(crds: RealCrds, operator: Operator, admin: Api) -> Iterator[Scenes]:
    """All settings at once, on a cluster that has these kinds."""
    made = Scenes(admin, tracked, of_a_set, of_an_app)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["not-healed", "a-copy", "of-a-chart"])
def test_what_no_application_heals_is_done(scenes: Scenes, name: str) -> None:
    """Without self-heal a live change stays until the next commit; a copied id and a chart's label are nobody's."""
    world = scenes[tracked]
    world.state("Done", "flip", name)
    assert world.target(name, "configmaps")["data"] == {"a": "off"}


@pytest.mark.parametrize(("name", "application"), [("healed", "heals"), ("by-label", "lists")])
def test_story_44_what_argo_cd_heals_waits_for_a_hold_that_a_person_asks_for(
    scenes: Scenes, name: str, application: str
) -> None:
    """Refused with the wish that frees it; once that is done, the flag is flipped; both are undone in the other order."""
    world = scenes[tracked]
    message = world.state("Held", "flip", name)["message"]
    assert f"gitOpsHold with target {{kind: Application, name: {application}}}, in this incident" in message
    assert world.target(name, "configmaps")["data"] == {"a": "on"}
    assert [m["name"] for m in world.status(name)["mitigations"]] == ["flip"]
    before = app(world, application)
    hold = {"name": "hold", "gitOpsHold": {}, "when": "Always", "target": {"kind": "Application", "name": application}}
    world.say("mitigate", hold, about=name)
    world.state("Done", "hold", name)
    assert app(world, application)["syncPolicy"]["automated"] == HEALS | {"enabled": False}
    world.state("Done", "flip", name)
    assert world.target(name, "configmaps")["data"] == {"a": "off"}
    assert {d["name"] for d in world.wait(lambda s: len(s.get("debt", [])) == 2, "both are owed", name)["debt"]}
    for undone in ("flip", "hold"):
        world.say("undo", {"mitigation": undone}, about=name)
        world.state("Undone", undone, name)
    assert app(world, application) == before


def test_story_46_an_application_of_a_set_is_held_once_its_set_leaves_it_alone(scenes: Scenes) -> None:
    """The refusal names the set and the rule; with that rule there, the wish that waited is done."""
    world = scenes[of_a_set]
    message = world.state("Held", "hold", "hold-made")["message"]
    assert f"ApplicationSet {world.ns}/every made Application {world.ns}/made" in message
    assert app(world, "made")["syncPolicy"]["automated"] == HEALS
    rule = [{"jsonPointers": ["/spec/syncPolicy"]}]
    change = {"spec": {"ignoreApplicationDifferences": rule}}
    world.admin.merge("applicationsets", world.ns, "every", change).must()
    world.state("Done", "hold", "hold-made")
    assert app(world, "made")["syncPolicy"]["automated"]["enabled"] is False


def test_a_child_of_an_app_of_apps_is_held_after_its_parent(scenes: Scenes) -> None:
    """The parent sets the child's policy and heals: it goes first, and each is a wish of its own."""
    world = scenes[of_an_app]
    message = world.state("Held", "hold", "hold-child")["message"]
    assert "hold that first: gitOpsHold with target {kind: Application, name: root}, in this incident" in message
    assert "enabled" not in app(world, "child")["syncPolicy"]["automated"]
    ask_to_hold(world, "root")
    world.state("Done", "hold", "hold-root")
    world.state("Done", "hold", "hold-child")
    assert app(world, "child")["syncPolicy"]["automated"]["enabled"] is False
    assert len(lines(world.status("hold-child"), "MitigationApplied")) == 1


def test_who_may_not_patch_the_application_is_refused_at_the_door(scenes: Scenes) -> None:
    """Nobody gets more power by it: admission asks for the right on that very object."""
    world = scenes[of_an_app]
    target = {"kind": "Application", "name": "root"}
    refused = world.bob.create(incident(wish("hold", "gitOpsHold"), name="by-bob", target=target), world.ns)
    assert "may not patch applications.argoproj.io root" in refused.message


# Last, for it changes the CRD under everybody's feet.
def test_story_45_an_argo_cd_2_without_enabled_loses_automated_and_gets_it_back_verbatim(
    scenes: Scenes, crds: RealCrds, world: World
) -> None:
    """Its API server drops `enabled` without a word; that is seen before anything is written, and one write does it."""
    for setting in (tracked, of_a_set, of_an_app):
        scenes[setting]
    crds.apply(addons.ARGO_CD_2)
    probe = application("probe", {"enabled": False})
    path = world.admin.path("applications", world.ns, dryRun="All")
    kept = lambda: world.admin.request("POST", path, probe).must()["spec"]["syncPolicy"]["automated"]  # noqa: E731
    until(lambda: kept() == {}, 60, "the older CRD is in force")
    may_hold(world)
    world.deploy(application("old", HEALS))
    before = app(world, "old")
    ask_to_hold(world, "old")
    record = stands({"mitigations": [world.state("Done", "hold", "hold-old")]}, "hold")
    assert app(world, "old")["syncPolicy"] == {"syncOptions": ["A=b"]}
    assert "undo puts it back word by word" in " ".join(record["warnings"])
    assert len(lines(world.status("hold-old"), "MitigationApplied")) == 1
    world.say("undo", {"mitigation": "hold"}, about="hold-old")
    world.state("Undone", "hold", "hold-old")
    assert app(world, "old") == before
