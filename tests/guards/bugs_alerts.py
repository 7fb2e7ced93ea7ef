"""Bugs where alerts come in: who may send, what is stored once, what is joined, what stays open, what is silenced."""

from guards.planting import Bug, Bugs

GROUPS, STATES, FOLD, SEVERITY, RISES = (
    "alert_groups.py",
    "alert_states.py",
    "alert_fold.py",
    "severity.py",
    "severity_fold.py",
)
SHELL = "operator/stanch/shell"
RECEIVER, SENDER, STORE = f"{SHELL}/receiver.py", f"{SHELL}/sender.py", f"{SHELL}/alert_store.py"
POSTED, JOINED, FOLDED = "shell/test_receiver.py", "test_alert_groups.py", "test_alert_fold.py"
SILENCES, SILENCER = "silences.py", f"{SHELL}/silencer.py"

BUGS: Bugs = {
    "alerts: who may send": (
        Bug(
            "takes a token that was made for the API server",
            SENDER,
            ' or ALERTS_AUDIENCE not in (status.get("audiences") or ())',
            "",
            f"{POSTED}::test_nobody_without_a_token_for_this",
        ),
        Bug(
            "lets everybody send whom the API server knows",
            SENDER,
            'return bool(status.get("allowed"))',
            "return True",
            f"{POSTED}::test_who_may_not_create_alerts_there_is_refused",
        ),
        Bug(
            "lets a label choose any namespace",
            RECEIVER,
            "    allowed = named in policy.alerts_namespaces or ANY in policy.alerts_namespaces\n",
            "    allowed = True\n",
            f"{POSTED}::test_a_runbook_of_the_namespace_that_the_alerts_name_says_where",
        ),
        Bug(
            "answers 202 for what is not stored",
            RECEIVER,
            "            code, body = answer.code, {",
            "            code, body = 202 if answer.code == 503 else answer.code, {",
            f"{POSTED}::test_what_can_not_be_stored_now_is_asked_for_again",
        ),
        Bug(
            "reads a body of any size",
            RECEIVER,
            "web.Application(client_max_size=BODY_MAX)",
            "web.Application(client_max_size=2**40)",
            f"{POSTED}::test_a_body_without_a_length_is_bounded_too",
        ),
    ),
    "alerts: each group once": (
        Bug(
            "writes over what another receiver wrote",
            GROUPS,
            '        {"op": "test", "path": "/metadata/generation", "value": known.generation},\n',
            "",
            f"{POSTED}::test_what_another_wrote_meanwhile_is_not_written_over",
        ),
        Bug(
            "believes a patch into what was closed meanwhile",
            STORE,
            "after is None or (after.ended and not known.ended)",
            "after is None",
            f"{POSTED}::test_one_that_is_closed_while_it_is_written_gets_a_new_one",
        ),
        Bug(
            "leaves its alerts in the younger of two",
            STORE,
            "if first is None or first.name == name else",
            "if True else",
            f"{POSTED}::test_of_two_that_were_made_at_once_the_older_knows_all",
        ),
        Bug(
            "keeps both of two",
            FOLD,
            "(k.created, k.name) < mine",
            "k.created < mine[0]",
            f"{FOLDED}::test_of_two_the_younger_goes",
        ),
        Bug(
            "cancels one that somebody is in",
            FOLD,
            " or draft.records or _somebody_is_there(draft)",
            "",
            f"{FOLDED}::test_where_somebody_is_it_stays",
        ),
        Bug(
            "takes the end that was told last",
            STATES,
            "max(ends, default=None))",
            "ends[-1] if ends else None)",
            f"{JOINED}::test_the_order_in_which_it_is_told_makes_no_difference",
        ),
        Bug(
            "takes the start that was told last",
            STATES,
            "    joined = State(max(known.start, told.start), ",
            "    joined = State(told.start, ",
            f"{JOINED}::test_the_order_in_which_it_is_told_makes_no_difference",
        ),
        Bug(
            "never believes that an alert fires again",
            STATES,
            "now - known.end > late:",
            "False:",
            f"{JOINED}::test_what_fires_long_after_its_end_fires",
        ),
        Bug(
            "brings back what a person ended",
            GROUPS,
            "    return not state.fires and joined(state, state_of(alert), now).fires",
            "    return True",
            f"{JOINED}::test_what_a_person_ended_is_not_brought_back_by_a_repetition",
        ),
        Bug(
            "has room for any number",
            STORE,
            "for k in known) < OPEN_MAX",
            "for k in known) < 10**9",
            f"{POSTED}::test_more_groups_than_anybody_could_work_on_join_one",
        ),
        Bug(
            "reopens again and again",
            FOLD,
            "group.reopen_time and group.reopen_time > times.resolved",
            "group.reopen_time",
            f"{FOLDED}::test_what_fires_anew_reopens_it",
        ),
        Bug(
            "believes alerts that somebody wrote down",
            FOLD,
            "    return draft.incident.spec.alert_group if made else None",
            "    return draft.incident.spec.alert_group",
            f"{FOLDED}::test_alerts_that_somebody_wrote_down_reopen_nothing",
        ),
    ),
    "severity: of what is known": (
        Bug(
            "counts one window alone",
            SEVERITY,
            "        if long is not None and short is not None:\n            return rule, long, short",
            "        if long is not None:\n            return rule, long, short or long",
            "test_severity.py::test_burn_rates_by_both_windows",
        ),
        Bug(
            "does not know a rate that was rounded",
            SEVERITY,
            "rule.factor * ROUNDED",
            "rule.factor",
            "test_severity.py::test_burn_rates_by_both_windows",
        ),
        Bug(
            "falls by itself",
            RISES,
            "    if facts.level > known.level:\n        return\n    changes",
            "    changes",
            "test_severity.py::test_it_rises_by_itself_and_never_falls_by_itself",
        ),
        Bug(
            "raises over a person's word",
            RISES,
            "    if known.source == Source.DERIVED:",
            "    if True:",
            "test_severity.py::test_a_persons_word_stands",
        ),
    ),
    "silences: while somebody is at it": (
        Bug(
            "follows wherever an answer leads",
            SILENCER,
            "allow_redirects=False",
            "allow_redirects=True",
            "shell/test_silencer.py::test_no_answer_leads_elsewhere",
        ),
        Bug(
            "ends what another cluster silenced",
            SILENCES,
            ' and str(s["comment"]).startswith(marks)',
            "",
            "test_silences.py::test_nobody_elses_is_touched",
        ),
        Bug(
            "silences everything that a team has",
            SILENCES,
            " or MUST_HAVE not in (group.labels or {})",
            "",
            "test_silences.py::test_what_would_hide_too_much_is_not_silenced",
        ),
        Bug(
            "silences what nobody looks at",
            SILENCES,
            "if at_it else None",
            "if True else None",
            "test_silences.py::test_nothing_is_silenced_before_somebody_is_at_it",
        ),
        Bug(
            "believes an Alertmanager that was just started",
            SILENCES,
            "    if now - up_since < SETTLED:\n        return None\n",
            "",
            "test_silences.py::test_an_alertmanager_that_was_just_started_says_nothing",
        ),
    ),
}
