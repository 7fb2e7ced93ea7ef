"""`make test` runs its tests in two halves: none is in both, and none in neither."""

from pathlib import Path

from tools.test_run import ROOT, halves


def files(words: list[str]) -> list[Path]:
    """Test files that pytest finds with these arguments."""
    ignored = {Path(w.removeprefix("--ignore=")) for w in words if w.startswith("--ignore=")}
    paths = [Path(w) for w in words if not w.startswith("--")]
    found = [f for p in paths for f in ([p] if p.is_file() else p.rglob("test_*.py"))]
    return [f for f in found if f not in ignored]


def test_every_test_file_is_in_one_half() -> None:
    """
    A file that moved, or a new room, can't drop out of CI unseen.
    """
    first, second = halves()
    assert sorted(files(first) + files(second)) == sorted((ROOT / "tests").rglob("test_*.py"))
