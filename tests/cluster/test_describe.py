"""Our describe beside the real one, for the same objects of a real cluster: every fact that kubectl prints is in ours."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cluster.given import Kubectl, documents, until
from evidence.kubectl_facts import facts, words
from stanch.evidence.describe import about, describe

Obj = dict[str, Any]

NOW = datetime(2030, 1, 1, tzinfo=UTC)  # ages are not compared
WORLD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: flags, labels: {app: checkout}, annotations: {owner: "team checkout"}}
data: {mode: calm, recommendations: "on"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, labels: {app: checkout}, annotations: {kubernetes.io/change-cause: "release 1.8.3"}}
spec:
  replicas: 2
  minReadySeconds: 1
  selector: {matchLabels: {app: checkout}, matchExpressions: [{key: tier, operator: In, values: [web, api]}]}
  template:
    metadata: {labels: {app: checkout, tier: web}, annotations: {note: "a note"}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {kubernetes.io/os: linux}
      tolerations:
      - {key: dedicated, operator: Equal, value: web, effect: NoSchedule}
      - {key: gone, operator: Exists, effect: NoExecute, tolerationSeconds: 30}
      topologySpreadConstraints:
      - maxSkew: 2
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app: checkout}}
      initContainers:
      - {name: migrate, image: "stanch.test/busybox:1", imagePullPolicy: Never, command: [sh, -c, "echo migrated"]}
      containers:
      - name: web
        image: stanch.test/busybox:1
        imagePullPolicy: Never
        command: [sh, -c]
        args: ["mkdir -p /tmp/w; echo ok >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"]
        ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090, protocol: UDP}]
        env:
        - {name: MODE, valueFrom: {configMapKeyRef: {name: flags, key: mode}}}
        - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        - {name: PLAIN, value: shown}
        - {name: CPUS, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        envFrom: [{configMapRef: {name: flags}, prefix: FLAG_}, {secretRef: {name: none, optional: true}}]
        resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: 100m, memory: 32Mi}}
        readinessProbe: {httpGet: {path: /index.html, port: http}, periodSeconds: 1}
        livenessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 5, failureThreshold: 7}
        startupProbe: {exec: {command: [test, -e, /tmp/w/index.html]}, periodSeconds: 1, failureThreshold: 60}
        volumeMounts:
        - {name: scratch, mountPath: /scratch}
        - {name: flags, mountPath: /flags, readOnly: true}
        - {name: flags, mountPath: /one/mode, subPath: mode}
      volumes:
      - {name: scratch, emptyDir: {sizeLimit: 1Mi}}
      - {name: flags, configMap: {name: flags, items: [{key: mode, path: mode}]}}
---
apiVersion: v1
kind: Service
metadata: {name: checkout, labels: {app: checkout}}
spec:
  type: NodePort
  selector: {app: checkout}
  sessionAffinity: ClientIP
  ports:
  - {name: http, port: 80, targetPort: http, appProtocol: http}
  - {name: metrics, port: 9090, targetPort: metrics, protocol: UDP}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: checkout, annotations: {note: "one line"}}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: checkout, port: {name: http}}}
  tls: [{hosts: [shop.example.com, www.example.com], secretName: shop-tls}]
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /cart, pathType: Prefix, backend: {service: {name: checkout, port: {number: 80}}}}
      - {path: /static, pathType: Exact, backend: {resource: {apiGroup: example.com, kind: Bucket, name: static}}}
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: checkout, port: {name: http}}}}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: checkout, labels: {app: checkout}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
  - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 20Mi}}}
  - {type: ContainerResource, containerResource: {name: cpu, container: web, target: {type: Utilization, averageUtilization: 60}}}
  - {type: Pods, pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: "100"}}}
  - type: Object
    object:
      metric: {name: hits}
      describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: checkout}
      target: {type: Value, value: "900"}
  - {type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: "30"}}}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 7, policies: [{type: Pods, value: 3, periodSeconds: 31}], selectPolicy: Min}
    scaleDown: {policies: [{type: Percent, value: 11, periodSeconds: 61}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: checkout}
spec: {minAvailable: 1, selector: {matchLabels: {app: checkout}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: other}
spec: {maxUnavailable: 30%, selector: {matchLabels: {app: other}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, labels: {app: store}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: none}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  replicas: 1
  selector: {matchLabels: {app: store}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
  volumeClaimTemplates:
  - metadata: {name: files, labels: {kind: files}}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}, storageClassName: none}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers:
      - name: db
        image: stanch.test/busybox:1
        imagePullPolicy: Never
        command: [sleep, "3600"]
        volumeMounts: [{name: files, mountPath: /files}, {name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, labels: {app: agent}}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      terminationGracePeriodSeconds: 0
      containers: [{name: agent, image: "stanch.test/busybox:1", imagePullPolicy: Never, command: [sleep, "3600"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: import}
spec:
  completions: 2
  parallelism: 2
  completionMode: Indexed
  backoffLimit: 3
  activeDeadlineSeconds: 300
  ttlSecondsAfterFinished: 3600
  template:
    spec:
      restartPolicy: Never
      containers: [{name: import, image: "stanch.test/busybox:1", imagePullPolicy: Never, command: [sh, -c, "echo done"]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, annotations: {note: "every night"}}
spec:
  schedule: "*/1 * * * *"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 120
  successfulJobsHistoryLimit: 2
  suspend: true
  jobTemplate:
    spec:
      parallelism: 3
      completions: 3
      activeDeadlineSeconds: 60
      template:
        spec:
          restartPolicy: Never
          containers: [{name: nightly, image: "stanch.test/busybox:1", imagePullPolicy: Never, command: [echo, done]}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: any-other-kind, labels: {a: b}}
spec: {holderIdentity: somebody, leaseDurationSeconds: 15, leaseTransitions: 3}
"""
NAMED = [
    "deployment/checkout",
    "statefulset/store",
    "daemonset/agent",
    "job/import",
    "cronjob/nightly",
    "service/checkout",
    "service/elsewhere",
    "ingress/checkout",
    "hpa/checkout",
    "pdb/checkout",
    "pdb/other",
    "pvc/data",
    "configmap/flags",
    "lease/any-other-kind",
]
# Of each kind the one that is there: names are made by controllers.
MADE = ["replicaset", "pod"]
# Words of kubectl that are no facts of the object: headings that ours writes in another form.
OTHER_WORDS = {"Labels:", "Annotations:", "Age", "From", "Message", "Kube-Proxy", "Data", "BinaryData"}


@pytest.fixture(scope="module")
def shop(admin: Kubectl) -> Iterator[Kubectl]:
    """A namespace with one object of every kind, all of them at rest."""
    name = "describe-beside-kubectl"
    assert admin("create", "namespace", name).ok
    kubectl = admin.having("--namespace", name)
    for obj in documents(WORLD):
        made = kubectl.create(obj)
        assert made.ok, made.err
    assert kubectl("rollout", "status", "deployment/checkout", "--timeout=90s").ok
    assert kubectl("rollout", "status", "daemonset/agent", "--timeout=90s").ok
    assert kubectl("wait", "--for=condition=Complete", "job/import", "--timeout=90s").ok
    until(lambda: bool(kubectl("get", "hpa/checkout", "-o", "jsonpath={.status.conditions}").out))
    until(
        lambda: (
            kubectl("get", "endpointslices", "-o", "jsonpath={.items[*].endpoints[*].addresses}").out.count(".") >= 6
        )
    )
    yield kubectl
    admin("delete", "namespace", name, "--wait=false")


def listed(kubectl: Kubectl, kind: str) -> list[Obj]:
    """Objects of a kind."""
    found: list[Obj] = kubectl("get", kind, "-o", "json").json()["items"]
    return found


def theirs(kubectl: Kubectl, name: str) -> tuple[str, Obj]:
    """What kubectl describes, and the object: of one moment, for what changes meanwhile is looked at again."""
    for _ in range(20):
        before = kubectl("get", name, "-o", "json").json()
        page = kubectl("describe", name).out
        if (
            kubectl("get", name, "-o", "json").json()["metadata"]["resourceVersion"]
            == before["metadata"]["resourceVersion"]
        ):
            return page, before
    raise AssertionError(f"{name} changes all the time")


def ours(kubectl: Kubectl, obj: Obj, events: list[Obj]) -> str:
    """Our page of it, from what a capture would have."""
    pods = listed(kubectl, "pods")
    owned = {s["metadata"]["uid"] for s in listed(kubectl, "replicasets") if _owner(s) == obj["metadata"]["uid"]}
    mine = [p for p in pods if _owner(p) in {obj["metadata"]["uid"], *owned}]
    sets = [s for s in listed(kubectl, "replicasets") if _owner(s) == obj["metadata"]["uid"]]
    slices = listed(kubectl, "endpointslices")
    beside = pods if obj["kind"] == "PersistentVolumeClaim" else mine
    return describe(obj, about(obj, events), now=NOW, pods=beside, replicasets=sets, slices=slices)


def _owner(obj: Obj) -> str:
    return next((str(o["uid"]) for o in obj["metadata"].get("ownerReferences", ()) if o.get("controller")), "")


def test_the_list_has_every_kind_of_the_promise(shop: Kubectl) -> None:
    """Pod, its owners, and what stands around it: fifteen forms, and one for all other kinds."""
    made = {obj["kind"] for obj in documents(WORLD)} | {"Pod", "ReplicaSet", "Node"}
    promised = (
        "Pod Deployment ReplicaSet StatefulSet DaemonSet Job CronJob Node Service Ingress HorizontalPodAutoscaler"
    )
    assert {*promised.split(), "PodDisruptionBudget", "PersistentVolumeClaim", "ConfigMap", "Lease"} == made


@pytest.mark.parametrize("name", [*NAMED, *MADE])
def test_every_fact_that_kubectl_prints_is_in_ours(shop: Kubectl, name: str) -> None:
    """Word by word, events included; only ages are ours in another form."""
    if name in MADE:
        name = f"{name}/{listed(shop.having('-l', 'app=checkout'), name)[0]['metadata']['name']}"
    page, obj = theirs(shop, name)
    assert page
    missing = facts(page, events=True) - words(ours(shop, obj, listed(shop, "events"))) - OTHER_WORDS
    assert [] == sorted(missing)


def test_every_fact_of_a_node_is_in_ours(admin: Kubectl) -> None:
    """Its Lease, too; only times that move with each heartbeat are not compared."""
    node = listed(admin, "nodes")[0]
    name = node["metadata"]["name"]
    page = admin("describe", f"node/{name}").out
    lease = admin("get", "lease", name, "-n", "kube-node-lease", "-o", "json").json()
    pods = admin("get", "pods", "-A", f"--field-selector=spec.nodeName={name}", "-o", "json").json()["items"]
    events = admin("get", "events", "-A", "-o", "json").json()["items"]
    mine = describe(node, about(node, events), now=NOW, pods=pods, lease=lease)
    # A heartbeat between the two reads moves these times; that they are there is shown by the others.
    beats = {c["lastHeartbeatTime"][:13] for c in node["status"]["conditions"]} | {lease["spec"]["renewTime"][:13]}
    found = facts(page, events=True) - words(mine) - OTHER_WORDS
    assert [] == sorted(word for word in found if word[:13] not in beats)


def test_times_are_absolute(shop: Kubectl) -> None:
    """Weeks later an age says nothing: every time of the object is in ours as it is."""
    page, obj = theirs(shop, "deployment/checkout")
    mine = ours(shop, obj, listed(shop, "events"))
    assert page
    for time in [obj["metadata"]["creationTimestamp"], *(c["lastTransitionTime"] for c in obj["status"]["conditions"])]:
        assert time in mine
