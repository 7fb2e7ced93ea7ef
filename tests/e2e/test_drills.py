"""Every Runbook we ship, drilled on a real cluster: broken as it says, started as it ships, well again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from e2e.support.api import Api
from e2e.support.drills import DRILLS, INCIDENT, RUNBOOKS
from e2e.support.drills_elsewhere import clean, gitops_fight, sick_node
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import World

Drill = Callable[[World], Any]
# With real Flux, beside which it stands: test_runbooks_flux.py.
ELSEWHERE = (gitops_fight,)
HERE: tuple[Drill, ...] = (*DRILLS, sick_node)


@pytest.fixture(scope="module")
def drills(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All at once, each in a namespace of its own: most of a drill is waiting for pods."""
    scenes = Scenes(admin, *HERE)
    yield scenes
    scenes.close()
    clean(admin)


def test_every_runbook_has_its_drill() -> None:
    """One that is added without a drill is told here."""
    known = {drill.__name__.replace("_", "-") for drill in (*HERE, *ELSEWHERE)}
    assert known == {path.parent.name for path in RUNBOOKS.glob("*/runbook.yaml")}


@pytest.mark.parametrize("drill", HERE, ids=lambda d: d.__name__)
def test_a_drill_goes_well(drills: Scenes, drill: Drill) -> None:
    """It ends with Resolved, and everything that was done is in the record of who started it."""
    status = drills[drill].status(INCIDENT)
    asked = {m["name"]: m["requestedBy"] for m in status["mitigations"] if m["source"].startswith("Runbook/")}
    assert asked
    assert set(asked.values()) == {"alice"}
    assert status["times"]["resolved"]
