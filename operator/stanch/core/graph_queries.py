"""
Which graphs evidence has, and what Prometheus said: each criterion's query, from 30 minutes before (decisions 1.3 no. 41).

Asked with what nobody waits for, never on the way of an effect: a Prometheus may be slow or dead just now, for it is an
incident.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from stanch.core.draft import Draft
from stanch.core.effective import effective
from stanch.core.graphs import Graph, from_prometheus, span
from stanch.core.observations import Failed, Found
from stanch.core.promql import read
from stanch.core.questions import MetricRange

# A wish that comes meanwhile waits no longer than for the logs of what came after.
SECONDS: Final = 2.0


def ask_graphs(draft: Draft) -> None:
    """All of them at once."""
    draft.ask(*(question for _, question in _questions(draft)))


def graph_names(draft: Draft) -> tuple[str, ...]:
    """Names of the files that will tell about them."""
    return tuple(f"graphs/{name}.json" for name, _ in _questions(draft))


def drawn(draft: Draft) -> tuple[Graph, ...]:
    """What was answered; of a query without an answer why there is none."""
    return tuple(_graph(draft, name, question) for name, question in _questions(draft))


def onset(draft: Draft) -> datetime | None:
    """When it began, as people said it, else as the pods show it."""
    times, changes = draft.status.times, draft.status.changes
    said = times.started if times else None
    return said or (changes.onset_time if changes else None)


def _questions(draft: Draft) -> Iterator[tuple[str, MetricRange]]:
    """The measured side of each comparison: the query itself has no series where it does not hold."""
    url, secret = draft.catalog.policy.prometheus_url, draft.catalog.policy.prometheus_secret
    if not url:
        return
    # The same for a whole look, or each plan of it would ask anew. Whole seconds, and none before the look: what was measured
    # a moment before it is often all that there is of a new pod.
    looked = draft.seen.evidence_started or draft.now
    whole = looked.replace(microsecond=0)
    start, end, step = span(whole if whole == looked else whole + timedelta(seconds=1))
    for criterion in effective(draft).criteria:
        if criterion.check == "promQL" and criterion.asks:
            query = read(criterion.asks)
            text = criterion.asks if query.problem else query.measured
            yield criterion.name, MetricRange(url, text, start, end, step, SECONDS, secret)


def _graph(draft: Draft, name: str, asked: MetricRange) -> Graph:
    answer = draft.seen.get(asked)
    if isinstance(answer, Found):
        said = {"status": "success", "data": answer.value}
        return from_prometheus(name, asked.query, asked.start, asked.end, said)
    problem = answer.message if isinstance(answer, Failed) else "it was not asked"
    return Graph(name, asked.query, asked.start, asked.end, problem=problem)
