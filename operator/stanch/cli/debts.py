"""`stanch debts`: what incidents owe, and with --orphans what deleted ones left behind; with the rights of who asks."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import click
from kubernetes.aio.config import ConfigException
from yaml import YAMLError

from stanch.api.names import OPERATOR_NAMESPACE, Label
from stanch.core.orphans import words
from stanch.core.questions import INCIDENTS, Ref
from stanch.shell.client import METADATA_ONLY, Kube, Unanswered, configuration
from stanch.shell.orphan_sweep import CannotLook, find_orphans, objects, open_incidents

SECRETS = Ref("", "v1", "secrets")


def print_debts(kubeconfig: str | None, namespace: str | None, orphans: bool) -> int:
    """Exit code: 0 printed, 1 could not be read, 2 no credentials."""
    try:
        asyncio.run(_print(kubeconfig, namespace, orphans))
    except (ConfigException, YAMLError) as error:
        sys.stderr.write(f"stanch: no credentials: {' '.join(str(error).split())[:300]}\n")
        sys.stderr.write("  give --kubeconfig, or set KUBECONFIG\n")
        return 2
    except (Unanswered, CannotLook) as error:
        sys.stderr.write(f"stanch: incidents can't be read: {error}\n")
        return 1
    return 0


async def _print(kubeconfig: str | None, namespace: str | None, orphans: bool) -> None:
    async with Kube(await configuration(kubeconfig)) as kube:
        async for line in _orphans(kube) if orphans else _debts(kube, namespace):
            click.echo(line)


async def _debts(kube: Kube, namespace: str | None) -> AsyncIterator[str]:
    nothing = True
    for incident in await open_incidents(kube, namespace):
        for debt in (incident.get("status") or {}).get("debt") or ():
            nothing = False
            for line in _one(incident["metadata"], debt):
                yield line
    if nothing:
        yield "Nothing is owed."


def _one(meta: dict[str, Any], debt: dict[str, Any]) -> list[str]:
    late = ", OVERDUE" if debt.get("overdue") else ""
    item = f", moved to ActionItem {debt['actionItem']}" if debt.get("actionItem") else ""
    lines = [
        f"{meta['namespace']}/{meta['name']} {debt['name']}: {debt['what']}",
        f"  owed by {debt['owner']}, due {debt['dueTime']}{late}{item}",
    ]
    return [*lines, f"  by hand: {debt['undo']}"] if debt.get("undo") else lines


async def _orphans(kube: Kube) -> AsyncIterator[str]:
    """Marks on targets, which the operator reports too; and undo Secrets, which only people may list."""

    async def at_once() -> None:
        """A person looks at one moment, and sees for themselves."""

    found, problems = await find_orphans(kube, at_once)
    for mark in found:
        yield words(mark)
    left = 0
    try:
        async for line in _secrets(kube):
            left += 1
            yield line
    except CannotLook as error:
        problems["undo Secrets"] = str(error)
    for kind, why in problems.items():
        yield f"Not looked at: {kind}: {why}"
    yield f"Orphans: {len(found)} marks, and undo Secrets of {left} incidents."


async def _secrets(kube: Kube) -> AsyncIterator[str]:
    """Undo records whose incident, closed or not, is not there any more, by incident."""
    kept: dict[str, list[dict[str, Any]]] = {}
    ours = f"{Label.MANAGED_BY}=stanch,{Label.INCIDENT_UID}"
    async for secret in objects(kube, SECRETS, OPERATOR_NAMESPACE, ours, METADATA_ONLY):
        kept.setdefault(secret["metadata"]["labels"][Label.INCIDENT_UID], []).append(secret["metadata"])
    there = {i["metadata"]["uid"] async for i in objects(kube, INCIDENTS, None, "", METADATA_ONLY)} if kept else set()
    for uid, metas in kept.items():
        if uid in there:
            continue
        first = metas[0]
        notes = first.get("annotations") or {}
        where = (
            f"{(first.get('labels') or {}).get(Label.INCIDENT_NAMESPACE, '?')}/{notes.get('stanch.dev/incident', '?')}"
        )
        names = ", ".join(sorted({(m.get("annotations") or {}).get("stanch.dev/mitigation", "?") for m in metas}))
        yield (
            f"{len(metas)} undo Secrets of incident {where} ({names}), which is not there any more. To remove them: "
            f"kubectl -n {OPERATOR_NAMESPACE} delete secrets -l {Label.INCIDENT_UID}={uid}"
        )
