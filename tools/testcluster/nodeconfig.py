"""The configuration files of one node. Paths are those seen inside the node (see node-init.sh)."""

import json
import os
import shutil
from pathlib import Path

from testcluster import images, kubeconfig, pki
from testcluster.controlplane import server
from testcluster.paths import Layout
from testcluster.proc import try_run
from testcluster.slots import Slot

CNI_PLUGINS = "/usr/lib/cni"


def write(layout: Layout, slot: Slot, index: int, archives: list[Path]) -> Path:
    """Everything node `index` reads at its start; returns the node's directory."""
    name = f"node-{index}"
    base = layout.node(name)
    for folder in ("var-lib", "var-log", "logs", "images", "cni"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for archive in archives:
        _link_or_copy(archive, base / "images" / archive.name)
    authority = layout.pki / "ca.crt"
    shutil.copyfile(authority, base / "ca.crt")
    (base / "containerd.toml").write_text(_containerd(_snapshotter(base)))
    (base / "cni" / "10-stanch.conflist").write_text(_cni(slot, index))
    (base / "kubelet.yaml").write_text(json.dumps(_kubelet(slot, name, index), indent=1))
    (base / "kube-proxy.yaml").write_text(json.dumps(_kube_proxy(slot, name), indent=1))
    for program, identity in (("kubelet", name), ("kube-proxy", "kube-proxy")):
        kubeconfig.write(base / f"{program}.kubeconfig", server=server(slot), authority=authority, user=identity,
                         token=pki.token(layout.pki, identity))  # fmt: skip
    return base


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _snapshotter(base: Path) -> str:
    """overlayfs, except where the directory itself lies on an overlay (in a container): those do not nest."""
    kind = (try_run(["stat", "-f", "-c", "%T", str(base)]) or "").strip()
    return "native" if kind.startswith("overlay") else "overlayfs"


def environment(base: Path) -> dict[str, str]:
    """What ctr must know to unpack images for the same snapshotter."""
    return {"CONTAINERD_SNAPSHOTTER": _snapshotter(base)}


def _containerd(snapshotter: str) -> str:
    # restrict_oom_score_adj: where the machine may not lower oom_score_adj every sandbox would die at its start.
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing"]
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.SANDBOX}"
  restrict_oom_score_adj = true
  max_concurrent_downloads = 1
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{CNI_PLUGINS}"
  conf_dir = "/mnt/node/cni"
"""


def _cni(slot: Slot, index: int) -> str:
    bridge = {
        "type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": slot.node_pods(index)}]],
                 "routes": [{"dst": "0.0.0.0/0"}]},
    }  # fmt: skip
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "0.4.0", "name": "stanch", "plugins": plugins}, indent=1)


def _kubelet(slot: Slot, name: str, index: int) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": "/mnt/node/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{slot.group(name)}", "failCgroupV1": False, "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        # An address nobody answers at: without one, every pod would get a MissingClusterDNS event.
        "clusterDNS": [slot.service_cidr.split("/")[0].removesuffix(".0") + ".10"], "clusterDomain": "cluster.local",
        "podCIDR": slot.node_pods(index), "maxPods": 110,
        "nodeStatusUpdateFrequency": "2s", "nodeStatusReportFrequency": "1m", "nodeLeaseDurationSeconds": 12,
        # A developer's full disk must not evict pods, and the images cannot be fetched again once collected.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%",
                         "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        # A file is turned over at 10 MiB else, and then `logs --previous` may find the new one empty: story 52 says 50 MB.
        "containerLogMaxSize": "100Mi",
        # Crash loops show themselves in seconds here instead of in five minutes.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        "shutdownGracePeriod": "0s", "logging": {"verbosity": 1},
    }  # fmt: skip


def _kube_proxy(slot: Slot, name: str) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "mode": "nftables" if shutil.which("nft") else "iptables",
        "clientConnection": {"kubeconfig": "/mnt/node/kube-proxy.kubeconfig"},
        "clusterCIDR": slot.pod_cidr, "hostnameOverride": name,
        # Zero: leave the machine's connection tracking settings alone.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }  # fmt: skip
