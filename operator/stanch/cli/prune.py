"""`stanch prune`: records that were kept as long as the ResponsePolicy says; shown, and removed only when asked to."""

import json
from collections import Counter
from typing import Any, Final

import click

from stanch.api import duration
from stanch.api.meta import instant
from stanch.api.policy import Policy
from stanch.cli.cluster import DIFFERS, DONE, NOT_READABLE, Trouble, every, with_cluster
from stanch.cli.terminal import complain, local_time, say, table
from stanch.core.questions import ENTRIES, INCIDENTS
from stanch.core.record_retention import Record, entries_run_out, incidents_run_out
from stanch.shell.client import Kube
from stanch.shell.policy_book import PolicyBook, read_policies

_REFS: Final = {ref.plural: ref for ref in (INCIDENTS, ENTRIES)}


def prune_records(kubeconfig: str | None, namespace: str | None, delete: bool, form: str) -> int:
    """Exit code: 0 shown or removed, 1 some could not be removed, 2 no credentials, 4 not readable."""

    async def work(kube: Kube) -> int:
        found = await _run_out(kube, namespace)
        going = [each for each in found if not each.kept]
        # What people said goes first: an entry without its incident would be counted by its own age.
        failed = [why for each in reversed(going) if (why := await _remove(kube, each))] if delete else []
        if form == "json":
            click.echo(json.dumps({"records": [_plain(each) for each in found], "problems": failed}, indent=2))
        else:
            _show(found, delete, len(going) - len(failed))
        for why in failed:
            complain(why)
        return DIFFERS if failed else DONE

    return with_cluster(kubeconfig, work)


async def _run_out(kube: Kube, namespace: str | None) -> list[Record]:
    """Incidents before entries. Raises Trouble: nothing is said to be over while a policy is unread, it could ask for longer."""
    book = PolicyBook(Policy(), "not read yet")
    if await read_policies(kube, book) is None:
        raise Trouble(f"ResponsePolicies can't be read: {book.unread}", NOT_READABLE)
    incidents = [each async for each in every(kube, INCIDENTS, namespace)]
    entries = [each async for each in every(kube, ENTRIES, namespace)]
    policies = {name: book.policy(name) for name in {b["metadata"]["namespace"] for b in (*incidents, *entries)}}
    now = kube.clock.now()  # the API server's clock, which dated all of it
    return [
        *incidents_run_out(incidents, policies, now),
        *entries_run_out(entries, incidents, policies, now),
    ]


async def _remove(kube: Kube, record: Record) -> str:
    """Exactly this one; why it is still there, or nothing."""
    reply = await kube.delete(_REFS[record.plural].path(record.namespace, record.name), record.uid)
    if reply.ok or reply.status == 404:
        return ""
    return f"{record.plural} {record.namespace}/{record.name} was not removed: {reply.message}"


def _show(found: list[Record], delete: bool, gone: int) -> None:
    if found:
        header = ["KIND", "NAME", "CLOSED", "KEPT FOR", "STAYS BECAUSE"]
        rows = ([r.plural, f"{r.namespace}/{r.name}", _when(r), duration.write(r.lasts), r.kept or "-"] for r in found)
        say(table(header, rows))
    counts = Counter(each.plural for each in found if not each.kept)
    what = f"{counts['incidents']} incidents and {counts['timelineentries']} timeline entries"
    if delete:
        say(f"{gone} of {what} were removed. Postmortems and action items are kept for ever.")
    else:
        say(f"{what} were kept long enough." + (" To remove them: the same with --delete" if counts else ""))


def _when(record: Record) -> str:
    return local_time(instant(record.since))


def _plain(record: Record) -> dict[str, Any]:
    return {
        "kind": record.plural,
        "namespace": record.namespace,
        "name": record.name,
        "uid": record.uid,
        "closedTime": instant(record.since),
        "keptFor": duration.write(record.lasts),
        "staysBecause": record.kept or None,
    }
