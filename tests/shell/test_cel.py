"""CEL that people wrote is worked out in a process of its own: whatever it does, the operator goes on."""

import asyncio
import json
import time

import pytest

from stanch.core.done_when import CelProblem
from stanch.core.observations import Failed, Found
from stanch.core.questions import Evaluate
from stanch.shell.cel import Evaluator

OBJECT = {
    "metadata": {"name": "checkout", "labels": {"app": "checkout"}},
    "spec": {"minAvailable": 2, "weights": [1, 2, 3], "host": "shop.example.com", "paused": False},
}


async def ask(expression: str, obj: object = OBJECT):
    """The answer."""
    return await Evaluator().evaluate(Evaluate(expression, json.dumps(obj)))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("object.spec.minAvailable > 0", True),
        ("object.spec.minAvailable == 3", False),
        ("has(object.spec.paused) && !object.spec.paused", True),
        ("!has(object.spec.suspend) || !object.spec.suspend", True),
        ("object.spec.weights.all(w, w > 0)", True),
        ("object.spec.weights.exists(w, w > 3)", False),
        ("object.spec.host.endsWith('.example.com')", True),
        ("object.metadata.labels['app'] == 'checkout'", True),
        ("size(object.spec.weights) == 3", True),
    ],
)
async def test_what_people_ask_of_an_object(expression, value):
    """As they know it from admission policies."""
    assert Found({"value": value}) == await ask(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("object.spec.minAvailable >", CelProblem.SYNTAX),
        ("object.spec.(", CelProblem.SYNTAX),
        ("((((((((((", CelProblem.SYNTAX),
        ("object.spec.nothing > 0", CelProblem.MISSING),
        ("object.spec.minAvailable", CelProblem.NOT_BOOLEAN),
        ("'true'", CelProblem.NOT_BOOLEAN),
        ("object.spec.host > 3", CelProblem.ERROR),
        ("undefined_thing == 1", CelProblem.ERROR),
        ("nosuchfunction(object)", CelProblem.ERROR),
        ("__import__('os').system('true')", CelProblem.ERROR),
    ],
)
async def test_what_is_no_answer_says_why(expression, reason):
    """Syntax, a missing field, no boolean, an error: each has its word."""
    answer = await ask(expression)
    assert isinstance(answer, Failed)
    assert (reason, True) == (answer.reason, bool(answer.message))


TEN = "[0,1,2,3,4,5,6,7,8,9]"
# Ten to the power of nine steps: hours.
NESTED = f"{TEN}.all(a, " * 9 + "true" + ")" * 9
# A list that doubles: more than any memory.
DOUBLED = "[[1]]" + "".join(f".map(x{n}, x{n} + x{n} + x{n} + x{n} + x{n} + x{n} + x{n} + x{n})" for n in range(12))


@pytest.mark.parametrize(
    "expression", [NESTED, DOUBLED + ".size() > 0", "!" * 1000 + "true", "(" * 500 + "1" + ")" * 500]
)
async def test_what_would_not_end_is_ended(expression):
    """A huge comprehension, a list that fills the memory, a thousand nots: an answer all the same, and the loop went on."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    began = time.monotonic()
    answer = await ask(expression)
    took = time.monotonic() - began
    beating.cancel()
    assert isinstance(answer, Failed | Found)
    if expression is NESTED:
        assert isinstance(answer, Failed)
        assert CelProblem.LIMIT == answer.reason
    # A fiftieth of what an undisturbed loop would have done; one that is held does nothing at all.
    assert beats >= took * 2


async def test_one_that_takes_no_processor_is_ended_by_the_clock():
    """Whatever keeps it: the process is gone afterwards."""
    answer = await Evaluator(wall=0.0).evaluate(Evaluate("true", "{}"))
    assert isinstance(answer, Failed)
    assert CelProblem.LIMIT == answer.reason
