"""Every mitigation there is. To add one: write its file, add a line here, run `make generate` and the tests."""

from typing import Final

from stanch.core.ports import Mitigation
from stanch.mitigations.autoscaler import SetBounds
from stanch.mitigations.config_flag import FlipFlag
from stanch.mitigations.cordon import CordonNode, UncordonNode
from stanch.mitigations.delete_pod import RemovePod
from stanch.mitigations.drain import DrainNode
from stanch.mitigations.git_ops_hold import HoldObject
from stanch.mitigations.rollout_pause import PauseRollout, ResumeRollout
from stanch.mitigations.rollout_restart import RestartRollout
from stanch.mitigations.rollout_undo import UndoRollout
from stanch.mitigations.route_shift import ShiftRoute
from stanch.mitigations.scale import ScaleWorkload
from stanch.mitigations.service_shift import ShiftService
from stanch.mitigations.suspend_cron_job import SuspendSchedule

ALL: Final[tuple[Mitigation, ...]] = (
    UndoRollout(),
    PauseRollout(),
    ResumeRollout(),
    RestartRollout(),
    ScaleWorkload(),
    SetBounds(),
    FlipFlag(),
    ShiftService(),
    ShiftRoute(),
    SuspendSchedule(),
    RemovePod(),
    DrainNode(),
    HoldObject(),
    CordonNode(),
    UncordonNode(),
)
