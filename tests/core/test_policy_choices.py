"""What a ResponsePolicy chooses about effects: how much growth is wide, evidence first of all, back at once what made it worse."""

from dataclasses import replace
from typing import Any

import pytest

from build import BAD, GOOD, incident, roll_back, scale_to
from paper import PaperCollector
from stanch.core.ports import Captured, CaptureRequest
from world import CATALOG, World, bad_deploy, bad_past, healthy

TO_THE_BAD_ONE = {"name": "back", "rolloutUndo": {"toRevision": 1}, "timeBox": "1m"}


def under(world: World, **chosen: Any) -> World:
    """The same under another policy."""
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, **chosen))
    return world


@pytest.mark.parametrize(
    ("factor", "replicas", "effects"),
    [(3, 9, 1), (3, 10, 0), (1, 4, 0), (5, 15, 1), (1, 2, 1)],
    ids=["three times", "more", "a stricter policy", "a wider policy", "less is no growth"],
)
def test_how_much_more_is_wide_is_the_policys_word(factor: int, replicas: int, effects: int) -> None:
    """From three replicas; what is wide waits for another person."""
    world = under(healthy(incident(scale_to(replicas), recovery={"hold": "1h"})), scale_factor=factor).run(seconds=10)
    assert effects == len(world.effects)
    assert effects or "ApprovalMissing" == world.record("size").reason


class Lacking(PaperCollector):
    """Evidence in which some logs could not be had, for as long as ``gone``."""

    gone = True

    def capture(self, request: CaptureRequest, seen: Any) -> Captured:
        """As always, less what is missing."""
        captured = super().capture(request, seen)
        if not self.gone:
            return captured
        lacks = [
            {"name": "logs/web-1/web.log", "reason": "NodeSilent"},
            {"name": "x.previous.log", "reason": "NoPrevious"},
        ]
        body = captured.body | {"spec": {"missing": lacks}}
        return replace(captured, body=body, missing=2, really_missing=1)


def lacking(*wishes: Any) -> tuple[World, Lacking]:
    """A bad deploy of which not all evidence can be had."""
    collector = Lacking()
    world = bad_deploy(incident(*wishes, recovery={"hold": "1h"}))
    world.catalog = replace(CATALOG, collector=collector)
    return world, collector


def test_without_whole_evidence_nothing_is_done_where_that_is_required() -> None:
    """What is missing is named, and once it is there the effect follows. What is normally not there is not missing."""
    world, collector = lacking(roll_back())
    under(world, evidence_required=True).run(seconds=30)
    record = world.record("roll-back")
    assert (0, "EvidenceIncomplete") == (len(world.effects), record.reason)
    assert "logs/web-1/web.log (NodeSilent); and evidence.required of the ResponsePolicy is true" in record.message
    assert "x.previous.log" not in record.message
    collector.gone = False
    world.run(minutes=2)
    assert (1, GOOD, []) == (len(world.effects), world.image, world.broken)


def test_what_is_missing_keeps_nothing_from_being_done_by_default() -> None:
    """A rollback that comes too late is worse than a log that is not kept (decisions C5)."""
    world, _ = lacking(roll_back())
    assert 1 == len(world.run(seconds=20).effects)


def test_harm_first_does_not_get_past_it() -> None:
    """Both can't be: the wish says no evidence, the policy says none without."""
    world, _ = lacking(roll_back(harmFirst="users lose orders"))
    under(world, evidence_required=True).run(seconds=30)
    assert (0, "EvidenceIncomplete") == (len(world.effects), world.record("roll-back").reason)
    assert "harmFirst" in world.record("roll-back").message


@pytest.mark.parametrize(("chosen", "image"), [("Ask", BAD), ("Undo", GOOD)])
def test_what_made_it_worse_goes_back_by_itself_where_that_was_chosen(chosen: str, image: str) -> None:
    """Exactly, once, in the name of who asked for it; and the ladder stands still all the same."""
    world = under(bad_past(incident(TO_THE_BAD_ONE, scale_to(4, "more"))), when_worse=chosen).run(minutes=4)
    record = world.record("back")
    assert ("Worse", image, []) == (record.effect.value, world.image, world.broken)
    line = next(x.text for x in world.incident.status.timeline if x.kind == "MitigationMadeItWorse")
    assert ("guardrails.whenWorse of the ResponsePolicy is Undo" in line) == (chosen == "Undo")
    if chosen == "Undo":
        assert ("Undone", "alice", 2) == (record.state.value, record.attempts[-1].asked_by, len(world.effects))
    assert not world.record("more").attempts


def test_what_somebody_changed_since_is_not_overwritten_though_it_made_it_worse() -> None:
    """Back at once is what goes back exactly; the rest is for a person to look at."""
    world = under(bad_past(incident(TO_THE_BAD_ONE)), when_worse="Undo").run(seconds=20)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.4"
    world.run(minutes=4)
    assert ("shop/checkout:1.8.4", 1, []) == (world.image, len(world.effects), world.broken)
