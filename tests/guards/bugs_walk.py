"""Bugs in what decisions 2.3 has told or moved: a record that is full, what stalls, and who is told of it."""

from guards.planting import Bug, Bugs

PAGES, LIFECYCLE, DEBTS = "pages.py", "lifecycle.py", "debts.py"
ROLES, SPEC = "role_entries.py", "spec_fold.py"
SHARED = "test_shared_roles.py::test_several_have_it_at_once"
NAMED = "test_shared_roles.py::test_the_spec_names_some_and_others_join"
TOLD = "test_walk.py::test_it_is_told_and_moves_what_it_moves"
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
    "what 2.3 says is told and moved": (
        Bug(
            "stalls without a word",
            LIFECYCLE,
            '        draft.say(EventKind.STALLED, f"{held.reason}: {text}", event=True, warning=True)\n',
            "        pass\n",
            TOLD,
        ),
        Bug(
            "breaks a law without a word",
            "stalled.py",
            '        events=(Told(EventKind.STALLED, f"{Reason.LAW_BROKEN}: {message[:900]}", warning=True),),\n',
            "",
            "test_walk.py::test_a_broken_law_is_told_once",
        ),
        Bug(
            "takes a role for any other word",
            LIFECYCLE,
            "    return (Reason.ROLE_TAKEN, ",
            "    return (Reason.ENTRY, ",
            TOLD,
        ),
        Bug(
            "ends it in a tug of war",
            LIFECYCLE,
            "    if contested is not None and contested.reason == Reason.TUG_OF_WAR:\n",
            "    if False:\n",
            "test_gitops.py::test_in_a_tug_of_war_nothing_is_called_over",
        ),
        Bug(
            "tells no channel of a debt that is an hour late",
            DEBTS,
            "    severe = draft.severity in ESCALATED and ",
            "    severe = False and ",
            TOLD,
        ),
        Bug(
            "has a word that nothing tells",
            "operator/stanch/api/names.py",
            '    STALLED: Final = "Stalled"\n\n\nclass MissingReason',
            '    STALLED: Final = "Stalled"\n    FORGOTTEN: Final = "Forgotten"\n\n\nclass MissingReason',
            "test_walk.py::test_every_kind_is_told_by_somebody",
        ),
    ),
    "several are expert or shadow": (
        Bug(
            "takes it from who has it",
            ROLES,
            "    if role in SHARED:\n",
            "    if False:\n",
            SHARED,
        ),
        Bug(
            "joins without end",
            ROLES,
            "    if len(there) >= SHARED_MAX:\n",
            "    if False:\n",
            "test_shared_roles.py::test_there_is_room_for_sixteen_of_each",
        ),
        Bug(
            "forgets whom the spec names",
            SPEC,
            "    _shared(draft, Seat.EXPERT.value, said.experts or ())\n",
            "",
            NAMED,
        ),
        Bug(
            "lets the spec send away who came by themselves",
            SPEC,
            '    gone = [r for r in mine if r.source == "Spec" and r.user not in named]\n',
            "    gone = [r for r in mine if r.user not in named]\n",
            NAMED,
        ),
        Bug(
            "counts who learns as a responder",
            "nudges.py",
            "for r in roles}) - learning\n",
            "for r in roles})\n",
            "test_shared_roles.py::test_who_learns_splits_no_roles_and_is_no_responder",
        ),
        Bug(
            "tires experts out",
            "nudges.py",
            "        if record.role not in SHARED:\n",
            "        if True:\n",
            "test_shared_roles.py::test_it_makes_nobody_tired",
        ),
    ),
}
