"""Everything CI checks before tests, one line each; all are run, and what failed is shown in full at the end."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PYTHON = sys.executable

CHECKS: tuple[tuple[str, list[str], str], ...] = (
    ("lint", [str(BIN / "ruff"), "check", "."], "make fix"),
    ("format", [str(BIN / "ruff"), "format", "--check", "."], "make fix"),
    ("types", [str(BIN / "mypy")], "read each line above"),
    ("import layers", [str(BIN / "lint-imports")], "see [tool.importlinter] in pyproject.toml"),
    ("crds/ is what the models say", [PYTHON, "-m", "tools.crds", "--check"], "make generate"),
    ("policies are what tools/policies.py says", [PYTHON, "-m", "tools.policies", "--check"], "make generate"),
    ("manifests/ is what tools/rbac.py says", [PYTHON, "-m", "tools.rbac", "--check"], "make generate"),
    ("docs/reference/ is what crds/ says", [PYTHON, "-m", "tools.reference", "--check"], "make generate"),
)


def main() -> int:
    """Run them all; 1 when one failed."""
    failed = []
    for name, words, remedy in CHECKS:
        start = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        print(f"{'ok ' if done.returncode == 0 else 'NO '} {name} ({time.monotonic() - start:.1f}s)", flush=True)
        if done.returncode:
            failed.append((name, done.stdout + done.stderr, remedy))
    for name, text, remedy in failed:
        print(f"\n--- {name}\n{text.strip()}\n  remedy: {remedy}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
