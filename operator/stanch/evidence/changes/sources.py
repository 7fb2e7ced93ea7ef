"""What to ask to learn what changed: apart from a capture's own questions, so that no effect waits for these."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from stanch.api.meta import TargetKind
from stanch.core import asking
from stanch.core.argo import lists
from stanch.core.git_ops import has
from stanch.core.observations import Answer, Found, NotFound, Observations
from stanch.core.questions import (
    APPLICATIONS,
    CONFIG_MAPS,
    DAEMONSETS,
    DEPLOYMENTS,
    EVENTS,
    HELM_RELEASES,
    HTTP_ROUTES,
    NODES,
    RESOURCE_QUOTAS,
    Get,
    List,
    Question,
    Ref,
)
from stanch.core.steering import perhaps, steerers
from stanch.evidence.changes.change import Obj
from stanch.evidence.changes.configs import Use, uses
from stanch.evidence.changes.failing import failing
from stanch.evidence.dig import dicts, mapping, name_of, text, uid_of
from stanch.evidence.scene import Scene

NODES_MAX: Final = 6
CONFIG_MAPS_MAX: Final = 8
CLAIMS_MAX: Final = 6
SYSTEM_NAMESPACE: Final = "kube-system"
SECRETS: Final = Ref("", "v1", "secrets")
CLAIMS: Final = Ref("", "v1", "persistentvolumeclaims")
INGRESSES: Final = Ref("networking.k8s.io", "v1", "ingresses")
NETWORK_POLICIES: Final = Ref("networking.k8s.io", "v1", "networkpolicies")
LIMIT_RANGES: Final = Ref("", "v1", "limitranges")
MUTATING: Final = Ref("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations")
VALIDATING: Final = Ref("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations")

# Title, kind, question: what the whole cluster shares. Their metadata says when their spec was written.
CLUSTER: Final = (
    ("system DaemonSets", "DaemonSet", List(DAEMONSETS, SYSTEM_NAMESPACE, metadata_only=True)),
    ("system Deployments", "Deployment", List(DEPLOYMENTS, SYSTEM_NAMESPACE, metadata_only=True)),
    ("mutating webhooks", "MutatingWebhookConfiguration", List(MUTATING, None, metadata_only=True)),
    ("validating webhooks", "ValidatingWebhookConfiguration", List(VALIDATING, None, metadata_only=True)),
)
NOT_LISTED: Final = "it does not list the target"
_RELEASE: Final = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE: Final = "meta.helm.sh/release-namespace"


def questions(scenes: Sequence[Scene], seen: Observations) -> tuple[Question, ...]:
    """What is not asked yet, of all that can be asked so far."""
    wanted = dict.fromkeys(each for scene in scenes for each in _of(scene))
    wanted |= dict.fromkeys(question for _, _, question in CLUSTER)
    return tuple(each for each in wanted if seen.get(each) is None)


def _of(scene: Scene) -> Iterator[Question]:
    yield asking.target_of(scene.aim)
    yield scene.events_question
    namespace = scene.aim.namespace
    if scene.on_node or namespace is None:
        return
    yield asking.services(namespace)
    yield asking.hpas(namespace)
    yield asking.pdbs(namespace)
    yield ingresses(namespace)
    yield policies(namespace)
    yield routes(namespace)
    yield quotas(namespace)
    yield limits(namespace)
    if scene.target is None:
        return
    yield from (each for each in (scene.history_question, scene.pods_question) if each)
    if scene.aim.kind is TargetKind.DEPLOYMENT:
        yield scaled(namespace)
    wanted = used(scene)
    yield from (config_map(namespace, use) for use in wanted if use.kind == "ConfigMap")
    if any(use.kind == "Secret" for use in wanted) or release_of(scene.target):
        yield secrets(namespace)
    yield from nodes_of(scene)
    yield from (asking.lease_of(node.name) for node in nodes_of(scene))
    yield from claims_of(scene)
    yield from reconcilers(scene)


def ingresses(namespace: str) -> List:
    """Ingresses of a namespace."""
    return List(INGRESSES, namespace, limit=200)


def policies(namespace: str) -> List:
    """NetworkPolicies of a namespace."""
    return List(NETWORK_POLICIES, namespace, limit=200)


def routes(namespace: str) -> List:
    """HTTPRoutes of a namespace; none where nobody installed the Gateway API."""
    return List(HTTP_ROUTES, namespace, limit=200)


def quotas(namespace: str) -> List:
    """ResourceQuotas of a namespace."""
    return List(RESOURCE_QUOTAS, namespace, limit=50)


def limits(namespace: str) -> List:
    """LimitRanges of a namespace."""
    return List(LIMIT_RANGES, namespace, limit=50)


def scaled(namespace: str) -> List:
    """Normal events that tell of ReplicaSets going up and down; a capture has the warnings."""
    return List(EVENTS, namespace, fields="reason=ScalingReplicaSet")


def secrets(namespace: str) -> List:
    """Names, labels and times of Secrets, and Helm's releases among them; refused where only names may not be listed."""
    return List(SECRETS, namespace, metadata_only=True)


def config_map(namespace: str, use: Use) -> Get:
    """One ConfigMap that is in use."""
    return Get(CONFIG_MAPS, namespace, use.name)


def used(scene: Scene) -> tuple[Use, ...]:
    """ConfigMaps and Secrets of the target's template, at most CONFIG_MAPS_MAX of the first; a Pod is its own template."""
    target = scene.target or {}
    template = target if scene.aim.kind is TargetKind.POD else mapping(target, "spec", "template")
    found = uses(template)
    maps = [use for use in found if use.kind == "ConfigMap"][:CONFIG_MAPS_MAX]
    return (*maps, *(use for use in found if use.kind == "Secret"))


def nodes_of(scene: Scene) -> tuple[Get, ...]:
    """Nodes with failing pods, those with most first."""
    bad = failing(scene.pods)
    counted = Counter(text(pod, "spec", "nodeName") for pod in scene.pods if uid_of(pod) in bad)
    ranked = sorted((name for name in counted if name), key=lambda name: (-counted[name], name))
    return tuple(Get(NODES, None, name) for name in ranked[:NODES_MAX])


def claims_of(scene: Scene) -> tuple[Get, ...]:
    """Claims of the pods that are looked at closely, those made for one pod alone included."""
    found: dict[Get, None] = {}
    for chosen in scene.chosen:
        namespace = text(chosen.pod, "metadata", "namespace")
        for volume in dicts(chosen.pod, "spec", "volumes"):
            own = f"{name_of(chosen.pod)}-{text(volume, 'name')}" if "ephemeral" in volume else ""
            if name := text(volume, "persistentVolumeClaim", "claimName") or own:
                found[Get(CLAIMS, namespace, name)] = None
    return tuple(found)[:CLAIMS_MAX]


def reconcilers(scene: Scene) -> tuple[Get, ...]:
    """Flux and Argo CD objects that apply the target."""
    target = scene.target
    if not target or "name" not in mapping(target, "metadata"):
        return ()
    maybe = perhaps(target)
    found = (*steerers(target), *((maybe,) if maybe else ()))
    return tuple(dict.fromkeys(Get(who.ref, who.namespace, who.name) for who in found if who.ref is not None))


def is_unproven(scene: Scene, question: Get, answer: Answer | None) -> bool:
    """
    Is it another namespace's, and nothing in it says that it steers the target?

    Who wrote the mark may have no right to read it, nor to know whether it is there.
    """
    if question.namespace == scene.aim.namespace or not isinstance(answer, Found | NotFound):
        return False
    if isinstance(answer, NotFound):
        return True
    if question.ref == APPLICATIONS:
        return not lists({"status": {"resources": dicts(answer.value, "status", "resources")}}, scene.aim)
    entries = dicts(answer.value, "status", "inventory", "entries")
    if has({"status": {"inventory": {"entries": entries}}}, scene.aim):
        return False
    return question.ref != HELM_RELEASES or not _is_of_release(answer.value, scene)


def _is_of_release(helm_release: Obj, scene: Scene) -> bool:
    """
    A HelmRelease need not list what it made (mitigations.md 5.1): its history says which release it keeps, and where.

    Helm writes the release onto the target. The namespace must be the target's own: whose evidence this is may look at the
    releases there anyway.
    """
    said = mapping(scene.target, "metadata", "annotations")
    name, where = text(said, _RELEASE), text(said, _RELEASE_NAMESPACE)
    kept = ((text(each, "name"), text(each, "namespace")) for each in dicts(helm_release, "status", "history"))
    return bool(name) and where == scene.aim.namespace and (name, where) in kept


def is_guess(scene: Scene, question: Get) -> bool:
    """Is it asked for only because of a label that every Helm chart sets?"""
    maybe = perhaps(scene.target) if scene.target else None
    return maybe is not None and question == Get(APPLICATIONS, maybe.namespace, maybe.name)


def release_of(target: Obj) -> str:
    """The Helm release it belongs to; empty when there is none."""
    return text(mapping(target, "metadata", "annotations"), _RELEASE)
