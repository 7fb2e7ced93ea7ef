"""What stanch drafts after a rollback or a hold is proved by the cluster, and opens again when it is so no more."""

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import BAD, GOOD, T0, Json, entry, incident, replicaset, roll_back, stamp
from chores import Life, chore
from core.test_reconciler_hold import PLURALS, held, reconciler
from objects import HELD, autoscaler, controller_revision, flags, service, stateful, steered, wish, world
from stanch.core.debt_items import _taken_back
from stanch.core.draft import Draft
from stanch.core.item_checks import TEMPLATES_MAX, Check, ask_for_checks, fixed, in_git
from stanch.core.observations import Answer, Found, Observations
from stanch.core.questions import Evaluate, Get, Question
from stanch.shell.cel_worker import answer, library
from world import World, bad_deploy


def _library() -> Any:
    """The library that the operator uses: tests/cel.py has its name."""
    path, ours = sys.path, sys.modules.pop("cel", None)
    sys.path = [each for each in path if "site-packages" in each]
    try:
        return library()
    finally:
        sys.path = path
        if ours is not None:
            sys.modules["cel"] = ours


CEL = _library()


def checked(there: World, name: str, make: Callable[[Draft, Any], Check]) -> Check:
    """The check of a mitigation, from what the world answers; nothing is asked twice."""
    seen = Observations()
    while True:
        draft = Draft(there.incident, replace(seen, now=there.now), there.catalog, there.now, there.incident.status)
        asking = ask_for_checks(draft)
        if not asking:
            return make(draft, there.record(name))
        assert draft.questions
        seen = seen.with_answers({q: there.answer(q) for q in draft.questions})


def holds(check: Check | Any, obj: Json) -> bool:
    """Is it true of an object, by the library that the operator uses? What is missing is false."""
    done_when = check.done_when if isinstance(check, Check) else check
    assert done_when is not None, check
    found = answer(CEL, done_when.cel.expression, obj)
    assert "value" in found or found["step"] == "missing", found
    return found.get("value", False)


def progress(name: str, reason: str = "NewReplicaSetAvailable") -> Json:
    """What the deployment controller says of a rollout."""
    words = f'ReplicaSet "{name}" has successfully progressed.'
    return {"type": "Progressing", "status": "True", "reason": reason, "message": words}


def runs(there: World, name: str, reason: str = "NewReplicaSetAvailable") -> World:
    """The controller is through with that ReplicaSet."""
    conditions = there.target["status"]["conditions"]
    there.target["status"]["conditions"] = [c for c in conditions if c["type"] != "Progressing"] + [
        progress(name, reason)
    ]
    return there


def rolled_back(**spec: Any) -> World:
    """Revision 2 was bad, revision 1 serves again as revision 3."""
    return runs(bad_deploy(incident(roll_back(), **spec)).run(minutes=2), "checkout-h1")


# --- a rollback ------------------------------------------------------------------------------------------------------


def test_a_fix_is_another_template_that_serves():
    """Not the old one that was put back, not the bad one again, not one on its way, scaled to nothing or not available."""
    there = rolled_back()
    check = checked(there, "roll-back", fixed)
    assert "Done when a template that is newer than the rollback serves" == check.words
    assert not holds(check, there.target)
    assert not holds(check, runs(there, "checkout-h2").target)
    new = runs(there, "checkout-h7").target
    assert holds(check, new)

    def but(**changes: Any) -> Json:
        other = copy.deepcopy(new)
        for path, value in changes.items():
            part, _, field = path.partition("__")
            other[part][field] = value
        return other

    assert not holds(check, but(status__availableReplicas=2))
    assert not holds(check, but(spec__replicas=0, status__availableReplicas=0))
    assert not holds(check, but(metadata__generation=new["metadata"]["generation"] + 1))
    assert not holds(check, runs(there, "checkout-h7", "ReplicaSetUpdated").target)
    assert not holds(check, but(status__conditions=[]))


def test_the_item_that_is_drafted_has_it():
    """Stored with the incident's postmortem; it says in words what it looks at."""
    there = rolled_back(recovery={"hold": "30m"}).run(minutes=45)
    (item,) = [s.body for p in there.plans for s in p.stores if s.name.startswith("checkout-5xx-roll-back-fix")][-1:]
    cel = item["spec"]["doneWhen"]["cel"]
    assert ("apps/v1", "deployments", "checkout") == (cel["apiVersion"], cel["resource"], cel["name"])
    assert '"checkout-h1"' in cel["expression"]
    assert '"checkout-h2"' in cel["expression"]
    assert "Done when a template that is newer than the rollback serves." in item["spec"]["description"]
    assert [] == there.broken


def test_a_fix_that_was_out_before_it_was_resolved_counts():
    """It was not there when it was rolled back: whoever was quick is not asked for another one."""
    there = rolled_back()
    late = replicaset("shop/checkout:1.9.1", 4, created=there.now)
    there.objects[("replicasets", late["metadata"]["name"])] = late
    assert holds(checked(there, "roll-back", fixed), runs(there, "checkout-h4").target)


def test_of_a_long_history_the_newest_are_told_apart():
    """By number, and never longer than an expression may be."""
    there = rolled_back()
    for number in range(10, 40):
        old = replicaset(GOOD, number, created=T0 - timedelta(days=9))
        there.objects[("replicasets", old["metadata"]["name"])] = old
    expression = checked(there, "roll-back", fixed).done_when.cel.expression
    assert TEMPLATES_MAX == expression.count('"checkout-h')
    assert '"checkout-h39"' in expression


def test_the_bad_one_again_opens_it_again():
    """Proved by a fix that holds for an hour; a day later somebody rolls the bad template out once more."""
    there = rolled_back()
    spec = checked(there, "roll-back", fixed).done_when.wire()

    def now(question: Question) -> Answer:
        match question:
            case Evaluate(expression=expression, object=text):
                return Found({"value": answer(CEL, expression, json.loads(text)).get("value", False)})
            case Get(ref=ref) if ref.plural == "deployments":
                return Found(there.target)
        return there.answer(question)

    life = Life(chore(doneWhen=spec, dueTime=stamp(T0 + timedelta(days=30))), world=now).run(hours=3)
    assert "Open" == life.item.status.state
    runs(there, "checkout-h7")
    assert "Done" == life.run(hours=3).item.status.state
    assert ("True", "Proved") == life.condition("Done")
    runs(there, "checkout-h2")
    assert "Reopened" == life.run(hours=24).item.status.state
    assert ("False", "Regressed") == life.condition("Done")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda w: w.target["status"].update(conditions=[]), "could not be read"),
        (lambda w: w.objects.pop(("deployments", "checkout")), "could not be read"),
        (lambda w: [w.objects.pop(key) for key in list(w.objects) if key[0] == "replicasets"], "could not be read"),
    ],
    ids=["no deadline for its progress", "gone", "no history"],
)
def test_where_nothing_tells_its_owner_closes_it(spoil, why):
    """A check that could never hold would keep it open for ever: there is none, and the item says why."""
    there = rolled_back()
    spoil(there)
    check = checked(there, "roll-back", fixed)
    assert check.done_when is None
    assert "Its owner closes it" in check.words
    assert why in check.words


def stateful_back() -> World:
    """A StatefulSet that a second person agreed to take back."""
    asked = wish("StatefulSet", "checkout", rolloutUndo={})
    kept = [controller_revision(GOOD, 1), controller_revision(BAD, 2)]
    there = world(asked, statefulsets=stateful(), controllerrevisions=kept).run(minutes=1)
    agreed = {"mitigation": "act", "action": "rolloutUndo", "digest": there.record("act").digest}
    return there.say(entry("bob", approve=agreed)).run(minutes=1)


def test_a_stateful_set_names_its_revision():
    """The same of its ControllerRevisions: whole on one that was not there."""
    there = stateful_back()
    check, target = checked(there, "act", fixed), there.objects[("statefulsets", "checkout")]
    target["status"]["observedGeneration"] = target["metadata"]["generation"]
    seen = []
    for update, current in (("h1", "h1"), ("h2", "h2"), ("h3", "h1"), ("h3", "h3")):
        target["status"] |= {"updateRevision": f"checkout-{update}", "currentRevision": f"checkout-{current}"}
        seen.append(holds(check, target))
    assert [False, False, False, True] == seen


# --- a hold ----------------------------------------------------------------------------------------------------------


def test_git_is_right_once_the_hold_is_gone_and_the_bad_one_has_not_come_back():
    """Held; free with the old template, which Flux leaves; free, and Flux has put the bad one back; free with a fix."""
    there = runs(steered(hold="30m").run(minutes=2), "checkout-h1")
    check = checked(there, "hold-roll-back", in_git)
    assert "what it was rolled back from has not come back by Git" in check.words
    assert not holds(check, there.target)
    del there.target["metadata"]["labels"][HELD]
    assert holds(check, there.target)
    assert not holds(check, runs(there, "checkout-h2").target)
    assert holds(check, runs(there, "checkout-h9").target)
    del there.target["metadata"]["labels"]
    assert holds(check, there.target)


def test_a_hold_by_itself_is_proved_by_its_end_and_says_what_is_not_seen():
    """Nothing was rolled back under it: what Git says can't be seen from a cluster."""
    asked = {"name": "act", "target": {"kind": "Deployment", "name": "checkout"}, "gitOpsHold": {}}
    there = steered(asked, hold="30m").run(minutes=2)
    check = checked(there, "act", in_git)
    assert "not to be seen from here" in check.words
    assert not holds(check, there.target)
    del there.target["metadata"]["labels"][HELD]
    assert holds(check, there.target)


@pytest.mark.parametrize("kind", PLURALS)
def test_a_reconciler_applies_git_again_and_says_that_it_could(kind):
    """Kustomization, HelmRelease: not suspended, and Ready as it is now; Application: automated again, and Synced."""
    there = held(kind, reconciler(kind)).run(minutes=1)
    check, obj = checked(there, "act", in_git), there.objects[(PLURALS[kind], "apps")]
    free = copy.deepcopy(obj) | {"spec": reconciler(kind)["spec"]}
    if kind == "Application":
        sick = copy.deepcopy(free)
        free["status"]["sync"]["status"] = "Synced"
        obj["status"]["sync"]["status"] = "Synced"
    else:
        sick = copy.deepcopy(free)
        sick["status"]["conditions"][0]["status"] = "False"
        late = copy.deepcopy(free)
        late["metadata"]["generation"] += 1
        assert not holds(check, late)
    assert [False, True, False] == [holds(check, each) for each in (obj, free, sick)]


# --- debts -----------------------------------------------------------------------------------------------------------

FLAG = ("ConfigMap", "flags", {"configFlag": {"key": "search", "value": 'o"f\nf'}}, flags())
BOUNDS = ("HorizontalPodAutoscaler", "web", {"autoscaler": {"minReplicas": 4, "maxReplicas": 20}}, autoscaler())
SHIFT = ("Service", "web", {"serviceShift": {"selector": {"app": "checkout", "track": "canary"}}}, service())


def flag_set(obj: Json) -> None:
    """As the mitigation leaves it."""
    obj["data"]["search"] = 'o"f\nf'


def bounds_set(obj: Json) -> None:
    """As the mitigation leaves it."""
    obj["spec"] |= {"minReplicas": 4, "maxReplicas": 20}


def selector_set(obj: Json) -> None:
    """As the mitigation leaves it."""
    obj["spec"]["selector"] = {"app": "checkout", "track": "canary"}


@pytest.mark.parametrize(
    ("case", "as_left"),
    [(FLAG, flag_set), (BOUNDS, bounds_set), (SHIFT, selector_set)],
    ids=["configFlag", "autoscaler", "serviceShift"],
)
def test_what_was_set_for_a_while_is_proved_to_be_taken_back(case, as_left):
    """False as the mitigation leaves it, true as it was; and what else changes there is no proof."""
    kind, name, action, before = case
    there = world(wish(kind, name, **action), **{f"{kind.lower()}s": before})
    there.look()
    check = _taken_back(there.record("act"))
    after = copy.deepcopy(before)
    as_left(after)
    assert (True, False) == (holds(check, before), holds(check, after))
    after["metadata"]["labels"]["other"] = "x"
    assert not holds(check, after)


def test_a_selector_with_one_more_key_is_another_selector():
    """And a flag that was removed is not set any more."""
    there = world(wish(SHIFT[0], SHIFT[1], **SHIFT[2]), services=service())
    there.look()
    more = service()
    more["spec"]["selector"] = {"app": "checkout", "track": "canary", "zone": "a"}
    assert holds(_taken_back(there.record("act")), more)
    there = world(wish(FLAG[0], FLAG[1], **FLAG[2]), configmaps=flags())
    there.look()
    empty = flags()
    del empty["data"]
    assert holds(_taken_back(there.record("act")), empty)
