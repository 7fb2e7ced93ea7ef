"""Words that stories share: agree to a plan, read what was kept, see that nothing was written."""

import base64
import io
import json
import tarfile
from typing import Any

from e2e.support.api import Api, Json, until
from e2e.support.world import World, lines, stands

ACTION = "stanch.dev/action"
HELD = {"hold": "10m"}
ENDED = ("Held", "Refused", "Skipped", "Done", "Failed")


def agree(world: World, wish: str, action: str, name: str = "checkout-5xx") -> Json:
    """bob agrees to the plan as it stands; the record that he agreed to."""
    record = world.state("Held", wish, name)
    assert record["reason"] == "ApprovalMissing", record
    agreed = {"mitigation": wish, "action": action, "digest": record["digest"]}
    world.say("approve", agreed, by=world.bob, about=name)
    return record


def take_back(world: World, wish: str, name: str = "checkout-5xx") -> None:
    """alice asks for its undo, and it is."""
    world.say("undo", {"mitigation": wish}, about=name)
    world.state("Undone", wish, name)


def said_no(world: World, wish: str, name: str = "checkout-5xx") -> Json:
    """The record of a mitigation that does not go on: held, refused, or skipped, with a message."""
    stop = ("Held", "Refused", "Skipped")
    seen = world.wait(
        lambda s: stands(s, wish).get("state") in stop and stands(s, wish).get("message"), f"{wish} stops", name
    )
    return stands(seen, wish)


def warned(record: Json) -> str:
    """All warnings of a plan."""
    return " ".join(record.get("warnings") or ())


def template(world: World, plural: str, name: str, pod: Json) -> None:
    """Push another version, as a pipeline does."""
    change = [{"op": "replace", "path": "/spec/template/spec", "value": pod}]
    path = world.admin.path(plural, world.ns, name, fieldManager="pipeline")
    world.admin.request("PATCH", path, change, "application/json-patch+json").must()


def revisions(world: World, count: int) -> None:
    """Wait until so many ControllerRevisions are kept."""
    until(lambda: len(world.admin.list("controllerrevisions", world.ns)) == count, 30, f"{count} revisions")


def image(world: World, name: str = "checkout", plural: str = "deployments") -> str:
    """The image that a workload's template names."""
    return str(world.target(name, plural)["spec"]["template"]["spec"]["containers"][0]["image"])


def pods(world: World, app: str = "checkout") -> dict[str, Json]:
    """Pods that are not on their way out, by uid."""
    found = world.admin.list("pods", world.ns, labelSelector=f"app={app}")
    return {p["metadata"]["uid"]: p for p in found if not p["metadata"].get("deletionTimestamp")}


def kept(world: World, name: str) -> tuple[Json, dict[str, str]]:
    """An Evidence object, and the files in it."""
    evidence = world.admin.get("evidences", world.ns, name)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(evidence["spec"]["data"])), mode="r:gz") as tar:
        files = {m.name: tar.extractfile(m).read().decode() for m in tar.getmembers() if m.isfile()}  # type: ignore[union-attr]
    return evidence, files


def undo_record(world: World, attempt: Json) -> str:
    """Everything in the undo Secret of an attempt, as text."""
    secret = world.admin.get("secrets", "stanch-system", attempt["undoRef"])
    return "\n".join(base64.b64decode(value).decode() for value in secret["data"].values())


def untouched(obj: Json) -> bool:
    """Has stanch written nothing on it?"""
    return not any(m.get("manager") == "stanch" for m in obj["metadata"].get("managedFields") or ())


def written(world: World, name: str = "checkout-5xx") -> str:
    """The whole incident as text."""
    return json.dumps(world.inc(name))


def told(world: World, kind: str, name: str = "checkout-5xx") -> list[str]:
    """What the timeline says of one kind."""
    return [line["text"] for line in lines(world.status(name), kind)]


def obj(kind: str, name: str, version: str = "v1", **more: Any) -> Json:
    """An object of a kind."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}} | more


def settled(admin: Api, node: str) -> None:
    """Wait until no pod on the node is of a namespace that goes: what other tests left behind would change a drain's plan."""

    def look() -> bool:
        going = {
            n["metadata"]["name"] for n in admin.list("namespaces", None) if n["metadata"].get("deletionTimestamp")
        }
        found = admin.list("pods", None, fieldSelector=f"spec.nodeName={node}")
        return not any(p["metadata"]["namespace"] in going for p in found)

    until(look, 90, f"nothing on {node} is going", every=0.5)


def spared(admin: Api, node: str) -> None:
    """Say of what tests run on the node that all of it may go: for otherwise half of each workload is kept ready."""
    mine = {
        n["metadata"]["name"] for n in admin.list("namespaces", None) if "e2e" in (n["metadata"].get("labels") or {})
    }
    here = {p["metadata"]["namespace"] for p in admin.list("pods", None, fieldSelector=f"spec.nodeName={node}")}
    for ns in mine & here:
        if not admin.list("poddisruptionbudgets", ns):
            admin.create(
                obj("PodDisruptionBudget", "spare", "policy/v1", spec={"selector": {}, "minAvailable": 0}), ns
            ).must()

    def counted() -> bool:
        found = [each for ns in mine & here for each in admin.list("poddisruptionbudgets", ns)]
        return all((each.get("status") or {}).get("observedGeneration") for each in found)

    until(counted, 30, "its budgets are counted")
