"""One Evidence object: the same bytes for the same answers, readable by anyone, complete or honest about it."""

import base64
import hashlib
import json
import random
import subprocess
from datetime import timedelta

import pytest

from evidence.sample import (
    KEY,
    NOW,
    SHOP,
    Obj,
    capture,
    crash,
    deployment,
    files,
    listed,
    pod,
    recorded,
    without,
    world,
)
from stanch.api.evidence import PART_BYTES_MAX, EvidenceSpec
from stanch.api.names import MissingReason
from stanch.core.observations import Failed, Found, Observations
from stanch.evidence import tar
from stanch.evidence.bundle import bundle
from stanch.evidence.missing import words
from stanch.evidence.shelf import safe

KINDS = ["Deployment", "StatefulSet", "DaemonSet", "Node"]
LEAKED = "hunter2-very-secret"


def of(kind: str, **more):
    aim, seen = recorded(kind)
    return bundle(capture(seen, aim, **more))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_answers_give_the_same_bytes(kind):
    """Its digest is written down before it is stored; it has to be the same when made again."""
    assert of(kind).body == of(kind).body
    assert of(kind).sha256 != of(kind, captured_time=NOW + timedelta(seconds=1)).sha256


def test_the_order_of_a_list_does_not_matter():
    """The API promises none."""
    one = bundle(capture(world(crash("a"), pod("b"))))
    other = bundle(capture(world(pod("b"), crash("a"))))
    assert one.sha256 == other.sha256


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_is_true(kind):
    """Every file is listed with its size and digest, and nothing else is."""
    made = of(kind)
    content = files(made)
    assert {item.name: (item.bytes, item.sha256) for item in made.items} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items()
    }
    assert made.sha256 == hashlib.sha256(base64.b64decode(made.body["spec"]["data"])).hexdigest()
    assert EvidenceSpec.model_validate(made.body["spec"]).wire() == made.body["spec"]


def test_the_tree_is_one_that_people_find_their_way_in():
    """The names are promised in README.txt and in docs."""
    found = set(files(of("Deployment")))
    whole = "README.txt api.json pods.txt history.txt nodes.txt replicasets.json events.txt events.json services.json"
    whole += " hpa.json pdb.json endpointslices.json deployment/checkout.json deployment/checkout.describe.txt"
    assert set(whole.split()) <= found
    assert "pod/checkout-dd59b7fb6-6gxfx/app.previous.log" in found
    assert "pod/checkout-dd59b7fb6-6gxfx/describe.txt" in found


@pytest.mark.parametrize("kind", KINDS)
def test_every_json_file_is_json_and_no_secret_is_left(kind):
    """Searched in all files, the README and the manifest."""
    made = of(kind)
    content = files(made)
    for name, data in content.items():
        assert LEAKED.encode() not in data, name
        assert b"abcdef0123456789" not in data, name
        if name.endswith(".json"):
            json.loads(data)
    assert LEAKED not in json.dumps({**made.body["spec"], "data": ""})


def test_api_json_says_where_each_file_came_from():
    """So that it can be asked for again."""
    paths = json.loads(files(of("Deployment"))["api.json"])
    assert paths["deployment/checkout.json"] == "/apis/apps/v1/namespaces/evidence-sample/deployments/checkout"
    assert paths["events.json"].endswith("/events?fieldSelector=type=Warning")


def test_any_tar_reads_it(tmp_path):
    """`base64 -d | tar xz`, as the field's description says; long names and odd files included."""
    long = "pod/" + "n" * 253 + "/" + "c" * 63 + ".previous.log"
    packed = tar.archive([("b.txt", b"x" * 513), (long, b"long"), ("empty", b"")], NOW)
    subprocess.run(["tar", "xz", "-C", str(tmp_path)], input=packed, check=True)
    assert (tmp_path / "b.txt").read_bytes() == b"x" * 513
    assert (tmp_path / long).read_bytes() == b"long"
    assert int(NOW.timestamp()) == int((tmp_path / "empty").stat().st_mtime)


def test_the_object_is_ready_to_be_created():
    """Kind, name, labels for finding it, and the facts of the attempt."""
    body = bundle(capture(world(pod("a")))).body
    assert (body["apiVersion"], body["kind"]) == ("stanch.dev/v1alpha1", "Evidence")
    assert body["metadata"]["labels"] == {
        "stanch.dev/incident": "checkout-5xx",
        "stanch.dev/incident-uid": "3f0c",
        "app.kubernetes.io/managed-by": "stanch",
    }
    spec = body["spec"]
    assert (
        spec["mitigation"],
        spec["purpose"],
        spec["deadline"],
        spec["part"],
    ) == ("roll-back", "Before", "5s", {"index": 1, "of": 1})


@pytest.mark.parametrize(
    ("part", "expected"),
    [("..", "_"), (".", "_"), ("a/b", "a_b"), ("", "_"), ("ok-1.log", "ok-1.log"), ("é\x1b", "__")],
)
def test_names_stay_inside_the_archive(part, expected):
    """Whoever extracts it is not surprised."""
    assert expected == safe(part)


REASONS = [
    ("Forbidden", "replicasets.json", {"replicasets": Failed(403, "no")}),
    ("NotAnswered", "services.json", {"services": Failed(500, "etcd")}),
    (
        "NoPrevious",
        "pod/a/app.previous.log",
        {"a/app/previous": Failed(400, 'previous terminated container "app" in pod "a" not found')},
    ),
    (
        "NotStarted",
        "pod/a/app.log",
        {"a/app/current": Failed(400, 'container "app" in pod "a" is waiting to start: PodInitializing')},
    ),
    ("NodeSilent", "pod/a/app.log", {"a/app/current": Failed(0, "timeout")}),
    ("DeadlineOver", "pod/a/app.log", {"a/app/current": Failed(0, "the evidence deadline was over", "DeadlineOver")}),
    (
        "NodeSilent",
        "pod/a/app.log",
        {"a/app/current": Failed(500, 'Get "https://10.0.0.1:10250/x": dial tcp 10.0.0.1:10250: i/o timeout')},
    ),
    ("NotAnswered", "pod/a/app.log", {"a/app/current": Failed(404, "pods a not found")}),
    (
        "TooLarge",
        "pods.txt",
        {"pods": Found({"items": [pod("a")], "metadata": {"continue": "x", "remainingItemCount": 9}})},
    ),
]


@pytest.mark.parametrize(("reason", "name", "answers"), REASONS)
def test_what_is_missing_has_a_fixed_reason(reason, name, answers):
    """Words that can be counted; the message has what was said."""
    one = pod("a", ready=False, restartCount=1)
    made = bundle(capture(world(one, **answers)))
    assert (name, reason) in [(each.name, each.reason) for each in made.missing]


def test_a_silent_node_is_named():
    """Whoever reads it looks at the node next."""
    made = bundle(capture(world(pod("a", ready=False, node="n7"), **{"a/app/current": Failed(0, "timeout")})))
    assert "node n7 did not answer within 3s: timeout" in [each.message for each in made.missing]


def test_what_was_not_answered_was_too_late():
    """It is listed, never passed over."""
    made = bundle(capture(Observations()))
    lacking = {each.name: each.reason for each in made.missing}
    assert {MissingReason.DEADLINE_OVER} == set(lacking.values())
    assert {"deployment/checkout.json", "pods.txt", "events.json", "hpa.json"} <= set(lacking)


def test_a_target_that_is_gone_is_missing_and_nothing_else_is():
    """There is nothing to destroy either."""
    made = bundle(capture(without(world())))
    assert [(each.name, each.reason) for each in made.missing] == [("deployment/checkout.json", "NotAnswered")]


def test_what_can_not_exist_does_not_make_it_partial():
    """A container that never restarted has no previous log; that is no gap."""
    made = bundle(capture(world(pod("a"), crash("b"))))
    assert len(made.missing) == 1
    assert made.really_missing == 0


def test_what_can_not_be_redacted_is_left_out():
    """Fail closed: no file rather than one with a secret in it."""
    bad: Obj = {"metadata": {"name": "x"}, "spec": {("not", "json"): "password=abc"}}
    made = bundle(capture(world(pod("a"), services=listed(bad))))
    assert [(each.name, each.reason) for each in made.missing if each.reason == "RedactionFailed"] == [
        ("services.json", "RedactionFailed")
    ]
    assert "services.json" not in files(made)


def test_secrets_in_messages_about_what_is_missing_are_masked():
    """The API server's words are text like any other."""
    made = bundle(capture(world(pod("a"), services=Failed(500, f"dial postgres://u:{LEAKED}@db"))))
    assert LEAKED not in json.dumps(made.body)
    assert LEAKED not in files(made)["README.txt"].decode()


def noise(size: int, seed: int) -> str:
    chosen = random.Random(seed)
    return "\n".join(f"{chosen.getrandbits(400):0100x}" for _ in range(size // 101))


def big_world(size: int) -> Observations:
    pods = [crash(f"bad-{index}", state={"terminated": {"exitCode": index % 6 + 1}}) for index in range(12)]
    pods += [pod("good-a"), pod("good-b", template="old")]
    logs = {
        f"{each['metadata']['name']}/app/{age}": Found({"text": noise(size, index), "dropped": 7})
        for index, each in enumerate(pods)
        for age in ("previous", "current")
    }
    return world(*pods, **logs)


@pytest.mark.parametrize(
    ("size", "controls", "current", "cut"),
    [(10_000, 0, 0, 0), (70_000, 0, 1, 0), (256_000, 2, 12, 12)],
    ids=["fits", "current logs go", "previous logs lose their oldest part"],
)
def test_what_tells_least_goes_first(size, controls, current, cut):
    """Current logs, then controls, then the oldest part of previous ones (decisions 2.6); each is written down."""
    made = bundle(capture(big_world(size)))
    given_up = {each.name for each in made.missing if each.reason == "BudgetFull"}
    assert made.bytes <= PART_BYTES_MAX
    assert controls == sum(name.startswith("pod/good") for name in given_up)
    assert current <= sum(name.endswith("app.log") and "bad" in name for name in given_up)
    assert (cut > 0) == any(name.endswith("previous.log") for name in given_up)


def test_a_bundle_stays_within_the_room_that_is_left_and_names_what_is_not_in_it():
    """Of an incident that has stored much already; objects, tables and pages are kept before logs."""
    made = bundle(capture(big_world(70_000), room=64 * 1024))
    assert made.bytes <= 64 * 1024
    assert "BudgetFull" in {each.reason for each in made.missing}
    assert {"pods.txt", "deployment/checkout.json", "deployment/checkout.describe.txt"} <= set(files(made))


def test_a_previous_log_keeps_its_newest_lines():
    """And the manifest says how much was dropped."""
    made = bundle(capture(big_world(256_000)))
    item = next(each for each in made.items if each.name == "pod/bad-0/app.previous.log")
    kept = files(made)[item.name].decode()
    assert noise(256_000, 0).endswith(kept)
    assert 7 + len(noise(256_000, 0)) - len(kept) == item.dropped


def test_a_target_with_nothing_but_bulk_still_gives_an_object():
    """Everything may be dropped, but never without saying so."""
    bulk = deployment(
        template={"metadata": {"annotations": {f"a{index}": noise(90_000, index) for index in range(30)}}}
    )
    made = bundle(capture(world(target=Found(bulk))))
    assert made.bytes <= PART_BYTES_MAX
    assert "TooLarge" in {each.reason for each in made.missing}


def test_hundreds_of_containers_stay_within_the_lists_of_an_object():
    """An Evidence object lists at most 512 items and 512 that are missing."""
    many = [crash(f"p{index}", index + 1) for index in range(12)]
    for each in many:
        ended = {"terminated": {"exitCode": many.index(each) + 1}}
        names = [f"c{index}" for index in range(140)]
        each["spec"]["containers"] = [{"name": name} for name in names]
        each["status"]["containerStatuses"] = [
            {"name": name, "restartCount": 1, "state": {"running": {}}, "lastState": ended} for name in names
        ]
    logs = {
        f"p{pod}/c{index}/{age}": Found({"text": "x\n"})
        for pod in range(12)
        for index in range(140)
        for age in ("previous", "current")
    }
    made = bundle(capture(world(*many, **logs)))
    assert max(len(made.items), len(made.missing)) <= 512
    assert made.missing[-1].name == "others"


def test_several_targets_share_one_archive():
    """Lists are merged, pods are named once."""
    made = bundle(capture(world(crash("a")), SHOP, SHOP))
    assert [item.name for item in made.items].count("pod/a/pod.json") == 1
    assert KEY not in json.dumps(made.body).encode()


def test_what_is_missing_is_named_in_few_words():
    """`Partial` says what is not there: whoever reads the condition at night opens no archive."""
    silent = Failed(0, "i/o timeout")
    pods = [crash(f"p{n}") for n in range(3)]
    answers = {f"p{n}/app/{age}": silent for n in range(3) for age in ("previous", "current")}
    made = bundle(capture(world(*pods, horizontalpodautoscalers=Failed(403, "no"), **answers)))
    expected = "Forbidden: hpa.json; NodeSilent: pod/p0/app.log, pod/p0/app.previous.log, pod/p1/app.log and 3 more"
    assert expected == words(made.missing)
    assert "" == words(bundle(capture(world(pod("a")))).missing)
