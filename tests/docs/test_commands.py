"""The commands in our pages do what the pages say."""

import json
from pathlib import Path

import pytest

from .blocks import OWN_CLUSTER, blocks
from .conftest import ROOT, Shell, shell_for
from .operator_process import Operator

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if blocks(page)]
SHARED = [page for page in RUN if OWN_CLUSTER not in page.read_text(encoding="utf-8")]
OWN = [page for page in RUN if page not in SHARED]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


def name(path: Path) -> str:
    """A page, as in the tree."""
    return str(path.relative_to(ROOT))


def follow(page: Path, run: Shell) -> str:
    """Run a page from top to bottom, in one shell session; what went wrong, or nothing."""
    before = ""
    for block in blocks(page):
        # A reader keeps variables from block to block; what they are set by is asked again, which is harmless.
        done = run(before + block.script)
        told = f"{name(page)}:{block.line}\n{block.script}\n--- answered\n{done.stdout}{done.stderr}"
        if done.returncode:
            return f"exit {done.returncode} at {told}"
        if block.shows not in done.stdout:
            return f"{block.shows!r} is not shown at {told}"
        before += "".join(f"{line}\n" for line in block.script.splitlines() if line[:1].isupper() and "=$(" in line)
    return ""


@pytest.fixture
def shop(kubeconfig: Path) -> Shell:
    """A shell for a cluster without the shop of the page before; the shop is removed afterwards, too."""
    run = shell_for(kubeconfig)
    # Nobody reads what its pods would say on their way out.
    run("kubectl -n shop delete pods --all --force --grace-period=0")
    remove = "kubectl delete namespace shop --ignore-not-found --wait=true --timeout=120s"
    assert run(remove).returncode == 0
    return run


@pytest.mark.parametrize("page", SHARED, ids=name)
def test_a_page_can_be_followed(page: Path, operator: Operator, shop: Shell) -> None:
    """
    Every marked command of a page works as printed, in order, and shows what the page says.
    """
    problem = follow(page, shop)
    assert "" == problem, f"{problem}\n--- operator\n{operator.tail()}"


@pytest.mark.parametrize("page", OWN, ids=name)
def test_a_page_that_takes_stanch_away_can_be_followed(page: Path, own_cluster: Path) -> None:
    """
    The same, on a cluster of its own.
    """
    assert "" == follow(page, shell_for(own_cluster))


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_is_accepted(example: Path, kubeconfig: Path) -> None:
    """
    The API server takes every file of examples/ without a warning, in a dry run.
    """
    run = shell_for(kubeconfig)
    made = run("kubectl create namespace shop --dry-run=client -o json | kubectl apply -f -")
    assert made.returncode == 0, made.stderr
    done = run(f"kubectl apply --dry-run=server -o json -f {example}")
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr.replace("missing the kubectl.kubernetes.io/last-applied", "")
    assert json.loads(done.stdout)
