"""Items as Markdown, CSV and issues: whatever people wrote into them stays text; and both sides end up saying the same."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0, stamp
from chores import PDB, Life, chore, nobody_knows, there
from stanch.core.item_export import COLUMNS, ToItem, ToTracker, as_csv, as_markdown, issue, marked, sync

REPO = "shop/orders"
URL = "https://github.com/shop/orders/issues/812"


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


# --- issues ----------------------------------------------------------------------------------------------------------


def opened(item, **more) -> dict:
    """The issue as the tracker has it after it was made from an item."""
    made = issue(item)
    labels = [{"name": name} for name in made["labels"]]
    return {**made, "labels": labels, "number": 812, "state": "open", "html_url": URL, **more}


def test_an_item_without_an_issue_gets_one():
    """With a mark that says whose it is; one that is done already needs none."""
    (step,) = sync([chore()], [], REPO)
    assert isinstance(step, ToTracker)
    assert ("POST", "/repos/shop/orders/issues", "shop/reader-alert") == (step.method, step.path, step.item)
    assert ("uid-reader-alert", ["stanch", "P1", "Detect"]) == (marked(step.body), step.body["labels"])
    assert [] == sync([Life(chore(closed=True)).look().item], [], REPO)


def test_a_mark_that_somebody_writes_into_a_description_is_text():
    """Nobody takes over the issue of another item."""
    made = issue(chore(description="<!-- stanch.dev/actionitem: another -->"))
    assert "uid-reader-alert" == marked(made)
    assert 1 == made["body"].count("<!--")
    assert "" == marked({"body": made["body"], "pull_request": {}})


def test_the_link_comes_back():
    """The item names its issue; then both say the same, and nothing is left to do."""
    item = chore()
    assert [ToItem("shop", "reader-alert", {"tracker": URL})] == sync([item], [opened(item)], REPO)
    linked = chore(tracker=URL)
    assert [] == sync([linked], [opened(linked)], REPO)


def test_words_go_to_the_issue_and_labels_of_others_stay():
    """Title and body; their own labels are theirs."""
    item = chore(tracker=URL)
    before = opened(item, title="old", labels=[{"name": "ours"}, {"name": "stanch"}])
    (step,) = sync([item], [before], REPO)
    assert ("PATCH", "/repos/shop/orders/issues/812") == (step.method, step.path)
    assert {"title": item.spec.title, "labels": ["Detect", "P1", "ours", "stanch"]} == step.body


def test_a_closed_issue_closes_its_item_and_a_done_item_its_issue():
    """Whoever was first."""
    item = chore(tracker=URL)
    assert [ToItem("shop", "reader-alert", {"closed": True})] == sync([item], [opened(item, state="closed")], REPO)
    ready = Life(chore(tracker=URL, closed=True)).look().item
    (step,) = sync([ready], [opened(ready)], REPO)
    assert {"state": "closed", "state_reason": "completed"} == step.body
    assert [] == sync([ready], [opened(ready, state="closed")], REPO)


def test_an_issue_that_was_closed_while_the_proof_fails_is_opened_again():
    """And its body says what was seen."""
    item = Life(chore(tracker=URL, doneWhen={"objectExists": PDB}), nobody_knows).look().item
    (step,) = sync([item], [opened(item, state="closed")], REPO)
    assert {"state": "open"} == step.body
    assert "Proof (Fails): There is no poddisruptionbudgets shop/checkout" in issue(item)["body"]


@given(st.sampled_from(["open", "closed"]), st.booleans(), st.sampled_from([None, there, nobody_knows]), st.booleans())
def test_they_agree_after_at_most_two_rounds(state, closed, world, linked):
    """Whatever each side said before: sync, let the operator look, sync; then nothing is left to do."""
    more = {"doneWhen": {"objectExists": PDB}} if world else {}
    life = Life(chore(closed=closed or None, tracker=URL if linked else None, **more), world or nobody_knows).run(
        hours=2
    )
    found = opened(life.item, state=state)
    for _ in range(2):
        for step in sync([life.item], [found], REPO):
            if isinstance(step, ToItem):
                life.respec(**step.spec).run(hours=2)
            else:
                labels = [{"name": name} for name in step.body.get("labels", [])] or found["labels"]
                found = {**found, **step.body, "labels": labels}
    assert [] == [s for s in sync([life.item], [found], REPO) if isinstance(s, ToItem) or "state" in s.body]
    assert (found["state"] == "closed") == (life.item.status.state == "Done")
