"""What a cluster could leave behind on a machine, to be compared before and after.

What belongs to clusters of other directories (registered in the cache) is left out, so that a developer's cluster may
run, start or stop beside the comparison.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from testcluster import cgroups, limits, packages, slots
from testcluster.proc import try_run

SYSCTLS = (
    "net.ipv4.ip_forward", "net.ipv4.conf.all.route_localnet", "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter", "net.netfilter.nf_conntrack_max", "net.bridge.bridge-nf-call-iptables",
    "kernel.panic", "kernel.panic_on_oops", "vm.overcommit_memory", "vm.panic_on_oom", "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)  # fmt: skip
FOLDERS = ("/mnt", "/run/netns", "/run/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd",
           "/var/log/pods", "/var/log/containers", "/etc/cni", "/opt/containerd", "/opt/cni")  # fmt: skip
OUR_GROUP = re.compile(r"/(stanchk\d+-[^/\s]+)")


def take() -> dict[str, list[str]]:
    """Everything that counts, each as sorted lines."""
    packages.ensure_path()
    members = list(_members())
    found = {
        "mounts": [" ".join(line.split()[:3]) for line in Path("/proc/self/mounts").read_text().splitlines()],
        "namespaces": sorted({f"{group} net {_net_namespace(pid)}" for pid, group, _ in members}),
        "links": [line.split()[1].split("@")[0].rstrip(":") for line in _lines(["ip", "-o", "link", "show"])],
        "routes": [*_lines(["ip", "-4", "route", "show", "table", "all"]), *_lines(["ip", "rule", "show"])],
        "cgroups": [str(path) for top in cgroups.hierarchies() for path in top.iterdir() if path.is_dir()],
        "nftables": _lines(["nft", "list", "ruleset"]),
        "iptables": [line for line in _lines(["iptables-save"]) if not line.startswith(("#", ":"))],
        "sysctls": [f"inotify instances={limits.original()}", *(f"{name}={_sysctl(name)}" for name in SYSCTLS)],
        "files": [str(path) for top in FOLDERS for path in [Path(top), *Path(top).glob("*")] if path.exists()],
        "processes": [f"{group} pid {pid} {line}" for pid, group, line in members],
        "slots": [f"slot {number}: {slots.owner(number)}" for number in range(slots.COUNT) if slots.owner(number)],
    }
    foreign = _foreign()
    return {kind: sorted(line for line in lines if not _matches(line, foreign)) for kind, lines in found.items()}


def _lines(args: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in (try_run(args) or "").splitlines() if line.strip()]


def _sysctl(name: str) -> str:
    path = Path("/proc/sys") / name.replace(".", "/")
    return path.read_text().strip() if path.exists() else "absent"


def _members() -> Iterator[tuple[str, str, str]]:
    """Pid, group and command line of every process in a cluster's control group: none of ours ever leaves it."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = OUR_GROUP.search((folder / "cgroup").read_text())
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # ended meanwhile
        if group:
            yield folder.name, group[1], line[:120]


def _net_namespace(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return "gone"


def _foreign() -> list[re.Pattern[str]]:
    """Patterns of everything that belongs to registered clusters."""
    patterns = []
    for number in range(slots.COUNT):
        if slots.owner(number) is not None:
            slot = slots.Slot(number)
            patterns += [rf"\b{slot.name}(n\d+|-\S+)?\b", rf"\b{re.escape(slot.net)}\.", rf"^slot {number}:"]
    return [re.compile(pattern) for pattern in patterns]


def _matches(line: str, patterns: list[re.Pattern[str]]) -> bool:
    return any(pattern.search(line) for pattern in patterns)
