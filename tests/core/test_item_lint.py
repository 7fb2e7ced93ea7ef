"""Specific and testable, or what would make it so: as a person who has seen many postmortems would say."""

from datetime import timedelta

import pytest

from build import T0, stamp
from chores import PDB, chore
from stanch.core.item_lint import Context, Sibling, lint
from stanch.core.lint.form import Whole
from stanch.core.lint.run import item_of
from stanch.core.lint.run import lint as lint_whole

GOOD = (
    "Alert when the orders reader meets an unknown column",
    "Add a PodDisruptionBudget to checkout",
    "Set statement_timeout to 5 s for the reporting role",
    "Remove the manual step from the failover runbook",
    "Page on-call when the certificate expires within 14 days",
    "Limit retries of the payments client to three with backoff",
    "Document how to drain a zone in the runbook",
    "Implement a canary for migrations",
    "Stop deploys on Friday after 16:00",
    "Manage feature flags of checkout in Git",
    "Instrument the orders reader with a histogram",
    "Partition table orders by month",
    "Silence the disk alert of the build nodes",
    "Balance connections over both zones",
)
# As people, teams of GitHub and issuers of tokens are named.
ONE = ("R&D platform", "shop/orders-team", "alice+oncall@example.com", "https://accounts.example.com#alice")


def rules(item, **context) -> list[str]:
    """Names of the rules that found something."""
    return [f.rule for f in lint(item, Context(**context))]


@pytest.mark.parametrize("title", GOOD)
def test_a_good_item_has_no_finding(title):
    """Verb, thing, one owner, a due time that fits, a test."""
    assert [] == rules(chore(title=title, doneWhen={"objectExists": PDB}))


@pytest.mark.parametrize("owner", ONE)
def test_one_owner_is_one_whatever_is_in_the_name(owner):
    """Here, and where it would keep a Postmortem from being published."""
    item = chore(owner=owner, doneWhen={"objectExists": PDB})
    whole = Whole({}, (item_of(item.wire()),), full=False)
    assert ([], []) == (rules(item), [f.rule for f in lint_whole(whole)])


@pytest.mark.parametrize(
    ("spec", "rule", "field"),
    [
        ({"title": "Improve monitoring of the reader"}, "VagueVerb", "spec.title"),
        ({"title": "Investigate the slow query on orders"}, "VagueVerb", "spec.title"),
        ({"title": "Look into retry storms of payments"}, "VagueVerb", "spec.title"),
        ({"title": "Ensure that migrations are safe"}, "VagueVerb", "spec.title"),
        ({"title": "Remind people to check the dashboard"}, "AsksForCare", "spec.title"),
        ({"title": "Engineers must be more careful with migrations"}, "AsksForCare", "spec.title"),
        ({"title": "Better alerts for the orders reader"}, "NoVerb", "spec.title"),
        ({"title": "Documentation of the failover procedure"}, "NoVerb", "spec.title"),
        ({"title": "The reader must not crash on it"}, "NoVerb", "spec.title"),
        ({"title": "Insurance against a second column"}, "NoVerb", "spec.title"),
        ({"title": "Fix it"}, "NamesNothing", "spec.title"),
        ({"owner": "alice and bob"}, "SeveralOwners", "spec.owner"),
        ({"owner": "orders / payments"}, "SeveralOwners", "spec.owner"),
        ({"owner": "orders-team?"}, "SeveralOwners", "spec.owner"),
        ({"owner": "TBD"}, "NoOwner", "spec.owner"),
        ({"owner": "everyone"}, "NoOwner", "spec.owner"),
        ({"description": None}, "NotTestable", "spec.doneWhen"),
        ({"description": "We talked about this."}, "NotTestable", "spec.doneWhen"),
        ({"priority": None}, "NoPriority", "spec.priority"),
        ({"kind": None}, "NoKind", "spec.kind"),
        ({"postmortem": "checkout-5xx"}, "AnswersNothing", "spec.answers"),
        ({"priority": "P0"}, "DueTooLate", "spec.dueTime"),
        (
            {"doneWhen": {"promQL": {"query": "absent(up)"}}},
            "DoneWhenInvalid",
            "spec.doneWhen.promQL.query",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_finds_what_it_is_for_and_nothing_else(spec, rule, field):
    """With the field, and what would be better."""
    (finding,) = lint(chore(**{"title": "Alert when the reader meets an unknown column", **spec}), Context())
    assert (rule, field) == (finding.rule, finding.field)
    assert len(finding.text) > 20


@pytest.mark.parametrize(("priority", "days"), [("P0", 7), ("P1", 21), ("P2", 45), ("P3", 90)])
def test_what_is_urgent_is_due_soon(priority, days):
    """To the second, from when it was written down."""
    due = T0 + timedelta(days=days)
    assert [] == rules(chore(priority=priority, dueTime=stamp(due)))
    assert ["DueTooLate"] == rules(chore(priority=priority, dueTime=stamp(due + timedelta(seconds=1))))


def others(*after: int, machine: bool = False) -> list[Sibling]:
    """Items made so many minutes later than ours."""
    return [Sibling(f"other-{n}", T0 + timedelta(minutes=n), machine) for n in after]


def test_more_than_five_will_not_get_done():
    """The sixth is found, not the first five; what stanch drafted counts first."""
    assert [] == rules(chore(), siblings=others(-1, -2, -3, -4))
    assert ["TooMany"] == rules(chore(), siblings=others(-1, -2, -3, -4, -5))
    assert [] == rules(chore(), siblings=others(1, 2, 3, 4, 5, 6, 7))
    assert ["TooMany"] == rules(chore(), siblings=others(1, 2, 3, 4, 5, machine=True))
    (finding,) = lint(chore(postmortem="pm", answers=["x"]), Context(siblings=others(-1, -2, -3, -4, -5)))
    assert finding.text.startswith("no. 6 of 6 that are open of postmortem pm; 5 are as many as get done")
