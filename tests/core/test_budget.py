"""What the error budget policy goes by: a spent budget, or the same again with promises not kept."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from chores import Life, chore
from month import postmortem
from stanch.core.budget import Left, Unclear, budgets, repeated, spent
from stanch.core.observations import Failed, Found, NotFound

SPENT = ("the error budget of checkout is spent",)
MONTH = timedelta(days=30)


def series(share: str, **labels: str) -> dict[str, Any]:
    """One of Prometheus' answer."""
    return {"metric": labels, "value": [1.0, share]}


def vector(*found: dict[str, Any]) -> Found:
    """An instant vector."""
    return Found({"resultType": "vector", "result": list(found)})


def test_what_is_left_is_read_by_namespace_and_service():
    """What names no namespace is nobody's, and what is no number was not measured."""
    answer = vector(
        series("0.4", namespace="shop", sloth_service="checkout"),
        series("-0.1", exported_namespace="pay", service="payments"),
        series("-1", service="nowhere"),
        series("NaN", namespace="shop", service="idle"),
        {"metric": {"namespace": "shop"}},
    )
    assert [Left("shop", "checkout", 0.4), Left("pay", "payments", -0.1)] == budgets(answer)


@pytest.mark.parametrize("answer", [None, NotFound(), Failed(503, "starting"), Found({"resultType": "matrix"})])
def test_what_is_no_answer_is_not_taken_for_none(answer):
    """Neither spent nor healthy."""
    with pytest.raises(Unclear):
        budgets(answer)


@pytest.mark.parametrize(("share", "why"), [(0.001, {}), (0.0, {"shop": list(SPENT)}), (-2.0, {"shop": list(SPENT)})])
def test_spent_is_nothing_left(share, why):
    """And said without a number, which would change each minute."""
    assert why == spent([Left("shop", "checkout", share), Left("shop", "checkout", share)])


# --- the same again --------------------------------------------------------------------------------------------------


def learned(name: str, days_ago: int, *classes: str, **more: Any) -> dict[str, Any]:
    """A postmortem of so long ago."""
    made = postmortem(name, *classes, **more)
    made["metadata"]["creationTimestamp"] = stamp(T0 - timedelta(days=days_ago))
    return made


BEFORE, AFTER = learned("first", 20, "Change", "Process"), learned("second", 2, "Change")
PROMISED = chore(incident="first", answers=["f0"])


@pytest.mark.parametrize(
    ("postmortems", "items", "again"),
    [
        ((BEFORE, AFTER), (PROMISED,), True),
        ((BEFORE, AFTER), (chore(incident=None, postmortem="first", answers=["f0"]),), True),
        ((AFTER, BEFORE), (PROMISED,), True),
        ((BEFORE, AFTER), (Life(chore(incident="first", answers=["f0"], closed=True)).look().item,), False),
        ((BEFORE, AFTER), (chore(incident="first", answers=["f1"]),), False),
        ((BEFORE, AFTER), (chore(incident="first", answers=["f0"], priority="P2"),), False),
        ((BEFORE, AFTER), (chore(incident="second", answers=["f0"]),), False),
        ((BEFORE, learned("second", 2, "Capacity")), (PROMISED,), False),
        ((BEFORE, learned("second", 2, "Change", published=False)), (PROMISED,), False),
        ((BEFORE, {**learned("second", 2, "Change"), "status": {}}), (PROMISED,), False),
        ((BEFORE, learned("first", 2, "Change")), (PROMISED,), False),
        ((learned("first", 90, "Change"), learned("second", 40, "Change")), (PROMISED,), False),
        ((BEFORE,), (PROMISED,), False),
        ((BEFORE, AFTER, learned("between", 9, "Change")), (PROMISED,), True),
    ],
    ids=[
        *("again", "by postmortem", "any order", "shipped", "another factor", "not urgent", "of the second"),
        *("another class", "a draft", "only wished for", "an addition", "long ago", "once", "one between"),
    ],
)
def test_the_same_again_while_what_was_promised_is_not_done(postmortems, items, again):
    """The class, the namespace, an urgent item that answers the factor of the time before."""
    found = repeated(postmortems, items, T0, MONTH)
    text = "Change contributed to {} as to first, and item reader-alert is not done"
    came = [name for name in ("between", "second") if any(p["spec"]["incident"] == name for p in postmortems)]
    assert ({"shop": [text.format(name) for name in came]} if again else {}) == found
