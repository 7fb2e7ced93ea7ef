"""Reconcilers that apply Git, and a world in which somebody holds one."""

import copy
from typing import Any

from build import Json, incident
from world import World

PLURALS = {"Kustomization": "kustomizations", "HelmRelease": "helmreleases", "Application": "applications"}
POLICY = {"prune": True, "selfHeal": True}


def reconciler(kind: str, **more: Any) -> Json:
    """One that applies Git, and has done so; ``more`` goes into spec, but metadata and status."""
    meta = {"name": "apps", "namespace": "shop", "uid": "k1", "generation": 4, **more.pop("metadata", {})}
    ready = [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}]
    status: Json = {"observedGeneration": 4, "conditions": ready, "inventory": {"entries": [{"id": "a"}, {"id": "b"}]}}
    spec: Json = {"interval": "10m"}
    if kind == "Application":
        status = {"sync": {"status": "OutOfSync"}, "resources": [{"kind": "Deployment", "name": "checkout"}]}
        spec = {"syncPolicy": {"automated": dict(POLICY), "syncOptions": ["A=b"]}}
    return {"metadata": meta, "spec": spec | more.pop("spec", {}), "status": status | more.pop("status", {})}


def held(kind: str, obj: Json, **others: Json) -> World:
    """A world in which alice asks to hold it; ``others`` by plural."""
    asked = {"name": "act", "target": {"kind": kind, "name": "apps"}, "gitOpsHold": {}}
    found = {(PLURALS[kind], "apps"): copy.deepcopy(obj)}
    found |= {(plural, each["metadata"]["name"]): each for plural, each in others.items()}
    there = World(incident(asked, targets=None), objects=found)
    # What its controller does when its spec was changed.
    perform = there.perform

    def observed(command: Any) -> Any:
        outcome, now = perform(command), there.objects[(PLURALS[kind], "apps")]
        now["metadata"]["generation"] += 1
        if "observedGeneration" in now["status"]:
            now["status"]["observedGeneration"] = now["metadata"]["generation"]
        return outcome

    there.perform = observed
    return there
