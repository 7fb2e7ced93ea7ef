"""
Who else steers an object: Flux, Argo CD, and whether a field is theirs (mitigations.md 5, addons.md 4.2).

Signs are labels and annotations that the tools set themselves; which fields they would put back, managedFields tell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.names import FIELD_MANAGER
from stanch.core.ports import Aim
from stanch.core.questions import APPLICATIONS, HELM_RELEASES, KUSTOMIZATIONS, Ref

TRACKING: Final = "argocd.argoproj.io/tracking-id"
INSTANCE: Final = "app.kubernetes.io/instance"
ARGO_MANAGER: Final = "argocd-controller"
ARGO_NAMESPACE: Final = "argocd"


@dataclass(frozen=True, slots=True)
class Steerer:
    """One reconciler that owns an object. ``hold`` is the label, if there is one, that makes it leave this object alone."""

    tool: str
    namespace: str
    name: str
    manager: str
    ref: Ref | None
    hold: tuple[str, str] | None

    def __str__(self) -> str:
        return f"{self.tool} {self.namespace}/{self.name}"


# Prefix of the labels, tool, field manager, kind, hold.
_BY_LABEL: Final = (
    (
        "kustomize.toolkit.fluxcd.io",
        "Flux Kustomization",
        "kustomize-controller",
        KUSTOMIZATIONS,
        ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ),
    (
        "helm.toolkit.fluxcd.io",
        "Flux HelmRelease",
        "helm-controller",
        HELM_RELEASES,
        ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
    ),
    (
        "resourceset.fluxcd.controlplane.io",
        "Flux ResourceSet",
        "flux-operator",
        None,
        ("fluxcd.controlplane.io/reconcile", "disabled"),
    ),
)


def steerers(obj: Mapping[str, Any]) -> tuple[Steerer, ...]:
    """Everybody who says so on the object itself."""
    meta = obj["metadata"]
    labels, found = meta.get("labels") or {}, []
    for prefix, tool, manager, ref, hold in _BY_LABEL:
        name, namespace = labels.get(f"{prefix}/name"), labels.get(f"{prefix}/namespace")
        if name and namespace:
            found.append(Steerer(tool, namespace, name, manager, ref, hold))
    if (application := _tracked(meta)) or ((application := _labelled(meta)) and _applied_by_argo(meta)):
        found.append(_application(application))
    return tuple(found)


def perhaps(obj: Mapping[str, Any]) -> Steerer | None:
    """
    Whom the label ``app.kubernetes.io/instance`` may mean: Argo CD tracks by it, and every Helm chart sets it too.

    Only an Application of that name which lists the object is a proof.
    """
    application = _labelled(obj["metadata"])
    return None if application is None or _applied_by_argo(obj["metadata"]) else _application(application)


def _application(said: tuple[str, str]) -> Steerer:
    return Steerer("Argo CD Application", *said, ARGO_MANAGER, APPLICATIONS, None)


def _applied_by_argo(meta: Mapping[str, Any]) -> bool:
    return any(m.get("manager") == ARGO_MANAGER for m in meta.get("managedFields") or ())


def _labelled(meta: Mapping[str, Any]) -> tuple[str, str] | None:
    """Namespace and name that the label says; the annotation, where there is one, says it better."""
    said = str((meta.get("labels") or {}).get(INSTANCE) or "")
    if not said or TRACKING in (meta.get("annotations") or {}):
        return None
    return _address(said)


def _tracked(meta: Mapping[str, Any]) -> tuple[str, str] | None:
    """`app:group/Kind:namespace/name`; a copy of the object, with another's id, is nobody's."""
    said = str((meta.get("annotations") or {}).get(TRACKING) or "")
    application, _, rest = said.partition(":")
    if not application or rest.rpartition(":")[2] != f"{meta.get('namespace', '')}/{meta['name']}":
        return None
    return _address(application)


def _address(said: str) -> tuple[str, str] | None:
    """`namespace_name`, or a name alone; without a name it would ask for all of them."""
    namespace, _, name = said.rpartition("_")
    return (namespace or ARGO_NAMESPACE, name) if name else None


def ask_for_hold(aim: Aim, who: Steerer) -> str:
    """The mitigation that suspends a whole reconciler, and where it is to be asked for: an incident acts where it lives."""
    kind = who.tool.rpartition(" ")[2]
    where = "this incident" if who.namespace == aim.namespace else f"an incident in namespace {who.namespace}"
    return f"gitOpsHold with target {{kind: {kind}, name: {who.name}}}, in {where}"


def leaves_alone(obj: Mapping[str, Any], who: Steerer) -> bool:
    """Is the label that holds it on the object already?"""
    return who.hold is not None and (obj["metadata"].get("labels") or {}).get(who.hold[0]) == who.hold[1]


def sets(obj: Mapping[str, Any], who: Steerer, pointers: Iterable[str]) -> bool:
    """Would it put one of these fields back? When it is not among the managers at all, that can't be told: yes."""
    managed = [m for m in obj["metadata"].get("managedFields") or () if not m.get("subresource")]
    theirs = [m.get("fieldsV1") or {} for m in managed if m.get("manager") == who.manager]
    return not theirs or any(_owns(fields, pointer) for fields in theirs for pointer in pointers)


def who_set(obj: Mapping[str, Any], pointers: Iterable[str]) -> str | None:
    """The field manager, other than us, that owns one of these fields and wrote last; None when nobody else does."""
    managed = [m for m in obj["metadata"].get("managedFields") or () if not m.get("subresource")]
    theirs = [m for m in managed if m.get("manager") != FIELD_MANAGER]
    wanted = tuple(pointers)
    owners = [m for m in theirs if any(_owns(m.get("fieldsV1") or {}, pointer) for pointer in wanted)]
    last: Mapping[str, Any] | None = max(owners, key=lambda m: m.get("time", ""), default=None)
    return str(last.get("manager") or "somebody") if last else None


def _owns(fields: Mapping[str, Any], pointer: str) -> bool:
    here = fields
    for token in pointer.lstrip("/").split("/"):
        key = f"f:{token.replace('~1', '/').replace('~0', '~')}"
        inside = here.keys() - {"."}
        if not inside or token.isdecimal():
            # Owned as a whole (an atomic list or map), or a list by keys that an index can't tell apart.
            return True
        if key not in here:
            return False
        here = here[key]
    return True
