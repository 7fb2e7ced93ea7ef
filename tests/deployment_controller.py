"""What the Deployment controller and the kubelet do with the objects of a world, all at once: only the good image serves."""

from datetime import datetime
from typing import Any, Final

from build import GOOD, pod, settled

Json = dict[str, Any]
Objects = dict[tuple[str, str], Json]
REVISION: Final = "deployment.kubernetes.io/revision"


def settle(objects: Objects, now: datetime) -> None:
    """The Deployment's status, its newest ReplicaSet and its pods, as its template asks for them."""
    target = objects.get(("deployments", "checkout"))
    if target is None:
        return
    image = target["spec"]["template"]["spec"]["containers"][0]["image"]
    wanted = target["spec"].get("replicas", 1)
    target["metadata"]["generation"] += 1
    available = wanted if image == GOOD else max(0, wanted - 1)
    target["status"] = settled(target["metadata"]["generation"], wanted, available, now)
    _pods(objects, image, wanted, now)


def _pods(objects: Objects, image: str, wanted: int, now: datetime) -> None:
    for key in [k for k in objects if k[0] == "pods"]:
        del objects[key]
    sets = [o for (plural, _), o in objects.items() if plural == "replicasets"]
    newest = max(int(s["metadata"]["annotations"][REVISION]) for s in sets)
    for s in sets:
        s["spec"]["replicas"] = 0
        if s["spec"]["template"]["spec"]["containers"][0]["image"] != image:
            continue
        if int(s["metadata"]["annotations"][REVISION]) != newest:
            for owner in (s, objects[("deployments", "checkout")]):
                owner["metadata"]["annotations"][REVISION] = str(newest + 1)
        s["spec"]["replicas"] = wanted
        code = s["metadata"]["labels"]["pod-template-hash"]
        for n in range(wanted):
            body = pod(code, n + 1, crashing=image != GOOD, since=now)
            objects[("pods", body["metadata"]["name"])] = body
