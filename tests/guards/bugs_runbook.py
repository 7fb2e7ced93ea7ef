"""Bugs in Runbooks: what is frozen, who acts by itself, whose rights count, how often, and who may choose or write one."""

from guards.planting import Bug, Bugs

WHO_ASKS = "test_runbook_askers.py"
RUNBOOKS, AUTHORITY, RENDER, MATCH = "runbooks.py", "runbook_authority.py", "runbook_render.py", "runbook_match.py"
ASKERS, PARTS, OTHERS = "tools/policy_askers.py", "tools/policy_parts.py", "tools/policies.py"
TESTS, POLICIES = "test_runbooks.py", "test_policies_runbook.py"
FROZEN = f"{TESTS}::test_a_push_to_git_changes_no_plan"
OBSERVE = f"{TESTS}::test_observe_shows_the_plan_and_never_acts"
UNDRILLED = f"{TESTS}::test_auto_asks_a_person_until_it_was_drilled"
OFTEN = f"{TESTS}::test_more_runs_than_max_per_day_ask_a_person"
OTHER_CHOICE = f"{POLICIES}::test_who_changes_the_choice_answers_for_it"
TARGETS = f"{TESTS}::test_targets_and_recovery_are_the_runbooks_where_the_incident_says_nothing"

BUGS: Bugs = {
    "runbooks: what was frozen": (
        Bug(
            "lets a push to Git change a plan",
            RUNBOOKS,
            "    if choice is None or (known is not None and known.digest is not None):",
            "    if choice is None:",
            FROZEN,
        ),
        Bug(
            "takes targets only from the incident",
            RUNBOOKS,
            "    targets = spec.targets or frozen.targets",
            "    targets = spec.targets",
            TARGETS,
        ),
        Bug(
            "takes the bar only from the incident",
            RUNBOOKS,
            "    recovery = spec.recovery or (",
            "    recovery = spec.recovery or None and (",
            TARGETS,
        ),
        Bug(
            "plans though it is another situation",
            RUNBOOKS,
            "    if unmet := [p for p in looked if not p.met]:",
            "    if unmet := []:",
            f"{TESTS}::test_preconditions_are_looked_at_until_they_are_met",
        ),
        Bug(
            "lets a plan act that is only shown",
            "invariants.py",
            "frozen.digest is None or frozen.mode is Mode.OBSERVE",
            "frozen.digest is None",
            f"{TESTS}::test_law_27_lets_by_itself_act_only_what_is_in_auto",
        ),
    ),
    "runbooks: who acts by itself": (
        Bug(
            "acts in mode Observe",
            AUTHORITY,
            "    if known is None or known.mode is not Mode.OBSERVE:",
            "    if True:",
            OBSERVE,
        ),
        Bug(
            "keeps others waiting for what is only shown",
            "start.py",
            "changed.state is WishState.HELD and is_only_shown(draft, changed) is None:",
            "changed.state is WishState.HELD:",
            OBSERVE,
        ),
        Bug(
            "needs nobody in mode Approve",
            "approvals.py",
            "    least = 1 if record.source.startswith(RUNBOOK) and not record.automatic else 0",
            "    least = 0",
            f"{TESTS}::test_the_plan_is_frozen_and_waits_for_a_person",
        ),
        Bug(
            "lets Git act by itself",
            AUTHORITY,
            "is_machine(by.username, draft.catalog.policy) and not chosen_by_an_alert(draft)",
            "False",
            f"{TESTS}::test_a_machine_that_chooses_it_waits_for_a_person",
        ),
        Bug("acts by itself though never drilled", AUTHORITY, "    if drill is None:", "    if False:", UNDRILLED),
        Bug(
            "acts by itself on a drill of long ago",
            AUTHORITY,
            "    if drill.time + within < draft.now:",
            "    if False:",
            UNDRILLED,
        ),
        Bug(
            "acts by itself though changed since its drill",
            AUTHORITY,
            "    if drill.generation != runbook.metadata.generation:",
            "    if False:",
            f"{TESTS}::test_a_change_since_the_drill_asks_a_person",
        ),
        Bug(
            "starts though it no longer hurts",
            "start.py",
            "(before or record.source.startswith(RUNBOOK))",
            "before",
            f"{TESTS}::test_auto_starts_nothing_once_harm_is_over",
        ),
        Bug(
            "takes a real incident for a drill",
            "runbook_status.py",
            '    if not (incident.get("spec") or {}).get("drill") or ',
            "    if ",
            "test_runbook_status.py::test_what_was_no_drill_counts_for_nothing",
        ),
    ),
    "runbooks: whose rights": (
        Bug(
            "lends an alert's power to who changes the choice",
            AUTHORITY,
            '    return by.username in (OPERATOR_USER, _account_name(draft, spec.service_account_name or ""))',
            "    return True",
            f"{TESTS}::test_a_person_who_changes_the_choice_of_an_alert_is_who_asks",
        ),
        Bug(
            "does not ask again for the verb run",
            "guard_order.py",
            "    (3, may_run),\n",
            "",
            f"{TESTS}::test_the_verb_run_is_asked_again",
        ),
        Bug(
            "does not take the rights of the account",
            AUTHORITY,
            "    if known is not None and known.account:",
            "    if False:",
            f"{TESTS}::test_the_service_account_lends_its_rights",
        ),
        Bug(
            "acts with the operator's own rights",
            AUTHORITY,
            "    if record.requested_by != OPERATOR_USER and (known is None or not chosen_by_an_alert(draft)):",
            "    if True:",
            f"{TESTS}::test_without_an_account_who_approves_becomes_who_asks",
        ),
        Bug(
            "lends the rights of an account that is not named any more",
            AUTHORITY,
            " and (known is None or not chosen_by_an_alert(draft)):",
            ":",
            f"{TESTS}::test_an_account_that_the_runbook_does_not_name_any_more_lends_nothing",
        ),
        Bug(
            "sticks to who approved first",
            AUTHORITY,
            " and may(draft, record, aim, each, needs) is None)",
            ")",
            f"{TESTS}::test_without_an_account_who_approves_becomes_who_asks",
        ),
        Bug(
            "takes who approved last for who asks",
            AUTHORITY,
            "    return next(able, people[0])",
            "    return people[-1]",
            f"{WHO_ASKS}::test_of_two_who_agree_the_first_who_may_is_who_asks",
        ),
        Bug(
            "waits for another asker than a commander who may not act",
            AUTHORITY,
            "if each.username != commander and may(",
            "if may(",
            f"{WHO_ASKS}::test_a_commander_who_agreed_first_keeps_no_other_from_asking",
        ),
        Bug(
            "keeps a commander who may act from asking",
            AUTHORITY,
            ' if draft.catalog.policy.commander_acts == "Deny" else None',
            "",
            f"{WHO_ASKS}::test_a_commander_who_agreed_first_keeps_no_other_from_asking",
        ),
    ),
    "runbooks: how often": (
        Bug(
            "knows no cooldown",
            "guard_order.py",
            "    (9, runbook_has_rested),\n",
            "",
            f"{TESTS}::test_its_cooldown_holds_the_same_target",
        ),
        Bug("knows no maxPerDay", "pace.py", " or runs_too_often(draft, record)", "", OFTEN),
        Bug(
            "forgets its runs when the incident is closed",
            "pace.py",
            "    ends += [d.time + counted_for(draft, d) for d in mine]\n",
            "",
            f"{TESTS}::test_it_is_counted_for_as_long_as_its_own_guardrails_look",
        ),
    ),
    "runbooks: whom to call": (
        Bug(
            "calls though harm is over",
            "runbook_escalate.py",
            " or is_true(draft.status, ConditionType.MITIGATED):",
            ":",
            "test_runbook_calls.py::test_who_was_not_called_while_it_was_calm_is_when_harm_is_back",
        ),
        Bug(
            "calls again and again",
            "runbook_escalate.py",
            'update={"said_time": draft.now}',
            'update={"said_time": None}',
            "test_runbook_calls.py::test_who_is_to_be_called_is_said_once_while_it_hurts",
        ),
    ),
    "runbooks: hostile labels": (
        Bug(
            "fills in what a value says",
            RENDER,
            "        return WRITTEN.sub(lambda m: _value(m[1], values, path), value)\n    if isinstance(value, dict)",
            "        once = WRITTEN.sub(lambda m: _value(m[1], values, path), value)\n"
            "        return WRITTEN.sub(lambda m: values.get(m[1], m[0]), once)\n    if isinstance(value, dict)",
            "test_runbook_render.py::test_a_value_is_looked_at_once",
        ),
        Bug(
            "takes what fits in part",
            "regex.py",
            "        return self._end in here",
            "        return True",
            "test_regex.py::test_the_whole_text_must_fit",
        ),
        Bug(
            "repeats nothing for as long as a Runbook says",
            "regex.py",
            "        if self._looks > LOOKS_MAX:",
            "        if False:",
            "test_regex.py::test_no_expression_makes_compiling_slow",
        ),
        Bug(
            "repeats what is repeated without end",
            "regex.py",
            "        if _repeated(node) > REPEATS_MAX:",
            "        if False:",
            "test_regex.py::test_what_is_not_known_is_refused_with_the_place",
        ),
        Bug(
            "lets a label open a Runbook that is not for it",
            MATCH,
            "    named = [r for r in fitting if",
            "    named = [r for r in runbooks if",
            "test_runbook_match.py::test_the_label_runbook_wins_where_that_runbook_fits",
        ),
        Bug(
            "guesses between two",
            MATCH,
            "    if len(first) > 1:",
            "    if False:",
            "test_runbook_match.py::test_of_equal_rank_none_is_taken_and_all_are_listed",
        ),
    ),
    "admission: runbooks": (
        Bug(
            "keeps the name of who chose another Runbook",
            ASKERS,
            "           && object.spec.runbook == oldObject.spec.runbook ?",
            "           ?",
            OTHER_CHOICE,
        ),
        Bug(
            "keeps the name of who chose it for another target",
            ASKERS,
            "has(oldObject.spec.runbook) && variables.aim == variables.oldAim",
            "has(oldObject.spec.runbook)",
            OTHER_CHOICE,
        ),
        Bug(
            "lets anybody run one",
            ASKERS,
            "_may_run(), *rights",
            "*rights",
            f"{POLICIES}::test_whoever_chooses_a_runbook_is_stamped_and_needs_the_verb_run",
        ),
        Bug(
            "lets anybody change what an account does",
            ASKERS,
            "oldObject == null || !has(oldObject.spec) || object.spec != oldObject.spec",
            "oldObject == null",
            f"{POLICIES}::test_who_changes_what_an_account_does_may_use_it",
        ),
        Bug(
            "takes nodes from everywhere",
            OTHERS,
            '"incidents", "timelineentries", "runbooks")],',
            '"incidents", "timelineentries")],',
            f"{POLICIES}::test_nodes_are_for_the_operators_namespace",
        ),
        Bug(
            "lets anybody write that it was drilled",
            PARTS,
            '"responsepolicies", "runbooks")\n\n\ndef',
            '"responsepolicies")\n\n\ndef',
            f"{POLICIES}::test_only_the_operator_writes_its_status",
        ),
    ),
}
