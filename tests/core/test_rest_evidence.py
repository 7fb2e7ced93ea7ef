"""Part b of a capture: what the effect did not wait for, right after it; and nothing that was left is lost in silence."""

import base64
import io
import tarfile
from dataclasses import replace

import pytest

from build import entry, incident, roll_back, scale_to
from core.test_alert_targets import alarmed, there
from evidence.sample import KEY
from stanch.api.policy import DEFAULT
from stanch.core.commands import Swap
from stanch.core.evidence_room import room_for_rest, used
from stanch.core.questions import NODES, Get, List, Logs
from stanch.core.rest_evidence import WITHIN
from stanch.evidence.changes.sources import INGRESSES, RESOURCE_QUOTAS
from stanch.evidence.collector import EvidenceCollector
from stanch.evidence.rest import FIRST_LOG_BYTES
from stanch.evidence.verify import verify
from world import CATALOG, World, bad_deploy

LONG = "".join(f"2026-11-21T14:00:00Z line {n} of many\n" for n in range(6000)) + "FATAL: cannot open shard 7\n"
CRASHED = "pod/checkout-h2-1/app.previous.log"


def capturing(*wishes, log=LONG, **spec) -> World:
    """A bad deploy whose pods say much, and real evidence of it."""
    world = bad_deploy(incident(*wishes, **spec))
    world.catalog, world.log = replace(CATALOG, collector=EvidenceCollector(KEY)), log
    return world


def stored(world: World) -> dict[str, dict]:
    """Evidence objects by name."""
    return {name: body for (plural, name), body in world.objects.items() if plural == "evidences"}


def files(world: World, name: str) -> dict[str, str]:
    """What is in a bundle that was stored."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(stored(world)[name]["spec"]["data"]))) as archive:
        return {m.name: archive.extractfile(m).read().decode() for m in archive.getmembers()}


def reasons(world: World, name: str) -> dict[str, str]:
    """What is missing in it, and why."""
    return {m["name"]: m["reason"] for m in stored(world)[name]["spec"].get("missing") or ()}


def parts(world: World) -> list[tuple[str, str]]:
    """Every part a of the record that left something, with its part b; empty where there is none."""
    kept = world.incident.status.evidence or ()
    rest = {e.rest_of: e.name for e in kept if e.rest_of}
    return [(e.name, rest.get(e.name, "")) for e in kept if e.rest]


def unaccounted(world: World) -> list[str]:
    """What a part a left and no part b has, or says to be missing."""
    found = []
    for first, rest in parts(world):
        left = [name for name, why in reasons(world, first).items() if why == "InPartB"]
        known = {**files(world, rest), **reasons(world, rest)} if rest else {}
        absent = ("httproutes.json", "node/node-1.json")  # answered with 404
        found += [f"{first}: {name}" for name in left if name not in known and name not in absent]
    return found


def test_part_b_has_the_whole_log_of_which_part_a_has_the_end():
    """The newest 64 KiB are masked and stored before the effect; all of it right after."""
    world = capturing(roll_back()).run(seconds=20)
    ((first, rest),) = parts(world)
    assert "-roll-back-1-a-" in first
    assert "-roll-back-1-b-" in rest
    short, whole = files(world, first)[CRASHED], files(world, rest)[CRASHED]
    assert len(short) <= FIRST_LOG_BYTES
    assert whole.endswith(short)
    assert LONG == whole
    assert reasons(world, first)[CRASHED] == "InPartB"
    assert ([1, 2], [2, 2]) == tuple(list(stored(world)[n]["spec"]["part"].values()) for n in (first, rest))
    assert [] == unaccounted(world)
    assert [] == world.broken


def test_no_effect_waits_for_part_b():
    """Nothing of it is asked before the effect, and it is stored by a later plan than the one that acts."""
    world, asked = capturing(roll_back()), []
    answer = world.answer

    def noting(question):
        asked.append((len(world.effects), question))
        return answer(question)

    world.answer = noting
    world.run(seconds=20)
    of_rest = [n for n, q in asked if isinstance(q, Get | List) and q.ref in (INGRESSES, RESOURCE_QUOTAS, NODES)]
    assert {1} == set(of_rest)
    acts = next(n for n, p in enumerate(world.plans) if any(isinstance(c, Swap) for c in p.commands))
    stores = next(n for n, p in enumerate(world.plans) if any("-1-b-" in s.name for s in p.stores))
    assert acts < stores
    assert world.plans[stores].status.mitigations[0].attempts[0].applied_time


def test_the_logs_are_those_from_before_the_effect():
    """The pods are gone by then, and what replaced them says something else."""
    world = capturing(roll_back())
    decided = world.look()
    assert decided.questions == ()
    world.log = "all is well\n"
    world.run(seconds=20)
    ((_, rest),) = parts(world)
    assert "FATAL: cannot open shard 7" in files(world, rest)[CRASHED]
    assert not [q for r in world.rounds[-6:] for q in r if isinstance(q, Logs) and q.pod == "checkout-h2-1"]


def test_both_parts_are_what_the_record_wrote_down():
    """`stanch evidence verify` finds nothing, in either."""
    world = capturing(roll_back()).run(seconds=20)
    record = {"metadata": world.incident.metadata.wire(), "status": world.incident.status.wire()}
    for name in parts(world)[0]:
        assert () == verify(stored(world)[name], record).differs
    assert all(e.stored for e in world.incident.status.evidence)


def test_a_crash_anywhere_leaves_one_part_b_and_it_says_what_was_lost():
    """Cut off at every step: what part a left is in part b, or part b says that it was lost in a restart."""
    base, lost = capturing(roll_back()), 0
    for steps in range(16):
        world = base.cut(steps)
        world.stopped = None
        world.run(minutes=5)
        assert all(rest for _, rest in parts(world)), steps
        assert [] == unaccounted(world), steps
        assert [] == world.broken
        gone = [n for _, rest in parts(world) for n, why in reasons(world, rest).items() if why == "LostInRestart"]
        assert all(name.endswith(".log") for name in gone)
        told = [line.text for line in world.incident.status.timeline if "lost in a restart" in line.text]
        assert bool(gone) == bool(told), steps
        lost += bool(gone)
    assert lost


def test_what_was_lost_is_in_the_record_and_in_the_bundle():
    """A crash between the effect and part b: the objects that no effect destroys are there all the same."""
    world = capturing(roll_back()).about_to_act()
    world.go_on()
    world.run(seconds=30)
    ((_, rest),) = parts(world)
    record = next(e for e in world.incident.status.evidence if e.name == rest)
    assert "LostInRestart" in record.lacks
    assert record.missing
    assert "resourcequotas.json" in files(world, rest)


def test_a_declaration_that_nothing_acts_on_has_both_parts_too():
    """A wish within the next minute rests on it; then it has to be whole."""
    world = capturing(roll_back(), by="system:serviceaccount:ci:deployer").run(seconds=5)
    ((first, rest),) = parts(world)
    assert ("-declared-a-" in first, "-declared-b-" in rest) == (True, True)
    assert LONG == files(world, rest)[CRASHED]
    world.run(seconds=5)
    digest = world.record("roll-back").digest
    world.say(entry("bob", approve={"action": "rolloutUndo", "mitigation": "roll-back", "digest": digest})).run(
        seconds=20
    )
    used = world.record("roll-back").attempts[0].evidence
    assert used == first
    assert [] == world.broken


def test_what_alerts_named_has_both_parts_too():
    """No target is declared: what was looked at is what the alerts name, in part b as in part a."""
    world = there(alarmed(deployment="checkout"))
    world = World(alarmed(deployment="checkout"), objects=world.objects)
    world.catalog, world.log = replace(CATALOG, collector=EvidenceCollector(KEY)), LONG
    world.run(seconds=20)
    ((first, rest),) = parts(world)
    assert ("-declared-a-" in first, "-declared-b-" in rest) == (True, True)
    assert LONG == files(world, rest)[CRASHED]
    assert [] == unaccounted(world)


@pytest.mark.parametrize("gone", [True, False], ids=["part a is gone", "nobody knows any more what it was of"])
def test_a_part_a_of_which_nothing_can_be_made_does_not_keep_the_next_waiting(gone):
    """Somebody deleted it, or its attempt is not on the record any more: the ones after it have their part b."""
    world = capturing(roll_back()).about_to_act()
    status = world.incident.status
    (kept,) = status.evidence
    purpose = "Declared" if gone else kept.purpose
    before = kept.model_copy(update={"name": "checkout-5xx-other-a-0ld0ld", "purpose": purpose, "stored": True})
    world.incident = world.incident.model_copy(
        update={"status": status.model_copy(update={"evidence": (before, kept)})}
    )
    if not gone:
        world.objects[("evidences", before.name)] = world.objects[("evidences", kept.name)]
    world.go_on()
    world.run(seconds=30)
    assert [""] == [rest for first, rest in parts(world) if first == before.name]
    assert [True] == [bool(rest) for first, rest in parts(world) if first == kept.name]


def test_where_nothing_is_left_there_is_no_part_b():
    """A declaration asks all at once where nothing else is wanted; short logs are whole."""
    world = capturing(log="FATAL\n").run(seconds=20)
    assert [] == parts(world)
    ((body),) = stored(world).values()
    assert {"index": 1, "of": 1} == body["spec"]["part"]


def test_what_came_long_after_shows_another_time_so_it_only_says_what_was_lost():
    """An operator that was away for an hour does not call what it finds then evidence from before."""
    world = capturing(roll_back()).about_to_act()
    world.go_on()
    world.now += WITHIN * 2
    world.run(seconds=30)
    ((first, rest),) = parts(world)
    left = {name for name, why in reasons(world, first).items() if why == "InPartB"}
    assert left == {name for name, why in reasons(world, rest).items() if why == "LostInRestart"}
    assert [] == world.broken


def test_a_store_that_fails_loses_nothing_while_the_operator_lives():
    """What is held is held until the API server has it."""
    world = capturing(roll_back(), scale_to(4, name="more", when="Always"), recovery={"hold": "10m"})
    world.lose_stores = {"-roll-back-1-b"}
    world.run(minutes=1)
    assert 2 == len(world.effects)
    world.lose_stores = set()
    world.run(minutes=5)
    assert [] == unaccounted(world)
    rest = dict(parts(world))[next(f for f, _ in parts(world) if "roll-back" in f)]
    assert LONG == files(world, rest)[CRASHED]
    assert [] == world.broken


@pytest.mark.parametrize(
    ("stored", "incident_bytes", "first", "others", "room"),
    [
        (2_097_152, 8_388_608, 100_000, 0, 716_800),
        (200_000, 8_388_608, 150_000, 0, 50_000),
        (100_000, 8_388_608, 150_000, 0, 0),
        (2_097_152, 300_000, 100_000, 150_000, 50_000),
    ],
    ids=["one object", "what part a left of the capture", "nothing", "what is left of the incident"],
)
def test_part_b_has_what_part_a_left_of_the_budget(stored, incident_bytes, first, others, room):
    """Decisions 2.6: a capture and an incident have budgets, and there is no least: no effect rests on it."""
    world = capturing(roll_back()).run(seconds=5)
    record = world.incident.status.evidence[0].model_copy(update={"bytes": first})
    policy = replace(DEFAULT, evidence_stored_bytes=stored, evidence_incident_bytes=incident_bytes)
    kept = (record, record.model_copy(update={"bytes": others}))
    assert room == room_for_rest(policy, used(kept, None, 0), record)


def test_without_room_part_b_is_a_list_of_what_there_was_none_for():
    """Never silently cut: what is dropped is named."""
    world = capturing(roll_back())
    world.catalog = replace(world.catalog, policy=replace(DEFAULT, evidence_stored_bytes=1))
    world.run(seconds=20)
    ((_, rest),) = parts(world)
    assert "BudgetFull" == reasons(world, rest)[CRASHED]
    assert [] == unaccounted(world)
