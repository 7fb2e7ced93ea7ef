"""The test images stanch.test/busybox:1, :2 and :3, as OCI archives made here: no registry is needed.

They differ in one file, /release, so that a rollout from one to the next can be seen from outside.
"""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from testcluster.paths import cache_dir
from testcluster.ui import ClusterError

NAME = "stanch.test/busybox"
TAGS = ("1", "2", "3")
SANDBOX = f"{NAME}:1"
# Ends on TERM at once: pid 1 ignores signals it has no handler for, and every pod would take its grace period to go.
COMMAND = ["/bin/sh", "-c", "trap 'exit 0' TERM INT; sleep 2147483647 & wait"]
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUP = "root:x:0:\nnogroup:x:65534:\n"


def archives() -> list[Path]:
    """Paths of the archives, made if they are not in the cache for this busybox."""
    busybox = find_busybox()
    if busybox is None:
        raise ClusterError("images", "no statically linked busybox in /bin", "apt-get install busybox-static")
    content = busybox.read_bytes()
    key = hashlib.sha256(content + Path(__file__).read_bytes()).hexdigest()[:16]
    target = cache_dir() / "images" / key
    if not target.is_dir():
        making = target.with_name(f".{key}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        applets = subprocess.run([busybox, "--list"], text=True, capture_output=True, check=True).stdout.split()
        for tag in TAGS:
            _archive(making / f"busybox-{tag}.tar", tag, _layer(content, applets, tag))
        try:
            making.rename(target)
        except OSError:  # another run was faster; its files are the same
            shutil.rmtree(making)
    return [target / f"busybox-{tag}.tar" for tag in TAGS]


def find_busybox() -> Path | None:
    """A busybox that runs alone in an image: statically linked (it names no loader) and with httpd."""
    for path in (Path("/bin/busybox"), Path("/usr/bin/busybox")):
        content = path.read_bytes() if path.is_file() else b""
        if b"httpd" in content and not re.search(rb"/lib\d*/ld-(linux|musl)", content):
            return path
    return None


def _layer(busybox: bytes, applets: list[str], tag: str) -> bytes:
    """The file system: busybox, a link for each applet, and the release number."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755)):
            _add(tar, name, mode=mode, kind=tarfile.DIRTYPE)
        _add(tar, "bin/busybox", busybox, 0o755)
        for applet in sorted({*applets, "sh"} - {"busybox"}):
            _add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, link="busybox")
        _add(tar, "etc/passwd", PASSWD.encode())
        _add(tar, "etc/group", GROUP.encode())
        _add(tar, "release", f"{tag}\n".encode())
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", mode: int = 0o644, kind: bytes = tarfile.REGTYPE,
         link: str = "") -> None:  # fmt: skip
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname, info.size, info.mtime = mode, kind, link, len(data), 0
    tar.addfile(info, io.BytesIO(data))


def _archive(path: Path, tag: str, layer: bytes) -> None:
    """An OCI image layout in one tar. No time stamps: the same input gives the same digest on every node."""
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    config = _json({
        "architecture": architecture, "os": "linux",
        "config": {"Cmd": COMMAND, "Env": ["PATH=/bin"], "Labels": {"org.opencontainers.image.version": tag}},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created_by": "stanch tools/testcluster"}],
    })  # fmt: skip
    manifest = _json({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _described(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [_described(packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
    })  # fmt: skip
    entry = _described(manifest, "application/vnd.oci.image.manifest.v1+json")
    entry["platform"] = {"architecture": architecture, "os": "linux"}
    entry["annotations"] = {
        "io.containerd.image.name": f"{NAME}:{tag}", "org.opencontainers.image.ref.name": tag,
    }  # fmt: skip
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", _json({"schemaVersion": 2, "manifests": [entry]}))
        for blob in (config, manifest, packed):
            _add(tar, "blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)


def _described(blob: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
