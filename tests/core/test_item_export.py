"""Items as Markdown and CSV: whatever people wrote into them stays text."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0, stamp
from chores import Life, chore
from stanch.core.item_export import COLUMNS, as_csv, as_markdown


def rows(text: str) -> list[dict[str, str]]:
    """As a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_an_item_and_reads_back():
    """Quotes, commas and line breaks are part of the text."""
    (row,) = rows(as_csv([chore(title='Alert on "orders", then page', description="one\ntwo, three")]))
    assert set(COLUMNS) == set(row)
    assert ('Alert on "orders", then page', "one\ntwo, three", "P1", "Open") == (
        row["title"],
        row["description"],
        row["priority"],
        row["state"],
    )


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "\uff1d1", "|x", "%0A=1"],
)
def test_no_cell_is_a_formula(text):
    """Whoever opens it in a spreadsheet runs nothing that somebody wrote into an item."""
    (row,) = rows(as_csv([chore(title=text, owner=text, description=text)]))
    assert {"'"} == {row[name][0] for name in ("title", "owner", "description")}


@given(st.text(min_size=1, max_size=40))
def test_whatever_is_written_it_is_one_cell_that_begins_harmless(text):
    """For any text."""
    (row,) = rows(as_csv([chore(description=text)]))
    assert row["description"].lstrip()[:1] not in tuple("=+-@") or not row["description"].strip()


def test_markdown_is_a_table_in_which_nothing_breaks_out():
    """Pipes, links, tags, mentions and line breaks are text; the tracker is the only link."""
    text = as_markdown([chore(title="a | [x](javascript:1) <b> @team\n# b", tracker="https://t.example/a b|c)")])
    head, line, row = text.splitlines()
    assert 7 == row.replace("\\|", "").count("|") == head.count("|") == line.count("|")
    assert "(https://t.example/a%20b%7Cc%29)" in row
    assert "<b>" not in row.replace("\\<b\\>", "")
    assert "@team" not in row
    assert "](javascript" not in row.replace("\\]", "")


def test_none_is_said():
    """No table of nothing."""
    assert "No action items.\n" == as_markdown([])


def test_what_is_open_stands_first_by_due_time():
    """The next one to be done on top."""
    late, soon = chore("late", dueTime=stamp(T0.replace(year=2027))), chore("soon")
    ready = Life(chore("ready", closed=True)).look().item
    assert ["soon", "late", "ready"] == [r["name"] for r in rows(as_csv([ready, late, soon]))]
