"""`stanch items` as a person at a shell has it; issues against a tracker that answers as GitHub does."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from chores import PDB, Life, body
from cli.lists import serving
from cli.tracker import Tracker
from stanch.api.action_item import ActionItem
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
    lists.replies = [(200, [])] + [
        (201, {"html_url": f"https://x/{n}", "labels": [{"name": "stanch"}]}) for n in range(3)
    ]
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
    lists.replies = [(200, [issue]), (200, issue)]
    assert 0 == items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker").exit_code
    (method, path, said), (then, at, _) = lists.asked[-2:]
    assert ("PATCH", f"{ISSUES}/7") == (then, at), "and then the issue says that both agree"
    assert ("PATCH", True) == (
        method,
        path.startswith("/apis/stanch.dev/v1alpha1/namespaces/shop/actionitems/reader-alert"),
    )
    assert {"metadata": {"resourceVersion": "7"}, "spec": {"closed": True, "tracker": "https://x/7"}} == said


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


@pytest.mark.parametrize(
    ("link", "code", "words", "posts"),
    [
        (None, 0, "the tracker dropped label stanch: give the token the right to set labels", 1),
        ("https://jira.example/PAY-7", 4, "spec.tracker names something else", 1),
    ],
)
def test_a_tracker_that_drops_the_label_gets_no_second_issue(place, link, code, words, posts):
    """GitHub does so with a token that may not push: the issue is made, and no list by label has it."""
    lists, url, items = place
    lists.objects["actionitems"] = [body(**({"tracker": link} if link else {}))]
    lists.tracker = tracker = Tracker("shop/orders")
    tracker.drops_labels = True
    result = items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker")
    assert (code, True) == (result.exit_code, words in result.output), result.output
    if link is None:
        assert (
            "https://tracker.example/repos/shop/orders/issues/1" == lists.objects["actionitems"][0]["spec"]["tracker"]
        )
        assert 0 == items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker").exit_code
    assert posts == [method for method, _ in tracker.calls].count("POST")


# --- both ways -------------------------------------------------------------------------------------------------------


@pytest.fixture
def both(place):
    """One item, a tracker that remembers, a round (sync, and then the operator looks), and a person at kubectl."""
    lists, url, items = place
    lists.objects["actionitems"] = [body()]
    lists.tracker = tracker = Tracker("shop/orders")
    found = lists.objects["actionitems"][0]

    def looked() -> None:
        found["status"] = Life(ActionItem.model_validate(found)).look().item.status.wire()

    def turn() -> str:
        result = items("sync", "--repo", "shop/orders", "--api", f"{url}/tracker")
        assert 0 == result.exit_code, result.output
        looked()
        return result.output

    def person(closed: bool) -> None:
        found["spec"]["closed"] = closed
        looked()

    turn()
    turn()
    assert ("https://tracker.example/repos/shop/orders/issues/1", ["POST"]) == (
        found["spec"]["tracker"],
        [method for method, _ in tracker.calls],
    )
    return found, tracker, turn, person


def stand(found, tracker) -> tuple[str, str]:
    """What either side says."""
    return found["status"]["state"], tracker.issues[1]["state"]


def test_what_a_person_opens_again_in_the_tracker_stays_open(both):
    """Closed there, opened again there: sync after sync the item follows, and nothing is closed behind anybody's back."""
    found, tracker, turn, _ = both
    tracker.person(1, "closed")
    turn()
    assert ("Done", "closed") == stand(found, tracker)
    tracker.person(1, "open")
    for _ in range(3):
        turn()
        assert ("Reopened", "open") == stand(found, tracker)
    tracker.person(1, "closed")
    turn()
    assert ("Done", "closed") == stand(found, tracker)


def test_what_a_person_opens_again_in_the_cluster_stays_open(both):
    """The issue is opened again with it; the tracker is told why."""
    found, tracker, turn, person = both
    person(closed=True)
    turn()
    assert ("Done", "closed") == stand(found, tracker)
    person(closed=False)
    for _ in range(3):
        turn()
        assert ("Reopened", "open") == stand(found, tracker)
    assert "reopened" == tracker.issues[1]["state_reason"]


def test_when_nobody_does_anything_nothing_is_sent(both):
    """Once the issue says what the item says."""
    _, tracker, turn, _ = both
    tracker.person(1, "closed")
    turn()
    turn()
    tracker.calls.clear()
    assert "1 items, 1 issues, 0 changes" in turn()
    assert [] == tracker.calls


def test_who_changes_the_item_meanwhile_is_not_written_over(both, place):
    """What was read is another version by now: nothing is said to be agreed, and the next run looks again."""
    found, tracker, turn, _ = both
    tracker.person(1, "closed")
    lists, merged = place[0], place[0]._merged
    lists._merged = lambda *_: (409, {"kind": "Status", "message": "the object has been modified"})
    assert "shop/reader-alert: somebody changed it meanwhile; run it again" in turn()
    assert "<!-- stanch.dev/agreed: open -->" in tracker.issues[1]["body"]
    lists._merged = merged
    turn()
    assert ("Done", "closed") == stand(found, tracker)
