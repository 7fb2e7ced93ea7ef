"""Does an endpoint answer as it should? Which URLs there are is the platform's word, in the cluster's ResponsePolicy (F14)."""

from typing import Final

from stanch.api.recovery_status import CriterionRecord
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Found
from stanch.core.outside import ask_outside
from stanch.core.questions import Probe
from stanch.core.sample import Sample

NOT_ASKED: Final = "NotAsked"


def look(draft: Draft, c: CriterionRecord) -> Sample | None:
    """What it answered; None when it is not the time to ask. ``asks`` is `<endpoint> <status>`."""
    name, _, status = (c.asks or "").rpartition(" ")
    url = draft.catalog.policy.endpoints.get(name)
    if url is None:
        return Sample(None, f"there is no endpoint {name} in the ResponsePolicy of stanch-system")
    answers = ask_outside(draft, c, Probe(url, 0, draft.catalog.policy.endpoint_secrets.get(name, "")))
    if answers is None:
        return None
    (answer,) = answers
    if isinstance(answer, Found):
        got = str(answer.value.get("status"))
        return Sample(got == status, f"{name} answers {got}" + ("" if got == status else f", not {status}"), value=got)
    message = shorten(getattr(answer, "message", "not found"), 300)
    if getattr(answer, "reason", "") == NOT_ASKED:
        return Sample(None, f"{name} can't be asked: {message}")
    # That nobody answers is what users see, too.
    return Sample(False, f"{name} does not answer: {message}")
