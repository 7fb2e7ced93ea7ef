"""What is in force of the cluster's policy and a namespace's: never looser than either (decisions F14)."""

import re
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from build import incident, roll_back
from stanch.api.meta import Severity
from stanch.api.policy import DEFAULT, Policy
from stanch.api.response_policy import ResponsePolicySpec
from stanch.core.policy_check import first_wrong
from stanch.core.policy_merge import LINES, effective, too_loose
from stanch.core.policy_paths import stated
from world import CATALOG, bad_deploy

ROOT = Path(__file__).resolve().parents[2]
WRITTEN_OUT = ROOT / "examples" / "responsepolicy-defaults.yaml"
# Numbers of the product that nobody sets: how often is looked, and how long a write may take.
NOBODYS = {
    *("resync_every", "resync_resolved_every", "verify_every", "verify_within", "evict_again", "evictions_at_once"),
    *("time_box", "worse_points", "debt_remind_every", "debt_remind_hold_every", "debt_escalate_after"),
    *("debt_reminders_max", "debt_extend_max", "evidence_fresh", "pods_one_by_one", "follow_up_due", "told_after"),
    *("store_again", "lost_attempts_max", "lost_after", "sick_nodes_percent", "counted_for", "runs_counted_for"),
    *("update_grace", "update_seen_within", "final_update_within"),
    *("postmortem_remind_every", "postmortem_reminders_max"),
}
# Nobody can be built in; the file shows what one looks like.
NO_ADDRESSES: dict[str, Any] = {
    "prometheus_url": "",
    "prometheus_secret": "",
    "endpoints": {},
    "endpoint_secrets": {},
    "contacts": {},
    "items_escalate_to": "",
    "channels": (),
}
MINUTES = timedelta(minutes=1)


def spec(**sections: Any) -> ResponsePolicySpec:
    """A spec as people write it."""
    return ResponsePolicySpec.model_validate(sections)


def guards(**values: Any) -> ResponsePolicySpec:
    """A spec with guardrails only."""
    return spec(guardrails=values)


def written_out() -> ResponsePolicySpec:
    """The built-in defaults as a file."""
    return ResponsePolicySpec.model_validate(yaml.safe_load(WRITTEN_OUT.read_text(encoding="utf-8"))["spec"])


def test_the_defaults_written_out_are_the_built_in_ones() -> None:
    """
    The example file says every field that a policy can set, each with its built-in value: an empty spec means the same.
    """
    assert DEFAULT == replace(effective(DEFAULT, written_out()), **NO_ADDRESSES)
    assert DEFAULT == effective(DEFAULT, spec())
    assert DEFAULT == effective(DEFAULT, spec(), spec())
    assert [] == [line.path for line in LINES if stated(written_out(), line.path) is None]
    assert "" == first_wrong(written_out())


def test_every_number_of_a_policy_is_somebodys() -> None:
    """
    A field of Policy is set by one path of the spec, or by nobody, and then it is named here.
    """
    set_by = [line.field for line in LINES]
    assert len(set_by) == len(set(set_by))
    assert {f.name for f in fields(Policy)} == {*set_by, *NOBODYS}


def test_every_field_is_read_by_something() -> None:
    """
    A policy that is kept and not used would be a promise that nobody keeps.
    """
    sources = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "operator").rglob("*.py"))]
    code = "\n".join(sources)
    read = {line.path for line in LINES if re.search(rf"policy\.{line.field}\b", code)}
    assert {line.path for line in LINES} - read == set()


# --- the cluster's ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"guardrails": {"perTarget": "5m"}}, "per_target", 5 * MINUTES),
        ({"guardrails": {"storm": {"incidents": 9}}}, "storm_incidents", 9),
        ({"guardrails": {"gitOps": "Ignore"}}, "git_ops", "Ignore"),
        ({"guardrails": {"whenWorse": "Undo"}}, "when_worse", "Undo"),
        ({"approvals": {"person": [{"class": "C", "needed": 0}]}}, "approvals_person", {"A": 0, "B": 0, "C": 0}),
        ({"approvals": {"people": ["system:serviceaccount:a:b"]}}, "machine_people", {"system:serviceaccount:a:b"}),
        ({"evidence": {"required": True}}, "evidence_required", True),
        ({"postmortem": {"onMitigations": []}}, "postmortem_on", set()),
        ({"severity": {"whenUnknown": "SEV3"}}, "when_unknown", Severity.SEV3),
        (
            {"recovery": {"hold": [{"severity": "SEV1", "for": "40m"}]}},
            "hold",
            {**DEFAULT.hold, Severity.SEV1: 40 * MINUTES},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_platform_decides_for_itself(said: dict[str, Any], field: str, value: Any) -> None:
    """
    The cluster's policy may be looser than what is built in; what it leaves out stays as built in.
    """
    assert replace(DEFAULT, **{field: value}) == effective(DEFAULT, spec(**said))


def test_the_cluster_can_not_open_what_the_leash_closes() -> None:
    """
    The four namespaces the cluster lives on are protected, whatever the list says.
    """
    wanted = DEFAULT.protected_namespaces | {"payments"}
    assert wanted == effective(DEFAULT, guards(protectedNamespaces=["payments"])).protected_namespaces


# --- the namespace's -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cluster", "own", "field", "value", "found"),
    [
        ({"perTarget": "10m"}, {"perTarget": "5m"}, "per_target", 10 * MINUTES, "5m is looser than the cluster's 10m"),
        ({}, {"perTarget": "5m"}, "per_target", 10 * MINUTES, "5m is looser than the built-in 10m; 10m is in force"),
        ({"perTarget": "10m"}, {"perTarget": "20m"}, "per_target", 20 * MINUTES, ""),
        ({"perTarget": "1m"}, {"perTarget": "2m"}, "per_target", 2 * MINUTES, ""),
        ({"clusterHourly": 8}, {"clusterHourly": 9}, "cluster_hourly", 8, "9 is looser than the cluster's 8"),
        ({"minReadyPercent": 60}, {"minReadyPercent": 50}, "min_ready_percent", 60, "50 is looser"),
        ({"gitOps": "Refuse"}, {"gitOps": "Hold"}, "git_ops", "Refuse", "Hold is looser than the cluster's Refuse"),
        ({"gitOps": "Ignore"}, {"gitOps": "Hold"}, "git_ops", "Hold", ""),
        ({"whenWorse": "Undo"}, {"whenWorse": "Ask"}, "when_worse", "Ask", ""),
        ({}, {"whenWorse": "Undo"}, "when_worse", "Ask", "Undo is looser than the built-in Ask; Ask is in force"),
        ({"storm": {"calm": "1h"}}, {"storm": {"calm": "40m"}}, "storm_calm", 60 * MINUTES, "40m is looser"),
        ({"breaker": 3}, {}, "breaker", 3, ""),
    ],
    ids=str,
)
def test_of_guardrails_the_stricter_counts(
    cluster: dict[str, Any], own: dict[str, Any], field: str, value: Any, found: str
) -> None:
    """
    Field by field; and what of the namespace's does not count is said with both values.
    """
    assert value == getattr(effective(DEFAULT, guards(**cluster), guards(**own)), field)
    said = too_loose(DEFAULT, guards(**cluster), guards(**own))
    assert (len(said) == 1 and found in said[0]) if found else said == ()


def test_of_approvals_each_class_counts_by_itself() -> None:
    """
    More approvals for B, fewer for C: the first counts, the second is told.
    """
    own = spec(approvals={"person": [{"class": "B", "needed": 1}, {"class": "C", "needed": 0}], "askFor": "30m"})
    there = effective(DEFAULT, None, own)
    assert {"A": 0, "B": 1, "C": 1} == there.approvals_person
    assert 30 * MINUTES == there.approval_ask_for
    found = ("spec.approvals.person[C]: 0 is looser than the built-in 1; 1 is in force",)
    assert found == too_loose(DEFAULT, None, own)


def test_protected_namespaces_add_up() -> None:
    """
    A namespace protects more, never less, and its shorter list is no mistake.
    """
    cluster, own = guards(protectedNamespaces=["one"]), guards(protectedNamespaces=["two"])
    assert DEFAULT.protected_namespaces | {"one", "two"} == effective(DEFAULT, cluster, own).protected_namespaces
    assert () == too_loose(DEFAULT, cluster, own)


def test_a_namespace_names_nobody_a_person() -> None:
    """
    Which ServiceAccounts stand for people is the platform's word: a tenant's pipeline would approve its own wishes.
    """
    one, two, three = (f"system:serviceaccount:shop:{name}" for name in ("one", "two", "three"))
    cluster, own = spec(approvals={"people": [one, two]}), spec(approvals={"people": [two, three]})
    assert {two} == effective(DEFAULT, cluster, own).machine_people
    assert set() == effective(DEFAULT, None, own).machine_people


def test_required_evidence_and_the_commander_are_never_loosened() -> None:
    """
    These two stand in sections that otherwise count whole.
    """
    cluster = spec(evidence={"required": True}, roles={"commanderActs": "Deny"})
    own = spec(evidence={"required": False, "pods": 3}, roles={"handoffAfter": "2h"})
    there = effective(DEFAULT, cluster, own)
    assert (True, "Deny") == (there.evidence_required, there.commander_acts)


def test_any_other_section_counts_whole() -> None:
    """
    The namespace's recovery replaces the cluster's as one: what it leaves out is as built in.
    """
    cluster = spec(recovery={"reopenWithin": "1h", "sampleEvery": "5s"}, postmortem={"due": "24h"})
    there = effective(DEFAULT, cluster, spec(recovery={"reopenWithin": "2h"}))
    assert (120 * MINUTES, DEFAULT.sample_every) == (there.reopen_within, there.sample_every)
    assert timedelta(hours=24) == there.postmortem_due


def test_a_raised_approval_holds_a_rollback_and_a_lifted_one_lets_it_go() -> None:
    """
    What is in force now counts, also for what waits already.
    """
    there = bad_deploy(incident(roll_back()))
    raised = effective(DEFAULT, None, spec(approvals={"person": [{"class": "B", "needed": 1}]}))
    there.catalog = replace(CATALOG, policy=raised)
    there.run(minutes=1)
    assert ([], "ApprovalMissing") == (there.effects, there.record("roll-back").reason)
    there.catalog = CATALOG
    there.run(minutes=1)
    assert 1 == len(there.effects)


# --- whatever two people write ---------------------------------------------------------------------------------------

MINUTE = st.integers(0, 2000).map(lambda n: f"{n}m")
SMALL = st.integers(0, 60)
TABLE = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 5)).map(
    lambda table: [{"class": key, "needed": n} for key, n in table.items()]
)
SEVERITIES = st.dictionaries(st.sampled_from(["SEV1", "SEV2", "SEV3", "SEV4"]), MINUTE)
OPTIONAL: Any = {
    "approvals": st.fixed_dictionaries(
        {}, optional={"person": TABLE, "machine": TABLE, "auto": TABLE, "validFor": MINUTE, "askFor": MINUTE}
    ),
    "guardrails": st.fixed_dictionaries(
        {},
        optional={
            "perTarget": MINUTE,
            **dict.fromkeys(("perNamespaceHourly", "clusterHourly", "autoInFlight"), SMALL),
            **dict.fromkeys(("nodesPercent", "minReadyPercent"), st.integers(0, 50)),
            **dict.fromkeys(("scaleFactor", "breaker"), st.integers(1, 60)),
            "storm": st.fixed_dictionaries(
                {}, optional={"incidents": st.integers(1, 60), "within": MINUTE, "calm": MINUTE}
            ),
            "protectedNamespaces": st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
            "whenWorse": st.sampled_from(["Ask", "Undo"]),
            "gitOps": st.sampled_from(["Hold", "Refuse", "Ignore"]),
        },
    ),
    "retention": st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("incident", "entries", "drills"), MINUTE),
            "evidence": SEVERITIES.map(lambda table: [{"severity": s, "for": d} for s, d in table.items()]),
        },
    ),
    "evidence": st.fixed_dictionaries({}, optional={"required": st.booleans()}),
    "roles": st.fixed_dictionaries({}, optional={"commanderActs": st.sampled_from(["Warn", "Deny"])}),
}
SPECS = st.fixed_dictionaries({}, optional=OPTIONAL).map(ResponsePolicySpec.model_validate)

# Said once more, on purpose in other words than the product's: is the first at least as strict as the second?
AT_LEAST = {
    **dict.fromkeys(("per_target", "storm_within", "storm_calm", "min_ready_percent", "evidence_required"), "more"),
    **dict.fromkeys(("retention_incident", "retention_entries", "retention_drills", "retention_evidence"), "more"),
    **dict.fromkeys(("approvals_person", "approvals_machine", "approvals_auto"), "more"),
    **dict.fromkeys(("per_namespace_hourly", "cluster_hourly", "auto_in_flight", "nodes_percent"), "less"),
    **dict.fromkeys(("scale_factor", "storm_incidents", "breaker", "approval_valid_for", "approval_ask_for"), "less"),
    "protected_namespaces": "more",
    "when_worse": ["Undo", "Ask"],
    "git_ops": ["Ignore", "Hold", "Refuse"],
    "commander_acts": ["Warn", "Deny"],
}


def looser(field: str, one: Any, other: Any) -> bool:
    """Is the first value looser than the second?"""
    how: Any = AT_LEAST[field]
    if isinstance(one, dict):
        return any(looser(field, one[key], other[key]) for key in one)
    if isinstance(how, list):
        return bool(how.index(one) < how.index(other))
    return bool(not one >= other if how == "more" else one > other)


@settings(deadline=None)
@given(cluster=SPECS, own=SPECS)
def test_a_namespace_is_never_looser_than_the_cluster_nor_than_it_says_itself(
    cluster: ResponsePolicySpec, own: ResponsePolicySpec
) -> None:
    """
    For any two policies, every field that guards something is at least as strict as in either.
    """
    there, above = effective(DEFAULT, cluster, own), effective(DEFAULT, cluster)
    mine = effective(DEFAULT, own)
    assert [] == [f for f in AT_LEAST if looser(f, getattr(there, f), getattr(above, f))]
    said = {line.field for line in LINES if line.field in AT_LEAST and stated(own, line.path) is not None}
    scalar = [f for f in said if not isinstance(getattr(mine, f), dict)]
    assert [] == [f for f in scalar if looser(f, getattr(there, f), getattr(mine, f))]


@settings(deadline=None)
@given(cluster=SPECS, own=SPECS)
def test_what_does_not_count_is_told_and_only_that(cluster: ResponsePolicySpec, own: ResponsePolicySpec) -> None:
    """
    A finding for every value that is not in force, and none when all are.
    """
    there, mine = effective(DEFAULT, cluster, own), effective(effective(DEFAULT, cluster), own)
    differs = {line.path for line in LINES if line.stricter and getattr(there, line.field) != getattr(mine, line.field)}
    told = {text.split(":")[0].removeprefix("spec.").partition("[")[0] for text in too_loose(DEFAULT, cluster, own)}
    assert differs == told


@settings(deadline=None)
@given(cluster=SPECS)
def test_saying_it_again_changes_nothing(cluster: ResponsePolicySpec) -> None:
    """
    A namespace that copies the cluster's policy gets what it had, and no finding.
    """
    assert effective(DEFAULT, cluster) == effective(DEFAULT, cluster, cluster)
    assert () == too_loose(DEFAULT, cluster, cluster)


def test_every_field_that_guards_has_its_direction() -> None:
    """
    A new guardrail can't be forgotten by the tests above.
    """
    strict = {line.field for line in LINES if line.stricter}
    assert strict - {"machine_people", "channels"} == set(AT_LEAST)


def test_a_namespace_with_a_cadence_of_its_own_keeps_the_channels() -> None:
    """Where people are told is the platform's word: neither taken away nor added to."""
    room = {"name": "room", "kind": "Slack", "secret": "slack", "audiences": ["internal"]}
    cluster = spec(communications={"channels": [room]})
    own = spec(communications={"cadence": [{"severity": "SEV1", "internal": "5m"}]})
    assert ["room"] == [c.name for c in effective(DEFAULT, cluster, own).channels or ()]
    assert ["room"] == [c.name for c in effective(DEFAULT, cluster, spec()).channels or ()]
