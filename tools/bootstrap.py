"""Make .venv with the locked dependencies, from nothing but python3 3.11 or newer.

`python3 tools/bootstrap.py` does nothing, fast, when .venv is what uv.lock and pyproject.toml say. Else it finds or
installs uv (into the cache, never into the system) and runs `uv sync --locked`. Kept in syntax any Python 3 can parse,
so that a too old one is told so instead of failing with a SyntaxError.
"""

import os
import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    sys.stderr.write(
        "bootstrap: python3 here is %d.%d, but %d.%d or newer is needed.\n"  # noqa: UP031 - old Pythons parse this
        "  remedy: install a newer Python and name it, for example: make PYTHON=python3.12 test\n"
        % (sys.version_info[0], sys.version_info[1], NEEDED[0], NEEDED[1])
    )
    raise SystemExit(1)

import hashlib  # noqa: E402 - only after the version check

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, ".stanch-stamp")


def wanted() -> str:
    """What .venv must have been made from: lock, metadata, this Python, this place (scripts hold absolute paths)."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}\n".encode())
    for name in ("uv.lock", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def is_made(stamp: str) -> bool:
    """Whether .venv is already so."""
    try:
        with open(STAMP, encoding="ascii") as file:
            return file.read() == stamp and os.path.exists(os.path.join(VENV, "bin", "python"))
    except OSError:
        return False


def main() -> int:
    """Entry point."""
    stamp = wanted()
    if is_made(stamp):
        return 0
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import bootstrap_uv  # noqa: PLC0415 - costs more to import than the usual answer takes

    return bootstrap_uv.main(lambda: is_made(stamp), stamp)


if __name__ == "__main__":
    raise SystemExit(main())
