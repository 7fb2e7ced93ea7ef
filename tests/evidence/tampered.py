"""Evidence as the API server keeps it, and as somebody left it who should not have touched it."""

import base64
import copy
import gzip
import hashlib
import io
import tarfile
from typing import Any

from stanch.evidence.bundle import Capture, bundle

Obj = dict[str, Any]


def stored(capture: Capture) -> Obj:
    """The Evidence object of a capture, named after its digest, as the API server returns it."""
    made = bundle(capture)
    metadata = {
        **made.body["metadata"],
        "name": f"{made.name}-{made.sha256[:6]}",
        "uid": f"uid-{made.sha256[:6]}",
        "generation": 1,
        "managedFields": [{"manager": "stanch", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
    }
    return copy.deepcopy({**made.body, "metadata": metadata})


def incident_of(*evidences: Obj) -> Obj:
    """The incident that wrote these down."""
    meta = evidences[0]["metadata"]
    records = [
        {"name": e["metadata"]["name"], "sha256": e["spec"]["sha256"], "purpose": e["spec"]["purpose"], "stored": True}
        for e in evidences
    ]
    return {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": "checkout-5xx", "namespace": meta["namespace"], "uid": "3f0c", "labels": {}},
        "spec": {},
        "status": {"evidence": records},
    }


def packed(files: dict[str, bytes], **types: bytes) -> bytes:
    """A tar.gz with exactly these names; ``types`` by name make something else than a file of an entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.type = types.get(name, tarfile.REGTYPE)
            info.linkname = "/etc/passwd" if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def with_archive(obj: Obj, archive: bytes, honest: bool = True) -> Obj:
    """The object with another archive; ``honest``: with the archive's own size and digest beside it."""
    changed = copy.deepcopy(obj)
    changed["spec"]["data"] = base64.b64encode(archive).decode()
    if honest:
        changed["spec"] |= {"bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()}
    return changed


def repacked(obj: Obj, files: dict[str, bytes], keep: bool = False) -> Obj:
    """
    The object with other files (``keep``: beside those it had) and a fitting archive digest; its list is as it was.
    """
    kept: dict[str, bytes] = {}
    if keep:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(obj["spec"]["data"]))) as archive:
            kept = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    return with_archive(obj, packed({**kept, **files}))
