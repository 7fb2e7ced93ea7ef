"""Graphs among the files of a bundle: the numbers as JSON, and a picture of them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from stanch.api.evidence import ItemKind
from stanch.api.meta import instant
from stanch.api.names import MissingReason
from stanch.core.graphs import Graph
from stanch.evidence.shelf import Shelf, safe
from stanch.evidence.svg import draw


def put_graphs(shelf: Shelf, graphs: Iterable[Graph], onset: datetime | None) -> None:
    """``graphs/<name>.json`` and ``.svg``; of one without numbers why it has none."""
    taken: set[str] = set()
    for graph in graphs:
        base = f"graphs/{safe(graph.name)}"
        if base in taken:
            continue
        taken.add(base)
        if graph.problem:
            shelf.lacks(f"{base}.json", MissingReason.NOT_ANSWERED, graph.problem)
            continue
        _put(shelf, base, graph, onset)


def _put(shelf: Shelf, base: str, graph: Graph, onset: datetime | None) -> None:
    marks = [("onset", onset)] if onset is not None and graph.start <= onset <= graph.end else []
    shelf.json(f"{base}.json", ItemKind.GRAPH, "", lambda: numbers(graph))
    shelf.text(f"{base}.svg", ItemKind.GRAPH, None, lambda: draw(graph, marks))


def numbers(graph: Graph) -> dict[str, Any]:
    """What was asked and answered; a gap is null."""
    return {
        "name": graph.name,
        "query": graph.query,
        "start": instant(graph.start),
        "end": instant(graph.end),
        "leftOut": graph.left_out,
        "series": [{"labels": each.labels, "points": [list(point) for point in each.points]} for each in graph.series],
    }
