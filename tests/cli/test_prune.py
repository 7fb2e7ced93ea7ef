"""`stanch prune` as a person at a shell has it: it shows, and removes only what it was told to, and exactly that."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.lists import serving
from core.test_record_retention import entry, incident
from stanch.cli.main import main


def ago(days: int) -> str:
    """Of the real clock: a shell has no other."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()  # noqa: TID251 -- what is served says this time, too


@pytest.fixture
def place(tmp_path: Path):
    """A year-old incident with what was said to it, and our command line."""
    with serving(tmp_path) as (lists, _, kubeconfig):
        kept = incident(ago(400))
        kept["metadata"] |= {"name": "kept", "uid": "k"}
        kept["status"]["conditions"] = []
        lists.objects |= {"incidents": [incident(ago(366)), kept], "timelineentries": [entry(ago(400))]}
        lists.objects["responsepolicies"] = []

        def stanch(*words: str) -> Result:
            return CliRunner().invoke(main, ["prune", "--kubeconfig", kubeconfig, *words])

        yield lists, stanch


def test_nothing_is_removed_until_it_is_asked_for(place) -> None:
    """What may go, since when, and why one stays."""
    lists, stanch = place
    result = stanch()
    assert 0 == result.exit_code, result.output
    assert "1 incidents and 1 timeline entries were kept long enough. To remove them: the same with --delete" in (
        result.output
    )
    assert "its postmortem is not published" in result.output
    assert {"GET"} == {method for method, _, _ in lists.asked}


def test_exactly_these_are_removed_entries_first(place) -> None:
    """By uid: another object of the name is none of ours."""
    lists, stanch = place
    result = stanch("--delete", "-o", "json")
    assert 0 == result.exit_code, result.output
    removed = [(path, said["preconditions"]) for method, path, said in lists.asked if method == "DELETE"]
    group = "/apis/stanch.dev/v1alpha1/namespaces/shop"
    assert removed == [(f"{group}/timelineentries/e", {"uid": "v"}), (f"{group}/incidents/i", {"uid": "u"})]
    said = json.loads(result.output)
    assert {"i": None, "kept": "its postmortem is not published, and nobody waived it", "e": None} == {
        each["name"]: each["staysBecause"] for each in said["records"]
    }


def test_what_may_not_be_removed_is_said(place) -> None:
    """And the exit code says so, too."""
    lists, stanch = place
    lists.forbidden.add("DELETE")
    result = stanch("--delete")
    assert 1 == result.exit_code
    assert "0 of 1 incidents and 1 timeline entries were removed" in result.output
    assert "incidents shop/i was not removed: may not" in result.output


def test_nothing_is_said_to_be_over_while_a_policy_is_unread(place) -> None:
    """It could ask for longer."""
    lists, stanch = place
    lists.refuses.add("responsepolicies")
    result = stanch("--delete")
    assert 4 == result.exit_code
    assert "ResponsePolicies can't be read" in result.output
    assert not [method for method, _, _ in lists.asked if method == "DELETE"]


def test_a_policy_that_keeps_longer_counts(place) -> None:
    """As it does for the operator."""
    lists, stanch = place
    meta = {"namespace": "shop", "name": "default", "uid": "p", "generation": 1, "resourceVersion": "1"}
    lists.objects["responsepolicies"] = [
        {"metadata": meta, "spec": {"retention": {"incident": "48000h", "entries": "48000h"}}}
    ]
    assert "0 incidents and 0 timeline entries were kept long enough." in stanch().output
