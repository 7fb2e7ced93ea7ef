"""Bundles laid out for people who have only a shell: a directory each, YAML beside JSON, and sums that sha256sum checks."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from stanch.api.evidence import ItemKind
from stanch.evidence.dig import dicts, text
from stanch.evidence.opened import Opened, is_safe, opened
from stanch.evidence.shelf import safe

SUMS: Final = "SHA256SUMS"
OBJECT: Final = "evidence.yaml"
_YAML_BYTES_MAX: Final = 512 * 1024
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_README: Final = """\
Evidence exported by stanch. Secrets in it were masked before it was stored; it still shows how things work inside.

Bundles, one directory each
{bundles}
In each
  README.txt                        what is where, what matters first, what is missing
  evidence.yaml                     the Evidence object, without the archive: what was captured, when, for what
  pods.txt history.txt events.txt   every pod in one line; revisions and images; warnings by time
  <kind>/<name>.describe.txt        as kubectl describe shows it, with absolute times (also .yaml and .json)
  pod/<pod>/describe.txt            the same of a pod (also pod.yaml and pod.json)
  pod/<pod>/<container>.log         logs
  pod/<pod>/<container>.previous.log   logs --previous: the run before the last restart
  timeline.jsonl                    in a page: older lines of the incident's timeline
Ask for what you need
  find . -name '*describe*'; find . -name '*.previous.log'; find . -name 'events.*'; find . -name '*.yaml'
Check it
  sha256sum -c SHA256SUMS
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """Files by path, and in sentences what could not be taken along."""

    files: Mapping[str, bytes]
    problems: tuple[str, ...]


def export(bundles: Sequence[Mapping[str, Any]]) -> Exported:
    """Evidence objects as one tree of files. No name in it leads out of the tree, whatever the objects say."""
    files: dict[str, bytes] = {}
    problems: list[str] = []
    told: list[str] = []
    for obj in bundles:
        inside = opened(obj)
        base = safe(inside.name)
        problems += [f"{inside.name}: {problem}" for problem in inside.problems]
        for name, content in _files(obj, inside).items():
            files[f"{base}/{name}"] = content
        told.append(f"  {base}/   {text(inside.spec, 'purpose')}, captured at {text(inside.spec, 'capturedTime')}\n")
    files["README.txt"] = _README.format(bundles="".join(told)).encode("utf-8", "replace")
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    files[SUMS] = "".join(sums).encode()
    return Exported(files, tuple(problems))


def _files(obj: Mapping[str, Any], inside: Opened) -> dict[str, bytes]:
    """What was stored, and what is made of it; where both want one place, what was stored has it."""
    made = {OBJECT: _yaml({**obj, "spec": {k: v for k, v in inside.spec.items() if k != "data"}})}
    for item in dicts(inside.spec, "items"):
        name = text(item, "name")
        content = inside.files.get(name)
        is_object = text(item, "kind") == ItemKind.OBJECT and name.endswith(".json")
        if content is None or not is_object or len(content) > _YAML_BYTES_MAX:
            continue
        try:
            made[f"{name.removesuffix('.json')}.yaml"] = _yaml(json.loads(content))
        except (ValueError, RecursionError):
            continue  # It is there as it was stored; `verify` says what is wrong with it.
    folders = {folder for name in inside.files for folder in _folders(name)}
    free = {name: content for name, content in made.items() if is_safe(name) and name not in folders}
    return {**free, **inside.files}


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _yaml(value: Any) -> bytes:
    """As YAML; what YAML can't say (half a character) as JSON, which is YAML too."""
    try:
        return str(yaml.dump(value, Dumper=_DUMPER, default_flow_style=False, sort_keys=False)).encode()
    except ValueError:
        return json.dumps(value, indent=1).encode()
