"""A Prometheus that says how much is left of error budgets; a look at it with the operator's own rights; who is refused by it."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from e2e.support.api import Reply
from e2e.support.operators import ROOT, Operator
from e2e.support.world import World
from stanch.api.policy import Policy
from stanch.shell.budget_sweep import BudgetSweep
from stanch.shell.client import Kube, configuration
from stanch.shell.policy_book import PolicyBook

COMPONENT = ROOT / "manifests" / "components" / "change-freeze" / "change-freeze.yaml"


class Budgets:
    """Says how much is left of one budget."""

    def __init__(self, namespace: str) -> None:
        """Spent, to begin with."""
        self.left, outer = "-0.1", self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                series = {"metric": {"namespace": namespace, "service": "checkout"}, "value": [1, outer.left]}
                data = {"resultType": "vector", "result": [series]}
                raw = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def sweep(operator: Operator, url: str, mode: Any) -> dict[str, str]:
    """One look at the budgets, with the token of the operator's ServiceAccount; what was changed."""

    async def look() -> dict[str, str]:
        async with Kube(await configuration(str(operator.kubeconfig))) as kube:
            book = PolicyBook(Policy(budget_mode=mode, prometheus_url=url))
            return await BudgetSweep(kube, lambda: book, kube.clock.now).look()

    return asyncio.run(look())


def try_to_release(world: World, image: str = "stanch.test/busybox:9") -> Reply:
    """What alice would hear if she pushed an image; nothing is stored, so it can be asked until it is what it should be."""
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    path = world.alice.path("deployments", world.ns, "checkout", dryRun="All")
    return world.alice.request("PATCH", path, change, "application/strategic-merge-patch+json")
