"""M4: `kubectl apply` of an Incident beside what people type without us, seven processes one after the other."""

import asyncio
import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.install import find_kubectl

from bench.api import Api, BenchError, EffectWatch
from bench.measures import SETTLE, Took
from bench.workload import ALICE, NAME, Case, forget, freshen, incident


@dataclass
class Runbook:
    """Both ways as alice, with kubectl and its warm discovery cache."""

    admin: Api
    kubeconfig: Path
    place: Path
    program: str = field(default_factory=find_kubectl)
    title: str = "M4 kubectl apply to effect"
    ours: list[Took] = field(default_factory=list)
    peer: list[Took] = field(default_factory=list)

    def _kubectl(self, case: Case, *words: str) -> str:
        start = [self.program, "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.place / "cache")]
        done = subprocess.run(
            [*start, "--as", ALICE, "-n", case.namespace, *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"kubectl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def _by_hand(self, case: Case) -> None:
        run = self._kubectl
        run(case, "get", "deployment", NAME, "-o", "yaml")
        run(case, "describe", "deployment", NAME)
        run(case, "get", "replicasets", "-l", f"app={NAME}", "-o", "wide")
        pods = run(case, "get", "pods", "-l", f"app={NAME}", "-o", "wide")
        run(case, "get", "events", "--sort-by=.lastTimestamp")
        ill = [line.split()[0] for line in pods.splitlines()[1:] if line.split()[3] != "0"]
        run(case, "logs", "--previous", ill[0])
        run(case, "rollout", "undo", f"deployment/{NAME}")

    async def run_ours(self, case: Case) -> Took:
        """One process; evidence, record and undo included."""
        file = self.place / "incident.yaml"
        file.write_text(json.dumps(incident()))
        watch = await self._watch(case)
        began = time.perf_counter()
        await asyncio.to_thread(self._kubectl, case, "apply", "-f", str(file))
        said = time.perf_counter()
        at, _ = await watch.effect()
        await asyncio.sleep(SETTLE)
        await forget(self.admin, case)
        return Took(at - began, said - began)

    async def run_peer(self, case: Case) -> Took:
        """Seven processes; nothing is kept."""
        watch = await self._watch(case)
        began = time.perf_counter()
        await asyncio.to_thread(self._by_hand, case)
        said = time.perf_counter()
        at, _ = await watch.effect()
        await asyncio.sleep(SETTLE)
        return Took(at - began, said - began)

    async def _watch(self, case: Case) -> EffectWatch:
        await freshen(self.admin, case)
        watch = EffectWatch(self.admin, case.deployments, NAME, case.deployment)
        await watch.opened()
        return watch
