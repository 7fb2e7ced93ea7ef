"""
Measure M1 to M6 on a cluster of the bench's own: `.venv/bin/python -m bench`. About 16 minutes; `--quick` about 4.

M1 declare to effect and M2 approve to effect, each beside a replay of the operator's own requests · M3 hops and calls on
the way, M5 how long the event loop was held: counted with M1 and M2 · M4 `kubectl apply` beside seven kubectl calls by
hand · M6 what the admission policies add to a POST, beside the same POST where they are not bound, with one mitigation and
with none, and which part of M1 that is. `--only M1,M6` measures some.

One line a measure. Nothing here fails because something is slow; it fails when what is compared is not the same.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import admission, report
from bench.api import Api, BenchError
from bench.cluster import Operator, cluster, operator, operator_api, rights, served
from bench.measures import Approve, Declare, Pair
from bench.runbook import Runbook
from bench.workload import Case, prepare, remove

AT_ONCE: Final = 8
WARM_UP: Final = 2
REPETITIONS, QUICK = 40, 8
# A POST takes a thousandth of what a case of the others takes: so many more, for a p99 that means something.
POSTS: Final = 5
WITH_OPERATOR: Final = frozenset({"M1", "M2", "M4"})


def say(text: str) -> None:
    """Progress, for people only."""
    print(text, file=sys.stderr, flush=True)


async def repeat(admin: Api, measure: Pair | Runbook, times: int, namespaces: bool) -> None:
    """In turn, ours first and the peer first; the first of all are dropped."""
    done, wanted = 0, times + WARM_UP
    while done < wanted:
        pairs = min(AT_ONCE // 2, wanted - done)
        cases = await asyncio.gather(*(prepare(admin) for _ in range(2 * pairs)))
        try:
            for number in range(done, done + pairs):
                await _pair(measure, cases[2 * (number - done)], cases[2 * (number - done) + 1], number)
        finally:
            await remove(admin, list(cases), namespaces=namespaces)
        done += pairs
        say(f"   {measure.title}: {max(0, done - WARM_UP)} of {times}")


async def _pair(measure: Pair | Runbook, one: Case, two: Case, number: int) -> None:
    if number % 2 and number >= WARM_UP:
        peer, ours = await measure.run_peer(one), await measure.run_ours(two)
    else:
        ours, peer = await measure.run_ours(one), await measure.run_peer(two)
    if number >= WARM_UP:
        measure.ours.append(ours)
        measure.peer.append(peer)


async def measure_all(options: argparse.Namespace, kubeconfig: Path, running: Operator, place: Path) -> dict[str, Any]:
    """What was asked for, one measure after the other."""
    admin, sender = await Api.of(kubeconfig), await operator_api(kubeconfig)
    times, found = options.repetitions, {}
    try:
        await served(admin)
        async with rights(admin):
            pairs: list[Pair] = [
                kind(admin, sender, running)
                for name, kind in (("M1", Declare), ("M2", Approve))
                if name in options.only
            ]
            for pair in pairs:
                await repeat(admin, pair, times, bool(options.kubeconfig))
                found[pair.title[:2]] = report.of_pair(pair)
                say(report.line(found[pair.title[:2]], "replay"))
            if "M4" in options.only:
                runbook = Runbook(admin, kubeconfig, place)
                await repeat(admin, runbook, times, bool(options.kubeconfig))
                found["M4"] = report.of_runbook(runbook)
            if pairs:
                found["M5"] = report.of_loop([took for pair in pairs for took in pair.ours])
    finally:
        await admin.close()
        await sender.close()
    return found


async def measure_policies(options: argparse.Namespace, kubeconfig: Path) -> dict[str, Any]:
    """M6, before any operator runs: it would work on what is declared here, and stop while bindings are changed."""
    admin = await Api.of(kubeconfig)
    try:
        await served(admin)
        async with rights(admin):
            found = report.of_policies(await admission.measure(admin, kubeconfig, options.repetitions * POSTS))
    finally:
        await admin.close()
    say("\n".join(report.policy_lines(found)))
    return {"M6": found}


def show(found: dict[str, Any]) -> None:
    """One line a measure, then where the time goes."""
    pairs = {name: found[name] for name in ("M1", "M2") if name in found}
    for each in pairs.values():
        print(report.line(each, "replay"))
    if pairs:
        print(report.counts_line(pairs))
    if "M4" in found:
        print(report.line(found["M4"], "seven kubectl"))
    if "M5" in found:
        print(report.loop_line(found["M5"]))
    if "M6" in found:
        print("\n".join(report.policy_lines(found["M6"])))
    for each in pairs.values():
        print("\n".join(["", *report.table_lines(each)]))


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} repetitions instead of {REPETITIONS}")
    parser.add_argument("--repetitions", type=int, help="another number")
    parser.add_argument("--only", default="M1,M2,M4,M6", help="of M1,M2,M4,M6; M3 and M5 come with M1 and M2")
    parser.add_argument(
        "--kubeconfig", type=Path, help="a cluster to use, with images stanch.test/busybox; else its own"
    )
    parser.add_argument("--keep", action="store_true", help="leave the bench's own cluster running")
    parser.add_argument("--profile", type=Path, help="cProfile of the operator into this file; makes it slower")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    asked = parser.parse_args(given)
    asked.repetitions = asked.repetitions or (QUICK if asked.quick else REPETITIONS)
    asked.only = set(asked.only.split(","))
    return asked


def main(given: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = arguments(given)
    try:
        with (
            cluster(options.kubeconfig, options.keep) as kubeconfig,
            tempfile.TemporaryDirectory(prefix="stanch-bench-") as place,
        ):
            found = asyncio.run(measure_policies(options, kubeconfig)) if "M6" in options.only else {}
            if options.only & WITH_OPERATOR:
                with operator(kubeconfig, options.profile) as running:
                    found |= asyncio.run(measure_all(options, kubeconfig, running, Path(place)))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    report.add_share(found)
    found["machine"] = {"processors": os.cpu_count(), "load_1_5_15": [round(each, 2) for each in os.getloadavg()]}
    if options.output == "json":
        print(json.dumps(found, indent=1))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
