"""What changed in the last hour: found, dated rightly, and ranked with reasons."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.changing import (
    KEY,
    NOON,
    ago,
    checkout,
    dates,
    event,
    failing,
    findings,
    observed,
    replicaset,
    serving,
    suspects,
    wrote,
)
from evidence.sample import SHOP, capture, files, listed
from stanch.core import asking
from stanch.core.observations import Failed, Found, NotFound, Observations
from stanch.core.ports import Aim, Stage
from stanch.evidence.bundle import bundle
from stanch.evidence.changes import look
from stanch.evidence.changes.sources import questions, reconcilers
from stanch.evidence.scene import Scene
from stanch.evidence.suspects import what_changed

OLD = replicaset("old", 1, "shop/checkout:1.8.2", ago(days=9))
NEW = replicaset("new", 2, "shop/checkout:1.8.3", ago(minutes=6))
BROKEN = [failing(f"bad-{n}", ago(minutes=4, seconds=30)) for n in range(6)]
WELL = [serving(f"well-{n}") for n in range(2)]
ENV = {"spec": {"containers": [{"name": "app", "envFrom": [{"configMapRef": {"name": "flags"}}]}]}}
FILES = {"spec": {"volumes": [{"name": "f", "configMap": {"name": "flags"}}], "containers": [{"name": "app"}]}}
WITH_SECRET = {"spec": {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "db"}}]}]}}


def flags(*entries, **data):
    """ConfigMap ``flags``."""
    meta = {"name": "flags", "namespace": "shop", "creationTimestamp": ago(days=30), "managedFields": list(entries)}
    return Found({"metadata": meta, "data": data})


def test_the_new_template_whose_pods_fail_is_the_first_suspect_with_its_reasons():
    """What a person would look for first, with the numbers that make it likely."""
    target = checkout(wrote("kubectl-client-side-apply", ago(minutes=6), "spec.template"))
    (first,) = findings(*BROKEN, *WELL, target=target, replicasets=listed(OLD, NEW)).ranked
    expected = (
        "Deployment checkout: template new rolled out (containers[app].image: shop/checkout:1.8.2 -> shop/checkout:1.8.3)"
        " by kubectl-client-side-apply 90s before the first failure; 6 of 6 pods with it fail, 0 of 2 without"
    )
    assert expected == first.text
    assert ("rollout-2", "rolloutUndo") == (first.change.name, first.change.suggests)
    assert first.score > 75


def test_a_change_long_after_the_first_failure_is_an_effect_and_not_the_cause():
    """Somebody rolled something out to help; that is not what broke it."""
    late = replicaset("new", 2, "shop/checkout:1.8.3", ago(minutes=1))
    early = suspects(*BROKEN, *WELL, replicasets=listed(OLD, NEW))["rollout-2"]
    assert suspects(*BROKEN, *WELL, replicasets=listed(OLD, late))["rollout-2"] < early / 5


def test_of_two_changes_the_one_that_the_pods_tell_of_comes_first():
    """A Service written a moment before is nearer in time; the pods say that it is the node."""
    sick = [failing(f"a{n}", ago(minutes=4), "old", node="n7") for n in range(4)]
    fine = [serving(f"b{n}", node="n1") for n in range(8)]
    node = {
        "metadata": {"name": "n7", "creationTimestamp": ago(days=90)},
        "spec": {},
        "status": {
            "conditions": [
                {"type": "MemoryPressure", "status": "True", "lastTransitionTime": ago(minutes=9), "reason": "Low"}
            ]
        },
    }
    service = {
        "metadata": {"name": "checkout", "managedFields": [wrote("alice", ago(minutes=5), "spec.selector")]},
        "spec": {"selector": {"app": "checkout"}},
    }
    found = suspects(*sick, *fine, replicasets=listed(OLD), nodes_n7=Found(node), services=listed(service))
    assert ["node-n7", "service-checkout"] == list(found)


def test_of_two_targets_each_has_its_own_suspect():
    """Both were rolled out, both are at their second revision: neither hides the other."""
    seen = observed(*BROKEN, *WELL, replicasets=listed(OLD, NEW))
    other = Aim(SHOP.kind, "payments", "shop")
    answers = {**seen.answers, asking.target_of(other): Found(checkout(name="payments"))}
    scenes = tuple(Scene(aim, Observations(answers)) for aim in (SHOP, other))
    names = [each.change.name for each in look(scenes, Observations(answers), NOON, KEY).ranked]
    assert {"rollout-checkout-2", "rollout-payments-2"} == set(names)


def test_nothing_that_is_older_than_six_hours_and_nothing_of_ours_is_suspected():
    """Yesterday's deploy is no news, and what stanch did is on its own record."""
    entry = wrote("stanch", ago(minutes=6), "spec.template")
    found = findings(*BROKEN, *WELL, target=checkout(entry), replicasets=listed(OLD, NEW))
    assert () == found.ranked
    assert [True] == [c.ours for c in found.changes.found]
    older = replicaset("new", 2, "shop/checkout:1.8.3", ago(hours=7))
    assert {} == suspects(*BROKEN, *WELL, replicasets=listed(OLD, older))


@pytest.mark.parametrize(
    ("template", "started", "likely"),
    [
        (FILES, ago(days=1), True),
        (ENV, ago(days=1), False),
        (ENV, ago(minutes=5), True),
    ],
    ids=["files follow by themselves", "environment waits for a restart", "environment after a restart"],
)
def test_a_config_change_counts_where_a_pod_has_taken_it_in(template, started, likely):
    """A ConfigMap in the environment changes nothing until a container starts."""
    sick = [failing(f"a{n}", ago(minutes=4), "old", started=started) for n in range(2)]
    for each in sick:
        each["status"]["containerStatuses"][0]["lastState"]["terminated"]["startedAt"] = started
    written = flags(wrote("alice", ago(minutes=6), "data.recommendations"), recommendations="on")
    found = findings(*sick, target=checkout(template=template), replicasets=listed(OLD), configmaps_flags=written)
    (first,) = found.ranked
    assert "configmap-flags" == first.change.name
    assert likely == first.change.effective == ("none has it yet" not in first.text)
    assert "keys of that writer: recommendations" in first.text


def test_what_is_in_use_is_listed_with_a_digest_and_never_a_value():
    """Equal content has equal digests, so that two bundles can be compared; of a Secret only its version is known."""
    entry = wrote("alice", ago(days=6), "data.a")

    def used(**data):
        found = findings(target=checkout(template=ENV), configmaps_flags=flags(entry, **data))
        assert "hunter2" not in str(found)
        return found.changes.used[0].digest

    assert used(a="hunter2") == used(a="hunter2") != used(a="other")
    secret = {"metadata": {"name": "db", "resourceVersion": "77", "managedFields": [entry]}}
    (found,) = findings(target=checkout(template=WITH_SECRET), secrets=listed(secret)).changes.used
    assert ("Secret", "db", "version 77") == (found.kind, found.name, found.digest)


def test_secrets_that_may_not_be_listed_are_said_to_be_unread():
    """Nothing changed and nobody could look are two things."""
    refused = Failed(403, "secrets is forbidden")
    seen = observed(target=checkout(template=WITH_SECRET), secrets=refused)
    told = what_changed((Scene(SHOP, seen),), seen, None, NOON, KEY)
    assert any(each.startswith("Secrets in use: forbidden") for each in told.record.unread)
    assert "Services" in told.record.nothing_in


def test_secrets_are_not_asked_for_where_none_is_in_use():
    """A request that would be refused on every cluster is noise in everybody's audit log."""
    asked = {q.ref.plural for q in observed(target=checkout(template=ENV)).answers}
    assert "secrets" not in asked


# --- dating ----------------------------------------------------------------------------------------------------------


def test_going_back_makes_no_replicaset_so_the_write_of_the_template_dates_it():
    """The old ReplicaSet is nine days old; it was taken up again six minutes ago."""
    back = replicaset("old", 3, "shop/checkout:1.8.2", ago(days=9))
    other = replicaset("new", 2, "shop/checkout:1.8.3", ago(days=1))
    target = checkout(wrote("kubectl-rollout", ago(minutes=6), "spec.template"))
    found = findings(*BROKEN, target=target, replicasets=listed(other, back))
    assert {"rollout-3": ("11:54:00", "managedFields")} == dates(found)
    assert "taken up again" in found.changes.found[0].text


def test_without_managed_fields_the_first_event_of_the_replicaset_dates_going_back():
    """The count of an event moves on; when it was first seen does not."""
    back = replicaset("old", 3, "shop/checkout:1.8.2", ago(days=9))
    other = replicaset("new", 2, "shop/checkout:1.8.3", ago(days=1))
    up = event("ScalingReplicaSet", "Scaled up replica set checkout-old from 0 to 1", ago(minutes=7), ago(minutes=2))
    found = findings(replicasets=listed(other, back), events=listed(up))
    assert ("11:53:00", "event ScalingReplicaSet") == dates(found)["rollout-3"]


def test_a_write_through_scale_has_no_time_so_the_event_dates_it():
    """Seen on 1.36: the entry of managedFields with subresource scale carries no time."""
    entries = [
        wrote("helm", ago(days=3), "spec.template"),
        wrote("kubectl", None, "spec.replicas", subresource="scale"),
    ]
    down = event("ScalingReplicaSet", "Scaled down replica set checkout-old from 5 to 2", ago(minutes=8))
    found = findings(target=checkout(*entries), replicasets=listed(OLD), events=listed(down))
    assert {"scale-checkout": ("11:52:00", "event ScalingReplicaSet")} == dates(found)
    (change,) = found.changes.found
    assert ("scaled from 5 to 2", "kubectl", "scale") == (change.text, change.by, change.suggests)


def test_scaled_without_an_event_it_is_dated_by_the_replicaset_that_followed_or_not_at_all():
    """Events live for an hour; a time that nobody kept is not made up."""
    target = checkout(wrote("kubectl", None, "spec.replicas", subresource="scale"))
    followed = replicaset(
        "old", 1, "shop/checkout:1.8.2", ago(days=9), wrote("kube-controller-manager", ago(minutes=8), "spec.replicas")
    )
    assert "11:52:00" == dates(findings(target=target, replicasets=listed(followed)))["scale-checkout"][0]
    found = findings(target=target, replicasets=listed(OLD))
    assert "-" == dates(found)["scale-checkout"][0]
    assert () == found.ranked
    assert "nobody can tell when" in str(found)


def test_what_a_rollout_does_to_two_replicasets_is_not_called_scaling():
    """Up there and down here is one release."""
    events = [
        event("ScalingReplicaSet", "Scaled up replica set checkout-new from 1 to 2", ago(minutes=5)),
        event("ScalingReplicaSet", "Scaled down replica set checkout-old from 3 to 2", ago(minutes=5, seconds=2)),
    ]
    assert {"rollout-2"} == set(dates(findings(replicasets=listed(OLD, NEW), events=listed(*events))))


def test_an_autoscaler_that_scaled_is_named():
    """A Deployment that shrinks by itself was shrunk by somebody's rule."""
    scaler = {
        "metadata": {"name": "checkout", "creationTimestamp": ago(days=9), "generation": 1},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}, "maxReplicas": 9},
        "status": {"lastScaleTime": ago(minutes=8)},
    }
    down = event("ScalingReplicaSet", "Scaled down replica set checkout-old from 5 to 2", ago(minutes=8))
    found = findings(replicasets=listed(OLD), events=listed(down), horizontalpodautoscalers=listed(scaler))
    assert ["HorizontalPodAutoscaler checkout"] == [c.by for c in found.changes.found]


def test_a_write_without_a_time_is_between_its_neighbours_by_resource_version():
    """One etcd: what was written between two dated writes happened between their times."""
    written = flags(wrote("odd-tool", None, "data.a"))
    written.value["metadata"]["resourceVersion"] = "500"
    pods = [serving("a"), serving("b")]
    for each, version, time in zip(pods, ("400", "600"), (ago(minutes=9), ago(minutes=7)), strict=True):
        kubelet = wrote("kubelet", time, "status", subresource="status")
        each["metadata"] |= {"resourceVersion": version, "managedFields": [kubelet]}
    found = findings(*pods, target=checkout(template=FILES), replicasets=listed(OLD), configmaps_flags=written)
    assert ("11:51:00", "resourceVersion: between 11:51:00Z and 11:53:00Z") == dates(found)["configmap-flags"]


def test_a_write_that_nobody_made_since_is_as_old_as_the_object():
    """Labels written now don't make the data new."""
    written = flags(wrote("helm", ago(days=30), "data.a"), wrote("labeler", ago(minutes=5), "metadata.labels"))
    assert {} == dates(findings(target=checkout(template=FILES), configmaps_flags=written))


def test_fractions_of_a_second_put_nothing_after_its_own_effect():
    """managedFields cut to whole seconds, events don't: in one second there is no order."""
    sick = failing("a", ago(minutes=5))
    first = event("BackOff", "back-off", "2026-11-21T11:54:00.750000Z", uid="uid-a")
    early = replicaset("new", 2, "shop/checkout:1.8.3", ago(minutes=6))
    (only,) = findings(sick, replicasets=listed(OLD, early), events=listed(first)).ranked
    assert "at the time of the first failure" in only.text


def test_a_pod_that_has_failed_for_hours_in_its_own_way_does_not_move_the_beginning():
    """Else what broke the others would seem to have come afterwards."""
    chronic = failing("chronic", ago(hours=5), "old")
    chronic["status"]["containerStatuses"][0]["lastState"]["terminated"] |= {"exitCode": 137, "reason": "OOMKilled"}
    assert findings(*BROKEN, chronic, replicasets=listed(OLD, NEW)).began.time.strftime("%H:%M:%S") == "11:55:30"


# --- who deployed ----------------------------------------------------------------------------------------------------


LISTED_BY_ARGO = {"resources": [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout"}]}
LISTED_BY_FLUX = {"inventory": {"entries": [{"id": "shop_checkout_apps_Deployment", "v": "v1"}]}}
TRACKED = {"argocd.argoproj.io/tracking-id": "checkout:apps/Deployment:shop/checkout"}
BY_FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
BY_CHART = {"app.kubernetes.io/instance": "checkout"}


def part_b(seen: Observations):
    """The rest of a capture at noon, with room for all."""
    return bundle(capture(seen, captured_time=NOON, stage=Stage.REST))


def argo(started: str) -> Found:
    """Application ``argocd/checkout`` that synced then."""
    history = {
        "id": 7,
        "revision": "0123456789abcdef",
        "deployStartedAt": started,
        "initiatedBy": {"username": "alice"},
    }
    return Found(
        {"metadata": {"name": "checkout", "namespace": "argocd"}, "status": {"history": [history], **LISTED_BY_ARGO}}
    )


def test_a_deploy_that_argo_cd_tells_too_is_one_suspect():
    """One release seen from two sides; the side that knows the commit lends its words."""
    target = checkout(annotations=TRACKED)
    answers = {"applications_checkout": argo(ago(minutes=7)), "replicasets": listed(OLD, NEW)}
    (only,) = findings(*BROKEN, *WELL, target=target, **answers).ranked
    assert "Argo CD Application checkout synced revision 0123456789ab by alice" in only.text
    answers["applications_checkout"] = argo(ago(minutes=20))
    found = suspects(*BROKEN, *WELL, target=target, **answers)
    assert {"rollout-2", "argo-checkout-7"} == set(found)


def test_helm_and_flux_are_told_by_their_own_history():
    """A revision's Secret was made when it was deployed; a Kustomization keeps what it applied."""
    target = checkout(labels=BY_FLUX, annotations={"meta.helm.sh/release-name": "shop"})
    release = {
        "metadata": {
            "name": "sh.helm.release.v1.shop.v12",
            "creationTimestamp": ago(minutes=30),
            "labels": {"owner": "helm", "name": "shop", "version": "12", "status": "deployed"},
        }
    }
    history = [
        {"firstReconciled": ago(minutes=40), "metadata": {"revision": "main@sha1:abc"}, "lastReconciledStatus": "Ready"}
    ]
    applied = {
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "status": {"history": history, **LISTED_BY_FLUX},
    }
    found = dates(findings(target=target, secrets=listed(release), kustomizations_apps=Found(applied)))
    assert {"helm-shop-12": ("11:30:00", "creationTimestamp"), "flux-apps-0": ("11:20:00", "status.history")} == found


def steering(where: str, **status: Any) -> Found:
    """Somebody's object named like the mark, with a history and what it is given."""
    revision = {"metadata": {"revision": "main@sha1:abc"}, "revision": "abc", "id": 1}
    history = [{"firstReconciled": ago(minutes=4), "deployStartedAt": ago(minutes=4), **revision}]
    meta = {"name": "apps", "namespace": where}
    return Found({"metadata": meta, "spec": {"path": "./others"}, "status": {"history": history, **status}})


@pytest.mark.parametrize(
    ("marks", "path", "mine"),
    [
        ({"labels": BY_FLUX}, "kustomizations/flux-system/apps", LISTED_BY_FLUX),
        ({"annotations": TRACKED}, "applications/argocd/checkout", LISTED_BY_ARGO),
        ({"labels": BY_CHART}, "applications/argocd/checkout", LISTED_BY_ARGO),
    ],
    ids=["Flux", "Argo CD", "a guess"],
)
def test_a_mark_that_a_tenant_writes_shows_nothing_of_another_namespace(marks, path, mine):
    """Kept only where it lists the target; whether it is there at all is not told either."""
    plural, where, name = path.split("/")
    seen, told = {}, {}
    for case, answer in {"listed": steering(where, **mine), "other": steering(where), "none": NotFound()}.items():
        world = observed(*BROKEN, target=checkout(**marks), **{f"{plural}_{name}": answer})
        made = part_b(world)
        seen[case] = b"".join(files(made).values())
        why = {m.name: (m.reason, m.message) for m in made.missing}
        told[case] = f"{path}.json" in files(made), why.get(f"{path}.json")
    assert b"./others" in seen["listed"]
    assert seen["other"] == seen["none"]
    lacks = None if marks == {"labels": BY_CHART} else ("Forbidden", "it does not list the target")
    assert {"listed": (True, None), "other": (False, lacks), "none": (False, lacks)} == told


BY_HELM_CONTROLLER = {"helm.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/namespace": "flux-system"}
OF_RELEASE = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}


def releasing(name: str = "web", namespace: str = "shop") -> Found:
    """A HelmRelease of another namespace that lists no objects: its history says which release it keeps, and where."""
    history = [{"name": name, "namespace": namespace, "version": 3, "chartVersion": "1.8.4", "status": "deployed"}]
    meta = {"name": "apps", "namespace": "flux-system"}
    status = {"history": [{**each, "firstDeployed": ago(minutes=4)} for each in history]}
    return Found({"metadata": meta, "spec": {"chart": "./others", "values": {"password": "x"}}, "status": status})


@pytest.mark.parametrize(
    ("annotations", "answer", "kept"),
    [
        (OF_RELEASE, releasing(), True),
        (OF_RELEASE, releasing(name="db"), False),
        (OF_RELEASE, releasing(namespace="billing"), False),
        ({**OF_RELEASE, "meta.helm.sh/release-namespace": "billing"}, releasing(namespace="billing"), False),
        ({}, releasing(name="", namespace="shop"), False),
        (OF_RELEASE, NotFound(), False),
    ],
    ids=[
        "the target's release",
        "another release",
        "released elsewhere",
        "says it is from elsewhere",
        "no Helm",
        "none",
    ],
)
def test_a_helm_release_of_another_namespace_is_kept_for_the_release_of_the_target(annotations, answer, kept):
    """It need not have an inventory; what a tenant writes on the target shows nothing of releases in other namespaces."""
    target = checkout(labels=BY_HELM_CONTROLLER, annotations=annotations)
    world = observed(*BROKEN, target=target, helmreleases_apps=answer)
    made = part_b(world)
    path = "helmreleases/flux-system/apps.json"
    assert kept == (path in files(made))
    assert kept == (b"applied 1.8.4" in files(made)["changes.txt"])
    lacking = {m.name: (m.reason, m.message) for m in made.missing}
    assert (None if kept else ("Forbidden", "it does not list the target")) == lacking.get(path)


def test_what_is_beside_the_target_needs_no_proof():
    """Who reads the incident may read it anyway."""
    marks = {"labels": BY_FLUX | {"kustomize.toolkit.fluxcd.io/namespace": "shop"}}
    made = part_b(observed(*BROKEN, target=checkout(**marks), kustomizations_apps=steering("shop")))
    assert b"./others" in files(made)["kustomizations/shop/apps.json"]


@pytest.mark.parametrize(
    "marks",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "argocd_:apps/Deployment:shop/checkout"}},
        {"labels": {"app.kubernetes.io/instance": "argocd_"}},
    ],
    ids=["tracking id", "label"],
)
def test_a_mark_without_a_name_asks_for_nothing(marks):
    """A Get of no name is a list of all of them."""
    scene = Scene(SHOP, observed(target=checkout(**marks)))
    assert () == reconcilers(scene)


def test_what_all_of_the_cluster_shares_is_looked_at_too():
    """DNS that was rolled out, a webhook that was installed."""
    dns = {
        "metadata": {
            "name": "coredns",
            "namespace": "kube-system",
            "managedFields": [wrote("eks", ago(minutes=5), "spec")],
        }
    }
    hook = {"metadata": {"name": "guard", "managedFields": [wrote("helm", ago(minutes=9), "webhooks")]}}
    found = suspects(*BROKEN, system_deployments=listed(dns), mutatingwebhookconfigurations=listed(hook))
    assert ["deployment-coredns", "mutatingwebhookconfiguration-guard"] == list(found)


# --- in all cases ----------------------------------------------------------------------------------------------------


def test_it_is_a_file_of_the_bundle_and_says_what_was_not_asked():
    """Weeks later the archive alone has to tell."""
    seen = observed(*BROKEN, *WELL, replicasets=listed(OLD, NEW))
    kept = files(bundle(capture(seen, captured_time=NOON)))["changes.txt"].decode()
    assert "Suspects, likeliest first" in kept
    assert "rolled out" in kept
    lean = Observations({q: a for q, a in seen.answers.items() if q.ref.plural not in ("ingresses", "networkpolicies")})
    kept = files(bundle(capture(lean, captured_time=NOON)))["changes.txt"].decode()
    assert "not asked: an effect did not wait for it" in kept


def test_no_secret_gets_into_a_suspect():
    """Incidents are read by many; a token in an image's name or a manager's is masked, and env values are not shown."""
    new = replicaset("new", 2, "shop/checkout:1.8.3", ago(minutes=6), DB_PASSWORD="hunter2-very-secret")
    target = checkout(wrote("token=ghp_0123456789abcdefghij0123456789abcdef", ago(minutes=6), "spec.template"))
    seen = observed(*BROKEN, *WELL, target=target, replicasets=listed(OLD, new))
    told = what_changed((Scene(SHOP, seen),), seen, None, NOON, KEY)
    assert "hunter2" not in str(told)
    assert "ghp_" not in str(told)
    assert b"hunter2" not in b"".join(files(bundle(capture(seen))).values())


def test_a_target_that_could_not_be_read_is_no_news():
    """Nothing is known, which is not the same as nothing changed."""
    assert what_changed((Scene(SHOP, Observations()),), Observations(), None, NOON, KEY) is None


def test_the_order_of_answers_does_not_matter():
    """Planning is repeatable: the same world, the same suspects."""
    pods, sets = [*BROKEN, *WELL], [OLD, NEW]
    first = findings(*pods, replicasets=listed(*sets))
    for seed in range(5):
        random.Random(seed).shuffle(pods)
        again = findings(*pods, replicasets=listed(*sets[::-1]))
        assert str(first) == str(again)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "x", "2026-11-21T11:59:00Z", "2026-13-01", "7"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "status", "managedFields", "time", "name", "template", "containers", "history"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data"]), JSON), st.data())
def test_whatever_is_in_an_object_a_look_never_fails(odd, data):
    """Old, foreign and half-made objects are in every cluster."""
    seen = observed(
        serving("a"), failing("b", ago(minutes=1)), target=checkout(template=FILES), replicasets=listed(OLD, NEW)
    )
    # Metadata is an object wherever it comes from an API server.
    odd["metadata"] = odd["metadata"] if isinstance(odd.get("metadata"), dict) else {}
    answers = dict(seen.answers)
    # The target itself has a schema of Kubernetes; what lists and other objects hold may be anybody's.
    others = [q for q in answers if q != asking.target_of(SHOP)]
    for question in data.draw(st.lists(st.sampled_from(others), max_size=4)):
        answers[question] = Found({"items": [odd]} if question.__class__.__name__ == "List" else odd)
    changed = Observations(answers)
    scene = Scene(SHOP, changed)
    str(look((scene,), changed, NOON, KEY))
    questions((scene,), changed)
