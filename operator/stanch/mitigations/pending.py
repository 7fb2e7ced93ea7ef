"""What a paused Deployment keeps back: what its pods run now, beside the template that stands in its spec (mitigations.md 1.3)."""

from typing import Any, Final

from stanch.core.asking import owned_by, replicasets_of, revision_number
from stanch.core.diff import differences
from stanch.core.observations import Failed, Observations, items
from stanch.core.ports import Aim
from stanch.core.questions import Question
from stanch.mitigations.revisions import plain_template
from stanch.mitigations.workload import Json

# A Deployment that was paused in the middle of one rollout runs two; more are told as a number.
_TOLD: Final = 2
_LINES: Final = 4


def pending(aim: Aim, target: Json, seen: Observations) -> str | tuple[Question, ...]:
    """Which pods go when the rollout goes on, and by what their template differs; or what must be known first."""
    question = replicasets_of(aim, target)
    answer = seen.get(question)
    if answer is None:
        return (question,)
    if isinstance(answer, Failed):
        return f"Which pods a resume replaces can't be read: {answer.message}"
    wanted = target["spec"]["template"]
    mine = (rs for rs in owned_by(items(answer), target["metadata"]["uid"]) if rs["spec"].get("replicas"))
    old = sorted((rs for rs in mine if plain_template(rs) != wanted), key=revision_number, reverse=True)
    if not old:
        return "Nothing waits for the resume: all pods have the template that stands there"
    told = "; ".join(_one(rs, wanted) for rs in old[:_TOLD])
    more = f"; and those of {len(old) - _TOLD} older revisions" if len(old) > _TOLD else ""
    return f"Resumed now, {told}{more}"


def _one(replicaset: dict[str, Any], wanted: Json) -> str:
    lines = differences(plain_template(replicaset), wanted)
    more = f", and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
    which = f"{replicaset['spec']['replicas']} pods of revision {revision_number(replicaset)}"
    return f"it replaces {which}: {', '.join(lines[:_LINES])}{more}"
