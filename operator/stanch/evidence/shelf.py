"""Files of a capture as they come together: redacted on the way in, or left out with a reason."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from stanch.api.evidence import Item, ItemKind, MissingItem
from stanch.api.names import MissingReason
from stanch.evidence import missing
from stanch.evidence.redact import Redactor, cut_lines, whole_lines

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class Rank(IntEnum):
    """What is given up first when there is no room: the highest."""

    KEEP = 0
    PREVIOUS = 1
    CONTROL = 2
    CURRENT = 3
    REST = 4


@dataclass(frozen=True, slots=True)
class File:
    """One file, ready to be stored."""

    name: str
    kind: ItemKind
    of: str | None
    content: bytes
    dropped: int
    redactions: int
    rank: Rank
    families: Mapping[str, int] = field(default_factory=dict)

    def item(self) -> Item:
        """Its line in the manifest."""
        return Item(
            name=self.name,
            kind=self.kind,
            of=self.of[:512] if self.of else None,
            bytes=len(self.content),
            dropped=self.dropped or None,
            redactions=self.redactions or None,
            sha256=hashlib.sha256(self.content).hexdigest(),
        )

    def newest(self, keep: int) -> "File":
        """The same with only the newest lines of at most ``keep`` bytes."""
        tail = self.content[-keep:] if keep else b""
        tail = tail[tail.find(b"\n") + 1 :]
        return replace(self, content=tail, dropped=self.dropped + len(self.content) - len(tail))


@dataclass(slots=True)
class Shelf:
    """
    Takes texts and objects, keeps files and what is missing; ``usual`` is the rank of all that is no log. ``had`` are names
    that another part has already: what is no log is not kept again under them.
    """

    redactor: Redactor
    files: list[File] = field(default_factory=list)
    missing: list[MissingItem] = field(default_factory=list)
    prepared: Mapping[str, File] = field(default_factory=dict)
    usual: Rank = Rank.KEEP
    had: frozenset[str] = frozenset()

    def json(self, name: str, kind: ItemKind, of: str, make: Callable[[], Mapping[str, Any]]) -> None:
        """An object or a list, as JSON."""
        if name not in self.had:
            self._put(name, kind, of, lambda: self.redactor.doc(encode(make())), self.usual)

    def text(self, name: str, kind: ItemKind, of: str | None, make: Callable[[], str]) -> None:
        """Something rendered for reading."""
        if name not in self.had:
            self._put(name, kind, of, lambda: self.redactor.log(make().encode("utf-8", "replace")), self.usual)

    def log(self, name: str, kind: ItemKind, of: str, rank: Rank, answer: Mapping[str, Any]) -> None:
        """A container's log, which says how much of it was dropped already."""
        content, dropped = str(answer.get("text") or "").encode("utf-8", "replace"), int(answer.get("dropped") or 0)
        content, begun = whole_lines(content) if dropped else (content, 0)
        content, cut = cut_lines(content)
        self._put(name, kind, of, lambda: self.redactor.log(content), rank, dropped + begun + cut)

    def lacks(self, name: str, reason: str, message: str) -> None:
        """Not there, and why."""
        masked = self.redactor.log(message.encode("utf-8", "replace")).decode()
        self.missing.append(missing.item(name, reason, masked))

    def _put(
        self,
        name: str,
        kind: ItemKind,
        of: str | None,
        make: Callable[[], bytes],
        rank: Rank,
        dropped: int = 0,
    ) -> None:
        """Keep it; what can't be redacted is not kept at all."""
        if (ready := self.prepared.get(name)) is not None and rank is Rank.KEEP:
            self.redactor.counts.update(ready.families)
            self.files.append(ready)
            return
        before = self.redactor.counts.copy()
        try:
            content = make()
        except Exception as error:  # whatever it is: a secret may be in it
            self.missing.append(missing.item(name, MissingReason.REDACTION_FAILED, type(error).__name__))
            return
        families = self.redactor.counts - before
        self.files.append(File(name, kind, of, content, dropped, families.total(), rank, families))


def encode(obj: Mapping[str, Any]) -> bytes:
    """JSON with a line for each field, and for each item of a list: fast to make, and grep finds whole items."""
    return f"{{\n{_fields(obj)}\n}}\n".encode("utf-8", "replace")


def _fields(obj: Mapping[str, Any]) -> str:
    return ",\n".join(f"{_encode(str(key))}: {_value(value)}" for key, value in obj.items())


def _value(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(map(_encode, value)) + "\n]"
    return _encode(value)


def safe(part: str) -> str:
    """One component of a path: never a way out of the directory it is extracted to."""
    cleaned = _UNSAFE.sub("_", part)
    return cleaned if cleaned.strip(".") else "_"
