"""
Once a minute: which namespaces are to change no pod template. One label and four annotations of a Namespace, and nothing else.

What it may write, stanch-operator-leash-namespaces says; what comes of the label, stanch-change-freeze. Where stanch may not
label Namespaces (that is in the component change-freeze), it says by an Event what it would have labelled.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.action_item import ActionItem
from stanch.api.names import OPERATOR_NAMESPACE, EventKind, Label
from stanch.api.policy import Policy
from stanch.core.budget import Unclear, budgets, is_owed, repeated, spent
from stanch.core.change_freeze import wanted
from stanch.core.freeze_log import with_log
from stanch.core.plan_type import Told
from stanch.core.questions import ACTION_ITEMS, POSTMORTEMS, Metric, Ref
from stanch.shell.client import JSON, MERGE_PATCH, METADATA_ONLY, Kube, Unanswered
from stanch.shell.orphan_sweep import CannotLook, objects
from stanch.shell.outside import Asker
from stanch.shell.policy_book import PolicyBook
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.sweeping import look_for_ever
from stanch.shell.tell import tell, tell_first

LOG = logging.getLogger("stanch.budget")
EVERY_SECONDS: Final = 60.0
FIRST_SECONDS: Final = 20.0
ASK_SECONDS: Final = 10.0
# Where no budget is spent only labelled namespaces are read, and all of them now and then: people take labels off.
ALL_EVERY: Final = 10
FORBIDDEN: Final = 403
NAMESPACES: Final = Ref("", "v1", "namespaces")
Reasons = dict[str, list[str]]


class BudgetSweep:
    """Labels and unlabels namespaces; what it goes by stands in them, so that a restart forgets nothing."""

    def __init__(self, kube: Kube, book: Callable[[], PolicyBook], clock: Callable[[], datetime]) -> None:
        """``book`` are the ResponsePolicies in force; ``clock`` is the API server's time."""
        self._kube, self._book, self._now = kube, book, clock
        self._asker = Asker(SecretRefs(kube))
        self._off = False
        self._looks = 0
        # What was told where nothing may be labelled.
        self._told: Reasons = {}

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in a minute."""
        words = ("error budgets can't be looked after", "the budget sweep failed")
        await look_for_ever(self.look, FIRST_SECONDS, EVERY_SECONDS, LOG, (Unanswered, CannotLook), words)

    async def look(self) -> dict[str, str]:
        """One look; namespaces that were changed, with what it means there."""
        book = self._book()
        policy = book.policy(OPERATOR_NAMESPACE)
        if book.problem:
            return {}
        if policy.budget_mode == "Disabled":
            return await self._lift_once(policy)
        self._off = False
        why, sure = await self._why(policy)
        everywhere = bool(why) or self._looks % ALL_EVERY == 0
        self._looks += 1
        try:
            return await self._apply(why, policy, "" if everywhere else Label.CHANGE_FREEZE, sure)
        except CannotLook as error:
            if error.status != FORBIDDEN:
                raise  # A server that is busy says nothing of what was installed.
            await self._only_tell(why, policy, str(error))
            return {}

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

    async def _apply(self, why: Reasons, policy: Policy, labels: str, sure: bool = True) -> dict[str, str]:
        changed, now = {}, self._now()
        async for namespace in objects(self._kube, NAMESPACES, None, labels, METADATA_ONLY):
            name = namespace["metadata"]["name"]
            change = with_log(namespace, wanted(namespace, why.get(name, ()), policy, now, sure), now)
            if change is not None and await self._write(namespace["metadata"], *change) and change[1]:
                changed[name] = change[1]
        return changed

    async def _only_tell(self, why: Reasons, policy: Policy, error: str) -> None:
        """Once for each reason: people are to hear of it, and nothing at admission says so."""
        self._told = {name: reasons for name, reasons in self._told.items() if why.get(name) == reasons}
        for name, reasons in why.items():
            if name in self._told or name in policy.protected_namespaces:
                continue
            LOG.info("a namespace is not labelled", extra={"namespace": name, "why": error})
            text = f"new pod templates should wait: {'; '.join(reasons)}. At admission nothing says so: the component"
            told = Told(
                EventKind.CHANGES_FROZEN, f"{text} change-freeze is not applied", warning=True, once="; ".join(reasons)
            )
            about = {"name": name, "namespace": name, "uid": "", "resourceVersion": ""}
            if await tell_first(self._kube, {"kind": "Namespace", "metadata": about}, told, self._now(), "v1"):
                self._told[name] = reasons

    async def _why(self, policy: Policy) -> tuple[Reasons, bool]:
        """By namespace, and whether that is all: while Prometheus does not say, it is not."""
        found = await self._repeated(policy)
        if not policy.prometheus_url:
            return found, True
        try:
            query = Metric(policy.prometheus_url, policy.budget_query, ASK_SECONDS, policy.prometheus_secret)
            empty = spent(budgets(await self._asker.ask(query)))
        except Unclear as unclear:
            LOG.warning("no error budget is known", extra={"why": str(unclear)})
            return found, False
        return {name: [*empty.get(name, ()), *found.get(name, ())] for name in {*empty, *found}}, True

    async def _repeated(self, policy: Policy) -> Reasons:
        owed = [
            i
            async for each in objects(self._kube, ACTION_ITEMS, None, "", JSON)
            if (i := _item(each)) is not None and is_owed(i)
        ]
        if not owed:
            # Nearly always: then nothing more is read.
            return {}
        postmortems = [each async for each in objects(self._kube, POSTMORTEMS, None, "", JSON)]
        return repeated(postmortems, owed, self._now(), policy.recurrence_within)

    async def _write(self, meta: dict[str, Any], change: dict[str, Any], words: str) -> bool:
        version = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        path = NAMESPACES.path(None, meta["name"])
        reply = await self._kube.patch(path, json.dumps({"metadata": {**version, **change}}), MERGE_PATCH)
        if not reply.ok:
            # A conflict is looked at again in a minute; a missing right is said until somebody binds the role.
            LOG.warning("a namespace can't be labelled", extra={"namespace": meta["name"], "why": reply.message})
            return False
        if words:
            await self._tell(meta, change, words)
        return True

    async def _tell(self, meta: Mapping[str, Any], change: Mapping[str, Any], words: str) -> None:
        frozen = change["labels"][Label.CHANGE_FREEZE] is not None
        LOG.info("error budget policy", extra={"namespace": meta["name"], "what": words})
        told = Told(EventKind.CHANGES_FROZEN if frozen else EventKind.CHANGES_FREED, words, warning=frozen)
        about = {"kind": "Namespace", "metadata": {**meta, "namespace": meta["name"]}}
        await tell(self._kube, about, told, self._now(), api_version="v1")


def _item(body: dict[str, Any]) -> ActionItem | None:
    try:
        return ActionItem.model_validate(body)
    except ValidationError:
        return None
