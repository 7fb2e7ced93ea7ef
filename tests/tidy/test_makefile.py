"""make: every verb is a verb."""

import re
import subprocess

import pytest

from .sources import ROOT

TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):(?!=)", TEXT, re.MULTILINE)
PHONY = re.findall(r"^\.PHONY:(.*)$", TEXT, re.MULTILINE)[0].split()
HIDDEN = {"env", "help"}


def test_every_target_is_phony() -> None:
    """
    Else `make bench` would answer that the folder bench/ is up to date, and exit 0.
    """
    assert sorted(TARGETS) == sorted(PHONY)


def test_help_lists_every_verb() -> None:
    """
    `make` tells what one can do here; nothing it tells is missing, and nothing there is untold.
    """
    shown = subprocess.run(["make", "-s", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  make ([a-z-]+) ", shown, re.MULTILINE)
    assert sorted(set(TARGETS) - HIDDEN) == sorted(listed)
    assert [] == [line for line in shown.splitlines() if len(line) > 120]


@pytest.mark.parametrize("verb", sorted(set(TARGETS) - HIDDEN))
def test_a_verb_can_be_read_by_make(verb: str) -> None:
    """
    make knows what it would do for each verb.
    """
    done = subprocess.run(["make", "-n", "-C", str(ROOT), verb], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" not in done.stdout
