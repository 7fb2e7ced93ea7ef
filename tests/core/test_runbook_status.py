"""What a Runbook's status says from the first look: can its plan be made, and when was it last tried out."""

from datetime import timedelta

import pytest

from books import AUTO, DEPLOYMENT, body, following
from build import T0, entry, stamp
from stanch.core.runbook_status import judge, problem_of, read
from world import bad_deploy


def ready(item, drills=(), now=T0):
    """Status of Ready, and its message; and whether it is stalled."""
    found = {c.type: c for c in judge(item, drills, now).conditions}
    return found["Ready"].status, found["Ready"].message, "Stalled" in found


def test_it_is_ready_from_the_first_look():
    """So Flux and Argo CD know at once; and for this generation."""
    status = judge(body(generation=4), (), T0)
    assert (4, 4) == (status.observed_generation, status.conditions[0].observed_generation)
    assert ("True", "Its plan can be made", False) == ready(body())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"match": {"alerts": ["alertname=~("]}}, "spec.match.alerts: 'alertname=~('"),
        ({"parameters": [{"name": "deployment", "pattern": "("}]}, "spec.parameters.deployment.pattern"),
        ({"parameters": [{"name": "deployment"}]}, "exactly one of oneOf and pattern"),
        ({"parameters": None}, "$(deployment) is written, but spec.parameters has no deployment"),
        ({"mitigations": [{"name": "m"}]}, "spec.mitigations.m: exactly one action"),
        ({"mitigations": [{"name": "m", "drain": {}}]}, "drain acts on Node, not on Deployment"),
        (
            {"mitigations": [{"name": "m", "rolloutUndo": {}, "revert": "OnResolved"}]},
            "spec.mitigations.m: revert must be Ask, or left out, for rolloutUndo",
        ),
        ({"parameters": [{**DEPLOYMENT, "oneOf": ["Not A Name"]}]}, "spec.targets"),
        ({"parameters": [{**DEPLOYMENT, "oneOf": ["a\nb"]}]}, "spec.parameters.deployment.oneOf"),
        ({"title": None}, "spec.title: Field required"),
        ({"mode": "Maybe"}, "spec.mode: Input should be"),
    ],
)
def test_what_can_never_be_planned_is_told_with_its_field(spec, words):
    """And stalls it, so that a sync goes red."""
    status, message, stalled = ready(body(**spec))
    assert ("False", True) == (status, stalled)
    assert message.startswith("Not usable: ")
    assert words in message


def test_what_only_a_pattern_allows_is_known_when_it_runs():
    """No value is made up to try it."""
    assert "" == problem_of(read(body(parameters=[{"name": "deployment", "pattern": "[A-Z]+"}])))


def test_a_condition_keeps_its_time_until_it_flips():
    """Whatever the message says."""
    first = judge(body(), (), T0).wire()
    again = judge({**body(generation=2), "status": first}, (), T0 + timedelta(hours=1))
    assert stamp(T0) == stamp(again.conditions[0].last_transition_time)
    broken = judge({**body(parameters=None), "status": first}, (), T0 + timedelta(hours=1))
    assert stamp(T0 + timedelta(hours=1)) == stamp(broken.conditions[0].last_transition_time)


def test_findings_say_what_is_better_known_before_the_night():
    """It works, and still."""
    found = judge(body(drilled=False, match=None, recovery=None, mode="Auto"), (), T0).findings
    for words in ("no match.alerts", "no docs", "no recovery", "no serviceAccountName", "never drilled"):
        assert any(words in each for each in found), words
    assert judge(body(docs="https://x.example"), (), T0).findings is None


def drilled(approved=True, **how):
    """A drill of the Runbook, as its incident stands after half a minute."""
    world = bad_deploy(following(drill=True, name="bad-deploy"))
    world.objects[("runbooks", "bad-deploy")] = body(**how)
    world.look()
    if approved:
        record = world.record("roll-back")
        said = {"mitigation": "roll-back", "action": record.action, "digest": record.digest}
        world.say(entry("bob", after=timedelta(seconds=2), approve=said))
    world.run(seconds=30)
    return world.incident.wire()


def test_a_drill_that_went_well_stands_in_the_status():
    """Of which generation, and when; a later look without the incident keeps it."""
    status = judge(body(generation=3, drilled=False), [drilled(generation=3)], T0)
    assert ("checkout-5xx", 3) == (status.drilled.incident, status.drilled.generation)
    kept = judge({**body(generation=3), "status": status.wire()}, (), T0)
    assert status.drilled == kept.drilled


def test_what_was_no_drill_counts_for_nothing():
    """Not approved, of another Runbook, or no drill at all."""
    well = drilled()
    real = {**well, "spec": {k: v for k, v in well["spec"].items() if k != "drill"}}
    for other in (drilled(approved=False), real, {**well, "status": {}}):
        assert judge(body(drilled=False), [other], T0).drilled is None
    assert judge(body("another", drilled=False), [well], T0).drilled is None


def test_an_older_drill_does_not_take_the_place_of_a_newer():
    """The last one counts."""
    well = drilled()
    later = body()
    later["status"]["drilled"]["time"] = stamp(T0 + timedelta(days=1))
    assert "drill-1" == judge(later, [well], T0).drilled.incident


def test_auto_that_was_changed_says_that_it_asks_again():
    """Before the night in which it would be wondered at."""
    changed = body(generation=2, docs="https://x.example", **AUTO)
    changed["status"]["drilled"]["generation"] = 1
    assert ("It was changed since its last drill: mode Auto acts as Approve until it is again",) == judge(
        changed, (), T0
    ).findings


def test_a_status_that_cant_be_read_is_written_anew():
    """Somebody meddled, or a newer version wrote it."""
    odd = {**body(), "status": {"conditions": "none", "drilled": 7}}
    assert "True" == judge(odd, (), T0).conditions[0].status
