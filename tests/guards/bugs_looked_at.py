"""Bugs in what is looked at, suggested and freed: labels of alerts, shapes of trouble, pods that pin a StatefulSet."""

from guards.planting import Bug, Bugs

TARGETS, STUCK = "alert_targets.py", "operator/stanch/mitigations/stuck_pods.py"
NAMED, MEANT = "test_alert_targets.py", "test_alert_targets.py::test_what_is_not_surely_meant_is_not_looked_at"
REPLAYED = "test_replayed.py::test_what_fits_is_suggested_and_nothing_is_done"
PLANNED = "test_replayed.py::test_its_alert_finds_its_runbook_and_that_plans_what_is_right"
PINNED = "test_stateful_sets.py::test_a_pod_that_is_ready_between_two_crashes_pins_it_as_well"

BUGS: Bugs = {
    "alert labels: looked at, and no more": (
        Bug(
            "looks at nodes from anywhere",
            TARGETS,
            'return "" if namespace == OPERATOR_NAMESPACE else nodes',
            'return ""',
            MEANT,
        ),
        Bug("looks where another namespace is named", TARGETS, "if said == namespace else", "if True else", MEANT),
        Bug(
            "makes a path of a label",
            TARGETS,
            "    if not _is_name(name):\n        return _Not(f",
            "    if False:\n        return _Not(f",
            f"{NAMED}::test_a_name_that_is_none_is_never_asked_for",
        ),
        Bug(
            "takes the first of several",
            TARGETS,
            '"targets": targets if len(named) == 1 else ()',
            '"targets": targets[:1]',
            MEANT,
        ),
        Bug(
            "names what is not there",
            TARGETS,
            "return found if isinstance(found, _Not) else Target(kind=_KINDS[label], name=name)",
            "return Target(kind=_KINDS[label], name=name)",
            MEANT,
        ),
        Bug(
            "acts on what a label names",
            "wish_fold.py",
            "next(iter(draft.incident.spec.targets or ()), None)",
            "next(iter(draft.looked_at), None)",
            f"{NAMED}::test_a_mitigation_without_a_target_never_means_it",
        ),
    ),
    "burn rates: measured, never guessed": (
        Bug(
            "takes one window for a pair",
            "severity.py",
            "next((b for b in fast if rule.short <= b.window and long is not None and b.window < long.window), None)",
            "long",
            "test_slo_series.py::test_what_does_not_prove_a_rate_raises_nothing",
        ),
        Bug(
            "puts any label into a query",
            "slo_series.py",
            "if each.slo and NAME.fullmatch(each.slo)",
            "if each.slo",
            "test_slo_series.py::test_it_is_asked_only_of_what_has_a_name",
        ),
        Bug(
            "asks at every look",
            "slo_series.py",
            "known.measured_time >= passed",
            "False",
            "test_slo_series.py::test_a_prometheus_that_is_away_holds_nothing_up",
        ),
    ),
    "suggestions: what has served for long was not broken by its release": (
        Bug(
            "suggests a rollback of what was rolled out long ago",
            "symptoms.py",
            "    if not others and not _is_new(draft, obj, newest):",
            "    if False:",
            REPLAYED,
        ),
        Bug(
            "takes a pod that starts for one that fails",
            "symptoms.py",
            "return is_stuck(pod, now) or any(",
            'return not any(c.get("ready") for c in containers(pod)) or any(',
            REPLAYED,
        ),
        Bug(
            "sees no pod that finds no node",
            "pod_health.py",
            'placed.get("reason") == "Unschedulable"',
            "False",
            REPLAYED,
        ),
        Bug(
            "sees no pod that never becomes Ready",
            "pod_health.py",
            "return now - began > max(",
            "return False and now - began > max(",
            REPLAYED,
        ),
    ),
    "a Runbook: a rollout that goes well is no failure": (
        Bug(
            "takes every rollout for a failure",
            "runbook_preconditions.py",
            "if seen.passes is False and not seen.hard and _rolls_out_well(draft, aim):",
            "if False:",
            PLANNED,
        ),
        Bug(
            "sees no pod of a rollout that fails",
            "runbook_preconditions.py",
            "return not any(is_stuck(pod, draft.now) or crashes(pod, draft.now) for pod in pods)",
            "return True",
            PLANNED,
        ),
    ),
    "a StatefulSet: what pins it goes, and only that": (
        Bug(
            "misses a pod that is Ready between two crashes",
            STUCK,
            "and (not is_ready(p) or _hash(p) in crashing)",
            "and not is_ready(p)",
            PINNED,
        ),
        Bug(
            "waits where a container has just ended badly",
            "pod_health.py",
            ' or ended(c, "state").get("exitCode") for c',
            " for c",
            PINNED,
        ),
        Bug(
            "takes a crash of long ago for a reason",
            "pod_health.py",
            "and (when is None or now - when <= _LATELY)",
            "",
            "test_stateful_sets.py::test_a_pod_that_crashed_long_ago_is_no_reason",
        ),
    ),
}
