"""Let a CronJob start no more Jobs (mitigations.md 1.14). Jobs that run go on; resuming may start one at once."""

from collections.abc import Mapping
from datetime import timedelta

from stanch.api.actions import Action, SuspendCronJob
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.core.observations import Observations
from stanch.core.ports import Aim, ApprovalClass, Change, Clock, Need, NothingToDo, Sized, Verdict, Written
from stanch.core.questions import Question
from stanch.mitigations.switch import read_own, switched
from stanch.mitigations.workload import Json, stands


class SuspendSchedule:
    """Set spec.suspend."""

    name = "suspendCronJob"
    kinds = SuspendCronJob.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {TargetKind.CRON_JOB: (Need("patch", "batch", "cronjobs"),)}
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Suspended from not suspended; nothing to do when it is already."""
        target = read_own(aim, seen)
        if not isinstance(target, dict):
            return target
        if target["spec"].get("suspend"):
            return NothingToDo(f"{aim} is already suspended, not by this mitigation; its undo will leave it so")
        return _change(aim, target)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Written means done: the controller reads the field before each run."""
        return stands(aim, seen, "starts no more Jobs")

    def owes(self, action: Action, aim: Aim) -> str:
        """Work that is not done piles up, or is lost."""
        return f"{aim} is suspended: its work is not done. Resuming starts the newest missed run at once"


def _change(aim: Aim, target: Json) -> Change:
    def by_hand(value: str) -> str:
        return (
            f'kubectl -n {aim.namespace} patch cronjob {aim.name} --type=merge -p \'{{"spec":{{"suspend":{value}}}}}\''
        )

    running = [job["name"] for job in (target.get("status") or {}).get("active") or ()]
    return switched(
        target,
        "suspend",
        True,
        summary=f"suspend {aim} ({target['spec'].get('schedule')})",
        blast=f"no new Jobs; {len(running)} running",
        warnings=(*_still_running(aim, running), _on_resume(target)),
        do_by_hand=by_hand("true"),
        undo_by_hand=by_hand("false"),
        approval_class=ApprovalClass.A,
    )


def _still_running(aim: Aim, running: list[str]) -> tuple[str, ...]:
    if not running:
        return ()
    stop = f"kubectl -n {aim.namespace} delete job {running[0]}"
    return (f"Jobs that run go on: {', '.join(running[:5])}. To stop one by hand: {stop}",)


def _on_resume(target: Json) -> str:
    last = (target.get("status") or {}).get("lastScheduleTime") or "never"
    limit = target["spec"].get("startingDeadlineSeconds")
    late = f", if it is missed by less than {limit}s" if limit is not None else ""
    return f"Undo starts the newest missed run at once{late}; it last ran {last}"
