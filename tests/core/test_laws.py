"""Laws, not examples: whatever happens, in whatever order, they hold; and each law catches the bug it forbids."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from build import BAD, GOOD, UID, entry, incident, roll_back, scale_to
from stanch.api.communications_status import CommunicationsRecord
from stanch.api.incident import Incident
from stanch.api.incident_status import (
    Approval,
    Approvals,
    AttemptState,
    Debt,
    Effect,
    IncidentStatus,
    RoleRecord,
    TimelineLine,
)
from stanch.api.meta import TargetKind
from stanch.api.outbox_status import DeliveryState, Message
from stanch.api.policy import DEFAULT
from stanch.api.suspect_status import Suspect
from stanch.core import invariants
from stanch.core.commands import Removal, Remove, Swap
from stanch.core.observations import Delivered
from stanch.core.plan_type import Plan
from stanch.core.questions import DEPLOYMENTS, Get
from telling import channel, told, tried
from world import World, bad_deploy

PEOPLE = ("alice", "bob", "system:serviceaccount:ci:deployer")
CHANNELS = (channel("room"), channel("pager", "PagerDuty"), channel("users", "Webhook", ["public"]))
WISHES = st.lists(
    st.sampled_from(
        [roll_back(), scale_to(4, name="up"), scale_to(0, name="stop"), {"name": "hold", "rolloutPause": {}}]
    ),
    max_size=3,
    unique_by=lambda w: w["name"],
)


class Anything(RuleBasedStateMachine):
    """A cluster in which people, controllers, crashes and lost answers come in any order."""

    @initialize(wishes=WISHES, by=st.sampled_from(PEOPLE), drill=st.booleans())
    def begin(self, wishes, by, drill):
        self.world = told(bad_deploy(incident(*wishes, by=by, drill=drill or None)), *CHANNELS)
        self.said = 0

    def _say(self, by, **said):
        self.said += 1
        after = self.world.now - self.world.incident.declared + timedelta(seconds=self.said / 1000)
        self.world.say(entry(by, after=after, name=f"e{self.said}", **said))

    @rule(seconds=st.integers(1, 200))
    def time_passes(self, seconds):
        self.world.run(seconds=seconds)

    @rule(steps=st.integers(0, 8))
    def it_crashes(self, steps):
        self.world.now += timedelta(seconds=1)
        self.world.look(die_after=steps)

    @rule()
    def the_next_answer_is_lost(self):
        self.world.lose_next_reply = True

    @rule(lost=st.sampled_from(["-a", "stanch-undo", ""]))
    def stores_fail(self, lost):
        self.world.lose_stores = {lost} if lost else set()

    @rule(image=st.sampled_from([GOOD, BAD, "shop/checkout:9"]))
    def somebody_pushes(self, image):
        self.world.target["spec"]["template"]["spec"]["containers"][0]["image"] = image

    @rule()
    def the_target_is_replaced(self):
        self.world.target["metadata"]["uid"] = f"uid-{self.world.now.timestamp()}"

    @rule(by=st.sampled_from(PEOPLE), name=st.sampled_from(["roll-back", "up", "stop", "hold"]))
    def somebody_wants_it_back(self, by, name):
        self._say(by, undo={"mitigation": name})

    @rule(by=st.sampled_from(PEOPLE), other=st.sampled_from(PEOPLE), name=st.sampled_from(["roll-back", "up", "hold"]))
    def somebody_forces_it_back(self, by, other, name):
        self._say(by, undo={"mitigation": name, "force": True}, text="ours counts")
        self.world.run(seconds=3)
        records = self.world.incident.status.mitigations or ()
        for record in (r for r in records if r.name == name and r.undo_asked and r.undo_asked.digest):
            said = {"mitigation": name, "action": record.action, "digest": record.undo_asked.digest}
            self._say(other, approve=said)

    @rule(by=st.sampled_from(PEOPLE), name=st.sampled_from(["roll-back", "stop"]))
    def somebody_approves(self, by, name):
        record = next((r for r in self.world.incident.status.mitigations or () if r.name == name), None)
        if record is not None and record.digest:
            self._say(by, approve={"mitigation": name, "action": record.action, "digest": record.digest})

    @rule(by=st.sampled_from(PEOPLE), what=st.sampled_from(["resolve", "reopen", "cancel", "acknowledge"]))
    def somebody_says(self, by, what):
        self._say(by, **{what: {}})

    @rule(by=st.sampled_from(PEOPLE), name=st.sampled_from(["stop", "hold"]), hours=st.sampled_from([1, 72, 100]))
    def somebody_extends(self, by, name, hours):
        self._say(by, extend={"mitigation": name, "by": f"{hours}h"}, text="not yet")

    @rule(by=st.sampled_from(PEOPLE), name=st.sampled_from(["stop", "hold"]))
    def somebody_defers(self, by, name):
        self._say(by, defer={"mitigation": name}, text="next sprint")

    @rule(by=st.sampled_from(PEOPLE))
    def somebody_waives(self, by):
        self._say(by, waive={}, text="a known one")

    @rule(by=st.sampled_from(PEOPLE), role=st.sampled_from(["commander", "scribe"]))
    def somebody_takes_a_hat(self, by, role):
        self._say(by, take={"role": role})

    @rule(by=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE), role=st.sampled_from(["commander", "scribe"]))
    def somebody_hands_a_hat_over(self, by, to, role):
        told = {"impact": "some", "tried": "nothing", "next": "look"}
        self._say(by, handoff={"role": role, "to": to, "summary": told})

    @rule(
        by=st.sampled_from(PEOPLE),
        audience=st.sampled_from(["internal", "public"]),
        state=st.sampled_from(["Identified", "Monitoring", "Resolved"]),
        more=st.sampled_from([{}, {"nextUpdateIn": "20m"}]),
    )
    def somebody_tells_people(self, by, audience, state, more):
        self._say(by, update={"audience": audience, "state": state, **more}, text="Some orders fail")

    @rule(visible=st.booleans())
    def users_see_it_or_not(self, visible):
        self._say("bob", impact={"userVisible": visible})

    @rule(by=st.sampled_from(PEOPLE))
    def somebody_accepts(self, by):
        offers = self.world.incident.status.handoffs or ()
        self._say(by, accept={"handoff": offers[0].entry if offers else "none"})

    @rule(by=st.sampled_from(PEOPLE), level=st.sampled_from(["SEV1", "SEV4"]))
    def somebody_sizes_it(self, by, level):
        self._say(by, severity={"level": level})

    @rule(hours=st.integers(1, 30))
    def hours_pass(self, hours):
        # Not looked at in between: as if no operator had been there.
        self.world.now += timedelta(hours=hours)
        self.world.look()

    @rule(severity=st.sampled_from(["SEV1", "SEV3"]), paused=st.booleans())
    def the_spec_is_written(self, severity, paused):
        self.world.respec(severity=severity, paused=paused)

    @rule(kind=st.sampled_from(Delivered), of=st.sampled_from(["", "room", "pager"]), lost=st.booleans())
    def channels_answer(self, kind, of, lost):
        tried(self.world, kind, of, why="no answer", forget=lost)

    @rule(read=st.booleans())
    def channels_come_and_go(self, read):
        told(self.world, *(CHANNELS if read else ()))

    @rule(proven=st.booleans())
    def policies_come_and_go(self, proven):
        self.world.policies = type(self.world.policies)(proven, "" if proven else "gone")

    @invariant()
    def no_law_is_broken(self):
        assert [] == getattr(self, "world", World(incident())).broken

    @invariant()
    def each_action_took_effect_at_most_once(self):
        if hasattr(self, "world"):
            done = [c.attempt for c in self.world.effects]
            assert len(done) == len(set(done))

    @invariant()
    def a_drill_changes_nothing(self):
        if hasattr(self, "world") and self.world.incident.spec.drill:
            assert [] == self.world.effects


TestAnything = Anything.TestCase
TestAnything.settings = settings(
    max_examples=150,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    # Shrinking a long history takes minutes; the printed one is short enough to read.
    phases=(Phase.explicit, Phase.generate),
    print_blob=False,
)


def _applied() -> tuple[Incident, IncidentStatus]:
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    return world.incident, world.incident.status


def _with_attempt(status: IncidentStatus, **changes) -> IncidentStatus:
    record = status.mitigations[0]
    attempt = record.attempts[0].model_copy(update=changes)
    return status.model_copy(update={"mitigations": (record.model_copy(update={"attempts": (attempt,)}),)})


def _with_record(status: IncidentStatus, **changes) -> IncidentStatus:
    return status.model_copy(update={"mitigations": (status.mitigations[0].model_copy(update=changes),)})


def _swap(attempt: str, dry: bool = False) -> Swap:
    return Swap(attempt, DEPLOYMENTS, "shop", "checkout", "uid", "[]", dry)


def _undo_of(status: IncidentStatus, **changes) -> IncidentStatus:
    record = status.mitigations[0]
    undo = record.attempts[0].model_copy(
        update={"id": "f" * 16, "undoes": record.attempts[0].id, "asked_by": "bob", **changes}
    )
    return _with_record(status, attempts=(*record.attempts, undo))


APP = {"kind": TargetKind.APPLICATION}
PLANTED = {
    "law_1": lambda i, s: (i, Plan(s, commands=(_swap("0" * 16),))),
    "law_2": lambda i, s: (i, Plan(s, commands=(_swap(s.mitigations[0].attempts[0].id),))),
    "law_3": lambda i, s: (i, Plan(_with_attempt(s, state=AttemptState.INTENDED))),
    "law_4": lambda i, s: (i, Plan(_with_attempt(s, evidence=None))),
    "law_5": lambda i, s: (_bare(i), Plan(_with_record(s, requested_by=None))),
    "law_6": lambda i, s: (_bare(i), Plan(_with_record(s, requested_by=PEOPLE[2]))),
    "law_7": lambda i, s: (i, Plan(_undo_of(s, undoes="a" * 16))),
    "law_8": lambda i, s: (i, Plan(_undo_of(s, asked_by=None))),
    "law_9": lambda i, s: (i, Plan(s.model_copy(update={"timeline": s.timeline[:-1]}))),
    "law_10": lambda i, s: (i, Plan(s.model_copy(update={"timeline": s.timeline[1:]}))),
    "law_11": lambda i, s: (
        i,
        Plan(_undo_of(_with_attempt(s, state=AttemptState.APPLIED), state=AttemptState.INTENDED)),
    ),
    "law_12": lambda i, s: (i, Plan(_with_record(s, target=s.mitigations[0].target.model_copy(update={"uid": "x"})))),
    "law_13": lambda i, s: (_drill(i), Plan(s, commands=(_swap("0" * 16),))),
    "law_14": lambda i, s: (i, Plan(s, questions=(Get(DEPLOYMENTS, "shop", "x"),), commands=(_swap("0" * 16),))),
    "law_15": lambda i, s: (i, Plan(s.model_copy(update={"record": "x" * 200_000}))),
    "law_17": lambda i, s: (i, Plan(s.model_copy(update={"phase": "x" * 400}))),
    "law_18": lambda i, s: (i, Plan(_with_record(s, attempts=(*s.mitigations[0].attempts, _another(s))))),
    "law_19": lambda i, s: (
        i.model_copy(update={"status": _with_attempt(s, state=AttemptState.APPLIED, removes=("a",))}),
        Plan(s, commands=(Remove(s.mitigations[0].attempts[0].id, "shop", "p", "b", Removal.EVICT),)),
    ),
    "law_20": lambda i, s: (_owing(i, s), Plan(_closed(_owing(i, s).status))),
    "law_21": lambda i, s: (_owing(i, s), Plan(_owing(i, s).status.model_copy(update={"debt": None}))),
    "law_22": lambda i, s: (_owing(i, s), Plan(_told_again(_owing(i, s).status))),
    "law_23": lambda i, s: (i.model_copy(update={"status": _worse(s)}), Plan(_next_rung(_worse(s)))),
    "law_24": lambda i, s: (
        i,
        Plan(_with_record(s, source="For/x", target=s.mitigations[0].target.model_copy(update=APP))),
    ),
    "law_25": lambda i, s: (i, Plan(_worn(s, "carol"))),
    "law_26": lambda i, s: (i, Plan(_undo_of(s, pre="sha256:else"))),
    "law_27": lambda i, s: (_bare(i), Plan(_with_record(s, source="Runbook/bad-deploy"))),
    "law_28": lambda i, s: (_unresolved(i), Plan(_resolved_too_soon(s))),
    "law_29": lambda i, s: (i, Plan(s.model_copy(update={"suspects": (_suspect(s, 3), _suspect(s, 90))}))),
    "law_30": lambda i, s: (i, Plan(_proven_by_what_came_after(s))),
    "law_34": lambda i, s: (i, Plan(_told_before_it_was_written(s))),
    "law_35": lambda i, s: (i, Plan(_learns(s, decision="Short"))),
    "law_36": lambda i, s: (i, Plan(_reminded_too_soon(s))),
    "law_37": lambda i, s: (_owing(i, s), Plan(_handed_over_in_silence(_owing(i, s).status))),
    "law_38": lambda i, s: (_owing(i, s), Plan(_kept_for_two(_owing(i, s).status))),
    "law_40": lambda i, s: (i.model_copy(update={"status": _with_attempt(s, state=AttemptState.INTENDED)}), _part_b(s)),
    "law_32": lambda i, s: (_promised(i, s), Plan(_put_off(_promised(i, s).status))),
    "law_33": lambda i, s: (i, Plan(_reminded(s))),
    "law_39": lambda i, s: (i, Plan(_noticed_earlier(s))),
    "law_16": lambda i, s: (i, Plan(s.model_copy(update={"conditions": _later(s)}))),
}


def _message(status: IncidentStatus, state: str, **more) -> Message:
    return Message(
        key="a" * 16,
        channel="room",
        moment="Declared",
        audience="internal",
        seq=1,
        time=status.times.declared,
        state=DeliveryState(state),
        **more,
    )


def _with_outbox(status: IncidentStatus, *messages: Message) -> IncidentStatus:
    return status.model_copy(update={"communications": CommunicationsRecord(outbox=messages or None)})


def _told_before_it_was_written(status: IncidentStatus) -> IncidentStatus:
    """Sent, and never seen to wait."""
    return _with_outbox(status, _message(status, "Sent"))


@pytest.mark.parametrize(
    ("before", "after"),
    [(["Pending"], []), (["Sent"], ["Pending"]), (["Pending"], ["Pending", "Pending"]), ([], ["Failed"])],
    ids=["forgotten", "sent-again", "twice", "given-up-before-it-was-tried"],
)
def test_law_34_catches_each_way_to_lose_or_repeat_a_message(before, after):
    """What waits stays until it has ended, what has ended stays so, and each stands there once."""
    inc, status = _applied()
    old = _with_outbox(status, *(_message(status, state) for state in before))
    new = _with_outbox(status, *(_message(status, state) for state in after))
    found = invariants.broken(inc.model_copy(update={"status": old}), Plan(new))
    assert "law_34_nothing_is_sent_that_was_not_written_down_first" in found


def _handed_over_in_silence(status: IncidentStatus) -> IncidentStatus:
    """An item has it, and nobody said so."""
    return status.model_copy(
        update={"debt": tuple(d.model_copy(update={"action_item": "x"}) for d in status.debt or ())}
    )


def _kept_for_two(status: IncidentStatus) -> IncidentStatus:
    """One undo record for two attempts: the one that owes nothing gives away what the other needs."""
    (first,) = status.mitigations
    other = first.attempts[0].model_copy(update={"id": "c" * 16})
    return status.model_copy(
        update={"mitigations": (first, first.model_copy(update={"name": "other", "attempts": (other,)}))}
    )


def _part_b(status: IncidentStatus) -> Plan:
    """Captured while the effect is still waited for."""
    (first, *others) = status.evidence
    part = first.model_copy(update={"name": "b", "rest_of": first.name})
    return Plan(status.model_copy(update={"evidence": (first, *others, part)}))


def _promised(inc: Incident, status: IncidentStatus) -> Incident:
    """Users were told that they hear more at a time."""
    promise = status.communications.next_updates[0].model_copy(update={"promised": True})
    record = status.communications.model_copy(update={"next_updates": (promise,)})
    return inc.model_copy(update={"status": status.model_copy(update={"communications": record})})


def _put_off(status: IncidentStatus) -> IncidentStatus:
    """An hour later, and nobody said a word."""
    promise = status.communications.next_updates[0]
    later = promise.model_copy(update={"due_time": promise.due_time + timedelta(hours=1)})
    record = status.communications.model_copy(update={"next_updates": (later,)})
    return status.model_copy(update={"communications": record})


def _reminded(status: IncidentStatus) -> IncidentStatus:
    """A reminder that nothing counts."""
    line = status.timeline[-1].model_copy(update={"seq": status.last_seq + 1, "kind": "RoleMissing"})
    return status.model_copy(update={"timeline": (*status.timeline, line), "last_seq": line.seq})


def _noticed_earlier(status: IncidentStatus) -> IncidentStatus:
    """A time that is another, with nobody's name beside it."""
    earlier = status.times.detected - timedelta(minutes=5)
    return status.model_copy(update={"times": status.times.model_copy(update={"detected": earlier})})


def _unresolved(inc: Incident) -> Incident:
    times = inc.status.times.model_copy(update={"resolved": None})
    return inc.model_copy(update={"status": inc.status.model_copy(update={"times": times})})


def _resolved_too_soon(status: IncidentStatus) -> IncidentStatus:
    """A second before the hold is over."""
    since = status.times.resolved - status.recovery.needed + timedelta(seconds=1)
    return status.model_copy(update={"recovery": status.recovery.model_copy(update={"hold_since_time": since})})


def _worn(status: IncidentStatus, user: str) -> IncidentStatus:
    """carol commands, although she has not said a word."""
    role = RoleRecord(role="commander", user=user, since_time=status.times.declared, source="Entry/handoff-1")
    return status.model_copy(update={"roles": (role,)})


SECOND = f"checkout-5xx-{UID[:6]}-2"


def _learns(status: IncidentStatus, **changes: object) -> IncidentStatus:
    return status.model_copy(update={"postmortem": status.postmortem.model_copy(update=changes)})


def _reminded_too_soon(status: IncidentStatus) -> IncidentStatus:
    """The next day's reminder, said today."""
    seq = status.last_seq + 1
    line = TimelineLine(seq=seq, time=status.times.resolved, kind="PostmortemReminded", by="stanch", text="write it")
    told = status.model_copy(update={"timeline": (*status.timeline, line), "last_seq": seq})
    return _learns(told, reminders=1)


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        ({}, {"waived": "bob: a known one"}, True),
        ({}, {"waived": "a known one"}, False),
        ({}, {"name": "another"}, False),
        ({}, {"name": SECOND, "drafted_time": None}, True),
        ({}, {"name": SECOND}, False),
        ({}, {"name": SECOND, "drafted_time": None, "waived": "bob: a known one"}, False),
        ({"name": SECOND}, {"name": SECOND.replace("-2", "-3"), "drafted_time": None}, True),
        ({}, {"drafted_time": None}, False),
        ({"decision": "Short"}, {"decision": "Required"}, True),
        ({}, {"decision": "Short"}, False),
    ],
    ids=[
        "waived",
        "by-nobody",
        "another",
        "a second",
        "a second that nobody drafts",
        "a second and none",
        "a third",
        "never-drafted",
        "more",
        "less",
    ],
)
def test_law_35_lets_learning_only_grow(before, after, holds):
    """What is decided is only ever more; a waiver has a name and a reason."""
    inc = bad_deploy(incident(roll_back())).run(minutes=2).incident
    inc = inc.model_copy(update={"status": _learns(inc.status, **before)})
    assert holds == invariants.law_35_what_is_to_be_learned_never_becomes_less(inc, Plan(_learns(inc.status, **after)))


def _suspect(status: IncidentStatus, score: int) -> Suspect:
    return Suspect(name=f"s{score}", time=status.times.declared, score=score, text="it was rolled out")


def _proven_by_what_came_after(status: IncidentStatus) -> IncidentStatus:
    """An attempt that names as its evidence what was captured when it was done."""
    before = status.evidence[0]
    return status.model_copy(update={"evidence": (before.model_copy(update={"purpose": "After"}),)})


def _owing(inc: Incident, status: IncidentStatus) -> Incident:
    attempt, now = status.mitigations[0].attempts[0].id, status.times.declared
    debt = Debt(
        name="roll-back",
        attempt=attempt,
        what="it is off",
        owner="alice",
        since_time=now,
        due_time=now + timedelta(hours=4),
        remind_time=now + timedelta(hours=4),
        revert="Ask",
    )
    return inc.model_copy(update={"status": status.model_copy(update={"debt": (debt,)})})


def _closed(status: IncidentStatus) -> IncidentStatus:
    return status.model_copy(update={"times": status.times.model_copy(update={"closed": status.times.resolved})})


def _told_again(status: IncidentStatus) -> IncidentStatus:
    """A reminder hours before it is due."""
    line = status.timeline[-1].model_copy(
        update={"seq": status.last_seq + 1, "kind": "DebtDue", "text": "roll-back: x"}
    )
    debt = status.debt[0].model_copy(update={"remind_time": status.debt[0].due_time + timedelta(hours=24)})
    return status.model_copy(update={"timeline": (*status.timeline, line), "last_seq": line.seq, "debt": (debt,)})


def _worse(status: IncidentStatus) -> IncidentStatus:
    """The first rung made it worse; a second one waits, asked for before that was known."""
    first = status.mitigations[0].model_copy(update={"effect": Effect.WORSE, "effect_time": status.times.resolved})
    second = first.model_copy(update={"name": "next", "attempts": None, "effect": None, "effect_time": None})
    return status.model_copy(update={"mitigations": (first, second)})


def _next_rung(status: IncidentStatus) -> IncidentStatus:
    first, second = status.mitigations
    attempt = first.attempts[0].model_copy(update={"id": "d" * 16, "state": AttemptState.INTENDED})
    return status.model_copy(update={"mitigations": (first, second.model_copy(update={"attempts": (attempt,)}))})


def _another(status: IncidentStatus):
    return status.mitigations[0].attempts[0].model_copy(update={"id": "e" * 16})


def _bare(inc: Incident) -> Incident:
    return inc.model_copy(update={"status": IncidentStatus()})


def _drill(inc: Incident) -> Incident:
    return inc.model_copy(update={"spec": inc.spec.model_copy(update={"drill": True})})


def _later(status: IncidentStatus):
    moved = [
        c.model_copy(update={"last_transition_time": c.last_transition_time + timedelta(1)}) for c in status.conditions
    ]
    return tuple(moved)


@pytest.mark.parametrize("law", PLANTED)
def test_each_law_catches_the_bug_it_forbids(law):
    """A law that can't be broken proves nothing."""
    before, plan = PLANTED[law](*_applied())
    assert law in {"_".join(name.split("_")[:2]) for name in invariants.broken(before, plan)}


@pytest.mark.parametrize(("least", "agree"), [(0, 0), (1, 1), (2, 2), (1, 0), (2, 1)])
def test_law_6_counts_people_by_the_policy_in_force(least, agree):
    """As many as the policy asks of a machine, different ones, who agreed to this plan; one at least, whatever it asks."""
    before, status = _applied()
    said = [Approval(by=f"p{n}", time=status.times.declared, digest="sha256:plan", entry=f"e{n}") for n in range(agree)]
    twice = Approvals(needed=least, by=tuple(said + said[:1]))
    robot = _with_record(status, requested_by=PEOPLE[2], digest="sha256:plan", approvals=twice)
    policy = replace(DEFAULT, approvals_machine=dict.fromkeys("ABC", least))
    broken = invariants.broken(_bare(before), Plan(robot, policy=policy))
    assert (agree < max(1, least)) == ("law_6_a_machine_waits_for_a_person" in broken)


def test_every_law_has_its_planted_bug():
    """A new law comes with the bug it forbids."""
    assert {"_".join(law.__name__.split("_")[:2]) for law in invariants.LAWS} == set(PLANTED)
