"""
The slow half of tools/bootstrap.py: find or install uv, then `uv sync --locked`. Standard library only.

Ways to uv, in order: the one on PATH; the one in our cache; pip into a virtual environment in our cache; pip with
--target into our cache, where the venv module is broken. As root on Debian, missing parts of Python are installed first.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Older ones read our lock file's revision as somebody else's format.
UV_OLDEST = (0, 6)
PARTS = ("python3-venv", "python3-pip")


class BootstrapError(Exception):
    """What is missing, and what would help."""


def say(text: str) -> None:
    """One line for the person."""
    print(f"bootstrap: {text}", flush=True)


def cache() -> Path:
    """The same cache as the test cluster's: ${STANCH_CACHE:-${XDG_CACHE_HOME:-~/.cache}/stanch}."""
    explicit = os.environ.get("STANCH_CACHE")
    base = Path(explicit) if explicit else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stanch"
    return base.absolute()


@contextmanager
def locked() -> Iterator[None]:
    """One bootstrap at a time; the second finds the work done."""
    where = cache() / "locks"
    where.mkdir(parents=True, exist_ok=True)
    with (where / "bootstrap.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run to the end, output kept."""
    environment = {**os.environ, **more}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)


def fits(uv: list[str]) -> bool:
    """Whether this uv starts and is new enough."""
    try:
        words = run([*uv, "--version"]).stdout.split()
        major, minor = words[1].split(".")[:2]
    except (OSError, IndexError, ValueError):
        return False
    return (int(major), int(minor)) >= UV_OLDEST


def known_uv() -> list[str] | None:
    """A uv that is there already."""
    places = [shutil.which("uv"), cache() / "uv-venv" / "bin" / "uv", cache() / "uv-target" / "bin" / "uv"]
    return next(([str(place)] for place in places if place and Path(place).exists() and fits([str(place)])), None)


def install_uv() -> list[str]:
    """Put uv into the cache, by pip; the system's Python stays as it is."""
    say(f"installing uv, which installs what uv.lock says, into {cache()} (the system stays untouched)")
    tried = [_by_venv(), *([] if known_uv() else [_by_target()])]
    if (found := known_uv()) is None and _add_debian_parts():
        tried = [_by_venv()]
        found = known_uv()
    if found is None:
        why = "\n".join(f"  | {line}" for text in tried for line in text.strip().splitlines()[-4:])
        raise BootstrapError(
            f"uv can't be installed, because {sys.executable} has no working venv and pip:\n{why}\n"
            f"  remedy: install them (Debian, Ubuntu: apt-get install {' '.join(PARTS)}), or put uv on PATH"
        )
    return found


def _by_venv() -> str:
    where = cache() / "uv-venv"
    shutil.rmtree(where, ignore_errors=True)
    made = run([sys.executable, "-m", "venv", str(where)])
    if made.returncode:
        shutil.rmtree(where, ignore_errors=True)
        return made.stdout + made.stderr
    done = run([str(where / "bin" / "python"), "-m", "pip", "install", "--quiet", "uv"])
    return done.stdout + done.stderr


def _by_target() -> str:
    where = str(cache() / "uv-target")
    done = run([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", where, "uv"])
    return done.stdout + done.stderr


def _add_debian_parts() -> bool:
    """As root where apt-get is: the parts of Python that Debian leaves out. True when they were installed."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say(f"installing Debian packages {' '.join(PARTS)}: this Python can't make virtual environments without them")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], **quiet)
    done = run(["apt-get", "install", "-y", "--no-install-recommends", *PARTS], **quiet)
    if done.returncode:
        say(f"apt-get install failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return done.returncode == 0


def sync(uv: list[str]) -> None:
    """Make .venv exactly what uv.lock says, with the Python that runs this."""
    say("making .venv with the dependencies of uv.lock: the operator's own, and those of its tests and checks")
    words = [*uv, "sync", "--locked", "--python", sys.executable]
    # VIRTUAL_ENV of the caller would only draw a warning; downloads of whole Pythons are nobody's wish here.
    kept = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"} | {"UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=kept, cwd=ROOT)
    if done.returncode:
        lines = "\n".join(f"  | {line}" for line in done.stderr.strip().splitlines()[-12:])
        raise BootstrapError(
            f"`uv sync --locked` failed:\n{lines}\n"
            "  remedy: if the lock is out of date, run `uv lock`; else see whether the package index answers"
        )


def main(is_made: Callable[[], bool], stamp: str) -> int:
    """Do it, once; 1 with what would help when it can't be done."""
    start = time.monotonic()
    try:
        with locked():
            if not is_made():
                sync(known_uv() or install_uv())
                (ROOT / ".venv" / ".stanch-stamp").write_text(stamp, encoding="ascii")
                say(f"ready ({time.monotonic() - start:.1f}s)")
    except BootstrapError as failed:
        print(f"bootstrap: {failed}", file=sys.stderr)
        return 1
    return 0
