"""What the generators share: how a file is written, and how `--check` says which are stale."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


class _Dumper(yaml.SafeDumper):
    """Indented lists, long expressions in folded blocks, no anchors: files that people read."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else ">" if len(value) > 100 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def document(header: str, *objects: Mapping[str, Any]) -> str:
    """One YAML file: a comment that says what made it, then the objects."""
    comment = "".join(f"# {line}\n" if line else "#\n" for line in header.splitlines())
    bodies = [yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True) for item in objects]
    return comment + "---\n".join(bodies)


def main(files: Mapping[str, str], owned: Sequence[str], description: str) -> int:
    """
    Write ``files`` (path under the root → text), or with ``--check`` name those that differ and answer 1.

    ``owned`` are globs of files that only the generator writes: what it no longer makes is stale too.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name stale files")
    check = parser.parse_args().check
    stale = [path for path, text in files.items() if not _same(ROOT / path, text)]
    left = [p for glob in owned for p in sorted(ROOT.glob(glob)) if str(p.relative_to(ROOT)) not in files]
    if check:
        for name in (*stale, *(str(path.relative_to(ROOT)) for path in left)):
            print(f"stale: {name}; run `make generate`", file=sys.stderr)
        return 1 if stale or left else 0
    for path in left:
        path.unlink()
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(files[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text
