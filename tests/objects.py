"""Objects that mitigations act on, and a world in which somebody asks for one of them."""

import copy
from typing import Any

from build import BAD, T0, Json, deployment, incident, pod, replicaset, roll_back, stamp, template
from world import World, bad_deploy

UID = "33333333-3333-3333-3333-333333333333"


# What Flux puts on objects, and its label for leaving one alone.
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELD = "kustomize.toolkit.fluxcd.io/reconcile"


def obj(name: str, spec: Json | None = None, /, **more: Any) -> Json:
    """An object with a label of its own."""
    meta = {"name": name, "namespace": "shop", "uid": UID, "generation": 3, "labels": {"team": "shop"}}
    return {"metadata": meta, **({"spec": spec} if spec is not None else {}), **more}


def autoscaler(low: int = 2, high: int = 10, **meta: Any) -> Json:
    """An autoscaler that wants six replicas."""
    found = obj(
        "web",
        {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
        status={"currentReplicas": 6, "desiredReplicas": 6},
    )
    found["metadata"] |= meta
    return found


def flags(**more: Any) -> Json:
    """A ConfigMap with two flags."""
    return obj("flags", data={"recommendations": "on", "search": "on"}, **more)


def reader(how: str) -> Json:
    """A pod that reads it from a volume, a subPath mount or the environment."""
    one = pod("h1")
    container = one["spec"]["containers"][0]
    if how == "env":
        container["envFrom"] = [{"configMapRef": {"name": "flags"}}]
    else:
        one["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "flags"}}]
        container["volumeMounts"] = [{"name": "v", "mountPath": "/f", **({"subPath": "f"} if how == "subPath" else {})}]
    one["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "checkout-h1", "controller": True}]
    return one


def service(**spec: Any) -> Json:
    """A Service for the pods of ``app: checkout, track: stable``."""
    chosen = {"app": "checkout", "track": "stable"}
    return obj("web", {"selector": chosen, "ports": [{"port": 80, "targetPort": "http"}], **spec})


def tracked(name: str, ready: bool = True, port: str = "http", **labels: str) -> Json:
    """A pod with labels and a named port."""
    one = pod("h1")
    one["metadata"] |= {"name": name, "labels": labels}
    one["spec"]["containers"][0]["ports"] = [{"name": port, "containerPort": 8080}]
    one["status"]["conditions"] = [{"type": "Ready", "status": str(ready), "lastTransitionTime": stamp(T0)}]
    return one


def slices(service_name: str, *pods: str) -> Json:
    """Ready endpoints of a Service."""
    found = obj(
        f"{service_name}-x", endpoints=[{"conditions": {"ready": True}, "targetRef": {"name": n}} for n in pods]
    )
    found["metadata"]["labels"] = {"kubernetes.io/service-name": service_name}
    return found


def route(*weights: int, rules: int = 1) -> Json:
    """An HTTPRoute that a gateway has taken."""
    backends = [{"name": f"v{i + 1}", "port": 80, "weight": w} for i, w in enumerate(weights)]
    taken = [{"type": t, "status": "True", "observedGeneration": 9} for t in ("Accepted", "ResolvedRefs")]
    parents = [{"parentRef": {"name": "gate"}, "conditions": taken}]
    all_rules = [{"name": f"r{i}", "backendRefs": copy.deepcopy(backends)} for i in range(rules)]
    return obj("web", {"rules": all_rules}, status={"parents": parents})


def cron_job(**spec: Any) -> Json:
    """A CronJob with a run under way."""
    return obj(
        "report", {"schedule": "*/5 * * * *", "suspend": False, **spec}, status={"active": [{"name": "report-1"}]}
    )


def stateful(image: str = BAD, **spec: Any) -> Json:
    """StatefulSet checkout, complete on its newest template."""
    found = deployment(image)
    found["spec"] |= {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, **spec}
    found["spec"].pop("strategy")
    found["status"] |= {"updateRevision": "checkout-h2", "currentRevision": "checkout-h2", "readyReplicas": 3}
    return found


def controller_revision(image: str, number: int) -> Json:
    """A kept template, as the controller keeps it: with a null, and a word of the strategic merge."""
    kept = replicaset(image, number)
    data = template(image)
    data["metadata"]["creationTimestamp"] = None
    return {
        "metadata": kept["metadata"],
        "revision": number,
        "data": {"spec": {"template": {**data, "$patch": "replace"}}},
    }


def wish(kind: str, name: str, **action: Any) -> Json:
    """A mitigation of one object."""
    return {"name": "act", "target": {"kind": kind, "name": name}, **action}


def world(asked: Json, **objects: Json | list[Json]) -> World:
    """A world with these objects, by plural, in which alice asks."""
    found = {}
    for plural, given in objects.items():
        for each in given if isinstance(given, list) else [given]:
            found[(plural, each["metadata"]["name"])] = copy.deepcopy(each)
    return World(incident(asked, targets=None), objects=found)


def managed(manager: str, fields: Json) -> list[Json]:
    """Who owns what."""
    return [{"manager": manager, "operation": "Apply", "fieldsV1": fields, "time": "2026-11-21T13:00:00Z"}]


TEMPLATE = {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:x": {".": {}, "f:image": {}}}}}}}


def steered(
    *wishes: Json,
    labels: Json | None = None,
    fields: Json | None = None,
    manager: str = "kustomize-controller",
    hold: str = "30s",
) -> World:
    """A bad release that Flux deployed."""
    there = bad_deploy(incident(*(wishes or (roll_back(),)), recovery={"hold": hold}))
    meta = there.target["metadata"]
    meta["labels"] |= FLUX if labels is None else labels
    meta["managedFields"] = managed(manager, fields or TEMPLATE)
    return there
