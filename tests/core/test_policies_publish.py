"""Who may publish a Postmortem: the wish, and every word changed while it stands, need the verb publish on it."""

from typing import Any

import pytest

from admission import Person, Refused, Request, Right, admit
from core.test_policies import OPERATOR, anything

ALICE = Person("alice")
WISH = {"incident": "x", "published": True}
CASES = {
    "created": (None, {"incident": "x"}, False),
    "created-published": (None, WISH, True),
    "wished": ({"incident": "x"}, WISH, True),
    "wished-again": ({"incident": "x", "published": False}, WISH, True),
    "changed-while-wished": (WISH, {**WISH, "lessons": "y"}, True),
    "metadata": (WISH, WISH, False),
    "taken-back": (WISH, {"incident": "x"}, False),
    "written": ({"incident": "x"}, {"incident": "x", "lessons": "y"}, False),
}


def request(old: Any, new: Any, by: Person = ALICE) -> Request:
    """One write of a Postmortem."""
    bodies = [None if s is None else {"metadata": {"name": "checkout-5xx"}, "spec": s} for s in (old, new)]
    return Request(by, "CREATE" if old is None else "UPDATE", "postmortems", bodies[1], bodies[0])


@pytest.mark.parametrize("case", CASES)
def test_the_verb_publish_is_asked_of_who_lets_words_go_out(case: str) -> None:
    """Nothing else waits for that right; refused, it names the verb and the role that has it."""
    old, new, asked = CASES[case]

    def may(right: Right) -> bool:
        return right.verb != "publish"

    if asked:
        with pytest.raises(
            Refused, match=r"user alice may not publish Postmortem .*needs verb publish on postmortems\.stanch\.dev"
        ):
            admit(request(old, new), may)
    else:
        assert admit(request(old, new), may)
    assert admit(request(old, new), anything)


def test_the_right_is_asked_for_this_postmortem() -> None:
    """In its namespace, by its name: it can be granted for one."""
    asked: list[Right] = []
    admit(request({"incident": "x"}, WISH), lambda right: asked.append(right) is None)
    (right,) = [r for r in asked if r.verb == "publish"]
    assert ("alice", "stanch.dev", "postmortems") == (right.username, right.group, right.resource)


def test_the_operator_marks_what_is_published_without_that_right() -> None:
    """Its label says that the incident is closed; it changes no word."""
    body = {"metadata": {"name": "checkout-5xx", "labels": {"stanch.dev/closed": ""}}, "spec": WISH}
    old = {"metadata": {"name": "checkout-5xx", "labels": {}}, "spec": WISH}
    assert admit(Request(OPERATOR, "UPDATE", "postmortems", body, old), lambda right: right.verb != "publish")
