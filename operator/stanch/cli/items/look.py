"""Read items from the cluster or from files; lint and print them."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import click
from pydantic import ValidationError

from stanch.api.action_item import ActionItem, ItemState
from stanch.cli.cluster import DIFFERS, DONE, USAGE, every, namespace_of, with_cluster
from stanch.cli.runbook.files import UnreadableError, documents
from stanch.cli.terminal import complain, say
from stanch.core.done_when import CelProblem
from stanch.core.item_export import as_csv, as_markdown, in_order
from stanch.core.item_issues import ToTracker, sync
from stanch.core.item_lint import Context, Sibling, lint
from stanch.core.observations import Failed
from stanch.core.questions import ACTION_ITEMS, Evaluate
from stanch.core.reading import first_problem
from stanch.shell.cel import Evaluator
from stanch.shell.client import Kube


async def read_items(kube: Kube, namespace: str | None) -> list[ActionItem]:
    """All of a namespace, or of all. Raises Trouble."""
    found = []
    async for body in every(kube, ACTION_ITEMS, namespace):
        try:
            found.append(ActionItem.model_validate(body))
        except ValidationError as error:
            meta = body["metadata"]
            complain(f"{meta['namespace']}/{meta['name']} can't be read: {first_problem(error)}")
    return found


def place(kubeconfig: str | None, namespace: str | None, everywhere: bool) -> str | None:
    """The namespace to read; None for all."""
    if namespace and everywhere:
        raise click.UsageError("give -n or -A, not both")
    return None if everywhere else namespace_of(kubeconfig, namespace)


def export_all(kubeconfig: str | None, namespace: str | None, everywhere: bool, form: str, repo: str) -> int:
    """Print all; 0 printed, 2 no credentials, 4 not readable."""
    where = place(kubeconfig, namespace, everywhere)

    async def work(kube: Kube) -> int:
        found = await read_items(kube, where)
        match form:
            case "csv":
                click.echo(as_csv(found), nl=False)
            case "github":
                steps = sync(in_order(found), (), repo)
                calls = [
                    {"method": s.method, "path": s.path, "body": s.body} for s in steps if isinstance(s, ToTracker)
                ]
                click.echo(json.dumps(calls, indent=2))
            case _:
                say(as_markdown(found).rstrip("\n"))
        return DONE

    return with_cluster(kubeconfig, work)


def lint_all(kubeconfig: str | None, namespace: str | None, everywhere: bool) -> int:
    """Findings of what is open in the cluster, by the built-in limits."""
    where = place(kubeconfig, namespace, everywhere)

    async def work(kube: Kube) -> int:
        found = [i for i in await read_items(kube, where) if i.status.state != ItemState.DONE]
        return await _told([(f"{i.metadata.namespace}/{i.metadata.name}", i, _siblings(i, found)) for i in found])

    return with_cluster(kubeconfig, work)


def lint_files(files: Sequence[str]) -> int:
    """Findings of what is written in files. What only the API server gives an object is made up."""
    found: list[tuple[str, ActionItem, list[Sibling]]] = []
    for source in files:
        try:
            bodies = [d for d in documents(source) if isinstance(d.said, dict) and d.said.get("kind") == "ActionItem"]
        except UnreadableError as error:
            complain(str(error))
            return USAGE
        for document in bodies:
            try:
                item = ActionItem.model_validate(_whole(document.said))
            except ValidationError as error:
                complain(f"{source}:{document.line_of(('spec',))}: {first_problem(error)}")
                return USAGE
            found.append((f"{source}: {item.metadata.name}", item, []))
    if not found:
        complain("there is no ActionItem in these files")
        return USAGE
    return asyncio.run(_told(found))


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    meta = said.get("metadata") if isinstance(said.get("metadata"), dict) else {}
    due = (said.get("spec") or {}).get("dueTime")
    # As if it were written the moment it is due: how late that may be counts from the day it is applied.
    made = {"name": "item", "namespace": "default", "uid": "", "creationTimestamp": due}
    return {**said, "metadata": {**made, **(meta or {})}}


def _siblings(item: ActionItem, found: Sequence[ActionItem]) -> list[Sibling]:
    spec, meta = item.spec, item.metadata
    others = (
        o.metadata
        for o in found
        if o.metadata.uid != meta.uid
        and o.metadata.namespace == meta.namespace
        and (
            (spec.incident and o.spec.incident == spec.incident)
            or (spec.postmortem and o.spec.postmortem == spec.postmortem)
        )
    )
    return [
        Sibling(o.name, o.creation_timestamp, o.labels.get("app.kubernetes.io/managed-by") == "stanch") for o in others
    ]


async def _told(found: Sequence[tuple[str, ActionItem, list[Sibling]]]) -> int:
    number = 0
    for name, item, siblings in found:
        texts = [f"{f.field}: {f.rule}: {f.text}" for f in lint(item, Context(siblings=siblings))]
        texts += await _syntax(item)
        number += len(texts)
        for text in texts:
            say(f"{name}: {text}")
    say(f"{len(found)} items, {number} findings")
    return DIFFERS if number else DONE


async def _syntax(item: ActionItem) -> list[str]:
    """Whether the expression is CEL; what it is true of, only the operator can say."""
    check = item.spec.done_when
    if check is None or check.cel is None:
        return []
    answer = await Evaluator().evaluate(Evaluate(check.cel.expression, "null"))
    if isinstance(answer, Failed) and answer.reason in (CelProblem.SYNTAX, CelProblem.LIMIT):
        return [f"spec.doneWhen.cel.expression: Syntax: {answer.message}"]
    return []
