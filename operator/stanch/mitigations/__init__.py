"""Every mitigation there is. To add one: write its file, add a line here, run `make generate` and the tests."""

from typing import Final

from stanch.core.ports import Mitigation
from stanch.mitigations.cordon import CordonNode, UncordonNode
from stanch.mitigations.rollout_pause import PauseRollout, ResumeRollout
from stanch.mitigations.rollout_undo import UndoRollout
from stanch.mitigations.scale import ScaleWorkload

ALL: Final[tuple[Mitigation, ...]] = (
    UndoRollout(),
    PauseRollout(),
    ResumeRollout(),
    ScaleWorkload(),
    CordonNode(),
    UncordonNode(),
)
