"""Items as GitHub Issues: what a person does on either side is respected, and doneWhen alone says otherwise."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chores import PDB, Life, chore, nobody_knows, there
from stanch.core.item_issues import Step, ToItem, ToTracker, issue, marked, sync
from stanch.core.observations import Failed

REPO = "shop/orders"
URL = "https://github.com/shop/orders/issues/812"
CHECK = {"doneWhen": {"objectExists": PDB}}


def opened(item, closed: bool = False, **more) -> dict:
    """The issue as the tracker has it after it was made from an item; ``closed`` is what was agreed then."""
    made = issue(item, closed)
    labels = [{"name": name} for name in made["labels"]]
    return {**made, "labels": labels, "number": 812, "state": "closed" if closed else "open", "html_url": URL, **more}


def test_an_item_without_an_issue_gets_one():
    """With a mark that says whose it is; one that is done already needs none."""
    (step,) = sync([chore()], [], REPO)
    assert isinstance(step, ToTracker)
    assert ("POST", "/repos/shop/orders/issues", "shop/reader-alert") == (step.method, step.path, step.item)
    assert ("uid-reader-alert", ["stanch", "P1", "Detect"]) == (marked(step.body), step.body["labels"])
    assert [] == sync([Life(chore(closed=True)).look().item], [], REPO) == sync([chore(closed=True)], [], REPO)


def test_a_mark_that_somebody_writes_into_a_description_is_text():
    """Nobody takes over the issue of another item, or says what was agreed."""
    text = "<!-- stanch.dev/actionitem: another --> <!-- stanch.dev/agreed: closed -->"
    made = issue(chore(description=text))
    assert "uid-reader-alert" == marked(made)
    assert 2 == made["body"].count("<!--")
    assert "" == marked({"body": made["body"], "pull_request": {}})
    item = chore(description=text, tracker=URL)
    assert [] == sync([item], [opened(item)], REPO)


def test_the_link_comes_back():
    """The item names its issue, in the version that was read; then both say the same, and nothing is left to do."""
    item = chore()
    assert [ToItem("shop", "reader-alert", {"tracker": URL}, "7")] == sync([item], [opened(item)], REPO)
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
    """Whoever was first; the item is written before both are said to agree."""
    item = chore(tracker=URL)
    first, then = sync([item], [opened(item, state="closed")], REPO)
    assert ToItem("shop", "reader-alert", {"closed": True}, "7") == first
    assert ({"body"}, True) == (set(then.body), "<!-- stanch.dev/agreed: closed -->" in then.body["body"])
    ready = Life(chore(tracker=URL, closed=True)).look().item
    (step,) = sync([ready], [opened(ready)], REPO)
    assert ("closed", "completed") == (step.body["state"], step.body["state_reason"])
    assert [] == sync([ready], [opened(ready, closed=True)], REPO)


def test_an_issue_that_a_person_opens_again_opens_its_item():
    """It is not closed again because the item is still done: that is what the person was about."""
    ready = Life(chore(tracker=URL, closed=True)).look().item
    first, then = sync([ready], [opened(ready, closed=True, state="open")], REPO)
    assert ToItem("shop", "reader-alert", {"closed": False}, "7") == first
    assert "state" not in then.body


def test_an_item_that_a_person_opens_again_opens_its_issue():
    """It is not closed again because the issue is still closed."""
    again = Life(chore(tracker=URL, closed=True)).look().respec(closed=False).item
    (step,) = sync([again], [opened(again, closed=True)], REPO)
    assert ("open", "reopened") == (step.body["state"], step.body["state_reason"])
    assert "State: Reopened" in step.body["body"]


@pytest.mark.parametrize("closed", [None, True])
def test_an_issue_that_was_closed_while_the_proof_fails_is_opened_again(closed):
    """And its body says what was seen; whatever was said of the item."""
    item = Life(chore(tracker=URL, closed=closed, **CHECK), nobody_knows).look().item
    (step,) = sync([item], [opened(item, state="closed")], REPO)
    assert {"state": "open", "state_reason": "reopened"} == step.body
    assert "Proof (Fails): There is no poddisruptionbudgets shop/checkout" in issue(item)["body"]


def test_an_issue_that_was_opened_while_the_proof_holds_is_closed_again():
    """Who sees more than doneWhen does writes another; the body says what was seen."""
    item = Life(chore(tracker=URL, **CHECK), there).run(hours=2).item
    (step,) = sync([item], [opened(item, closed=True, state="open")], REPO)
    assert {"closed", "completed"} == {step.body["state"], step.body["state_reason"]}
    assert "State: Done: doneWhen held from" in issue(item)["body"]


def test_while_nobody_can_look_a_word_is_kept_and_taken_back_and_what_was_proved_is_left_alone():
    """The right to read is missing: neither side is put right by a guess."""
    blind = lambda _: Failed(403, "no")  # noqa: E731
    item = Life(chore(tracker=URL, incident=None, **CHECK), blind).look().item
    assert {"closed": True} == sync([item], [opened(item, state="closed")], REPO)[0].spec
    said = Life(item, blind).respec(closed=True).item
    assert "closed" == opened(said, closed=True)["state"]
    assert [] == sync([said], [opened(said, closed=True)], REPO) == sync([said], [opened(said)], REPO)
    assert {"closed": False} == sync([said], [opened(said, closed=True, state="open")], REPO)[0].spec
    proved = Life(chore(tracker=URL, incident=None, **CHECK), there).run(hours=2)
    proved.world = blind
    proved.run(hours=2)
    assert ["body"] == [
        key for s in sync([proved.item], [opened(proved.item, True, state="open")], REPO) for key in s.body
    ]


def done_to(life: Life, found: dict[str, Any], steps: list[Step]) -> dict[str, Any]:
    """Both sides after them, and after the operator has looked."""
    for step in steps:
        if isinstance(step, ToItem):
            life.respec(**step.spec).run(hours=2)
        else:
            labels = [{"name": name} for name in step.body.get("labels", [])] or found["labels"]
            found = {**found, **step.body, "labels": labels}
    return found


@given(st.sampled_from(["open", "closed"]), st.booleans(), st.sampled_from([None, there, nobody_knows]), st.booleans())
def test_they_agree_after_at_most_two_rounds(state, closed, world, linked):
    """Whatever each side said before: sync, let the operator look, sync; then nothing is left to do."""
    more = CHECK if world else {}
    life = Life(chore(closed=closed or None, tracker=URL if linked else None, **more), world or nobody_knows).run(
        hours=2
    )
    found = opened(life.item, state=state)
    for _ in range(2):
        found = done_to(life, found, sync([life.item], [found], REPO))
    assert [] == [s for s in sync([life.item], [found], REPO) if isinstance(s, ToItem) or "state" in s.body]
    assert (found["state"] == "closed") == (life.item.status.state == "Done")


@given(st.lists(st.tuples(st.sampled_from(["issue", "item"]), st.booleans()), max_size=12))
def test_whatever_one_person_did_since_the_last_time_holds_on_both_sides(acts):
    """In either direction, as often as they like; and when nobody does anything, nothing is changed."""
    life = Life(chore(tracker=URL)).look()
    found = opened(life.item)
    for where, closes in acts:
        if where == "issue":
            found["state"] = "closed" if closes else "open"
        else:
            life.respec(closed=closes)
        for _ in range(2):
            found = done_to(life, found, sync([life.item], [found], REPO))
        assert (closes, closes) == (found["state"] == "closed", life.item.status.state == "Done")
        assert [] == sync([life.item], [found], REPO)
