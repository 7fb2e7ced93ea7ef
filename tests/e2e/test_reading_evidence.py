"""Evidence of a real crash, read as people read it: by our command line, and by hand."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api
from e2e.support.leaking import given_away, leaking, unpacked
from e2e.support.operators import ROOT, Operator
from e2e.support.scenes import Scenes
from e2e.support.world import BAD, ROLL_BACK, World, container, incident
from evidence.tampered import repacked
from stanch.api.names import OPERATOR_USER

DUMP = "echo starting; echo 'FATAL: cannot open shard 7' >&2; exit 1"


def calm(world: World) -> None:
    """A bad release that says why it dies, and an incident that rolls it back."""
    world.deploy()
    world.serving()
    world.release({"containers": [container(BAD, DUMP)], "terminationGracePeriodSeconds": 0})
    world.crashed()
    world.declare(incident(ROLL_BACK))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """Both scenes, set at once."""
    made = Scenes(admin, calm, leaking)
    yield made
    made.close()


def captured(world: World) -> list[str]:
    """Names of all bundles, once it was rolled back."""
    world.state("Done")
    purposes = lambda s: [e["purpose"] for e in s["evidence"] if e.get("stored")]  # noqa: E731
    record = world.wait(lambda s: purposes(s) == ["Before", "Before", "After"], "all evidence is stored")
    return [each["name"] for each in record["evidence"]]


def late(world: World, names: list[str], *logs: str) -> bool:
    """
    Does the evidence say of every one of these logs that the kubelet did not give it by the deadline? On a machine that is busy
    enough that is all that is promised of an effect's evidence; that logs are there is story 51's, whose pods stay.
    """
    missing = [m for name in names for m in world.admin.get("evidences", world.ns, name)["spec"].get("missing", [])]
    told = {m["name"].rpartition("/")[2] for m in missing if m["reason"] in ("DeadlineOver", "NodeSilent")}
    return set(logs) <= told


def environment(kubectl: Kubectl) -> dict[str, str]:
    """A shell as a reader has it."""
    program, _, kubeconfig = kubectl.start
    path = f"{Path(program).parent}:/usr/bin:/bin"
    return {"PATH": path, "KUBECONFIG": kubeconfig, "HOME": "/tmp", "PYTHONPATH": str(ROOT / "operator")}


def stanch(kubectl: Kubectl, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """`stanch evidence`, as a person at a shell has it."""
    line = [sys.executable, "-m", "stanch.cli.main", "evidence", *words]
    return subprocess.run(
        line, env=environment(kubectl), capture_output=True, text=True, check=False, timeout=60, **more
    )


def test_the_table_tells_what_there_is(scenes: Scenes, kubectl: Kubectl) -> None:
    """`kubectl get evid` and `stanch evidence list`: incident, when, items, missing, bytes, redactions."""
    world = scenes[calm]
    names = captured(world)
    shown = kubectl("-n", world.ns, "get", "evid").out.splitlines()
    assert ["NAME", "INCIDENT", "PURPOSE", "CAPTURED", "ITEMS", "MISSING", "BYTES", "REDACTIONS", "AGE"] == shown[
        0
    ].split()
    listed = stanch(kubectl, "list", "checkout-5xx", "-n", world.ns, "-o", "json")
    found = {each["name"]: each for each in json.loads(listed.stdout)}
    assert set(names) <= set(found)
    record = {each["name"]: each for each in world.status()["evidence"]}
    assert all(found[name]["bytes"] == record[name]["bytes"] for name in names)
    assert all(found[name]["items"] == record[name]["items"] for name in names)


def test_it_is_exported_and_proved_to_be_what_was_captured(scenes: Scenes, kubectl: Kubectl, tmp_path: Path) -> None:
    """A plain tar with what people look for; every digest is that of the object, of the incident and of the attempt."""
    world = scenes[calm]
    captured(world)
    done = stanch(kubectl, "export", "--incident", "checkout-5xx", "-n", world.ns, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / "checkout-5xx.tar", "r:") as archive:
        names = archive.getnames()
    for ending in ("checkout.describe.txt", "checkout.yaml", "pod.yaml", "events.txt"):
        assert any(name.endswith(ending) for name in names), (ending, names)
    said_why = late(world, captured(world), "web.previous.log")
    assert said_why or any(name.endswith("web.previous.log") for name in names), names
    verified = stanch(kubectl, "verify", "--incident", "checkout-5xx", "-n", world.ns)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "not compared" not in verified.stdout
    assert "does not name it" not in verified.stdout


def test_what_the_effect_did_not_wait_for_is_in_part_b(scenes: Scenes, kubectl: Kubectl) -> None:
    """Nodes, quota and what changed, read after the effect; part a names them, and nothing of it is lost."""
    world = scenes[calm]
    first, rest, _ = captured(world)
    record = next(e for e in world.status()["evidence"] if e["name"] == rest)
    assert (record["restOf"], "-roll-back-1-b-" in rest) == (first, True)
    shown = stanch(kubectl, "show", rest, "-n", world.ns, "-o", "json")
    spec = json.loads(shown.stdout)["spec"]
    assert spec["part"] == {"index": 2, "of": 2}
    names = {item["name"] for item in spec["items"]}
    assert {"resourcequotas.json", "limitranges.json", "networkpolicies.json", "changes.txt"} <= names
    assert any(name.startswith("node/") and name.endswith(".describe.txt") for name in names)
    left = world.admin.get("evidences", world.ns, first)["spec"]["missing"]
    left_names = {m["name"] for m in left if m["reason"] == "InPartB"}
    lacking = {m["name"] for m in spec.get("missing", [])}
    assert left_names - names - lacking - {"httproutes.json"} == set()
    assert "LostInRestart" not in {m["reason"] for m in spec.get("missing", [])}
    applied = world.mitigation()["attempts"][0]["appliedTime"]
    assert spec["capturedTime"] >= applied


def test_by_hand_it_comes_apart_with_the_line_that_stands_on_it(
    scenes: Scenes, kubectl: Kubectl, tmp_path: Path
) -> None:
    """kubectl, base64 and tar; then sha256sum with the digests in the object."""
    world = scenes[calm]
    name = captured(world)[0]
    evidence = world.admin.get("evidences", world.ns, name)
    line = evidence["metadata"]["annotations"]["stanch.dev/extract"]
    done = subprocess.run(
        ["sh", "-ec", line], env=environment(kubectl), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sums = "".join(f"{item['sha256']}  {item['name']}\n" for item in evidence["spec"]["items"])
    checked = subprocess.run(
        ["sha256sum", "-c", "--quiet", "-"],
        input=sums,
        cwd=tmp_path / name,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (checked.returncode, checked.stdout + checked.stderr)


def test_no_secret_of_the_corpus_is_found_anywhere_afterwards(
    scenes: Scenes, operator: Operator, kubectl: Kubectl, tmp_path: Path
) -> None:
    """Not in the record, in Events, in the operator's log, in any evidence, nor in what is exported of it."""
    world = scenes[leaking]
    names = captured(world)
    places: dict[str, bytes] = {"the incident": str(world.admin.get("incidents", world.ns, "checkout-5xx")).encode()}
    told = [e for e in world.admin.list("events", world.ns) if e["involvedObject"]["kind"] == "Incident"]
    assert told
    places["events"] = str(told).encode()
    places["the operator's log"] = operator.log.read_bytes()
    places["postmortems"] = str(world.admin.list("postmortems", world.ns)).encode()
    for evidence in world.admin.list("evidences", world.ns):
        name = evidence["metadata"]["name"]
        places |= {f"{name}: {file}": content for file, content in unpacked(evidence).items()}
    done = stanch(kubectl, "export", "--incident", "checkout-5xx", "-n", world.ns, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    places["the export"] = (tmp_path / "checkout-5xx.tar").read_bytes()
    assert {place: found for place, text in places.items() if (found := given_away(text))} == {}
    logs = [text for place, text in places.items() if place.startswith(names[0]) and "web" in place]
    masked = any(b"FATAL: password=***" in text for text in logs)
    assert masked or late(world, names, "web.log", "web.previous.log"), "what was masked was there"
    before = next(e for e in world.admin.list("evidences", world.ns) if e["metadata"]["name"] == names[0])
    assert before["spec"]["redactions"] > 200


def replaced(world: World, forged: dict[str, Any]) -> None:
    """What an admin can do who may be whoever they like: it is gone, and the operator seems to have stored another."""
    name, everybody = forged["metadata"]["name"], "system:authenticated"
    collector = world.admin.as_user("system:serviceaccount:kube-system:namespace-controller", everybody)
    collector.delete("evidences", world.ns, name).must()
    kept = {k: v for k, v in forged["metadata"].items() if k in ("name", "labels", "annotations", "ownerReferences")}
    world.admin.as_user(OPERATOR_USER, everybody).create({**forged, "metadata": kept}, world.ns).must()


def test_evidence_that_an_admin_edited_by_hand_is_reported_with_the_item(scenes: Scenes, kubectl: Kubectl) -> None:
    """Whoever may do everything can change it, its size and its digest; the items, the name and the record still tell."""
    world = scenes[leaking]
    name = captured(world)[0]
    real = world.admin.get("evidences", world.ns, name)
    replaced(
        world, repacked(real, {"pods.txt": b"all pods were well\n", "events.txt": b"nothing happened\n"}, keep=True)
    )
    done = stanch(kubectl, "verify", name, "-n", world.ns)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("DIFFERS")
    for words in ("pods.txt: sha256", "events.txt: sha256", "the record:", "the name:"):
        assert words in done.stdout, done.stdout
    assert "checkout.json" not in done.stdout
    whole = stanch(kubectl, "verify", "--incident", "checkout-5xx", "-n", world.ns, "-o", "json")
    wrong = [each["name"] for each in json.loads(whole.stdout)["bundles"] if each["differs"]]
    assert (whole.returncode, wrong) == (1, [name])
