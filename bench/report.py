"""From repetitions to one line a measure. Pure."""

import math
import random
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.admission import NONE, ONE, Case, Policies
from bench.hops import count, is_log, words
from bench.measures import Pair, Took, table
from bench.runbook import Runbook

LIMITS = {"M1": 1.3, "M2": 1.3, "M4": 0.3}


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of all are not above."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def spread(ours: Sequence[float], peer: Sequence[float]) -> tuple[float, float]:
    """Where the ratio of medians lies in 95 of 100 resamplings: a ratio without it says too much on a busy machine."""
    chance = random.Random(1)
    ratios = [
        median(chance.choices(ours, k=len(ours))) / median(chance.choices(peer, k=len(peer))) for _ in range(1000)
    ]
    return quantile(ratios, 0.025), quantile(ratios, 0.975)


def compare(ours: Sequence[Took], peer: Sequence[Took]) -> dict[str, Any]:
    """p50, p95 and p99 of both in milliseconds, and the ratios."""
    mine, other = [t.seconds for t in ours], [t.seconds for t in peer]
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    low, high = spread(mine, other)
    return {
        "repetitions": len(mine),
        "ours_ms": {name: round(1e3 * quantile(mine, part), 2) for name, part in parts.items()},
        "peer_ms": {name: round(1e3 * quantile(other, part), 2) for name, part in parts.items()},
        "ratio": {name: round(quantile(mine, part) / quantile(other, part), 3) for name, part in parts.items()},
        "ratio_p50_95_percent": [round(low, 3), round(high, 3)],
    }


def of_pair(pair: Pair) -> dict[str, Any]:
    """M1 or M2, with what M3 counts."""
    counted = [count(took.way) for took in pair.ours]
    usual = sorted(counted, key=lambda each: (each.hops, each.calls))[len(counted) // 2]
    return compare(pair.ours, pair.peer) | {
        "title": pair.title,
        "hops": usual.hops,
        "hops_most": max(each.hops for each in counted),
        "groups": max(each.groups for each in counted),
        "calls": usual.calls,
        "calls_most": max(each.calls for each in counted),
        "logs": usual.logs,
        "aside": usual.aside,
        "table": [_row(each) for each in table(pair)],
        "post_ms": round(1e3 * median(t.said for t in pair.ours), 2),
        "post_replay_ms": round(1e3 * median(t.said for t in pair.peer), 2),
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    asked = [words(note) for note in row["notes"] if not is_log(note)]
    logs = sum(is_log(note) for note in row["notes"])
    milli = {key: round(1e3 * row[key], 2) for key in ("wall", "replay", "gap", "cpu", "inside")}
    return {"hop": row["hop"], "requests": asked + ([f"{logs} logs"] if logs else []), **milli}


def of_runbook(runbook: Runbook) -> dict[str, Any]:
    """M4."""
    return compare(runbook.ours, runbook.peer) | {"title": runbook.title}


def of_loop(runs: Sequence[Took]) -> dict[str, Any]:
    """M5: the longest the event loop was held, over all repetitions, and how much of that was the loop's own work."""
    late = [note for took in runs for note in took.late]
    worst = max(late, key=lambda note: note["late"], default={"late": 0.0, "cpu": 0.0})
    own = max((note["cpu"] for note in late), default=0.0)
    return {
        "title": "M5 event loop held",
        "longest_ms": round(1e3 * worst["late"], 1),
        "longest_own_cpu_ms": round(1e3 * worst["cpu"], 1),
        "most_own_cpu_ms": round(1e3 * own, 1),
        "over_50_ms": sum(note["late"] > 0.05 for note in late),
    }


def of_policies(policies: Policies) -> dict[str, Any]:
    """M6: each POST with our policies and without, and what they add."""
    found: dict[str, Any] = {"title": policies.title}
    for what in (ONE, NONE):
        both = compare(policies.took[Case(what, True)], policies.took[Case(what, False)])
        added = {part: round(both["ours_ms"][part] - both["peer_ms"][part], 2) for part in both["ours_ms"]}
        found[what] = both | {"adds_ms": added}
    return found


def add_share(found: dict[str, Any]) -> None:
    """Which part of M1 the policies take of its POST, where both were measured."""
    if "M1" in found and "M6" in found:
        found["M6"]["share_of_m1"] = round(found["M6"][ONE]["adds_ms"]["p50"] / found["M1"]["ours_ms"]["p50"], 4)


def policy_lines(found: dict[str, Any]) -> list[str]:
    """M6, a line each kind of POST."""
    lines = []
    for what in (ONE, NONE):
        each = found[what]
        low, high = each["ratio_p50_95_percent"]
        text = (
            f"{found['title']} with {what}: {each['ours_ms']['p50']} ms, without policies {each['peer_ms']['p50']} ms, "
            f"ratio {each['ratio']['p50']:.2f} (p50; {low:.2f}–{high:.2f}), {each['ratio']['p95']:.2f} (p95), "
            f"{each['ratio']['p99']:.2f} (p99), adds {each['adds_ms']['p50']} ms"
        )
        if what == ONE and "share_of_m1" in found:
            text += f", {100 * found['share_of_m1']:.1f} % of M1"
        lines.append(text)
    return lines


def line(found: dict[str, Any], peer: str) -> str:
    """One line a measure."""
    low, high = found["ratio_p50_95_percent"]
    text = (
        f"{found['title']}: ours {found['ours_ms']['p50']} ms, {peer} {found['peer_ms']['p50']} ms, "
        f"ratio {found['ratio']['p50']:.2f} (p50; {low:.2f}–{high:.2f}), {found['ratio']['p95']:.2f} (p95), "
        f"{found['ratio']['p99']:.2f} (p99)"
    )
    if "hops" in found:
        text += f", {found['calls']} calls + {found['logs']} logs in {found['hops']} hops"
    return text


def counts_line(pairs: dict[str, Any]) -> str:
    """M3."""
    each = (
        f"{name} {found['hops']} hops (most {found['hops_most']}; "
        f"{found['groups']} where logs queued for a node are one), {found['calls']} calls (most {found['calls_most']}) "
        f"+ {found['logs']} logs, {found['aside']} not waited for"
        for name, found in pairs.items()
    )
    return "M3 hops and calls: " + "; ".join(each)


def loop_line(found: dict[str, Any]) -> str:
    """M5."""
    return (
        f"{found['title']}: longest {found['longest_ms']} ms ({found['longest_own_cpu_ms']} ms of it own work), "
        f"{found['over_50_ms']} times over 50 ms; most own work at a stretch {found['most_own_cpu_ms']} ms"
    )


def table_lines(found: dict[str, Any]) -> list[str]:
    """Where the time goes."""
    post = f"the POST took {found['post_ms']} (replay {found['post_replay_ms']})"
    head = f"  {found['title']}: where the time goes (medians, ms); {post}"
    lines = [
        head,
        f"  {'hop':>3} {'wall':>7} {'replay':>7} {'CPU in':>7} {'gap before':>10} {'CPU in gap':>10}  requests",
    ]
    for row in found["table"]:
        lines.append(
            f"  {row['hop']:>3} {row['wall']:>7.2f} {row['replay']:>7.2f} {row['inside']:>7.2f} {row['gap']:>10.2f} "
            f"{row['cpu']:>10.2f}  {', '.join(row['requests'])}"
        )
    return lines
