"""`make test` runs its tests in three parts: each file is in one of them."""

from pathlib import Path

from tools.test_run import ROOT, parts


def files(words: list[str]) -> list[Path]:
    """Test files that pytest finds with these arguments."""
    ignored = {Path(w.removeprefix("--ignore=")) for w in words if w.startswith("--ignore=")}
    paths = [Path(w) for w in words if not w.startswith("--")]
    found = [f for p in paths for f in ([p] if p.is_file() else p.rglob("test_*.py"))]
    return [f for f in found if f not in ignored]


def test_every_test_file_is_in_one_part() -> None:
    """
    A file that moved, or a new room, can't drop out of CI unseen.
    """
    found = [file for part in parts() for file in files(part)]
    assert sorted(found) == sorted((ROOT / "tests").rglob("test_*.py"))
