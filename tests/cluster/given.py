"""What the cluster tests create, and how they run kubectl."""

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from stanch.api.names import API_VERSION, OPERATOR_NAMESPACE, OPERATOR_USER

ADMIN_GROUPS = ("system:masters", "system:authenticated")
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What kubectl said."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it worked."""
        return self.code == 0

    def json(self) -> Any:
        """Its output as JSON; fails with what it said otherwise."""
        assert self.ok, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Kubectl:
    """kubectl against the test cluster, as somebody, in a namespace."""

    start: tuple[str, ...]

    def __call__(self, *words: str, stdin: str = "") -> Answer:
        """Run it."""
        done = subprocess.run(
            [*self.start, *words], input=stdin, capture_output=True, text=True, check=False, timeout=120
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def having(self, *words: str) -> "Kubectl":
        """The same with more global flags."""
        return replace(self, start=(*self.start, *words))

    def as_user(self, name: str, groups: Sequence[str] = ()) -> "Kubectl":
        """The same as somebody else."""
        return self.having("--as", name, *(f"--as-group={group}" for group in groups))

    def create(self, item: dict[str, Any], *words: str) -> Answer:
        """Create one object and answer with it."""
        return self("create", "-o", "json", *words, "-f", "-", stdin=json.dumps(item))

    def apply(self, item: dict[str, Any], *words: str) -> Answer:
        """Apply one object."""
        return self("apply", *words, "-f", "-", stdin=json.dumps(item))

    def get(self, *words: str) -> Any:
        """One object as JSON."""
        return self("get", *words, "-o", "json").json()


OPERATOR_GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{OPERATOR_NAMESPACE}", "system:authenticated")
# Of everything that the leash is about, but the verb that freezes it: system:masters would hold that as well.
OPERATOR_MORE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "t-operator-more"},
    "rules": [{"apiGroups": ["", "apps", "policy"], "resources": ["*"], "verbs": ["*"]}],
}


def operator(kubectl: Kubectl) -> Kubectl:
    """With the operator's name and every right: what RBAC would stop must reach the policies too."""
    return kubectl.as_user(OPERATOR_USER, ADMIN_GROUPS)


def leashed(kubectl: Kubectl) -> Kubectl:
    """The same with all rights but being frozen (fixture ``more``)."""
    return kubectl.as_user(OPERATOR_USER, OPERATOR_GROUPS)


def thing(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """One of our objects; a name ending in '-' is a prefix."""
    naming = {"generateName": name} if name.endswith("-") else {"name": name}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": naming | metadata, "spec": spec}


def incident(name: str = "checkout-5xx", *mitigations: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """An Incident about Deployment checkout."""
    fields: dict[str, Any] = {"title": "Checkout returns 500s", "targets": [{"kind": "Deployment", "name": "checkout"}]}
    if mitigations:
        fields["mitigations"] = list(mitigations)
    return thing("Incident", name, fields | spec)


def roll_back(name: str = "roll-back", **more: Any) -> dict[str, Any]:
    """A rollback of the incident's first target."""
    return {"name": name, "rolloutUndo": {}} | more


def entry(incident: str = "checkout-5xx", **spec: Any) -> dict[str, Any]:
    """A TimelineEntry."""
    return thing("TimelineEntry", f"{incident}-", {"incident": incident} | spec)


def evidence(name: str = "checkout-5xx-a", **metadata: Any) -> dict[str, Any]:
    """The smallest Evidence."""
    spec = {
        "incident": "checkout-5xx",
        "purpose": "Before",
        "part": {"index": 1, "of": 1},
        "capturedTime": "2026-11-21T14:09:12Z",
        "items": [],
        "itemsCount": 0,
        "missingCount": 0,
        "bytes": 20,
        "sha256": "0" * 64,
        "encoding": "tar+gzip",
        "data": "H4sIAAAAAAAAAwMAAAAAAAAAAAA=",
    }
    return thing("Evidence", name, spec, **metadata)


def deployment(name: str = "checkout", replicas: int = 0) -> dict[str, Any]:
    """A Deployment that starts nothing."""
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": "none.invalid/none:1", "imagePullPolicy": "Never"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def grant(kubectl: Kubectl, user: str, *rules: dict[str, list[str]], cluster_role: str = "") -> None:
    """Give somebody rights in the namespace, by rules of their own or by a role of ours."""
    name = f"{user}-{cluster_role or 'own'}"
    if rules:
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}}
        assert kubectl.create(role | {"rules": list(rules)}).ok
    flag = f"--clusterrole={cluster_role}" if cluster_role else f"--role={name}"
    made = kubectl("create", "rolebinding", name, flag, f"--user={user}")
    assert made.ok, made.err
    until(lambda: "stanch.dev" in kubectl("auth", "can-i", "--list", f"--as={user}").out or bool(rules))


def until(true: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait for something; fails when it doesn't come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"did not come within {seconds:.0f}s"
        time.sleep(0.2)


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML file."""
    return [item for item in yaml.safe_load_all(text) if item]
