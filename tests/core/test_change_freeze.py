"""A change freeze: begun with its reason, said again while it holds, lifted by itself; and what people did is theirs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.policy_freeze import LAPSED, objects

from admission import Person, Refused, Request, prove
from build import T0, stamp
from cel import evaluate
from stanch.api.names import OPERATOR_USER, Annotation, Label
from stanch.api.policy import DEFAULT
from stanch.core.change_freeze import LASTS, Change, wanted

OFF = replace(DEFAULT, budget_mode="Disabled")
WARN, DENY = replace(DEFAULT, budget_mode="Warn"), replace(DEFAULT, budget_mode="Deny")
SPENT = ("the error budget of checkout is spent",)
AGAIN = "Change contributed to second as to first, and item reader-alert is not done"
MINUTE = timedelta(minutes=1)
GONE = {
    "labels": {Label.CHANGE_FREEZE: None},
    "annotations": {Annotation.FREEZE_REASON: None, Annotation.FREEZE_BY: None, Annotation.FREEZE_UNTIL: None},
}


def namespace(name: str = "shop", labels: dict | None = None, **notes: str) -> dict[str, Any]:
    """As the API server lists it."""
    return {"metadata": {"name": name, "labels": labels or {}, "annotations": notes}}


def frozen(value: str = "true", reason: str = SPENT[0], left: timedelta = LASTS, **labels: str) -> dict[str, Any]:
    """One that stanch labelled, for so long; '' as value: the label was taken off since."""
    notes = {
        Annotation.FREEZE_REASON: reason,
        Annotation.FREEZE_BY: "stanch",
        Annotation.FREEZE_UNTIL: stamp(T0 + left),
    }
    return namespace("shop", ({Label.CHANGE_FREEZE: value} if value else {}) | labels, **notes)


def after(before: dict[str, Any], change: Change | None) -> dict[str, Any]:
    """The namespace with the patch merged into it."""
    meta = before["metadata"]
    patch = change[0] if change is not None else {"labels": {}, "annotations": {}}
    merged = {k: {n: v for n, v in {**meta[k], **patch[k]}.items() if v is not None} for k in patch}
    return {"metadata": {**meta, **merged}}


def test_by_default_it_warns():
    """Refusing is for those who ask for it."""
    assert "Warn" == DEFAULT.budget_mode


@pytest.mark.parametrize(("policy", "value", "does"), [(WARN, "warn", "warned of"), (DENY, "true", "refused")])
def test_one_label_its_reason_and_until_when(policy, value, does):
    """And nothing again while it is so."""
    change, words = wanted(namespace(), SPENT, policy, T0)
    assert {"labels": {Label.CHANGE_FREEZE: value}} | {
        "annotations": {
            Annotation.FREEZE_REASON: SPENT[0],
            Annotation.FREEZE_BY: "stanch",
            Annotation.FREEZE_UNTIL: stamp(T0 + LASTS),
        }
    } == change
    assert f"changes of pod templates are {does}: {SPENT[0]}" == words
    assert wanted(frozen(value), SPENT, policy, T0) is None


def test_where_all_is_well_nothing_is_written():
    """Nothing at all."""
    assert wanted(namespace(), (), DENY, T0) is None is wanted(namespace(), (), DENY, T0, sure=False)


@pytest.mark.parametrize("policy", [OFF, WARN, DENY], ids=["disabled", "warn", "deny"])
def test_it_is_lifted_by_itself(policy):
    """The reason is gone, or the policy is switched off."""
    assert (GONE, "changes are free again") == wanted(frozen(), () if policy is not OFF else SPENT, policy, T0)


def test_it_is_said_again_before_it_lapses():
    """In silence: for people nothing is another."""
    assert wanted(frozen(left=31 * MINUTE), SPENT, DENY, T0) is None
    change, words = wanted(frozen(left=30 * MINUTE), SPENT, DENY, T0)
    assert (stamp(T0 + LASTS), "") == (change["annotations"][Annotation.FREEZE_UNTIL], words)
    assert ("true", SPENT[0]) == (
        change["labels"][Label.CHANGE_FREEZE],
        change["annotations"][Annotation.FREEZE_REASON],
    )


def test_while_nobody_can_say_nothing_is_begun_or_said_again_and_what_lapsed_is_lifted():
    """A Prometheus that is away freezes nobody for longer than an hour; when that began stands in the namespace."""
    assert wanted(namespace(), SPENT, DENY, T0, sure=False) is None
    assert wanted(frozen(left=MINUTE), (), DENY, T0, sure=False) is None
    assert GONE == wanted(frozen(left=0 * MINUTE), (), DENY, T0, sure=False)[0]
    # What is known without it holds on, under the words that stand there.
    change, words = wanted(frozen(reason=f"{SPENT[0]}; {AGAIN}", left=MINUTE), (AGAIN,), DENY, T0, sure=False)
    assert (stamp(T0 + LASTS), "") == (change["annotations"][Annotation.FREEZE_UNTIL], words)


def test_what_people_froze_is_theirs():
    """Neither changed nor lifted."""
    theirs = namespace("shop", {Label.CHANGE_FREEZE: "true"})
    for sure in (True, False):
        assert wanted(theirs, (), DENY, T0, sure) is None is wanted(theirs, SPENT, WARN, T0, sure)


def test_what_people_lifted_stays_lifted_while_the_same_is_so():
    """A new reason begins anew; once there is none any more, the next one does."""
    lifted = frozen("")
    assert wanted(lifted, SPENT, DENY, T0) is None is wanted(lifted, (), DENY, T0, sure=False)
    assert wanted(frozen("", f"{SPENT[0]}; {AGAIN}"), SPENT, DENY, T0) is None
    assert "true" == wanted(lifted, (*SPENT, AGAIN), DENY, T0)[0]["labels"][Label.CHANGE_FREEZE]
    assert (GONE, "") == wanted(lifted, (), DENY, T0)
    assert wanted(after(lifted, wanted(lifted, (), DENY, T0)), SPENT, DENY, T0) is not None


@pytest.mark.parametrize(
    "free", [namespace("kube-system"), namespace("stanch-system"), namespace("shop", {"stanch.dev/exempt": ""})]
)
def test_some_are_never_frozen(free):
    """What the cluster lives on, and what the platform exempts."""
    assert wanted(free, SPENT, DENY, T0) is None


def test_who_is_exempted_later_is_freed():
    """Whoever knows better has the last word, also while Prometheus is away."""
    for sure in (True, False):
        change, _ = wanted(frozen(**{"stanch.dev/exempt": ""}), SPENT, DENY, T0, sure)
        assert GONE == change


def test_another_mode_or_reason_is_written():
    """From warning to refusing."""
    assert {Label.CHANGE_FREEZE: "true"} == wanted(frozen("warn"), SPENT, DENY, T0)[0]["labels"]
    assert "another" == wanted(frozen(), ("another",), DENY, T0)[0]["annotations"][Annotation.FREEZE_REASON]


@given(st.lists(st.text(max_size=400), max_size=6), st.sampled_from([WARN, DENY]))
def test_what_is_written_is_what_stands_still(why, policy):
    """Whatever the reason: applied once, nothing is left to change."""
    change = wanted(namespace(), why, policy, T0)
    assert (change is None) == (not why)
    assert wanted(after(namespace(), change), why, policy, T0) is None


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(["spent", "well", "away", "down"])), max_size=6))
def test_nobody_is_frozen_for_longer_than_an_hour_without_anybody_saying_why(steps):
    """Whether stanch or Prometheus is away, and however often; and while it is said, it holds without a gap."""
    now, said, place = T0, T0 - 2 * LASTS, namespace()
    for looks, state in steps:
        for _ in range(looks):
            now += 5 * MINUTE
            if state != "down":
                why = SPENT if state == "spent" else ()
                place = after(place, wanted(place, why, DENY, now, sure=state != "away"))
            said = now if state == "spent" else said
            holds = Label.CHANGE_FREEZE in place["metadata"]["labels"] and not _lapsed(place, now)
            assert holds if state == "spent" else (not holds or now - said <= LASTS)


def _lapsed(place: dict[str, Any], now: Any, **more: Any) -> Any:
    """What the admission policy makes of a write at this time."""
    until = place["metadata"]["annotations"].get(Annotation.FREEZE_UNTIL, "")
    fields = [{"manager": "kubectl-create", "time": stamp(T0 - 9 * LASTS)}, {"manager": "x"}]
    written = [*fields, {"manager": "kubectl-set", "time": stamp(now)}]
    meta = {"name": "checkout", "managedFields": written, **more}
    return evaluate(LAPSED, {"variables": {"until": until}, "object": {"metadata": meta}})


def test_admission_passes_what_is_written_after_it_lapsed():
    """With stanch down too: the API server knows when this very write was made."""
    place = frozen(left=LASTS)
    assert _lapsed(place, T0 + LASTS) is False
    assert _lapsed(place, T0 + LASTS + timedelta(seconds=1)) is True
    # What people began has no end, and who says no time is believed none.
    assert _lapsed(namespace("shop", {Label.CHANGE_FREEZE: "true"}), T0 + 99 * LASTS) is False
    assert _lapsed(place, T0 + 2 * LASTS, managedFields=[]) is False


# --- at admission ----------------------------------------------------------------------------------------------------


def template(image: str, at: Any = T0) -> dict[str, Any]:
    """A Deployment as it reaches admission, written then."""
    pods = {"spec": {"containers": [{"name": "web", "image": image}]}}
    meta = {"name": "checkout", "managedFields": [{"manager": "kubectl-set", "time": stamp(at)}]}
    return {"metadata": meta, "spec": {"replicas": 1, "template": pods}}


def refusal(by: str, *verbs: str, at: Any = T0, new: dict[str, Any] | None = None) -> str:
    """Why a new template is refused to somebody with these verbs on changefreezes; '' when it is not. `*` are all."""
    policy, *_ = objects()
    request = Request(
        Person(by),
        "UPDATE",
        "deployments",
        new or template("b", at),
        template("a"),
        group="apps",
        version="v1",
        place=frozen(),
    )
    try:
        prove(policy, request, lambda right: right.resource == "changefreezes" and bool({right.verb, "*"} & set(verbs)))
    except Refused as error:
        return error.message
    return ""


FLUX = "system:serviceaccount:flux-system:kustomize-controller"


@pytest.mark.parametrize(
    ("by", "verbs", "passes"),
    [
        ("alice", (), False),
        ("alice", ("get",), False),
        ("alice", ("bypass",), True),
        ("admin", ("*",), True),
        (FLUX, (), False),
        (FLUX, ("bypass",), True),
        (FLUX, ("*",), False),
        (OPERATOR_USER, (), True),
    ],
)
def test_who_may_release_in_a_freeze(by, verbs, passes):
    """Whom somebody gave the verb; to a machine that holds every verb there is nobody gave this one."""
    said = refusal(by, *verbs)
    assert passes == (said == "")
    assert passes or "change freeze in namespace shop (the error budget of checkout is spent): a new pod" in said


def test_a_freeze_is_about_templates_and_lapses():
    """Replicas pass; so does everything once nobody has said again that it holds."""
    more = template("a")
    more["spec"]["replicas"] = 9
    assert "" == refusal("alice", new=more)
    assert "" == refusal("alice", at=T0 + LASTS + MINUTE) != refusal("alice", at=T0 + LASTS)
