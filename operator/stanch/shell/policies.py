"""
Whether the admission policies that our promises stand on are in force, exactly as we ship them (decisions F13).

Pure: the caller reads the live objects by the names in ``EXPECTED``. A spec is digested as the API server returns it;
tools/policies.py writes every default out, so what we ship and what is stored are the same document.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, Final

# From the answer to the write of a policy until every API server heeds it (facts/admission.md 9: 0.6 s were measured).
BITES_AFTER: Final = timedelta(seconds=5)
_MISSING: Final = "run `make install`, or `kubectl apply -f manifests/policies`"
# Not apply: it leaves what another manager added.
_ALTERED: Final = "run `make install`, or `kubectl replace -f manifests/policies`"


@dataclass(frozen=True, slots=True)
class Expected:
    """One policy or binding that must be in force. ``resource`` is its plural in admissionregistration.k8s.io/v1."""

    kind: str
    name: str
    resource: str
    sha256: str


def digest(spec: Mapping[str, Any]) -> str:
    """SHA-256 in hex of a spec, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _load() -> dict[str, Expected]:
    text = resources.files("stanch.shell").joinpath("policies_expected.json").read_text(encoding="utf-8")
    return {key: Expected(**value) for key, value in json.loads(text).items()}


EXPECTED: Final[Mapping[str, Expected]] = _load()


def in_force_since(live: Mapping[str, Mapping[str, Any] | None]) -> datetime | None:
    """
    Since when all of it has been as it is now, and bites: what was written before that, nobody vouched for. None: never.

    A generation changes with the spec alone, so what was never changed counts from its creation, however often it was applied
    again. Else the last time that anybody wrote something of its spec counts; writing the same again moves no time there.
    """
    times = [_as_it_is_since(found) for key in EXPECTED if (found := live.get(key)) is not None]
    return max(times) + BITES_AFTER if len(times) == len(EXPECTED) else None


def _as_it_is_since(found: Mapping[str, Any]) -> datetime:
    meta = found["metadata"]
    created = datetime.fromisoformat(meta["creationTimestamp"])
    if meta.get("generation") == 1:
        return created
    writers = (w for w in meta.get("managedFields") or () if not w.get("subresource"))
    written = (w["time"] for w in writers if w.get("time") and "f:spec" in (w.get("fieldsV1") or {}))
    return max([created, *map(datetime.fromisoformat, written)])


def problem(live: Mapping[str, Mapping[str, Any] | None]) -> str:
    """
    '' when everything is in force, else one sentence on the first thing that is not, and the remedy.

    ``live`` holds the objects as read, under the keys of ``EXPECTED``; absent or None means not found. Policies come
    before bindings, so a missing policy is told before the binding that misses it.
    """
    for key, expected in sorted(EXPECTED.items(), key=lambda item: (item[1].kind.endswith("Binding"), item[0])):
        found = live.get(key)
        what = f"{expected.kind} {expected.name}"
        if found is None and expected.kind.endswith("Binding"):
            return f"{what} is missing, so the policy of that name is not in force; {_MISSING}"
        if found is None:
            return f"{what} is missing; {_MISSING}"
        if found.get("metadata", {}).get("deletionTimestamp"):
            return f"{what} is being deleted; {_MISSING}"
        if digest(found.get("spec") or {}) != expected.sha256:
            return f"{what} is not as this version ships it; {_ALTERED}"
    return ""
