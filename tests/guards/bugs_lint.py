"""Each rule of `stanch runbook lint` left out, one at a time: a rule that nobody would miss is none."""

from guards.planting import Bug, Bugs

LINT, TESTS = "operator/stanch/cli/runbook/lint.py", "cli/test_runbook_lint.py"
ASKED = "        for each in rule.check(subject):\n"
# Found by a test of their own; all the others by what is planted in the table.
BY_NAME = {
    "RB006": "test_two_of_the_same_rank_are_found_by_the_alerts_of_their_tests",
    "RB017": "test_a_rung_that_is_never_reached_is_found",
    "RB019": "test_what_nothing_follows_from_is_found",
    "RB029": "test_prose_is_asked_for",
    "RB030": "test_prose_is_asked_for",
    "RB031": "test_prose_is_asked_for",
    "RB032": "test_tests_are_asked_for",
}
# RB001 is the schema's, RB002 about exceptions: neither is asked there.
IDS = tuple(f"RB{number:03}" for number in range(3, 33))


def left_out(rule: str) -> Bug:
    """The rule is not asked."""
    without = ASKED.replace("rule.check(subject)", f'rule.check(subject) if rule.id != "{rule}" else ()')
    seen_by = BY_NAME.get(rule, "test_what_is_planted_is_found")
    return Bug(f"does not ask {rule}", LINT, ASKED, without, f"{TESTS}::{seen_by}")


BUGS: Bugs = {"lint: each rule is missed": tuple(left_out(rule) for rule in IDS)}
