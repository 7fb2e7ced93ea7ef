"""
Every event of decisions 2.3, in its order: what is done, the lines it makes, the fact or condition it moves.

So that none of the table is only on paper, and none is done and told to nobody. What is not the plan's to decide is in ELSEWHERE,
with the test that sees it.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from alerts import alert
from build import T0, roll_back, scale_to
from stanch.api.names import EventKind
from stanch.core.stalled import stalled_by_law
from walked import (
    LEADS,
    SIZE,
    Play,
    agreed,
    alarmed,
    asked,
    calm,
    changed,
    closed,
    died,
    expired,
    fires_again,
    frozen,
    gone,
    hurt,
    lost,
    not_any_more,
    offered,
    over,
    owed,
    partial,
    pulled,
    pushed,
    rolled_back,
    say,
    seen_before,
    stuck,
    told_of,
    turns,
    unproven,
)

ROOT: Final = Path(__file__).resolve().parents[2]
BOX = {"name": "image", "statement": "It is the image", "timeBox": "10m", "orElse": "shift traffic"}
K = EventKind


@dataclass(frozen=True)
class Row:
    """Event of 2.3; what is done; lines that must be there, twice for two; ``Type status reason`` of a condition, or none."""

    event: str
    play: Play
    kinds: tuple[str, ...]
    moves: str = ""


WALK: Final = (
    Row("created by a person", calm, (K.DECLARED, K.EVIDENCE_COLLECTED), "Acknowledged True Declared"),
    Row("created by an alert", alarmed, (K.DECLARED, K.DETECTED), "Acknowledged False NobodyYet"),
    Row("created by an alert: a commander is asked for", lambda: alarmed().run(minutes=11), (K.ROLE_MISSING,)),
    Row("created, seen before", seen_before, (K.MITIGATION_HELD,), "MitigationHeld True SeenBefore"),
    Row("alert group changes", lambda: told_of(alarmed(), alert(end=T0)), (K.ALERTS_RESOLVED,)),
    Row("alert group fires again", fires_again, (K.REOPENED,), "Resolved False NotMitigated"),
    Row("acknowledge", lambda: say(alarmed(), "ana", acknowledge={}), (K.ACKNOWLEDGED,), "Acknowledged True Entry"),
    Row(
        "take", lambda: say(alarmed(), "ana", take={"role": "scribe"}), (K.ROLE_CHANGED,), "Acknowledged True RoleTaken"
    ),
    Row("take, several at once", lambda: say(calm(), "bob", take={"role": "expert"}), (K.ROLE_JOINED,)),
    Row("handoff", offered, (K.HANDOFF_OFFERED,)),
    Row("accept by the named", lambda: say(offered(), "carol", accept={"handoff": "said-0"}), (K.ROLE_CHANGED,)),
    Row("hand-off 10 min old", lambda: offered().run(minutes=11), (K.HANDOFF_WAITING,)),
    Row("role held 4h (SEV1–2)", lambda: calm(roles=LEADS).run(hours=4, minutes=1), (K.HANDOFF_DUE,)),
    Row("role missing past its time", lambda: hurt().run(minutes=6), (K.ROLE_MISSING,)),
    Row("30 min or 3 responders, one hat", lambda: hurt(roles=LEADS).run(minutes=31), (K.SPLIT_ROLES,)),
    Row("severity up", lambda: say(calm(severity="SEV3"), "bob", severity={"level": "SEV1"}), (K.SEVERITY_CHANGED,)),
    Row("severity down", lambda: say(calm(), "bob", severity={"level": "SEV4"}), (K.SEVERITY_CHANGED,)),
    Row("signals say higher", lambda: calm(severity="SEV4", impact={"dataAtRisk": True}), (K.SIGNALS_SAY,)),
    Row("impact", lambda: say(calm(), "bob", impact={"summary": "All of them"}), (K.IMPACT_CHANGED,)),
    Row("hypothesis", lambda: say(calm(), "bob", hypothesis=BOX), (K.HYPOTHESIS_CHANGED,)),
    Row("note", lambda: say(calm(), "bob", note={}, text="It is slow"), (K.NOTE,)),
    Row(
        "time-box over",
        lambda: say(calm(), "bob", hypothesis=BOX).run(minutes=11),
        (K.TIME_BOX_OVER,),
        "TimeBoxOver True Decide",
    ),
    Row("wish added", lambda: hurt(roll_back()), (K.MITIGATION_ASKED,)),
    Row(
        "wish changed before start",
        lambda: changed(asked(), scale_to(0, ttl="1h")),
        (K.APPROVAL_NEEDED, K.APPROVAL_NEEDED),
    ),
    Row("wish changed after start", lambda: changed(rolled_back(), roll_back(ttl="1h")), (K.MITIGATION_HELD,)),
    Row(
        "wish gone",
        lambda: hurt(roll_back(), paused=True).respec(mitigations=[], requesters=[]).run(seconds=3),
        (K.MITIGATION_WITHDRAWN,),
    ),
    Row("guard refuses", lambda: hurt(roll_back(), paused=True), (K.MITIGATION_HELD,), "MitigationHeld True Paused"),
    Row("approval needed", asked, (K.APPROVAL_NEEDED,), "ApprovalNeeded True ApprovalMissing"),
    Row("approval needed: nobody answers", expired, (K.MITIGATION_EXPIRED,)),
    Row("approve", lambda: agreed(asked()), (K.MITIGATION_APPROVED, K.MITIGATION_APPLIED)),
    Row("deny", lambda: say(asked(), "bob", deny=SIZE), (K.MITIGATION_DENIED,)),
    Row(
        "evidence stage 1 stored", lambda: hurt(roll_back()), (K.EVIDENCE_COLLECTED,), "EvidenceCaptured True Complete"
    ),
    Row("evidence deadline", partial, (K.EVIDENCE_COLLECTED,), "EvidenceCaptured True Partial"),
    Row("intent written", lambda: hurt(roll_back()), (K.MITIGATION_INTENDED,)),
    Row(
        "effect accepted",
        lambda: stuck(roll_back()).run(seconds=3),
        (K.MITIGATION_APPLIED,),
        "Mitigated False Verifying",
    ),
    Row("answer lost", lost, (K.MITIGATION_APPLIED, K.MITIGATION_VERIFIED)),
    Row("swap refused", pushed, (K.MITIGATION_DIVERGED,)),
    Row("target gone or other uid", gone, (K.MITIGATION_FAILED,)),
    Row("verified", rolled_back, (K.MITIGATION_VERIFIED, K.MITIGATION_JUDGED)),
    Row("verify deadline", lambda: stuck(roll_back()).run(minutes=15), (K.MITIGATION_FAILED,)),
    Row("taken back by another", lambda: pulled(1), (K.MITIGATION_REVERTED,)),
    Row("taken back by another, twice", lambda: pulled(2), (K.MITIGATION_REVERTED,), "Contested True TugOfWar"),
    Row("criterion flips", lambda: turns(False), (K.RELAPSED,), "Resolved False NotMitigated"),
    Row("harmOver", rolled_back, (K.MITIGATED,), "Mitigated True CriteriaPassing"),
    Row("harm returns", lambda: turns(False), (K.RELAPSED,), "Mitigated False NotTried"),
    Row("3 flips in 15 min", lambda: turns(False, True, False, True), (K.FLAPPING,)),
    Row("held", over, (K.RESOLVED, K.POSTMORTEM_DRAFTED), "Resolved True Held"),
    Row("resolve", lambda: say(calm(targets=None), "alice", resolve={}), (K.RESOLVED,), "Resolved True Held"),
    Row(
        "resolve with override",
        lambda: say(hurt(), "bob", resolve={"override": True}),
        (K.RESOLVED,),
        "Resolved True Override",
    ),
    Row(
        "undo", lambda: say(calm(scale_to(4)), "alice", undo={"mitigation": "size"}, seconds=30), (K.MITIGATION_UNDONE,)
    ),
    Row("undo may not be", not_any_more, (K.UNDO_REFUSED,)),
    Row("TTL of a debt", owed, (K.DEBT_DUE, K.DEBT_ESCALATED)),
    Row(
        "extend",
        lambda: say(owed(), "alice", extend={"mitigation": "pause", "by": "2h"}, text="Tomorrow"),
        (K.DEBT_EXTENDED,),
    ),
    Row("update due", lambda: hurt().run(minutes=14), (K.UPDATE_DUE,)),
    Row(
        "update missed",
        lambda: hurt().run(minutes=15, seconds=30),
        (K.UPDATE_MISSED,),
        "UpdateOverdue True PromisePassed",
    ),
    Row(
        "update",
        lambda: say(hurt(), "bob", update={"audience": "internal", "state": "Identified"}, text="Looking"),
        (K.UPDATE_PUBLISHED,),
    ),
    Row("reopen", lambda: say(over(), "alice", reopen={}), (K.REOPENED,), "Resolved False NotMitigated"),
    Row("cancel", lambda: say(calm(), "alice", cancel={}), (K.CANCELLED,), "Resolved True Cancelled"),
    Row("postmortem drafted", over, (K.POSTMORTEM_DRAFTED,), "Reviewed False Due"),
    Row("postmortem overdue", lambda: over().run(hours=49), (K.POSTMORTEM_OVERDUE,), "Reviewed False Overdue"),
    Row(
        "postmortem published",
        lambda: over().publish().run(minutes=11),
        (K.POSTMORTEM_DRAFTED,),
        "Reviewed True Published",
    ),
    Row("waive", lambda: say(over(), "alice", waive={}, text="A near miss"), (K.NOTE,), "Reviewed True Waived"),
    Row("window over, all done", closed, (K.CLOSED,)),
    Row("freeze", frozen, (K.MITIGATION_HELD,), "MitigationHeld True Frozen"),
    Row("calm", lambda: frozen(then=True), (K.MITIGATION_APPLIED,), "MitigationHeld - -"),
    Row("policies missing", unproven, (K.STALLED, K.MITIGATION_HELD), "Stalled True PoliciesMissing"),
    Row("operator starts", died, (K.MITIGATION_APPLIED, K.MITIGATION_VERIFIED)),
)
ELSEWHERE: Final = {
    "law broken": "tests/core/test_walk.py::test_a_broken_law_is_told_once",
    "spec change after Closed": "tests/core/test_policies_record.py::test_who_edits_what_is_closed_is_warned_and_not_refused",
    "DELETE": "tests/core/test_policies_record.py::test_what_is_not_closed_is_not_deleted",
    "namespace terminating": "tests/shell/test_orphans.py::test_a_mark_that_no_open_incident_knows_is_an_orphan",
}
# Where a kind is read, and not told.
SEEN_IN: Final = ("core", "shell", "scenarios", "e2e")
READERS: Final = (
    "core/gaps/",
    "core/notices.py",
    "core/postmortem_gate.py",
    "laws.py",
    "invariants.py",
    "names.py",
)


@pytest.mark.parametrize("row", WALK, ids=lambda r: r.event)
def test_it_is_told_and_moves_what_it_moves(row: Row) -> None:
    """Its lines are on the record, its condition is what it makes of it, and no law is broken."""
    world = row.play()
    told = Counter({line.seq: line.kind for p in world.plans for line in p.status.timeline}.values())
    assert {} == Counter(row.kinds) - told
    assert [] == world.broken
    kind, _, wanted = row.moves.partition(" ")
    if kind:
        assert wanted in (world.condition(kind), f"{world.condition(kind)} -")


def test_a_broken_law_is_told_once() -> None:
    """As an Event, for nothing else is written; and not at each look."""
    first = stalled_by_law(calm().incident, ["law_1"], T0)
    again = stalled_by_law(calm().incident.model_copy(update={"status": first.status}), ["law_1"], T0)
    assert [("Stalled", True)] == [(e.reason, e.warning) for e in first.events]
    assert ((), first.status) == (again.events, again.status)


def test_what_is_elsewhere_is_there() -> None:
    """Each test that is named stands where it is said to."""
    for place in ELSEWHERE.values():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), place


def _kinds() -> dict[str, str]:
    """Every kind of line there is, by the name of its constant."""
    return {name: kind for name, kind in vars(EventKind).items() if name.isupper()}


def _named_in(tree: ast.AST) -> Iterator[str]:
    """Kinds that are named to be told: not those that lines are compared with, nor sets of them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Compare) or (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "frozenset"
        ):
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventKind":
            yield node.attr
        yield from _named_in(node)


def test_every_kind_is_told_by_somebody() -> None:
    """A kind that nothing tells is a word in the reference that nobody ever reads."""
    source = ROOT / "operator" / "stanch"
    files = [p for p in source.rglob("*.py") if not any(r in str(p) for r in READERS)]
    assert len(files) > 100
    assert [] == sorted(_kinds().keys() - {name for p in files for name in _named_in(ast.parse(p.read_text()))})


def test_every_kind_is_seen_by_a_test() -> None:
    """In a row of the walk, or in so many words in another test."""
    rows = {kind for row in WALK for kind in row.kinds}
    tests = (
        p for folder in SEEN_IN for p in (ROOT / "tests" / folder).rglob("*.[pt]*") if p != Path(__file__).resolve()
    )
    words = set(re.findall(r"\w+", " ".join(p.read_text() for p in tests)))
    assert [] == sorted(kind for name, kind in _kinds().items() if kind not in rows and not {kind, name} & words)
