"""Deploys as the tools that made them tell them: Helm, Argo CD, Flux."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from stanch.evidence.changes.change import Changed, Obj, Sort
from stanch.evidence.changes.dating import BY_CREATION, created, whole
from stanch.evidence.dig import dicts, mapping, name_of, text

SAME_RELEASE: Final = 0.5
_SHORT: Final = 12


def helm(secrets: Sequence[Obj], release: str) -> list[Changed]:
    """Revisions of a Helm release: one Secret each (owner=helm), made when it was deployed. Metadata is all that is read."""
    found = []
    for each in secrets:
        labels = mapping(each, "metadata", "labels")
        if labels.get("owner") != "helm" or labels.get("name") != release:
            continue
        version, status = text(labels, "version"), text(labels, "status")
        found.append(
            _release(
                f"helm-{release}-{version}",
                f"Helm release {release}",
                f"revision {version} ({status})",
                created(each) or _unix(text(labels, "createdAt")),
                BY_CREATION,
                "helm",
            )
        )
    return found


def _unix(said: str) -> datetime | None:
    return datetime.fromtimestamp(int(said), UTC) if said.isdecimal() and len(said) <= 10 else None


def argo(application: Obj) -> list[Changed]:
    """Syncs of an Argo CD Application (status.history, the last ten), and the one that is under way or failed."""
    name, found = name_of(application), []
    for each in dicts(application, "status", "history"):
        by = mapping(each, "initiatedBy")
        found.append(
            _release(
                f"argo-{name}-{text(each, 'id')}",
                f"Argo CD Application {name}",
                f"synced revision {_revision(each)}",
                whole(each.get("deployStartedAt")) or whole(each.get("deployedAt")),
                "status.history",
                text(by, "username") or ("automated sync" if by.get("automated") else ""),
            )
        )
    state = mapping(application, "status", "operationState")
    if text(state, "phase") in ("Running", "Failed", "Error"):
        revision = _revision(mapping(state, "operation", "sync")) or _revision(mapping(state, "syncResult"))
        words = f"sync of revision {revision}: {text(state, 'phase')}"
        found.append(
            _release(
                f"argo-{name}-now",
                f"Argo CD Application {name}",
                words,
                whole(state.get("startedAt")),
                "operationState",
                "",
            )
        )
    return found


def _revision(obj: Obj) -> str:
    said = text(obj, "revision") or ",".join(str(each) for each in obj.get("revisions") or ())
    return said if not said.isalnum() else said[:_SHORT]


def flux(obj: Obj, kind: str) -> list[Changed]:
    """What a Kustomization or a HelmRelease applied (status.history), newest first."""
    name, found = name_of(obj), []
    for number, each in enumerate(dicts(obj, "status", "history")):
        first = whole(each.get("firstReconciled")) or whole(each.get("firstDeployed"))
        revision = text(each, "metadata", "revision") or text(each, "chartVersion") or text(each, "digest")
        status = text(each, "lastReconciledStatus") or text(each, "status")
        found.append(
            _release(
                f"flux-{name}-{text(each, 'version') or number}",
                f"Flux {kind} {name}",
                f"applied {revision} ({status})",
                first,
                "status.history",
                "",
            )
        )
    return found


def _release(name: str, what: str, words: str, time: datetime | None, dated: str, by: str) -> Changed:
    return Changed(
        sort=Sort.RELEASE,
        name=name.lower(),
        what=what,
        text=words,
        time=time,
        dated=dated,
        by=by,
        relation=SAME_RELEASE,
    )
