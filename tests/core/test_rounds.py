"""What a rollback asks before it is written down, round by round: each is a wait for a cluster that may be sick."""

from collections import Counter
from dataclasses import replace

from build import incident, roll_back
from stanch.core.plan import plan
from stanch.core.questions import DryRun, Get, List, Logs, MayThey, Question
from stanch.evidence.collector import EvidenceCollector
from world import CATALOG, bad_deploy


def test_a_rollback_asks_in_three_rounds() -> None:
    """
    The target tells the selector of its pods and ReplicaSets; the pods tell which logs there are, the ReplicaSets what to
    try dry. Whatever does not wait for such an answer goes along: rights, freeze, and all that guards and evidence list.
    """
    world, catalog = bad_deploy(incident(roll_back())), replace(CATALOG, collector=EvidenceCollector(b"key"))
    seen, rounds = world.seen(), []
    while questions := plan(world.incident, seen, catalog, world.now).questions:
        rounds.append(Counter(map(_what, questions)))
        seen = seen.with_answers({q: world.answer(q) for q in questions})
    first, second, third = rounds
    around = ["events", "horizontalpodautoscalers", "poddisruptionbudgets", "services", "endpointslices"]
    # The last two cost no call where their tools are not installed.
    assert first == Counter(["deployments", "may freeze", "may patch", "evidences", *around, "rollouts", "canaries"])
    assert second == Counter(["replicasets", "pods"])
    assert third == Counter({"dry run": 1, "log": 4})


def _what(question: Question) -> str:
    match question:
        case Get(ref=ref) | List(ref=ref):
            return ref.plural
        case MayThey(verb=verb):
            return f"may {verb}"
        case DryRun():
            return "dry run"
        case Logs():
            return "log"
        case _:
            return str(question)
