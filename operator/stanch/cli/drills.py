"""`stanch drills`: which Runbooks were rehearsed, and how long undoing really takes; with the rights of who asks."""

import json
from datetime import timedelta
from typing import Any

import click
from pydantic import ValidationError

from stanch.api import duration
from stanch.api.incident import Incident
from stanch.api.meta import instant
from stanch.cli.cluster import DONE, every, with_cluster
from stanch.cli.terminal import local_time, say, table
from stanch.core.questions import INCIDENTS, RUNBOOKS
from stanch.core.rehearsed import Rehearsed, ledger, undo_times
from stanch.shell.client import Kube


def print_drills(kubeconfig: str | None, namespace: str | None, form: str) -> int:
    """Exit code: 0 printed, 2 no credentials, 4 not readable."""

    async def work(kube: Kube) -> int:
        runbooks = [each async for each in every(kube, RUNBOOKS, namespace)]
        incidents = [i async for body in every(kube, INCIDENTS, namespace) if (i := _incident(body)) is not None]
        found = ledger(runbooks, incidents)
        if form == "json":
            click.echo(json.dumps([_plain(each) for each in found], indent=2))
            return DONE
        if found:
            rows = ([each.runbook, each.mode, each.words, _when(each), _undo(each)] for each in found)
            say(table(["RUNBOOK", "MODE", "REHEARSED", "LAST DRILL", "TIME TO UNDO"], rows))
        never = sum(each.drilled is None for each in found)
        say(f"{len(found)} Runbooks, {never} never drilled, {sum(each.changed for each in found)} changed since.")
        for action, (times, middle) in undo_times(incidents).items():
            say(f"Undoing {action} took {duration.write(middle)} (middle of {times}).")
        return DONE

    return with_cluster(kubeconfig, work)


def _incident(body: dict[str, Any]) -> Incident | None:
    try:
        return Incident.model_validate(body)
    except ValidationError:
        return None


def _when(each: Rehearsed) -> str:
    return local_time(instant(each.drilled)) if each.drilled else "-"


def _undo(each: Rehearsed) -> str:
    return (
        ", ".join(f"{a} {duration.write(t) if t is not None else 'not measured'}" for a, t in each.undo.items()) or "-"
    )


def _plain(each: Rehearsed) -> dict[str, Any]:
    undo = {action: _seconds(took) for action, took in each.undo.items()}
    return {
        "runbook": each.runbook,
        "mode": each.mode,
        "rehearsed": each.words,
        "drilledTime": instant(each.drilled) if each.drilled else None,
        "incident": each.incident or None,
        "undoSeconds": undo,
    }


def _seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()
