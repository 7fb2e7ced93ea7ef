"""Evidence that was touched is told from evidence that was not, whoever touched it and however well."""

import base64
import copy
import gzip
import hashlib
import json

import pytest

from evidence.sample import NOW, capture, crash, world
from evidence.tampered import incident_of, packed, repacked, stored, with_archive
from stanch.evidence.opened import opened
from stanch.evidence.verify import chain, gone, verify

EVIDENCE = stored(capture(world(crash("a"))))
INCIDENT = incident_of(EVIDENCE)


def honest(files):
    """The object with other files, and everything in it that can be made to fit made to fit: digests, sizes and name."""
    changed = repacked(EVIDENCE, files, keep=True)
    held = opened(changed).files
    for item in changed["spec"]["items"]:
        if item["name"] in files:
            item |= {"bytes": len(held[item["name"]]), "sha256": hashlib.sha256(held[item["name"]]).hexdigest()}
    changed["metadata"]["name"] = f"{changed['metadata']['name'][:-6]}{changed['spec']['sha256'][:6]}"
    return changed


def test_what_was_not_touched_is_as_captured():
    """All items match, and the incident agrees."""
    verdict = verify(EVIDENCE, INCIDENT)
    assert ((), (), len(EVIDENCE["spec"]["items"])) == (verdict.differs, verdict.unknown, verdict.items)


def spec(**changes):
    """The object with other fields."""
    changed = copy.deepcopy(EVIDENCE)
    changed["spec"] |= changes
    return changed


def item(**changes):
    """The object with another first line in its list."""
    changed = copy.deepcopy(EVIDENCE)
    changed["spec"]["items"][0] |= changes
    return changed


def meta(**changes):
    """The object with other metadata."""
    return {**EVIDENCE, "metadata": {**EVIDENCE["metadata"], **changes}}


FIRST = EVIDENCE["spec"]["items"][0]["name"]
TOUCHED = [
    ("a file changed", repacked(EVIDENCE, {"pods.txt": b"x"}, keep=True), "pods.txt: sha256"),
    ("a file added", repacked(EVIDENCE, {"more.txt": b"x"}, keep=True), "more.txt: in the archive, and not listed"),
    ("all files gone", with_archive(EVIDENCE, packed({})), f"{FIRST}: listed, and not in the archive"),
    ("the archive's digest", spec(sha256="0" * 64), "the archive: spec.sha256"),
    ("the archive's size", spec(bytes=1), "the archive: spec.bytes is 1"),
    ("an item's digest", item(sha256="0" * 64), f"{FIRST}: sha256 000000000000"),
    ("an item's size", item(bytes=1), f"{FIRST}: 1 bytes listed"),
    ("an item's name", item(name="other.txt"), "other.txt: listed, and not in the archive"),
    ("an item struck out", spec(items=EVIDENCE["spec"]["items"][1:]), f"{FIRST}: in the archive, and not listed"),
    ("no archive", spec(data=""), "the archive:"),
    ("not base64", spec(data="%"), "spec.data is not base64"),
    ("its name", meta(name="checkout-5xx-roll-back-1-a-000000"), "the name:"),
    ("written again", meta(generation=3), "its spec was changed 2 times"),
    (
        "by somebody",
        meta(managedFields=[{"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:data": {}}}}]),
        "written by kubectl-edit",
    ),
]


@pytest.mark.parametrize(("obj", "said"), [case[1:] for case in TOUCHED], ids=[case[0] for case in TOUCHED])
def test_what_was_touched_is_named(obj, said):
    """One sentence says which file or field."""
    assert any(line.startswith(said) or said in line for line in verify(obj, INCIDENT).differs)


def test_one_bit_anywhere_in_the_archive_is_seen():
    """Even where gzip itself would not notice: its header holds bytes that nothing checks."""
    archive = base64.b64decode(EVIDENCE["spec"]["data"])
    for place in (4, 9, len(archive) // 2, len(archive) - 1):
        changed = bytearray(archive)
        changed[place] ^= 1
        assert verify(with_archive(EVIDENCE, bytes(changed), honest=False), INCIDENT).differs, place


def test_who_makes_every_digest_fit_is_caught_by_the_incident():
    """The record has the digest of what was captured, and an attempt has it too."""
    forged = honest({"pods.txt": b"all is well\n"})
    assert () == verify(forged).differs, "it must be a good forgery"
    record = copy.deepcopy(INCIDENT)
    record["status"]["evidence"][0]["name"] = forged["metadata"]["name"]
    attempt = {"id": "4be1", "evidence": forged["metadata"]["name"], "evidenceSha256": EVIDENCE["spec"]["sha256"]}
    record["status"]["mitigations"] = [{"name": "roll-back", "attempts": [attempt]}]
    told = verify(forged, record).differs
    assert 2 == len(told)
    assert told[0].startswith("the record: incident checkout-5xx wrote down")
    assert told[1].startswith("the record: attempt 4be1 of roll-back wrote down")


def test_a_bundle_that_nobody_wrote_down_says_so():
    """It was compared with itself alone: that is no proof."""
    record = {**INCIDENT, "status": {}}
    verdict = verify(EVIDENCE, record)
    assert () == verdict.differs
    assert "does not name it" in verdict.unknown[0]


def test_a_record_of_another_incident_proves_nothing():
    """Names are used again; the uid tells them apart."""
    other = {**INCIDENT, "metadata": {**INCIDENT["metadata"], "uid": "another"}}
    assert "an earlier incident" in verify(EVIDENCE, other).unknown[0]


def test_what_an_open_incident_names_must_be_there():
    """Of a closed one retention may have removed it; what was never known to be stored is not missed."""
    record = copy.deepcopy(INCIDENT)
    record["status"]["evidence"].append({"name": "planned", "sha256": "x"})
    record["status"]["pages"] = [{"name": "checkout-5xx-page-1-aaaaaa", "first": 1, "sha256": "y"}]
    assert 2 == len(gone(record, []))
    assert 1 == len(gone(record, [EVIDENCE["metadata"]["name"]]))
    record["metadata"]["labels"]["stanch.dev/closed"] = ""
    assert () == gone(record, [])


def page(before, *lines):
    """A timeline page that names the digest of the one before it."""
    archive = gzip.compress("\n".join([json.dumps({"pageBefore": before}), *lines]).encode(), mtime=0)
    obj = with_archive(EVIDENCE, archive)
    obj["spec"] |= {"purpose": "Page", "encoding": "gzip", "items": [{"name": "timeline.jsonl"}]}
    obj["metadata"]["name"] = f"checkout-5xx-page-1-{obj['spec']['sha256'][:6]}"
    return obj


def test_a_page_that_was_taken_out_of_the_chain_is_missed():
    """Each has the digest of the one before."""
    first = page("", "a")
    second = page(first["spec"]["sha256"], "b")
    third = page(second["spec"]["sha256"], "c")
    assert () == chain([third, first, second])
    (said,) = chain([first, third])
    assert said.startswith(third["metadata"]["name"])
    assert "does not say" in chain([with_archive(first, gzip.compress(b"{}"))])[0]


def test_of_very_much_that_differs_the_first_is_told():
    """A page, not a flood."""
    many = {f"f{index:04}.txt": b"x" for index in range(400)}
    told = verify(with_archive(EVIDENCE, packed(many)), INCIDENT).differs
    assert 51 == len(told)
    assert told[-1].startswith("and ")


def test_times_differ_and_that_is_no_edit():
    """Two captures of one world are two bundles, each as captured."""
    later = stored(capture(world(crash("a")), captured_time=NOW.replace(hour=12)))
    assert later["spec"]["sha256"] != EVIDENCE["spec"]["sha256"]
    assert () == verify(later, incident_of(later)).differs
