"""`stanch items` as a person at a shell has it; issues against a tracker that answers as GitHub does."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from chores import PDB, body
from cli.lists import serving
from stanch.cli.main import main

ISSUES = "/tracker/repos/shop/orders/issues"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is served, its URL, and the verbs."""
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    with serving(tmp_path) as (lists, url, kubeconfig):

        def items(verb: str, *words: str) -> Result:
            return CliRunner().invoke(main, ["items", verb, "--kubeconfig", kubeconfig, "-n", "shop", *words])

        lists.objects["actionitems"] = [body(), body("second", title="Improve it"), body("third")]
        yield lists, url, items


def test_each_format_has_all_pages(place):
    """Three items over two pages of the list."""
    _, _, items = place
    assert 5 == len(items("export").output.splitlines())
    assert 4 == len(items("export", "--format", "csv").output.splitlines())
    calls = json.loads(items("export", "--format", "github", "--repo", "shop/orders").output)
    assert [("POST", "/repos/shop/orders/issues")] * 3 == [(c["method"], c["path"]) for c in calls]


def test_findings_have_an_exit_code(place):
    """Which item, which field, which rule."""
    _, _, items = place
    result = items("lint")
    assert 1 == result.exit_code
    assert "shop/second: spec.title: VagueVerb: `improve` names no result" in result.output
    assert "3 items, 2 findings" in result.output


def test_files_are_linted_without_a_cluster(tmp_path):
    """Also whether the expression is CEL."""
    good = {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "ActionItem",
        "metadata": {"name": "a"},
        "spec": body()["spec"],
    }
    check = {"cel": {**PDB, "expression": "object.spec.minAvailable >"}}
    bad = {**good, "spec": {**good["spec"], "doneWhen": check}}
    path = tmp_path / "items.yaml"
    path.write_text(yaml.safe_dump_all([good, bad]), encoding="utf-8")
    result = CliRunner().invoke(main, ["items", "lint", "-f", str(path)])
    assert 1 == result.exit_code, result.output
    assert "spec.doneWhen.cel.expression: Syntax: " in result.output
    assert "2 items, 1 findings" in result.output
    path.write_text(yaml.safe_dump({"kind": "ConfigMap"}), encoding="utf-8")
    assert 2 == CliRunner().invoke(main, ["items", "lint", "-f", str(path)]).exit_code


def test_issues_are_read_first_and_then_what_lacks_is_sent(place):
    """With the token, and once each; what the tracker gives back is said."""
    lists, url, items = place
    lists.replies = [(200, [])] + [(201, {"html_url": f"https://x/{n}"}) for n in range(3)]
    result = items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker")
    assert 0 == result.exit_code, result.output
    sent = [(method, path) for method, path, _ in lists.asked if path.startswith("/tracker")]
    assert [("GET", f"{ISSUES}?state=all&labels=stanch&per_page=100&page=1")] + [("POST", ISSUES)] * 3 == sent
    assert "3 items, 0 issues, 3 changes" in result.output


def test_what_comes_back_is_written_into_the_item(place):
    """A closed issue of ours: the item is closed, with your rights, and names it."""
    lists, url, items = place
    lists.objects["actionitems"] = [body()]
    calls = json.loads(items("export", "--format", "github", "--repo", "shop/orders").output)
    issue = {**calls[0]["body"], "number": 7, "state": "closed", "html_url": "https://x/7"}
    lists.replies = [(200, [issue])]
    assert 0 == items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker").exit_code
    method, path, said = lists.asked[-1]
    assert ("PATCH", True) == (
        method,
        path.startswith("/apis/stanch.dev/v1alpha1/namespaces/shop/actionitems/reader-alert"),
    )
    assert {"spec": {"closed": True, "tracker": "https://x/7"}} == said


def test_a_dry_run_changes_nothing(place):
    """Both sides are read; what would be done is printed."""
    lists, url, items = place
    lists.replies = [(200, [])]
    steps = json.loads(items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker", "--dry-run").output)
    assert 3 == len(steps)
    assert {"GET"} == {method for method, _, _ in lists.asked}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((401, {"message": "Bad credentials"}), "it answers 401 Bad credentials"),
        ((302, {}), "it answers 302"),
        ((200, {"not": "a list"}), "its answer is no list"),
    ],
)
def test_a_tracker_that_refuses_says_why_and_nothing_is_sent(place, reply, words):
    """Never elsewhere, where a redirect would take the token."""
    lists, url, items = place
    lists.replies = [reply]
    result = items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker")
    assert (4, True) == (result.exit_code, words in result.output)
    assert "t0ken" not in result.output
    assert 1 == sum(path.startswith("/tracker") for _, path, _ in lists.asked)


def test_without_a_token_nothing_is_asked(place, monkeypatch):
    """And it says where it is read from."""
    lists, _, items = place
    monkeypatch.delenv("GITHUB_TOKEN")
    result = items("sync", "--repo", "shop/orders")
    assert (2, True, []) == (result.exit_code, "set GITHUB_TOKEN" in result.output, lists.asked)


@pytest.mark.parametrize("repo", ["orders", "shop/orders/x", "shop/..", "../x/y", "shop/a?b", ""])
def test_a_repository_that_is_none(place, repo):
    """It becomes part of a path."""
    assert 2 == place[2]("sync", "--repo", repo).exit_code


def test_where_credentials_are_kept_nothing_is_sent(place):
    """A link-local address is no tracker."""
    lists, _, items = place
    result = items("sync", "--repo", "shop/orders", "--api", "http://169.254.169.254")
    assert (2, True) == (result.exit_code, "link-local" in result.output)
    assert [] == lists.asked
