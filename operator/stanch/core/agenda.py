"""
The agenda of a review meeting, from the text as it stands: what is to be talked over, and what of it is still open. Pure.

Five topics in a fixed order: the timeline, what contributed, what follows, whether it is a pattern, and with whom it is shared. No
point is a grade of anybody; a point is a question that the text does not answer yet, or something to decide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.similar_status import SimilarIncident
from stanch.core.lint.form import Item
from stanch.core.lint.run import items_of
from stanch.core.postmortem_draft import FILL
from stanch.core.postmortem_text import is_published, why_not_published
from stanch.core.similar import in_words

# Of one sort; a meeting is an hour long.
POINTS_MAX: Final = 10
_OPEN_WHY: Final = "(to be answered)"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, and its points; without any there is nothing in particular to it."""

    topic: str
    points: tuple[str, ...]


def agenda(body: Json, name: str, items: Sequence[Json]) -> tuple[Topic, ...]:
    """
    Of a Postmortem as the API server, or a file, has it; empty once it is published. ``items`` are ActionItems of its namespace.

    Raises nothing for what people wrote: of a text that can't be read fewer points are told.
    """
    if is_published(body):
        return ()
    spec, status = body.get("spec") or {}, body.get("status") or {}
    named, bodies = items_of(spec, name, items), {_name(each): each for each in items}
    return (
        Topic("The timeline: what happened, and which gaps are to be explained", _few(_gaps(status))),
        Topic("What contributed: is one missing, are these the right ones", _few(_open_questions(spec, named))),
        Topic("Action items: are they the right ones, is each owned, and in time", _few(_items(named, bodies))),
        Topic("A pattern: does it look like earlier incidents", _few(_patterns(status, items))),
        Topic("Publishing: what is missing, and with whom it is shared", _few(_publishing(body, spec))),
    )


def _few(points: Iterator[str]) -> tuple[str, ...]:
    found = tuple(points)
    more = len(found) - POINTS_MAX
    return (*found[:POINTS_MAX], f"and {more} more") if more > 0 else found


def _gaps(status: Json) -> Iterator[str]:
    for gap in status.get("gaps") or ():
        yield f"Gap {gap.get('number')}: {gap.get('text')}"


def _open_questions(spec: Json, items: Sequence[Item]) -> Iterator[str]:
    factors = spec.get("factors") or ()
    answered = {name for item in items for name in item.answers}
    for factor in factors:
        name, statement = str(factor.get("name")), str(factor.get("statement") or "")
        if statement.startswith(FILL):
            yield f"{name} is not answered yet: {statement.removeprefix(FILL).lstrip(': ')}"
        elif not factor.get("accepted") and name not in answered:
            yield f"{name} is answered by no action item, and not accepted"
    if not factors:
        yield "No factor is named"
    yield from (str(why) for why in spec.get("whys") or () if _OPEN_WHY in str(why))


def _items(items: Sequence[Item], bodies: Mapping[str, Json]) -> Iterator[str]:
    for item in items:
        state = str(((bodies.get(item.name) or {}).get("status") or {}).get("state") or "")
        if not item.there:
            yield f"{item.name} is named, and there is no such ActionItem"
        elif state in ("Overdue", "Reopened"):
            yield f"{item.name} ({item.owner}) is {state.lower()}, was due {item.due}: {item.title}"
    if not items:
        yield "None is written"


def _patterns(status: Json, items: Sequence[Json]) -> Iterator[str]:
    for each in status.get("similar") or ():
        one = SimilarIncident.model_validate(each)
        left = [_name(i) for i in items if _is_owed(i, one)]
        owed = f"; not done since then: {', '.join(left[:POINTS_MAX])}" if left else ""
        yield f"{in_words(one)}{owed}"


def _is_owed(item: Json, earlier: SimilarIncident) -> bool:
    spec = item.get("spec") or {}
    ours = earlier.postmortem == spec.get("postmortem") or (
        spec.get("postmortem") is None and earlier.incident == spec.get("incident")
    )
    return ours and ((item.get("status") or {}).get("state")) != "Done"


def _publishing(body: Json, spec: Json) -> Iterator[str]:
    why = why_not_published(body)
    if why is not None:
        yield why[1]
    audience = spec.get("audience")
    yield f"It is written for: {audience}" if audience else "For whom it is written is not said (spec.audience)"


def _name(body: Json) -> str:
    return str((body.get("metadata") or {}).get("name") or "?")
