"""`stanch drills` and `stanch gameday` as a person at a shell has them; what they refuse, and that nothing is broken then."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.lists import serving
from core.test_rehearsed import book, drill
from month import DAY, done, past
from stanch.cli.main import main


@pytest.fixture
def place(tmp_path: Path):
    """What is served, and our command line."""
    with serving(tmp_path) as (lists, _, kubeconfig):

        def stanch(*words: str) -> Result:
            return CliRunner().invoke(main, [*words, "--kubeconfig", kubeconfig])

        yield lists, stanch


def test_the_ledger_of_what_was_rehearsed(place):
    """All pages; what was never drilled on top; measured undo times of real incidents."""
    lists, stanch = place
    lists.objects["runbooks"] = [book("a", drill(3)), book("b"), book("c", drill(9, generation=1))]
    lists.objects["incidents"] = [past("i", DAY, done=[done("rolloutUndo", undo=42)])]
    result = stanch("drills")
    assert 0 == result.exit_code, result.output
    lines = result.output.splitlines()
    assert ["shop/b", "shop/c", "shop/a"] == [line.split()[0] for line in lines[1:4]]
    assert "never drilled" in lines[1]
    assert "rolloutUndo 42s, scale not measured" in lines[1]
    assert "3 Runbooks, 1 never drilled, 1 changed since." in result.output
    assert "Undoing rolloutUndo took 42s (middle of 1)." in result.output
    said = json.loads(stanch("drills", "-o", "json").output)
    assert {"rolloutUndo": 42.0, "scale": None} == said[0]["undoSeconds"]
    assert [None, "2026-11-12T14:00:00Z"] == [each["drilledTime"] for each in said[:2]]


def test_no_runbooks_is_no_table(place):
    """And no error."""
    assert "0 Runbooks, 0 never drilled" in place[1]("drills").output


@pytest.mark.parametrize("target", ["statefulset/x", "node/x", "deployment/", ""])
def test_a_game_day_breaks_deployments_only(place, target):
    """Refused before anything is read."""
    lists, stanch = place
    assert 2 == stanch("gameday", "start", target, "-n", "shop").exit_code
    assert [] == lists.asked
