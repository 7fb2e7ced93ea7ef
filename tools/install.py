"""
Install stanch into a cluster: CRDs, policies, rights. Not the operator, which `kubectl apply -k manifests/overlays/cluster` adds.

`python -m tools.install [--kubeconfig FILE]` may be run again at any time; `--uninstall` takes everything away. It waits
until the policies bite, for a policy that is stored is not yet a policy that holds (facts/admission.md 9).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.crds_rules import KINDS

from stanch.api.names import GROUP, OPERATOR_NAMESPACE, Label
from stanch.shell import policies

ROOT = Path(__file__).resolve().parent.parent
CLUSTER_KUBECONFIG = ROOT / ".cluster" / "kubeconfig"
PATIENCE = 60.0
FORGED = "somebody-else"


class InstallError(Exception):
    """A step that did not work: what, and what would help."""


class Kubectl:
    """kubectl against one cluster."""

    def __init__(self, program: str, kubeconfig: Path | None) -> None:
        self.start = [program] + (["--kubeconfig", str(kubeconfig)] if kubeconfig else [])

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it; the caller looks at what came of it."""
        return subprocess.run([*self.start, *words], input=stdin, capture_output=True, text=True, check=False)

    def must(self, step: str, remedy: str, *words: str) -> str:
        """Run it, or stop with what it said and the remedy."""
        done = self(*words)
        if done.returncode != 0:
            raise InstallError(f"{step} failed: {done.stderr.strip() or done.stdout.strip()}\n  remedy: {remedy}")
        return done.stdout

    def read(self, *words: str) -> dict[str, Any] | None:
        """The JSON of a `get`, None when it is not there or not answered."""
        done = self("get", *words, "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def find_kubectl() -> str:
    """The one on PATH, else the one tools/testcluster builds."""
    if found := shutil.which("kubectl"):
        return found
    asked = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "testcluster"), "bin"], capture_output=True, text=True, check=False
    )
    if asked.returncode == 0:
        return str(Path(asked.stdout.strip().splitlines()[-1]) / "kubectl")
    raise InstallError(
        f"there is no kubectl: {asked.stderr.strip()}\n  remedy: put kubectl on PATH, or run `python3 tools/testcluster bin`"
    )


def which_cluster(asked: Path | None) -> Path | None:
    """The kubeconfig to use: the one asked for, KUBECONFIG's (None), the local cluster's, else kubectl's own (None)."""
    if asked is None and "KUBECONFIG" not in os.environ and CLUSTER_KUBECONFIG.exists():
        return CLUSTER_KUBECONFIG
    return asked


def wait(step: str, remedy: str, problem: Callable[[], str]) -> None:
    """Until there is no problem any more; then say how long it took."""
    start = time.monotonic()
    while found := problem():
        if time.monotonic() - start > PATIENCE:
            raise InstallError(f"{step}: after {PATIENCE:.0f}s still: {found}\n  remedy: {remedy}")
        time.sleep(0.3)
    print(f"ok  {step} ({time.monotonic() - start:.1f}s)", flush=True)


# --- are they in force? ----------------------------------------------------------------------------------------------


def live_policies(kubectl: Kubectl) -> dict[str, Any]:
    """Policies and bindings as they stand, by the keys of policies.EXPECTED."""
    resources = sorted({expected.resource for expected in policies.EXPECTED.values()})
    answer = kubectl.read(",".join(resources)) or {"items": []}
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in answer["items"]}


def probe(kubectl: Kubectl, kind: str, spec: dict[str, Any], **metadata: Any) -> tuple[dict[str, Any], str]:
    """What a create would make of an object, nothing stored: the object, or the refusal."""
    item = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": kind,
        "metadata": {"generateName": "stanch-probe-", "namespace": OPERATOR_NAMESPACE, **metadata},
        "spec": spec,
    }
    done = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(item))
    return (json.loads(done.stdout)["spec"] if done.returncode == 0 else {}), done.stderr.strip()


def not_biting(kubectl: Kubectl) -> str:
    """The first policy that does not do its work, told by trying to forge; '' when all do."""
    wish = {"name": "probe", "scale": {"replicas": 1}, "target": {"kind": "Deployment", "name": "stanch-probe"}}
    by = {"username": FORGED}
    spec, said = probe(
        kubectl,
        "Incident",
        {"title": "probe", "mitigations": [wish], "declaredBy": by, "requesters": [by | {"mitigations": ["probe"]}]},
    )
    if not spec:
        return f"an incident can't be declared: {said}"
    if spec["declaredBy"]["username"] == FORGED or spec["requesters"][0]["username"] == FORGED:
        return "a forged asker of an Incident is believed"
    spec, said = probe(kubectl, "TimelineEntry", {"incident": "probe", "text": "probe", "note": {}, "author": by})
    if not spec:
        return f"a timeline entry can't be written: {said}"
    if spec["author"]["username"] == FORGED:
        return "a forged author of a TimelineEntry is believed"
    _, said = probe(kubectl, "Incident", {"title": "probe"}, labels={Label.CLOSED: ""})
    return "" if "stanch-own-labels" in said else f"a label of ours can be forged: {said or 'it was accepted'}"


# --- can they be? ----------------------------------------------------------------------------------------------------

SERVED = "/apis/admissionregistration.k8s.io/v1"
NOT_SERVED = """\
NO  this API server serves no {missing} (admissionregistration.k8s.io/v1): that is Kubernetes 1.36 or newer.
    The admission policies are left out, and so is every right to act: nothing would prove who asked, and nothing bound the
    operator. stanch declares and records here, and performs nothing (Stalled: PoliciesMissing in each incident).
    remedy: update the API server, then run this again"""


def not_served_policies(kubectl: Kubectl) -> list[str]:
    """Resources of our policies that this API server does not know; all of them when it knows not even the group."""
    done = kubectl("get", "--raw", SERVED)
    if done.returncode and "NotFound" not in done.stderr:
        raise InstallError(f"asking what the API server serves failed: {done.stderr.strip()}\n  remedy: run this again")
    known = {each["name"] for each in json.loads(done.stdout).get("resources", ())} if not done.returncode else set()
    return sorted({expected.resource for expected in policies.EXPECTED.values()} - known)


# --- install ---------------------------------------------------------------------------------------------------------


def apply(kubectl: Kubectl, step: str, *paths: str) -> None:
    """Server-side, as our own manager: an object of an older version becomes exactly this one."""
    for path in paths:
        kubectl.must(
            step,
            "you need the rights of a cluster admin here; `kubectl auth whoami` says who you are",
            *("apply", "--server-side", "--force-conflicts", "--field-manager=stanch-install", "-f", path),
        )
    print(f"ok  {step}", flush=True)


def install(kubectl: Kubectl, *, everywhere: bool) -> None:
    """CRDs, policies, rights, and then wait until all of it holds and counts."""
    crds = [f"crd/{kind.plural}.{GROUP}" for kind in KINDS]
    missing = not_served_policies(kubectl)
    apply(kubectl, "CRDs applied", str(ROOT / "crds"))
    wrong = "`kubectl get crd -o yaml` says in status.conditions what is wrong"
    wait("CRDs established", wrong, lambda: not_established(kubectl, crds))
    rbac = ROOT / "manifests" / "rbac"
    apply(kubectl, "namespace applied", str(rbac / "namespace.yaml"))
    if missing:
        apply(kubectl, "rights applied", str(rbac))
        wait_until_served(kubectl, crds)
        print(NOT_SERVED.format(missing=" and no ".join(missing)), flush=True)
        return
    # What an earlier version wrote there is put right below; since when it counts is asked before.
    before = policies.in_force_since(live_policies(kubectl))
    # The policies before anybody's rights: what people write without them names whomever they like (ADR 21).
    apply(kubectl, "policies applied", str(ROOT / "manifests" / "policies"))
    if policies.problem(live_policies(kubectl)):
        # What somebody else applied stays in lists after an apply; a replace leaves exactly ours.
        kubectl("replace", "-f", str(ROOT / "manifests" / "policies"))
    applied = time.monotonic()
    stored = (
        "look for what else writes these objects (`kubectl get -o yaml --show-managed-fields`), then run this again"
    )
    wait("policies are stored as shipped", stored, lambda: policies.problem(live_policies(kubectl)))
    bite = "see `kubectl get validatingadmissionpolicy,mutatingadmissionpolicy` and the API server's log"
    wait("policies hold: what was forged is not believed", bite, lambda: not_biting(kubectl))
    apply(kubectl, "rights applied", str(rbac))
    if everywhere:
        apply(
            kubectl, "operator may act in all namespaces", str(ROOT / "manifests/overlays/cluster/act-everywhere.yaml")
        )
        # With that overlay comes the error budget policy: it warns, unless the ResponsePolicy says otherwise (ADR 60).
        apply(kubectl, "error budget policy applied", str(ROOT / FREEZE))
    wait_until_served(kubectl, crds)
    # What is said sooner after a change of the policies is not believed; a second more, for their times are whole seconds.
    left = applied + policies.BITES_AFTER.total_seconds() + 1 - time.monotonic()
    if policies.in_force_since(live_policies(kubectl)) != before and left > 0:
        time.sleep(left)
    print("ok  what people say from now on counts", flush=True)


def not_established(kubectl: Kubectl, crds: list[str]) -> str:
    """Asked again: of a CRD that has no conditions yet `kubectl wait` says that they are no list, and ends."""
    done = kubectl("wait", "--for=condition=Established", "--timeout=5s", *crds)
    return done.stderr.strip() if done.returncode else ""


def wait_until_served(kubectl: Kubectl, crds: list[str]) -> None:
    """All our kinds answer."""
    later = "look again in a minute; the API server's log says why"
    wait("our kinds are served", later, lambda: not_served(kubectl, crds))


def not_served(kubectl: Kubectl, crds: list[str]) -> str:
    """For some seconds after a CRD was made the API server answers 429 now and then; empty when all answer."""
    for crd in crds:
        done = kubectl("get", crd.removeprefix("crd/"), "-A", "-o", "name")
        if done.returncode:
            return done.stderr.strip()
    return ""


# --- uninstall -------------------------------------------------------------------------------------------------------


def debts(kubectl: Kubectl) -> list[str]:
    """Open incidents that still owe something, one line each."""
    incidents = (kubectl.read("incidents.stanch.dev", "-A") or {"items": []})["items"]
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}: {debt.get('what', '')} (owed by {debt.get('owner', '?')})"
        for item in incidents
        for debt in item.get("status", {}).get("debt", ())
        if Label.CLOSED not in (item["metadata"].get("labels") or {})
    ]


def unfinished(kubectl: Kubectl) -> list[str]:
    """Incidents that are neither resolved nor closed, one line each."""
    incidents = (kubectl.read("incidents.stanch.dev", "-A") or {"items": []})["items"]
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}: {item['spec'].get('title', '')}"
        for item in incidents
        if Label.CLOSED not in (item["metadata"].get("labels") or {})
        and not item.get("status", {}).get("times", {}).get("resolved")
    ]


FREEZE = "manifests/components/change-freeze/change-freeze.yaml"
# What refuses other people's writes goes as well, whether it was applied or not.
REFUSING = (
    # First what lets the operator label Namespaces: the policies are its leash.
    ("changes are free", FREEZE),
    ("policies removed", "manifests/policies"),
)


def uninstall(kubectl: Kubectl, *, sure: bool) -> None:
    """
    Everything, records included; the namespace of the operator (undo Secrets) goes last. Its rights on targets go first: if it
    still runs, it must not act on what is written once the policies are gone.
    """
    owed, running = debts(kubectl), unfinished(kubectl)
    for line in running:
        print(f"open {line}")
    for line in owed:
        print(f"owes {line}")
    if (owed or running) and not sure:
        raise InstallError(
            "incidents are open or owe something, and with the CRDs their records go\n"
            "  remedy: resolve or cancel them and take back what they owe, or run again with --yes (make uninstall ARGS=--yes)"
        )
    gone = ("--ignore-not-found", "--wait=true", "--timeout=120s")
    remedy = "run it again; `kubectl get crd,ns` says what is still terminating, and why in status.conditions"
    for step, path in (
        ("operator may act nowhere", "manifests/overlays/cluster/act-everywhere.yaml"),
        # Where their kinds are not known, none was ever there.
        *([] if not_served_policies(kubectl) else REFUSING),
        ("CRDs and all records removed", "crds"),
        ("rights and namespace removed", "manifests/rbac"),
    ):
        kubectl.must(step, remedy, "delete", *gone, "-f", str(ROOT / path))
        print(f"ok  {step}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.install", description=(__doc__ or "").strip().splitlines()[0]
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        help="default: KUBECONFIG, else .cluster/kubeconfig if it is there, else kubectl's own",
    )
    parser.add_argument(
        "--namespaced", action="store_true", help="let the operator act nowhere yet; bind it per namespace"
    )
    parser.add_argument("--uninstall", action="store_true", help="take everything away, records included")
    parser.add_argument("--yes", action="store_true", help="uninstall although incidents are open or owe something")
    asked = parser.parse_args(arguments)
    try:
        kubectl = Kubectl(find_kubectl(), which_cluster(asked.kubeconfig))
        reach = "start a cluster (`make cluster`), or name one with --kubeconfig"
        kubectl.must("reaching the cluster", reach, "version", "-o", "json")
        server = kubectl.must(
            "reading the kubeconfig", reach, "config", "view", "--minify", "-o", "jsonpath={..server}"
        )
        print(f"ok  cluster {server} answers", flush=True)
        if asked.uninstall:
            uninstall(kubectl, sure=asked.yes)
        else:
            install(kubectl, everywhere=not asked.namespaced)
    except InstallError as failed:
        print(f"install: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninstall: stopped; what is applied stays, and running it again completes it", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
