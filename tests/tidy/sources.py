"""Our own files, for tests about them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("operator", "tools", "bench", "tests")
_NOT_OURS = {".git", ".venv", "__pycache__", "node_modules", "dist"}


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """All Python files below some folders."""
    return tuple(p for folder in folders for p in sorted((ROOT / folder).rglob("*.py")) if not _NOT_OURS & set(p.parts))


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    """A path as in the tree."""
    return str(path.relative_to(ROOT))


@cache
def all_files() -> tuple[Path, ...]:
    """What is, or would be, in the repository; outside of one, everything but caches."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return tuple(p for line in done.stdout.splitlines() if (p := ROOT / line).is_file())
    return tuple(
        p
        for p in sorted(ROOT.rglob("*"))
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(ROOT).parts)
    )


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a file, nested ones too."""
    return [n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
