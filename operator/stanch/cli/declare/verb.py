"""`stanch declare`: ask what was not said, show what it comes to, and create it with the rights of who asks. No kopf."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
import yaml

from stanch.api.meta import Severity, Target
from stanch.api.names import API_VERSION
from stanch.cli.cluster import (
    DIFFERS,
    DONE,
    NOT_INSTALLED,
    NOT_READABLE,
    NOT_THERE,
    USAGE,
    Trouble,
    namespace_of,
    with_cluster,
)
from stanch.cli.declare.ask import ask_journey, ask_risks, ask_target, ask_title, ask_users, confirm
from stanch.cli.terminal import complain, one_line, say
from stanch.core.declaration import (
    JOURNEYS,
    SCOPES,
    UNKNOWN,
    Said,
    incident_of,
    name_of,
    refused_title,
    risks_of,
    severity_of,
    target_of,
)
from stanch.core.questions import INCIDENTS, REF_OF_KIND
from stanch.shell.client import Kube, Reply
from stanch.shell.clock import machine_time

REFUSED: Final = DIFFERS
TARGETS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Options:
    """As they were given; None, and nothing in a tuple, is what was left out."""

    title: str | None
    journey: str | None
    users: str | None
    risk: tuple[str, ...]
    targets: tuple[str, ...]
    gone: bool
    service: str | None
    severity: str | None
    visible: bool | None
    customer: bool
    runbook: str | None
    drill: bool
    name: str | None
    namespace: str | None
    kubeconfig: str | None
    yes: bool
    dry_run: bool
    form: str


def declare_it(options: Options) -> int:
    """Exit code: 0 declared or shown, 1 refused or not confirmed, 2 usage, 3 a target is not there, 4 not allowed."""
    try:
        said = _asked(options)
        namespace = namespace_of(options.kubeconfig, options.namespace)
        name = options.name or name_of(said.title, machine_time())
        body = incident_of(said, name, namespace)
        if options.dry_run:
            _print(body, "json" if options.form == "json" else "yaml")
            return DONE
        _show(said)
        if not options.yes and not confirm(namespace, name):
            complain("not declared")
            return REFUSED
    except click.Abort:
        complain("not declared: nobody answers. Say all of it in options; with --yes what is not said is not known")
        return USAGE
    except ValueError as error:
        complain(_in_words(error))
        return USAGE
    return with_cluster(options.kubeconfig, lambda kube: _create(kube, body, said, options))


def _asked(options: Options) -> Said:
    """Raises ValueError for what can't be, click.Abort when nobody answers."""
    ask = not options.yes
    title = options.title if options.title is not None else ask_title() if ask else ""
    if problem := refused_title(title):
        raise ValueError(problem)
    if len(options.targets) > TARGETS_MAX:
        raise ValueError(f"{len(options.targets)} targets, and {TARGETS_MAX} are the most")
    # Before anything is asked: nobody answers three questions to hear of a typo.
    targets = tuple(dict.fromkeys(target_of(each) for each in options.targets))
    journey = options.journey or (ask_journey() if ask else UNKNOWN)
    users = options.users or (ask_users() if ask else UNKNOWN)
    risks = risks_of(options.risk) if options.risk or not ask else ask_risks()
    if not targets and ask:
        targets = tuple(target_of(each) for each in ask_target())
    return Said(
        title=title.strip(),
        journey=JOURNEYS[journey],
        scope=SCOPES[users],
        risks=risks,
        targets=targets,
        severity=Severity(options.severity.upper()) if options.severity else None,
        service=options.service,
        runbook=options.runbook,
        by_customer=options.customer,
        visible=options.visible,
        drill=options.drill,
    )


def _in_words(error: ValueError) -> str:
    """Of pydantic's the field and what is wrong with it."""
    problems = getattr(error, "errors", None)
    if problems is None:
        return str(error)
    first = problems()[0]
    return f"spec.{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _show(said: Said) -> None:
    level, reasons = severity_of(said)
    click.echo(one_line(f"{level.value}: {'; '.join(reasons)}"), err=True)


# --- in the cluster --------------------------------------------------------------------------------------------------


async def _create(kube: Kube, body: dict[str, Any], said: Said, options: Options) -> int:
    meta = body["metadata"]
    if not options.gone:
        for target in said.targets:
            await _look_for(kube, target, meta["namespace"])
    reply = await kube.create(INCIDENTS.path(meta["namespace"]), body)
    if not reply.ok:
        raise _why_not(reply, meta)
    if options.form == "text":
        say(_told(meta, severity_of(said)[0]))
    else:
        _print(reply.body, options.form)
    return DONE


async def _look_for(kube: Kube, target: Target, namespace: str) -> None:
    """The first is fixed for ever, so a typo is told before; who may not look is not held up."""
    ref = REF_OF_KIND[target.kind.value]
    reply = await kube.get(ref.path(None if target.kind.value == "Node" else namespace, target.name))
    if reply.status == 404:
        raise Trouble(
            f"there is no {target} in namespace {namespace}, and nothing was declared\n"
            "  if that is the incident, say --gone; else -n names another namespace",
            NOT_THERE,
        )


def _why_not(reply: Reply, meta: Mapping[str, str]) -> Trouble:
    where = f"{meta['namespace']}/{meta['name']}"
    if reply.status == 409:
        get = f"kubectl -n {meta['namespace']} get incident {meta['name']}"
        return Trouble(f"there is an incident {where} already: {get}\n  --name gives this one another name", REFUSED)
    if reply.status == 404:
        words = reply.message if "namespace" in reply.message else NOT_INSTALLED
        return Trouble(f"{where} was not declared: {words}", NOT_READABLE)
    refused = reply.status in (400, 422)
    return Trouble(f"{where} was not declared: {reply.message}", REFUSED if refused else NOT_READABLE)


def _told(meta: Mapping[str, str], level: Severity) -> str:
    where, name = f"kubectl -n {meta['namespace']}", meta["name"]
    entry = {
        "apiVersion": API_VERSION,
        "kind": "TimelineEntry",
        "metadata": {"generateName": f"{name}-", "namespace": meta["namespace"]},
        "spec": {"incident": name, "take": {"role": "commander"}},
    }
    return (
        f"Declared: incident {meta['namespace']}/{name}, {level.value}\n"
        f"  watch it:    {where} get incident {name} -w\n"
        f"  take it:     kubectl create -f - <<< '{json.dumps(entry, separators=(',', ':'))}'\n"
        f"  what helps:  {where} get incident {name} -o jsonpath='{{.status.suggestions}}'"
    )


def _print(body: Mapping[str, Any], form: str) -> None:
    if form == "name":
        click.echo(f"incident.stanch.dev/{body['metadata']['name']}")
    elif form == "json":
        click.echo(json.dumps(body, indent=2))
    else:
        click.echo(yaml.safe_dump(dict(body), sort_keys=False, allow_unicode=True, width=120), nl=False)
