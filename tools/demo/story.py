"""The demo, scene by scene. Each scene says what it waits for; the end is checked against the cluster, not the record."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.demo import background, show
from tools.demo.background import LOG, ROOT
from tools.demo.cluster import PERSON, Kubectl, condition
from tools.demo.screen import DemoError, Screen
from tools.demo.watch import INCIDENT, Board
from tools.install import find_kubectl

CLUSTER = ROOT / ".cluster"
KUBECONFIG = CLUSTER / "kubeconfig"
SHOP = "examples/shop"
GOOD_IMAGE = "stanch.test/busybox:1"
DEPLOYMENT = ("deployment", "checkout", "-n", "shop")


def environment() -> dict[str, str]:
    """Without somebody's KUBECONFIG: the demo installs things, and must not do so on a given cluster unasked."""
    kept = dict(os.environ)
    if kept.get("STANCH_CLUSTER") != "given":
        kept.pop("KUBECONFIG", None)
    return kept


def step(screen: Screen, words: list[str]) -> None:
    """Run a tool of this repository, its lines shown as they come."""
    done = subprocess.run(words, check=False, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL)
    if done.returncode:
        raise DemoError(f"`{' '.join(words[1:])}` failed; its lines above say why")


def up(screen: Screen) -> None:
    """The whole story."""
    if os.environ.get("KUBECONFIG") and os.environ.get("STANCH_CLUSTER") != "given":
        screen.say(
            "KUBECONFIG is left alone: the demo makes a cluster of its own (STANCH_CLUSTER=given to change that)"
        )
    screen.title("A cluster: real API server, etcd, kubelets")
    step(screen, [sys.executable, str(ROOT / "tools" / "testcluster"), "up", "--dir", str(CLUSTER)])
    screen.title("stanch on it: CRDs, rights, admission policies")
    step(screen, [sys.executable, "-m", "tools.install", "--kubeconfig", str(KUBECONFIG)])
    kubectl = Kubectl(find_kubectl(), KUBECONFIG, screen)
    background.stop()
    pid = background.start(KUBECONFIG)
    screen.say(f"the operator runs as its ServiceAccount, and with no other right (pid {pid}, log {shown(LOG)})")
    good_release(kubectl, screen)
    bad_release(kubectl, screen)
    incident = declare(kubectl, screen)
    learn(kubectl, screen, incident)
    prove(kubectl, screen)
    around(screen, kubectl)


def shown(path: Path) -> str:
    """A path as short as it can be typed from here."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def good_release(kubectl: Kubectl, screen: Screen) -> None:
    """Three pods that answer."""
    screen.title("A good release of a small shop: checkout 1.8.2, three pods")
    before = kubectl.read("namespace", "shop")
    if before and "stanch-demo" not in (before["metadata"].get("labels") or {}).values():
        raise DemoError("namespace shop is there and is not the demo's; delete it, or use another cluster")
    if before:
        screen.say("namespace shop of an earlier run is removed")
        kubectl.must("delete", "namespace", "shop", "--wait=true", wait=180)
    kubectl.typed("apply", "-f", f"{SHOP}/people.yaml")
    kubectl.until("alice has her rights", 20, lambda: may_deploy(kubectl))
    kubectl.typed("apply", "-f", f"{SHOP}/release-good.yaml", person=PERSON)
    kubectl.typed("rollout", "status", *DEPLOYMENT, "--timeout=90s", limit=1)
    answer = kubectl.until("the shop answers HTTP", 30, lambda: ask_pods(kubectl))
    screen.say(f"a customer sees: {answer[0]}")


def may_deploy(kubectl: Kubectl) -> bool:
    """RoleBindings take a moment to be believed."""
    return kubectl("auth", "can-i", "create", "deployments.apps", "-n", "shop", person=PERSON).returncode == 0


def bad_release(kubectl: Kubectl, screen: Screen) -> None:
    """Pods that say why, and die."""
    screen.title("The next release, 1.8.3, is bad")
    kubectl.typed("apply", "-f", f"{SHOP}/release-bad.yaml", person=PERSON)
    kubectl.until("pods of the bad release crash", 90, lambda: crashes(kubectl))
    kubectl.typed("-n", "shop", "get", "pods")


def crashes(kubectl: Kubectl) -> bool:
    """Two pods at least have died, were started again, and died again: there is a previous log that could be lost."""
    pods = (kubectl.read("pods", "-n", "shop") or {"items": []})["items"]
    states = [s for pod in pods for s in pod["status"].get("containerStatuses") or ()]
    looping = [s for s in states if s["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"]
    return sum(s["restartCount"] > 0 for s in looping) > 1


def declare(kubectl: Kubectl, screen: Screen) -> dict[str, Any]:
    """alice declares; the board changes; evidence, rollback, recovery."""
    screen.title("alice declares an incident, and goes to find out more")
    screen.show((ROOT / SHOP / "incident.yaml").read_text(encoding="utf-8").partition("\n")[2])
    board = Board(kubectl, screen)
    kubectl.typed("apply", "-f", f"{SHOP}/incident.yaml", person=PERSON)
    screen.typed("kubectl -n shop get incidents --watch")
    found = board.until("the rollback is applied", 60, applied)
    screen.title("Evidence, captured before anything was touched")
    record = found["status"]["mitigations"][0]
    show.evidence(kubectl, screen, record["attempts"][0]["evidence"])
    screen.title("The rollback: once, and written down before it was done")
    show.rollback(screen, record)
    screen.title("Recovery: harm must end, and stay away for 20s")
    board.until("harm is over (condition Mitigated)", 120, lambda i: condition(i, "Mitigated"))
    found = board.until("recovery has held (condition Resolved)", 180, lambda i: condition(i, "Resolved"))
    criteria = found["status"]["recovery"]["criteria"]
    for each in criteria:
        screen.say(f"{each['name']}: {each['state']} since {each.get('sinceTime', '?')}")
    return board.until("a postmortem is drafted", 60, lambda i: (i["status"].get("postmortem") or {}).get("name"))


def applied(incident: dict[str, Any]) -> bool:
    """Whether the first attempt's effect was seen to be there."""
    records = (incident.get("status") or {}).get("mitigations") or ()
    return any(a.get("appliedTime") for r in records for a in r.get("attempts") or ())


def learn(kubectl: Kubectl, screen: Screen, incident: dict[str, Any]) -> None:
    """The record, and what becomes of it."""
    screen.title("The timeline: machine and people in one list")
    show.timeline(screen, incident["status"]["timeline"])
    screen.title("A postmortem, drafted from the record")
    drafted = incident["status"]["postmortem"]
    what = ("postmortem", drafted["name"], "-n", "shop")
    show.postmortem(screen, kubectl.until("the draft is stored", 30, lambda: kubectl.read(*what))["spec"])
    screen.title("And something to do, so that it does not happen again")
    kubectl.until(
        "the action item is stored", 30, lambda: kubectl.read("actionitems", drafted["actionItems"][0], "-n", "shop")
    )
    kubectl.typed("-n", "shop", "get", "actionitems")


def ask_pods(kubectl: Kubectl) -> list[str]:
    """What each pod of checkout answers to HTTP; empty when one does not."""
    pods = (kubectl.read("pods", "-n", "shop", "-l", "app.kubernetes.io/name=checkout") or {"items": []})["items"]
    live = [p["metadata"]["name"] for p in pods if not p["metadata"].get("deletionTimestamp")]
    answers = [kubectl("get", "--raw", f"/api/v1/namespaces/shop/pods/{name}:8080/proxy/") for name in live]
    return [a.stdout.strip() for a in answers] if answers and all(a.returncode == 0 for a in answers) else []


def prove(kubectl: Kubectl, screen: Screen) -> None:
    """Not the record's word for it: the Deployment and its pods."""
    screen.title("Did the service really recover?")
    if not condition(kubectl.read(*INCIDENT), "Resolved"):
        raise DemoError("the incident is not Resolved any more")
    deployment = kubectl.read(*DEPLOYMENT) or {}
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    ready = deployment["status"].get("availableReplicas", 0)
    if image != GOOD_IMAGE or ready != deployment["spec"]["replicas"] or not condition(deployment, "Available"):
        raise DemoError(
            f"Deployment checkout has image {image}, {ready} pods available: {json.dumps(deployment['status'])}"
        )
    answers = ask_pods(kubectl)
    if len(answers) != ready:
        raise DemoError("not every pod answers HTTP")
    screen.say(f"Deployment checkout: {ready} of {ready} pods available, image {image}")
    screen.say(f"each pod answers HTTP: {answers[0]}")


def around(screen: Screen, kubectl: Kubectl) -> None:
    """Where to look from here."""
    program = kubectl.start[0]
    screen.title("Look around")
    if not shutil.which("kubectl"):
        screen.show(f"export PATH={Path(program).parent}:$PATH")
    screen.show(
        f"export KUBECONFIG={KUBECONFIG}\n"
        "kubectl -n shop get response                        # all that is about incidents\n"
        "kubectl -n shop describe incident checkout-5xx      # conditions, record, Events\n"
        "kubectl -n shop get postmortem checkout-5xx -o yaml\n"
        "kubectl explain incident.spec.mitigations\n"
        f"tail -f {shown(LOG)}\n"
        "make demo-down                                      # when you have seen enough"
    )
    print(f"\nThe service recovered. {screen.elapsed():.0f}s in all.", flush=True)


def down() -> int:
    """Stop the operator by its record, then the cluster."""
    print("operator stopped" if background.stop() else "no operator of the demo runs", flush=True)
    words = [sys.executable, str(ROOT / "tools" / "testcluster"), "down", "--dir", str(CLUSTER)]
    code = subprocess.run(words, check=False, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    if code == 0:
        shutil.rmtree(background.FOLDER, ignore_errors=True)
    return code
