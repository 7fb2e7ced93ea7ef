"""Words to build action items and to let time pass over them: what is asked is answered, what is decided is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from build import T0, stamp
from stanch.api.action_item import ActionItem
from stanch.api.policy import DEFAULT, Policy
from stanch.core.item_lint import Sibling
from stanch.core.item_status import item_plan
from stanch.core.observations import Answer, Found, NotFound, Observations
from stanch.core.plan_type import Told
from stanch.core.questions import Question

Json = dict[str, Any]
PDB = {"apiVersion": "policy/v1", "resource": "poddisruptionbudgets", "name": "checkout"}
RULE = {"alertRule": {"name": "OrdersReaderUnknownColumn"}}


def body(name: str = "reader-alert", /, **spec: Any) -> Json:
    """An item as the API server has it; None takes a field out."""
    wanted = {
        "title": "Alert when the orders reader meets an unknown column",
        "description": "Done when the alert fires in staging.",
        "incident": "checkout-5xx",
        "owner": "orders-team",
        "dueTime": stamp(T0 + timedelta(days=14)),
        "priority": "P1",
        "kind": "Detect",
        **spec,
    }
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{name}",
        "generation": 1,
        "resourceVersion": "7",
        "creationTimestamp": stamp(T0),
    }
    return {"metadata": meta, "spec": {k: v for k, v in wanted.items() if v is not None}}


def chore(name: str = "reader-alert", /, **spec: Any) -> ActionItem:
    """The same, read."""
    return ActionItem.model_validate(body(name, **spec))


def nobody_knows(_: Question) -> Answer:
    """Nothing is there."""
    return NotFound()


def there(_: Question) -> Answer:
    """Everything is there."""
    return Found({"metadata": {"resourceVersion": "812", "uid": "u-812"}})


@dataclass
class Life:
    """One item over time; ``world`` answers what it asks."""

    item: ActionItem
    world: Callable[[Question], Answer] = nobody_knows
    policy: Policy = DEFAULT
    siblings: tuple[Sibling, ...] = ()
    now: datetime = T0
    told: list[tuple[datetime, Told]] = field(default_factory=list)
    asked: list[tuple[datetime, Question]] = field(default_factory=list)
    wake: datetime | None = None

    def look(self) -> "Life":
        """Once, now."""
        seen = Observations()
        while True:
            plan = item_plan(self.item, seen, self.siblings, self.policy, self.now)
            if not plan.questions:
                break
            self.asked += ((self.now, q) for q in plan.questions)
            seen = seen.with_answers({q: self.world(q) for q in plan.questions})
        again = item_plan(self.item, seen, self.siblings, self.policy, self.now)
        assert plan == again, "the same look twice is the same plan"
        self.told += ((self.now, told) for told in plan.told)
        self.item, self.wake = self.item.model_copy(update={"status": plan.status}), plan.wake_at
        return self

    def run(self, **duration: float) -> "Life":
        """Look whenever it wants to be looked at."""
        until = self.now + timedelta(**duration)
        self.look()
        while self.wake is not None and self.wake <= until:
            assert self.wake > self.now, "it wants to be looked at for ever"
            self.now = self.wake
            self.look()
        self.now = until
        return self.look()

    def respec(self, **changes: Any) -> "Life":
        """Somebody edits it."""
        spec = {**self.item.spec.wire(), **changes}
        meta = self.item.metadata.model_copy(update={"generation": self.item.metadata.generation + 1})
        wanted = {k: v for k, v in spec.items() if v is not None}
        known = ActionItem.model_validate({"metadata": body()["metadata"], "spec": wanted})
        self.item = known.model_copy(update={"metadata": meta, "status": self.item.status})
        return self.look()

    def kinds(self) -> list[str]:
        """What was told, in order."""
        return [told.reason for _, told in self.told]

    def condition(self, kind: str) -> tuple[str, str] | None:
        """Status and reason."""
        found = next((c for c in self.item.status.conditions if c.type == kind), None)
        return (found.status, found.reason) if found else None

    def message(self, kind: str) -> str:
        """The sentence of a condition."""
        return next(c.message for c in self.item.status.conditions if c.type == kind)
