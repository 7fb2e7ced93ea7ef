"""The page as files: rendered with everything escaped, written so that no reader ever meets half of one."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from stanch.api.meta import instant
from stanch.cli.cluster import NOT_READABLE, USAGE, Trouble
from stanch.cli.status_page.model import Outage, Page, as_json, from_json

MEMORY: Final = "status.json"
MEMORY_MAX: Final = 32 * 1024 * 1024
# Nothing is run, framed, sent or loaded from elsewhere, whatever somebody may have got into a text.
POLICY: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'"


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("stanch.cli.status_page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["instant"] = instant
    found.filters["people"] = lambda when: f"{when:%Y-%m-%d %H:%M} UTC"
    return found


def rendered(shown: Page) -> dict[str, str]:
    """Text by file name; status.json is the last, for it says what is there."""
    jinja = _environment()
    common: dict[str, Any] = {"page": shown, "policy": POLICY}
    files = {"style.css": jinja.get_template("style.css").render()}
    for outage in shown.outages:
        files[_place(outage)] = jinja.get_template("incident.html").render(common, outage=outage, root="../")
    files["atom.xml"] = jinja.get_template("atom.xml").render(common)
    files["index.html"] = jinja.get_template("index.html").render(common, root="")
    files[MEMORY] = json.dumps(as_json(shown), indent=1, ensure_ascii=False) + "\n"
    return files


def _place(outage: Outage) -> str:
    return f"incidents/{outage.key}.html"


def remembered(folder: Path) -> list[Outage]:
    """What was published there before. Raises Trouble."""
    path = folder / MEMORY
    try:
        if path.stat().st_size > MEMORY_MAX:
            raise OSError(f"more than {MEMORY_MAX} bytes")
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Trouble(f"{path} can't be read ({error})", NOT_READABLE) from error
    return memory(raw, str(path))


def memory(raw: bytes, where: str) -> list[Outage]:
    """What a status.json says was published. Raises Trouble."""
    try:
        return from_json(json.loads(raw))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Trouble(
            f"{where} is no status.json of stanch ({error}); move it away to begin anew", NOT_READABLE
        ) from error


def write(folder: Path, files: dict[str, str]) -> list[str]:
    """Write what is not so yet; names of the files that were. Raises Trouble."""
    written = []
    try:
        (folder / "incidents").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            if _replace(folder / name, text.encode()):
                written.append(name)
    except OSError as error:
        raise Trouble(f"{folder} can't be written: {error.strerror or error}", USAGE) from error
    return written


def _replace(path: Path, raw: bytes) -> bool:
    """Whole or not at all; whoever reads it meanwhile has the one before."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == raw:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".stanch-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    return True
