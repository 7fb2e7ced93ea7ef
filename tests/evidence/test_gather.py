"""What is asked about a target, and in which order."""

from dataclasses import replace

import pytest

from evidence.sample import SHOP, capture, crash, deployment, listed, observe, pod, recorded, what, without, world
from stanch.api.meta import Severity, TargetKind
from stanch.api.policy import DEFAULT
from stanch.core import asking
from stanch.core.observations import Failed, Found, Observations
from stanch.core.ports import Aim
from stanch.core.questions import Logs
from stanch.evidence.bundle import bundle
from stanch.evidence.collector import EvidenceCollector
from stanch.evidence.gather import questions

SURROUNDINGS = ["events", "horizontalpodautoscalers", "poddisruptionbudgets", "services", "endpointslices"]


def asked(aim, seen, severity=Severity.SEV1):
    return [what(question) for question in questions(aim, seen, severity)]


def test_first_the_target_and_what_surrounds_it_are_asked_for_at_once():
    """Nothing of this needs another answer, so it is one round."""
    assert ["target", *SURROUNDINGS] == asked(SHOP, Observations())


@pytest.mark.parametrize(
    ("kind", "history"),
    [
        (TargetKind.DEPLOYMENT, ["replicasets", "pods"]),
        (TargetKind.STATEFUL_SET, ["controllerrevisions", "pods"]),
        (TargetKind.DAEMON_SET, ["controllerrevisions", "pods"]),
        (TargetKind.REPLICA_SET, ["pods"]),
    ],
)
def test_then_its_history_and_its_pods_by_its_selector(kind, history):
    """The second round needs the selector of the target."""
    aim = Aim(kind, "checkout", "shop")
    answers = {"target": Found(deployment()), **dict.fromkeys(SURROUNDINGS, listed())}
    seen = observe(aim, answers)
    assert history == asked(aim, seen)
    assert {"app=checkout"} == {question.labels for question in questions(aim, seen, Severity.SEV1)}


def test_a_node_is_asked_for_with_its_pods_and_events_at_once():
    """Its pods are found by its name, in all namespaces; their logs belong to others."""
    aim = Aim(TargetKind.NODE, "n1", None)
    found = questions(aim, Observations(), Severity.SEV1)
    assert [what(question) for question in found] == ["target", "events", "leases", "pods"]
    assert [question.namespace for question in found] == [None, None, "kube-node-lease", None]
    assert asked(*recorded("Node")) == []


def test_a_target_that_is_not_there_needs_no_more_questions():
    """NotFound ends the asking."""
    assert asked(SHOP, without(Observations())) == []


def test_a_target_that_could_not_be_read_still_gets_its_surroundings():
    """Failed is not NotFound: what else can be had is had."""
    seen = Observations().with_answers({asking.target_of(SHOP): Failed(500, "boom")})
    assert asked(SHOP, seen) == SURROUNDINGS


@pytest.mark.parametrize(
    ("one", "logs"),
    [
        (pod("running"), ["running/app/current"]),
        (pod("restarted", restartCount=1), ["restarted/app/previous", "restarted/app/current"]),
        (crash("backoff"), ["backoff/app/previous", "backoff/app/current"]),
        (
            crash("just-died", state={"terminated": {"exitCode": 1}}),
            ["just-died/app/previous", "just-died/app/current"],
        ),
        (pod("pulling", ready=False, state={"waiting": {"reason": "ImagePullBackOff"}}), []),
        (pod("not-seen", ready=False, state={}), []),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_only_logs_that_can_exist_are_asked_for(one, logs):
    """A request that must fail costs time on the way to the effect."""
    seen = world(one)
    assert logs == [what(question) for question in seen.answers if isinstance(question, Logs)]


def test_what_a_debugger_saw_is_asked_for_too():
    """A container of `kubectl debug` goes with its pod; it is never started again."""
    one = pod("seen")
    one["spec"]["ephemeralContainers"] = [{"name": "debugger", "image": "busybox"}]
    one["status"]["ephemeralContainerStatuses"] = [{"name": "debugger", "restartCount": 0, "state": {"running": {}}}]
    seen = world(one, **{"seen/debugger/current": Found({"text": "heap dumped", "dropped": 0})})
    assert "seen/debugger/current" in [what(question) for question in seen.answers]
    assert "pod/seen/debugger.log" in {item.name for item in bundle(capture(seen)).items}


def test_previous_logs_come_before_current_ones():
    """A restart destroys them first."""
    seen = world(crash("a"), pod("b", restartCount=1, ready=False))
    ages = [question.previous for question in seen.answers if isinstance(question, Logs)]
    assert sorted(ages, reverse=True) == ages


@pytest.mark.parametrize(("severity", "seconds"), [(Severity.SEV1, 3.0), (Severity.SEV2, 5.0), (Severity.SEV4, 5.0)])
def test_how_long_a_log_may_take_depends_on_severity(severity, seconds):
    """Users before evidence."""
    seen = observe(SHOP, {"target": Found(deployment()), "pods": listed(pod("a"))}, severity)
    logs = [question for question in questions(SHOP, seen, severity) if isinstance(question, Logs)]
    assert [seconds] == [question.timeout_seconds for question in logs]


def test_logs_are_found_again_after_the_severity_changed():
    """What was asked under SEV2 is not missing when it is bundled under SEV1."""
    made = bundle(capture(world(pod("a")), severity=Severity.SEV3))
    assert "pod/a/app.log" in {item.name for item in made.items}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, ""),
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        ({"matchExpressions": [{"key": "t", "operator": "In", "values": ["y", "x"]}]}, "t in (x,y)"),
        ({"matchExpressions": [{"key": "t", "operator": "NotIn", "values": ["x"]}]}, "t notin (x)"),
        ({"matchExpressions": [{"key": "t", "operator": "Exists"}]}, "t"),
        ({"matchExpressions": [{"key": "t", "operator": "DoesNotExist"}]}, "!t"),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "t", "operator": "Exists"}]}, "a=1,t"),
    ],
)
def test_a_selector_becomes_one_string(selector, expected):
    """Equal selectors give equal questions, whatever the order they are written in."""
    assert expected == asking.selector({"spec": {"selector": selector}})


def test_owned_by_needs_the_controller_and_a_uid():
    """A mere owner, or an empty uid, owns nothing."""
    mine = {"metadata": {"ownerReferences": [{"uid": "u", "controller": True}]}}
    shared = {"metadata": {"ownerReferences": [{"uid": "u"}]}}
    assert [mine] == asking.owned_by([mine, shared, {}], "u")
    assert asking.owned_by([mine, {"metadata": {}}], "") == []


def test_a_policy_says_how_much_of_a_log_is_read():
    """For a namespace alone: the same collector reads as much as ever for the others."""
    usual = EvidenceCollector(b"")
    policy = replace(DEFAULT, evidence_previous_bytes=4096, evidence_current_bytes=2048, evidence_raw_bytes=100_000)
    seen = Observations({q: a for q, a in world(crash("a"), pod("b")).answers.items() if not isinstance(q, Logs)})

    def kept(collector: EvidenceCollector) -> set[tuple[bool, int]]:
        found = collector.questions(SHOP, seen, Severity.SEV1)
        return {(q.previous, q.keep_bytes) for q in found if isinstance(q, Logs)}

    assert {(True, 4096), (False, 2048)} == kept(usual.within(policy))
    assert {(True, 262_144), (False, 131_072), (False, 65_536)} == kept(usual)
