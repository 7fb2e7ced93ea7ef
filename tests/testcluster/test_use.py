"""What a test cluster must be able to do for those who use it."""

import ssl
import time
import urllib.request
from pathlib import Path

from .helpers_testcluster import Cluster, eventually, succeed, tool

BUSYBOX = "stanch.test/busybox"
CRASHING = f"""
apiVersion: v1
kind: Pod
metadata: {{name: crashing}}
spec:
  containers:
  - name: main
    image: {BUSYBOX}:1
    command: [sh, -c, "echo the last words; sleep 1; exit 3"]
"""


def test_second_up_changes_nothing_and_is_quick(cluster: Cluster) -> None:
    """A second `up` in the same directory leaves every process as it is and takes a moment."""
    before, began = cluster.state(), time.monotonic()
    assert "up. export KUBECONFIG=" in succeed("up", "--dir", str(cluster.root))
    assert time.monotonic() - began < 5
    assert cluster.state() == before


def test_status_names_the_parts(cluster: Cluster) -> None:
    """`status` lists every process and succeeds while all is well."""
    said = succeed("status", "--dir", str(cluster.root))
    assert all(part in said for part in ("etcd", "kube-apiserver", "kube-scheduler", "node-1", "node-2"))


def test_both_nodes_are_ready(cluster: Cluster) -> None:
    """Two nodes are Ready when `up` returns."""
    assert cluster.ready_nodes() == ["node-1", "node-2"]


def test_three_images_are_three_releases(cluster: Cluster) -> None:
    """Each test image runs in a Deployment without a pull policy, and a rollout changes the release seen from outside."""
    cluster.deploy("release", f"{BUSYBOX}:1")
    digests = set()
    for tag in ("1", "2", "3"):
        cluster.must("set", "image", "deployment/release", f"busybox={BUSYBOX}:{tag}")
        cluster.must("rollout", "status", "deployment/release", "--timeout=40s")
        seen = ("exec", "deploy/release", "--", "cat", "/release")  # may still hit the pod that is going
        eventually(lambda seen=seen, tag=tag: cluster.kubectl(*seen).stdout.strip() == tag, f"release {tag}")
        newest = (
            f'jsonpath={{.items[?(@.spec.containers[0].image=="{BUSYBOX}:{tag}")].status.containerStatuses[0].imageID}}'
        )
        digests.add(cluster.must("get", "pods", "-l", "app=release", "-o", newest))
    assert len(digests) == 3


def test_unknown_tag_is_an_image_pull_error(cluster: Cluster) -> None:
    """A tag that does not exist gives the true error of the kubelet."""
    cluster.must("create", "deployment", "wrong", f"--image={BUSYBOX}:9")
    path = ".status.containerStatuses[*].state.waiting.reason"
    wanted = ("ErrImagePull", "ImagePullBackOff")
    eventually(lambda: cluster.pod_field("app=wrong", path) in wanted, "ErrImagePull")


def test_logs_previous_shows_the_last_words_of_a_crash(cluster: Cluster) -> None:
    """`kubectl logs --previous` answers for a pod in a crash loop."""
    cluster.must("apply", "-f", "-", data=CRASHING)
    eventually(lambda: cluster.kubectl("logs", "--previous", "crashing").returncode == 0, "a restart")
    assert cluster.must("logs", "--previous", "crashing").strip() == "the last words"


def test_service_carries_traffic_from_pod_to_pod_and_from_the_host(cluster: Cluster) -> None:
    """A ClusterIP answers pods on both nodes and the machine itself; a pod's address answers the machine."""
    cluster.deploy("web", f"{BUSYBOX}:2", "httpd", "-f", "-p", "8080", "-h", "/", replicas=2)
    cluster.must("expose", "deployment", "web", "--port=80", "--target-port=8080")
    address = cluster.must("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    assert len(set(cluster.pod_field("app=web", ".spec.nodeName").split())) == 2
    for pod in cluster.pod_field("app=web", ".metadata.name").split():
        fetch = ("exec", pod, "--", "timeout", "3", "wget", "-qO-", f"http://{address}/release")
        eventually(lambda fetch=fetch: cluster.kubectl(*fetch).stdout.strip() == "2", f"an answer in {pod}")
    pods = cluster.pod_field("app=web", ".status.podIP").split()
    assert [_fetch(f"http://{target}/release") for target in (address, *(f"{pod}:8080" for pod in pods))] == ["2"] * 3


def test_pod_uses_its_service_account_against_the_api(cluster: Cluster) -> None:
    """A pod finds the API server by its environment and is known there by its token."""
    cluster.deploy("client", f"{BUSYBOX}:1")
    shown = cluster.must("exec", "deploy/client", "--", "sh", "-c",
                         "cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; env")  # fmt: skip
    token, _, variables = shown.partition("\n")
    assert "KUBERNETES_SERVICE_HOST=" in variables
    who = cluster.must("auth", "whoami", f"--token={token}", "-o", "jsonpath={.status.userInfo.username}")
    assert who == "system:serviceaccount:default:default"


def test_audit_log_holds_writes_only(cluster: Cluster) -> None:
    """The audit log names who wrote what, and no read."""
    cluster.must("create", "configmap", "audited")
    cluster.must("get", "configmaps")
    text = (cluster.root / "audit.log").read_text()
    assert '"name":"audited"' in text
    assert '"verb":"list"' not in text
    assert '"verb":"get"' not in text


def test_authority_satisfies_strict_clients(cluster: Cluster) -> None:
    """Python's strict certificate checks, the default of newer Pythons, accept the API server."""
    server = cluster.must("config", "view", "--raw", "-o", "jsonpath={.clusters[0].cluster.server}")
    tls = ssl.create_default_context(cafile=str(cluster.root / "pki" / "ca.crt"))
    tls.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    with opener.open(f"{server}/readyz", timeout=5) as answer:
        assert answer.read() == b"ok"


def _fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return str(answer.read().decode().strip())


def test_a_backup_is_never_overwritten_and_nothing_is_restored_from_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Both are refused before anything is stopped; the cluster runs on."""
    before = cluster.state()
    for words, said in ((("backup", "--to"), "is there already"), (("restore", "--from"), "holds no data of etcd")):
        done = tool(words[0], "--dir", str(cluster.root), words[1], str(tmp_path))
        assert (done.returncode, "remedy" in done.stderr) == (1, True)
        assert said in done.stderr
    assert "no local cluster runs" in tool("backup", "--dir", str(tmp_path), "--to", str(tmp_path / "x")).stderr
    assert cluster.state() == before
