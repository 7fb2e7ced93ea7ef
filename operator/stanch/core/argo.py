"""What an Argo CD Application would do: whether it heals, what it lists, who made it (mitigations.md 5.1, 5.2)."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.names import FIELD_MANAGER
from stanch.core.ports import Aim
from stanch.core.questions import REF_OF_KIND
from stanch.core.swap import ABSENT, look_up

AUTOMATED: Final = "/spec/syncPolicy/automated"
_POINTERS: Final = ("/spec/syncPolicy", AUTOMATED)
_PATHS: Final = (".spec.syncPolicy", ".spec.syncPolicy.automated")

Json = Mapping[str, Any]


def automated(application: Json) -> dict[str, Any] | None:
    """``spec.syncPolicy.automated`` while it is in force; None when a sync comes only by hand."""
    found = look_up(application, AUTOMATED)
    return None if found == ABSENT or found.get("enabled") is False else found


def heals(application: Json) -> bool:
    """Would it put back within seconds what we write on an object of it?"""
    policy = automated(application)
    return policy is not None and bool(policy.get("selfHeal")) and not _ignores_us(application["spec"])


def _ignores_us(spec: Json) -> bool:
    """ignoreDifferences names our field manager, and syncs respect it: then what we write stays."""
    named = any(FIELD_MANAGER in (d.get("managedFieldsManagers") or ()) for d in spec.get("ignoreDifferences") or ())
    return named and "RespectIgnoreDifferences=true" in ((spec.get("syncPolicy") or {}).get("syncOptions") or ())


def lists(application: Json, aim: Aim) -> bool:
    """Is the object among those it says it has?"""
    ref = REF_OF_KIND[aim.kind.value]
    wanted = (ref.group, aim.kind.value, aim.namespace or "", aim.name)
    found = (application.get("status") or {}).get("resources") or ()
    return any((r.get("group", ""), r.get("kind"), r.get("namespace", ""), r.get("name")) == wanted for r in found)


def is_syncing(application: Json) -> bool:
    """Is a sync asked for, or under way?"""
    state = (application.get("status") or {}).get("operationState") or {}
    return bool(application.get("operation")) or state.get("phase") == "Running"


def set_of(application: Json) -> str | None:
    """Name of the ApplicationSet that made it."""
    owners = application["metadata"].get("ownerReferences") or ()
    return next((str(o["name"]) for o in owners if o.get("kind") == "ApplicationSet"), None)


def set_leaves_alone(application_set: Json, name: str) -> bool:
    """Does an ApplicationSet let somebody else switch the automated sync of this Application of it?"""
    spec = application_set["spec"]
    if (spec.get("syncPolicy") or {}).get("applicationsSync") in ("create-only", "create-delete"):
        return True
    rules = (r for r in spec.get("ignoreApplicationDifferences") or () if r.get("name", name) == name)
    return any(
        set(_POINTERS) & set(r.get("jsonPointers") or ()) or set(_PATHS) & set(r.get("jqPathExpressions") or ())
        for r in rules
    )
