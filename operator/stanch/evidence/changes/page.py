"""changes.txt: what changed, for whoever reads the archive weeks later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from stanch.evidence.changes.change import HOUR, Changed, Changes
from stanch.evidence.changes.failing import Onset
from stanch.evidence.changes.rank import Ranked
from stanch.evidence.describe.page import columns, visible
from stanch.evidence.times import stamp

_HEADER: Final = ("TIME", "KIND", "WHAT", "CHANGE", "BY", "DATED-BY")
_USED: Final = ("KIND", "NAME", "READ-AS", "DIGEST", "WRITTEN")
_LISTED_MAX: Final = 200


def page(changes: Changes, ranked: Sequence[Ranked], began: Onset, now: datetime) -> str:
    """Suspects, then all changes of the hour, then older and undated ones, then what was looked at and what is in use."""
    lines = [f"What changed, as seen at {_iso(now)}", f"It began: {stamp(_iso(began.time), now)}: {began.by}", ""]
    lines += ["Suspects, likeliest first (1 to 100)"]
    lines += [f"  {each.score:>3}  {each.text}" for each in ranked] or ["  none"]
    told = changes.found[:_LISTED_MAX]
    hour = [each for each in told if each.time is not None and each.time >= now - HOUR]
    older = [each for each in told if each.time is not None and each.time < now - HOUR]
    undated = [each for each in told if each.time is None]
    for title, found in (
        ("In the last hour", hour),
        ("Earlier, up to six hours", older),
        ("Changed, and nobody can tell when", undated),
    ):
        lines += ["", title, *_rows(found)]
    if len(changes.found) > _LISTED_MAX:
        lines += ["", f"and {len(changes.found) - _LISTED_MAX} more"]
    rows = [(s.title, s.unread or (f"{s.found} in the last hour" if s.found else "nothing")) for s in changes.sources]
    lines += ["", "Looked at", *columns(rows, "  ")]
    if changes.used:
        used = [(u.kind, u.name, u.how, u.digest, u.written) for u in changes.used]
        lines += ["", "ConfigMaps and Secrets in use (digests, no values)", *columns([_USED, *used], "  ")]
    return visible("\n".join(lines)) + "\n"


def _rows(found: Sequence[Changed]) -> list[str]:
    if not found:
        return ["  nothing"]
    rows = [
        (
            _iso(each.time) if each.time else "-",
            each.sort.value,
            each.what,
            "; ".join([each.text, *each.also]) + (" (stanch itself)" if each.ours else ""),
            each.by or "-",
            each.dated,
        )
        for each in found
    ]
    return columns([_HEADER, *rows], "  ")


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
