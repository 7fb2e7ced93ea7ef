"""
P7, evidence of a workload of 500 pods: `.venv/bin/python -m bench.evidence`. About three minutes, most of it setting up.

Ours asks, chooses, reads logs, redacts, describes and packs, as the operator does. Beside it, on the same cluster in the same
minute: the same GETs raw (same parallel groups, JSON parsed, nothing done with it), and `kubectl cluster-info dump` of the
namespace, which reads the logs of every pod one after the other. How late the loop was stands beside a loop in another process
that had nothing to do meanwhile: what that one waited for is the machine's. Nothing here fails because something is slow.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from tools.install import find_kubectl

from bench.api import Api
from bench.cluster import cluster
from bench.workload import BAD, pod_template, until
from stanch.api.evidence import Purpose
from stanch.api.meta import Severity, TargetKind
from stanch.core.observations import Observations
from stanch.core.ports import Aim, CaptureRequest, Stage
from stanch.core.questions import Get, List, Logs, Question
from stanch.evidence.collector import EvidenceCollector
from stanch.shell.client import JSON, METADATA_ONLY, Kube, configuration
from stanch.shell.garbage import leave_the_old_alone
from stanch.shell.observe import Observer
from stanch.shell.thinking import let_the_loop_in

NAMESPACE, NAME = "bench-evidence", "checkout"
PODS: Final = 500
# So many run and crash; the others never find a node, which costs a cluster of one machine nothing.
RUNNING: Final = 12
AT_ONCE: Final = 32
AIM: Final = Aim(TargetKind.DEPLOYMENT, NAME, NAMESPACE)
KEY: Final = b"k" * 32
T = TypeVar("T")
# Of the ticks that measure a loop.
TURN: Final = 0.002


@dataclass
class Once:
    """
    One capture: seconds to the last object, to part a, from there to part b; how late the loop was at each turn, and one that
    was idle; bytes stored, groups of questions.
    """

    objects: float = 0.0
    whole: float = 0.0
    rest: float = 0.0
    lags: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    bulk_bytes: int = 0
    bytes: int = 0
    logs: int = 0
    groups: list[tuple[Question, ...]] = field(default_factory=list)


async def tick(late: list[float]) -> None:
    """How late the event loop is, again and again."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TURN)
        late.append(time.perf_counter() - began - TURN)


def tell_idle() -> None:
    """In a process of its own: what a loop with nothing to do waits for, a line for each turn, until it is ended."""

    async def ticking() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TURN)
            print(time.perf_counter() - began - TURN, flush=True)

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(ticking())


@contextlib.asynccontextmanager
async def lag(late: list[float], idle: list[float]) -> AsyncIterator[None]:
    """Note how late this loop is, and one beside it that is idle."""
    words = [sys.executable, "-c", "from bench.evidence import tell_idle; tell_idle()"]
    other = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, limit=2**24)
    assert other.stdout is not None
    await other.stdout.readline()  # it runs
    ticking = asyncio.create_task(tick(late))
    try:
        yield
    finally:
        ticking.cancel()
        other.terminate()
        said, _ = await other.communicate()
        idle += [float(each) for each in said.split(b"\n")[:-1]]


async def aside(work: Callable[..., T], *values: Any) -> T:
    """As shell/thinking.py does with what is much."""
    return await asyncio.get_running_loop().run_in_executor(None, work, *values)


async def ours(kube: Kube, now: datetime) -> Once:
    """One capture as the operator makes it."""
    observer, collector, seen, found = Observer(kube), EvidenceCollector(KEY), Observations(), Once()
    async with lag(found.lags, found.idle):
        began = time.perf_counter()
        while asked := await aside(collector.questions, AIM, seen, Severity.SEV1):
            found.groups.append(asked)
            if any(isinstance(q, Logs) for q in asked) and not found.objects:
                found.objects = time.perf_counter() - began
            asking = asyncio.create_task(observer.answer(asked, 5.0))
            if any(isinstance(q, Logs) for q in asked):
                await aside(collector.prepare, "uid", (AIM,), seen, Severity.SEV1, now)
            seen = seen.with_answers(await asking)
        request = CaptureRequest(
            "bench", "uid", NAMESPACE, Severity.SEV1, (AIM,), Purpose.BEFORE, "bench", None, None, now, timedelta(0)
        )
        first = replace(request, stage=Stage.FIRST)
        made = await aside(collector.capture, first, seen)
        found.whole, found.bytes = time.perf_counter() - began, made.stored_bytes
        more = seen
        while asked := await aside(collector.changes_questions, (AIM,), more):
            more = more.with_answers(await observer.answer(asked, None))
        await aside(collector.capture, replace(request, stage=Stage.REST, manifest=made.body["spec"]), more)
        found.rest = time.perf_counter() - began - found.whole
    found.logs = sum(isinstance(q, Logs) for group in found.groups for q in group)
    bulk = Observations({q: a for q, a in seen.answers.items() if not isinstance(q, Logs)})
    found.bulk_bytes = collector.capture(request, bulk).stored_bytes
    return found


async def raw(kube: Kube, groups: list[tuple[Question, ...]]) -> float:
    """The same GETs without logs, in the same groups."""
    began = time.perf_counter()
    for group in groups:
        await asyncio.gather(*(_get(kube, q) for q in group if not isinstance(q, Logs)))
    return time.perf_counter() - began


def _get(kube: Kube, question: Question) -> Awaitable[Any]:
    if isinstance(question, Get):
        return kube.get(question.ref.path(question.namespace, question.name))
    assert isinstance(question, List)
    params = {"limit": str(question.limit), "labelSelector": question.labels, "fieldSelector": question.fields}
    accept = METADATA_ONLY if question.metadata_only else JSON
    return kube.get(question.ref.path(question.namespace), {k: v for k, v in params.items() if v}, accept)


async def dump(kubeconfig: Path) -> float:
    """`kubectl cluster-info dump` of the namespace, into files."""
    into = tempfile.mkdtemp(prefix="bench-dump-")
    words = [find_kubectl(), "--kubeconfig", str(kubeconfig), "cluster-info", "dump", f"--namespaces={NAMESPACE}"]
    began = time.perf_counter()
    done = await asyncio.create_subprocess_exec(
        *words, f"--output-directory={into}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await done.wait()
    took = time.perf_counter() - began
    shutil.rmtree(into)
    return took


async def prepare(api: Api) -> None:
    """500 pods of one selector: some crash, most wait for a node that there is not."""
    await api.send("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": NAMESPACE}}))
    template = pod_template(BAD)
    spec = {"replicas": RUNNING, "selector": {"matchLabels": {"app": NAME}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": spec}
    await api.must("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", body)
    gate = asyncio.Semaphore(AT_ONCE)

    async def waiting(number: int) -> None:
        async with gate:
            alone = {**template["spec"], "nodeSelector": {"stanch.test/no-such-node": "x"}}
            meta = {"name": f"waiting-{number:03}", "labels": {"app": NAME, "pod-template-hash": "waiting"}}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": alone}
            await api.must("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod)

    await asyncio.gather(*(waiting(n) for n in range(PODS - RUNNING)))

    async def crashed() -> bool | None:
        listed = json.loads((await api.send("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?limit=1000")).raw)
        ends = [s for p in listed["items"] for s in p["status"].get("containerStatuses", ()) if s["restartCount"]]
        return len(ends) >= RUNNING or None

    await until("the pods crash", crashed)


async def measure(kubeconfig: Path, times: int) -> None:
    """In turn, so that all meet the same cluster; the first of each is dropped."""
    api = await Api.of(kubeconfig)
    captures, lists, dumps = [], [], []
    try:
        await prepare(api)
        leave_the_old_alone()  # as shell/run.py does
        let_the_loop_in()  # and shell/thinking.py
        async with Kube(await configuration(str(kubeconfig))) as kube:
            for number in range(times + 1):
                one = await ours(kube, kube.clock.now() if number else datetime.now(UTC))  # noqa: TID251  # a bench has a clock
                took = await raw(kube, one.groups)
                if number:
                    captures.append(one)
                    lists.append(took)
        dumps = [await dump(kubeconfig)]
    finally:
        await api.gone(f"/api/v1/namespaces/{NAMESPACE}")
        await api.close()
    _report(captures, lists, dumps)


def _report(captures: list[Once], lists: list[float], dumps: list[float]) -> None:
    middle = statistics.median
    objects, whole = middle(c.objects for c in captures), middle(c.whole for c in captures)
    bare = middle(lists)
    rows = [
        ("raw LISTs of the same", f"{bare * 1000:.0f} ms", "1"),
        ("objects seen and pods chosen", f"{objects * 1000:.0f} ms", f"{objects / bare:.2f}"),
        (f"part a with {captures[0].logs} logs", f"{whole * 1000:.0f} ms", f"{whole / bare:.2f}"),
        ("part b, after the effect", f"{middle(c.rest for c in captures) * 1000:.0f} ms", ""),
        ("kubectl cluster-info dump", f"{dumps[0] * 1000:.0f} ms", f"{dumps[0] / bare:.2f}"),
        ("loop late, at worst", _late([c.lags for c in captures], 1.0), ""),
        ("loop late, p99", _late([c.lags for c in captures], 0.99), ""),
        ("an idle loop late, at worst", _late([c.idle for c in captures], 1.0), ""),
        ("an idle loop late, p99", _late([c.idle for c in captures], 0.99), ""),
        ("stored for the bulk", f"{middle(c.bulk_bytes for c in captures) / 1024:.0f} KiB", ""),
        ("stored with logs", f"{middle(c.bytes for c in captures) / 1024:.0f} KiB", ""),
    ]
    print(f"P7: {PODS} pods, median of {len(captures)}")
    for what, value, ratio in rows:
        print(f"  {what:<32} {value:>10}   {ratio}")


def _late(each: list[list[float]], share: float) -> str:
    """The delay that this share of all turns stayed below."""
    turns = sorted(late for one in each for late in one)
    return f"{turns[min(len(turns) - 1, int(share * len(turns)))] * 1000:.0f} ms" if turns else "?"


def main() -> int:
    """Sets a cluster up, or uses the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", type=Path, help="a cluster for tests; one of its own when left out")
    parser.add_argument("--times", type=int, default=7, help="how often; 7 when left out")
    said = parser.parse_args()
    with cluster(said.kubeconfig, keep=False) as path:
        asyncio.run(measure(path, said.times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
