"""A fault and its undo are exact opposites, only where that is allowed; and the score says what was seen."""

import copy
from datetime import timedelta

import jsonpatch
import pytest

from build import GOOD, T0, deployment, stamp
from stanch.api.policy import DEFAULT
from stanch.core.gameday import CannotInject, Fault, Seen, allowed, injection, score, serves, stands


def shop(**spec) -> dict:
    """A Deployment that serves with two pods."""
    made = deployment(GOOD, replicas=2, **spec)
    made["status"] |= {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "unavailableReplicas": 0}
    return made


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("command", [None, ["serve"]])
def test_the_undo_is_the_exact_opposite(fault, command):
    """To the last field, also of a container that has no command."""
    before = shop()
    if command:
        before["spec"]["template"]["spec"]["containers"][0]["command"] = command
    made = injection(fault, before)
    broken = jsonpatch.apply_patch(copy.deepcopy(before), made.patch)
    assert broken != before
    assert stands(made.undo, broken)
    assert not stands(made.undo, before)
    assert before == jsonpatch.apply_patch(copy.deepcopy(broken), made.undo)


@pytest.mark.parametrize("fault", Fault)
def test_what_somebody_changed_meanwhile_is_never_overwritten(fault):
    """Neither by the fault nor by its undo; nor in another object of the same name."""
    before = shop()
    made = injection(fault, before)
    broken = jsonpatch.apply_patch(copy.deepcopy(before), made.patch)
    other = copy.deepcopy(broken)
    other["spec"]["replicas"] = 5
    other["spec"]["template"]["spec"]["containers"][0] |= {"image": "fixed", "command": ["fixed"]}
    namesake = copy.deepcopy(broken)
    namesake["metadata"]["uid"] = "another"
    for changed in (other, namesake):
        assert not stands(made.undo, changed)
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(changed, made.undo)
    if fault is not Fault.CRASH:
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(other, made.patch)
    assert not stands(made.undo, None)


def test_what_is_broken_already_is_left_alone():
    """It would teach nothing, and hurt more."""
    sick = shop()
    sick["status"]["availableReplicas"] = 1
    assert not serves(sick)
    with pytest.raises(CannotInject, match="does not serve"):
        injection(Fault.CRASH, sick)
    with pytest.raises(CannotInject, match="does not serve"):
        injection(Fault.SCALE_TO_ZERO, {**shop(), "spec": {**shop()["spec"], "replicas": 0}})


@pytest.mark.parametrize(
    ("name", "labels", "words"),
    [
        ("shop", {}, "kubectl label namespace shop stanch.dev/gameday=allowed"),
        ("shop", {"stanch.dev/gameday": "no"}, "is not meant for it"),
        ("kube-system", {"stanch.dev/gameday": "allowed"}, "is protected"),
        ("stanch-system", {"stanch.dev/gameday": "allowed"}, "is protected"),
    ],
)
def test_only_where_it_is_meant(name, labels, words):
    """Whoever may label the namespace says so; the ones the cluster lives on never."""
    with pytest.raises(CannotInject, match=words):
        allowed({"metadata": {"name": name, "labels": labels}}, DEFAULT.protected_namespaces)
    allowed({"metadata": {"name": "shop", "labels": {"stanch.dev/gameday": "allowed"}}}, DEFAULT.protected_namespaces)


def at(seconds: int) -> str:
    """So long after the fault."""
    return stamp(T0 + timedelta(seconds=seconds))


INCIDENT = {
    "metadata": {"name": "gone"},
    "status": {
        "times": {"declared": at(5), "mitigated": at(40), "resolved": at(50)},
        "evidence": [{"stored": True, "capturedTime": at(7), "items": 12, "missing": 1}],
        "mitigations": [{"name": "roll-back", "effect": "Helped"}],
    },
}


def test_the_score_says_how_long_each_took():
    """Since the fault; from the record."""
    marks = score(Seen(T0, INCIDENT, T0 + timedelta(seconds=38), by_us=False))
    assert [("detection", 5), ("evidence", 7), ("mitigation", 40), ("recovery", 38)] == [
        (m.name, m.took.total_seconds()) for m in marks
    ]
    assert ["incident gone", "12 items, 1 missing", "roll-back helped", "it serves as before"] == [
        m.text for m in marks
    ]


def test_what_the_game_day_had_to_do_itself_is_no_merit():
    """Detected and captured; but nobody ended the harm."""
    marks = score(Seen(T0, INCIDENT, T0, by_us=True))
    assert [True, True, False, False] == [m.well for m in marks]
    assert "the game day had to take its fault back" == marks[2].text


def test_what_nobody_saw_scores_nothing():
    """Each says what is missing."""
    marks = score(Seen(T0, None, None, by_us=True))
    assert [False] * 4 == [m.well for m in marks]
    assert "no incident was declared" == marks[0].text
