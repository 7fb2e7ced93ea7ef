"""Which pods are looked at closely, and how each is summed up."""

from collections import Counter

import pytest

from evidence.sample import crash, pod
from stanch.evidence.choose import choose, row, status_word
from stanch.evidence.dig import name_of
from stanch.evidence.reach import Reach


def names(pods, *, control=False):
    return [name_of(chosen.pod) for chosen in choose(pods) if chosen.control is control]


def five_hundred():
    """Twenty ways to fail, twenty pods each, and a hundred healthy ones of two templates."""
    bad = [
        crash(f"bad-{code:02}-{index:02}", code, f"2026-11-21T11:{index:02}:00Z", node=f"n{index % 3}")
        for code in range(1, 21)
        for index in range(20)
    ]
    return bad + [pod(f"good-{index:02}", template="new" if index % 2 else "old") for index in range(100)]


def test_twelve_bad_pods_and_two_controls_out_of_five_hundred():
    """However many there are, the capture stays small and covers many ways to fail."""
    bad, controls = names(five_hundred()), names(five_hundred(), control=True)
    assert (len(bad), len(controls)) == (12, 2)
    assert {2} == set(Counter(name[:6] for name in bad).values())


def test_a_policy_says_how_many_pods_are_looked_at():
    """A small namespace may want all, and a large one fewer."""
    few = choose(five_hundred(), Reach(pods=3, controls=1))
    assert (3, 1) == (sum(not each.control for each in few), sum(each.control for each in few))
    more = choose(five_hundred(), Reach(pods=30, controls=0))
    assert [False] * 30 == [each.control for each in more]


def test_the_choice_does_not_depend_on_the_order_of_the_list():
    """The API promises no order."""
    assert names(five_hundred()) == names(five_hundred()[::-1])


def test_the_commonest_failure_comes_first():
    """Two of each signature; the one with most pods leads."""
    pods = [crash("x1", 2), *[crash(f"y{index}", 1) for index in range(9)]]
    assert names(pods) == ["y0", "y1", "x1", "y2"]


def test_of_one_failure_the_latest_crash_on_different_nodes():
    """The newest log is the most likely to be whole; two nodes tell a bad node from a bad release."""
    pods = [
        crash(f"p{minute}", 1, f"2026-11-21T11:0{minute}:00Z", node="n2" if minute == 2 else "n1")
        for minute in range(6)
    ]
    assert names(pods)[:2] == ["p5", "p2"]


def test_a_small_workload_is_captured_whole():
    """Four failing pods are four, though they fail alike."""
    assert len(names([crash(f"p{index}") for index in range(4)])) == 4


def test_pods_that_fail_now_go_before_those_that_only_crashed_once():
    """A pod that runs again tells less."""
    recovered = [crash(f"again-{index}", 9) for index in range(5)]
    for each in recovered:
        each["status"]["conditions"][0]["status"] = "True"
    assert names([*recovered, crash("down", 2)])[0] == "down"


def test_controls_are_one_of_the_failing_template_and_one_of_another():
    """The difference between them can be read."""
    pods = [crash("bad"), pod("a-old", template="old"), pod("b-old", template="old"), pod("c-new")]
    assert names(pods, control=True) == ["c-new", "a-old"]


def test_a_completed_pod_is_neither_bad_nor_a_control():
    """It did what it should."""
    done = pod("done", ready=False)
    done["status"]["phase"] = "Succeeded"
    assert choose([done]) == ()


TERMINATED = {"terminated": {"exitCode": 0, "reason": "Completed"}}
INIT = {"name": "init", "restartCount": 2}
WORDS = [
    ("Running", pod("p")),
    ("CrashLoopBackOff", crash("p")),
    ("Completed", pod("p", ready=False, state=TERMINATED)),
    ("Error", pod("p", ready=False, state={"terminated": {"exitCode": 1, "reason": "Error"}})),
    ("ExitCode:3", pod("p", ready=False, state={"terminated": {"exitCode": 3}})),
    ("Signal:9", pod("p", ready=False, state={"terminated": {"exitCode": 137, "signal": 9}})),
    ("ImagePullBackOff", pod("p", ready=False, state={"waiting": {"reason": "ImagePullBackOff"}})),
]


@pytest.mark.parametrize(("word", "one"), WORDS, ids=[word for word, _ in WORDS])
def test_the_status_word_is_that_of_kubectl(word, one):
    """printPod of Kubernetes 1.36, main containers."""
    assert word == status_word(one)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Init:0/1", {"waiting": {"reason": "PodInitializing"}}),
        ("Init:0/1", {"running": {}}),
        ("Init:ErrImagePull", {"waiting": {"reason": "ErrImagePull"}}),
        ("Init:Error", {"terminated": {"exitCode": 1, "reason": "Error"}}),
        ("Init:ExitCode:2", {"terminated": {"exitCode": 2}}),
        ("Init:Signal:15", {"terminated": {"exitCode": 143, "signal": 15}}),
        ("Running", {"terminated": {"exitCode": 0}}),
    ],
)
def test_init_containers_hold_the_word_until_they_are_done(word, state):
    """printPod of Kubernetes 1.36, init containers."""
    one = pod("p")
    one["spec"]["initContainers"] = [{"name": "init"}]
    one["status"]["initContainerStatuses"] = [{**INIT, "state": state}]
    assert word == status_word(one)


@pytest.mark.parametrize(
    ("word", "reason", "phase"),
    [("Terminating", "", "Running"), ("Unknown", "NodeLost", "Running"), ("Error", "Error", "Failed")],
)
def test_a_pod_being_deleted_says_so_unless_it_is_over(word, reason, phase):
    """NodeLost shows as Unknown; a finished pod keeps its word."""
    one = pod("p", state={})
    one["metadata"]["deletionTimestamp"] = "2026-11-21T11:00:00Z"
    one["status"] |= {"reason": reason, "phase": phase}
    assert word == status_word(one)


def test_a_sidecar_counts_as_a_container():
    """A restartable init container that has started is ready or not like any other."""
    one = pod("p")
    one["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always"}]
    one["status"]["initContainerStatuses"] = [
        {"name": "side", "started": True, "ready": True, "state": {"running": {}}}
    ]
    assert "p  2/2  Running  0" in row(one)


def test_a_row_has_absolute_times():
    """An age can't be read next week."""
    assert row(crash("bad")) == "bad  0/1  CrashLoopBackOff  3 (2026-11-21T11:20:00Z)  n1  new  -"
