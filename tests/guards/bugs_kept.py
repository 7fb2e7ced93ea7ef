"""Bugs in what is kept, and from whom: undo records, heartbeats, credentials in words, bodies that nobody may send."""

from guards.planting import Bug, Bugs

SHELL = "operator/stanch/shell"
KEPT, SWEEP, OWN, RBAC = "undo_kept.py", f"{SHELL}/undo_sweep.py", "tools/policy_leash_own.py", "tools/rbac.py"
NEEDED = "test_undo_kept.py::test_what_is_needed_stays"
LEASHED = "test_leash_own.py::test_of_secrets_it_deletes_undo_records_only"
OUTSIDE, SILENCER, RECEIVER = f"{SHELL}/outside.py", f"{SHELL}/silencer.py", f"{SHELL}/receiver.py"
UNREAD = "shell/test_receiver.py::test_of_who_may_not_send_nothing_large_is_read"

BUGS: Bugs = {
    "undo records: kept while they are needed": (
        Bug(
            "removes what is owed",
            KEPT,
            "if d.action_item is None or not is_done(d.action_item)}",
            "if d.action_item is not None and not is_done(d.action_item)}",
            NEEDED,
        ),
        Bug("takes an item for done", KEPT, "or not is_done(d.action_item)}", "}", NEEDED),
        Bug("removes what is under way", KEPT, "_UNSETTLED: Final = OPEN | ", "_UNSETTLED: Final = ", NEEDED),
        Bug("removes what nobody knows the end of", KEPT, " | {AttemptState.UNKNOWN}", "", NEEDED),
        Bug("removes what is to be taken back", KEPT, "        and record.undo_asked is None\n", "", NEEDED),
        Bug(
            "removes it at once",
            KEPT,
            "over + KEPT_AFTER if",
            "over if",
            "test_undo_kept.py::test_it_may_go_a_day_after_the_closing",
        ),
        Bug(
            "removes it although somebody works on it",
            KEPT,
            " and Label.CLOSED in incident.metadata.labels else",
            " else",
            "shell/test_undo_sweep.py::test_what_may_be_needed_stays_for_ever",
        ),
        Bug(
            "gives away what another needs",
            "invariants.py",
            "    return not kept & spent(plan.status, lambda _: True)\n",
            "    return True\n",
            "test_laws.py::test_each_law_catches_the_bug_it_forbids",
        ),
        Bug(
            "removes what is another's by now",
            SWEEP,
            "if not found.ok or not _is_its(",
            "if not found.ok or False and not _is_its(",
            "shell/test_undo_sweep.py::test_what_says_that_it_is_anothers_is_left_alone",
        ),
        Bug(
            "removes what somebody wrote since",
            SWEEP,
            ', version=meta["resourceVersion"]',
            "",
            "shell/test_undo_sweep.py::test_what_nobody_needs_is_removed_as_it_was_seen",
        ),
        Bug(
            "takes no answer for gone",
            SWEEP,
            "gone = reply.status == 404 or",
            "gone = not reply.ok or",
            "shell/test_undo_sweep.py::test_of_one_that_can_not_be_read_later_nothing_goes",
        ),
    ),
    "the leash on Secrets that go": (
        Bug("deletes any Secret", OWN, "request.operation != 'DELETE' || (dyn(", "true || (dyn(", LEASHED),
        Bug(
            "deletes any Secret of its type",
            OWN,
            "        && '{Label.INCIDENT_UID}' in oldObject.metadata.?labels.orValue({{}}))\n",
            "        )\n",
            LEASHED,
        ),
        Bug(
            "deletes a name",
            OWN,
            "\"request.operation != 'DELETE' || dyn(request).?options.?preconditions.?uid.hasValue()\"",
            '"true"',
            "test_leash_own.py::test_an_undo_record_goes_by_its_uid",
        ),
    ),
    "roles: where, too": (
        Bug(
            "reads everybody's Leases",
            RBAC,
            '            allow("get list", "", "nodes"),\n',
            '            allow("get list", "", "nodes"),\n            allow("get", "coordination.k8s.io", "leases"),\n',
            "test_rights.py::test_heartbeats_are_read_where_nodes_leave_them",
        ),
    ),
    "credentials: masked before they are cut": (
        Bug(
            "leaves half of what Prometheus repeats",
            OUTSIDE,
            "access.masked(answer.message)[:WORDS_MAX]",
            "access.masked(answer.message[:WORDS_MAX])",
            "shell/test_outside_access.py::test_half_of_what_was_sent_is_in_no_answer",
        ),
        Bug(
            "quotes what it could not read",
            OUTSIDE,
            "    if isinstance(error, QUOTING):\n",
            "    if False:\n",
            "shell/test_outside_access.py::test_what_is_no_http_is_not_quoted",
        ),
        Bug(
            "leaves half of what Alertmanager repeats",
            SILENCER,
            'access.masked(raw.decode("utf-8", "replace"))[:SAID_MAX]',
            'access.masked(raw.decode("utf-8", "replace")[:SAID_MAX])',
            "shell/test_silencer.py::test_half_of_what_was_sent_is_told_to_nobody",
        ),
    ),
    "alerts: who may send much": (
        Bug(
            "reads before it knows who may",
            RECEIVER,
            "            await self._welcomed(sender, request)\n",
            "            await _body(request)\n            await self._welcomed(sender, request)\n",
            UNREAD,
        ),
        Bug(
            "takes no length for little",
            RECEIVER,
            "(request.content_length is None or request.content_length > SMALL)",
            "(request.content_length or 0) > SMALL",
            UNREAD,
        ),
        Bug(
            "believes no URL",
            RECEIVER,
            "places = (named,) if named else (",
            "places = (",
            "shell/test_receiver.py::test_who_may_send_to_one_other_namespace_names_it_in_the_url",
        ),
    ),
}
