"""Read, remember, render, write."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from stanch.cli.cluster import DONE, with_cluster
from stanch.cli.status_page.files import remembered, rendered, write
from stanch.cli.status_page.model import merged, page
from stanch.cli.status_page.read import outages
from stanch.cli.terminal import say
from stanch.shell.client import Kube


def write_page(
    out: Path, title: str, url: str, named: Mapping[str, Sequence[str]], where: tuple[str | None, str | None]
) -> int:
    """The exit code. ``where`` is kubeconfig and namespace; ``named`` has services by component."""
    kubeconfig, namespace = where
    services = {service: name for name, each in named.items() for service in each} if named else None

    async def work(kube: Kube) -> int:
        before = remembered(out)
        known = {update.key for outage in before for update in outage.updates}
        now = await outages(kube, namespace, services, known)
        shown = page(title, url, merged(before, now), named, kube.clock.now().replace(microsecond=0))
        written = write(out, rendered(shown))
        going_on = f"{len(shown.going_on)} going on, {len(shown.past)} past"
        say(f"{out}: {shown.state}, {going_on}; {len(written)} files written")
        return DONE

    return with_cluster(kubeconfig, work)
