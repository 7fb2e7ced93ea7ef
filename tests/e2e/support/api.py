"""A small synchronous client of the API server for tests: as the admin, or as anybody by impersonation."""

import base64
import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import yaml

Json = dict[str, Any]
T = TypeVar("T")
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
WHERE = {
    "incidents": "/apis/stanch.dev/v1alpha1",
    "timelineentries": "/apis/stanch.dev/v1alpha1",
    "evidences": "/apis/stanch.dev/v1alpha1",
    "postmortems": "/apis/stanch.dev/v1alpha1",
    "actionitems": "/apis/stanch.dev/v1alpha1",
    "alertbatches": "/apis/stanch.dev/v1alpha1",
    "responsepolicies": "/apis/stanch.dev/v1alpha1",
    "runbooks": "/apis/stanch.dev/v1alpha1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
    "cronjobs": "/apis/batch/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "gitrepositories": "/apis/source.toolkit.fluxcd.io/v1",
    "kustomizations": "/apis/kustomize.toolkit.fluxcd.io/v1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
    "scaledobjects": "/apis/keda.sh/v1alpha1",
    "rollouts": "/apis/argoproj.io/v1alpha1",
    "applications": "/apis/argoproj.io/v1alpha1",
    "applicationsets": "/apis/argoproj.io/v1alpha1",
    "canaries": "/apis/flagger.app/v1beta1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "subjectaccessreviews": "/apis/authorization.k8s.io/v1",
    "certificatesigningrequests": "/apis/certificates.k8s.io/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "validatingadmissionpolicybindings": "/apis/admissionregistration.k8s.io/v1",
    "mutatingadmissionpolicybindings": "/apis/admissionregistration.k8s.io/v1",
}
KINDS = {
    "Incident": "incidents",
    "TimelineEntry": "timelineentries",
    "Evidence": "evidences",
    "ResponsePolicy": "responsepolicies",
    "Runbook": "runbooks",
    "Postmortem": "postmortems",
    "ActionItem": "actionitems",
    "AlertBatch": "alertbatches",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "CronJob": "cronjobs",
    "ConfigMap": "configmaps",
    "Service": "services",
    "Pod": "pods",
    "Node": "nodes",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "GitRepository": "gitrepositories",
    "ReplicaSet": "replicasets",
    "EndpointSlice": "endpointslices",
    "HTTPRoute": "httproutes",
    "ScaledObject": "scaledobjects",
    "Rollout": "rollouts",
    "Application": "applications",
    "ApplicationSet": "applicationsets",
    "Canary": "canaries",
    "ClusterRole": "clusterroles",
    "Kustomization": "kustomizations",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
    "SubjectAccessReview": "subjectaccessreviews",
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "CertificateSigningRequest": "certificatesigningrequests",
    "Role": "roles",
    "Secret": "secrets",
}


class Refused(AssertionError):
    """The API server said no; carries its words."""


@dataclass(frozen=True)
class Reply:
    """What the API server answered."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Was it accepted?"""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """Its words for a refusal."""
        return str(self.body.get("message", ""))

    def must(self) -> Json:
        """The body; fails with the server's words otherwise."""
        if not self.ok:
            raise Refused(f"{self.status} {self.message}")
        return self.body


@dataclass(frozen=True)
class Api:
    """One API server, as somebody."""

    server: str
    ca: str = field(repr=False)
    token: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    # A file with a client certificate and its key, for somebody who has no token.
    certificate: str = ""
    _local: threading.local = field(default_factory=threading.local, compare=False, repr=False)

    @staticmethod
    def of(kubeconfig: Path) -> "Api":
        """As the user of a kubeconfig with a token and an inline CA."""
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        return Api(cluster["server"], base64.b64decode(cluster["certificate-authority-data"]).decode(), user["token"])

    def as_user(self, name: str, *groups: str) -> "Api":
        """The same, as somebody else; authenticated as everybody is."""
        groups = groups or ("system:authenticated",)
        return replace(self, headers=(("Impersonate-User", name), *(("Impersonate-Group", g) for g in groups)))

    def request(self, method: str, path: str, body: object = None, content: str = "application/json") -> Reply:
        """One request; a connection that the server had closed meanwhile is opened again."""
        data = None if body is None else json.dumps(body).encode()
        for again in (True, False):
            connection = self._connection()
            connection.putrequest(method, path)
            known = (("Authorization", f"Bearer {self.token}"),) if self.token else ()
            for key, value in (*known, ("Content-Type", content), *self.headers):
                connection.putheader(key, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            try:
                connection.endheaders(data)
                answer = connection.getresponse()
                raw = answer.read()
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
                self._local.connection = None
                if not again:
                    raise
                continue
            with contextlib.suppress(ValueError):
                return Reply(answer.status, json.loads(raw or b"{}"))
            return Reply(answer.status, {"message": raw.decode(errors="replace")})
        raise AssertionError("unreachable")

    def _connection(self) -> http.client.HTTPSConnection:
        if getattr(self._local, "connection", None) is None:
            where = urlsplit(self.server)
            context = ssl.create_default_context(cadata=self.ca)
            if self.certificate:
                context.load_cert_chain(self.certificate)
            self._local.connection = http.client.HTTPSConnection(
                where.hostname or "", where.port, context=context, timeout=60
            )
        return self._local.connection  # type: ignore[no-any-return]

    @staticmethod
    def path(plural: str, namespace: str | None, name: str = "", **params: str) -> str:
        """Where a kind, or one object of it, is."""
        root = WHERE.get(plural, "/api/v1") + (f"/namespaces/{namespace}" if namespace else "")
        asked = f"?{urlencode(params)}" if params else ""
        return f"{root}/{plural}" + (f"/{quote(name)}" if name else "") + asked

    def get(self, plural: str, namespace: str | None, name: str) -> Json:
        """One object; fails when it is not there."""
        return self.request("GET", self.path(plural, namespace, name)).must()

    def find(self, plural: str, namespace: str | None, name: str) -> Json | None:
        """One object, None when it is not there."""
        reply = self.request("GET", self.path(plural, namespace, name))
        return None if reply.status == 404 else reply.must()

    def list(self, plural: str, namespace: str | None, **params: str) -> "list[Json]":
        """All of a kind."""
        items: list[Json] = self.request("GET", self.path(plural, namespace, **params)).must()["items"]
        return items

    def create(self, obj: Json, namespace: str | None = None) -> Reply:
        """Create one object."""
        return self.request("POST", self.path(KINDS[obj["kind"]], namespace), obj)

    def merge(self, plural: str, namespace: str | None, name: str, change: Json) -> Reply:
        """Merge-patch one object."""
        return self.request("PATCH", self.path(plural, namespace, name), change, MERGE)

    def apply(self, obj: Json, namespace: str, manager: str = "gitops") -> Reply:
        """Server-side apply with force, as Flux does."""
        path = self.path(KINDS[obj["kind"]], namespace, obj["metadata"]["name"], fieldManager=manager, force="true")
        return self.request("PATCH", path, obj, APPLY)

    def delete(self, plural: str, namespace: str | None, name: str, **params: str) -> Reply:
        """Delete one object."""
        return self.request("DELETE", self.path(plural, namespace, name, **params))


def until(look: Callable[[], T | None], seconds: float = 60.0, what: str = "", every: float = 0.15) -> T:
    """Look until there is something; fails with what was awaited when it does not come in time."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"did not come within {seconds:.0f}s: {what or look}")
        time.sleep(every)
    return found


def together(*work: Callable[[], object]) -> Sequence[Any]:
    """Do several things at once; the first that fails fails all."""
    results: list[Any] = [None] * len(work)
    errors: list[BaseException] = []

    def one(index: int) -> None:
        try:
            results[index] = work[index]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
