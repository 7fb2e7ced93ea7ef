"""Bugs in the order of the guards, and in what a drain leaves of each workload."""

from guards.planting import Bug, Bugs

MITIGATIONS = "operator/stanch/mitigations"
ORDER, START, BLAST = "guard_order.py", "start.py", "blast.py"
LOWER = "test_guard_order.py::test_of_two_that_say_no_the_lower_is_told"
NODE = "test_blast.py::test_a_drain_leaves_half_of_each_workload_ready"
SPARE = "test_blast.py::test_a_drain_goes_on_when_the_workload_can_spare_its_pods"
NO = "test_approvals.py::test_a_no_that_does_not_count"
FORCED_NO = "test_forced_undo.py::test_a_no_takes_another_person"
IDLE = "test_blast.py::test_what_serves_nobody_holds_up_no_drain"

BUGS: Bugs = {
    "order of the guards": (
        Bug(
            "tells a pause before a freeze",
            ORDER,
            "    (1, not_frozen),\n    # 2 open, not paused, not seen before\n    (2, incident_is_open),\n",
            "    (1, incident_is_open),\n    # 2 open, not paused, not seen before\n    (2, not_frozen),\n",
            LOWER,
        ),
        Bug(
            "tells that it is protected before who may not",
            ORDER,
            "    (3, somebody_vouched),\n",
            "    (3, somebody_vouched),\n    (3, target_is_not_protected),\n",
            LOWER,
        ),
        Bug(
            "tells who is busy before what Git would put back",
            ORDER,
            "    (7, OfPlan(nobody_forbids)),\n    # 8 busy\n    (8, target_is_free),\n",
            "    (7, target_is_free),\n    # 8 busy\n    (8, OfPlan(nobody_forbids)),\n",
            LOWER,
        ),
        Bug(
            "tells what is under way before what must rest",
            ORDER,
            "    (9, hour_has_room),\n    (9, runbook_has_rested),\n    # 10 at once\n    (10, few_under_way),\n",
            "    (9, few_under_way),\n    (9, runbook_has_rested),\n    # 10 at once\n    (10, hour_has_room),\n",
            LOWER,
        ),
        Bug(
            "takes all that an action finds out itself for its preflight",
            ORDER,
            "No(OWN_REASONS.get(size.reason, PREFLIGHT), size)",
            "No(PREFLIGHT, size)",
            LOWER,
        ),
        Bug(
            "tells the preflight before all else",
            ORDER,
            "        if own is not None and own.guard < number:",
            "        if own is not None:",
            LOWER,
        ),
        Bug(
            "forgets the preflight",
            ORDER,
            "            return No(number, refusal, isinstance(guard, OfPlan))\n    return own\n",
            "            return No(number, refusal, isinstance(guard, OfPlan))\n    return None\n",
            "test_guard_order.py::test_each_says_no_by_itself",
        ),
        Bug(
            "tells who runs it before whether that was seen",
            f"{MITIGATIONS}/rollout_undo.py",
            "not_observed(aim, target) or owner_refusal(aim, target)",
            "owner_refusal(aim, target) or not_observed(aim, target)",
            LOWER,
        ),
        Bug(
            "asks people before it tries",
            START,
            "checked if isinstance(checked, Refusal) else is_only_shown(draft, record):",
            "is_only_shown(draft, record):",
            LOWER,
        ),
        Bug(
            "tells the breaker before the storm",
            "pace.py",
            "return _storm(draft) or _breaker(draft, record) or",
            "return _breaker(draft, record) or _storm(draft) or",
            "test_guard_order.py::test_the_storm_is_told_before_the_breaker_and_both_only_raise_what_16_asks_for",
        ),
        Bug(
            "shows no plan where it says no to that",
            START,
            "        if no.of_plan and isinstance(size, Change):",
            "        if False:",
            "test_guards.py::test_nobody_is_asked_to_agree_to_a_plan_of_a_target_that_is_being_written",
        ),
        Bug(
            "says of another plan that it was accepted",
            START,
            '"dry_run": record.dry_run if record.digest == plan else None,',
            '"dry_run": record.dry_run,',
            "test_dry_run.py::test_what_was_tried_is_told_of_this_plan_alone",
        ),
    ),
    "16 approvals: who says no": (
        Bug(
            "lets who asked deny it themselves",
            "approvals.py",
            '    if why := _who_may_not(draft, entry, record, "denies"):\n        return why\n',
            "",
            NO,
        ),
        Bug(
            "lets who asked to force an undo deny that themselves",
            "forced_undo.py",
            '    if refused := _is_not_another(draft, entry, record.undo_asked, "denies"):\n        return refused\n',
            "",
            FORCED_NO,
        ),
    ),
    "13 blast: what a node takes along": (
        Bug(
            "looks at pods that are deleted, and not at those that a drain takes",
            BLAST,
            "        ours = frozenset(pod.uid for pod in change.removes if pod.namespace == space)",
            "        ours = frozenset(p.uid for p in change.removes if p.namespace == space and record.action == DELETE_POD)",
            NODE,
        ),
        Bug(
            "counts what goes as left",
            BLAST,
            "    going = frozenset(pod.uid for pod in change.removes) | _taken(draft)",
            "    going = _taken(draft)",
            NODE,
        ),
        Bug(
            "keeps a drain back though a budget says how many may go",
            BLAST,
            "        counted = [p for p in lost if not _paced(items(budgets), p)]",
            "        counted = lost",
            SPARE,
        ),
        Bug(
            "misses a pod that what has done its work has left",
            BLAST,
            "siblings = [p for p in owned_by(pods, uid) if not _is_over(p)]",
            "siblings = owned_by(pods, uid)",
            IDLE,
        ),
        Bug(
            "holds up a drain for pods that serve nobody",
            BLAST,
            'if p["metadata"]["uid"] in ours and _ready(p)]',
            'if p["metadata"]["uid"] in ours]',
            IDLE,
        ),
        Bug(
            "looks at the first workload only",
            BLAST,
            "for p in lost if controller_uid(p)}):",
            "for p in lost if controller_uid(p)}, reverse=True)[:1]:",
            "test_blast.py::test_each_workload_of_a_node_counts_for_itself",
        ),
        Bug(
            "forgets what another drain is taking",
            BLAST,
            "| {uid for d in fresh for uid in d.removes}",
            "| frozenset()",
            "test_blast.py::test_a_pod_that_another_drain_is_taking_does_not_count",
        ),
        Bug(
            "does not read which pods another incident takes",
            "census.py",
            'removes=tuple(attempt.get("removes") or ()),',
            "removes=(),",
            "test_blast.py::test_what_a_drain_takes_stands_in_the_census",
        ),
        Bug(
            "calls a budget that says no a preflight",
            f"{MITIGATIONS}/delete_pod.py",
            "Reason.WOULD_BREAK_BUDGET if no.status == BUDGET else Reason.PREFLIGHT",
            "Reason.PREFLIGHT",
            "test_removals.py::test_a_budget_that_says_no_is_heard",
        ),
    ),
}
