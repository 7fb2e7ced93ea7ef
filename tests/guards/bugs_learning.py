"""Bugs in what is learned afterwards: what it cost, what the record lacks, what is drafted and published, and the look back."""

from guards.planting import Bug, Bugs

GAPS = "operator/stanch/core/gaps"
CHARGE, HOSTILE, MONTH = "test_budget_charge.py", "test_gaps_hostile.py", "test_review_hostile.py"
FURTHER = "test_further_text.py"
GATE, JUDGE = "test_postmortem_gate.py", "test_postmortem_judge.py"

BUGS: Bugs = {
    "learning: what it cost": (
        Bug(
            "calls what was recorded in part all of it",
            "budget_series.py",
            "state=BudgetState.AT_LEAST if lacks else BudgetState.KNOWN",
            "state=BudgetState.KNOWN",
            f"{CHARGE}::test_where_only_part_was_recorded_it_is_at_least_so_much",
        ),
        Bug(
            "takes no answer for nothing",
            "budget_charge.py",
            "    state = kept[0].state if kept else BudgetState.UNKNOWN\n",
            "    state = kept[0].state if kept else BudgetState.KNOWN\n",
            f"{CHARGE}::test_a_prometheus_that_is_away_is_said_and_asked_again",
        ),
        Bug(
            "adds up replicas",
            "budget_series.py",
            "ratios[second] = max(ratios.get(second, 0.0), value)",
            "ratios[second] = ratios.get(second, 0.0) + value",
            f"{CHARGE}::test_of_replicas_the_worse_counts_and_not_both",
        ),
        Bug(
            "charges a drill",
            "budget_charge.py",
            "times.cancelled or times.closed or draft.incident.spec.drill:",
            "times.cancelled or times.closed:",
            f"{CHARGE}::test_what_is_charged_to_nobody_is_not_asked_for",
        ),
        Bug(
            "asks for ever",
            "budget_charge.py",
            "(mine is None or mine.asked_time < passed)",
            "True",
            f"{CHARGE}::test_it_is_not_asked_for_ever",
        ),
        Bug(
            "looks away between the samples of a long one",
            "budget_series.py",
            "min((w for w in rates if w >= span.step), default=max(rates))",
            "min(rates)",
            f"{CHARGE}::test_a_long_one_is_read_from_a_window_as_long_as_the_step",
        ),
        Bug(
            "charges the service of another namespace",
            "budget_charge.py",
            "charges(_answers(draft, of_service), span, namespace)",
            "charges(_answers(draft, of_service), span, None)",
            f"{CHARGE}::test_a_service_of_that_name_in_another_namespace_is_another_one",
        ),
        Bug(
            "drafts before it has asked",
            "aftermath.py",
            "    if record is None and is_awaited(draft):\n",
            "    if False and is_awaited(draft):\n",
            f"{CHARGE}::test_the_draft_has_it_and_does_not_wait_for_long",
        ),
        Bug(
            "asks for no postmortem however much it cost",
            "postmortem_gate.py",
            "    yield from _budget(draft)\n",
            "",
            f"{CHARGE}::test_a_budget_that_went_asks_for_a_full_postmortem",
        ),
    ),
    "learning: gaps": (
        Bug(
            "cuts an address at its first dot",
            f"{GAPS}/hats.py",
            r" to (?P<to>.+?)(?: \(the hand-off to .*? is void\))*\. impact: ",
            r" to (?P<to>[^.]+).*",
            f"{HOSTILE}::test_a_hand_off_to_an_address_was_accepted",
        ),
        Bug(
            "believes people's own words about hats",
            f"{GAPS}/hats.py",
            '    if line.text.startswith(f"{line.by} is ") and (found := _MINE.match(line.text, len(line.by))):\n',
            '    if found := re.search(rf" is (?P<role>{_ROLES})(?!.* is )", line.text):\n',
            f"{HOSTILE}::test_peoples_own_words_are_no_hats",
        ),
        Bug(
            "counts an approval of another plan",
            f"{GAPS}/waits.py",
            " if each.digest is None or a.digest == each.digest]",
            "]",
            f"{HOSTILE}::test_the_approval_that_counts_is_the_last_that_was_needed_for_this_plan",
        ),
        Bug(
            "asks for roles before it was that severe",
            f"{GAPS}/record.py",
            "        return max(first, declared) if first and declared else declared\n",
            "        return declared\n",
            f"{HOSTILE}::test_what_is_asked_for_at_a_severity_is_not_asked_for_before",
        ),
        Bug(
            "holds up what was given up",
            f"{GAPS}/waits.py",
            "if next_done is not None and (ends is None or next_done.time <= ends):",
            "if next_done is not None:",
            f"{HOSTILE}::test_what_was_given_up_was_not_waited_for",
        ),
    ),
    "learning: written and published": (
        Bug(
            "drafts again what is drafted",
            "aftermath.py",
            "    if record is not None and record.drafted_time is not None:\n        _still_so(draft, record)\n        return\n",
            "    if record is not None and record.drafted_time is not None:\n        _still_so(draft, record)\n"
            "        draft.stores.extend(_drafts(draft, Story(draft.status.timeline), record))\n        return\n",
            f"{GATE}::test_once_it_is_drafted_it_is_never_made_again",
        ),
        Bug(
            "judges what is published anew",
            "postmortem_judge.py",
            "    if post.status.published is not None:\n        return post.status, None\n",
            "",
            f"{JUDGE}::test_what_is_published_stays_what_it_is",
        ),
        Bug(
            "takes a sign-off of another text",
            "postmortem_judge.py",
            "if s.digest == digest]",
            "if s.digest]",
            f"{JUDGE}::test_a_sign_off_is_of_one_text",
        ),
        Bug(
            "speaks of a meeting again and again",
            "chase.py",
            'record = record.model_copy(update={"review_asked": True})',
            "record = record.model_copy(update={})",
            f"{GATE}::test_a_full_one_that_nobody_talked_over_is_said_once",
        ),
        Bug(
            "lets words act in Markdown",
            "operator/stanch/cli/postmortem/escape.py",
            'escaped = "".join(_ENTITIES.get(c, c) for c in text)',
            "escaped = text",
            "cli/test_postmortem.py::test_in_markdown_words_are_words",
        ),
    ),
    "learning: what comes after": (
        Bug(
            "forgets what was closed",
            "operator/stanch/shell/postmortems.py",
            "        cache.leave(key)\n",
            "        cache.drop(key)\n",
            "shell/test_past.py::test_what_is_closed_is_told_of_when_another_is_declared",
        ),
        Bug(
            "ends all learning with a short review",
            "further_text.py",
            "    if record.decision == REQUIRED and (",
            "    if False and (",
            f"{FURTHER}::test_who_asks_for_a_full_one_gets_it_after_a_short_one_was_published",
        ),
        Bug(
            "takes what was published before a relapse for all of it",
            "further_text.py",
            "    return times.resolved is None or published >= times.resolved\n",
            "    return True\n",
            f"{FURTHER}::test_what_was_published_before_a_relapse_says_nothing_of_it",
        ),
        Bug(
            "follows up on nothing that comes after the draft",
            "aftermath.py",
            "    if not _draft_later_items(draft, known):\n",
            "    if True:\n",
            "test_later_items.py::test_a_rollback_of_the_relapse_is_to_be_fixed_as_well",
        ),
        Bug(
            "makes a full one of it in silence",
            "aftermath.py",
            "    tell_that_more_is_asked(draft, known)\n",
            "",
            f"{GATE}::test_that_a_short_one_is_to_be_full_is_said_with_what_it_lacks",
        ),
        Bug(
            "takes last year's text for its own",
            "aftermath.py",
            "    theirs = Label.CLOSED in labels or is_published(body) or earlier\n",
            "    theirs = False\n",
            f"{GATE}::test_what_carries_no_uid_is_taken_only_when_it_was_begun_for_this_one",
        ),
        Bug(
            "numbers gaps anew under the text that quotes them",
            "postmortem_judge.py",
            "    return keep_numbers(found, post.status.gaps or (), _quoted(post)) or None\n",
            "    return found or None\n",
            f"{JUDGE}::test_a_gap_keeps_the_number_by_which_people_speak_of_it",
        ),
    ),
    "learning: the lint": (
        Bug(
            "lets a fault pass that is the second thing somebody did",
            "operator/stanch/core/lint/blame.py",
            "(*always, (weak, True), (idle, True), (second, True))",
            "(*always, (weak, True), (idle, True))",
            "test_lint_corpus.py::test_it_is_as_often_right_as_it_was",
        ),
        Bug(
            "takes a cure for a fault",
            "operator/stanch/core/lint/blame.py",
            "(?!{_CURES})",
            "",
            "test_lint_corpus.py::test_it_is_as_often_right_as_it_was",
        ),
        Bug(
            "lets the state of a person be the reason",
            "operator/stanch/core/lint/blame.py",
            "(strong, pinned, asked, because, hands)",
            "(strong, pinned, asked, hands)",
            "test_lint_corpus.py::test_it_is_as_often_right_as_it_was",
        ),
        Bug(
            "passes a thin report",
            "operator/stanch/core/lint/form.py",
            "    if len(factors) < whole.factors_min:\n",
            "    if len(factors) < 0:\n",
            "test_lint_cases.py::test_a_case_passes_or_fails_as_a_reader_would_say",
        ),
    ),
    "learning: the look back": (
        Bug(
            "counts drills",
            "review.py",
            "if not p.incident.spec.drill and p.declared <= now)",
            "if p.declared <= now)",
            f"{MONTH}::test_the_true_statistics_of_a_hostile_month_are_found",
        ),
        Bug(
            "forgets what is open",
            "survival.py",
            "        at += same\n",
            "        at += same if ended else 0\n        left = [each for each in left[at:] if each.over]\n        at = 0\n",
            "test_review.py::test_the_true_median_is_found_although_many_are_open",
        ),
        Bug(
            "makes a negative duration of a corrected clock",
            "review_past.py",
            "        return Lasted(end - start) if end >= start else None\n",
            "        return Lasted(end - start)\n",
            f"{MONTH}::test_what_runs_backwards_is_left_out_and_said",
        ),
        Bug(
            "counts what is only to be published",
            "operator/stanch/cli/review/look.py",
            '        if (body.get("status") or {}).get("published"):\n',
            '        if spec.get("published"):\n',
            f"{MONTH}::test_a_wish_to_publish_is_no_publication",
        ),
        Bug(
            "calls late items on time",
            "review_items.py",
            "took is not None and took <= item.spec.due_time",
            "took is not None",
            f"{MONTH}::test_items_shipped_on_time",
        ),
    ),
}
