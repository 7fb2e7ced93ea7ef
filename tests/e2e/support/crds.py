"""Real CRDs of others on the test cluster, for the tests of one module; their controllers do not run."""

import subprocess
import sys
from pathlib import Path
from typing import Self

from e2e.support.api import Api, Json, until
from e2e.support.world import World

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import addons

ROLE = "e2e-steerers"
# What somebody who runs these tools may patch; the built-in role edit knows none of them.
PATCHES = {
    "gateway.networking.k8s.io": ["httproutes"],
    "argoproj.io": ["applications"],
    "kustomize.toolkit.fluxcd.io": ["kustomizations"],
    "helm.toolkit.fluxcd.io": ["helmreleases"],
}


class RealCrds:
    """Applied, served, and removed again with all objects of them, so that other tests see a plain cluster."""

    def __init__(self, admin: Api, kubeconfig: Path, kubectl: str, *sets: addons.Crds) -> None:
        self.admin, self.sets = admin, sets
        self._kubectl = [kubectl, "--kubeconfig", str(kubeconfig)]

    def __enter__(self) -> Self:
        for each in self.sets:
            self.apply(each)
        give_role(self.admin)
        return self

    def __exit__(self, *_: object) -> None:
        self._run("delete", "--ignore-not-found", "--wait=true", "--timeout=120s", *self.sets)
        self.admin.delete("clusterroles", None, ROLE)

    def apply(self, crds: addons.Crds) -> None:
        """Apply them, instead of another version of them too, and wait until they are served."""
        for name in self._run("apply", "--server-side", "--force-conflicts", "-o", "name", crds).split():
            plural, _, group = name.rpartition("/")[2].partition(".")
            # For some seconds after a CRD was made the API server answers 429 now and then.
            path = f"/apis/{group}/{self._version(f'{plural}.{group}')}/{plural}"
            until(lambda path=path: all(self.admin.request("GET", path).ok for _ in range(5)), 60, f"{name} is served")  # type: ignore[misc]

    def _version(self, name: str) -> str:
        crd: Json = self.admin.request("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}").must()
        return str(next(v["name"] for v in crd["spec"]["versions"] if v["storage"]))

    def _run(self, verb: str, *words: str | addons.Crds) -> str:
        flags = [w for w in words if isinstance(w, str)]
        folders = [str(addons.ensure_crds(w)) for w in words if isinstance(w, addons.Crds)]
        done = subprocess.run(
            [*self._kubectl, verb, *flags, *(w for f in folders for w in ("-f", f))],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def give_role(admin: Api) -> None:
    """The role of people who may patch these objects; to be bound in a namespace."""
    rules = [{"apiGroups": [group], "resources": found, "verbs": ["patch"]} for group, found in PATCHES.items()]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ROLE}}
    admin.create(role | {"rules": rules})


def taken(world: World, name: str = "web") -> None:
    """What a gateway says of the route as it is now; nothing while it has said so."""
    route = world.target(name, "httproutes")
    generation, said_before = route["metadata"]["generation"], (route.get("status") or {}).get("parents") or [{}]
    if any(c["observedGeneration"] == generation for c in said_before[0].get("conditions") or ()):
        return
    said = {"status": "True", "reason": "Yes", "message": "", "lastTransitionTime": "2026-11-21T14:00:00Z"}
    conditions = [{"type": t, "observedGeneration": generation, **said} for t in ("Accepted", "ResolvedRefs")]
    parent = {"parentRef": {"name": "gate"}, "controllerName": "stanch.test/gate", "conditions": conditions}
    path = world.admin.path("httproutes", world.ns, name) + "/status"
    merge = "application/merge-patch+json"
    world.admin.request("PATCH", path, {"status": {"parents": [parent]}}, merge).must()
