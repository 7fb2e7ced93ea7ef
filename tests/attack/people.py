"""People and machines with credentials of their own: nobody here is impersonated, for an attacker is not."""

import base64
import itertools
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from e2e.support.api import Api, Json, Reply, until
from e2e.support.world import may

GROUP = "rbac.authorization.k8s.io"
OURS = "stanch.dev/v1alpha1"
SIGNER = "kubernetes.io/kube-apiserver-client"


def person(admin: Api, name: str, folder: Path) -> Api:
    """Somebody with a client certificate that the cluster signed: user ``name``, in no group but system:authenticated."""
    key, asked, kept = folder / f"{name}.key", folder / f"{name}.csr", folder / f"{name}.pem"
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-out", str(asked))
    request = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": f"{name}-"},
        "spec": {
            "request": base64.b64encode(asked.read_bytes()).decode(),
            "signerName": SIGNER,
            "usages": ["client auth"],
            "expirationSeconds": 7200,
        },
    }
    made = admin.create(request).must()
    named = made["metadata"]["name"]
    agreed = {"type": "Approved", "status": "True", "reason": "Test", "message": "for a test"}
    path = admin.path("certificatesigningrequests", None, named)
    admin.request("PUT", f"{path}/approval", made | {"status": {"conditions": [agreed]}}).must()

    def signed() -> str | None:
        status = admin.get("certificatesigningrequests", None, named).get("status", {})
        return str(status["certificate"]) if "certificate" in status else None

    certificate = base64.b64decode(until(signed, 30, f"a certificate for {name}"))
    kept.write_bytes(certificate + key.read_bytes())
    kept.chmod(0o600)
    admin.delete("certificatesigningrequests", None, named)
    return Api(admin.server, admin.ca, "", certificate=str(kept))


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def machine(admin: Api, namespace: str, name: str) -> Api:
    """A ServiceAccount with a token of its own."""
    if admin.find("serviceaccounts", namespace, name) is None:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        admin.create(account, namespace).must()
    path = f"{admin.path('serviceaccounts', namespace, name)}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    token = admin.request("POST", path, asked).must()["status"]["token"]
    return replace(admin, token=token, headers=())


@dataclass
class Place:
    """A namespace, the people there, and who gives them rights."""

    admin: Api
    ns: str
    people: dict[str, Api]
    bound: int = field(default=0)

    def __getattr__(self, name: str) -> Api:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def let(self, who: str, *rules: Json, role: str = "") -> None:
        """Give somebody a ClusterRole, or rules of their own, in this namespace; waits until they hold."""
        self.bound += 1
        name = f"t-{self.bound}"
        granted = rules or self.admin.get("clusterroles", None, role)["rules"] if rules or role else ()
        new = next((r for r in rights_in(granted) if not may(self.admin, self.ns, who, r)), None)
        if rules:
            own = {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": name}, "rules": list(rules)}
            self.admin.create(own, self.ns).must()
        subject = {"kind": "User", "name": who, "apiGroup": GROUP}
        if who.startswith("system:serviceaccount:"):
            _, _, namespace, account = who.split(":")
            subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        kind, chosen = ("ClusterRole", role) if role else ("Role", name)
        binding = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": chosen},
            "subjects": [subject],
        }
        self.admin.create(binding, self.ns).must()
        # A right that the authorizer does not know yet would make an attack fail for nothing.
        if new is not None:
            until(lambda: may(self.admin, self.ns, who, new), 20, f"{who} has {new} in {self.ns}")


def rights_in(rules: Iterable[Json]) -> Iterator[Json]:
    """Each right that RBAC rules give, as a SubjectAccessReview names it."""
    for rule in rules:
        names = rule.get("resourceNames") or [""]
        parts = (rule.get("apiGroups", ()), rule.get("resources", ()), rule.get("verbs", ()), names)
        for group, resource, verb, name in itertools.product(*parts):
            plural, _, subresource = resource.partition("/")
            yield {"group": group, "resource": plural, "subresource": subresource, "verb": verb, "name": name}


def incident(*mitigations: Json, name: str = "checkout-5xx", **spec: Any) -> Json:
    """An Incident about Deployment checkout."""
    fields: Json = {"title": "Checkout returns 500s", "targets": [{"kind": "Deployment", "name": "checkout"}]}
    if mitigations:
        fields["mitigations"] = list(mitigations)
    return {"apiVersion": OURS, "kind": "Incident", "metadata": {"name": name}, "spec": fields | spec}


def entry(about: str = "checkout-5xx", **spec: Any) -> Json:
    """A TimelineEntry."""
    said = {"incident": about, "text": "because", **spec}
    return {"apiVersion": OURS, "kind": "TimelineEntry", "metadata": {"generateName": f"{about}-"}, "spec": said}


def refused(reply: Reply, *words: str) -> None:
    """It was refused, with all these words; what was let through is told."""
    assert not reply.ok, f"was let through: {reply.body}"
    missing = [word for word in words if word not in reply.message]
    assert not missing, f"{missing} not in: {reply.message}"
