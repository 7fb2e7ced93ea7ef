"""Debian packages the local cluster needs: find what is missing, install it, start no service by it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcluster import images
from testcluster.interrupts import held
from testcluster.locks import locked
from testcluster.paths import cache_dir
from testcluster.ui import ClusterError, say, slow_step

# package -> (a file that proves it is there, what it is for)
NEEDED = {
    "containerd": ("containerd", "runs the containers"),
    "runc": ("runc", "starts each container"),
    "containernetworking-plugins": ("/usr/lib/cni/bridge", "gives pods their network"),
    "busybox-static": ("/bin/busybox", "is the content of the test images"),
    "nftables": ("nft", "lets kube-proxy route Services"),
    "iptables": ("iptables", "maps host ports"),
    "conntrack": ("conntrack", "lets kube-proxy forget old connections"),
    "socat": ("socat", "serves kubectl port-forward"),
    "iproute2": ("ip", "makes bridges and routes"),
    "util-linux": ("unshare", "makes the namespaces a node lives in"),
    "openssl": ("openssl", "makes the cluster's certificates"),
    "ca-certificates": ("/etc/ssl/certs/ca-certificates.crt", "lets Go modules be downloaded"),
}
# What tests of recovery put beside a cluster, installed by the test that needs it.
MONITORING = {"prometheus": ("prometheus", "scrapes what runs in the cluster")}
# What tests of pages look at them with, installed by the test that needs it.
BROWSER = {"chromium-headless-shell": ("chromium-headless-shell", "shows the status page as people see it")}
POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = b"#!/bin/sh\n# Temporary, by stanch tools/testcluster: packages must not start services.\nexit 101\n"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


def ensure_path() -> None:
    """Root's PATH may lack the sbin directories, where half of these programs are."""
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":" + SBIN


def missing(wanted: dict[str, tuple[str, str]] = NEEDED) -> list[str]:
    """Packages whose proof is not on this machine."""
    absent = [name for name, (proof, _) in wanted.items() if not (shutil.which(proof) or Path(proof).is_file())]
    if "busybox-static" in wanted and "busybox-static" not in absent and images.find_busybox() is None:
        absent.append("busybox-static")  # there is a busybox, but it needs libraries an image does not have
    return absent


def install(names: list[str], why: dict[str, tuple[str, str]] = NEEDED) -> None:
    """Install packages with apt, once for all clusters of this machine."""
    if not names:
        return
    by_hand = f"install them by hand: apt-get install {' '.join(names)}"
    if not shutil.which("apt-get"):
        raise ClusterError("packages", f"missing {', '.join(names)}, and this machine has no apt-get",
                           "use a Debian or Ubuntu machine, or install the same programs with your package manager")  # fmt: skip
    for name in names:
        say(f"installing Debian package {name}: {why[name][1]}")
    log = cache_dir() / "apt.log"
    with locked(cache_dir() / "locks" / "apt.lock", "Debian packages"), _no_services(), held():
        log.write_bytes(b"")
        with slow_step("apt-get", "20 to 60 s"):
            for args in (["update"], ["install", "-y", "--no-install-recommends", *names]):
                if _apt(args, log) != 0 and args != ["update"]:
                    raise ClusterError("packages", f"apt-get {args[0]} did not succeed", by_hand, log)


def _apt(args: list[str], log: Path) -> int:
    """One apt-get run. In its own session: an interrupt must not stop dpkg half-way through a package."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as out:
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=120", *args]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, check=False, start_new_session=True
        ).returncode


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian's packages from starting their services; put back whatever policy was there."""
    before = POLICY.read_bytes() if POLICY.exists() else None
    before = None if before == NO_SERVICES else before  # left by a run that was killed
    mode = POLICY.stat().st_mode if before is not None else 0
    POLICY.write_bytes(NO_SERVICES)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink(missing_ok=True)
        else:
            POLICY.write_bytes(before)
            POLICY.chmod(mode)
