"""What a person or the cluster does, for each event of decisions 2.3: short plays that tests/core/test_walk.py looks at."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from alerts import GROUP, alert, told
from build import T0, Json, entry, incident, roll_back, scale_to
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.core.alert_states import merged
from stanch.core.observations import Policies
from world import World, bad_deploy, healthy

Play = Callable[[], World]
LEADS = {"commander": "alice"}
SUMMARY = {"impact": "One in five fails", "tried": "nothing yet", "next": "roll back"}
OPERATOR = "system:serviceaccount:stanch-system:stanch"
SEEN = told(alert(), group=GROUP)
SIZE = {"mitigation": "size", "action": "scale"}


def say(world: World, by: str, seconds: float = 3, **said: Any) -> World:
    """Somebody says something now, and it is looked at."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=seconds)


def calm(*wishes: Json, **spec: Any) -> World:
    """All of it serves, and nothing ends by itself."""
    return healthy(incident(*wishes, **{"recovery": {"hold": "8h"}, **spec})).run(seconds=3)


def hurt(*wishes: Json, **spec: Any) -> World:
    """A release that crashes."""
    return bad_deploy(incident(*wishes, **spec)).run(seconds=3)


def stuck(*wishes: Json, **spec: Any) -> World:
    """It crashes, and no controller does anything about it."""
    world = bad_deploy(incident(*wishes, **spec))
    world.controller_works = False
    return world


def asked(**spec: Any) -> World:
    """To scale to zero takes somebody else's word."""
    return calm(scale_to(0), **spec)


def agreed(world: World) -> World:
    """Bob agrees to what the record shows."""
    return say(world, "bob", approve={**SIZE, "digest": world.record("size").digest})


def alarmed(**changes: Any) -> World:
    """An incident that an alert made."""
    group = merged(AlertGroup(key=SEEN.key, received_time=T0), SEEN, T0)
    made = incident(by=OPERATOR, severity=None, alertGroup=group.wire(), **changes)
    labels = {Label.ALERT_GROUP: SEEN.key}
    world = World(made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": labels})}))
    return world.run(seconds=1)


def told_of(world: World, *alerts: Json, **more: Any) -> World:
    """The receiver writes what Alertmanager sends."""
    group = merged(AlertGroup(key=SEEN.key, received_time=T0), told(*alerts, group=GROUP), T0)
    spec = world.incident.spec.model_copy(update={"alert_group": group.model_copy(update=more)})
    world.incident = world.incident.model_copy(update={"spec": spec})
    world.look()
    return world


def fires_again() -> World:
    """Resolved by a person's word, and then it fires anew."""
    world = say(alarmed(), "ana", resolve={"override": True}, text="over")
    later = world.now + timedelta(minutes=2)
    world.now = later
    return told_of(world, alert(), alert(2, start=later), reopen_time=later)


def offered(**spec: Any) -> World:
    """A hat that waits for carol."""
    return say(calm(roles=LEADS, **spec), "alice", handoff={"role": "commander", "to": "carol", "summary": SUMMARY})


def over(*wishes: Json, **spec: Any) -> World:
    """Resolved, some minutes ago."""
    return healthy(incident(*wishes, **spec)).run(minutes=5)


def turn(world: World, good: bool, seconds: float = 50) -> World:
    """The pods come and go."""
    wanted = world.target["spec"]["replicas"]
    world.target["status"] |= {"availableReplicas": wanted if good else 0, "unavailableReplicas": 0 if good else wanted}
    return world.run(seconds=seconds)


def turns(*goods: bool) -> World:
    """Good and bad by turns."""
    world = healthy(incident(recovery={"hold": "5m"})).run(seconds=20)
    for good in goods:
        turn(world, good)
    return world


def rolled_back() -> World:
    """The rollback is in force, and holds for long."""
    return hurt(roll_back(gitOps="Ignore"), recovery={"hold": "2h"}).run(minutes=1)


def pulled(times: int) -> World:
    """Somebody puts the bad template back, so often."""
    world = bad_deploy(incident(roll_back(gitOps="Ignore"), recovery={"hold": "5m"}))
    bad = copy.deepcopy(world.target["spec"]["template"])
    world.run(minutes=1)
    good = copy.deepcopy(world.target["spec"]["template"])
    for template in [bad, good] * times:
        world.target["spec"]["template"] = copy.deepcopy(template)
        world.settle()
        world.run(seconds=40)
    return world


def pushed() -> World:
    """A person writes the target between plan and patch."""
    world = bad_deploy(incident(roll_back()))
    world.look(die_after=2)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.4"
    return world.run(minutes=1)


def lost() -> World:
    """The answer to the patch is lost."""
    world = bad_deploy(incident(roll_back()))
    world.lose_next_reply = True
    return world.run(minutes=1)


def gone() -> World:
    """The target is deleted and made again while the effect is on its way."""
    world = stuck(roll_back())
    world.run(seconds=3)
    world.target["metadata"]["uid"] = "another"
    return world.run(minutes=1)


def unproven() -> World:
    """The admission policies are gone."""
    world = bad_deploy(incident(roll_back()))
    world.policies = Policies(proven=False, problem="ValidatingAdmissionPolicy stanch-incident-asked is missing")
    return world.run(seconds=3)


def frozen(then: bool = False) -> World:
    """Somebody says halt; and perhaps calm again."""
    world = bad_deploy(incident(roll_back()))
    world.frozen = ("mitigations",)
    world.run(seconds=5)
    if then:
        world.frozen = ()
        world.run(minutes=1)
    return world


def seen_before() -> World:
    """Its evidence is there already, of another uid."""
    world = bad_deploy(incident(roll_back()))
    world.stored["checkout-5xx-roll-back-1-a-abc123"] = "another-uid"
    return world.run(seconds=3)


def not_any_more() -> World:
    """Alice has lost the right that her undo takes."""
    world = calm(scale_to(4, revert="OnExpiry", ttl="5m"))
    world.may = lambda q: q.resource != "deployments"
    return world.run(minutes=20)


def owed(**spec: Any) -> World:
    """A pause that is due in two hours, and was."""
    pause = {"name": "pause", "rolloutPause": {}, "ttl": "2h"}
    world = hurt(pause, **spec)
    for _ in range(8):
        world.now += timedelta(minutes=30)
        world.look()
    return world


def closed() -> World:
    """Nothing is left to do."""
    world = over(severity="SEV4").run(minutes=15)
    return world.publish().run(hours=5)


def died() -> World:
    """The operator ends with an intention written and nothing done, and starts again."""
    world = bad_deploy(incident(roll_back())).about_to_act()
    world.stopped = None
    return world.run(minutes=1)


def expired() -> World:
    """Nobody answers for an hour."""
    world = asked()
    return world.wait(world.now + timedelta(hours=1, minutes=1)) or world


def changed(before: World, wish: Json) -> World:
    """The wish says something else now."""
    return before.respec(mitigations=[wish]).run(seconds=5)


def partial() -> World:
    """A log is missing at the deadline."""
    world = hurt(roll_back())
    (first, *rest) = world.incident.status.evidence or ()
    status = world.incident.status.model_copy(update={"evidence": (first.model_copy(update={"missing": 1}), *rest)})
    world.incident = world.incident.model_copy(update={"status": status})
    return world.run(seconds=3)
