"""A tar.gz with the same bytes for the same files: names in order, one time, nobody's ownership."""

import zlib
from collections.abc import Iterable
from datetime import datetime

_BLOCK = 512
_NAME_MAX = 100
_LEVEL = 1  # on the critical path; level 6 saves a fifth and takes three times as long
_GZIP = 31


def archive(files: Iterable[tuple[str, bytes]], mtime: datetime) -> bytes:
    """The archive, readable by any tar. The gzip header holds no name and no time."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(plain(files, mtime)) + packer.flush()


def plain(files: Iterable[tuple[str, bytes]], mtime: datetime) -> bytes:
    """The same, not compressed."""
    seconds = int(mtime.timestamp())
    blocks: list[bytes] = []
    for name, content in sorted(files):
        blocks += _entry(name.encode(), content, seconds)
    return b"".join([*blocks, bytes(2 * _BLOCK)])


def _entry(name: bytes, content: bytes, mtime: int) -> list[bytes]:
    padding = bytes(-len(content) % _BLOCK)
    if len(name) <= _NAME_MAX:
        return [_header(name, len(content), mtime, b"0"), content, padding]
    long = name + b"\0"  # GNU long name: pod names may have 253 characters
    link = [_header(b"././@LongLink", len(long), 0, b"L"), long, bytes(-len(long) % _BLOCK)]
    return [*link, _header(name[:_NAME_MAX], len(content), mtime, b"0"), content, padding]


def _header(name: bytes, size: int, mtime: int, kind: bytes) -> bytes:
    """One ustar header: octal numbers, owner 0, and a checksum over itself with blanks in the checksum's place."""
    head = b"%s0000644\x000000000\x000000000\x00%011o\x00%011o\x00" % (name.ljust(_NAME_MAX, b"\0"), size, mtime)
    tail = (kind + bytes(100) + b"ustar\x0000" + bytes(32 + 32) + b"0000000\x000000000\x00").ljust(_BLOCK - 156, b"\0")
    checksum = sum(head) + 8 * 32 + sum(tail)
    return head + b"%06o\x00 " % checksum + tail
