"""Bugs in the ResponsePolicy: what is stricter of two, which generation counts, what belongs elsewhere."""

from guards.planting import Bug, Bugs

MERGE, JUDGE, CHECK = "policy_merge.py", "policy_judge.py", "policy_check.py"
NEVER_LOOSER = "test_policy_merge.py::test_a_namespace_is_never_looser_than_the_cluster_nor_than_it_says_itself"
STRICTER = "test_policy_merge.py::test_of_guardrails_the_stricter_counts"
TOLD = "test_policy_merge.py::test_what_does_not_count_is_told_and_only_that"
LEAST = "test_response_policy.py::test_what_takes_a_person_takes_one_and_all_else_of_it_counts"
WRONG = "test_response_policy.py::test_a_wrong_one_never_counts_and_names_the_field"
CHOICES = "test_policy_choices.py"
WIDE = f"{CHOICES}::test_how_much_more_is_wide_is_the_policys_word"
WORSE = f"{CHOICES}::test_what_made_it_worse_goes_back_by_itself_where_that_was_chosen"
LAST_GOOD = "test_response_policy.py::test_the_last_good_one_stays_in_force_and_says_so"

# Fields of which more is stricter, and of which less is.
MORE = (
    *("approvals_person", "approvals_machine", "approvals_auto", "per_target", "min_ready_percent", "storm_within"),
    *("storm_calm", "evidence_required", "retention_incident", "retention_entries", "retention_evidence"),
    "retention_drills",
)
LESS = (
    *("approval_valid_for", "approval_ask_for", "per_namespace_hourly", "cluster_hourly", "auto_in_flight"),
    *("nodes_percent", "scale_factor", "storm_incidents", "breaker"),
)


def _turned(field: str, way: str, other: str) -> Bug:
    """The looser of two values counts."""
    return Bug(f"takes the looser {field}", MERGE, f'"{field}", {way}', f'"{field}", {other}', NEVER_LOOSER)


BUGS: Bugs = {
    "policy: the stricter counts": (
        *(_turned(field, "longer", "shorter") for field in MORE),
        *(_turned(field, "shorter", "longer") for field in LESS),
        Bug(
            "lets a namespace let the commander act",
            MERGE,
            'last_of("Warn", "Deny")',
            'last_of("Deny", "Warn")',
            NEVER_LOOSER,
        ),
        Bug(
            "takes Undo for stricter than Ask", MERGE, 'last_of("Undo", "Ask")', 'last_of("Ask", "Undo")', NEVER_LOOSER
        ),
        Bug(
            "takes Ignore for stricter than Hold",
            MERGE,
            'last_of("Ignore", "Hold", "Refuse")',
            'last_of("Hold", "Ignore", "Refuse")',
            NEVER_LOOSER,
        ),
        Bug(
            "takes Hold for stricter than Refuse",
            MERGE,
            'last_of("Ignore", "Hold", "Refuse")',
            'last_of("Ignore", "Refuse", "Hold")',
            NEVER_LOOSER,
        ),
        Bug(
            "lets a namespace unprotect another",
            MERGE,
            '"protected_namespaces", both, frozenset, both)',
            '"protected_namespaces", frozenset.intersection, frozenset, both)',
            "test_policy_merge.py::test_protected_namespaces_add_up",
        ),
        Bug(
            "opens what the leash closes",
            MERGE,
            '"protected_namespaces", both, frozenset, both)',
            '"protected_namespaces", both, frozenset)',
            "test_policy_merge.py::test_the_cluster_can_not_open_what_the_leash_closes",
        ),
        Bug(
            "lets a namespace name people",
            MERGE,
            '"machine_people", frozenset.intersection, frozenset)',
            '"machine_people", both, frozenset)',
            "test_policy_merge.py::test_a_namespace_names_nobody_a_person",
        ),
        Bug(
            "takes what the namespace says for what counts",
            MERGE,
            "    return highest if said is None else _stricter(line, highest, line.read(said))\n",
            "    return highest if said is None else line.read(said)\n",
            STRICTER,
        ),
        Bug(
            "forgets the cluster's where the namespace says nothing",
            MERGE,
            "    return highest if said is None else _stricter",
            "    return getattr(base, line.field) if said is None else _stricter",
            STRICTER,
        ),
        Bug(
            "compares only classes that the namespace names",
            MERGE,
            "return {key: line.stricter(value, other.get(key, value)) for key, value in one.items()}",
            "return {key: line.stricter(one[key], value) for key, value in other.items()}",
            "test_policy_merge.py::test_of_approvals_each_class_counts_by_itself",
        ),
        Bug(
            "joins sections that count whole",
            MERGE,
            "whole = getattr(base, line.field) if stated(own, line.section) is not None else highest",
            "whole = highest",
            "test_policy_merge.py::test_any_other_section_counts_whole",
        ),
        Bug(
            "tells nobody what does not count",
            MERGE,
            "        if _stricter(line, limit, wanted) != wanted:\n",
            "        if False:\n",
            TOLD,
        ),
        Bug(
            "tells of what counts",
            MERGE,
            "        if _stricter(line, limit, wanted) != wanted:\n",
            "        if limit != wanted:\n",
            TOLD,
        ),
        Bug(
            "goes on with a policy that was raised meanwhile",
            "approvals.py",
            "    count = needed(record, size, policy, first=why is not None)\n",
            "    count = needed(record, size, type(policy)(), first=why is not None)\n",
            "test_policy_merge.py::test_a_raised_approval_holds_a_rollback_and_a_lifted_one_lets_it_go",
        ),
    ),
    "policy: a wrong one never counts": (
        Bug(
            "takes a wrong combination for right",
            JUDGE,
            '    return (None, problem) if problem else (spec, "")\n',
            '    return (spec, "")\n',
            WRONG,
        ),
        Bug(
            "forgets the last good one",
            JUDGE,
            "    if last is None:\n",
            "    if True:\n",
            LAST_GOOD,
        ),
        Bug(
            "does not read the last good one out of the status",
            JUDGE,
            "    if written is not None:\n",
            "    if False:\n",
            LAST_GOOD,
        ),
        Bug(
            "forgets what it saw before the status was written",
            JUDGE,
            "    if before is not None and before.uid",
            "    if False and before.uid",
            "test_response_policy.py::test_a_good_one_whose_status_is_not_written_yet_is_remembered",
        ),
        Bug(
            "takes a namesake's last good one for its own",
            JUDGE,
            'before.uid == body["metadata"]["uid"] and before.spec is not None:',
            "before.spec is not None:",
            "test_response_policy.py::test_a_good_one_whose_status_is_not_written_yet_is_remembered",
        ),
        Bug(
            "takes the older of two good ones",
            JUDGE,
            "    return max(found, key",
            "    return min(found, key",
            "test_response_policy.py::test_of_two_good_ones_the_newer_counts",
        ),
        Bug(
            "believes a status that was meddled with",
            JUDGE,
            "            spec, _ = _read(json.loads(kept.spec))\n",
            "            spec = ResponsePolicySpec.model_validate(json.loads(kept.spec))\n",
            "test_response_policy.py::test_a_status_that_nobody_can_read_is_none",
        ),
        Bug(
            "takes a policy of any name",
            JUDGE,
            '    if meta["name"] != POLICY_NAME:\n',
            "    if False:\n",
            "test_response_policy.py::test_only_the_one_named_default_counts",
        ),
        Bug(
            "is Ready although it is not in force",
            JUDGE,
            '"False" if stalled else "True")]',
            '"True")]',
            WRONG,
        ),
        Bug(
            "lets a tenant say where the operator goes",
            JUDGE,
            "    for path in misplaced(spec, namespace):\n",
            "    for path in ():\n",
            "test_response_policy.py::test_what_only_the_cluster_may_say_is_left_out",
        ),
        Bug(
            "finds nothing misplaced",
            CHECK,
            "    if namespace == OPERATOR_NAMESPACE:\n",
            "    if True:\n",
            "test_response_policy.py::test_what_only_the_cluster_may_say_is_left_out",
        ),
        Bug(
            "takes a class that is there twice",
            CHECK,
            "            if value in seen:\n",
            "            if False:\n",
            WRONG,
        ),
        Bug(
            "takes any duration",
            CHECK,
            "            if not least <= value <= most:\n",
            "            if False:\n",
            WRONG,
        ),
        Bug(
            "lets a policy let machines act",
            "policy_least.py",
            "tuple(_raised(each) for each in rules.machine) if rules.machine else rules.machine",
            "rules.machine",
            LEAST,
        ),
        Bug(
            "lets a policy let Auto act on what is wide",
            "policy_least.py",
            "return each.class_ is ActionClass.C",
            "return False",
            LEAST,
        ),
        Bug("takes a storm that ends before it is counted", CHECK, "    if within > calm:\n", "    if False:\n", WRONG),
    ),
    "policy: what it chooses is done": (
        Bug(
            "grows as wide as it likes",
            "start.py",
            "    if _grows_wide(change,",
            "    if False and _grows_wide(change,",
            WIDE,
        ),
        Bug("takes three for every policy's factor", "start.py", "draft.catalog.policy.scale_factor):", "3):", WIDE),
        Bug(
            "acts on half the evidence",
            "start.py",
            "    if refusal := lacks_evidence(draft, planned, aim, change):",
            "    if refusal := None:",
            f"{CHOICES}::test_without_whole_evidence_nothing_is_done_where_that_is_required",
        ),
        Bug(
            "misses what is normally not there",
            "intend.py",
            ' if each["reason"] not in NORMAL_REASONS)',
            ")",
            f"{CHOICES}::test_without_whole_evidence_nothing_is_done_where_that_is_required",
        ),
        Bug(
            "lets harmFirst get past required evidence",
            "intend.py",
            "    if record.asked.harm_first:\n        return Refusal(",
            "    if record.asked.harm_first:\n        return None\n    if False:\n        return Refusal(",
            f"{CHOICES}::test_harm_first_does_not_get_past_it",
        ),
        Bug(
            "takes back what made it worse unasked",
            "reverts.py",
            ' and draft.catalog.policy.when_worse == "Undo"',
            "",
            WORSE,
        ),
        Bug(
            "leaves what made it worse", "undo.py", "if resolved or expired or worse:", "if resolved or expired:", WORSE
        ),
    ),
    "suggestions: of what is read, with what it took": (
        Bug(
            "suggests more of what a release has broken",
            "symptoms.py",
            "newest > draft.incident.declared - LATELY or",
            "False or",
            "test_suggest.py::test_out_of_memory_after_a_release_is_the_releases",
        ),
        Bug(
            "guesses which switch was turned",
            "switched.py",
            "        if len(turned) == 1:",
            "        if turned:",
            "test_suggest.py::test_what_nothing_tells_is_not_guessed",
        ),
        Bug(
            "takes off for no",
            "suggest.py",
            "{json.dumps(v)}",
            "{v}",
            "test_suggest.py::test_a_switch_that_was_turned_is_suggested_to_be_turned_back",
        ),
        Bug(
            "takes another target's undo for a measure",
            "undo_takes.py",
            "(d.action, d.target) == (action, change.uid)",
            "d.action == action",
            "test_suggest.py::test_what_undoing_took_is_what_it_takes",
        ),
        Bug(
            "counts budgets for what is not there",
            "guard_order.py",
            "    (4, target_is_there),\n",
            "",
            "test_blast.py::test_a_node_that_can_not_be_read_is_named_before_anything_is_counted",
        ),
    ),
    "wishes: none is lost, and none waits for what it does not wait for": (
        Bug(
            "stops looking behind a rung that waits",
            "start.py",
            "            waits = True\n            continue\n",
            "            return\n",
            "test_worse.py::test_what_is_asked_for_in_any_case_does_not_wait_for_a_rung_that_waits",
        ),
        Bug(
            "drops a wish of the spec whose name is taken",
            "wish_fold.py",
            '    elif known.source != "Spec":\n',
            '    elif known.source != "Spec":\n        return\n    elif False:\n',
            "test_words.py::test_a_name_that_an_entry_took_is_told_to_who_writes_it_into_the_spec",
        ),
        Bug(
            "hides the question behind what is held",
            "lifecycle.py",
            "    return is_waiting(record) or (record.state",
            "    return (record.state",
            "test_forced_undo.py::test_it_is_asked_for_in_sight_though_another_wish_waits",
        ),
        Bug(
            "takes a note in while nobody can tell whose it is",
            "entry_fold.py",
            "        young = draft.now < entry.said + draft.catalog.policy.told_after\n",
            "        young = False\n",
            "test_vouched.py::test_a_note_keeps_its_author_though_one_look_at_the_policies_failed",
        ),
        Bug(
            "lets a pipeline's note acknowledge",
            "entry_fold.py",
            " and not is_machine(entry.author, draft.catalog.policy)",
            "",
            "test_story.py::test_a_note_acknowledges_when_a_person_wrote_it",
        ),
        Bug(
            "waits for ever for what is refused",
            "statements.py",
            "isinstance(answer, Failed) and answer.passing):",
            "isinstance(answer, Failed)):",
            "test_story.py::test_what_can_not_be_asked_is_refused_with_the_words_of_who_refuses_it",
        ),
    ),
}
