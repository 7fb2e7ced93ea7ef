"""Files and functions stay short enough to be read."""

import ast
from pathlib import Path

from .sources import CODE, functions, name, parsed, python_files

FILE_MAX, FILE_P95, FUNCTION_MAX = 500, 350, 60


def lines(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def data_lines(path: Path) -> int:
    """Lines of tables at the top level: data, which is read down a column."""
    tables = [n for n in parsed(path).body if isinstance(n, ast.Assign | ast.AnnAssign)]
    return sum((n.end_lineno or n.lineno) - n.lineno + 1 for n in tables)


def test_no_file_is_long() -> None:
    """
    No file has more than 500 lines of code.
    """
    assert [] == [f"{name(p)}: {lines(p)}" for p in python_files(*CODE) if lines(p) - data_lines(p) > FILE_MAX]


def test_nearly_all_files_are_short() -> None:
    """
    95 of 100 files have at most 350 lines.
    """
    paths = sorted(python_files(*CODE), key=lines)
    long = [f"{name(p)}: {lines(p)}" for p in paths if lines(p) > FILE_P95]
    assert len(long) <= len(paths) * 0.05, long


def test_no_function_is_long() -> None:
    """
    No function has more than 60 lines.
    """
    found = [
        f"{name(path)}:{f.lineno} {f.name}: {length}"
        for path in python_files(*CODE)
        for f in functions(path)
        if (length := (f.end_lineno or f.lineno) - f.lineno + 1) > FUNCTION_MAX
    ]
    assert [] == found
