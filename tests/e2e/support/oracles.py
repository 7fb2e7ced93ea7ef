"""What must be so of every rollback, whatever went wrong on the way (facts/safety-and-speed.md 1.5 c)."""

import json
import os
import time
from collections.abc import Sequence
from itertools import pairwise

from e2e.support.api import Json, until
from e2e.support.proxy import OURS, FaultProxy, Seen
from e2e.support.world import World, lines, stands

LABEL = "stanch.dev/folded"
SILENCE = 10 if os.environ.get("STANCH_SWEEP") == "full" else 3
# The steps of a rollback in the order they happen; each is told once.
STEPS = (
    "Declared",
    "MitigationAsked",
    "MitigationApplied",
    "MitigationVerified",
    "Mitigated",
    "Resolved",
    "PostmortemDrafted",
    "ActionItemDrafted",
)


def effects(proxy: FaultProxy, plural: str = "deployments") -> list[Seen]:
    """Accepted writes of the operator on the target: each carries our field manager."""
    seen = proxy.committed(f"PATCH {plural}")
    assert {s.params.get("fieldManager") for s in seen} <= {"stanch"}
    return seen


def exactly_one_effect(world: World, before: Json) -> None:
    """The template changed once, to that of the good release, and by nobody but stanch."""
    after = world.target()
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert {c["image"] for c in after["spec"]["template"]["spec"]["containers"]} == {"stanch.test/busybox:1"}
    writers = {m["manager"] for m in after["metadata"]["managedFields"] if "f:template" in json.dumps(m["fieldsV1"])}
    assert "stanch" in writers


def one_attempt_took_effect(status: Json, wish: str = "roll-back") -> Json:
    """The attempt that did it; others, if any, were given up before they did anything."""
    attempts = stands(status, wish)["attempts"]
    assert [a["state"] for a in attempts if a["state"] != "Skipped"] == ["Verified"]
    assert all(
        a["message"].startswith(("LostInRestart", "NotStored", "Refused")) for a in attempts if a["state"] == "Skipped"
    )
    done: Json = attempts[-1]
    return done


def evidence_is_older(world: World, status: Json, effect_version: int) -> None:
    """The Evidence that the attempt names is there, and was stored before the effect."""
    attempt = one_attempt_took_effect(status)
    evidence = world.admin.get("evidences", world.ns, attempt["evidence"])
    assert int(evidence["metadata"]["resourceVersion"]) < effect_version
    assert evidence["spec"]["sha256"] == attempt["evidenceSha256"]


def timeline_is_complete(status: Json, *, lost: bool = False, wish: str = "roll-back") -> None:
    """Every step once and in order, and no seq missing."""
    timeline = status["timeline"]
    assert [line["seq"] for line in timeline] == list(range(1, status["lastSeq"] + 1))
    told = [line["kind"] for line in lines(status, *STEPS)]
    assert told == list(STEPS)
    assert all(a["time"] <= b["time"] for a, b in pairwise(lines(status, *STEPS)))
    attempts = len(stands(status, wish)["attempts"])
    assert len(lines(status, "MitigationIntended")) == attempts
    assert attempts == 1 or lost or len(lines(status, "MitigationSkipped")) == attempts - 1


def record_is_whole(world: World, status: Json) -> None:
    """No seq missing; what people said was taken in once, and carries our mark; the evidence that is named is there."""
    seqs = [line["seq"] for line in status["timeline"]]
    assert seqs == list(range(1, status["lastSeq"] + 1)), f"half-recorded: {seqs}"
    said = [(line["kind"], line["entry"]) for line in status["timeline"] if line.get("entry") and line.get("by")]
    assert len(said) == len(set(said)), f"duplicate: {said}"
    assert lines(status, "EntryRefused") == [], "duplicate: an entry was judged again"
    # What came after an effect is stored beside everything else: one that got lost is named until the record has noticed.
    until(lambda: not _lacking(world), 60, f"half-recorded: evidence {_lacking(world)} is named and not there")
    marked = lambda: all(LABEL in e["metadata"].get("labels", {}) for e in entries(world))  # noqa: E731
    until(marked, 30, "half-recorded: every entry carries the mark")


def _lacking(world: World) -> list[str]:
    """Evidence that the record names now, and that is not there."""
    named = [e["name"] for e in world.status().get("evidence") or ()]
    return [name for name in named if not world.admin.find("evidences", world.ns, name)]


def writes_only(targets: Sequence[str], world: World, proxy: FaultProxy) -> None:
    """O5: besides its own records, Events and undo Secrets it changed its targets alone; they are given as parts of paths."""
    own = (f"{OURS}namespaces/{world.ns}/", "/api/v1/namespaces/stanch-system/secrets", "/events")
    accepted = [s for s in proxy.log if s.is_write and not s.is_watch and 200 <= s.status < 300]
    others = [s.label for s in accepted if not any(each in s.path for each in (*own, *targets))]
    assert not others, f"duplicate: it wrote what it was not asked to: {others}"


def settles(proxy: FaultProxy) -> None:
    """O6: when it is over, nothing is written for ten seconds; for three where only a part of the sweep is run."""
    written = lambda: sum(s.is_write for s in proxy.log)  # noqa: E731
    for _ in range(6):
        before = written()
        time.sleep(SILENCE)
        if written() == before:
            return
    raise AssertionError(f"duplicate: it goes on writing: {[s.label for s in proxy.log if s.is_write][-5:]}")


def entries(world: World) -> list[Json]:
    """What people said."""
    return world.admin.list("timelineentries", world.ns)


def effect_version(sent: Seen) -> int:
    """resourceVersion of the target right after an effect."""
    return int(json.loads(sent.reply)["metadata"]["resourceVersion"])
