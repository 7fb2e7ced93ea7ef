"""Whole postmortems pass or fail as a reader would say: case studies of the lectures, and public ones by their structure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from crd_schema import problems
from stanch.core.lint import run
from stanch.core.lint.form import Item, Whole
from stanch.core.lint.run import ALL, blocking, item_of, items_of, lint

CASES = sorted((Path(__file__).parent / "lint_cases").glob("*.yaml"))


def read(path: Path) -> tuple[list[str], Whole]:
    """What the first line expects, and the postmortem."""
    text = path.read_text(encoding="utf-8")
    expected = text.splitlines()[0].removeprefix("# Expect: ").split()
    post, *items = yaml.safe_load_all(text)
    found = items_of(post["spec"], post["metadata"]["name"], items)
    return [] if expected == ["nothing"] else expected, Whole(post["spec"], found)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_a_case_passes_or_fails_as_a_reader_would_say(path):
    """Exactly these rules, and every finding says where, why, and how it is said of the system."""
    expected, whole = read(path)
    found = lint(whole)
    assert sorted(expected) == sorted({f.rule for f in found}), [(f.rule, f.field, f.excerpt) for f in found]
    assert all(f.field and f.excerpt and f.why and f.instead for f in found)


def test_there_are_cases_of_both_kinds():
    """Three case studies and six public ones, each as it can be published; and ones that can't: blaming, thin, or both."""
    clean = [p.stem for p in CASES if not blocking(lint(read(p)[1]))]
    assert 9 == len(clean), clean
    assert 6 == len(CASES) - len(clean)


@pytest.mark.parametrize("path", [p for p in CASES if p.stem.startswith("report-")], ids=lambda p: p.stem)
def test_a_public_report_fits_into_the_objects(path):
    """Nothing of it is pruned or refused by the schemas that the API server has."""
    assert [] == [
        f"{body['kind']} {problem}"
        for body in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        for problem in problems(body["kind"], body)
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"summery": "x"}, "spec.summery: unknown"),
        ({"summary": 7}, "spec.summary: not a string"),
        ({"factors": [{"name": "A b", "class": "Change", "statement": "x"}]}, "spec.factors[0].name: does not match"),
        ({"factors": [{"name": "a", "class": "Person", "statement": "x"}]}, "spec.factors[0].class: not one of"),
        ({"impact": {"minutes": -1}}, "spec.impact.minutes: less than 0"),
        ({"whys": ["x"] * 11}, "spec.whys: more than 10"),
        ({"incident": None}, "spec.incident: missing"),
    ],
)
def test_the_schema_says_no(change, problem):
    """So that a case that fits is known to."""
    spec = {k: v for k, v in ({**good(), **change}).items() if v is not None}
    (found,) = problems("Postmortem", {"kind": "Postmortem", "metadata": {}, "spec": spec})
    assert found.startswith(problem), found


def good() -> dict[str, Any]:
    """A spec that breaks no rule."""
    return {**read(CASES[0])[1].spec}


def rules(spec: dict[str, Any], items: tuple[Item, ...] | None = None, **more: Any) -> set[str]:
    """Rules that a spec breaks."""
    return {f.rule for f in lint(Whole(spec, read(CASES[0])[1].items if items is None else items, **more))}


LONG = "On 12 May from 15:10 to 15:52 no user could log in. " * 5


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"summary": "It broke."}, "summary-stands-alone"),
        ({"summary": None}, "summary-stands-alone"),
        ({"summary": LONG.replace("15:10", "ten").replace("15:52", "two")}, "summary-stands-alone"),
        ({"summary": LONG.replace("no user could log in", "all was quiet there then")}, "summary-stands-alone"),
        ({"impact": {"users": "many"}}, "impact-in-numbers"),
        ({"impact": None}, "impact-in-numbers"),
        ({"factors": []}, "few-factors"),
        ({"whys": ["Why? Because."]}, "whys-end-in-structure"),
        ({"whys": ["Why? It was slow.", "Why was it slow? The engineer made a mistake."]}, "whys-end-in-structure"),
        ({"whys": ["Why? It was slow.", "Why was it slow? Bob was tired."]}, "whys-end-in-structure"),
        ({"gotLucky": []}, "luck-is-named"),
        ({"lessons": "To be filled: what can others learn?"}, "unfilled"),
        ({"lessons": "TBD"}, "unfilled"),
        ({"actionItems": ["nobody-made-this"]}, "action-missing"),
    ],
)
def test_what_is_missing_is_found(change, rule):
    """One rule at a time, on a text that breaks none."""
    assert set() == rules(good())
    assert rule in rules(
        {**good(), **change}, None if "actionItems" not in change else (Item("nobody-made-this", there=False),)
    )


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        (Item("a", "Improve monitoring", owner="sre", due="2026-05-01"), "action-vague"),
        (Item("a", "Investigate the DNS issue", owner="sre", due="2026-05-01"), "action-vague"),
        (Item("a", "We should consider improving the tests", owner="sre", due="2026-05-01"), "action-vague"),
        (Item("a", "Fix it", owner="sre", due="2026-05-01"), "action-vague"),
        (Item("a", "Alert on pool use above 80 %", owner="", due="2026-05-01"), "action-owner"),
        (Item("a", "Alert on pool use above 80 %", owner="TBD", due="2026-05-01"), "action-owner"),
        (Item("a", "Alert on pool use above 80 %", owner="sre and dba", due="2026-05-01"), "action-owner"),
        (Item("a", "Alert on pool use above 80 %", owner="team-x?", due="2026-05-01"), "action-owner"),
        (Item("a", "Alert on pool use above 80 %", owner="sre", due=""), "action-due"),
        (Item("a", "Alert on pool use above 80 %", owner="sre", due="soon"), "action-due"),
    ],
)
def test_an_action_that_nobody_can_see_done_is_found(item, rule):
    """Vague, of nobody or of several, without a date."""
    assert rule in rules(good(), (*read(CASES[0])[1].items, item))


@pytest.mark.parametrize(
    "title",
    [
        "Improve p99 of checkout below 300 ms",
        "Ensure `restore-drill` runs every night",
        "Alert on connection-pool utilisation above 80 %",
        "Add a confirmation prompt before any --force flag",
        "Cap pod churn in the deploy pipeline",
    ],
)
def test_an_action_that_can_be_seen_done_passes(title):
    """Also one that begins with a word that is vague by itself."""
    item = Item("a", title, owner="sre", due="2026-05-01")
    assert set() == rules(good(), (*read(CASES[0])[1].items, item))


def test_of_many_actions_none_gets_done():
    """Five pass, six do not."""
    items = read(CASES[0])[1].items
    more = tuple(Item(f"a{n}", "Alert on pool use above 80 %", owner="sre", due="2026-05-01") for n in range(3))
    assert set() == rules(good(), (*items, *more[: 5 - len(items)]))
    assert "action-too-many" in rules(good(), (*items, *more))


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {"name": "x", "labels": {"app.kubernetes.io/managed-by": "stanch"}}},
        {"metadata": {"name": "x"}, "status": {"conditions": [{"type": "Done", "status": "True"}]}},
    ],
    ids=["owed anyway", "done"],
)
def test_what_is_done_or_owed_anyway_is_not_one_too_many(more):
    """Who publishes a text did not write the one, and can do no more about the other."""
    spec = {"title": "Alert on pool use above 80 %", "owner": "sre", "dueTime": "2026-05-01T00:00:00Z"}
    bodies = [{**more, "spec": spec, "metadata": {**more["metadata"], "name": f"x-{n}"}} for n in range(6)]
    assert set() == rules(good(), (*read(CASES[0])[1].items, *map(item_of, bodies)))


def test_what_was_said_that_night_is_no_question_of_the_draft():
    """A note of kind Todo stands in the timeline as it was said, and so does `TBD`."""
    lines = [
        {"time": "2026-05-12T15:20:00Z", "by": "bob", "text": text} for text in ("Todo: alert on the pool", "ETA TBD")
    ]
    assert set() == rules({**good(), "timeline": lines})


def test_a_text_is_looked_at_again_only_where_it_changed(monkeypatch):
    """It is judged at each write of it, of its incident and of its items, and a long one takes seconds."""
    looked = []
    spied = [
        replace(rule, look=lambda said, crowd: looked.append(said.text) or iter(())) for rule in run.SENTENCE_RULES[:1]
    ]
    monkeypatch.setattr(run, "SENTENCE_RULES", tuple(spied))
    run._in_sentence.cache_clear()
    run.lint_sentence("The build was green. The release was not.")
    assert 2 == len(looked)
    run.lint_sentence("The build was green. The release was late.", field="spec.lessons")
    run._in_sentence.cache_clear()
    assert ["The build was green.", "The release was not.", "The release was late."] == looked


def test_a_short_review_is_asked_for_less():
    """No factors, whys or luck; but no blame either."""
    assert set() == rules({"summary": "Checkout was slow for a minute."}, (), full=False)
    assert {"person-as-cause"} == rules({"summary": "Bob forgot the flag."}, (), full=False)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("Alice pushed a bad config.", "The validation accepted"),
        ("Bob deleted the wrong table.", "deletes at once"),
        ("The engineer ran the wrong command.", "ran it in"),
        ("Carol ignored the alert.", "The alert"),
        ("Dan forgot the second step.", "lives in people's memory"),
    ],
)
def test_the_rewrite_fits_what_the_sentence_is_about(text, frame):
    """A framing of the system, to be filled in; not a person and not a passive."""
    (found,) = lint(Whole({"summary": text}, full=False))
    assert frame in found.instead
    assert text == found.excerpt


def test_people_of_the_record_are_people():
    """A user name that is no first name counts when the record has it; code in backticks is nobody's words."""
    spec = {"summary": "zq81 forgot the flag. `zq81 forgot` is a log line."}
    assert [] == [f.rule for f in lint(Whole(spec, full=False))]
    assert ["person-as-cause"] == [f.rule for f in lint(Whole(spec, full=False), ["zq81@example.com"])]


def test_every_rule_explains_itself():
    """Why it is there and what to write instead, in a sentence."""
    assert all(len(rule.why) > 20 and len(rule.instead) > 5 for rule in ALL.values())
