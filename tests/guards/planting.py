"""A bug in a copy of the tree, and the tests that must turn red for it."""

import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the named tests need: sources, themselves, and what they read.
COPIED = ("operator", "tools", "tests", "runbooks", "crds", "manifests", "examples", "pyproject.toml")
CORE = "operator/stanch/core"
# A bug that makes it look for ever is as red as one that makes it wrong.
TIMEOUT = 300
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Bug:
    """What it does wrong; where; the text that is replaced, once, and by what; the test that must see it."""

    does: str
    file: str
    old: str
    new: str
    seen_by: str

    @property
    def path(self) -> str:
        """Its file in the tree; those of the core are named alone."""
        return self.file if "/" in self.file else f"{CORE}/{self.file}"

    @property
    def test(self) -> str:
        """As pytest wants it; those of tests/core are named alone."""
        return f"tests/{self.seen_by}" if "/" in self.seen_by.partition("::")[0] else f"tests/core/{self.seen_by}"

    def problem(self, root: Path = ROOT) -> str:
        """Why it can't be planted; empty when it can."""
        count = (root / self.path).read_text(encoding="utf-8").count(self.old)
        return "" if count == 1 else f"{self.path} has {count} times: {self.old}"


Bugs = Mapping[str, tuple[Bug, ...]]
# What the last line says.
CLOSING: list[str] = []


@dataclass(frozen=True)
class Run:
    """What pytest said."""

    code: int
    output: str

    @property
    def failures(self) -> list[str]:
        """The short summary, one line a test."""
        return [line for line in self.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]

    @property
    def is_red(self) -> bool:
        """Did a test fail, and not the tree to start?"""
        return self.code == FAILED and any(line.startswith("FAILED ") for line in self.failures)


class Tree:
    """A copy to plant in, with one bug at a time."""

    def __init__(self, folder: Path) -> None:
        """Copies what is needed, what is compiled already too: it saves a second a bug."""
        self.folder = folder
        for name in COPIED:
            source, target = ROOT / name, folder / name
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)

    @contextmanager
    def planted(self, bug: Bug) -> Iterator[None]:
        """With the bug; as it was afterwards."""
        problem = bug.problem(self.folder)
        assert not problem, problem
        path = self.folder / bug.path
        text, before = path.read_text(encoding="utf-8"), path.stat()
        path.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
        # Compiled files are told apart by size and second: neither need differ.
        os.utime(path, (before.st_atime, before.st_mtime + 5))
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")
            os.utime(path, (before.st_atime, before.st_mtime))


def run_in(folder: Path, tests: tuple[str, ...]) -> Run:
    """What pytest says in a tree; the same examples each time. Only for a process that ends afterwards."""
    os.chdir(folder)
    # That of the tree stands first by its own settings; ours must not be found where something is missing there.
    sys.path[:] = [p for p in sys.path if not Path(p or ".").resolve().is_relative_to(ROOT) or ".venv" in p]
    os.environ["STANCH_GUARDS"] = ""
    words = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "--hypothesis-seed=0", f"--timeout={TIMEOUT}", *tests]
    with tempfile.TemporaryFile() as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        code = int(pytest.main(words))
        sys.stdout.flush()
        output.seek(0)
        return Run(code, output.read().decode(errors="replace"))


def fresh_processes(count: int) -> ProcessPoolExecutor:
    """A process for each task, forked where all is imported that is not ours: that is half of what a test costs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "hypothesis", "pydantic", "jsonpatch", "yaml"])
    return ProcessPoolExecutor(count, mp_context=context, max_tasks_per_child=1)
