"""`stanch runbook plan`: what would be done, who must agree, how by hand, and the rights; nothing is changed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.books import ROOT, SHIPPED, Json, good, put, spoilt, stanch
from cli.test_runbook_try import BOOK, OBJECTS
from stanch.api.wish import Wish
from stanch.cli.runbook.outlook import best_class, by_hand
from stanch.core.ports import Aim
from stanch.mitigations import ALL

SHOP = ("-n", "shop")
VALUE = ("-p", "deployment=checkout")


def roles(*words: object) -> list[Json]:
    """What --role prints."""
    done = stanch("plan", *words, "--role")
    assert 0 == done.exit_code, done.output
    return list(yaml.safe_load_all(done.stdout))


def test_people_read_it_from_top_to_bottom(tmp_path: Path) -> None:
    """
    The value and where it is from, the step with class and who must agree, both lines by hand, people, the end, rights.
    """
    done = stanch("plan", put(tmp_path, BOOK), "-l", "alertname=Stuck", "-l", "deployment=checkout")
    assert 0 == done.exit_code
    for said in (
        "Runbook shop/bad-deploy: Roll back",
        "it is for an alert with these labels",
        "deployment = checkout  (label deployment)",
        "not looked at: fresh",
        "1. roll-back: rolloutUndo on Deployment shop/checkout",
        "class      B at best; others who must agree: 1 when a person starts it, 1 for an alert",
        "by hand    kubectl -n shop rollout undo deployment/checkout --to-revision=REVISION",
        "[ ] users: Are users hurt?",
        "call owner after 15m",
        "patch deployments.apps in shop: cart, checkout",
    ):
        assert said in done.stdout, said


def test_with_objects_it_says_what_would_be_done(tmp_path: Path) -> None:
    """
    The diff, the pods, the exact line; and that it is not the situation when it is not: then there is no plan.
    """
    fresh = [o for o in OBJECTS if o["kind"] == "Deployment"]
    fresh += [
        o | {"metadata": o["metadata"] | {"creationTimestamp": "2020-01-01T00:00:00Z"}}
        for o in OBJECTS
        if o not in fresh
    ]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(fresh))
    folder = put(tmp_path / "book", spoilt(lambda b: None))
    done = stanch("plan", folder, *VALUE, "--objects", tmp_path / "objects.yaml")
    assert 0 == done.exit_code
    assert "does       Deployment shop/checkout from revision 2 (shop:2) back to revision 1 (shop:1)" in done.stdout
    assert "by hand    kubectl -n shop rollout undo deployment/checkout --to-revision=1" in done.stdout
    put(tmp_path / "old", BOOK)
    done = stanch("plan", tmp_path / "old", *VALUE, "--objects", tmp_path / "objects.yaml")
    assert 1 == done.exit_code
    assert "NO  fresh" in done.stdout
    assert "nothing would be planned" in done.stdout


def test_machines_get_the_same(tmp_path: Path) -> None:
    """
    One JSON object; a refusal names the parameter.
    """
    folder = put(tmp_path, BOOK)
    said = json.loads(stanch("plan", folder, *VALUE, "-o", "json").stdout)
    (step,) = said["mitigations"]
    assert ("B", True, {"person": 1, "alert": 1}) == (step["class"], step["classAtBest"], step["approvals"])
    assert ["ServiceAccount", "Role", "RoleBinding"] == [each["kind"] for each in said["rights"]]
    done = stanch("plan", folder, "-p", "deployment=payments", "-o", "json")
    assert (1, "deployment") == (done.exit_code, json.loads(done.stdout)["refused"]["parameter"])


def test_a_role_is_as_narrow_as_the_runbook_says(tmp_path: Path) -> None:
    """
    Only the names that oneOf lists; all of them where a pattern decides; the ServiceAccount that the Runbook names.
    """
    account, role, binding = roles(put(tmp_path / "a", good()))
    assert ("runbook-bad-deploy", "shop") == (account["metadata"]["name"], account["metadata"]["namespace"])
    wanted = {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "verbs": ["patch"],
        "resourceNames": ["cart", "checkout"],
    }
    assert [wanted] == role["rules"]
    assert [{"kind": "ServiceAccount", "name": "runbook-bad-deploy", "namespace": "shop"}] == binding["subjects"]
    book = spoilt(lambda b: b["spec"].update(serviceAccountName="rb"))
    book["spec"]["parameters"][0] = {"name": "deployment", "pattern": "[a-z]+"}
    account, role, _ = roles(put(tmp_path / "b", book))
    assert "rb" == account["metadata"]["name"]
    assert "resourceNames" not in role["rules"][0]


def test_names_limit_only_what_all_of_them_do(tmp_path: Path) -> None:
    """
    A second mitigation on a Deployment that only a pattern names takes the limit from that resource, and from no other.
    """
    book = spoilt(lambda b: b["spec"]["parameters"].append({"name": "other", "pattern": "[a-z]+"}))
    book["spec"]["mitigations"] += [
        {"name": "stop", "rolloutPause": {}, "target": {"kind": "Deployment", "name": "$(other)"}},
        {"name": "off", "configFlag": {"key": "a", "value": "b"}, "target": {"kind": "ConfigMap", "name": "flags"}},
    ]
    _, role, _ = roles(put(tmp_path, book))
    assert [("configmaps", ["flags"]), ("deployments", None)] == [
        (r["resources"][0], r.get("resourceNames")) for r in role["rules"]
    ]


def test_rights_on_nodes_are_rights_in_the_whole_cluster() -> None:
    """
    Nodes have no namespace, and pods of all namespaces are evicted from one.
    """
    _, role, binding = roles(ROOT / "runbooks" / "sick-node")
    assert ("ClusterRole", "ClusterRoleBinding") == (role["kind"], binding["kind"])
    assert [("nodes", ["patch"]), ("pods/eviction", ["create"])] == [
        (r["resources"][0], r["verbs"]) for r in role["rules"]
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.parent.name)
def test_every_need_of_every_action_is_in_the_role(path: Path) -> None:
    """
    What the action asks of whoever has it done, the Role gives, and not one verb more.
    """
    needs = {m.name: m.needs for m in ALL}
    book = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
    first = book["targets"][0]["kind"]
    wanted = {
        (need.verb, need.group, f"{need.resource}/{need.subresource}" if need.subresource else need.resource)
        for wish in book["mitigations"]
        for action in needs.keys() & wish.keys()
        for need in needs[action][(wish.get("target") or {}).get("kind", first)]
    }
    rules = [rule for each in roles(path.parent) for rule in each.get("rules", ())]
    assert wanted == {(v, rule["apiGroups"][0], rule["resources"][0]) for rule in rules for v in rule["verbs"]}


def test_every_action_has_a_line_to_type() -> None:
    """
    A new action needs its line before it can be planned offline.
    """
    args = {
        "scale": {"replicas": 3},
        "autoscaler": {"maxReplicas": 9},
        "configFlag": {"key": "a", "value": 'it\'s "off"'},
        "serviceShift": {"selector": {"app": "x"}},
        "routeShift": {"weights": [{"backend": "v1", "weight": 1}]},
        "drain": {"timeout": "10m", "emptyDir": "Delete", "unmanaged": "Delete"},
    }
    for each in ALL:
        for kind in each.kinds:
            _, action = Wish.model_validate({"name": "x", each.name: args.get(each.name, {})}).action
            lines = by_hand(each.name, action, Aim(kind, "web", "shop"))
            assert lines.do.startswith("kubectl "), each.name
            assert "web" in lines.do, each.name
            assert best_class(each.name, action, kind).value in "ABC"


def test_what_is_no_pair_or_too_much_is_said(tmp_path: Path) -> None:
    """
    Exit code 2, and what was wrong with the words.
    """
    folder = put(tmp_path / "one", good())
    assert 2 == (done := stanch("plan", folder, "-p", "deployment")).exit_code
    assert "NAME=VALUE" in done.stderr
    assert 2 == (done := stanch("plan", folder, *VALUE, *VALUE)).exit_code
    assert "twice" in done.stderr
    put(tmp_path / "two", good())
    assert 2 == (done := stanch("plan", tmp_path, *VALUE)).exit_code
    assert "2 Runbooks; name one of" in done.stderr
    (tmp_path / "o.yaml").write_text("kind: Pod")
    assert 2 == stanch("plan", folder, *VALUE, "--objects", tmp_path / "o.yaml", "--live").exit_code
    assert 2 == (done := stanch("plan", folder, *VALUE, "--objects", tmp_path / "o.yaml")).exit_code
    assert "Pod without metadata.name" in done.stderr


def test_without_credentials_a_live_plan_says_so(tmp_path: Path) -> None:
    """
    Exit code 2, and what to give.
    """
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\n")
    done = stanch("plan", put(tmp_path / "one", good()), *VALUE, "--kubeconfig", tmp_path / "kubeconfig")
    assert 2 == done.exit_code
    assert "no credentials" in done.stderr
    assert "--kubeconfig" in done.stderr


@pytest.mark.parametrize("words", [("lint",), ("test",), ("plan", "-p", "deployment=x")], ids=lambda w: w[0])
def test_it_starts_without_kopf_and_without_a_client(words: tuple[str, ...]) -> None:
    """
    They cost more than a second, and pre-commit runs it at every commit.
    """
    verb, *more = words
    code = (
        "import atexit, sys\n"
        "from stanch.cli.main import main\n"
        "atexit.register(lambda: print(sorted({'kopf', 'kubernetes', 'aiohttp'} & set(sys.modules))))\n"
        f"main({['runbook', verb, 'runbooks/bad-deploy', *more]!r}, standalone_mode=False)"
    )
    run = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert 0 == done.returncode, done.stderr
    assert "[]" == done.stdout.splitlines()[-1]


def test_help_shows_how_it_is_used() -> None:
    """
    Every verb has examples, and says what its exit codes mean.
    """
    for verb in ("lint", "test", "plan"):
        shown = stanch(verb, "--help").stdout
        assert "Examples:" in shown
        assert f"stanch runbook {verb} " in shown
        assert "Exit codes:" in shown
