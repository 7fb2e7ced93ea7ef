"""Which kinds a bundle holds, as an API server would say it: with this and api.json a bundle can be served as an API."""

import re
from collections.abc import Iterable
from typing import Any, Final

from stanch.core.questions import (
    CONTROLLER_REVISIONS,
    ENDPOINT_SLICES,
    EVENTS,
    JOBS,
    PDBS,
    REF_OF_KIND,
    Ref,
)

NAME: Final = "discovery.json"
_PATH: Final = re.compile(
    r"(?:/api/(?P<core>[^/?]+)|/apis/(?P<group>[^/?]+)/(?P<version>[^/?]+))(?P<namespace>/namespaces/[^/?]+)?/(?P<plural>[^/?]+)"
)
_KINDS: Final[dict[str, str]] = {
    **{ref.plural: kind for kind, ref in REF_OF_KIND.items()},
    CONTROLLER_REVISIONS.plural: "ControllerRevision",
    ENDPOINT_SLICES.plural: "EndpointSlice",
    EVENTS.plural: "Event",
    JOBS.plural: "Job",
    PDBS.plural: "PodDisruptionBudget",
}


def discovery(paths: Iterable[str]) -> dict[str, Any]:
    """An APIGroupDiscoveryList of the kinds behind these API paths, in the form of apidiscovery.k8s.io/v2."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for path in paths:
        if (match := _PATH.match(path)) is None:
            continue
        served = found.setdefault((match["group"] or "", match["core"] or match["version"]), {})
        served[match["plural"]] = served.get(match["plural"], False) or match["namespace"] is not None
    groups = dict.fromkeys(group for group, _ in sorted(found))
    items = [_group(group, {v: kinds for (g, v), kinds in sorted(found.items()) if g == group}) for group in groups]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _group(name: str, versions: dict[str, dict[str, bool]]) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "versions": [
            {
                "version": version,
                "freshness": "Current",
                "resources": [_resource(Ref(name, version, p), kinds[p]) for p in sorted(kinds)],
            }
            for version, kinds in versions.items()
        ],
    }


def _resource(ref: Ref, namespaced: bool) -> dict[str, Any]:
    kind = _KINDS.get(ref.plural) or ref.plural.removesuffix("s").capitalize()
    return {
        "resource": ref.plural,
        "responseKind": {"group": ref.group, "version": ref.version, "kind": kind},
        "scope": "Namespaced" if namespaced else "Cluster",
        "singularResource": kind.lower(),
        "verbs": ["get", "list"],
    }
