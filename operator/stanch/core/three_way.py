"""
Found, wrote, now: the three values of each field, when what is there is not what stanch left (mitigations.md 0.2).

Who reads it must be able to decide by hand: which of the two changes is whose, and what taking ours back would destroy.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stanch.api.incident_status import FieldConflict, MitigationRecord
from stanch.core.diff import dotted, may_be_secret, named, show
from stanch.core.draft import Draft

# As many as a person compares at night; the rest is counted.
CONFLICTS_MAX: Final = 12
IN_WORDS_MAX: Final = 3
PATH_MAX: Final = 200
WORDS_MAX: Final = 450


def conflicts(found: Mapping[str, Any], wrote: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[FieldConflict, ...]:
    """Fields that are not as stanch wrote them first, then those it wrote and that stand; by JSON pointer each."""
    leaves = [leaf for p in wrote for leaf in _walk(found.get(p), wrote[p], now.get(p), dotted(p))]
    theirs = [leaf for leaf in leaves if leaf[2] != leaf[3]]
    ours = [leaf for leaf in leaves if leaf[2] == leaf[3]]
    chosen = [_in_words(*leaf) for leaf in (*theirs, *ours)]
    if len(chosen) <= CONFLICTS_MAX:
        return tuple(chosen)
    more = f"and {len(chosen) - CONFLICTS_MAX + 1} more"
    return (*chosen[: CONFLICTS_MAX - 1], FieldConflict(path=more, found="…", wrote="…", now="…"))


def with_conflict(draft: Draft, record: MitigationRecord, found: tuple[FieldConflict, ...]) -> MitigationRecord:
    """The record with its conflict; the one before loses its own, for the status is small (its words stay in the timeline)."""
    for other in draft.records:
        if other.conflict and other.name != record.name:
            draft.put(other.model_copy(update={"conflict": None}))
    return record.model_copy(update={"conflict": found})


def in_words(found: tuple[FieldConflict, ...]) -> str:
    """The first of them in a sentence."""
    theirs = [c for c in found if c.now != c.wrote] or list(found)
    told = [f"{c.path}: found {c.found}, wrote {c.wrote}, now {c.now}" for c in theirs[:IN_WORDS_MAX]]
    more = f"; and {len(theirs) - IN_WORDS_MAX} more" if len(theirs) > IN_WORDS_MAX else ""
    text = "; ".join(told)
    return (text if len(text) <= WORDS_MAX else f"{text[: WORDS_MAX - 1]}…") + more


def _walk(found: Any, wrote: Any, now: Any, path: str) -> Iterator[tuple[str, Any, Any, Any]]:
    if found == wrote == now:
        return
    inside = _children(found, wrote, now)
    if inside is None:
        yield path, found, wrote, now
        return
    form, (one, two, three) = inside
    for key in sorted({*one, *two, *three}):
        yield from _walk(one.get(key), two.get(key), three.get(key), f"{path}{form.format(key)}")


def _children(*values: Any) -> tuple[str, list[Mapping[str, Any]]] | None:
    """All three by key when they have the same shape; None when the values themselves are to be shown."""
    if all(isinstance(v, Mapping) for v in values):
        return ".{}", list(values)
    if not all(isinstance(v, list) for v in values):
        return None
    by_name = [named(v) for v in values]
    if all(each is not None for each in by_name):
        return "[{}]", [each or {} for each in by_name]
    return "[{}]", [{f"{i:03d}": item for i, item in enumerate(v)} for v in values]


def _in_words(path: str, found: Any, wrote: Any, now: Any) -> FieldConflict:
    hide = may_be_secret(path, found, wrote, now)
    shown = path if len(path) <= PATH_MAX else f"…{path[1 - PATH_MAX :]}"
    if hide and wrote != now:
        # Equal secrets must not look equal to different ones.
        return FieldConflict(path=shown, found=show(found, hide), wrote=show(wrote, hide), now=_changed(now))
    return FieldConflict(path=shown, found=show(found, hide), wrote=show(wrote, hide), now=show(now, hide))


def _changed(now: Any) -> str:
    return show(now, hide=True) if now is None else "(not shown, another)"
