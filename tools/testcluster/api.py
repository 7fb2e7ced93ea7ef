"""Just enough of a Kubernetes client to see whether a local cluster is up."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


class Api:
    """Reads with the administrator's token."""

    def __init__(self, server: str, authority: Path, token: str) -> None:
        self._server, self._token = server, token
        self._tls = ssl.create_default_context(cafile=str(authority))
        # Never through a proxy of the environment: the cluster is on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._tls)
        )

    def get(self, path: str, timeout: float = 2) -> str | None:
        """The body of an answer 200; None for anything else."""
        request = urllib.request.Request(self._server + path, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError):
            return None

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list; empty when it cannot be read."""
        body = self.get(path)
        return list(json.loads(body).get("items") or []) if body else []

    def ready(self) -> bool:
        """Whether the API server says it is ready."""
        return self.get("/readyz") == "ok"

    def ready_nodes(self) -> set[str]:
        """Names of the nodes that are Ready."""
        return {
            node["metadata"]["name"]
            for node in self.items("/api/v1/nodes")
            for condition in node.get("status", {}).get("conditions", [])
            if condition["type"] == "Ready" and condition["status"] == "True"
        }
