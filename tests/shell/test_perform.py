"""What is to be done is done one after the other, and no further once somebody has stopped stanch."""

import asyncio
import time

import pytest

from stanch.core.commands import Removal, Remove
from stanch.core.freeze import FROZEN_WORDS
from stanch.core.observations import OutcomeKind
from stanch.shell.client import Reply
from stanch.shell.perform import perform_all

PODS = [Remove("a1", "shop", f"web-{n}", f"uid-{n}", Removal.EVICT) for n in range(5)]


class Paper:
    """An API server that takes its time, and refuses everything from one eviction on."""

    def __init__(self, from_: int, status: int = 403, words: str = f"{FROZEN_WORDS} in this cluster") -> None:
        self.from_, self.refusal = from_, Reply(status, {"message": words})
        self.asked, self.under_way, self.at_once = [], 0, 0

    async def evict(self, namespace, name, uid, dry=False):
        self.asked.append(name)
        self.under_way += 1
        self.at_once = max(self.at_once, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return self.refusal if len(self.asked) > self.from_ else Reply(201, {})


@pytest.mark.parametrize("known_at", range(5))
async def test_one_pod_at_most_is_on_its_way_when_a_freeze_comes_to_be_known(known_at: int):
    """The leash asks at each of them; what comes after the first refusal is not even sent."""
    kube = Paper(known_at)
    outcomes = await perform_all(kube, PODS, time.monotonic())
    assert (1, known_at + 1) == (kube.at_once, len(kube.asked))
    assert [o.kind for o in outcomes.values()] == [OutcomeKind.ACCEPTED] * known_at + [OutcomeKind.REFUSED]
    assert list(outcomes) == [pod.uid for pod in PODS[: known_at + 1]]


@pytest.mark.parametrize(("status", "words"), [(429, "violates the budget"), (403, "may not"), (500, FROZEN_WORDS)])
async def test_a_pod_that_may_not_go_holds_up_nobody_else(status: int, words: str):
    """That is no freeze."""
    kube = Paper(0, status, words)
    assert len(await perform_all(kube, PODS, time.monotonic())) == len(kube.asked) == 5
