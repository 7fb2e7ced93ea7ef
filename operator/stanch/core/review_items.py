"""Are action items done? By age, with those that are still open, and whether anybody would say yes after three weeks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from stanch.api.action_item import ActionItem
from stanch.api.policy import DEFAULT
from stanch.core.survival import Lasted, Spread, spread

# Unless a policy says otherwise.
THREE_WEEKS: Final = DEFAULT.items_test_after
_DAY: Final = timedelta(days=1)
AGES: Final = (("up to a week", 7 * _DAY), ("up to three weeks", 21 * _DAY), ("up to six weeks", 45 * _DAY))
OLDER: Final = "older"


@dataclass(frozen=True, slots=True)
class Completion:
    """Of the items of one age: how many are done."""

    age: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Items:
    """
    ``after_three_weeks`` is done within three weeks (or what the policy tests after), of those that are that old; ``overdue`` the
    keys of those that are late; ``in_time`` is done by its due time, of those that were due by now.
    """

    by_age: tuple[Completion, ...]
    to_done: Spread
    after_three_weeks: tuple[int, int]
    overdue: tuple[str, ...]
    in_time: tuple[int, int]
    reopened: int
    vague: int


def items(
    found: Sequence[ActionItem], now: datetime, test: Callable[[str], timedelta] = lambda _: THREE_WEEKS
) -> Items:
    """
    Of all items that were written by now; what a machine drafted counts like the others. ``test`` is after how long it is asked
    in a namespace whether they are done (`actionItems.threeWeekTest`).
    """
    due = [i for i in found if i.spec.due_time <= now]
    old = [i for i in found if now - i.metadata.creation_timestamp >= test(i.metadata.namespace)]
    return Items(
        by_age=tuple(
            Completion(age, sum(done(i) for i in group), len(group)) for age, group in _by_age(found, now) if group
        ),
        to_done=spread(_lasted(i, now) for i in found),
        after_three_weeks=(sum(_in_time(i, test(i.metadata.namespace)) for i in old), len(old)),
        overdue=tuple(
            f"{i.metadata.namespace}/{i.metadata.name}" for i in found if i.spec.due_time <= now and not done(i)
        ),
        in_time=(sum(_by_due(i) for i in due), len(due)),
        reopened=sum(bool(i.status.reopened) for i in found),
        vague=sum(bool(i.status.findings) for i in found),
    )


def done(item: ActionItem) -> bool:
    """Is it done, as its condition says?"""
    return any(c.type == "Done" and c.status == "True" for c in item.status.conditions)


def _by_due(item: ActionItem) -> bool:
    """What was done, and is not any more, was not done."""
    took = item.status.done_time
    return done(item) and took is not None and took <= item.spec.due_time


def _in_time(item: ActionItem, within: timedelta) -> bool:
    took = item.status.done_time
    return done(item) and took is not None and took - item.metadata.creation_timestamp <= within


def _lasted(item: ActionItem, now: datetime) -> Lasted:
    created = item.metadata.creation_timestamp
    return Lasted((item.status.done_time or now) - created) if done(item) else Lasted(now - created, over=False)


def _by_age(found: Sequence[ActionItem], now: datetime) -> list[tuple[str, list[ActionItem]]]:
    groups: dict[str, list[ActionItem]] = {name: [] for name in (*dict(AGES), OLDER)}
    for item in found:
        age = now - item.metadata.creation_timestamp
        groups[next((name for name, most in AGES if age <= most), OLDER)].append(item)
    return list(groups.items())
