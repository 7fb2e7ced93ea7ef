"""`stanch runbook plan`: what a Runbook would do, for these values, here; offline, with some objects, or on a live cluster."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from yaml import YAMLError

from stanch.api.runbook import Runbook
from stanch.cli.runbook.files import UnreadableError, documents, runbooks
from stanch.cli.runbook.judge import Judged, UnfitError, aim_of, settle, sources
from stanch.cli.runbook.plan_words import Plan, as_json, as_text
from stanch.cli.runbook.rights import role_for
from stanch.cli.runbook.snapshot import NotAnObjectError, Snapshot
from stanch.cli.runbook.try_verb import the_runbook
from stanch.core.runbook_match import fits
from stanch.core.runbook_render import Problem, Rendered, render, values_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person said: values, labels of the alert, where, and what to look at."""

    parameters: dict[str, str]
    labels: dict[str, str]
    namespace: str | None
    objects: str | None
    live: bool
    kubeconfig: str | None


class NotLookedError(Exception):
    """The cluster can't be asked; the message says why."""


def plan_path(path: str, wanted: Wanted, role: bool, machine: bool) -> int:
    """Exit code: 0 there is a plan, 1 there is none, 2 something could not be read."""
    try:
        found = runbooks([path])
        if len(found) > 1:
            names = ", ".join(each.source for each in found)
            raise UnreadableError(f"{path}: {len(found)} Runbooks; name one of {names}")
        runbook = the_runbook(found[0], wanted.namespace)
        if role:
            click.echo(role_for(runbook, runbook.metadata.namespace))
            return 0
        plan = _plan(runbook, wanted)
    except (UnreadableError, NotAnObjectError, NotLookedError) as error:
        sys.stderr.write(f"stanch: {error}\n")
        return 2
    except UnfitError as error:
        sys.stderr.write(f"stanch: no plan: {error}\n")
        return 1
    click.echo(as_json(plan) if machine else as_text(plan))
    return 0 if plan.is_one else 1


def _plan(runbook: Runbook, wanted: Wanted) -> Plan:
    matched = fits(runbook, wanted.labels) if wanted.labels else None
    rendered = render(runbook, values_of(runbook, wanted.labels, wanted.parameters))
    if isinstance(rendered, Problem):
        return Plan(runbook, matched, rendered, {}, (), None)
    namespace = runbook.metadata.namespace
    aims = tuple(aim_of(wish, rendered.targets, namespace) for wish in rendered.mitigations)
    judged = _judged(rendered, namespace, wanted)
    return Plan(runbook, matched, rendered, sources(runbook, wanted.labels, wanted.parameters), aims, judged)


def _judged(rendered: Rendered, namespace: str, wanted: Wanted) -> Judged | None:
    now = datetime.now(UTC)  # noqa: TID251 -- a person looks at this moment
    if wanted.objects:
        objects = [document.said for document in documents(wanted.objects)]
        return settle(rendered, namespace, now, Snapshot(objects, namespace, now).answer)
    if not wanted.live:
        return None
    # The client costs half a second to import.
    from kubernetes.aio.config import ConfigException  # noqa: PLC0415

    from stanch.cli.runbook.live import look  # noqa: PLC0415
    from stanch.shell.client import Unanswered  # noqa: PLC0415

    try:
        return asyncio.run(look(rendered, namespace, now, wanted.kubeconfig))
    except (ConfigException, YAMLError) as error:
        raise NotLookedError(f"no credentials: {_line(error)}; give --kubeconfig, or set KUBECONFIG") from error
    except Unanswered as error:
        raise NotLookedError(f"the cluster does not answer: {_line(error)}") from error


def _line(error: Any) -> str:
    return " ".join(str(error).split())[:300]
