"""What Flux or Argo CD would put back is held first, refused, or done with the hour of its end; who pulls is named."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import GOOD, Json, entry, incident, roll_back, scale_to, stamp
from objects import FLUX, HELD, TEMPLATE, managed, steered
from stanch.api.incident_status import WishState
from stanch.api.policy import DEFAULT
from stanch.api.wish import GitOps
from stanch.core.observations import Failed
from stanch.core.questions import Get
from world import CATALOG, World, bad_deploy

HELM = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
TRACKED = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}


def argo(automated: Json | None, wishes: Sequence[Json] = (), **spec: Any) -> World:
    """The same, deployed by Argo CD."""
    there = steered(*wishes, labels={}, manager="argocd-controller")
    there.target["metadata"]["annotations"] |= TRACKED
    policy = {"syncPolicy": {"automated": automated}} if automated is not None else {}
    listed = {"resources": [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout"}]}
    meta = {"name": "shop", "namespace": "argocd", "uid": "app"}
    app = {"metadata": meta, "spec": {**policy, **spec}, "status": listed}
    there.objects[("applications", "shop")] = app
    return there


@pytest.mark.parametrize(("labels", "key"), [(FLUX, HELD), (HELM, "helm.toolkit.fluxcd.io/driftDetection")])
def test_a_hold_comes_first_and_by_itself(labels: Json, key: str) -> None:
    """
    A wish of its own, by the same person, with its own undo and debt; then the rollback.
    """
    there = steered(labels=labels, manager="helm-controller" if labels is HELM else "kustomize-controller").run(
        minutes=1
    )
    assert [c.patch.count(key.replace("/", "~1")) > 0 for c in there.effects] == [True, False]
    assert there.target["metadata"]["labels"][key] == "disabled"
    assert [(r.name, r.state, r.requested_by) for r in there.incident.status.mitigations] == [
        ("hold-roll-back", WishState.DONE, "alice"),
        ("roll-back", WishState.DONE, "alice"),
    ]
    assert [d.name for d in there.incident.status.debt] == ["hold-roll-back"]
    assert there.broken == []


def refusing(there: World) -> World:
    """The policy in force lets nobody change what Git sets."""
    there.catalog = replace(CATALOG, policy=replace(DEFAULT, git_ops=GitOps.REFUSE))
    return there


@pytest.mark.parametrize(
    "there",
    [
        lambda: refusing(steered(roll_back(approvals=1))),
        lambda: steered(roll_back(approvals=1, gitOps="Refuse")),
        lambda: argo({"selfHeal": True}, wishes=[roll_back(approvals=1)]),
    ],
    ids=["the policy refuses", "the wish refuses", "no hold would do"],
)
def test_nobody_is_woken_to_agree_to_what_would_be_refused(there: Callable[[], World]) -> None:
    """
    Refused first; people are asked once it could be done.
    """
    record = there().run(seconds=10).record("roll-back")
    assert ("OwnedByAnother", None) == (record.reason, record.approvals)


def test_a_hold_is_made_once_people_agreed() -> None:
    """
    Not before: what nobody agreed to needs no hold.
    """
    there = steered(roll_back(approvals=1)).run(seconds=10)
    record = there.record("roll-back")
    assert ("ApprovalMissing", 1) == (record.reason, len(there.incident.status.mitigations))
    agreed = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": record.digest}
    there.say(entry("bob", after=timedelta(seconds=12), approve=agreed)).run(minutes=1)
    assert [r.state for r in there.incident.status.mitigations] == [WishState.DONE, WishState.DONE]


def test_what_git_does_not_set_needs_no_hold() -> None:
    """
    A pause by our manager stays (seen with real Flux); holding would only part Git and cluster.
    """
    there = steered({"name": "act", "rolloutPause": {}}).run(minutes=1)
    assert len(there.effects) == 1
    assert HELD not in there.target["metadata"]["labels"]


def test_refuse_and_ignore_are_obeyed() -> None:
    """
    Refuse names who and what to choose; Ignore acts, and says when it will be put back.
    """
    refused = steered(roll_back(gitOps="Refuse")).run(minutes=1)
    assert refused.effects == []
    assert "Flux Kustomization flux-system/apps sets this field" in refused.record("roll-back").message
    ignored = steered(roll_back(gitOps="Ignore"))
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T13:40:00Z"}]
    has = {"inventory": {"entries": [{"id": "shop_checkout_apps_Deployment", "v": "v1"}]}}
    body = {"metadata": {"name": "apps"}, "spec": {"interval": "1h0m0s"}, "status": {"conditions": ready, **has}}
    ignored.objects[("kustomizations", "apps")] = body
    ignored.run(minutes=1)
    assert len(ignored.effects) == 1
    assert "will put it back at 2026-11-21T14:40:00Z" in " ".join(ignored.record("roll-back").warnings)


@pytest.mark.parametrize("there", [True, False], ids=["there", "not there"])
def test_a_label_tells_nothing_of_another_namespace(there: bool) -> None:
    """
    Whoever may label an object could name what they may not read: the words are the same whether it is there or not.
    """
    flux, argo_cd = steered(roll_back(gitOps="Ignore")), argo({"selfHeal": True})
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T13:40:00Z"}]
    body = {"metadata": {"name": "apps"}, "spec": {"interval": "1h0m0s"}, "status": {"conditions": ready}}
    owner = [{"kind": "ApplicationSet", "name": "all"}]
    del argo_cd.objects[("applications", "shop")]["status"]
    argo_cd.objects[("applications", "shop")]["metadata"]["ownerReferences"] = owner
    if there:
        flux.objects[("kustomizations", "apps")] = body
    else:
        del argo_cd.objects[("applications", "shop")]
    warned = " ".join(flux.run(minutes=1).record("roll-back").warnings)
    assert "Flux Kustomization flux-system/apps will put it back at its next run" in warned
    refused = argo_cd.run(minutes=1).record("roll-back")
    assert refused.message == (
        "Deployment shop/checkout says that Argo CD Application argocd/shop steers it, and no Application of that name that "
        "stanch can read lists it. Correct the annotation, let stanch get applications.argoproj.io there, or set gitOps: Ignore"
    )
    assert argo_cd.effects == []


def test_of_ones_own_namespace_is_told_what_is_so() -> None:
    """
    Who declares an incident there sees it anyway, whatever is in the list.
    """
    there = argo({"selfHeal": True})
    app = there.objects[("applications", "shop")]
    app["metadata"]["namespace"] = "shop"
    del app["status"]
    there.target["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = (
        "shop_shop:apps/Deployment:shop/checkout"
    )
    assert "has selfHeal on" in there.run(minutes=1).record("roll-back").message


def test_the_policy_chooses_for_a_wish_that_does_not() -> None:
    """
    Ignore in the policy acts without a hold; a wish that says Hold is still obeyed.
    """
    ignored, held = steered(roll_back()), steered(roll_back(gitOps="Hold"))
    for there in (ignored, held):
        there.catalog = replace(CATALOG, policy=replace(DEFAULT, git_ops=GitOps.IGNORE))
        there.run(minutes=1)
    assert [len(ignored.effects), len(held.effects)] == [1, 2]


def test_a_policy_that_refuses_is_not_overruled_by_a_wish() -> None:
    """
    guardrails.gitOps: Refuse holds for everybody; the message says that Git is the way.
    """
    for chosen in ({}, {"gitOps": "Ignore"}, {"gitOps": "Hold"}):
        there = steered(roll_back(**chosen))
        there.catalog = replace(CATALOG, policy=replace(DEFAULT, git_ops=GitOps.REFUSE))
        there.run(minutes=1)
        assert there.effects == []
        assert "guardrails.gitOps: Refuse, so change it in Git" in there.record("roll-back").message


def test_a_hold_is_lifted_only_when_asked_and_leaves_no_trace() -> None:
    """
    The label goes, and nothing else; the rollback stays.
    """
    there = steered().run(minutes=1)
    image = there.image
    there.say(entry("alice", undo={"mitigation": "hold-roll-back"})).run(minutes=1)
    assert HELD not in there.target["metadata"]["labels"]
    assert there.image == image
    assert there.incident.status.debt is None


def sized(*before: Json) -> World:
    """More pods of a good release, chosen to go back when it is resolved; Flux says how many there are."""
    there = steered(*before, scale_to(4, revert="OnResolved"), fields={"f:spec": {"f:replicas": {}}})
    there.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    there.settle()
    return there


def test_holds_are_lifted_after_what_they_hold() -> None:
    """
    revert: OnResolved takes the size back first, or Flux would do so a second before.
    """
    there = sized().run(minutes=10)
    assert there.record("hold-size").state is WishState.UNDONE
    assert there.record("size").state is WishState.UNDONE
    undone = [line.text for line in there.incident.status.timeline if line.kind == "MitigationUndone"]
    assert undone[0].startswith("size")
    assert undone[1].startswith("hold-size")


def test_a_hold_that_a_person_asked_for_is_lifted_last_too() -> None:
    """
    Asked for first, and so first in the record: lifted before the size is undone, Flux would undo that.
    """
    freeze = {"name": "freeze", "gitOpsHold": {}, "revert": "OnResolved", "when": "Always"}
    there = sized(freeze).run(minutes=10)
    undone = [line.text for line in there.incident.status.timeline if line.kind == "MitigationUndone"]
    assert [text.split(":")[0] for text in undone] == ["size", "freeze"]
    alone = steered(freeze, roll_back()).run(minutes=10)
    assert alone.record("freeze").state is WishState.UNDONE
    assert alone.record("roll-back").state is WishState.DONE


def test_a_hold_asks_the_same_persons_right() -> None:
    """
    Nobody gets more power by it: the review before the effect is about alice and her groups.
    """
    there = steered()
    asked = []
    there.may = lambda q: asked.append((q.username, q.groups)) or True
    there.run(minutes=1)
    assert set(asked) == {("alice", ("system:authenticated",))}


@pytest.mark.parametrize(
    ("automated", "more", "words"),
    [
        ({"selfHeal": True}, {}, "has selfHeal on and would put Deployment shop/checkout back within seconds"),
        ({"prune": True}, {}, ""),
        (None, {}, ""),
        ({"selfHeal": True, "enabled": False}, {}, ""),
    ],
)
def test_argo_cd_is_refused_only_where_it_heals(automated: Json | None, more: Json, words: str) -> None:
    """
    Without self-heal a live change stays until the next commit.
    """
    there = argo(automated, **more).run(minutes=1)
    assert len(there.effects) == (0 if words else 1)
    assert words in (there.record("roll-back").message or "")


def test_an_application_of_a_set_says_what_its_set_needs() -> None:
    """
    A change of syncPolicy on it would have no effect.
    """
    there = argo({"selfHeal": True})
    owner = [{"kind": "ApplicationSet", "name": "all"}]
    there.objects[("applications", "shop")]["metadata"]["ownerReferences"] = owner
    there.run(minutes=1)
    assert "ApplicationSet all" in there.record("roll-back").message
    assert "ignoreApplicationDifferences" in there.record("roll-back").message


def test_a_copied_tracking_id_is_nobodys() -> None:
    """
    The id must name this very object.
    """
    there = argo({"selfHeal": True})
    there.target["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:apps/Deployment:shop/other"
    assert len(there.run(minutes=1).effects) == 1


def test_an_argo_refusal_names_the_hold_and_where_to_ask_for_it() -> None:
    """
    The planner never holds a whole Application by itself.
    """
    there = argo({"selfHeal": True}).run(minutes=1)
    assert there.effects == []
    assert [r.name for r in there.incident.status.mitigations] == ["roll-back"]
    words = "gitOpsHold with target {kind: Application, name: shop}, in an incident in namespace argocd"
    assert words in there.record("roll-back").message
    there.objects[("applications", "shop")]["spec"]["syncPolicy"]["automated"]["enabled"] = False
    there.run(minutes=1)
    assert there.record("roll-back").state is WishState.DONE


@pytest.mark.parametrize("instance", ["shop", "shop_shop"], ids=["in argocd", "beside it"])
@pytest.mark.parametrize("lists", [True, False])
def test_an_object_tracked_by_label_is_its_applications_only_when_that_lists_it(lists: bool, instance: str) -> None:
    """
    Argo CD 2.x tracks by the label that every Helm chart sets too.
    """
    there = argo({"selfHeal": True})
    meta = there.target["metadata"]
    meta["annotations"].pop("argocd.argoproj.io/tracking-id")
    meta["labels"]["app.kubernetes.io/instance"] = instance
    meta["managedFields"] = []
    found = [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout"}] if lists else []
    there.objects[("applications", "shop")]["status"] = {"resources": found}
    there.run(minutes=1)
    assert len(there.effects) == (0 if lists else 1)


def test_a_helm_chart_is_not_held_up_where_argo_cd_can_not_be_read() -> None:
    """
    Without the role, or without Argo CD, the label of a chart proves nothing; a tracking id does.
    """
    forbidden = Failed(403, "forbidden")
    for tracked, effects in ((False, 1), (True, 0)):
        there = argo({"selfHeal": True})
        if not tracked:
            there.target["metadata"]["annotations"].pop("argocd.argoproj.io/tracking-id")
            there.target["metadata"]["labels"]["app.kubernetes.io/instance"] = "shop"
            there.target["metadata"]["managedFields"] = []
        answer = there.answer
        there.answer = lambda q, answer=answer: (
            forbidden if isinstance(q, Get) and q.ref.plural == "applications" else answer(q)
        )
        assert len(there.run(minutes=1).effects) == effects


def test_a_rollback_under_a_held_application_goes_on_by_itself() -> None:
    """
    Held by its people meanwhile, the wish that waited is done, once.
    """
    there = argo({"selfHeal": True})
    there.incident = incident(roll_back(), recovery={"hold": "30s"})
    there.run(seconds=30)
    assert there.record("roll-back").state is WishState.HELD
    there.objects[("applications", "shop")]["spec"]["syncPolicy"].pop("automated")
    there.run(minutes=1)
    assert len(there.effects) == 1


# --- after the effect ------------------------------------------------------------------------------------------------


def put_back(there: World, before: Json) -> None:
    """Flux puts back what Git says."""
    there.target["spec"]["template"] = copy.deepcopy(before)
    there.target["metadata"]["managedFields"] = [
        {**managed("kustomize-controller", TEMPLATE)[0], "time": stamp(there.now)},
        {"manager": "kube-controller-manager", "fieldsV1": {"f:metadata": {}}, "time": stamp(there.now + timedelta(1))},
    ]


def test_who_puts_it_back_is_named_and_it_is_not_done_again() -> None:
    """
    The field's owner is named, not whoever touched the object last.
    """
    there = steered(roll_back(gitOps="Ignore"), hold="2h")
    before = there.target["spec"]["template"]
    there.run(minutes=1)
    put_back(there, before)
    there.run(minutes=1)
    assert len(there.effects) == 1
    assert "kustomize-controller changed Deployment shop/checkout after stanch did" in str(
        there.incident.status.timeline
    )
    assert there.condition("Contested") == "True ChangedAgain"


def test_a_tug_of_war_stops_what_would_start() -> None:
    """
    Twice in ten minutes: stanch starts nothing on that target, and says who pulls.
    """
    there = steered(roll_back(gitOps="Ignore"), hold="2h")
    bad = copy.deepcopy(there.target["spec"]["template"])
    there.run(minutes=1)
    good = copy.deepcopy(there.target["spec"]["template"])
    for template in (bad, good, bad):
        put_back(there, template)
        there.run(minutes=1)
    assert there.condition("Contested") == "True TugOfWar"
    pause = {"name": "stop", "target": {"kind": "Deployment", "name": "checkout"}, "rolloutPause": {}, "when": "Always"}
    there.say(entry("alice", after=there.now - there.incident.declared, mitigate=pause)).run(minutes=1)
    assert len(there.effects) == 1
    assert "back and forth" in there.record("stop").message


def test_in_a_tug_of_war_nothing_is_called_over() -> None:
    """
    All criteria hold, until the next who writes; calm for as long as a tug of war is remembered, it is over.
    """
    there = steered(roll_back(gitOps="Ignore"), hold="5m")
    bad = copy.deepcopy(there.target["spec"]["template"])
    there.run(minutes=1)
    good = copy.deepcopy(there.target["spec"]["template"])
    for template in (bad, good, bad, good):
        put_back(there, template)
        there.run(seconds=30)
    there.run(minutes=7)
    assert ("True TugOfWar", "True CriteriaPassing", "False Contested") == (
        there.condition("Contested"),
        there.condition("Mitigated"),
        there.condition("Resolved"),
    )
    assert ("True Held", []) == (there.run(minutes=20).condition("Resolved"), there.broken)


def test_a_hold_can_be_asked_for_by_itself() -> None:
    """
    And does nothing where nobody steers.
    """
    asked = {"name": "freeze", "gitOpsHold": {}}
    there = steered(asked).run(minutes=1)
    assert there.target["metadata"]["labels"][HELD] == "disabled"
    assert there.record("freeze").effect is None
    free = bad_deploy(incident(asked)).run(minutes=1)
    assert free.effects == []
    assert "Nobody steers" in free.record("freeze").message
    tracked = argo({"selfHeal": True})
    tracked.incident = incident(asked)
    assert "suspend its automated sync" in tracked.run(minutes=1).record("freeze").message


def test_what_somebody_put_back_is_owed_by_nobody() -> None:
    """
    A debt is for what still stands; the record keeps who ended it.
    """
    there = steered({"name": "stop", "rolloutPause": {}}, hold="2h").run(minutes=1)
    assert [d.name for d in there.incident.status.debt] == ["stop"]
    there.target["spec"].pop("paused")
    there.run(minutes=1)
    assert there.incident.status.debt is None


def test_a_name_that_somebody_uses_is_not_taken_for_the_hold() -> None:
    """
    A wish of a person is no hold, whatever it is called.
    """
    mine = {"name": "hold-roll-back", "scale": {"replicas": 3}, "when": "Always"}
    there = steered(roll_back(), mine).run(minutes=1)
    assert there.target["metadata"]["labels"][HELD] == "disabled"
    assert there.record("roll-back").state is WishState.DONE


def test_a_hold_that_waits_for_people_is_not_looked_at_all_the_time() -> None:
    """
    Twenty looks a second for an hour would be the next incident.
    """
    there = steered()
    machine = "system:serviceaccount:ci:bot"
    there.incident = incident(roll_back(), by=machine)
    there.run(seconds=5)
    digest = there.record("roll-back").digest
    there.say(entry("bob", approve={"mitigation": "roll-back", "action": "rolloutUndo", "digest": digest})).run(
        seconds=5
    )
    assert there.record("hold-roll-back").state is WishState.HELD
    wake = there.look().wake_at
    assert wake is not None
    assert wake > there.now


def test_a_manager_without_a_name_is_somebody() -> None:
    """
    A client with an empty User-Agent leaves none.
    """
    there = steered(roll_back(gitOps="Ignore"), hold="2h")
    before = copy.deepcopy(there.target["spec"]["template"])
    there.run(minutes=1)
    there.target["spec"]["template"] = before
    there.target["metadata"]["managedFields"] = [
        {"operation": "Update", "fieldsV1": TEMPLATE, "time": stamp(there.now)}
    ]
    there.run(minutes=1)
    assert "somebody changed" in str(there.incident.status.timeline)
