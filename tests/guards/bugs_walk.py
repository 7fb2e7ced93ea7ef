"""Bugs in what decisions 2.3 has told or moved: a record that is full, what stalls, and who is told of it."""

from guards.planting import Bug, Bugs

PAGES, LIFECYCLE, DEBTS = "pages.py", "lifecycle.py", "debts.py"
FULL = "test_full_record.py::test_what_nobody_hears_is_said_where_people_look"

BUGS: Bugs = {
    "a full record is said": (
        Bug(
            "says nothing while nobody is heard",
            PAGES,
            "    elif why is not None and not said:\n",
            "    elif False:\n",
            FULL,
        ),
        Bug(
            "says it for ever",
            PAGES,
            "        if said:\n            drop(draft, ConditionType.STALLED)\n",
            "        pass\n",
            FULL,
        ),
        Bug(
            "says it before anybody waits",
            PAGES,
            "    if not is_full(draft):\n        if said:\n",
            "    if why is None and not is_full(draft):\n        if said:\n",
            "test_full_record.py::test_a_page_that_fails_before_it_is_full_stalls_nobody",
        ),
        Bug(
            "forgets it at the next look",
            LIFECYCLE,
            "        if known is not None and known.reason != Reason.RECORD_FULL:\n",
            "        if known is not None:\n",
            FULL,
        ),
        Bug(
            "writes more than fits",
            "plan.py",
            "    if overflows(draft):\n",
            "    if False:\n",
            "test_full_record.py::test_what_does_not_fit_waits_for_a_page_and_breaks_no_law",
        ),
    ),
}
