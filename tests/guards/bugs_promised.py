"""Bugs in laws 32 to 37: what is promised, reminded of, told, learned and owed; and the same laws, blind."""

from guards.planting import Bug, Bugs

PROMISES, NUDGES, CHASE, ENTRIES = "promises.py", "nudges.py", "chase.py", "review_entries.py"
PEOPLE, LEARNING = "people_laws.py", "learning_laws.py"
PROMISED, NUDGED, GATE = "test_promises.py", "test_nudges.py", "test_postmortem_gate.py"
BLIND = "test_laws.py::test_each_law_catches_the_bug_it_forbids"

BUGS: Bugs = {
    "32 a promise is kept or missed": (
        Bug(
            "counts no miss",
            PROMISES,
            'record.model_copy(update={"missed": record.missed + steps})',
            "record",
            f"{PROMISED}::test_a_miss_is_on_the_record_once",
        ),
        Bug(
            "puts off what was due by a higher severity",
            PROMISES,
            "        sooner = stage is not Stage.RESOLVED and (level < known.level or stage is not known.stage)\n",
            "        sooner = False\n",
            f"{PROMISED}::test_a_higher_severity_begins_a_new_cadence_and_puts_nothing_off",
        ),
        Bug(
            "dates a miss by when it looked",
            PROMISES,
            "time=due + draft.catalog.policy.update_grace, event=True, warning=True)",
            "event=True, warning=True)",
            f"{PROMISED}::test_it_comes_out_the_same_whoever_looked_and_when",
        ),
        Bug(
            "buries the record under a night's misses",
            PROMISES,
            "        if count & (count - 1) == 0:\n",
            "        if True:\n",
            f"{PROMISED}::test_a_night_without_a_word_does_not_bury_the_record",
        ),
        Bug(
            "reminds of what was missed as well",
            "promises_shown.py",
            "        if promise.reminded or promise.missed or draft.now <",
            "        if promise.reminded or draft.now <",
            f"{PROMISED}::test_a_night_without_a_word_does_not_bury_the_record",
        ),
        Bug(
            "law 32 is blind", PEOPLE, "        or _no_later(now.get(was.audience), was)\n", "        or True\n", BLIND
        ),
    ),
    "33 a reminder is said once": (
        Bug(
            "says it at each look",
            NUDGES,
            "said = before.said if before is not None and before.since_time == wanted.since else 0",
            "said = 0",
            f"{NUDGED}::test_a_missing_role_is_told_by_severity_and_not_for_ever",
        ),
        Bug(
            "takes what was said of another since for this",
            NUDGES,
            " and before.since_time == wanted.since else 0",
            " else 0",
            f"{NUDGED}::test_raised_it_begins_anew",
        ),
        Bug(
            "goes on when it is over",
            NUDGES,
            "_ONCE_IT_IS_OVER if times.resolved else (",
            "(",
            f"{NUDGED}::test_once_it_is_over_nobody_is_reminded_of_anything",
        ),
        Bug("law 33 is blind", PEOPLE, "    return sorted(said) == sorted(counted) and few", "    return few", BLIND),
    ),
    "34 written down before it is sent": (
        Bug(
            "law 34 is blind",
            PEOPLE,
            "    if len(listed) != len(after) or not ended <= before.keys():\n",
            "    if len(listed) != len(after):\n",
            BLIND,
        ),
        Bug(
            "law 34 does not miss what is lost",
            PEOPLE,
            "        k in after and m.tries <= after[k].tries\n",
            "        k not in after or m.tries <= after[k].tries\n",
            "test_laws.py::test_law_34_catches_each_way_to_lose_or_repeat_a_message",
        ),
    ),
    "35 what is to be learned never becomes less": (
        Bug(
            "waives without a word why",
            ENTRIES,
            "{entry.author}: {shorten(entry.spec.text or '', 200)}",
            "{entry.author}",
            f"{GATE}::test_a_waiver_has_a_name_and_a_reason",
        ),
        Bug(
            "lets anybody waive it",
            ENTRIES,
            "    if refused := is_no_person(draft, entry) or needs_command(draft, entry, why):\n",
            "    if refused := is_no_person(draft, entry):\n",
            "test_closing.py::test_a_hat_is_not_enough_to_waive_it",
        ),
        Bug(
            "asks for no more when it comes back",
            "postmortem_gate.py",
            "    if decision != REQUIRED or known.waived:\n        return known\n",
            "    if True:\n        return known\n",
            f"{GATE}::test_it_becomes_a_full_one_when_it_comes_back",
        ),
        Bug(
            "law 35 is blind",
            LEARNING,
            '    if after is None or (before.decision == "Required" and after.decision != "Required"):\n',
            "    if after is None:\n",
            BLIND,
        ),
    ),
    "36 a postmortem is asked for, and not for ever": (
        Bug(
            "speaks of it at each look",
            CHASE,
            "    if again is not None and draft.now >= again:\n",
            "    if again is not None:\n",
            f"{GATE}::test_it_is_chased_and_not_for_ever",
        ),
        Bug(
            "speaks of it for ever",
            CHASE,
            " if spoken < draft.catalog.policy.postmortem_reminders_max else None",
            "",
            f"{GATE}::test_it_is_chased_and_not_for_ever",
        ),
        Bug(
            "says afterwards all that nobody could say",
            CHASE,
            "    return due + ((draft.now - due) // every + 1) * every\n",
            "    return due + (record.reminders + 1) * every\n",
            f"{GATE}::test_while_nobody_looked_nothing_piles_up",
        ),
        Bug(
            "asks for what is written",
            CHASE,
            "    if learned(draft) is not None:\n",
            "    if False:\n",
            f"{GATE}::test_what_is_written_or_waived_is_chased_no_more",
        ),
        Bug("law 36 is blind", LEARNING, "    return on_time and few and not again\n", "    return few\n", BLIND),
    ),
    "37 a debt moves by a word": (
        Bug(
            "hands a debt to an item that nobody asked for",
            "debt_items.py",
            'debt.model_copy(update={"chased_by": store.name})',
            'debt.model_copy(update={"chased_by": store.name, "action_item": store.name})',
            "test_debts.py::test_what_is_owed_when_it_is_over_becomes_an_item_by_itself_and_stays_owed",
        ),
        Bug(
            "makes no item of what is owed",
            "debt_items.py",
            "    if debt.chased_by is not None or times is None or times.resolved is None or record.action == HOLD:\n",
            "    if True:\n",
            "test_debts.py::test_what_is_owed_when_it_is_over_becomes_an_item_by_itself_and_stays_owed",
        ),
        Bug(
            "owes it nowhere until the item is stored",
            "debt_items.py",
            "        if _is_stored(draft, store):\n            moved",
            "        if _is_stored(draft, store) or True:\n            moved",
            "test_debts.py::test_it_is_owed_here_until_the_item_is_stored",
        ),
        Bug(
            "lets anybody put a debt away",
            "debt_entries.py",
            "    if entry.author != debt.owner and not commands(draft, entry):\n",
            "    if False:\n",
            "test_debts.py::test_an_extension_that_does_not_count_says_why",
        ),
        Bug(
            "law 37 is blind",
            LEARNING,
            "    return all(d.action_item is None or d.item_owner is not None for d",
            "    return all(True for d",
            BLIND,
        ),
    ),
}
