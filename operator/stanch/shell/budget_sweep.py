"""
Once a minute: which namespaces are to change no pod template. One label and two annotations of a Namespace, and nothing else.

What it may write, stanch-operator-leash-namespaces says; that a namespace is labelled refuses or warns by stanch-change-freeze.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.action_item import ActionItem
from stanch.api.names import OPERATOR_NAMESPACE, EventKind, Label
from stanch.api.policy import Policy
from stanch.core.budget import UNKNOWN_MAX, Unclear, budgets, repeated, spent, wanted
from stanch.core.plan_type import Told
from stanch.core.questions import ACTION_ITEMS, POSTMORTEMS, Metric, Ref
from stanch.shell.client import JSON, MERGE_PATCH, METADATA_ONLY, Kube, Unanswered
from stanch.shell.orphan_sweep import CannotLook, objects
from stanch.shell.outside import Asker
from stanch.shell.policy_book import PolicyBook
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.tell import tell

LOG = logging.getLogger("stanch.budget")
EVERY_SECONDS: Final = 60.0
FIRST_SECONDS: Final = 20.0
ASK_SECONDS: Final = 10.0
NAMESPACES: Final = Ref("", "v1", "namespaces")


class BudgetSweep:
    """Labels and unlabels namespaces; remembers only since when nobody could say."""

    def __init__(self, kube: Kube, book: Callable[[], PolicyBook], clock: Callable[[], datetime]) -> None:
        """``book`` are the ResponsePolicies in force; ``clock`` is the API server's time."""
        self._kube, self._book, self._now = kube, book, clock
        self._asker = Asker(SecretRefs(kube))
        self._unclear: datetime | None = None
        self._off = False

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in a minute."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.look()
            except (Unanswered, CannotLook) as error:
                LOG.warning("error budgets can't be looked after", extra={"why": str(error)})
            except Exception:  # a service to people; it must not end the operator
                LOG.exception("the budget sweep failed")
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> dict[str, str]:
        """One look; namespaces that were changed, with what it means there."""
        book = self._book()
        policy = book.policy(OPERATOR_NAMESPACE)
        if book.problem:
            return {}
        if policy.budget_mode == "Disabled":
            return await self._lift_once(policy)
        self._off = False
        why = await self._why(policy)
        return {} if why is None else await self._apply(why, policy, "")

    async def _lift_once(self, policy: Policy) -> dict[str, str]:
        """What was begun under another policy is lifted; then nothing is even read."""
        if self._off:
            return {}
        self._off = True
        try:
            return await self._apply({}, policy, Label.CHANGE_FREEZE)
        except CannotLook:
            # Who may not read Namespaces labelled none.
            return {}

    async def _apply(self, why: dict[str, list[str]], policy: Policy, labels: str) -> dict[str, str]:
        changed = {}
        async for namespace in objects(self._kube, NAMESPACES, None, labels, METADATA_ONLY):
            name = namespace["metadata"]["name"]
            change = wanted(namespace, why.get(name, ()), policy)
            if change is not None and await self._write(namespace["metadata"], *change):
                changed[name] = change[1]
        return changed

    async def _why(self, policy: Policy) -> dict[str, list[str]] | None:
        """By namespace; None while nobody can say, for which nothing is begun or lifted."""
        now = self._now()
        postmortems = [each async for each in objects(self._kube, POSTMORTEMS, None, "", JSON)]
        items = [
            i async for each in objects(self._kube, ACTION_ITEMS, None, "", JSON) if (i := _item(each)) is not None
        ]
        found = repeated(postmortems, items, now, policy.recurrence_within)
        if not policy.prometheus_url:
            return found
        try:
            query = Metric(policy.prometheus_url, policy.budget_query, ASK_SECONDS, policy.prometheus_secret)
            empty = spent(budgets(await self._asker.ask(query)))
        except Unclear as unclear:
            since = self._unclear = self._unclear or now
            LOG.warning("no error budget is known", extra={"why": str(unclear)})
            return found if now - since >= UNKNOWN_MAX else None
        self._unclear = None
        return {name: [*empty.get(name, ()), *found.get(name, ())] for name in {*empty, *found}}

    async def _write(self, meta: dict[str, Any], change: dict[str, Any], words: str) -> bool:
        version = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        path = NAMESPACES.path(None, meta["name"])
        reply = await self._kube.patch(path, json.dumps({"metadata": {**version, **change}}), MERGE_PATCH)
        if not reply.ok:
            # A conflict is looked at again in a minute; a missing right is said until somebody binds the role.
            LOG.warning("a namespace can't be labelled", extra={"namespace": meta["name"], "why": reply.message})
            return False
        frozen = change["labels"][Label.CHANGE_FREEZE] is not None
        LOG.info("error budget policy", extra={"namespace": meta["name"], "what": words})
        told = Told(EventKind.CHANGES_FROZEN if frozen else EventKind.CHANGES_FREED, words, warning=frozen)
        about = {"kind": "Namespace", "metadata": {**meta, "namespace": meta["name"]}}
        await tell(self._kube, about, told, self._now(), api_version="v1")
        return True


def _item(body: dict[str, Any]) -> ActionItem | None:
    try:
        return ActionItem.model_validate(body)
    except ValidationError:
        return None
