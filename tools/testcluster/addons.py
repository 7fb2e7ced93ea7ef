"""Programs that run beside a test cluster, built once from pinned Go modules: Flux's controllers, with their CRDs."""

import contextlib
import hashlib
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


@dataclass(frozen=True)
class Addon:
    """One program: its module, and how long a build takes."""

    name: str
    module: str
    usually: str

    @property
    def folder(self) -> Path:
        """Where its go.mod and go.sum are."""
        return HERE / "addons" / self.name


SOURCE = Addon("source-controller", "github.com/fluxcd/source-controller", "3 minutes once Kubernetes is built")
KUSTOMIZE = Addon("kustomize-controller", "github.com/fluxcd/kustomize-controller", "2 to 3 minutes")


def ensure(addon: Addon) -> Path:
    """A directory with the program, and its CRDs in ``crds/``; built when it is not in the cache."""
    pins = b"".join(path.read_bytes() for path in sorted(addon.folder.glob("go.*")))
    key = f"{addon.name}-{platform.system().lower()}-{platform.machine()}-{hashlib.sha256(pins).hexdigest()[:10]}"
    target = cache_dir() / "addons" / key
    if target.is_dir():
        return target
    with locked(cache_dir() / "locks" / f"{addon.name}.lock", f"building {addon.name}"):
        if not target.is_dir():
            _build(addon, target)
    return target


def _build(addon: Addon, target: Path) -> None:
    go = golang.find_or_install()
    say(f"{addon.name} is not in the cache: building it once with {go}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as temporary:
        out = Path(temporary) / "out"
        out.mkdir()
        binaries.go_build(go, addon.folder, [addon.module], out / addon.name, addon.usually)
        listed = subprocess.run(
            [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", addon.module],
            cwd=addon.folder, text=True, capture_output=True, check=False,
        )  # fmt: skip
        bases = Path(listed.stdout.strip()) / "config/crd/bases"
        if listed.returncode or not bases.is_dir():
            raise ClusterError(f"CRDs of {addon.name}", listed.stderr.strip() or f"{bases} is not there", "go list -m")
        shutil.copytree(bases, out / "crds", copy_function=shutil.copyfile)
        with contextlib.suppress(OSError):  # the module cache is read-only, our copy need not be
            (out / "crds").chmod(0o755)
        out.rename(target)
    say(f"built into {target}")
