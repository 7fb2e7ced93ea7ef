"""What e2e tests deploy, declare and say, and what they wait for."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from e2e.support.api import Api, Json, Reply, until

OURS = "stanch.dev/v1alpha1"
GOOD, BAD, WORSE = "stanch.test/busybox:1", "stanch.test/busybox:2", "stanch.test/busybox:3"
SERVE = "mkdir -p /tmp/w; echo ok >/tmp/w/index.html; echo serving; exec httpd -f -p 8080 -h /tmp/w"
CRASH = "echo starting; echo 'FATAL: cannot open shard 7'; exit 1"
HOLD = "3s"
READY = {"httpGet": {"path": "/index.html", "port": 8080}, "periodSeconds": 1}
PEOPLE = {"alice": ("edit",), "bob": ("edit", "stanch-approver", "stanch-commander")}


def container(image: str, command: str, name: str = "web", **more: Any) -> Json:
    """One container that runs a shell line."""
    return {"name": name, "image": image, "imagePullPolicy": "Never", "command": ["sh", "-c", command]} | more


def good(image: str = GOOD) -> Json:
    """A pod that serves within a second."""
    return {"containers": [container(image, SERVE, readinessProbe=READY)], "terminationGracePeriodSeconds": 1}


def crashing(image: str = BAD) -> Json:
    """A pod that says why and dies, again and again."""
    return {"containers": [container(image, CRASH)], "terminationGracePeriodSeconds": 1}


def stuck(image: str = BAD) -> Json:
    """A bad release that costs nothing: no node fits."""
    return good(image) | {"nodeSelector": {"stanch.test/no-such-node": "x"}}


def deployment(name: str = "checkout", pod: Json | None = None, replicas: int = 1, **spec: Any) -> Json:
    """A Deployment; ``spec`` goes beside replicas."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod or good()}
    fields = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": fields | spec,
    }


def statefulset(name: str = "store", replicas: int = 1) -> Json:
    """A StatefulSet of the same pods."""
    obj = deployment(name, replicas=replicas, serviceName=name)
    return obj | {"kind": "StatefulSet"}


def incident(*mitigations: Json, name: str = "checkout-5xx", target: Json | None = None, **spec: Any) -> Json:
    """An Incident about a Deployment, that is over once it holds for three seconds."""
    fields: Json = {
        "title": "Checkout returns 500s",
        "severity": "SEV2",
        "targets": [target or {"kind": "Deployment", "name": "checkout"}],
        "recovery": {"hold": HOLD},
    }
    if mitigations:
        fields["mitigations"] = list(mitigations)
    return {"apiVersion": OURS, "kind": "Incident", "metadata": {"name": name}, "spec": fields | spec}


def wish(name: str = "roll-back", action: str = "rolloutUndo", **more: Any) -> Json:
    """A mitigation; ``args`` are the action's own parameters."""
    return {"name": name, action: more.pop("args", {})} | more


ROLL_BACK = wish()


@dataclass(frozen=True)
class World:
    """One namespace, and people in it."""

    admin: Api
    ns: str

    @property
    def alice(self) -> Api:
        """May edit, and so declare and mitigate; not approve."""
        return self.admin.as_user("alice", "system:authenticated", "team-checkout")

    @property
    def bob(self) -> Api:
        """May approve and command as well."""
        return self.admin.as_user("bob", "system:authenticated", "team-checkout")

    # --- workloads ---------------------------------------------------------------------------------------------------

    def deploy(self, obj: Json | None = None) -> Json:
        """Create a workload as admin."""
        return self.admin.create(obj or deployment(), self.ns).must()

    def target(self, name: str = "checkout", plural: str = "deployments") -> Json:
        """A workload as it is."""
        return self.admin.get(plural, self.ns, name)

    def release(self, pod: Json, name: str = "checkout") -> Json:
        """Push another version, as a pipeline does."""
        path = self.admin.path("deployments", self.ns, name, fieldManager="pipeline")
        change = [{"op": "replace", "path": "/spec/template/spec", "value": pod}]
        return self.admin.request("PATCH", path, change, "application/json-patch+json").must()

    def set(self, name: str = "checkout", plural: str = "deployments", **spec: Any) -> Json:
        """Change fields of a workload's spec, as somebody who does not ask."""
        return self.admin.merge(plural, self.ns, name, {"spec": spec}).must()

    def serving(self, name: str = "checkout", plural: str = "deployments") -> Json:
        """Wait until all its pods are of its newest version, and ready."""

        def look() -> Json | None:
            obj = self.target(name, plural)
            status, wanted = obj.get("status", {}), obj["spec"]["replicas"]
            seen = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
            counts = [status.get(k, 0) for k in ("replicas", "updatedReplicas", "readyReplicas")]
            return obj if seen and counts == [wanted] * 3 else None

        return until(look, 90, f"{self.ns}/{name} serves")

    def observed(self, name: str = "checkout") -> Json:
        """Wait until the controller has made a ReplicaSet of the newest version."""

        def look() -> Json | None:
            obj = self.target(name)
            status = obj.get("status", {})
            paused = obj["spec"].get("paused")
            new = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
            return obj if new and (paused or status.get("updatedReplicas") or not obj["spec"]["replicas"]) else None

        return until(look, 30, f"{self.ns}/{name} is observed")

    def crashed(self, app: str = "checkout", container: str = "web") -> Json:
        """Wait until a container of it has died, died again, and waits: then its last words stay for some seconds."""

        def look() -> Json | None:
            for pod in self.admin.list("pods", self.ns, labelSelector=f"app={app}"):
                for c in pod.get("status", {}).get("containerStatuses", []):
                    waits = c["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
                    if c["name"] == container and c["restartCount"] >= 1 and waits:
                        return pod
            return None

        return until(look, 90, f"{self.ns}/{app} crashes")

    # --- what people do ----------------------------------------------------------------------------------------------

    def declare(self, obj: Json, by: Api | None = None) -> Json:
        """Declare an incident, alice unless somebody else."""
        return (by or self.alice).create(obj, self.ns).must()

    def say(self, member: str, value: Json | None = None, by: Api | None = None, **more: Any) -> str:
        """Write a TimelineEntry; its name."""
        return str(self.try_to_say(member, value, by, **more).must()["metadata"]["name"])

    def try_to_say(self, member: str, value: Json | None = None, by: Api | None = None, **more: Any) -> Reply:
        """Write a TimelineEntry; what the API server answers."""
        about = more.pop("about", "checkout-5xx")
        spec = {"incident": about, "text": more.pop("text", f"I say {member}"), member: value or {}} | more
        obj = {"apiVersion": OURS, "kind": "TimelineEntry", "metadata": {"generateName": f"{about}-"}, "spec": spec}
        return (by or self.alice).create(obj, self.ns)

    # --- what is so --------------------------------------------------------------------------------------------------

    def inc(self, name: str = "checkout-5xx") -> Json:
        """The incident as it is."""
        return self.admin.get("incidents", self.ns, name)

    def status(self, name: str = "checkout-5xx") -> Json:
        """Its status."""
        status: Json = self.inc(name).get("status", {})
        return status

    def mitigation(self, wish: str = "roll-back", name: str = "checkout-5xx") -> Json:
        """The record of one mitigation; empty while there is none."""
        return next((m for m in self.status(name).get("mitigations", []) if m["name"] == wish), {})

    def wait(self, true: Callable[[Json], object], what: str, name: str = "checkout-5xx", seconds: float = 60) -> Json:
        """Wait for something in the incident's status; says where it stood when it does not come."""
        last: Json = {}

        def look() -> Json | None:
            nonlocal last
            last = self.status(name)
            return last if last and true(last) else None

        try:
            return until(look, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error} in {self.ns}/{name}; {story(last)}") from None

    def condition(self, kind: str, name: str = "checkout-5xx", seconds: float = 60, reason: str = "") -> Json:
        """Wait until a condition is True (for that reason)."""
        return self.wait(lambda s: is_so(s, kind, reason), f"{kind} {reason}", name, seconds)

    def state(self, state: str, wish: str = "roll-back", name: str = "checkout-5xx", seconds: float = 60) -> Json:
        """Wait until a mitigation stands so; its record."""
        seen = self.wait(lambda s: stands(s, wish).get("state") == state, f"{wish} {state}", name, seconds)
        return stands(seen, wish)

    def folded(self, entry: str, seconds: float = 30) -> Json:
        """Wait until an entry carries the operator's mark."""

        def look() -> Json | None:
            obj = self.admin.get("timelineentries", self.ns, entry)
            return obj if "stanch.dev/folded" in obj["metadata"].get("labels", {}) else None

        return until(look, seconds, f"{self.ns}/{entry} is folded")


@dataclass
class Agreement:
    """Somebody who agrees to whatever plan of a mitigation waits for it: once to each, for a target may change meanwhile."""

    world: World
    person: Api
    name: str = "checkout-5xx"
    said: str = ""

    def __call__(self, mitigation: str) -> Json:
        """The record of the mitigation, after agreeing where that is asked for."""
        record = stands(self.world.status(self.name), mitigation)
        if record.get("reason") == "ApprovalMissing" and record["digest"] != self.said:
            self.said = record["digest"]
            agreed = {"mitigation": mitigation, "action": record["action"], "digest": record["digest"]}
            self.world.say("approve", agreed, by=self.person, about=self.name)
        return record


def stands(status: Json, wish: str) -> Json:
    """The record of a mitigation in a status."""
    return next((m for m in status.get("mitigations", []) if m["name"] == wish), {})


def is_so(status: Json, kind: str, reason: str = "") -> bool:
    """Is the condition True (for that reason)?"""
    conditions = [c for c in status.get("conditions", []) if c["type"] == kind and c["status"] == "True"]
    return any(c["reason"] == reason or not reason for c in conditions)


def lines(status: Json, *kinds: str) -> list[Json]:
    """Timeline lines of these kinds."""
    return [line for line in status.get("timeline", []) if line["kind"] in kinds]


def story(status: Json) -> str:
    """Where an incident stands, for a failure's message."""
    conditions = [
        f"{c['type']}={c['status']} {c['reason']}: {c.get('message', '')}" for c in status.get("conditions", [])
    ]
    records = [
        f"{m['name']} {m['state']} {m.get('reason', '')}: {m.get('message', '')}" for m in status.get("mitigations", [])
    ]
    told = [f"{line['seq']} {line['kind']} {line['text'][:100]}" for line in status.get("timeline", [])][-12:]
    return "\n  ".join(["it stands so:", *conditions, *records, *told])


def new_world(admin: Api, name: str = "") -> World:
    """A fresh namespace in which alice and bob may do their work."""
    ns = f"e2e-{name[:30]}{'-' if name else ''}{uuid.uuid4().hex[:6]}"
    admin.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": {"e2e": "stanch"}}}
    ).must()
    for person, roles in PEOPLE.items():
        for role in roles:
            bind(admin, ns, role, {"kind": "User", "name": person})
    wait_for_right(admin, ns, "bob", "create", "timelineentries")
    wait_for_right(admin, ns, "alice", "create", "incidents")
    wait_for_right(admin, ns, "alice", "patch", "deployments", "apps")
    wait_for_right(admin, ns, "bob", "approve", "mitigations")
    return World(admin, ns)


def forget(world: World, name: str) -> None:
    """Take the incident and what belongs to it out of stanch-system, as only the API server's own controllers may."""
    collector = "system:serviceaccount:kube-system:namespace-controller"
    ours = world.admin.as_user(collector, "system:masters", "system:authenticated")
    for plural in ("incidents", "evidences", "timelineentries", "postmortems", "actionitems"):
        for obj in world.admin.list(plural, world.ns):
            if obj["metadata"]["name"].startswith(name):
                ours.delete(plural, world.ns, obj["metadata"]["name"])


def bind(admin: Api, ns: str, role: str, subject: Json) -> None:
    """Bind a ClusterRole to somebody in the namespace."""
    name = f"{role}-{subject['name']}".replace(":", "-")
    subjects = [subject | ({"apiGroup": "rbac.authorization.k8s.io"} if subject["kind"] != "ServiceAccount" else {})]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name}}
    admin.create(kind | {"roleRef": ref, "subjects": subjects}, ns).must()


def wait_for_right(admin: Api, ns: str, user: str, verb: str, resource: str, group: str = "stanch.dev") -> None:
    """A binding that is stored is not yet one that counts."""
    right = {"verb": verb, "group": group, "resource": resource, "name": "scale"}
    until(lambda: may(admin, ns, user, right), 20, f"{user} may {verb} {resource} in {ns}")


def may(admin: Api, ns: str, user: str, right: Json) -> bool:
    """What the API server's authorizer says; ``right`` has a SubjectAccessReview's attributes without the namespace."""
    spec = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": {"namespace": ns, **right}}
    ask = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(admin.create(ask).must()["status"]["allowed"])
