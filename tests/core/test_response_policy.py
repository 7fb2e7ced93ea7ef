"""Which generation of a ResponsePolicy counts, and what its status says of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0
from stanch.api.meta import instant
from stanch.api.policy import DEFAULT
from stanch.api.response_policy import IN_FORCE_MAX, ResponsePolicySpec, ResponsePolicyStatus
from stanch.core.policy_judge import Standing, judge, stand

Json = dict[str, Any]
TWICE = {"approvals": {"person": [{"class": "B", "needed": 1}, {"class": "B", "needed": 0}]}}
STORM = {"guardrails": {"storm": {"within": "2h", "calm": "1h"}}}
GOOD = {"approvals": {"person": [{"class": "B", "needed": 1}]}}


def policy(spec: Any, generation: int = 1, status: Json | None = None, **metadata: str) -> Json:
    """One ResponsePolicy as the API server keeps it."""
    meta = {"name": "default", "namespace": "shop", "uid": "u1", "generation": generation, "resourceVersion": "5"}
    return {"metadata": meta | metadata, "spec": spec} | ({"status": status} if status else {})


def channels(**changes: Any) -> Json:
    """A spec with one channel."""
    one = {"name": "room", "kind": "Slack", "secret": "slack", "audiences": ["internal"]}
    return {"communications": {"channels": [{**one, **changes}]}}


def said(body: Json, before: Standing | None = None, cluster: Json | None = None, minutes: int = 0) -> Json:
    """The status it gets, as it is stored."""
    above = ResponsePolicySpec.model_validate(cluster) if cluster is not None else None
    return judge(body, stand(body, before), DEFAULT, above, T0 + timedelta(minutes=minutes)).wire()


def conditions(status: Json) -> dict[str, str]:
    """`True InForce` by type."""
    return {c["type"]: f"{c['status']} {c['reason']}" for c in status["conditions"]}


def message(status: Json) -> str:
    """What Ready says."""
    return str(next(c["message"] for c in status["conditions"] if c["type"] == "Ready"))


def test_a_good_one_is_in_force_and_stands_in_its_status() -> None:
    """
    Ready, no Stalled; the spec is kept as text, so that a later mistake can't take it away.
    """
    status = said(policy(GOOD, 3))
    assert {"Ready": "True InForce"} == conditions(status)
    assert (3, 3) == (status["observedGeneration"], status["inForce"]["generation"])
    assert json.loads(status["inForce"]["spec"]) == GOOD
    assert "Generation 3 is in force" == message(status)
    assert "findings" not in status


def test_an_empty_one_is_in_force() -> None:
    """
    It says nothing, and so is never wrong.
    """
    assert {"Ready": "True InForce"} == conditions(said(policy({})))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (channels(audiences=[]), "spec.communications.channels[0].audiences: must name who hears it there"),
        (
            channels(audiences=["internal", "internal"]),
            "spec.communications.channels[0].audiences: internal is there twice",
        ),
        (channels(audiences=["internal", "public"]), "spec.communications.channels[0].audiences: public must be alone"),
        (channels(kind="PagerDuty", audiences=["leadership"]), "must be [internal] for PagerDuty (got [leadership])"),
        (
            channels(privateHost="169.254.169.254"),
            "spec.communications.channels[0].privateHost: must not be a link-local",
        ),
        (channels(kind="Telegram"), "spec.communications.channels.0.kind: "),
        (TWICE, "spec.approvals.person: class B is there twice"),
        (STORM, "spec.guardrails.storm.within: must not be longer than calm"),
        ({"guardrails": {"storm": {"within": "40m"}}}, "(got 40m and 30m)"),
        ({"guardrails": {"perTarget": "25h"}}, "spec.guardrails.perTarget: must be from 0s to 24h (got 25h)"),
        ({"guardrails": {"perTarget": "soon"}}, "spec.guardrails.perTarget: "),
        ({"guardrails": {"gitOps": "Perhaps"}}, "spec.guardrails.gitOps: "),
        ({"guardrails": {"nodesPercent": -1}}, "spec.guardrails.nodesPercent: "),
        ({"approvals": {"validFor": "0s"}}, "spec.approvals.validFor: must be from 1m to 24h (got 0s)"),
        ({"recovery": {"sampleEvery": "0s"}}, "spec.recovery.sampleEvery: must be from 1s to 5m"),
        ({"recovery": {"hold": [{"severity": "SEV1", "for": "48h"}]}}, "spec.recovery.hold[0].for: must be"),
        (
            {"severity": {"burn": [{"level": "SEV1", "factor": "2", "long": "5m", "short": "1h"}]}},
            "spec.severity.burn[0]: long must be longer than short (got 5m and 1h)",
        ),
        (
            {"severity": {"burn": [{"level": "SEV1", "factor": "0.0", "long": "1h", "short": "5m"}]}},
            "spec.severity.burn[0].factor: must be more than 0",
        ),
        (
            {"roles": {"required": [{"severity": "SEV1", "roles": ["scribe", "scribe"], "within": "5m"}]}},
            "spec.roles.required[0].roles: scribe is there twice",
        ),
        ({"postmortem": {"onMitigations": ["x" * 60] * 32}, "contacts": "many"}, "spec.contacts: "),
        (None, "spec."),
        ([], "spec."),
    ],
    ids=str,
)
def test_a_wrong_one_never_counts_and_names_the_field(spec: Any, field: str) -> None:
    """
    Without a good one before it, what is built in counts.
    """
    status = said(policy(spec, 2))
    assert {"Ready": "False SpecInvalid", "Stalled": "True SpecInvalid"} == conditions(status)
    assert message(status).startswith("Generation 2 is not in force: ")
    assert field in message(status)
    assert message(status).endswith("; the built-in defaults are")
    assert "inForce" not in status


def test_the_last_good_one_stays_in_force_and_says_so() -> None:
    """
    The status carries it: a new process, which knows nothing, reads it there.
    """
    good = said(policy(GOOD, 6))
    bad = policy(STORM, 7, good)
    status = said(bad, minutes=5)
    assert stand(bad).spec == ResponsePolicySpec.model_validate(GOOD)
    assert status["inForce"] == good["inForce"]
    assert (7, "False SpecInvalid") == (status["observedGeneration"], conditions(status)["Ready"])
    assert message(status).endswith("; generation 6 still is")
    assert message(status).count("Generation 7 is not in force: spec.guardrails.storm.within") == 1


def test_a_good_one_whose_status_is_not_written_yet_is_remembered() -> None:
    """
    Two changes in one second: the first was good, and nobody had time to write it down.
    """
    before = stand(policy(GOOD, 6))
    assert (6, before.spec) == (stand(policy(STORM, 7), before).in_force, before.spec)
    assert stand(policy(STORM, 7, uid="another"), before).spec is None


def test_of_two_good_ones_the_newer_counts() -> None:
    """
    What a status says may be older than what we saw.
    """
    old = said(policy({}, 4))
    before = stand(policy(GOOD, 6, old))
    assert 6 == stand(policy(STORM, 7, old), before).in_force


def test_it_recovers() -> None:
    """
    The next good generation is in force; Stalled goes, and Ready flips when it does.
    """
    bad = policy(STORM, 7, said(policy(GOOD, 6)))
    again = policy({}, 8, said(bad, minutes=5))
    status = said(again, minutes=9)
    assert {"Ready": "True InForce"} == conditions(status)
    assert instant(T0 + timedelta(minutes=9)) == status["conditions"][0]["lastTransitionTime"]


def test_a_status_stands_still_while_nothing_changes() -> None:
    """
    Judged again later it says the same, to the letter: no write a minute.
    """
    for spec in (GOOD, STORM):
        status = said(policy(spec, 2))
        assert status == said(policy(spec, 2, status), minutes=60)


@pytest.mark.parametrize(
    "status",
    [
        {"inForce": {"generation": 3, "spec": "{"}},
        {"inForce": {"generation": 3, "spec": "[]"}},
        {"inForce": {"generation": 3, "spec": json.dumps(STORM)}},
        {"inForce": {"generation": "many"}},
        {"inForce": "x"},
        {"conditions": 3},
    ],
    ids=str,
)
def test_a_status_that_nobody_can_read_is_none(status: Json) -> None:
    """
    Written by a newer version, or meddled with: what is built in counts, and the status is made anew.
    """
    assert stand(policy(STORM, 7, status)).spec is None
    assert "the built-in defaults are" in message(said(policy(STORM, 7, status)))


def test_only_the_one_named_default_counts() -> None:
    """
    An older schema may have let another in: it says so, and nothing of it is in force.
    """
    other = policy(GOOD, name="strict")
    assert stand(other).spec is None
    assert "metadata.name: must be default" in message(said(other))


# --- what belongs elsewhere ------------------------------------------------------------------------------------------

ELSEWHERE: tuple[Json, ...] = (
    {"approvals": {"people": ["system:serviceaccount:shop:robot"]}},
    {"communications": {"channels": []}},
    {"errorBudget": {}},
    {"receiver": {}},
    {"prometheus": {"url": "http://prometheus.shop:9090"}},
    {"endpoints": [{"name": "a", "url": "http://inside.shop:8080/"}]},
)


@pytest.mark.parametrize("spec", ELSEWHERE, ids=lambda spec: next(iter(spec)))
def test_what_only_the_cluster_may_say_is_left_out(spec: Json) -> None:
    """
    Slipped past admission, it does not count; the rest does, and the text names the field and where it belongs.
    """
    body = policy({**spec, "guardrails": {"perTarget": "20m"}})
    status = said(body)
    kept = {name: {} for name, value in spec.items() if name in ("approvals", "communications")}
    assert {"Ready": "False Misplaced", "Stalled": "True Misplaced"} == conditions(status)
    assert {**kept, "guardrails": {"perTarget": "20m"}} == json.loads(status["inForce"]["spec"])
    assert f"spec.{next(iter(spec))}" in message(status)
    assert "namespace stanch-system may have that" in message(status)
    assert {"Ready": "True InForce"} == conditions(said(body | policy(body["spec"], namespace="stanch-system")))


# --- findings --------------------------------------------------------------------------------------------------------


def test_findings_say_what_does_not_count() -> None:
    """
    Looser values, with what is in force instead.
    """
    status = said(
        policy({"guardrails": {"perTarget": "5m"}, "evidence": {"pods": 3}, "retention": {"drills": "1h"}}), cluster={}
    )
    assert status["findings"] == [
        "spec.guardrails.perTarget: 5m is looser than the built-in 10m; 10m is in force",
        "spec.retention.drills: 1h is looser than the built-in 720h; 720h is in force",
    ]


def test_the_cluster_may_be_looser_and_is_told_nothing() -> None:
    """
    What is built in is a default, no limit, for the platform team.
    """
    assert "findings" not in said(policy({"guardrails": {"perTarget": "5m"}}, namespace="stanch-system"))


def test_what_is_told_fits_where_it_is_stored() -> None:
    """
    However much is wrong at once, the status is one that its schema takes.
    """
    long = {"contacts": [{"name": f"n{i}", "to": "é" * 256, "about": "ü" * 256} for i in range(64)]}
    status = said(policy(long))
    assert len(status["inForce"]["spec"]) < IN_FORCE_MAX
    assert ResponsePolicyStatus.model_validate(status).wire() == status
    huge = {"endpoints": [{"name": f"n{i}", "url": "http://a/" + "x" * 2000} for i in range(64)]}
    assert "spec: must have at most 65536 characters" in message(said(policy(huge, namespace="stanch-system")))


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(["5m", "SEV1", "A", "Hold"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("approvals", "guardrails", "recovery", "severity", "burn", "person", "class", "needed", "storm"),
                    *("within", "calm", "hold", "for", "perTarget", "inForce", "spec", "generation", "conditions"),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(spec=JUNK, status=st.one_of(st.none(), st.dictionaries(st.sampled_from(["inForce", "conditions"]), JUNK)))
def test_nothing_that_is_stored_stops_the_rest(spec: Any, status: Json | None) -> None:
    """
    Whatever an older schema let in is judged, never raised over; what counts of it is a spec that is right.
    """
    body = policy(spec, 2, status)
    standing = stand(body)
    assert (standing.spec is None) == (standing.in_force is None)
    assert standing.spec is not None or standing.problem
    said(body)


NOBODY = {
    "machine": (
        {"machine": [{"class": "C", "needed": 2}, {"class": "A", "needed": 0}]},
        "spec.approvals.machine[1].needed: must be at least 1 (got 0): what a machine asks for takes a person",
        {"machine": [{"class": "C", "needed": 2}, {"class": "A", "needed": 1}]},
    ),
    "auto": (
        {"auto": [{"class": "B", "needed": 0}, {"class": "C", "needed": 0}]},
        "spec.approvals.auto[1].needed: must be at least 1 for class C (got 0)",
        {"auto": [{"class": "B", "needed": 0}, {"class": "C", "needed": 1}]},
    ),
}


@pytest.mark.parametrize("case", NOBODY)
@pytest.mark.parametrize("restarted", [False, True])
def test_what_takes_a_person_takes_one_and_all_else_of_it_counts(case: str, restarted: bool) -> None:
    """
    Stored when the API server took it: out of force as a whole, it would take with it what it forbids.
    """
    written, words, meant = NOBODY[case]
    body = policy({"approvals": written, "guardrails": {"gitOps": "Refuse"}}, 2)
    if restarted:
        body = policy(body["spec"], 2, said(body))
    status = said(body)
    assert {"Ready": "False SpecInvalid", "Stalled": "True SpecInvalid"} == conditions(status)
    assert f"Generation 2 is in force with 1 where it has less: {words}" in message(status)
    assert (2, {"approvals": meant, "guardrails": {"gitOps": "Refuse"}}) == (
        status["inForce"]["generation"],
        json.loads(status["inForce"]["spec"]),
    )


def test_the_last_good_one_of_before_counts_with_a_person_too() -> None:
    """
    The newest is wrong; what stands in the status was written when less was taken.
    """
    less = {"approvals": {"machine": [{"class": "A", "needed": 0}]}, "evidence": {"required": True}}
    kept = {"inForce": {"generation": 1, "spec": json.dumps(less)}}
    standing = stand(policy(STORM, 2, kept))
    assert 1 == standing.in_force
    assert ([1], True) == ([each.needed for each in standing.spec.approvals.machine], standing.spec.evidence.required)


def test_misplaced_and_less_than_it_takes_are_both_said() -> None:
    """
    One sentence.
    """
    status = said(policy({"approvals": NOBODY["machine"][0], **channels()}, 3))
    assert "without spec.communications.channels" in message(status)
    assert "spec.approvals.machine[1].needed" in message(status)
