"""etcd, the API server, the controller manager and the scheduler, as processes of this machine."""

import time
from collections.abc import Callable
from pathlib import Path

from testcluster import cgroups, kubeconfig, pki
from testcluster.api import Api
from testcluster.paths import Layout
from testcluster.proc import Proc, spawn
from testcluster.slots import Slot
from testcluster.state import State, save
from testcluster.ui import ClusterError

API_PORT = 6443
GROUP = "cp"
# Writes only: reads would bury them. RequestReceived would list each write twice.
AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
"""


class ControlPlane:
    """Starts the four programs in order and records each in the state."""

    def __init__(self, layout: Layout, slot: Slot, state: State, binaries: Path) -> None:
        self.layout, self.slot, self.state, self.binaries = layout, slot, state, binaries
        self.api = api(layout, slot)
        self._cgroup = cgroups.create(slot.group(GROUP))

    def start_etcd(self) -> None:
        """etcd with fsync on: what is timed must pay for the disk."""
        url, peer = (f"http://127.0.0.1:{self.slot.port(offset)}" for offset in (0, 1))
        self._start("etcd", [
            f"--data-dir={self.layout.etcd}", f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            "--log-level=warn",
        ])  # fmt: skip

    def start_api_server(self) -> None:
        """The API server, on the bridge's address: host, nodes and pods reach it, nobody else does."""
        policy = self.layout.config / "audit-policy.yaml"
        policy.parent.mkdir(parents=True, exist_ok=True)
        policy.write_text(AUDIT_POLICY)
        keys = self.layout.pki
        self._start("kube-apiserver", [
            f"--etcd-servers=http://127.0.0.1:{self.slot.port(0)}",
            f"--bind-address={self.slot.host_ip}", f"--advertise-address={self.slot.host_ip}",
            f"--secure-port={API_PORT}", f"--service-cluster-ip-range={self.slot.service_cidr}",
            "--authorization-mode=Node,RBAC", "--allow-privileged=true",
            f"--token-auth-file={keys}/tokens.csv", f"--client-ca-file={keys}/ca.crt",
            f"--tls-cert-file={keys}/apiserver.crt", f"--tls-private-key-file={keys}/apiserver.key",
            f"--kubelet-client-certificate={keys}/kubelet-client.crt",
            f"--kubelet-client-key={keys}/kubelet-client.key", "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys}/sa.pub", f"--service-account-signing-key-file={keys}/sa.key",
            f"--audit-policy-file={policy}", f"--audit-log-path={self.layout.audit}",
            "--audit-log-maxbackup=1", "--audit-log-maxsize=200",
        ])  # fmt: skip

    def wait_api_server(self) -> None:
        """Wait until the API server is ready; notice at once if it or etcd died."""
        self._wait("kube-apiserver", self.api.ready, 60, ("kube-apiserver", "etcd"))

    def start_controllers(self) -> None:
        """Controller manager and scheduler, quick enough for hundreds of pods."""
        quick = ["--leader-elect=false", "--kube-api-qps=300", "--kube-api-burst=600", "--bind-address=127.0.0.1"]
        keys = self.layout.pki
        self._start("kube-controller-manager", [
            *quick, f"--secure-port={self.slot.port(2)}", *self._identity("kube-controller-manager"),
            "--use-service-account-credentials=true", f"--service-account-private-key-file={keys}/sa.key",
            f"--root-ca-file={keys}/ca.crt", f"--cluster-signing-cert-file={keys}/ca.crt",
            f"--cluster-signing-key-file={keys}/ca.key",
            "--node-monitor-grace-period=20s", "--node-monitor-period=2s",
            # Hundreds of namespaces come and go; ten at a time would fall behind, and their pods fill the nodes.
            "--concurrent-namespace-syncs=50", "--concurrent-gc-syncs=50",
        ])  # fmt: skip
        self._start("kube-scheduler", [*quick, f"--secure-port={self.slot.port(3)}", *self._identity("kube-scheduler")])

    def wait_usable(self) -> None:
        """Wait for what pods need before any can be created: the default ServiceAccount and the authority's copy."""

        def usable() -> bool:
            base = "/api/v1/namespaces/default"
            wanted = (f"{base}/serviceaccounts/default", f"{base}/configmaps/kube-root-ca.crt")
            return all(self.api.get(path) for path in wanted)

        self._wait("kube-controller-manager", usable, 60, ("kube-controller-manager", "kube-scheduler"))

    def _identity(self, name: str) -> list[str]:
        path = self.layout.config / f"{name}.kubeconfig"
        kubeconfig.write(path, server=server(self.slot), authority=self.layout.pki / "ca.crt", user=name,
                         token=pki.token(self.layout.pki, name))  # fmt: skip
        return [f"--{use}kubeconfig={path}" for use in ("", "authentication-", "authorization-")]

    def _start(self, name: str, args: list[str]) -> None:
        proc = spawn(name, [str(self.binaries / name), *args], self.layout.logs / f"{name}.log", self._cgroup)
        self.state.control_plane.append(proc)
        save(self.layout, self.state)

    def _wait(self, part: str, check: Callable[[], bool], seconds: float, watched: tuple[str, ...]) -> None:
        end = time.monotonic() + seconds
        while not check():
            for proc in self.state.control_plane:
                if proc.name in watched and not proc.alive():
                    raise ClusterError(proc.name, "it ended by itself", _REMEDY, self._log(proc))
            if time.monotonic() > end:
                raise ClusterError(part, f"not ready after {seconds:.0f} s", _REMEDY, self.layout.logs / f"{part}.log")
            time.sleep(0.05)

    def _log(self, proc: Proc) -> Path:
        return self.layout.logs / f"{proc.name}.log"


_REMEDY = "read the log above; free memory (1 GB) and disk if they are short; then run `up` again"


def server(slot: Slot) -> str:
    """The API server's URL."""
    return f"https://{slot.host_ip}:{API_PORT}"


def api(layout: Layout, slot: Slot) -> Api:
    """A client with the administrator's token."""
    return Api(server(slot), layout.pki / "ca.crt", pki.token(layout.pki, "admin"))
