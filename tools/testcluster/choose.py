"""Which cluster: a given one, kind, or a local one; and the commands that hold for all three."""

import os
from pathlib import Path

from testcluster import given, kindcluster, local
from testcluster.interrupts import held
from testcluster.locks import locked
from testcluster.paths import Layout
from testcluster.slots import Slot
from testcluster.state import State, load
from testcluster.ui import ClusterError, say

KINDS = ("given", "kind", "local")


def _choice(layout: Layout) -> str:
    forced = os.environ.get("STANCH_CLUSTER", "")
    if forced and forced not in KINDS:
        raise ClusterError(
            "STANCH_CLUSTER", f"{forced!r} is none of {', '.join(KINDS)}", "unset it, or use one of them"
        )
    if forced:
        return forced
    if _other_kubeconfig(layout):
        return "given"
    return "kind" if kindcluster.usable() else "local"


def _other_kubeconfig(layout: Layout) -> bool:
    """Whether KUBECONFIG names a cluster. The file we write ourselves, exported after an earlier `up`, does not count."""
    named = os.environ.get("KUBECONFIG", "")
    return bool(named) and Path(named).absolute() != layout.kubeconfig


def up(layout: Layout, count: int) -> None:
    """Bring up the cluster of this directory, or find that it is up."""
    with locked(layout.lock, f"the cluster in {layout.root}"):
        state = load(layout)
        if state is not None and _still_good(layout, state, count):
            return
        kind = _choice(layout)
        if state is not None:
            say("the cluster here is not running any more: removing its remains")
            _remove(layout, state)
        else:
            local.down(layout)  # a start that was cut off before it wrote its record
        layout.enter()
        say(f"starting a {kind} cluster in {layout.root}" if kind != "given" else "using the cluster of KUBECONFIG")
        try:
            _start(layout, kind, count)
        except BaseException:
            if not layout.logs.exists():  # nothing was started: not even a log is worth keeping
                layout.leave()
            raise
        _announce(layout)


def _start(layout: Layout, kind: str, count: int) -> None:
    if kind == "given":
        given.up(layout)
    elif kind == "kind":
        kindcluster.up(layout, count)
    else:
        local.up(layout, count)


def _still_good(layout: Layout, state: State, count: int) -> bool:
    """Whether the recorded cluster answers; dead nodes of a living local one are started again."""
    if state.kind != "local":
        good = given.answers(layout.kubeconfig)
    else:
        good, dead = local.healthy(layout, state)
        if good and dead:
            local.restart_nodes(layout, state, dead)
    if good:
        if state.nodes and state.nodes != count:
            say(f"note: it has {state.nodes} nodes, not {count}; run `down` first to change that")
        if state.kind != "given" and _other_kubeconfig(layout):
            say("note: KUBECONFIG names another cluster; run `down` first to use that one")
        _announce(layout)
    return good


def _announce(layout: Layout) -> None:
    say(f"up. export KUBECONFIG={layout.kubeconfig}")


def _remove(layout: Layout, state: State) -> None:
    with held():
        if state.kind == "kind":
            kindcluster.down(layout, state)
        elif state.kind == "given":
            given.forget(layout)
        else:
            local.down(layout)


def down(layout: Layout) -> None:
    """Remove the cluster of this directory; a given one is only forgotten."""
    with locked(layout.lock, f"the cluster in {layout.root}"):
        state = load(layout)
        if state is None:
            with held():
                found = local.down(layout)
            say("removed the remains of a cluster" if found else f"no cluster in {layout.root}: nothing to do")
            return
        _remove(layout, state)
        say("forgot the given cluster; it was not made here and stays" if state.kind == "given" else "down")


def status(layout: Layout) -> int:
    """Print what is known; 0 when the cluster answers and is whole."""
    state = load(layout)
    if state is None:
        print(f"no cluster in {layout.root}")
        return 1
    if state.kind != "local":
        good = given.answers(layout.kubeconfig)
        print(f"{state.kind} cluster, {'answers' if good else 'does not answer'}: KUBECONFIG={layout.kubeconfig}")
        return 0 if good else 1
    slot = Slot(state.slot)
    print(f"local cluster, bridge {slot.name}, pods {slot.pod_cidr}, services {slot.service_cidr}")
    for proc in [*state.control_plane, *state.node_procs]:
        print(f"  {proc.name:26} pid {proc.pid:<8} {'running' if proc.alive() else 'DEAD'}")
    good, dead = local.healthy(layout, state, patience=2)
    print(f"KUBECONFIG={layout.kubeconfig}" if good else "the control plane does not answer; `up` starts it again")
    return 0 if good and not dead else 1
