"""An Evidence object opened again, by somebody who trusts nothing in it: bounded, and never a way out of its directory."""

import base64
import binascii
import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from stanch.api.names import Label
from stanch.evidence.dig import dicts, mapping, name_of, sequence, text

# A capture holds at most 8 MiB before compression: far more than that is not ours.
UNPACKED_MAX: Final = 64 * 1024 * 1024
FILES_MAX: Final = 2000
PART_CHARACTERS_MAX: Final = 255
DEPTH_MAX: Final = 12
_GZIP: Final = 31
_ENCODINGS: Final = ("tar+gzip", "gzip")

Obj = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """
    Files by name, and what is wrong with the archive in sentences; ``packed`` is the archive as it was stored, ``whose`` the uid of
    its incident.
    """

    name: str
    spec: Mapping[str, Any]
    packed: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    whose: str = ""


def opened(obj: Obj) -> Opened:
    """Of an Evidence object as the API server returned it. Never raises: what can't be read is a problem, in words."""
    return replace(_opened(obj), whose=text(obj, "metadata", "labels", Label.INCIDENT_UID))


def _opened(obj: Obj) -> Opened:
    name, spec = name_of(obj), mapping(obj, "spec")
    try:
        packed = base64.b64decode(text(spec, "data"), validate=True)
    except (binascii.Error, ValueError) as error:
        return Opened(name, spec, b"", problems=(f"spec.data is not base64: {error}",))
    encoding = text(spec, "encoding")
    if encoding not in _ENCODINGS:
        said = f"spec.encoding is {encoding!r}; this version reads {' and '.join(_ENCODINGS)}"
        return Opened(name, spec, packed, problems=(said,))
    raw, problem = _unzipped(packed)
    if problem:
        return Opened(name, spec, packed, problems=(problem,))
    if encoding == "gzip":
        listed = dicts(spec, "items")
        only = text(listed[0], "name") if listed else ""
        return Opened(name, spec, packed, {only if is_safe(only) else "data": raw})
    files, problems = _untarred(raw)
    return Opened(name, spec, packed, files, tuple(problems))


def is_safe(path: str) -> bool:
    """May a file of this name be written below a directory? No absolute path, no way up, nothing that can't be seen."""
    parts = path.split("/")
    return len(parts) <= DEPTH_MAX and all(_is_safe(part) for part in parts)


def _is_safe(part: str) -> bool:
    return (
        part.strip(".") != ""
        and part.isprintable()
        and "\\" not in part
        and len(part.encode("utf-8", "replace")) <= PART_CHARACTERS_MAX
    )


def reasons(spec: Obj) -> list[tuple[str, str, str]]:
    """What is missing: name, reason, message."""
    return [(text(each, "name"), text(each, "reason"), text(each, "message")) for each in dicts(spec, "missing")]


def count(spec: Obj, of: str) -> int:
    """How many items, or missing things, the object lists."""
    return len(sequence(spec, of))


def _unzipped(packed: bytes) -> tuple[bytes, str]:
    """At most UNPACKED_MAX bytes; a small archive can hold a very long one."""
    reader = zlib.decompressobj(_GZIP)
    try:
        raw = reader.decompress(packed, UNPACKED_MAX)
        if reader.unconsumed_tail:
            return b"", f"the archive holds more than {UNPACKED_MAX // 1024 // 1024} MiB, and none of ours does"
    except zlib.error as error:
        return b"", f"the archive can't be unpacked: {error}"
    if not reader.eof:
        return b"", "the archive ends too early"
    return raw, "" if not reader.unused_data else f"{len(reader.unused_data)} bytes follow the archive"


def _untarred(raw: bytes) -> tuple[dict[str, bytes], list[str]]:
    """Plain files only: links, devices and sparse files are named and left out, and so is what stands there twice."""
    files: dict[str, bytes] = {}
    problems: list[str] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= FILES_MAX:
                    problems.append(f"the archive has more than {FILES_MAX} entries; the rest was not read")
                    break
                if why := _refused(member, files):
                    problems.append(f"{member.name}: {why}; left out")
                    continue
                reader = archive.extractfile(member)
                files[member.name] = reader.read(UNPACKED_MAX) if reader else b""
    except (tarfile.TarError, ValueError, OSError, EOFError, RecursionError) as error:
        problems.append(f"the archive can't be read to its end: {error}")
    return files, problems


def _refused(member: tarfile.TarInfo, files: Mapping[str, bytes]) -> str:
    """Why an entry is not taken; empty when it is."""
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        return "not a plain file"
    if not is_safe(member.name):
        return "its name would lead out of the directory, or can't be shown"
    if member.size > UNPACKED_MAX:
        return "larger than all of it may be"
    if member.name in files:
        return "there twice"
    return _in_the_way(member.name, files)


def _in_the_way(name: str, files: Mapping[str, bytes]) -> str:
    parts = name.split("/")
    if any("/".join(parts[:depth]) in files for depth in range(1, len(parts))):
        return "a file stands where its directory would be"
    return "a directory stands where it would be" if any(other.startswith(f"{name}/") for other in files) else ""
