"""`stanch debts` as a person and a program have it, and what every verb says where stanch is not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.lists import serving
from stanch.api.names import Label
from stanch.cli.main import main

OWED = {
    "name": "more-pods",
    "attempt": "more-pods-1",
    "what": "Deployment shop/checkout has 5 replicas for the time of the incident",
    "undo": "kubectl -n shop scale deployment/checkout --replicas=3",
    "owner": "alice",
    "sinceTime": "2026-11-22T14:00:00Z",
    "dueTime": "2026-11-23T14:00:00Z",
    "revert": "Ask",
    "overdue": True,
    "reminders": 0,
}


@pytest.fixture
def place(tmp_path: Path):
    """What is served, and our command line."""
    with serving(tmp_path) as (lists, _, kubeconfig):

        def stanch(*words: str) -> Result:
            return CliRunner().invoke(main, [*words, "--kubeconfig", kubeconfig])

        yield lists, stanch


def owing(name: str, *debts: dict) -> dict:
    """An incident that owes these."""
    return {"metadata": {"name": name, "namespace": "shop"}, "status": {"debt": list(debts)}}


def test_what_is_owed_is_told_with_the_line_that_takes_it_back(place):
    """All pages; who owes it, since when it is late, and the line."""
    lists, stanch = place
    lists.objects["incidents"] = [owing("a"), owing("b"), owing("c", OWED)]
    assert [
        "shop/c more-pods: Deployment shop/checkout has 5 replicas for the time of the incident",
        "  owed by alice, due 2026-11-23T14:00:00Z, OVERDUE",
        "  by hand: kubectl -n shop scale deployment/checkout --replicas=3",
    ] == stanch("debts").output.splitlines()


def test_what_taking_it_back_would_let_in_is_told_before_the_line_that_does_it(place):
    """Of a pause, and of a hold."""
    lists, stanch = place
    lists.objects["incidents"] = [owing("c", {**OWED, "brings": "Resumed now, it replaces 3 pods of revision 1"})]
    told = stanch("debts").output.splitlines()
    assert "  Resumed now, it replaces 3 pods of revision 1" == told[2]
    assert told[3].startswith("  by hand: ")


def test_a_program_reads_the_debts_of_the_record(place):
    """With incident and namespace; none is an empty list."""
    lists, stanch = place
    lists.objects["incidents"] = [owing("c", OWED)]
    assert [{"namespace": "shop", "incident": "c", **OWED}] == json.loads(stanch("debts", "-o", "json").output)
    lists.objects["incidents"] = []
    assert [] == json.loads(stanch("debts", "-o", "json").output)
    assert "Nothing is owed.\n" == stanch("debts").output


def test_undo_secrets_of_incidents_that_are_gone_are_told(place):
    """By incident, with the line that removes them; those of one that is there are not."""
    lists, stanch = place
    notes = {"stanch.dev/incident": "old", "stanch.dev/mitigation": "more-pods"}
    labels = {Label.INCIDENT_UID: "gone", Label.INCIDENT_NAMESPACE: "shop"}
    there = {Label.INCIDENT_UID: "here", Label.INCIDENT_NAMESPACE: "shop"}
    lists.objects["secrets"] = [
        {"metadata": {"name": "s", "namespace": "stanch-system", "labels": labels, "annotations": notes}},
        {"metadata": {"name": "t", "namespace": "stanch-system", "labels": there, "annotations": notes}},
    ]
    lists.objects["incidents"] = [{"metadata": {"name": "new", "namespace": "shop", "uid": "here"}}]
    text = stanch("debts", "--orphans").output
    remove = f"kubectl -n stanch-system delete secrets -l {Label.INCIDENT_UID}=gone"
    told = "1 undo Secrets of incident shop/old (more-pods), which is not there any more. To remove them: "
    assert [told + remove, "Orphans: 0 marks, and undo Secrets of 1 incidents."] == text.splitlines()
    said = json.loads(stanch("debts", "--orphans", "-o", "json").output)
    kept = {"incident": "shop/old", "mitigations": ["more-pods"], "secrets": 1, "remove": remove}
    assert {"marks": [], "undoSecrets": [kept], "notLookedAt": {}} == said


def test_what_may_not_be_read_is_not_nothing(place):
    """Exit code 4, as of every other verb."""
    lists, stanch = place
    lists.refuses.add("incidents")
    done = stanch("debts")
    assert 4 == done.exit_code
    assert "stanch: incidents can't be read: incidents is forbidden: no\n" == done.stderr


@pytest.mark.parametrize(
    "words", [("debts",), ("drills",), ("review",), ("items", "export", "-A"), ("items", "lint", "-A")], ids=" ".join
)
def test_where_stanch_is_not_nobody_is_told_that_nothing_is_there(place, words):
    """An API server that does not serve our kinds is another cluster than was meant: exit code 4, and what would help."""
    lists, stanch = place
    lists.not_served = True
    done = stanch(*words)
    assert 4 == done.exit_code
    assert "stanch.dev\n  stanch is not installed there (`make install`), or --kubeconfig" in done.stderr
    assert "" == done.stdout


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path, monkeypatch):
    """In one sentence with what to give, and not as a field that it lacks."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for words in (("debts",), ("items", "export"), ("postmortem", "lint", "checkout-5xx")):
        done = CliRunner().invoke(main, words)
        assert 2 == done.exit_code
        want = "stanch: no credentials: there is no file ~/.kube/config\n  give --kubeconfig, or set KUBECONFIG\n"
        assert want == done.stderr
