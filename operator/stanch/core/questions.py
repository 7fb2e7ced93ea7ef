"""Everything a plan may want to know: a closed list, answered by shell/observe.py. A question is its own dictionary key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote


def _part(name: str) -> str:
    """One segment of a path, whatever the name says: names come from people, and from other people's annotations."""
    return quote(name, safe="") if name.strip(".") else "%2E" * len(name)


@dataclass(frozen=True, slots=True)
class Ref:
    """One kind of object in the API: group ("" for core), version and plural."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """API path of the collection, or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{_part(namespace)}" if namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{_part(name)}" if name else "")


@dataclass(frozen=True, slots=True)
class Get:
    """The object as it is now. Answer: Found, NotFound or Failed."""

    ref: Ref
    namespace: str | None
    name: str


@dataclass(frozen=True, slots=True)
class List:
    """
    All objects that match. Answer: Found({"items": [...]}) or Failed.

    ``limit`` bounds the answer; a cut one carries ``metadata.continue``, and readers must say so, or ask on from there:
    ``after``. ``metadata_only`` leaves everything but the metadata on the server.
    """

    ref: Ref
    namespace: str | None
    labels: str = ""
    fields: str = ""
    limit: int = 500
    metadata_only: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True)
class Logs:
    """The newest lines of one container. Answer: Found({"text", "dropped"}) or Failed; the newest bytes are kept."""

    namespace: str
    pod: str
    container: str
    previous: bool
    node: str
    tail_lines: int
    keep_bytes: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class MayThey:
    """May this person do it? Answer: Found({"allowed": bool, "reason": str}) or Failed."""

    username: str
    uid: str
    groups: tuple[str, ...]
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """Would the API server accept this JSON Patch? Answer: Found(object) or Failed with its words. ``patch`` is JSON text."""

    ref: Ref
    namespace: str | None
    name: str
    patch: str


@dataclass(frozen=True, slots=True)
class MayGo:
    """Would the API server evict this pod now? Answer: Found({}) or Failed with its words (429: a PodDisruptionBudget)."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class UndoSecret:
    """The undo record of an action, by the name of its Secret. Answer: Found(the record, decoded), NotFound or Failed."""

    name: str


@dataclass(frozen=True, slots=True)
class Metric:
    """
    An instant query to Prometheus, waited for so many seconds. Answer: Found({"resultType", "result"}) as its HTTP API has it,
    or Failed. ``url`` is the base URL of the cluster's ResponsePolicy, never anybody else's, and ``secret`` the name of the Secret
    with its credentials there.
    """

    url: str
    query: str
    seconds: float
    secret: str = ""


@dataclass(frozen=True, slots=True)
class MetricRange:
    """A query over a time, at a step, as Metric otherwise; for graphs, never to judge by."""

    url: str
    query: str
    start: datetime
    end: datetime
    step: timedelta
    seconds: float
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """
    A GET without following redirects. Answer: Found({"status": int}) or Failed: with reason `NotAsked` when it was not sent, else
    nobody answered. ``url`` is that of an endpoint of the cluster's ResponsePolicy, ``secret`` the name of its Secret.
    """

    url: str
    seconds: float
    secret: str = ""


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """
    Has Prometheus loaded an alerting rule of this name? Answer: Found({"rules": [{"name", "query", "health"}]}) or Failed.
    ``url`` and ``secret`` as in Metric.
    """

    url: str
    name: str
    seconds: float
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """
    Is this CEL expression true of an object, given as JSON text? Answer: Found({"value": bool}) or Failed, with a reason of
    core/done_when.py. Worked out in a process of its own, for what people write may not end.
    """

    expression: str
    object: str


Outside = Metric | MetricRange | Probe | LoadedRule
OfCluster = Get | List | Logs | MayThey | DryRun | MayGo | UndoSecret
Question = OfCluster | Outside | Evaluate

DEPLOYMENTS = Ref("apps", "v1", "deployments")
STATEFULSETS = Ref("apps", "v1", "statefulsets")
DAEMONSETS = Ref("apps", "v1", "daemonsets")
REPLICASETS = Ref("apps", "v1", "replicasets")
CONTROLLER_REVISIONS = Ref("apps", "v1", "controllerrevisions")
PODS = Ref("", "v1", "pods")
NODES = Ref("", "v1", "nodes")
EVENTS = Ref("", "v1", "events")
SERVICES = Ref("", "v1", "services")
ENDPOINT_SLICES = Ref("discovery.k8s.io", "v1", "endpointslices")
HPAS = Ref("autoscaling", "v2", "horizontalpodautoscalers")
CONFIG_MAPS = Ref("", "v1", "configmaps")
JOBS = Ref("batch", "v1", "jobs")
CRON_JOBS = Ref("batch", "v1", "cronjobs")
HTTP_ROUTES = Ref("gateway.networking.k8s.io", "v1", "httproutes")
KUSTOMIZATIONS = Ref("kustomize.toolkit.fluxcd.io", "v1", "kustomizations")
HELM_RELEASES = Ref("helm.toolkit.fluxcd.io", "v2", "helmreleases")
APPLICATIONS = Ref("argoproj.io", "v1alpha1", "applications")
APPLICATION_SETS = Ref("argoproj.io", "v1alpha1", "applicationsets")
ROLLOUTS = Ref("argoproj.io", "v1alpha1", "rollouts")
CANARIES = Ref("flagger.app", "v1beta1", "canaries")
SCALED_OBJECTS = Ref("keda.sh", "v1alpha1", "scaledobjects")
# From where a Flux Kustomization takes what it applies, by kind.
FLUX_SOURCES = {
    "GitRepository": Ref("source.toolkit.fluxcd.io", "v1", "gitrepositories"),
    "OCIRepository": Ref("source.toolkit.fluxcd.io", "v1", "ocirepositories"),
    "Bucket": Ref("source.toolkit.fluxcd.io", "v1", "buckets"),
}
RESOURCE_QUOTAS = Ref("", "v1", "resourcequotas")
PDBS = Ref("policy", "v1", "poddisruptionbudgets")
# What stands around a workload.
AROUND = frozenset({EVENTS, SERVICES, ENDPOINT_SLICES, HPAS, PDBS})
INCIDENTS = Ref("stanch.dev", "v1alpha1", "incidents")
ENTRIES = Ref("stanch.dev", "v1alpha1", "timelineentries")
EVIDENCES = Ref("stanch.dev", "v1alpha1", "evidences")
POSTMORTEMS = Ref("stanch.dev", "v1alpha1", "postmortems")
ACTION_ITEMS = Ref("stanch.dev", "v1alpha1", "actionitems")
RESPONSE_POLICIES = Ref("stanch.dev", "v1alpha1", "responsepolicies")
RUNBOOKS = Ref("stanch.dev", "v1alpha1", "runbooks")

REF_OF_KIND: dict[str, Ref] = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFULSETS,
    "DaemonSet": DAEMONSETS,
    "ReplicaSet": REPLICASETS,
    "Node": NODES,
    "HorizontalPodAutoscaler": HPAS,
    "ConfigMap": CONFIG_MAPS,
    "Service": SERVICES,
    "HTTPRoute": HTTP_ROUTES,
    "CronJob": CRON_JOBS,
    "Pod": PODS,
    "Kustomization": KUSTOMIZATIONS,
    "HelmRelease": HELM_RELEASES,
    "Application": APPLICATIONS,
}
