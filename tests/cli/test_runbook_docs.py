"""What our pages say about Runbooks in CI is so."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from cli.books import ROOT, put, stanch
from stanch.cli.runbook.cases import Cases
from stanch.cli.runbook.lint import RULES

PAGE = ROOT / "docs" / "how-to" / "test-runbooks-in-ci.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if line.startswith("stanch runbook ")]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_page_works(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As printed, at the root of the repository.
    """
    monkeypatch.chdir(ROOT)
    done = stanch(*shlex.split(line)[2:])
    assert (0, True) == (done.exit_code, bool(done.stdout)), done.output


def test_the_cases_of_the_page_hold(tmp_path: Path) -> None:
    """
    They are of bad-flag, and hold for it.
    """
    (said,) = (t for t in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "tests:" in t)
    cases = yaml.safe_load(said)
    Cases.model_validate(cases)
    book = yaml.safe_load((ROOT / "runbooks" / "bad-flag" / "runbook.yaml").read_text(encoding="utf-8"))
    done = stanch("test", put(tmp_path, book, cases=cases))
    assert 0 == done.exit_code, done.output


@pytest.mark.parametrize("hook", HOOKS, ids=lambda h: h["id"])
def test_a_hook_runs_what_it_says(hook: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The command of each pre-commit hook is one of ours, and green here.
    """
    monkeypatch.chdir(ROOT)
    program, *words = [*shlex.split(str(hook["entry"])), *hook["args"]]
    assert ("stanch", 0) == (program, (done := stanch(*words[1:])).exit_code), done.output
    assert hook["id"] in TEXT


def test_rules_that_the_page_names_are_there() -> None:
    """
    An id is not given twice, and none is promised that is not there.
    """
    known = {rule.id for rule in RULES}
    assert set(re.findall(r"RB\d{3}", TEXT)) <= known
    assert len(known) == len(RULES)
