"""An archive is opened as if an enemy had made it: bounded, plain files only, and never a way out."""

import gzip
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.sample import capture, crash, world
from evidence.tampered import packed, stored, with_archive
from stanch.evidence import opened as module
from stanch.evidence.opened import is_safe, opened

EVIDENCE = stored(capture(world(crash("a"))))


def test_what_was_packed_comes_out():
    """Every listed file, and no problem."""
    inside = opened(EVIDENCE)
    assert () == inside.problems
    assert {item["name"] for item in EVIDENCE["spec"]["items"]} == set(inside.files)


def test_a_page_of_the_timeline_is_one_file():
    """Its encoding is gzip without tar."""
    page = with_archive(EVIDENCE, gzip.compress(b'{"pageBefore": ""}\n'))
    page["spec"] |= {"encoding": "gzip", "items": [{"name": "timeline.jsonl"}]}
    assert {"timeline.jsonl": b'{"pageBefore": ""}\n'} == opened(page).files


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("link", tarfile.SYMTYPE),
        ("hard", tarfile.LNKTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
        ("folder", tarfile.DIRTYPE),
    ],
)
def test_only_plain_files_are_taken(name, kind):
    """A link out of the directory is the oldest trick."""
    inside = opened(with_archive(EVIDENCE, packed({name: b"", "good": b"x"}, **{name: kind})))
    assert {"good": b"x"} == inside.files
    assert [f"{name}: not a plain file; left out"] == list(inside.problems)


@pytest.mark.parametrize(
    "path",
    [
        "../a",
        "/a",
        "a/../b",
        ".",
        "a//b",
        "a/./b",
        "",
        "a\\b",
        "a\nb",
        "a\x1b[2J",
        "a/" * 12 + "b",
        "x" * 256,
        "a\u202eb",
    ],
)
def test_a_name_that_leads_out_or_can_not_be_shown_is_not_safe(path):
    """Whoever extracts it is not surprised."""
    assert not is_safe(path)


@pytest.mark.parametrize("path", ["README.txt", "pod/a-b.c/app.previous.log", "..a/b..", "é"])
def test_ordinary_names_are_safe(path):
    """Dots in a name are no way up."""
    assert is_safe(path)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_two_entries_in_one_place_are_not_both_taken(names):
    """The first is kept, the other is named."""
    first, second = packed({names[0]: b"1"}), packed({names[1]: b"2"})
    both = gzip.compress(gzip.decompress(first)[:1024] + gzip.decompress(second))
    inside = opened(with_archive(EVIDENCE, both))
    assert {names[0]: b"1"} == inside.files
    assert 1 == len(inside.problems)


def test_a_bomb_is_not_unpacked(monkeypatch):
    """A megabyte can hold a gigabyte."""
    monkeypatch.setattr(module, "UNPACKED_MAX", 1024 * 1024)
    inside = opened(with_archive(EVIDENCE, gzip.compress(bytes(4 * 1024 * 1024))))
    assert {} == inside.files
    assert "more than 1 MiB" in inside.problems[0]


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"no gzip at all", "can't be unpacked"),
        (gzip.compress(b"x" * 2000)[:-12], "ends too early"),
        (gzip.compress(b"") + b"more", "bytes follow"),
        (gzip.compress(b"x" * 2000), "can't be read to its end"),
        (zlib.compress(b"x"), "can't be unpacked"),
    ],
)
def test_a_broken_archive_is_a_sentence(archive, said):
    """And never a traceback."""
    assert any(said in problem for problem in opened(with_archive(EVIDENCE, archive)).problems)


@pytest.mark.parametrize(
    "change", [{"data": "%%%"}, {"data": "é"}, {"encoding": "zip"}, {"encoding": None}, {"data": 5}]
)
def test_an_object_that_is_none_of_ours_is_a_sentence(change):
    """A field of the wrong kind, too."""
    assert opened({**EVIDENCE, "spec": {**EVIDENCE["spec"], **change}}).problems
    assert opened({}).problems


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 511), st.binary(min_size=1, max_size=40))
def test_whatever_is_in_it_nothing_is_raised(noise, at, patch):
    """Random bytes, and real headers with random bytes in them."""
    raw = bytearray(gzip.decompress(packed({"a": b"x", "b/c": b"y" * 600})))
    raw[at : at + len(patch)] = patch
    for content in (noise, bytes(raw), bytes(raw) + noise):
        inside = opened(with_archive(EVIDENCE, gzip.compress(content)))
        assert all(is_safe(name) for name in inside.files)
