"""The links and routes of a cluster in the host's network namespace: one bridge, one cable a node, a few routes."""

from pathlib import Path

from testcluster.proc import run, try_run
from testcluster.slots import Slot

REMEDY = "the machine must let root make bridges and veth pairs (ip link add type bridge/veth)"


def _ip(*args: str) -> None:
    run(["ip", *args], part="network", remedy=REMEDY)


def create_bridge(slot: Slot) -> None:
    """The bridge all nodes hang on, and the host's address on it."""
    _ip("link", "add", slot.name, "type", "bridge", "forward_delay", "0")
    _ip("addr", "add", f"{slot.host_ip}/24", "dev", slot.name)
    _ip("link", "set", slot.name, "up")


def connect(slot: Slot, index: int, pid: int) -> None:
    """A cable from the bridge into the network namespace of node `index`, and the routes to its pods."""
    veth = slot.veth(index)
    if Path(f"/sys/class/net/{veth}").exists():  # of a node that died: the kernel may still be taking it down
        try_run(["ip", "link", "del", veth])
    _ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", veth, "master", slot.name, "up")
    _ip("route", "replace", slot.node_pods(index), "via", slot.node_ip(index), "dev", slot.name)
    if index == 1:
        # Without a route of its own a ClusterIP would leave the machine by the default route.
        _ip("route", "replace", slot.service_cidr, "via", slot.node_ip(1), "dev", slot.name)


def remove(slot: Slot) -> list[str]:
    """Delete every link of the slot; its routes go with the bridge. Returns the links that would not go."""
    for link in links(slot):
        try_run(["ip", "link", "del", link])
    return links(slot)


def links(slot: Slot) -> list[str]:
    """Links of this slot that exist: cables first, then the bridge."""
    cables = sorted(path.name for path in Path("/sys/class/net").glob(f"{slot.name}n*"))
    return cables + ([slot.name] if Path(f"/sys/class/net/{slot.name}").exists() else [])
