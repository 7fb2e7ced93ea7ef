"""Kubernetes and etcd programs, built once from pinned Go modules and kept in the cache."""

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from testcluster import golang
from testcluster.locks import locked
from testcluster.paths import HERE, cache_dir
from testcluster.ui import ClusterError, say, slow_step

KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"]
ETCD_PACKAGE = "go.etcd.io/etcd/server/v3"
PROGRAMS = [*KUBERNETES, "etcd"]
# No DWARF from the compilers (the linker drops it anyway), and GOGC=400 below: 82 instead of 115 seconds of work for etcd.
FLAGS = ["-v", "-trimpath", "-gcflags=all=-dwarf=false"]


def version() -> str:
    """The pinned Kubernetes version, for example v1.36.3."""
    match = re.search(r"k8s\.io/kubernetes (v\S+)", (HERE / "gomod/kubernetes/go.mod").read_text())
    if not match:
        raise ClusterError("binaries", "gomod/kubernetes/go.mod names no k8s.io/kubernetes version")
    return match[1]


def _key() -> str:
    """Version, platform, and a digest of everything pinned: another pin is another directory."""
    pins = b"".join(path.read_bytes() for path in sorted((HERE / "gomod").glob("*/go.*")))
    digest = hashlib.sha256(pins).hexdigest()[:10]
    return f"{version()}-{platform.system().lower()}-{platform.machine()}-{digest}"


def directory() -> Path:
    """Where the programs are, or will be."""
    return cache_dir() / "bin" / _key()


def ensure() -> Path:
    """Build whatever is not there yet and return the directory."""
    target = directory()
    if target.is_dir():
        return target
    with locked(cache_dir() / "locks" / "build.lock", "building the Kubernetes programs"):
        if not target.is_dir():  # the run we waited for may have made it
            _build(target)
    return target


def _build(target: Path) -> None:
    go = golang.find_or_install()
    say(f"the Kubernetes {version()} programs are not in the cache: building them once with {go}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as temporary:
        out = Path(temporary) / "bin"
        out.mkdir()
        go_build(go, HERE / "gomod/etcd", [ETCD_PACKAGE], out / "etcd", "1 to 2 minutes cold")
        commands = [f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES]
        usually = "7 to 9 minutes cold on 2 cores, 10 s when Go's cache is warm"
        go_build(go, HERE / "gomod/kubernetes", commands, out, usually)
        out.rename(target)
    say(f"built into {target}")


def _ldflags() -> str:
    """Without these the programs report v0.0.0 and clients refuse them; the same flags hit the same Go cache."""
    major, minor, _ = version().lstrip("v").split(".", 2)
    stamp = "k8s.io/component-base/version."
    return f"-s -w -X {stamp}gitVersion={version()} -X {stamp}gitMajor={major} -X {stamp}gitMinor={minor}"


def go_build(go: Path, module: Path, packages: list[str], out: Path, usually: str) -> None:
    """Build packages of the go.mod in ``module`` into ``out``; raises ClusterError with the log's path."""
    with tempfile.TemporaryDirectory(prefix="testcluster-go-") as scratch:  # killed, Go would leave gigabytes in /tmp
        _go_build_in(scratch, go, module, packages, out, usually)


def _go_build_in(scratch: str, go: Path, module: Path, packages: list[str], out: Path, usually: str) -> None:
    log = cache_dir() / f"build-{module.name}.log"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly", "GOTOOLCHAIN": "local",
           "GOWORK": "off", "GOTMPDIR": scratch, "GOGC": "400"}  # fmt: skip
    for name in ("GOOS", "GOARCH", "GOROOT"):
        env.pop(name, None)
    command = [str(go), "build", *FLAGS, "-ldflags", _ldflags(), "-o", str(out), *packages]
    names = ", ".join(package.rsplit("/", 1)[-1] for package in packages) if module.name != "etcd" else "etcd"
    with log.open("wb") as stream, slow_step(f"go build {names}", usually, lambda: _compiled(log)):
        build = subprocess.Popen(
            command, cwd=module, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, process_group=0
        )
        try:
            code = build.wait()
        finally:
            if build.poll() is None:  # interrupted: the compilers must not go on behind our back
                os.killpg(build.pid, signal.SIGKILL)
                build.wait()
    if code != 0:
        raise ClusterError(f"go build of {module.name}", f"it ended with {code}", _remedy(), log)


def _compiled(log: Path) -> str:
    lines = log.read_bytes().count(b"\n")
    return f"{lines} packages downloaded or compiled" if lines else ""


def _remedy() -> str:
    free = shutil.disk_usage(cache_dir()).free // 2**30
    return f"the Go module proxy must be reachable (go env GOPROXY), and the disk needs about 10 GB (free: {free} GB)"
