"""`stanch debts`: what incidents owe, and with --orphans what deleted ones left behind; with the rights of who asks."""

import json
from typing import Any

from stanch.api.names import OPERATOR_NAMESPACE, Label
from stanch.cli.cluster import DONE, NOT_READABLE, Trouble, every, with_cluster
from stanch.cli.terminal import say
from stanch.core.orphans import Mark, words
from stanch.core.questions import INCIDENTS, Ref
from stanch.shell.client import METADATA_ONLY, Kube
from stanch.shell.orphan_sweep import CannotLook, find_orphans, objects

SECRETS = Ref("", "v1", "secrets")


def print_debts(kubeconfig: str | None, namespace: str | None, orphans: bool, form: str) -> int:
    """Exit code: 0 printed (also when nothing is owed), 2 no credentials, 4 could not be read."""

    async def work(kube: Kube) -> int:
        try:
            await (_orphans(kube, form) if orphans else _debts(kube, namespace, form))
        except CannotLook as error:
            raise Trouble(f"incidents can't be read: {error}", NOT_READABLE) from error
        return DONE

    return with_cluster(kubeconfig, work)


async def _debts(kube: Kube, namespace: str | None, form: str) -> None:
    found = [
        (incident["metadata"], debt)
        async for incident in every(kube, INCIDENTS, namespace, f"!{Label.CLOSED}")
        for debt in (incident.get("status") or {}).get("debt") or ()
    ]
    if form == "json":
        _print([{"namespace": meta["namespace"], "incident": meta["name"], **debt} for meta, debt in found])
        return
    for meta, debt in found:
        for line in _one(meta, debt):
            say(line)
    if not found:
        say("Nothing is owed.")


def _print(found: Any) -> None:
    say(json.dumps(found, indent=2))


def _one(meta: dict[str, Any], debt: dict[str, Any]) -> list[str]:
    late = ", OVERDUE" if debt.get("overdue") else ""
    item = f", moved to ActionItem {debt['actionItem']}" if debt.get("actionItem") else ""
    lines = [
        f"{meta['namespace']}/{meta['name']} {debt['name']}: {debt['what']}",
        f"  owed by {debt['owner']}, due {debt['dueTime']}{late}{item}",
    ]
    lines += [f"  {debt['brings']}"] if debt.get("brings") else []
    return [*lines, f"  by hand: {debt['undo']}"] if debt.get("undo") else lines


async def _orphans(kube: Kube, form: str) -> None:
    """Marks on targets, which the operator reports too; and undo Secrets, which only people may list."""

    async def at_once() -> None:
        """A person looks at one moment, and sees for themselves."""

    found, problems = await find_orphans(kube, at_once)
    left: list[dict[str, Any]] = []
    try:
        left = await _secrets(kube)
    except CannotLook as error:
        problems["undo Secrets"] = str(error)
    if form == "json":
        _print({"marks": [_mark(each) for each in found], "undoSecrets": left, "notLookedAt": problems})
        return
    for mark in found:
        say(words(mark))
    for each in left:
        say(
            f"{each['secrets']} undo Secrets of incident {each['incident']} ({', '.join(each['mitigations'])}), which is not there "
            f"any more. To remove them: {each['remove']}"
        )
    for kind, why in problems.items():
        say(f"Not looked at: {kind}: {why}")
    say(f"Orphans: {len(found)} marks, and undo Secrets of {len(left)} incidents.")


def _mark(mark: Mark) -> dict[str, Any]:
    where = {"kind": mark.kind, "namespace": mark.namespace, "name": mark.name, "uid": mark.uid}
    return {**where, "action": mark.action, "byHand": words(mark)}


async def _secrets(kube: Kube) -> list[dict[str, Any]]:
    """Undo records whose incident, closed or not, is not there any more, by incident."""
    kept: dict[str, list[dict[str, Any]]] = {}
    ours = f"{Label.MANAGED_BY}=stanch,{Label.INCIDENT_UID}"
    async for secret in objects(kube, SECRETS, OPERATOR_NAMESPACE, ours, METADATA_ONLY):
        kept.setdefault(secret["metadata"]["labels"][Label.INCIDENT_UID], []).append(secret["metadata"])
    there = {i["metadata"]["uid"] async for i in objects(kube, INCIDENTS, None, "", METADATA_ONLY)} if kept else set()
    return [_left(uid, metas) for uid, metas in kept.items() if uid not in there]


def _left(uid: str, metas: list[dict[str, Any]]) -> dict[str, Any]:
    first = metas[0]
    labels, notes = first.get("labels") or {}, first.get("annotations") or {}
    return {
        "incident": f"{labels.get(Label.INCIDENT_NAMESPACE, '?')}/{notes.get('stanch.dev/incident', '?')}",
        "mitigations": sorted({(m.get("annotations") or {}).get("stanch.dev/mitigation", "?") for m in metas}),
        "secrets": len(metas),
        "remove": f"kubectl -n {OPERATOR_NAMESPACE} delete secrets -l {Label.INCIDENT_UID}={uid}",
    }
