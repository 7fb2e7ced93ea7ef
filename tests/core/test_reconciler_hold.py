"""A whole Kustomization, HelmRelease or Application is held where a person asks, exactly, and not under one that pulls."""

from typing import Any

import pytest

from build import Json, entry
from reconcilers import PLURALS, POLICY, held, reconciler
from stanch.api.incident_status import WishState
from stanch.core.observations import Answer, Found
from world import World

FLUX_LABELS = {
    "kustomize.toolkit.fluxcd.io/name": "all",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
}
ROOT_APP = {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:shop/apps"}


def spec_of(there: World, kind: str) -> Json:
    """Its spec now."""
    return there.objects[(PLURALS[kind], "apps")]["spec"]


AS_IT_WAS = [
    ("Kustomization", {}, {"interval": "10m", "suspend": True}),
    ("Kustomization", {"suspend": False}, {"interval": "10m", "suspend": True}),
    ("HelmRelease", {}, {"interval": "10m", "suspend": True}),
    ("Application", {}, {"syncPolicy": {"automated": POLICY | {"enabled": False}, "syncOptions": ["A=b"]}}),
    ("Application", {"syncPolicy": {"automated": {}}}, {"syncPolicy": {"automated": {"enabled": False}}}),
    (
        "Application",
        {"syncPolicy": {"automated": {"enabled": True}}},
        {"syncPolicy": {"automated": {"enabled": False}}},
    ),
]


@pytest.mark.parametrize(("kind", "spec", "after"), AS_IT_WAS)
def test_it_is_held_once_and_taken_back_byte_for_byte(kind: str, spec: Json, after: Json) -> None:
    """
    Written first, verified, owed for a day, and taken back so that nothing but our label is left.
    """
    before = reconciler(kind, spec=spec)
    there = held(kind, before).run(minutes=1)
    assert there.record("act").state is WishState.DONE, there.record("act").message
    assert spec_of(there, kind) == after
    assert len(there.effects) == 1
    assert [(d.name, (d.due_time - d.since_time).total_seconds()) for d in there.incident.status.debt] == [
        ("act", 86400)
    ]
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=1)
    assert spec_of(there, kind) == before["spec"]
    assert len(there.effects) == 2
    assert there.broken == []


@pytest.mark.parametrize("kind", PLURALS)
def test_a_lost_answer_is_read_back_and_not_sent_again(kind: str) -> None:
    """
    Suspended once, whatever the network does.
    """
    there = held(kind, reconciler(kind))
    there.lose_next_reply = True
    there.run(minutes=1)
    assert len(there.effects) == 1
    assert there.record("act").state is WishState.DONE


def test_what_somebody_changed_of_it_since_is_not_overwritten() -> None:
    """
    The undo is refused with the difference, and their policy stays.
    """
    there = held("Application", reconciler("Application")).run(minutes=1)
    spec_of(there, "Application")["syncPolicy"]["automated"]["prune"] = False
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=1)
    assert spec_of(there, "Application")["syncPolicy"]["automated"] == {
        "prune": False,
        "selfHeal": True,
        "enabled": False,
    }
    assert "prune: found true, wrote true, now false" in there.record("act").message
    assert there.condition("Contested") == "True ChangedAgain"


def test_no_second_person_is_needed_but_the_right_on_that_very_object() -> None:
    """
    Class B: a person who may patch it asks, and it is done; one who may not is refused by name.
    """
    there = held("Application", reconciler("Application"))
    asked = []
    there.may = lambda q: not asked.append((q.verb, q.group, q.resource, q.namespace, q.name))
    there.run(minutes=1)
    assert set(asked) == {("patch", "argoproj.io", "applications", "shop", "apps")}
    there = held("Application", reconciler("Application"))
    there.may = lambda _: False
    there.run(minutes=1)
    assert there.effects == []
    assert "alice may not patch applications apps in namespace shop" in there.record("act").message


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Kustomization", {"spec": {"suspend": True}}),
        ("Application", {"spec": {"syncPolicy": {}}}),
        ("Application", {"spec": {"syncPolicy": {"automated": {"enabled": False}}}}),
    ],
)
def test_what_somebody_else_suspended_is_not_ours_to_resume(kind: str, more: Json) -> None:
    """
    Skipped; its undo would set going what another person stopped.
    """
    there = held(kind, reconciler(kind, **more)).run(minutes=1)
    assert there.effects == []
    assert there.record("act").state is WishState.SKIPPED


# --- an Argo CD that does not know automated.enabled -------------------------------------------------------------------


def of_an_old_crd(there: World) -> World:
    """An API server whose CRD drops automated.enabled without a word."""

    def patched(plural: str, name: str, patch: str, keep: bool) -> Answer:
        answer = World._patched(there, plural, name, patch, keep=False)
        if isinstance(answer, Found):
            answer.value["spec"].get("syncPolicy", {}).get("automated", {}).pop("enabled", None)
            if keep:
                there.objects[(plural, name)] = answer.value
        return answer

    there._patched = patched
    return there


def test_an_argo_cd_without_enabled_loses_automated_and_gets_it_back_verbatim() -> None:
    """
    Seen in a dry run, before anything is written: one write, not two.
    """
    before = reconciler("Application")
    there = of_an_old_crd(held("Application", before)).run(minutes=1)
    assert spec_of(there, "Application") == {"syncPolicy": {"syncOptions": ["A=b"]}}
    assert len(there.effects) == 1
    assert "undo puts it back word by word" in " ".join(there.record("act").warnings)
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=1)
    assert spec_of(there, "Application") == before["spec"]


def test_what_the_api_server_would_keep_otherwise_is_never_written() -> None:
    """
    A webhook that changes the value, or a schema without the field: seen in the dry run, refused with the difference.
    """
    there = held("Kustomization", reconciler("Kustomization"))

    def patched(plural: str, name: str, patch: str, keep: bool) -> Answer:
        answer = World._patched(there, plural, name, patch, keep=keep)
        if isinstance(answer, Found):
            answer.value["spec"].pop("suspend", None)
        return answer

    there._patched = patched
    there.run(minutes=1)
    assert there.effects == []
    assert "would make something else of it" in there.record("act").message


# --- what would set it going again -------------------------------------------------------------------------------------


def applied(manager: str, fields: Json) -> list[Json]:
    """What a parent set, as managedFields tell it."""
    return [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": fields}}]


def owned_by(name: str) -> Json:
    """Made by an ApplicationSet."""
    return {"ownerReferences": [{"kind": "ApplicationSet", "name": name, "uid": "s", "controller": True}]}


SUSPEND, AUTOMATED = {"f:suspend": {}}, {"f:syncPolicy": {"f:automated": {"f:prune": {}}}}
CHILD = {"labels": FLUX_LABELS, "managedFields": applied("kustomize-controller", SUSPEND)}
APP_OF_APPS = {"annotations": ROOT_APP, "managedFields": applied("argocd-controller", AUTOMATED)}
BY_LABEL = {"labels": {"app.kubernetes.io/instance": "root"}, "managedFields": applied("argocd-controller", AUTOMATED)}
IN_ROOT = [{"group": "argoproj.io", "kind": "Application", "namespace": "shop", "name": "apps"}]


def parent(name: str, spec: Json, **status: Any) -> Json:
    """What applies the reconciler itself."""
    return {"metadata": {"name": name}, "spec": spec, "status": status}


RUNNING = {"conditions": [{"type": "Reconciling", "status": "True", "reason": "Progressing"}]}
ROOT = parent("root", {"syncPolicy": {"automated": POLICY}})
REFUSED = {
    "a Kustomization whose parent says suspend in Git": (
        "Kustomization",
        CHILD,
        {"kustomizations": parent("all", {"interval": "10m"})},
        "Flux Kustomization flux-system/all sets spec.suspend of Kustomization shop/apps and would put it back; hold that "
        "first: gitOpsHold with target {kind: Kustomization, name: all}, in an incident in namespace flux-system",
    ),
    "a Kustomization whose parent can't be read": ("Kustomization", CHILD, {}, "can't be read (it is not there)"),
    "a HelmRelease of a controller": (
        "HelmRelease",
        {"ownerReferences": [{"kind": "ResourceSet", "name": "shops", "controller": True}]},
        {},
        "is controlled by ResourceSet shops",
    ),
    "an Application of a set": (
        "Application",
        owned_by("all"),
        {"applicationsets": parent("all", {})},
        "ApplicationSet shop/all made Application shop/apps and would put its syncPolicy back at once; let it leave that "
        "alone: set there spec.ignoreApplicationDifferences",
    ),
    "an Application of a set that ignores something else": (
        "Application",
        owned_by("all"),
        {"applicationsets": parent("all", {"ignoreApplicationDifferences": [{"jsonPointers": ["/spec/source"]}]})},
        "ignoreApplicationDifferences",
    ),
    "an Application of a set that ignores it for another": (
        "Application",
        owned_by("all"),
        {
            "applicationsets": parent(
                "all", {"ignoreApplicationDifferences": [{"name": "web", "jsonPointers": ["/spec/syncPolicy"]}]}
            )
        },
        "ignoreApplicationDifferences",
    ),
    "an app of apps that heals": (
        "Application",
        APP_OF_APPS,
        {"applications": ROOT},
        "Argo CD Application argocd/root sets spec.syncPolicy.automated of Application shop/apps and would put it back; "
        "hold that first: gitOpsHold with target {kind: Application, name: root}, in an incident in namespace argocd",
    ),
    "an app of apps that tracks by label": ("Application", BY_LABEL, {"applications": ROOT}, "hold that first"),
    "an app of apps that lists it": (
        "Application",
        {"labels": {"app.kubernetes.io/instance": "root"}},
        {"applications": parent("root", {"syncPolicy": {"automated": POLICY}}, resources=IN_ROOT)},
        "hold that first",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_parent_that_would_set_it_going_again_is_named_with_the_remedy(case: str) -> None:
    """
    Refused in the plan, before any write.
    """
    kind, meta, others, words = REFUSED[case]
    there = held(kind, reconciler(kind, metadata=meta), **others).run(minutes=1)
    assert words in there.record("act").message
    assert there.effects == []
    assert there.secrets == {}


def test_what_a_held_parent_had_begun_is_waited_for() -> None:
    """
    It would still write what it read before it was held; when that run is over, its child is held.
    """
    above = parent("all", {"suspend": True}, **RUNNING)
    there = held("Kustomization", reconciler("Kustomization", metadata=CHILD), kustomizations=above).run(minutes=1)
    assert "what it had begun before is still under way" in there.record("act").message
    assert there.effects == []
    there.objects[("kustomizations", "all")]["status"] = {}
    assert there.run(minutes=1).record("act").state is WishState.DONE


IGNORED = {"ignoreApplicationDifferences": [{"jqPathExpressions": [".spec.syncPolicy"]}]}
ALLOWED = {
    "a parent that does not say suspend": (
        "Kustomization",
        {"labels": FLUX_LABELS, "managedFields": applied("kustomize-controller", {"f:interval": {}})},
        {"kustomizations": parent("all", {"interval": "10m"})},
    ),
    "a parent that is held": ("Kustomization", CHILD, {"kustomizations": parent("all", {"suspend": True})}),
    "itself, as flux bootstrap makes it": (
        "Kustomization",
        {
            "labels": {
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "shop",
            }
        },
        {},
    ),
    "a set that leaves it alone": ("Application", owned_by("all"), {"applicationsets": parent("all", IGNORED)}),
    "a set that only creates": (
        "Application",
        owned_by("all"),
        {"applicationsets": parent("all", {"syncPolicy": {"applicationsSync": "create-only"}})},
    ),
    "an app of apps that does not heal": (
        "Application",
        APP_OF_APPS,
        {"applications": parent("root", {"syncPolicy": {"automated": {"prune": True}}})},
    ),
    "an app of apps that is held": (
        "Application",
        APP_OF_APPS,
        {"applications": parent("root", {"syncPolicy": {"automated": POLICY | {"enabled": False}}})},
    ),
    "a Helm chart of that name": (
        "Application",
        {"labels": {"app.kubernetes.io/instance": "root"}},
        {"applications": parent("root", {"syncPolicy": {"automated": POLICY}}, resources=[])},
    ),
    "a label that means no Application": ("Application", {"labels": {"app.kubernetes.io/instance": "web"}}, {}),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_a_parent_that_leaves_the_field_alone_is_no_hindrance(case: str) -> None:
    """
    Who is told of a danger that is none, stops listening.
    """
    kind, meta, others = ALLOWED[case]
    there = held(kind, reconciler(kind, metadata=meta), **others).run(minutes=1)
    assert there.record("act").state is WishState.DONE, there.record("act").message


def test_a_parent_that_syncs_by_hand_is_told_of_in_the_plan() -> None:
    """
    It holds until somebody syncs the parent.
    """
    _, meta, others = ALLOWED["an app of apps that does not heal"]
    there = held("Application", reconciler("Application", metadata=meta), **others).run(minutes=1)
    assert "argocd/root puts spec.syncPolicy.automated back when it syncs next" in str(there.record("act").warnings)


# --- verified only when it holds -----------------------------------------------------------------------------------------

RETRIES = {"conditions": [{"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"}]}


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("Kustomization", RUNNING, WishState.RUNNING),
        ("Kustomization", RETRIES, WishState.DONE),
        ("Application", {"operationState": {"phase": "Running"}}, WishState.RUNNING),
        ("Application", {"operationState": {"phase": "Succeeded"}}, WishState.DONE),
    ],
)
def test_it_is_verified_only_when_the_run_that_had_begun_is_over(kind: str, status: Json, state: WishState) -> None:
    """
    A run under way is not stopped by it, and still writes; one that failed is over, and its next does not come.
    """
    there = held(kind, reconciler(kind, status=status)).run(minutes=1)
    assert len(there.effects) == 1
    assert there.record("act").state is state, there.record("act").message


def unseen(there: World, kind: str) -> Json:
    """Its controller does not look at what is written."""

    def perform(command: Any) -> Any:
        outcome = World.perform(there, command)
        there.objects[(PLURALS[kind], "apps")]["metadata"]["generation"] = 5
        return outcome

    there.perform = perform
    there.run(minutes=1)
    return there.objects[(PLURALS[kind], "apps")]


def test_a_suspension_that_flux_has_not_seen_is_not_verified() -> None:
    """
    Its controller may be about to begin a run with what it knew.
    """
    there = held("Kustomization", reconciler("Kustomization"))
    obj = unseen(there, "Kustomization")
    assert there.record("act").state is WishState.RUNNING
    obj["status"]["observedGeneration"] = 5
    there.run(minutes=1)
    assert there.record("act").state is WishState.DONE


def test_nothing_is_waited_for_that_may_never_be_said() -> None:
    """
    A Kustomization that is not Ready counts no generation as observed; what helm-controller says was never seen here.
    """
    failing = {"conditions": [{"type": "Ready", "status": "False", "reason": "BuildFailed"}]}
    for kind, status in (("Kustomization", failing), ("HelmRelease", {})):
        there = held(kind, reconciler(kind, status=status))
        unseen(there, kind)
        assert there.record("act").state is WishState.DONE, kind


def test_one_in_another_namespace_is_not_found_and_told_where_to_ask() -> None:
    """
    An incident acts where it lives: who may not write there could not have asked for it.
    """
    there = held("Kustomization", reconciler("Kustomization"))
    there.objects.clear()
    there.run(minutes=1)
    assert "declare one where it is" in there.record("act").message
