"""The text of a Postmortem: its digest, by which it is signed off and published, and whether it is."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

# To wish that it be published changes no word of it.
_NOT_TEXT: Final = ("published",)


def text_digest(spec: Mapping[str, Any]) -> str:
    """SHA-256 of the spec as canonical JSON (sorted keys, no spaces, UTF-8), without `published`; `sha256:` and 64 hex digits."""
    text = {key: value for key, value in spec.items() if key not in _NOT_TEXT}
    raw = json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def is_published(body: Mapping[str, Any]) -> bool:
    """Did the operator find it clean and signed off? Wishing for it is not enough."""
    status = body.get("status") or {}
    conditions = status.get("conditions") or ()
    return bool(status.get("published")) and any(
        c.get("type") == "Published" and c.get("status") == "True" for c in conditions
    )


def why_not_published(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Reason and words of its condition Published; None while nobody has looked at it."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    found = next((c for c in conditions if c.get("type") == "Published" and c.get("status") != "True"), None)
    return (str(found.get("reason") or ""), str(found.get("message") or "")) if found else None
