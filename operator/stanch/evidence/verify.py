"""Is this evidence what was captured? Every digest again, the object's own marks, and what the incident wrote down of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.evidence import Purpose
from stanch.api.names import FIELD_MANAGER, Label
from stanch.evidence.dig import dicts, mapping, name_of, number, text, uid_of
from stanch.evidence.opened import Opened, opened

_SUFFIX: Final = 6  # characters of the digest that end a name (docs/adr/0005)
_NAMED_MAX: Final = 50

Obj = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one Evidence object: what differs, in sentences; what could not be compared; how many items were right."""

    name: str
    differs: tuple[str, ...]
    unknown: tuple[str, ...]
    items: int


def verify(obj: Obj, incident: Obj | None = None) -> Verdict:
    """Recompute what can be; ``incident`` is the one it belongs to, None when that could not be read."""
    inside = opened(obj)
    differs = [*_object(obj, inside), *inside.problems, *_items(inside)]
    unknown: list[str] = []
    if incident is None:
        unknown.append("not compared with the incident's record, which could not be read")
    else:
        said, silent = _record(obj, inside, incident)
        differs += said
        unknown += silent
    right = sum(_is_right(item, inside.files) for item in dicts(inside.spec, "items"))
    return Verdict(inside.name, tuple(differs[:_NAMED_MAX]) + _rest(differs), tuple(unknown), right)


def _rest(differs: list[str]) -> tuple[str, ...]:
    return (f"and {len(differs) - _NAMED_MAX} more",) if len(differs) > _NAMED_MAX else ()


def gone(incident: Obj, there: Iterable[str]) -> tuple[str, ...]:
    """Bundles and pages that the incident's record names and that are not there; a closed one's may have run out."""
    found = set(there)
    status = mapping(incident, "status")
    closed = Label.CLOSED in mapping(incident, "metadata", "labels")
    lacking = [e for e in (*dicts(status, "evidence"), *dicts(status, "pages")) if text(e, "name") not in found]
    return tuple(
        f"{text(each, 'name')}: named in the record of incident {name_of(incident)}, and not there"
        for each in lacking
        if not closed and (each.get("stored") or "first" in each)
    )


def chain(pages: Iterable[Obj]) -> tuple[str, ...]:
    """Timeline pages of one incident: each holds the digest of the one before, so none can be left out or put between."""
    read = [opened(page) for page in pages if text(page, "spec", "purpose") == Purpose.PAGE]
    there = {hashlib.sha256(one.packed).hexdigest() for one in read}
    found = []
    for one in read:
        before = _before(one)
        if before is None:
            found.append(f"{one.name}: does not say which page was before it")
        elif before and before not in there:
            found.append(f"{one.name}: the page before it (sha256 {before[:12]}…) is not there")
    return tuple(found)


def _before(page: Opened) -> str | None:
    first = next(iter(page.files.values()), b"").split(b"\n", 1)[0]
    try:
        said = json.loads(first)
    except ValueError:
        return None
    value = said.get("pageBefore") if isinstance(said, dict) else None
    return value if isinstance(value, str) else None


def _object(obj: Obj, inside: Opened) -> list[str]:
    """The object: its digest, its size, its name, and who touched it."""
    spec, digest = inside.spec, hashlib.sha256(inside.packed).hexdigest()
    found = []
    if digest != text(spec, "sha256"):
        found.append(f"the archive: spec.sha256 is {_short(text(spec, 'sha256'))}, its bytes are {_short(digest)}")
    if len(inside.packed) != number(spec, "bytes"):
        found.append(f"the archive: spec.bytes is {number(spec, 'bytes')}, it has {len(inside.packed)}")
    if inside.name.rpartition("-")[2] != digest[:_SUFFIX]:
        found.append(f"the name: it ends in the archive's digest when stanch makes it ({digest[:_SUFFIX]})")
    if number(obj, "metadata", "generation") > 1:
        changes = number(obj, "metadata", "generation") - 1
        found.append(f"the object: its spec was changed {changes} times since it was created")
    others = {text(m, "manager") for m in dicts(mapping(obj, "metadata"), "managedFields") if _wrote_spec(m)}
    if others - {FIELD_MANAGER}:
        found.append(f"the object: its spec was written by {', '.join(sorted(others - {FIELD_MANAGER}))}, too")
    return found


def _wrote_spec(entry: Obj) -> bool:
    return "f:spec" in mapping(entry, "fieldsV1") and not text(entry, "subresource")


def _items(inside: Opened) -> list[str]:
    """Every file against its line, and none that has no line."""
    if not inside.files and inside.problems:
        return []  # That nothing could be read is said once.
    found = []
    listed = dicts(inside.spec, "items")
    for item in listed:
        name, content = text(item, "name"), inside.files.get(text(item, "name"))
        if content is None:
            found.append(f"{name}: listed, and not in the archive")
            continue
        if len(content) != number(item, "bytes"):
            found.append(f"{name}: {number(item, 'bytes')} bytes listed, {len(content)} in the archive")
        if (digest := hashlib.sha256(content).hexdigest()) != text(item, "sha256"):
            found.append(f"{name}: sha256 {_short(text(item, 'sha256'))} listed, its bytes are {_short(digest)}")
    known = {text(item, "name") for item in listed}
    return found + [f"{name}: in the archive, and not listed" for name in sorted(inside.files) if name not in known]


def _is_right(item: Obj, files: Mapping[str, bytes]) -> bool:
    content = files.get(text(item, "name"))
    return content is not None and hashlib.sha256(content).hexdigest() == text(item, "sha256")


def _record(obj: Obj, inside: Opened, incident: Obj) -> tuple[list[str], list[str]]:
    """What the incident wrote down when it was captured: who edits both the bundle and its digests meets this."""
    label = text(obj, "metadata", "labels", Label.INCIDENT_UID)
    if label != uid_of(incident):
        return [], [f"it belongs to an earlier incident of that name (uid {label or 'unknown'})"]
    digest = hashlib.sha256(inside.packed).hexdigest()
    status = mapping(incident, "status")
    written = [
        (f"incident {name_of(incident)} wrote down", text(each, "sha256"))
        for each in (*dicts(status, "evidence"), *dicts(status, "pages"))
        if text(each, "name") == inside.name
    ]
    written += [
        (f"attempt {text(attempt, 'id')} of {text(record, 'name')} wrote down", text(attempt, "evidenceSha256"))
        for record in dicts(status, "mitigations")
        for attempt in dicts(record, "attempts")
        if text(attempt, "evidence") == inside.name
    ]
    if not written:
        return [], ["the incident's record does not name it (any more): it was only compared with itself"]
    return [
        f"the record: {who} {_short(said)}, its bytes are {_short(digest)}" for who, said in written if said != digest
    ], []


def _short(digest: str) -> str:
    return f"{digest[:12]}…" if digest else "nothing"
