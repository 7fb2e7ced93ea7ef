"""Read, remember, render, write."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from stanch.cli.cluster import DONE, NOT_READABLE, USAGE, Trouble, with_cluster
from stanch.cli.status_page.files import remembered, rendered, write
from stanch.cli.status_page.model import Outage, Page, followed, long_ago, merged, page
from stanch.cli.status_page.push import published, push, store_at
from stanch.cli.status_page.read import outages
from stanch.cli.terminal import complain, say
from stanch.shell.client import Kube
from stanch.shell.object_store import NotStored


@dataclass(frozen=True, slots=True)
class Places:
    """Where the page goes: a folder, an object store, or both."""

    out: Path | None
    push: str

    def __str__(self) -> str:
        """In words."""
        return " and ".join(str(place) for place in (self.out, self.push) if place)


@dataclass(frozen=True, slots=True)
class Words:
    """What the command line says of the page: ``named`` has services by component, ``over`` what is said to have ended."""

    title: str
    url: str
    named: Mapping[str, Sequence[str]]
    over: tuple[str, ...] = ()


def write_page(places: Places, words: Words, where: tuple[str | None, str | None]) -> int:
    """The exit code. ``where`` is kubeconfig and namespace."""
    kubeconfig, namespace = where
    services = {service: name for name, each in words.named.items() for service in each} if words.named else None

    async def made(kube: Kube, before: Iterable[Outage]) -> Page:
        known = {update.key for outage in before for update in outage.updates}
        found, there = await outages(kube, namespace, services, known)
        both, now = merged(before, found), kube.clock.now().replace(microsecond=0)
        _may_end(words.over, both, there)
        told = followed(both, None if namespace else there, words.over, now)
        for outage in (o for o in told if o.lost and o.over is None and o.lost > long_ago(now)):
            complain(
                f"incident {outage.key} went on, and is not in the cluster any more: Unknown, until --end {outage.key}"
            )
        return page(words.title, words.url, told, words.named, now)

    async def work(kube: Kube) -> int:
        before = remembered(places.out) if places.out else []
        async with AsyncExitStack() as left:
            store = None
            if places.push:
                try:
                    store = await left.enter_async_context(store_at(places.push, kube.clock.now))
                except NotStored as error:
                    raise Trouble(str(error), NOT_READABLE) from error
                before = merged(before, await published(store, places.push))
            shown = await made(kube, before)
            files = rendered(shown)
            written = write(places.out, files) if places.out else list(files)
            if store:
                await push(store, files)
        going_on = f"{len(shown.going_on)} going on, {len(shown.past)} past"
        say(f"{places}: {shown.state}, {going_on}; {len(written)} files written")
        return DONE

    return with_cluster(kubeconfig, work)


def _may_end(over: Iterable[str], known: Iterable[Outage], there: frozenset[str]) -> None:
    """What the cluster has is ended there. Raises Trouble."""
    ids = {outage.key for outage in known}
    for each in over:
        if each in there:
            raise Trouble(f"--end {each}: the cluster has it: say Resolved in an update for the public there", USAGE)
        if each not in ids:
            raise Trouble(f"--end {each}: nothing of this id was published; status.json has the ids", USAGE)
