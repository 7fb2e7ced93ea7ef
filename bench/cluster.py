"""Where it is measured: a cluster of the bench's own, stanch installed on it, and the operator as a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.install import ROOT, find_kubectl
from tools.operator_run import as_service_account

from bench.api import Api, BenchError
from bench.workload import ALICE, MACHINE, until
from stanch.api.names import API_VERSION

OWN: Final = ROOT / ".cluster-bench"
RIGHTS: Final = {
    ALICE: ("edit", "stanch-responder", "stanch-approver"),
    MACHINE: ("edit", "stanch-responder"),
}


def _run(*words: str, quiet: bool = True) -> None:
    env = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=quiet, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(words[1:])}: exit {done.returncode}\n{(done.stderr or '')[-2000:]}")


@contextmanager
def cluster(given: Path | None, keep: bool) -> Iterator[Path]:
    """The kubeconfig of a cluster with stanch on it; one that was not given is taken down again."""
    testcluster = [sys.executable, str(ROOT / "tools" / "testcluster")]
    if given is None:
        _run(*testcluster, "up", "--dir", str(OWN), "--nodes", "1", quiet=False)
    try:
        path = given or OWN / "kubeconfig"
        _run(sys.executable, "-m", "tools.install", "--kubeconfig", str(path))
        yield path
    finally:
        if given is None and not keep:
            _run(*testcluster, "down", "--dir", str(OWN), quiet=False)


async def served(api: Api) -> None:
    """Wait until our kinds answer: for some seconds after they were installed the API server says 429 now and then."""
    for kind in ("incidents", "timelineentries", "evidences", "postmortems", "actionitems", "responsepolicies"):
        url = f"/apis/{API_VERSION}/{kind}?limit=1"

        async def answers(url: str = url) -> bool | None:
            return (await api.send("GET", url)).status == 200 or None

        await until(f"{kind} are served", answers)


# A measure is a hundred incidents in an hour, which no cluster should bear unasked.
ROOM: Final = {
    "apiVersion": API_VERSION,
    "kind": "ResponsePolicy",
    "metadata": {"name": "default", "labels": {"measured-by": "bench"}},
    "spec": {"guardrails": {"perTarget": "0s", "perNamespaceHourly": 1000, "clusterHourly": 1000}},
}
POLICIES: Final = f"/apis/{API_VERSION}/namespaces/stanch-system/responsepolicies"


async def give_rights(api: Api) -> None:
    """alice may edit, declare and approve; the machine may edit and declare; and nobody is told to rest."""
    said = await api.send("POST", POLICIES, json.dumps(ROOM))
    if said.status not in (201, 409):
        raise BenchError(f"the ResponsePolicy: {said.raw[:300]!r}")
    for user, roles in RIGHTS.items():
        for role in roles:
            name = f"{user.rsplit(':', 1)[-1]}-{role}"
            body = {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
            url = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
            said = await api.send("POST", url, json.dumps(body))
            if said.status not in (201, 409):
                raise BenchError(f"binding {name}: {said.raw[:300]!r}")


@asynccontextmanager
async def rights(api: Api) -> AsyncIterator[None]:
    """What is given for a measure is taken back, however it ends."""
    try:
        await give_rights(api)
        yield
    finally:
        await take_rights(api)


async def take_rights(api: Api) -> None:
    """As before; a ResponsePolicy that somebody else wrote is left."""
    listed = json.loads((await api.send("GET", f"{POLICIES}?labelSelector=measured-by%3Dbench")).raw)
    for item in listed["items"]:
        await api.gone(f"{POLICIES}/{item['metadata']['name']}")
    for user, roles in RIGHTS.items():
        for role in roles:
            name = f"{user.rsplit(':', 1)[-1]}-{role}"
            await api.gone(f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}")


@dataclass
class Operator:
    """The operator at work: it can be held still, and says what it sent."""

    process: subprocess.Popen[bytes]
    trace: Path
    log: Path
    read: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    def stop(self) -> None:
        """Hold it still: it does nothing at all until ``go``."""
        self.process.send_signal(signal.SIGSTOP)

    def go(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def notes(self, since: float) -> list[dict[str, Any]]:
        """What it noted from then on, as far as it is written; what is older is forgotten."""
        with self.trace.open("rb") as trace:
            trace.seek(self.read)
            whole, end, _ = trace.read().rpartition(b"\n")
        self.read += len(whole) + len(end)
        self.seen += [json.loads(line) for line in whole.splitlines()]
        self.seen = [note for note in self.seen if note["began"] >= since]
        return list(self.seen)


@contextmanager
def operator(kubeconfig: Path, profile: Path | None = None, alerts: str = "") -> Iterator[Operator]:
    """Running and ready, as its own ServiceAccount, from this checkout; it takes ``alerts`` at host:port, if that is given."""
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        place = Path(name)
        own = place / "kubeconfig"
        own.touch(0o600)
        own.write_text(json.dumps(as_service_account(kubeconfig, find_kubectl())))
        port = free_port()
        words = [sys.executable, "-m", "bench.traced_operator", str(own), f"127.0.0.1:{port}", str(place / "trace")]
        log = place / "log"
        with log.open("wb") as out:
            words += [str(profile or ""), alerts]
            process = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=out)
        found = Operator(process, place / "trace", log)
        try:
            _wait_ready(found, port)
            yield found
        finally:
            found.go()
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_ready(found: Operator, port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and found.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as asked:
                asked.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                if b" 200 " in asked.recv(64):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise BenchError(f"the operator did not come up:\n{found.log.read_text()[-3000:]}")


async def operator_api(kubeconfig: Path) -> Api:
    """A pool with the operator's own credentials, for the replay."""
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        own = Path(name) / "kubeconfig"
        own.touch(0o600)
        own.write_text(json.dumps(await asyncio.to_thread(as_service_account, kubeconfig, find_kubectl())))
        return await Api.of(own)
