"""The Runbooks we ship: nothing is found in them, their cases hold, and their prose helps without stanch."""

import re
from pathlib import Path

import pytest
import yaml

from cli.books import ROOT, SHIPPED, findings, ids
from stanch.api.runbook import Runbook
from stanch.cli.runbook.cases import Case, read_cases
from stanch.cli.runbook.files import documents
from stanch.cli.runbook.judge import aim_of
from stanch.cli.runbook.outlook import by_hand
from stanch.cli.runbook.schema import read
from stanch.cli.runbook.trial import run
from stanch.core.ports import Aim
from stanch.core.runbook_match import choose
from stanch.core.runbook_render import Rendered, render

NAMES = [path.parent.name for path in SHIPPED]
CASES = [(path, case) for path in SHIPPED for case in read_cases(path.parent / "test.yaml")]
PROMISES = re.compile(r"\b(easy|easily|simply|just|obviously|of course)\b", re.IGNORECASE)


def book(path: Path) -> Runbook:
    """The Runbook of a file."""
    found = read(documents(str(path))[0])
    assert isinstance(found, Runbook), found
    return found


BOOKS = tuple(map(book, SHIPPED))


def test_there_are_twelve() -> None:
    """
    The nine usual troubles, and the three cases of the seeds.
    """
    wanted = "bad-deploy bad-flag crash-loop gitops-fight image-pull ingress-truncates runaway-cronjob"
    wanted += " saturated-hpa scaled-to-zero sick-node stuck-rollout webhook-out-of-memory"
    assert wanted.split() == NAMES


def test_nothing_is_found_in_them() -> None:
    """
    `stanch runbook lint runbooks/` finds nothing.
    """
    assert [] == findings(ROOT / "runbooks")


def test_nothing_but_tests_is_missed_in_the_example() -> None:
    """
    The example of a Runbook is one that can be followed; it stands alone, so no cases are beside it.
    """
    assert {"RB032"} == set(ids(findings(ROOT / "examples" / "runbook.yaml")))


@pytest.mark.parametrize(("path", "case"), CASES, ids=lambda x: x.name if isinstance(x, Case) else x.parent.name)
def test_a_case_holds(path: Path, case: Case) -> None:
    """
    What stands in test.yaml comes of the Runbook beside it.
    """
    wrong, told = run(case, book(path))
    assert [] == wrong, told


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_cases_show_a_plan_a_refusal_and_another_alert(path: Path) -> None:
    """
    Each has a case in which something is planned, one in which it is refused or does not fit, and one it is not for.
    """
    cases = read_cases(path.parent / "test.yaml")
    steps = [step for case in cases for step in case.expect.plan or ()]
    assert any(step.does for step in steps)
    assert any(step.refused or step.nothing for step in steps) or any(c.expect.fits is False for c in cases)
    assert any(case.expect.refused for case in cases) or any(c.expect.fits is False for c in cases)
    assert any(case.expect.matches is False for case in cases)


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_an_alert_of_its_cases_chooses_it_among_all(path: Path) -> None:
    """
    Of all that we ship, an alert that one is for takes this one, and never ties.
    """
    mine = book(path)
    alerts = [c.alert for c in read_cases(path.parent / "test.yaml") if c.alert and c.expect.matches]
    assert alerts
    assert [mine.key] * len(alerts) == [
        choice.chosen.key if choice.chosen else choice.why for choice in (choose(a, BOOKS) for a in alerts)
    ]


def plain(text: str, namespace: str) -> str:
    """Lines with all names alike."""
    return re.sub(rf"\$[A-Z]+|\b{namespace}\b(?= )", "X", text)


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_the_prose_has_the_lines_that_do_the_same_by_hand(path: Path) -> None:
    """
    What stanch would do stands in the prose as a line to type.
    """
    mine = book(path)
    values = {p.name: p.one_of[0] if p.one_of else "x" for p in mine.spec.parameters or ()}
    rendered = render(mine, values)
    assert isinstance(rendered, Rendered)
    prose = plain((path.parent / "README.md").read_text(encoding="utf-8"), mine.metadata.namespace)
    for wish in rendered.mitigations:
        aim = aim_of(wish, rendered.targets, "X")
        line = by_hand(*wish.action, Aim(aim.kind, "X", aim.namespace)).do
        assert line in prose, f"{wish.name}: {line}"


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_its_folder_can_be_applied_as_a_whole(path: Path) -> None:
    """
    The kustomization takes the Runbook and its prose, into the Runbook's own namespace.
    """
    said = yaml.safe_load((path.parent / "kustomization.yaml").read_text(encoding="utf-8"))
    own = yaml.safe_load(path.read_text(encoding="utf-8"))["metadata"]
    assert (["runbook.yaml"], own.get("namespace")) == (said["resources"], said.get("namespace"))
    assert [{"name": f"runbook-{own['name']}", "files": ["README.md"]}] == said["configMapGenerator"]
    assert path.parent.name == own["name"]


@pytest.mark.parametrize("path", SHIPPED, ids=NAMES)
def test_links_in_the_prose_lead_somewhere(path: Path) -> None:
    """
    A reader who is sent to another Runbook finds it; nobody is told how little effort it is.
    """
    text = (path.parent / "README.md").read_text(encoding="utf-8")
    links = [t for t in re.findall(r"\]\(([^)#\s]+)\)", text) if not t.startswith("http")]
    assert [] == [t for t in links if not (path.parent / t).exists()]
    assert [] == [
        line for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines() if PROMISES.search(line)
    ]
