"""`stanch evidence`: what a person sees, and what a script may rely on."""

import copy
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from evidence.sample import NOW, capture, crash, listed, pod, recorded, world
from evidence.tampered import incident_of, repacked, stored

ESCAPE = "\x1b[2J\x1b]0;owned\x07"


@pytest.fixture
def before(api):
    """Evidence of a crash-looping Deployment, as the API server keeps it."""
    aim, seen = recorded("Deployment")
    return api.put("evidences", stored(capture(seen, aim, namespace="shop")))


@pytest.fixture
def after(api):
    """Another bundle of the same incident, an hour later."""
    aim, seen = recorded("Deployment")
    return api.put("evidences", stored(capture(seen, aim, namespace="shop", captured_time=NOW.replace(hour=12))))


def name(obj):
    return obj["metadata"]["name"]


def test_list_shows_every_page_and_reads_no_archive(stanch, before, after, api):
    """Oldest first, with what kubectl shows; the archives stay on the server."""
    done = stanch("list")
    lines = done.stdout.splitlines()
    assert 0 == done.exit_code
    assert ["NAME", "INCIDENT", "PURPOSE", "CAPTURED", "ITEMS", "MISSING", "SIZE", "REDACTIONS"] == lines[0].split()
    assert [name(before), name(after)] == [line.split()[0] for line in lines[1:]]
    assert "2026-11-21 11:28:00Z" in lines[1]
    assert all("/evidences?" in path for path in api.asked)


def test_list_is_of_the_context_s_namespace_or_of_all(stanch, before, api):
    """As kubectl does it."""
    api.put("evidences", {**before, "metadata": {**before["metadata"], "namespace": "other"}})
    assert 2 == len(stanch("list").stdout.splitlines())
    everywhere = stanch("list", "-A").stdout
    assert {"other", "shop"} == {line.split()[0] for line in everywhere.splitlines()[1:]}


def test_list_for_programs(stanch, before):
    """JSON, with the same facts."""
    (found,) = json.loads(stanch("list", "checkout-5xx", "-o", "json").stdout)
    assert (name(before), "Before", before["spec"]["bytes"]) == (found["name"], found["purpose"], found["bytes"])
    assert [] == json.loads(stanch("list", "another", "-o", "json").stdout)


def test_show_says_what_is_in_it_and_what_is_missing(stanch, before):
    """The manifest as a page."""
    done = stanch("show", name(before))
    assert 0 == done.exit_code
    assert "deployment/checkout.describe.txt" in done.stdout
    assert before["spec"]["sha256"] in done.stdout
    for each in before["spec"]["missing"]:
        assert each["reason"] in done.stdout


def test_show_prints_files_by_name_and_by_pattern(stanch, before):
    """One as it is, several below their names."""
    one = stanch("show", name(before), "pods.txt").stdout
    assert one.startswith("NAME")
    assert "FATAL: no such table" in stanch("show", name(before), "*.previous.log").stdout
    several = stanch("show", name(before), "*.describe.txt", "pod/*").stdout
    assert "==> pod/checkout-dd59b7fb6-6gxfx/app.previous.log <==" in several


def test_what_is_not_there_says_where_to_look(stanch, before):
    """Exit code 3, for scripts."""
    for words in (("show", "nothing"), ("show", name(before), "no.txt"), ("export", "--incident", "nothing")):
        done = stanch(*words)
        assert (3, "") == (done.exit_code, done.stdout)
        assert done.stderr.startswith("stanch: ")


def test_who_may_not_read_is_told_which_role_they_need(stanch, before, api):
    """Exit code 4, and the ClusterRole's name."""
    api.refuses["evidences"] = 403
    for words in (("list",), ("show", name(before)), ("verify", name(before))):
        done = stanch(*words)
        assert 4 == done.exit_code
        assert "stanch-evidence-reader" in done.stderr


def test_no_credentials_are_said_in_a_sentence(stanch, monkeypatch, tmp_path):
    """Exit code 2, no traceback."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    done = stanch("list")
    assert 2 == done.exit_code
    assert f"stanch: no credentials: there is no file {tmp_path / 'none'}\n" in done.stderr


def test_a_terminal_obeys_nothing_that_was_captured(stanch, api):
    """Escape sequences, carriage returns and marks of direction are written out, in every verb."""
    seen = world(
        crash("a"), log=f"ok\r{ESCAPE}\u202egpj.exe\n", services=listed({"metadata": {"name": "s", "x": ESCAPE}})
    )
    one = api.put("evidences", stored(capture(seen)))
    two = api.put("evidences", stored(capture(world(crash("a"), log="ok\n"), captured_time=NOW.replace(hour=12))))
    for words in (("show", name(one)), ("show", name(one), "*"), ("diff", name(one), name(two)), ("list",)):
        printed = stanch(*words).stdout
        assert not {"\x1b", "\r", "\x07", "\u202e"} & set(printed), words
    assert "\\x1b[2J" in stanch("show", name(one), "*.log").stdout
    assert ESCAPE.encode() in stanch("show", name(one), "pod/a/app.log", "--raw").stdout_bytes


def test_an_export_is_a_plain_tar_that_people_find_their_way_in(stanch, before, after):
    """Any tar reads it; describe, logs, previous logs, events and YAML are where `find` finds them."""
    done = stanch("export", "--incident", "checkout-5xx")
    assert 0 == done.exit_code, done.stderr
    with tarfile.open("checkout-5xx.tar", "r:") as archive:
        names = set(archive.getnames())
    assert 0o600 == Path("checkout-5xx.tar").stat().st_mode & 0o777
    base = name(before)
    for wanted in (
        *("evidence.yaml", "deployment/checkout.describe.txt", "deployment/checkout.yaml", "events.txt", "pods.txt"),
        *(f"pod/checkout-dd59b7fb6-6gxfx/{file}" for file in ("app.previous.log", "describe.txt", "pod.yaml")),
    ):
        assert f"{base}/{wanted}" in names
    assert f"{name(after)}/README.txt" in names


def test_an_export_into_a_directory_checks_itself(stanch, before):
    """sha256sum is all that is needed; nobody else may read it."""
    done = stanch("export", name(before), "--to", "out")
    assert 0 == done.exit_code, done.stderr
    checked = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd="out", capture_output=True, check=False)
    assert (0, b"") == (checked.returncode, checked.stdout + checked.stderr)
    assert {0o600} == {p.stat().st_mode & 0o777 for p in Path("out").rglob("*") if p.is_file()}
    assert {0o700} == {p.stat().st_mode & 0o777 for p in Path("out").rglob("*") if p.is_dir()}


def test_an_export_overwrites_nothing(stanch, before):
    """Neither a file nor what is in a directory."""
    Path("mine").mkdir()
    Path("mine/file").write_text("x")
    Path(f"{name(before)}.tar").write_text("x")
    assert 2 == stanch("export", name(before), "--to", "mine").exit_code
    assert 2 == stanch("export", name(before)).exit_code
    assert ["file"] == [p.name for p in Path("mine").iterdir()]


def test_an_export_to_a_pipe_is_the_tar_alone(stanch, before, tmp_path):
    """Nothing else on stdout."""
    packed = stanch("export", name(before), "-f", "-").stdout_bytes
    subprocess.run(["tar", "x", "-C", str(tmp_path)], input=packed, check=True)
    assert (tmp_path / name(before) / "README.txt").exists()


@pytest.mark.parametrize("path", ["../out.txt", "/tmp/stanch-abs.txt", "a/../../out.txt", "..", "a\x1bb"])
def test_an_archive_that_would_write_elsewhere_writes_nowhere(stanch, api, before, tmp_path, path):
    """What its names would lead to is named and left out; all else is written."""
    api.put("evidences", repacked(before, {path: b"evil", "good.txt": b"good"}))
    done = stanch("export", name(before), "--to", "out")
    assert 1 == done.exit_code
    assert "left out" in done.stderr
    written = {str(p.relative_to("out")) for p in Path("out").rglob("*") if p.is_file()}
    assert f"{name(before)}/good.txt" in written
    assert [] == list(tmp_path.rglob("out.txt"))
    assert not Path("/tmp/stanch-abs.txt").exists()


def test_what_is_as_captured_is_said_to_be(stanch, api, before):
    """Against the object, and against what the incident wrote down."""
    api.put("incidents", incident_of(before))
    done = stanch("verify", "--incident", "checkout-5xx")
    assert 0 == done.exit_code, done.stdout
    assert f"{len(before['spec']['items'])} items match" in done.stdout
    assert "not compared" not in done.stdout


def test_without_the_incident_the_object_is_checked_and_that_is_said(stanch, before):
    """One witness less."""
    done = stanch("verify", name(before))
    assert 0 == done.exit_code
    assert "not compared with the incident's record" in done.stdout


def test_an_edited_object_is_reported(stanch, api, before):
    """Exit code 1; the file is named, for people and for programs."""
    api.put("incidents", incident_of(before))
    files = {"pods.txt": b"NAME  READY\nall is well\n"}
    api.put("evidences", repacked(before, files, keep=True))
    done = stanch("verify", "--incident", "checkout-5xx")
    assert 1 == done.exit_code
    assert "pods.txt: sha256" in done.stdout
    assert "the record: incident checkout-5xx wrote down" in done.stdout
    told = json.loads(stanch("verify", name(before), "-o", "json").stdout)
    assert any("pods.txt" in line for line in told["bundles"][0]["differs"])


def test_a_bundle_that_the_record_names_and_that_is_gone_is_reported(stanch, api, before, after):
    """While the incident is open nothing may be missing."""
    record = incident_of(before)
    record["status"]["evidence"].append({"name": "checkout-5xx-other-1-a-123456", "sha256": "0" * 64, "stored": True})
    api.put("incidents", record)
    done = stanch("verify", "--incident", "checkout-5xx")
    assert 1 == done.exit_code
    assert "checkout-5xx-other-1-a-123456: named in the record" in done.stdout


def test_diff_says_which_field_of_which_object(stanch, api):
    """And nothing about what did not change."""
    bad, good = crash("a", state={"waiting": {"reason": "CrashLoopBackOff"}}), pod("a")
    one = api.put("evidences", stored(capture(world(bad, pod("b")))))
    two = api.put("evidences", stored(capture(world(good, pod("b")), captured_time=NOW.replace(hour=12))))
    done = stanch("diff", name(one), name(two))
    assert 1 == done.exit_code
    assert 'status.containerStatuses[app].state.waiting: {"reason": "CrashLoopBackOff"} -> (none)' in done.stdout
    assert "pod/shop/b" not in done.stdout
    same = stanch("diff", name(one), name(one))
    assert 0 == same.exit_code


def test_diff_for_programs(stanch, api):
    """The same as data."""
    one = api.put("evidences", stored(capture(world(pod("a")))))
    changed = copy.deepcopy(pod("a"))
    changed["spec"]["nodeName"] = "n2"
    two = api.put("evidences", stored(capture(world(changed), captured_time=NOW.replace(hour=12))))
    told = json.loads(stanch("diff", name(one), name(two), "-o", "json").stdout)
    (diff,) = [each for each in told["objects"] if each["name"] == "pod/shop/a"]
    assert [{"path": "spec.nodeName", "before": "n1", "after": "n2"}] == diff["fields"]


@pytest.mark.parametrize(
    "words",
    [
        ("list", "-n", "a", "-A"),
        ("show",),
        ("show", "x", "--raw"),
        ("export",),
        ("export", "x", "--incident", "y"),
        ("export", "x", "-f", "a", "--to", "b"),
        ("verify",),
        ("diff", "x"),
    ],
)
def test_wrong_usage_is_answered_before_anything_is_read(stanch, api, words):
    """Exit code 2, and no request."""
    assert 2 == stanch(*words).exit_code
    assert [] == api.asked


def test_help_has_examples_and_exit_codes(stanch):
    """What one looks for at 2 AM."""
    page = stanch("--help").stdout
    assert "stanch evidence show" in page
    assert "Exit codes:" in page
    for verb in ("list", "show", "export", "verify", "diff"):
        assert "Example" in stanch(verb, "--help").stdout


def test_kopf_is_never_imported():
    """It costs a second, and a reader's machine need not have it."""
    code = (
        "import sys; from stanch.cli import main, evidence, evidence_look, evidence_take; "
        "sys.exit('kopf' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
