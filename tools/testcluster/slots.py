"""Slots: which bridge, addresses and ports a cluster gets, so that several stand side by side.

A slot number alone names everything a cluster puts outside its directory (links, routes, control groups), so its
remains can be removed even when the directory is gone.
"""

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from testcluster import cgroups, limits
from testcluster.locks import locked
from testcluster.paths import cache_dir
from testcluster.proc import try_run
from testcluster.ui import ClusterError, say

COUNT = 16
FIRST_OCTET, FIRST_PORT = 200, 23790


@dataclass(frozen=True)
class Slot:
    """The names and numbers of one slot."""

    number: int

    @property
    def name(self) -> str:
        """Bridge name, and the prefix of control groups and links."""
        return f"stanchk{self.number}"

    @property
    def net(self) -> str:
        """First two octets of every address."""
        return f"10.{FIRST_OCTET + self.number}"

    @property
    def host_ip(self) -> str:
        """The bridge's own address: the API server listens here, where pods can reach it too."""
        return f"{self.net}.0.1"

    @property
    def pod_cidr(self) -> str:
        """All pods. Outside the bridge's own subnet, so that kube-proxy masquerades what the host sends."""
        return f"{self.net}.64.0/18"

    @property
    def service_cidr(self) -> str:
        """ClusterIPs."""
        return f"{self.net}.128.0/20"

    def node_ip(self, index: int) -> str:
        """Address of node `index` (from 1) on the bridge."""
        return f"{self.net}.0.{10 + index}"

    def node_pods(self, index: int) -> str:
        """Pod range of node `index`."""
        return f"{self.net}.{64 + index}.0/24"

    def port(self, offset: int) -> int:
        """A loopback port: 0 etcd, 1 etcd peers, 2 controller manager, 3 scheduler."""
        return FIRST_PORT + 10 * self.number + offset

    def group(self, part: str) -> str:
        """Name of a control group."""
        return f"{self.name}-{part}"

    def veth(self, index: int) -> str:
        """The host's end of the cable to node `index`."""
        return f"{self.name}n{index}"


def _record(number: int) -> Path:
    return cache_dir() / "clusters" / f"{number}.json"


def owner(number: int) -> Path | None:
    """The cluster directory that holds a slot."""
    try:
        return Path(json.loads(_record(number).read_text())["dir"])
    except (OSError, ValueError, KeyError):
        return None


def orphan(number: int) -> bool:
    """Whether a slot is held by a directory that no longer knows of it."""
    holder = owner(number)
    return holder is not None and not (holder / "state.json").exists()


def held_by(root: Path) -> list[Slot]:
    """Slots registered for a directory, even if its state file is lost."""
    return [Slot(number) for number in range(COUNT) if owner(number) == root]


def allot(root: Path) -> Slot:
    """Take the first slot whose addresses, links and ports are free."""
    with locked(cache_dir() / "locks" / "clusters.lock", "choosing addresses"):
        reasons = []
        for number in range(COUNT):
            if owner(number) is not None:
                reasons.append(f"{number}: taken by {owner(number)}")
                continue
            busy = _busy(Slot(number))
            if busy:
                reasons.append(f"{number}: {busy}")
                continue
            path = _record(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"dir": str(root)}))
            limits.enough_for_many()
            return Slot(number)
    say("slots: " + "; ".join(reasons))
    raise ClusterError("addresses", f"all {COUNT} slots are taken", "run `down` for clusters you no longer need")


def release(slot: Slot, root: Path) -> None:
    """Give a slot back, if it is still this directory's."""
    with locked(cache_dir() / "locks" / "clusters.lock", "choosing addresses"):
        if owner(slot.number) == root:
            _record(slot.number).unlink(missing_ok=True)
        if all(owner(number) is None for number in range(COUNT)):
            limits.put_back()


def _busy(slot: Slot) -> str:
    """Why a slot that nobody registered cannot be used; empty when it can."""
    routes = try_run(["ip", "-4", "route", "show", "table", "all", "root", f"{slot.net}.0.0/16"]) or ""
    inside = [line for line in routes.splitlines() if not line.startswith("default")]
    if inside:
        return f"route {inside[0].strip()} is there"
    if Path(f"/sys/class/net/{slot.name}").exists():
        return f"link {slot.name} is there"
    if cgroups.groups(f"{slot.name}-"):
        return f"control group {cgroups.groups(f'{slot.name}-')[0]} is there"
    taken = [port for port in map(slot.port, range(4)) if not _port_free(port)]
    return f"port {taken[0]} is in use" if taken else ""


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
