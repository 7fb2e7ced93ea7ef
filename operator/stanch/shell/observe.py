"""Answer questions: all in parallel, each with its own time, none able to hold up the others."""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final, assert_never

from stanch.api.names import OPERATOR_NAMESPACE, MissingReason
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.questions import (
    DryRun,
    Evaluate,
    Get,
    List,
    Logs,
    MayGo,
    MayThey,
    OfCluster,
    Outside,
    Question,
    UndoSecret,
)
from stanch.shell.cel import Evaluator
from stanch.shell.client import JSON, JSON_PATCH, METADATA_ONLY, Kube, Reply, Unanswered
from stanch.shell.outside import Asker
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.served import Served

# As many as two of each pod that is looked at: kubelets that are dead must not hold up those that answer.
LOGS_AT_ONCE: Final = 28
# A drain tries each eviction, and a webhook may hang: connections must be left for the lease and for all other incidents.
DRIES_AT_ONCE: Final = 16
# A kubelet serves logs from disk; more than two at once only makes a sick node sicker.
LOGS_PER_NODE: Final = 2
# The kubelet says so with status 200 when the container was removed a moment ago; it is no line of the log.
_GONE: Final = "unable to retrieve container logs for"
SECRETS: Final = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"


class Observer:
    """Turns questions into requests and replies into answers."""

    def __init__(self, kube: Kube) -> None:
        """Reads through this connection."""
        self.kube = kube
        self.served = Served()
        self.outside, self._cel = Asker(SecretRefs(kube)), Evaluator()
        self._logs, self._dries = asyncio.Semaphore(LOGS_AT_ONCE), asyncio.Semaphore(DRIES_AT_ONCE)
        self._nodes: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(LOGS_PER_NODE))

    async def answer(
        self, questions: Iterable[Question], within: float | None, spare: frozenset[Question] = frozenset()
    ) -> dict[Question, Answer]:
        """
        An answer for every question; logs that are not there ``within`` seconds are left behind, and those that can be spared
        after half of it: one slow list would take the time of all logs.
        """
        silent: set[str] = set()
        tasks = {asyncio.create_task(self._one(q, silent)): q for q in questions}
        logs = {t for t, q in tasks.items() if isinstance(q, Logs)}
        around = {t for t, q in tasks.items() if q in spare}
        if within is not None:
            began = asyncio.get_running_loop().time()
            await _leave_behind(around, within / 2)
            await _leave_behind(logs, within - (asyncio.get_running_loop().time() - began))
        answers: dict[Question, Answer] = {}
        for task, question in tasks.items():
            try:
                answers[question] = await task
            except asyncio.CancelledError:
                if not task.cancelled() or task not in logs | around:
                    raise
                answers[question] = Failed(0, "the evidence deadline was over", MissingReason.DEADLINE_OVER)
        return answers

    async def _one(self, question: Question, silent: set[str]) -> Answer:
        """``silent`` are nodes that did not answer a moment ago: what else is asked of them is not waited for again."""
        try:
            if isinstance(question, Outside):
                return await self.outside.ask(question)
            if isinstance(question, Evaluate):
                return await self._cel.evaluate(question)
            return await self._ask(question, silent)
        except Unanswered as error:
            if not isinstance(question, Logs):
                return Failed(0, str(error), MissingReason.NOT_ANSWERED)
            silent.add(question.node)
            return Failed(0, str(error), MissingReason.NODE_SILENT)

    async def _ask(self, question: OfCluster, silent: set[str]) -> Answer:
        match question:
            case Get(ref=ref, namespace=namespace, name=name):
                return _plain(await self.kube.get(ref.path(namespace, name)))
            case List():
                return await self._list(question)
            case Logs():
                return await self._in_turn(question, silent)
            case MayThey():
                return await self._may(question)
            case DryRun() | MayGo():
                async with self._dries:
                    return _plain(await self._dry(question))
            case UndoSecret(name=name):
                return _undo(await self.kube.get(f"{SECRETS}/{name}"))
            case _:
                assert_never(question)

    async def _dry(self, question: DryRun | MayGo) -> Reply:
        if isinstance(question, MayGo):
            return await self.kube.evict(question.namespace, question.name, question.uid, dry=True)
        path = question.ref.path(question.namespace, question.name)
        return await self.kube.patch(path, question.patch, JSON_PATCH, dry=True)

    async def _list(self, question: List) -> Answer:
        if self.served.lacks(question.ref.group):
            return NotFound()
        params = {"limit": str(question.limit)}
        if question.labels:
            params["labelSelector"] = question.labels
        if question.fields:
            params["fieldSelector"] = question.fields
        if question.after:
            params["continue"] = question.after
        accept = METADATA_ONLY if question.metadata_only else JSON
        return _plain(await self.kube.get(question.ref.path(question.namespace), params, accept))

    async def _in_turn(self, question: Logs, silent: set[str]) -> Answer:
        async with self._nodes[question.node], self._logs:
            if question.node and question.node in silent:
                return Failed(0, "it did not answer another request of this capture", MissingReason.NODE_SILENT)
            return await self._log(question)

    async def _log(self, q: Logs) -> Answer:
        params = {"container": q.container, "tailLines": str(q.tail_lines), "timestamps": "true"}
        if q.previous:
            params["previous"] = "true"
        path = f"/api/v1/namespaces/{q.namespace}/pods/{q.pod}/log"
        status, raw, dropped = await self.kube.log(path, params, q.keep_bytes, q.timeout_seconds)
        text = raw.decode("utf-8", errors="replace")
        if status == 200 and not text.startswith(_GONE):
            return Found({"text": text, "dropped": dropped})
        try:
            message = json.loads(text).get("message", text)
        except ValueError:
            message = text
        return Failed(status, str(message)[:500])

    async def _may(self, q: MayThey) -> Answer:
        attributes = {
            "verb": q.verb,
            "group": q.group,
            "resource": q.resource,
            "subresource": q.subresource,
            "namespace": q.namespace,
            "name": q.name,
        }
        spec: dict[str, Any] = {
            "user": q.username,
            "uid": q.uid,
            "groups": list(q.groups),
            "resourceAttributes": attributes,
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        reply = await self.kube.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        if not reply.ok:
            return Failed(reply.status, reply.message)
        said = reply.body.get("status") or {}
        return Found({"allowed": bool(said.get("allowed")), "reason": said.get("reason", "")})


async def _leave_behind(tasks: Collection[asyncio.Task[Answer]], seconds: float) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=max(0.05, seconds))
        for task in late:
            task.cancel()


def _plain(reply: Reply) -> Answer:
    if reply.ok:
        return Found(reply.body, reply.size)
    if reply.status == 404:
        return NotFound()
    return Failed(reply.status, reply.message, str(reply.body.get("reason", "")))


def _undo(reply: Reply) -> Answer:
    """The undo record out of its Secret."""
    if not reply.ok:
        return _plain(reply)
    try:
        data = {key: base64.b64decode(value).decode() for key, value in reply.body["data"].items()}
        record = json.loads(data["record"])[0] | {"apply": data["apply"], "undo": data["undo"]}
    except (KeyError, ValueError, IndexError) as error:
        return Failed(0, f"the undo record can't be read: {error}")
    return Found(record)
