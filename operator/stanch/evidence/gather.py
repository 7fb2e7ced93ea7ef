"""What to ask about a target before something is done to it."""

from stanch.api.meta import Severity
from stanch.core import asking
from stanch.core.observations import NotFound, Observations
from stanch.core.ports import Aim
from stanch.core.questions import List, Question
from stanch.evidence.reach import USUAL, Reach
from stanch.evidence.scene import Scene, log_questions


def questions(
    aim: Aim, seen: Observations, severity: Severity, loses: frozenset[str] = frozenset(), reach: Reach = USUAL
) -> tuple[Question, ...]:
    """The next questions, given what was answered; empty when all were asked. A target that is not there needs none."""
    if isinstance(seen.get(asking.target_of(aim)), NotFound):
        return ()
    scene = Scene(aim, seen, loses, reach)
    return tuple(question for question in wanted(scene, severity) if seen.get(question) is None)


def wanted(scene: Scene, severity: Severity) -> tuple[Question, ...]:
    """Every question that can be put so far, each once: the target, what surrounds it, its pods, then their logs."""
    found: list[Question] = [asking.target_of(scene.aim), scene.events_question, *surroundings(scene)]
    found += [asking.lease_of(scene.aim.name)] if scene.on_node else []
    found += [each for each in (scene.history_question, scene.pods_question) if each is not None]
    found += log_questions(scene, severity)
    return tuple(dict.fromkeys(found))


def surroundings(scene: Scene) -> tuple[List, ...]:
    """What shares the namespace: who scales it, who protects it, who sends it traffic. A Node has none of these."""
    namespace = scene.aim.namespace
    if scene.on_node or namespace is None:
        return ()
    return (
        asking.hpas(namespace),
        asking.pdbs(namespace),
        asking.services(namespace),
        asking.endpoint_slices(namespace),
    )
