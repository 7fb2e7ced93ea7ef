"""Read, remember, render, write."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from stanch.cli.cluster import DONE, NOT_READABLE, Trouble, with_cluster
from stanch.cli.status_page.files import remembered, rendered, write
from stanch.cli.status_page.model import Outage, Page, merged, page
from stanch.cli.status_page.push import published, push, store_at
from stanch.cli.status_page.read import outages
from stanch.cli.terminal import say
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


def write_page(
    places: Places, title: str, url: str, named: Mapping[str, Sequence[str]], where: tuple[str | None, str | None]
) -> int:
    """The exit code. ``where`` is kubeconfig and namespace; ``named`` has services by component."""
    kubeconfig, namespace = where
    services = {service: name for name, each in named.items() for service in each} if named else None

    async def made(kube: Kube, before: Iterable[Outage]) -> Page:
        known = {update.key for outage in before for update in outage.updates}
        found = await outages(kube, namespace, services, known)
        return page(title, url, merged(before, found), named, kube.clock.now().replace(microsecond=0))

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
