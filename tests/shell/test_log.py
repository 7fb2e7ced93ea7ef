"""Log lines: one event is one line, whatever somebody wrote that stands in it."""

import json
import logging

import pytest

from notifiers.notices import HOSTILE
from stanch.shell.log import Line

FORGED = "down\nlevel=error\tmsg=forged"
WRITTEN = (
    *HOSTILE,
    FORGED,
    "x\r\x1b[2Jx",
    "\x9b31m",
    "a\u2028b\u2029c\x85d",
    'say="it"',
    "\U000e0001tag",
    "\ud800",
    "",
)


def line(as_json: bool, value: str) -> str:
    """What is written of an event with that value."""
    record = logging.makeLogRecord({"name": "stanch.test", "levelname": "INFO", "msg": value, "why": value})
    return Line(as_json).format(record)


@pytest.mark.parametrize("value", WRITTEN, ids=range(len(WRITTEN)))
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_nothing_that_people_wrote_begins_a_line_or_moves_a_cursor(as_json: bool, value: str) -> None:
    """Nor does it look like a field of ours."""
    said = line(as_json, value)
    assert said.isprintable()
    assert [said] == said.splitlines()
    if as_json:
        assert (value, value) == (json.loads(said)["msg"], json.loads(said)["why"])
    else:
        assert said.endswith(f"why={value}" if value.isprintable() and not set(value) & set(' "') else '"')


def test_what_is_plain_is_read_as_it_is() -> None:
    """No quotes where none are needed."""
    record = logging.makeLogRecord({"name": "stanch.test", "levelname": "INFO", "msg": "told a channel", "tries": 3})
    record.incident = "shop/checkout-5xx"
    assert (
        'logger=stanch.test msg="told a channel" tries=3 incident=shop/checkout-5xx'
        == Line(False).format(record).partition("level=info ")[2]
    )
