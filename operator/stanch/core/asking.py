"""Questions that several plug-ins ask of a target, made in one place: equal values are asked once and shared."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stanch.api.meta import Person
from stanch.api.names import GROUP, Annotation
from stanch.core.ports import Aim
from stanch.core.questions import (
    CONTROLLER_REVISIONS,
    ENDPOINT_SLICES,
    EVENTS,
    HPAS,
    NODES,
    PDBS,
    PODS,
    REF_OF_KIND,
    REPLICASETS,
    RESOURCE_QUOTAS,
    SERVICES,
    Get,
    List,
    MayThey,
    Ref,
)

# As many of a namespace, a workload or a Service are read: some 12 MB, and a second. Who needs all of them looks at `is_cut`.
PODS_MAX = 2000
ALL_NODES: Final = List(NODES, None)
LEASES: Final = Ref("coordination.k8s.io", "v1", "leases")
# Where each kubelet keeps one for its node.
NODE_LEASES: Final = "kube-node-lease"
_FORMS = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "DoesNotExist": "!{key}"}


def has_verb(person: Person, verb: str, resource: str, namespace: str, name: str = "") -> MayThey:
    """Has a person a verb of ours on a resource of ours?"""
    return MayThey(
        username=person.username,
        uid=person.uid or "",
        groups=person.groups or (),
        verb=verb,
        group=GROUP,
        resource=resource,
        subresource="",
        namespace=namespace,
        name=name,
    )


def target_of(aim: Aim) -> Get:
    """The target itself; a Node has no namespace."""
    return Get(REF_OF_KIND[aim.kind.value], aim.namespace if aim.kind.value != "Node" else None, aim.name)


def selector(obj: Mapping[str, Any]) -> str:
    """``spec.selector`` as a label selector string, in one order; empty when there is none."""
    wanted = (obj.get("spec") or {}).get("selector") or {}
    return ",".join(
        [
            *_equal(wanted.get("matchLabels")),
            *sorted(_expression(each) for each in wanted.get("matchExpressions") or ()),
        ]
    )


def _equal(labels: Mapping[str, Any] | None) -> list[str]:
    return [f"{key}={value}" for key, value in sorted((labels or {}).items())]


def _expression(expression: Mapping[str, Any]) -> str:
    values = ",".join(sorted(map(str, expression.get("values") or ())))
    form = _FORMS.get(str(expression.get("operator")), "{key}")
    return form.format(key=expression.get("key", ""), values=values)


def replicasets_of(aim: Aim, obj: Mapping[str, Any]) -> List:
    """ReplicaSets that match a Deployment's selector; filter with ``owned_by``."""
    return List(REPLICASETS, aim.namespace, labels=selector(obj))


def controller_revisions_of(aim: Aim, obj: Mapping[str, Any]) -> List:
    """ControllerRevisions that match a StatefulSet's or DaemonSet's selector; filter with ``owned_by``."""
    return List(CONTROLLER_REVISIONS, aim.namespace, labels=selector(obj))


def pods_of(aim: Aim, obj: Mapping[str, Any]) -> List:
    """Pods that match a workload's selector; a cut answer is told by `is_cut`."""
    return List(PODS, aim.namespace, labels=selector(obj), limit=PODS_MAX)


def pods_in(namespace: str) -> List:
    """All pods of a namespace; a cut answer is told by `is_cut`."""
    return List(PODS, namespace, limit=PODS_MAX)


def pods_behind(aim: Aim, service: Mapping[str, Any]) -> List | None:
    """Pods that a Service selects, as `pods_of`; None when it selects none."""
    labels = ",".join(_equal((service.get("spec") or {}).get("selector")))
    return List(PODS, aim.namespace, labels=labels, limit=PODS_MAX) if labels else None


def slices_of(aim: Aim) -> List:
    """EndpointSlices of a Service."""
    return List(ENDPOINT_SLICES, aim.namespace, labels=f"kubernetes.io/service-name={aim.name}")


def ready_endpoints(piece: Mapping[str, Any]) -> list[str]:
    """Names of the pods behind the ready endpoints of one EndpointSlice; `?` where none is named."""
    ready = (e for e in piece.get("endpoints") or () if (e.get("conditions") or {}).get("ready") is not False)
    return [str((e.get("targetRef") or {}).get("name") or "?") for e in ready]


def warning_events(namespace: str) -> List:
    """What went wrong in a namespace; Events live for one hour."""
    return List(EVENTS, namespace, fields="type=Warning")


def hpas(namespace: str) -> List:
    """HorizontalPodAutoscalers of a namespace."""
    return List(HPAS, namespace)


def pdbs(namespace: str) -> List:
    """PodDisruptionBudgets of a namespace."""
    return List(PDBS, namespace)


def quotas(namespace: str) -> List:
    """ResourceQuotas of a namespace."""
    return List(RESOURCE_QUOTAS, namespace, limit=50)


def services(namespace: str) -> List:
    """Services of a namespace."""
    return List(SERVICES, namespace)


def endpoint_slices(namespace: str) -> List:
    """EndpointSlices of a namespace: which pods get traffic."""
    return List(ENDPOINT_SLICES, namespace)


def node_of(name: str) -> Get:
    """A node as it is now."""
    return Get(NODES, None, name)


def lease_of(node: str) -> Get:
    """A node's heartbeat, renewed every ten seconds: since when its kubelet is silent."""
    return Get(LEASES, NODE_LEASES, node)


def pods_on_node(name: str) -> List:
    """Pods of all namespaces that are bound to a node."""
    return List(PODS, None, fields=f"spec.nodeName={name}")


def node_events(name: str) -> List:
    """Events about a node; they live in the namespace ``default``, so all namespaces are asked."""
    return List(EVENTS, None, fields=f"involvedObject.kind=Node,involvedObject.name={name}")


def owned_by(objects: Iterable[dict[str, Any]], uid: str) -> list[dict[str, Any]]:
    """Objects whose controller is the one with this uid."""
    return [each for each in objects if uid and controller_uid(each) == uid]


def controller_uid(obj: Mapping[str, Any]) -> str:
    """Uid of the controlling owner; empty when there is none."""
    owners = (obj.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("uid") or "") for owner in owners if owner.get("controller")), "")


def controller_name(pod: Mapping[str, Any]) -> str:
    """`Deployment web` or `StatefulSet db`: whose pod it is, as far as its owner's name tells."""
    owner: Mapping[str, Any] = next(
        (o for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")), {}
    )
    if not owner:
        return f"Pod {pod['metadata']['name']}"
    code = (pod["metadata"].get("labels") or {}).get("pod-template-hash")
    if owner["kind"] == "ReplicaSet" and code and owner["name"].endswith(f"-{code}"):
        return f"Deployment {owner['name'].removesuffix(f'-{code}')}"
    return f"{owner['kind']} {owner['name']}"


def revision_number(obj: Mapping[str, Any]) -> int:
    """The revision annotation as a number; 0 when it is missing or no number."""
    said = str(((obj.get("metadata") or {}).get("annotations") or {}).get(Annotation.REVISION) or "0")
    return int(said) if said.isdecimal() else 0
