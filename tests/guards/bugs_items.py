"""Bugs in what is to be done afterwards: who is asked, what proves it, what both sides say, and when releases wait for it."""

from guards.planting import Bug, Bugs

SHELL, TOOLS = "operator/stanch/shell", "tools"
LOOK, TELL, SWEEP = f"{SHELL}/items.py", f"{SHELL}/tell.py", f"{SHELL}/budget_sweep.py"
CHASE, PROOF, STATUS, DONE_WHEN = "item_chase.py", "item_proof.py", "item_status.py", "done_when.py"
ISSUES, SYNC = "item_issues.py", "operator/stanch/cli/items/sync.py"
FREEZE, BUDGET, POLICY = "change_freeze.py", "budget.py", f"{TOOLS}/policy_freeze.py"
ITEMS, LOOKS, BOTH, TWO = "test_items.py", "shell/test_items.py", "test_item_issues.py", "cli/test_items.py"
FREEZES, BUDGETS, SWEEPS, LEASH = (
    "test_change_freeze.py",
    "test_budget.py",
    "shell/test_budget_sweep.py",
    "test_policies_freeze.py",
)
FIRST = """    for told in planned.told:
        if not await tell_first(kube, {"kind": "ActionItem", **body}, told, now):
            LOG.warning("an action item can't be told of", extra={"item": str(key), "what": told.reason})
            return now + TELL_AGAIN
"""
WRITTEN = """    version = {"resourceVersion": item.metadata.resource_version, "uid": item.metadata.uid}
    # From what is stored, so that what an older operator wrote there goes.
    change = changes(body.get("status") or {}, planned.status.wire())
    try:
        stored = await patch_status(kube, ACTION_ITEMS.path(key.namespace, key.name), version, change)
    except StatusConflict:
        return now
    except StatusRefused as error:
        LOG.error("the status of an action item was refused", extra={"item": str(key), "why": str(error)})
        return planned.wake_at
    cache.put(key, stored)
"""

BUGS: Bugs = {
    "items: told once, and not lost": (
        Bug(
            "records that it was told, and dies before it tells",
            LOOK,
            FIRST + WRITTEN,
            WRITTEN + FIRST,
            f"{LOOKS}::test_it_is_told_and_then_recorded",
        ),
        Bug(
            "records as told what could not be told",
            LOOK,
            "            return now + TELL_AGAIN\n",
            "            pass\n",
            f"{LOOKS}::test_what_could_not_be_told_is_not_recorded_as_told",
        ),
        Bug(
            "tells it twice after a crash",
            TELL,
            "told.reason, told.once)).encode()",
            "told.reason, told.once, instant(now))).encode()",
            f"{LOOKS}::test_what_was_not_recorded_is_told_again_under_one_name",
        ),
        Bug(
            "knows by the clock what it tells",
            CHASE,
            "warning=True, once=since))",
            "warning=True, once=instant(now)))",
            f"{ITEMS}::test_what_is_told_is_known_by_what_it_is_about_and_not_by_when",
        ),
        Bug(
            "takes two reminders for one",
            CHASE,
            "once=str(number)))",
            'once="reminded"))',
            f"{ITEMS}::test_it_is_asked_weekly_at_due_and_after_three_weeks_and_then_of_somebody_else",
        ),
        Bug(
            "says at each look that it is due",
            CHASE,
            "    elif after.due_said != spec.due_time:\n",
            "    else:\n",
            f"{ITEMS}::test_a_restart_neither_forgets_nor_says_it_twice",
        ),
        Bug(
            "asks the three-week question again and again",
            CHASE,
            "    if after.test_time is None and now >=",
            "    if now >=",
            f"{ITEMS}::test_a_restart_neither_forgets_nor_says_it_twice",
        ),
        Bug(
            "reminds for ever",
            CHASE,
            "    if not told and _goes_on(after) and now",
            "    if not told and now",
            f"{ITEMS}::test_nobody_is_asked_for_ever",
        ),
        Bug(
            "counts what it said before it was due",
            CHASE,
            "(after.late_reminders or 0) + late\n",
            "(after.late_reminders or 0) + 1\n",
            f"{ITEMS}::test_what_is_due_late_is_asked_for_until_then_and_afterwards",
        ),
        Bug(
            "calls another question a failure",
            STATUS,
            "    if other:\n        return before or None, (told,)\n",
            "",
            f"{ITEMS}::test_another_question_is_no_failure",
        ),
        Bug(
            "asks who is done",
            CHASE,
            "    if done:\n",
            "    if False:\n",
            f"{ITEMS}::test_what_is_done_is_left_alone",
        ),
    ),
    "items: done by proof": (
        Bug(
            "proves it by one look",
            PROOF,
            "    if proven is None and seen_twice and now",
            "    if proven is None and now",
            f"{ITEMS}::test_one_look_is_no_proof_however_short_it_has_to_hold",
        ),
        Bug(
            "proves it by the second look",
            PROOF,
            "seen_twice and now - since >= needed:",
            "seen_twice:",
            f"{ITEMS}::test_a_proof_closes_it_and_says_what_was_seen",
        ),
        Bug(
            "opens it again at the first bad look",
            PROOF,
            "    if since < now and now - since >= needed / FAILS_FOR:\n",
            "    if True:\n",
            f"{ITEMS}::test_one_bad_look_at_what_is_done_opens_nothing",
        ),
        Bug(
            "lets it flap",
            PROOF,
            "min(needed * 2, NEEDED_MAX)",
            "needed",
            f"{ITEMS}::test_what_comes_and_goes_must_hold_for_longer_each_time",
        ),
        Bug(
            "opens again what nobody can look at",
            PROOF,
            'before.model_dump(include={"since_time", "proven_time", "fails_since"}) if before is not None else {}',
            "{}",
            f"{ITEMS}::test_what_cant_be_looked_at_proves_nothing_in_either_direction",
        ),
        Bug(
            "takes the proof of another doneWhen",
            PROOF,
            "    if before is not None and before.asks != wanted:\n",
            "    if False:\n",
            f"{ITEMS}::test_another_done_when_is_proved_anew",
        ),
        Bug(
            "closes by a word what can be proved",
            STATUS,
            "_Standing(False, ItemReason.NOT_PROVEN,",
            "_Standing(True, ItemReason.NOT_PROVEN,",
            f"{ITEMS}::test_a_word_alone_does_not_close_what_can_be_proved",
        ),
        Bug(
            "reads secrets for an item",
            DONE_WHEN,
            'frozenset({("", "secrets"), (GROUP, "evidences")})',
            'frozenset({(GROUP, "evidences")})',
            "test_done_when.py::test_secrets_are_read_for_no_item",
        ),
        Bug(
            "takes what nobody answered for gone",
            DONE_WHEN,
            "    if isinstance(answer, Failed):\n        return _not_read(answer, ref, namespace, where)\n",
            "",
            "test_done_when.py::test_an_object_is_there_or_not_or_nobody_knows",
        ),
        Bug(
            "lends its right to read to whoever writes an item",
            f"{TOOLS}/policy_items.py",
            '.check(\'get\').allowed()"""',
            '.check(\'get\').allowed() || true"""',
            "test_policies_items.py::test_who_writes_it_may_read_it",
        ),
    ),
    "items: both sides": (
        Bug(
            "goes by what is so now",
            ISSUES,
            "    if is_closed != was:\n",
            "    if is_closed:\n",
            f"{TWO}::test_what_a_person_opens_again_in_the_cluster_stays_open",
        ),
        Bug(
            "hears who closes, and not who opens again",
            ISSUES,
            "    if is_closed != was:\n",
            "    if is_closed and not was:\n",
            f"{TWO}::test_what_a_person_opens_again_in_the_tracker_stays_open",
        ),
        Bug(
            "lets a word overrule the proof",
            ISSUES,
            "    if check and (proven := _proven(item)) is not None:\n",
            "    if check and (proven := None) is not None:\n",
            f"{BOTH}::test_an_issue_that_was_closed_while_the_proof_fails_is_opened_again",
        ),
        Bug(
            "takes silence for a proof that failed",
            ISSUES,
            "    if proof is None or proof.state is ProofState.UNKNOWN:\n        return None\n",
            "    if proof is None:\n        return None\n",
            f"{BOTH}::test_while_nobody_can_look_a_word_is_kept_and_taken_back_and_what_was_proved_is_left_alone",
        ),
        Bug(
            "says that both agree before the item is written",
            ISSUES,
            '        steps.append(ToTracker("PATCH"',
            '        steps.insert(0, ToTracker("PATCH"',
            f"{BOTH}::test_a_closed_issue_closes_its_item_and_a_done_item_its_issue",
        ),
        Bug(
            "says that both agree though somebody else wrote the item",
            SYNC,
            "    if reply.status == CONFLICT:\n        return False\n",
            "    if reply.status == CONFLICT:\n        return True\n",
            f"{TWO}::test_who_changes_the_item_meanwhile_is_not_written_over",
        ),
        Bug(
            "believes a mark that somebody wrote into a description",
            ISSUES,
            '    return text.replace("<!--", "<\\u200b!--").replace',
            "    return text.replace",
            f"{BOTH}::test_a_mark_that_somebody_writes_into_a_description_is_text",
        ),
    ),
    "change freeze: for a reason": (
        Bug(
            "waits until more than all is spent",
            BUDGET,
            "if left.share <= 0:",
            "if left.share < 0:",
            f"{BUDGETS}::test_spent_is_nothing_left",
        ),
        Bug(
            "takes no answer for health",
            BUDGET,
            "        raise Unclear(answer.message)\n",
            "        return []\n",
            f"{BUDGETS}::test_what_is_no_answer_is_not_taken_for_none",
        ),
        Bug(
            "freezes for what is done",
            BUDGET,
            "item.spec.priority.value in URGENT and not done(item)",
            "item.spec.priority.value in URGENT",
            f"{BUDGETS}::test_the_same_again_while_what_was_promised_is_not_done",
        ),
        Bug(
            "freezes what the cluster lives on",
            FREEZE,
            ' or meta["name"] in policy.protected_namespaces',
            "",
            f"{FREEZES}::test_some_are_never_frozen",
        ),
        Bug(
            "begins one while nobody can say",
            FREEZE,
            "    if not sure:\n        return None\n",
            "",
            f"{FREEZES}::test_while_nobody_can_say_nothing_is_begun_or_said_again_and_what_lapsed_is_lifted",
        ),
        Bug(
            "tells nobody where it may not label",
            SWEEP,
            "            await self._only_tell(why, policy, str(error))\n",
            "            pass\n",
            f"{SWEEPS}::test_without_the_right_to_label_it_says_what_it_would_have_labelled",
        ),
        Bug(
            "writes other labels of a namespace",
            POLICY,
            """same("Labels", f"k == '{Label.CHANGE_FREEZE}'") + "&&" + same("Notes", mine)""",
            'same("Notes", mine)',
            f"{LEASH}::test_nothing_else_of_a_namespace_is_its_business",
        ),
    ),
    "change freeze: ends, and people's word holds": (
        Bug(
            "takes off what people put there",
            FREEZE,
            "        if not ours:\n            return None\n",
            "",
            f"{FREEZES}::test_what_people_froze_is_theirs",
        ),
        Bug(
            "puts on again what somebody took off",
            FREEZE,
            "    if ours and value is not None and _same(notes, why):\n",
            "    if False:\n",
            f"{SWEEPS}::test_a_label_that_somebody_takes_off_stays_off",
        ),
        Bug(
            "remembers for ever that somebody took it off",
            FREEZE,
            '        return (_patch(None, None, None, None), "") if ours else None\n',
            "        return None\n",
            f"{SWEEPS}::test_a_label_that_somebody_takes_off_stays_off",
        ),
        Bug(
            "does not say again that it holds",
            FREEZE,
            "    if _until(notes) > instant(now + LASTS / 2):\n",
            "    if True:\n",
            f"{FREEZES}::test_nobody_is_frozen_for_longer_than_an_hour_without_anybody_saying_why",
        ),
        Bug(
            "says again what nobody can say",
            FREEZE,
            "    return (_patch(None, None, None, None), FREE) if _until(notes) <= instant(now) else None\n",
            "    return _renewed(labels, notes, now)\n",
            f"{FREEZES}::test_nobody_is_frozen_for_longer_than_an_hour_without_anybody_saying_why",
        ),
        Bug(
            "lets a machine pass that holds every verb",
            POLICY,
            " && !({MACHINE} && {_MAY.format(EVERYTHING)})",
            "",
            f"{FREEZES}::test_who_may_release_in_a_freeze",
        ),
        Bug(
            "refuses for ever while stanch is down",
            POLICY,
            "string(m.time) > variables.until",
            "string(m.time) > variables.until && false",
            f"{FREEZES}::test_admission_passes_what_is_written_after_it_lapsed",
        ),
        Bug(
            "passes everything where no end is written",
            POLICY,
            """LAPSED = \"\"\"variables.until != ''\n    && object""",
            'LAPSED = """object',
            f"{FREEZES}::test_admission_passes_what_is_written_after_it_lapsed",
        ),
    ),
}
