"""
What stands beside a test cluster, out of pinned Go modules: Flux's controllers with their CRDs, and CRDs of others alone.

Programs are built once, CRDs copied once out of the module's zip, whose checksum is pinned; both are kept in the cache.
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testcluster import binaries, golang
from testcluster.locks import locked
from testcluster.paths import HERE, cache_dir
from testcluster.ui import ClusterError, say

FLUX = HERE / "addons" / "flux"
CONTROLLERS = ("source-controller", "kustomize-controller")


def ensure_flux() -> Path:
    """A directory with Flux's controllers, and the CRDs of both in ``crds/``; built when it is not in the cache."""
    pins = b"".join(path.read_bytes() for path in sorted(FLUX.glob("go.*")))
    key = f"flux-{platform.system().lower()}-{platform.machine()}-{hashlib.sha256(pins).hexdigest()[:10]}"
    target = cache_dir() / "addons" / key
    if target.is_dir():
        return target
    binaries.ensure()  # First: what both are made of is then in Go's cache.
    with locked(cache_dir() / "locks" / "flux.lock", "building Flux"):
        if not target.is_dir():
            _build_flux(target)
    return target


def _build_flux(target: Path) -> None:
    go = golang.find_or_install()
    say(f"Flux is not in the cache: building it once with {go}")
    target.parent.mkdir(parents=True, exist_ok=True)
    modules = [f"github.com/fluxcd/{name}" for name in CONTROLLERS]
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as temporary:
        out = Path(temporary) / "out"
        out.mkdir()
        binaries.go_build(go, FLUX, modules, out, "4 minutes once Kubernetes is built, longer beside tests")
        for module in modules:
            bases = _folder_of(go, module) / "config/crd/bases"
            if not bases.is_dir():
                raise ClusterError(f"CRDs of {module}", f"{bases} is not there", "look where the module has them")
            shutil.copytree(bases, out / "crds", copy_function=shutil.copyfile, dirs_exist_ok=True)
            with contextlib.suppress(OSError):  # the module cache is read-only, our copy need not be
                (out / "crds").chmod(0o755)
        out.rename(target)
    say(f"built into {target}")


def _folder_of(go: Path, module: str) -> Path:
    """Where Go unpacked a module of Flux's go.mod."""
    words = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module]
    listed = subprocess.run(words, cwd=FLUX, text=True, capture_output=True, check=False)
    if listed.returncode:
        raise ClusterError(f"CRDs of {module}", listed.stderr.strip(), "go list -m must work: the module is pinned")
    return Path(listed.stdout.strip())


@dataclass(frozen=True)
class Crds:
    """CRDs of one project, for tests of what only reads or patches its objects: module, version, checksum, and which files."""

    name: str
    module: str
    version: str
    checksum: str
    folder: str
    files: tuple[str, ...]


# The newest that Go 1.26 takes. Only what a test needs: all of them together cost the API server a gigabyte.
GATEWAY_API = Crds(
    "gateway-api",
    "sigs.k8s.io/gateway-api",
    "v1.6.3",
    "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
    "config/crd/standard",
    ("gateway.networking.k8s.io_httproutes.yaml",),
)
KEDA = Crds(
    "keda",
    "github.com/kedacore/keda/v2",
    "v2.21.0",
    "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
    "config/crd/bases",
    ("keda.sh_scaledobjects.yaml",),
)
ARGO_ROLLOUTS = Crds(
    "argo-rollouts",
    "github.com/argoproj/argo-rollouts",
    "v1.9.0",
    "h1:bXgBpwCByXyAUcgBnyP0fxkSW2CEot78InTFjFlag5g=",
    "manifests/crds",
    ("rollout-crd.yaml",),
)
ARGO_CD = Crds(
    "argo-cd",
    "github.com/argoproj/argo-cd/v3",
    "v3.5.7",
    "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0=",
    "manifests/crds",
    ("application-crd.yaml", "applicationset-crd.yaml"),
)
# Knows no automated.enabled: its API server drops that field without a word.
ARGO_CD_2 = Crds(
    "argo-cd-2",
    "github.com/argoproj/argo-cd/v2",
    "v2.14.20",
    "h1:qhV9BGNA2tyLWg2xd6ce0xlqC98OWBfXAzTc8kWug7U=",
    "manifests/crds",
    ("application-crd.yaml",),
)
FLAGGER = Crds(
    "flagger",
    "github.com/fluxcd/flagger",
    "v1.41.0",
    "h1:oER1/QCK6AmooATKtOalu4i+fVL388wgk1yaErw06Tw=",
    "artifacts/flagger",
    ("crd.yaml",),
)


def ensure_crds(crds: Crds) -> Path:
    """A directory with exactly these CRDs; fetched when it is not in the cache."""
    pin = hashlib.sha256(f"{crds.checksum} {crds.folder} {crds.files}".encode()).hexdigest()[:10]
    target = cache_dir() / "addons" / f"crds-{crds.name}-{crds.version}-{pin}"
    if target.is_dir():
        return target
    with locked(cache_dir() / "locks" / f"crds-{crds.name}.lock", f"fetching the CRDs of {crds.name}"):
        if not target.is_dir():
            _copy_crds(crds, target)
    return target


def _copy_crds(crds: Crds, target: Path) -> None:
    what = f"{crds.module}@{crds.version}"
    say(f"the CRDs of {crds.name} are not in the cache: fetching {what} once")
    folder = _module(crds, what) / crds.folder
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as temporary:
        out = Path(temporary) / "out"
        out.mkdir()
        for file in crds.files:
            if not (folder / file).is_file():
                raise ClusterError(
                    f"CRDs of {crds.name}", f"{folder / file} is not there", "look where the module has it"
                )
            shutil.copyfile(folder / file, out / file)
        out.rename(target)


def _module(crds: Crds, what: str) -> Path:
    """Where Go unpacked the module, after it and we have checked that it is the pinned one."""
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    words = [str(golang.find_or_install()), "mod", "download", "-json", what]
    with tempfile.TemporaryDirectory() as nowhere:  # outside of any module
        done = subprocess.run(words, cwd=nowhere, env=env, text=True, capture_output=True, check=False)
    told = json.loads(done.stdout or "{}")
    if not told.get("Dir"):
        why = told.get("Error") or done.stderr.strip()
        raise ClusterError(f"CRDs of {crds.name}", why, "the Go module proxy must be reachable (go env GOPROXY)")
    if told.get("Sum") != crds.checksum:
        raise ClusterError(f"CRDs of {crds.name}", f"{what} has the checksum {told.get('Sum')}, not {crds.checksum}")
    return Path(told["Dir"])


def ensure_all() -> None:
    """Everything that any test puts beside a cluster, so that no test waits for a build."""
    for crds in (GATEWAY_API, KEDA, ARGO_ROLLOUTS, ARGO_CD, ARGO_CD_2, FLAGGER):
        ensure_crds(crds)
    ensure_flux()
