"""The reader's way to the cluster: credentials and namespace as kubectl takes them, trouble in a sentence and an exit code."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
from kubernetes.aio.config import ConfigException, list_kube_config_contexts
from yaml import YAMLError

from stanch.cli.terminal import complain
from stanch.core.questions import Ref
from stanch.shell.client import JSON, Kube, Unanswered, configuration, missing_kubeconfig
from stanch.shell.orphan_sweep import CannotLook, objects

DONE: Final = 0
DIFFERS: Final = 1
NO_CREDENTIALS: Final = 2
USAGE: Final = 2
NOT_THERE: Final = 3
NOT_READABLE: Final = 4
NOT_INSTALLED: Final = (
    "stanch is not installed there (`make install`), or --kubeconfig and KUBECONFIG name another cluster"
)
_POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Trouble(Exception):
    """Why a verb ends: a sentence for the reader, and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        """``code`` is one of the constants here."""
        super().__init__(message)
        self.code = code


def with_cluster(kubeconfig: str | None, work: Callable[[Kube], Awaitable[int]]) -> int:
    """The exit code of some work with a connection; what goes wrong is said on stderr."""

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a letter is shown its number

    async def connected() -> int:
        async with Kube(await configuration(kubeconfig)) as kube:
            return await work(kube)

    try:
        return asyncio.run(connected())
    except (ConfigException, YAMLError) as error:
        complain(f"no credentials: {' '.join(str(error).split())[:300]}\n  give --kubeconfig, or set KUBECONFIG")
        return NO_CREDENTIALS
    except Trouble as error:
        complain(str(error))
        return error.code
    except (Unanswered, aiohttp.ClientError) as error:
        complain(f"the API server does not answer: {error}")
        return NOT_READABLE
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return DONE


def namespace_of(kubeconfig: str | None, asked: str | None) -> str:
    """The namespace asked for, else that of the kubeconfig's context, else of the pod we run in, else default."""
    if asked:
        return asked
    path = kubeconfig or os.environ.get("KUBECONFIG")
    if path or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        if missing_kubeconfig(path):
            return "default"  # Whoever connects says so.
        try:
            _, current = list_kube_config_contexts(path)
        except (ConfigException, YAMLError, OSError):
            return "default"  # Whoever connects says what is wrong with it.
        return str((current.get("context") or {}).get("namespace") or "default")
    try:
        return _POD_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"


async def read(kube: Kube, ref: Ref, namespace: str, name: str) -> dict[str, Any] | None:
    """An object; None when it is not there. Raises Trouble when it can't be read."""
    reply = await kube.get(ref.path(namespace, name))
    if reply.status == 404:
        return None
    if not reply.ok:
        raise Trouble(f"{ref.plural} {namespace}/{name}: {reply.message}{_hint(reply.status)}", NOT_READABLE)
    return reply.body


async def every(kube: Kube, ref: Ref, namespace: str | None, labels: str = "") -> AsyncIterator[dict[str, Any]]:
    """
    All objects of one of our kinds, page by page. Raises Trouble when they can't be read, or when the API server does not serve
    the kind: none is owed, open or left only where somebody could have written one.
    """
    some = False
    try:
        async for each in objects(kube, ref, namespace, labels, JSON):
            some = True
            yield each
    except CannotLook as error:
        raise Trouble(f"{ref.plural} can't be read: {error}", NOT_READABLE) from error
    if not some and (await kube.get(ref.path(namespace), {"limit": "1"})).status == 404:
        raise Trouble(f"this API server serves no {ref.plural}.{ref.group}\n  {NOT_INSTALLED}", NOT_READABLE)


def unreadable(what: str, status: int, message: str) -> Trouble:
    """Of a list that was refused."""
    return Trouble(f"{what}: {message}{_hint(status)}", NOT_READABLE)


def _hint(status: int) -> str:
    return "\n  the ClusterRole stanch-evidence-reader lets people read evidence" if status in (401, 403) else ""
