"""A plan on a live cluster, with the rights of who asks. Evictions and holds are tried as dry runs; nothing is written."""

from datetime import datetime

from stanch.cli.runbook.judge import ROUNDS_MAX, Judged, UnfitError, judge
from stanch.core.observations import Failed, Observations
from stanch.core.runbook_render import Rendered
from stanch.shell.client import Kube, Unanswered, configuration
from stanch.shell.observe import Observer


async def look(rendered: Rendered, namespace: str, now: datetime, kubeconfig: str | None) -> Judged:
    """What it comes to now. Raises UnfitError, Unanswered when nothing answers, ConfigException without credentials."""
    async with Kube(await configuration(kubeconfig)) as kube:
        observer, seen = Observer(kube), Observations(now=now)
        for _ in range(ROUNDS_MAX):
            found = judge(rendered, namespace, seen, now)
            if isinstance(found, Judged):
                return found
            answers = await observer.answer(found, None)
            silent = next((a for a in answers.values() if isinstance(a, Failed) and a.status == 0), None)
            if silent is not None:
                raise Unanswered(silent.message)
            seen = seen.with_answers(answers)
    raise UnfitError(f"it goes on asking after {ROUNDS_MAX} rounds")
