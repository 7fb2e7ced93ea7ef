"""The one line for the timeline."""

import pytest

from evidence.sample import KEY, SHOP, crash, pod, recorded, world
from stanch.api.meta import TargetKind
from stanch.core import asking
from stanch.core.observations import Failed, Found, Observations
from stanch.core.ports import Aim
from stanch.evidence.excerpt import failure_of
from stanch.evidence.scene import Scene

LOG = "2026-11-21T11:20:00.1Z starting\n2026-11-21T11:20:00.2Z FATAL: no such table orders_v2\n"
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "app:2"'}}


def ended(**more):
    return {"lastState": {"terminated": {"exitCode": 1, "reason": "Error", **more}}}


CASES = [
    ("", [pod("a")], {}),
    (
        '2 of 2 pods of template new crash: exit code 1, last log line "FATAL: no such table orders_v2"',
        [crash("a"), crash("b")],
        {"log": LOG},
    ),
    (
        '1 of 2 pods of template new crash: OOMKilled, exit code 137, last log line "started"',
        [crash("a", 137), pod("b")],
        {},
    ),
    (
        '1 of 1 pods of template new crash: exit code 1, log says "error: disk full"',
        [crash("a")],
        {"log": "error: disk full\nbye\n"},
    ),
    (
        '1 of 1 pods of template new crash: exit code 1, termination message "boom"',
        [crash("a", **ended(message="boom"))],
        {"a/app/previous": Failed(500, "x"), "a/app/current": Failed(500, "x")},
    ),
    (
        '1 of 1 pods of template new do not start: ImagePullBackOff: Back-off pulling image "app:2"',
        [pod("a", ready=False, state=PULL)],
        {},
    ),
    ("1 of 1 pods of template new are not ready: ContainersNotReady", [pod("a", ready=False)], {}),
]


@pytest.mark.parametrize(("line", "pods", "answers"), CASES, ids=[line[:40] or "healthy" for line, *_ in CASES])
def test_the_line_tells_how_many_how_and_what_they_said(line, pods, answers):
    """The commonest failure; the newest line that names an error."""
    assert line == failure_of(Scene(SHOP, world(*pods, **answers)), KEY).line


def test_a_pod_without_a_node_is_not_scheduled():
    """The scheduler's words."""
    one = pod("a", ready=False, state={})
    one["status"]["containerStatuses"] = []
    one["status"]["conditions"] += [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    ]
    assert (
        failure_of(Scene(SHOP, world(one)), KEY).line
        == "1 of 1 pods of template new are not scheduled: Unschedulable: 0/3 nodes"
    )


def test_of_a_list_that_was_cut_it_says_so():
    """The share is one of those that were listed."""
    pods = Found({"items": [crash("a"), pod("b")], "metadata": {"continue": "more"}})
    line = failure_of(Scene(SHOP, world(crash("a"), pod("b"), pods=pods)), KEY).line
    assert line.startswith("1 of 2 listed pods of template new crash")


def test_secrets_are_masked_before_the_line_is_cut():
    """Half a token has no pattern that would find it."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ" + "a" * 300 + ".c2ln"
    line = failure_of(Scene(SHOP, world(crash("a"), log="x" * 100 + f" error: refused {jwt}\n")), KEY).line
    assert "eyJ" not in line
    assert "***jwt:" in line


def test_a_real_crash_loop_and_a_real_healthy_node():
    """As recorded."""
    aim, seen = recorded("Deployment")
    assert (
        failure_of(Scene(aim, seen)).line
        == '1 of 1 pods of template dd59b7fb6 crash: exit code 1, log says "FATAL: no such table orders_v2"'
    )
    aim, seen = recorded("Node")
    assert failure_of(Scene(aim, seen)).line == ""


def test_a_node_says_why_it_is_not_ready():
    """From its Ready condition."""
    aim = Aim(TargetKind.NODE, "n3", None)
    ready = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped",
        "lastTransitionTime": "T",
    }
    seen = Observations().with_answers({asking.target_of(aim): Found({"status": {"conditions": [ready]}})})
    assert failure_of(Scene(aim, seen)).line == "node n3 is not ready since T: NodeStatusUnknown: Kubelet stopped"


# --- what later incidents are compared by ----------------------------------------------------------------------------


def mark(*pods, **answers):
    """Container, cause and words."""
    found = failure_of(Scene(SHOP, world(*pods, **answers)), KEY).mark
    return (found.container, found.cause, found.said) if found else None


def test_the_same_failure_on_another_day_is_the_same():
    """Another template, other pods, another time, other numbers and addresses; the words that stay are what is compared."""
    one = mark(crash("a"), crash("b"), log="2026-11-21T11:20:00.2Z FATAL: no answer from 10.0.0.7:5432 after 30s\n")
    other = mark(crash("z"), pod("w"), log="2026-12-01T01:00:00.9Z FATAL: no answer from 10.9.1.2:5432 after 31s\n")
    assert ("app", "Error:1", "FATAL: no answer from # after #") == one == other


def test_a_secret_is_no_mark_of_a_failure():
    """Masked as everywhere, and another token each time: left out."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    assert ("app", "Error:1", "error: refused token #") == mark(crash("a"), log=f"error: refused token {jwt}\n")


@pytest.mark.parametrize(
    ("pods", "answers", "found"),
    [
        ([pod("a")], {}, None),
        ([crash("a", 137)], {}, ("app", "OOMKilled:137", None)),
        ([pod("a", ready=False, state=PULL)], {}, ("app", "ImagePullBackOff", None)),
        ([crash("a")], {"log": "panic: 0xdeadbeef1\n"}, ("app", "Error:1", None)),
    ],
    ids=["healthy", "one word", "no log", "no words"],
)
def test_where_too_little_is_said_the_cause_alone_is_kept(pods, answers, found):
    """One word is no sentence; nothing fails: nothing is kept."""
    assert found == mark(*pods, **answers)
