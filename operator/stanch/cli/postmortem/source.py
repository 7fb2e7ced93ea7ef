"""A Postmortem with its ActionItems, from a cluster or from a file, as plain JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanch.cli.cluster import NOT_READABLE, NOT_THERE, Trouble, namespace_of, read, unreadable, with_cluster
from stanch.cli.policy_in_force import InForce, policy_in_force
from stanch.cli.runbook.files import STDIN, SUFFIXES, UnreadableError, documents
from stanch.cli.terminal import complain
from stanch.core.questions import ACTION_ITEMS, POSTMORTEMS
from stanch.shell.client import Kube

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """
    What was read: ``where`` in words, the Postmortem, and all ActionItems that may belong to it. ``judged`` is the policy that is
    in force there; None of a file, which is in no cluster.
    """

    where: str
    body: Json
    items: Sequence[Json]
    judged: InForce | None = None

    @property
    def spec(self) -> Json:
        """The text."""
        found = self.body.get("spec")
        return found if isinstance(found, Mapping) else {}

    @property
    def status(self) -> Json:
        """What the operator says of it; empty in a file."""
        found = self.body.get("status")
        return found if isinstance(found, Mapping) else {}

    @property
    def name(self) -> str:
        """Its name; `postmortem` when a file has none."""
        return str((self.body.get("metadata") or {}).get("name") or "postmortem")


def is_file(source: str) -> bool:
    """Is a file meant? Names of objects have no slash, and no file of that name lies about."""
    return source == STDIN or "/" in source or source.endswith((*SUFFIXES, ".json")) or Path(source).is_file()


def with_source(source: str, kubeconfig: str | None, namespace: str | None, work: Callable[[Given], int]) -> int:
    """The exit code of some work with what was read; what goes wrong is said on stderr."""
    if is_file(source):
        try:
            return work(_from_file(source))
        except UnreadableError as error:
            complain(str(error))
            return NOT_READABLE
        except Trouble as error:
            complain(str(error))
            return error.code
    return with_cluster(kubeconfig, lambda kube: _from_cluster(kube, namespace_of(kubeconfig, namespace), source, work))


def _from_file(source: str) -> Given:
    said = [d.said for d in documents(source) if isinstance(d.said, dict)]
    said = [each for one in said for each in (one.get("items") or () if one.get("kind") == "List" else (one,))]
    posts = [each for each in said if each.get("kind") == "Postmortem"]
    if len(posts) != 1:
        raise Trouble(f"{source}: must hold one Postmortem (kind: Postmortem), and holds {len(posts)}", NOT_THERE)
    if not isinstance(posts[0].get("spec"), dict):
        raise Trouble(f"{source}: the Postmortem has no spec", NOT_READABLE)
    return Given(source, posts[0], [each for each in said if each.get("kind") == "ActionItem"])


async def _from_cluster(kube: Kube, namespace: str, name: str, work: Callable[[Given], int]) -> int:
    body = await read(kube, POSTMORTEMS, namespace, name)
    if body is None:
        raise Trouble(f"there is no Postmortem {name} in namespace {namespace}", NOT_THERE)
    reply = await kube.get(ACTION_ITEMS.path(namespace), {"limit": "500"})
    if not reply.ok:
        raise unreadable("action items", reply.status, reply.message)
    judged = await policy_in_force(kube, namespace)
    return work(Given(f"{namespace}/{name}", body, reply.body.get("items") or (), judged))
