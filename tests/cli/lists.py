"""An API server that lists whole objects, and a Prometheus beside it; for verbs that read everything and change nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import json_server
from json_server import Asked, kubeconfig_of

Json = dict[str, Any]


class Lists:
    """Objects by plural, two a page; ``matrix`` is what Prometheus answers; ``refuses`` are plurals, ``forbidden`` methods."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Json]] = {}
        self.refuses: set[str] = set()
        self.forbidden: set[str] = set()
        # An API server without our kinds.
        self.not_served = False
        self.matrix: Any = []
        self.asked: list[tuple[str, str, Any]] = []
        # What a tracker answers, in turn.
        self.replies: list[tuple[int, Any]] = []
        # Or one that remembers.
        self.tracker: Callable[[str, str, Any], tuple[int, Any]] | None = None

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and body."""
        url = urlparse(asked.path)
        self.asked.append((asked.method, asked.path, asked.said))
        if asked.method in self.forbidden:
            return 403, {"kind": "Status", "message": "may not"}
        if url.path.startswith("/prom/"):
            return 200, self.matrix
        if url.path.startswith("/tracker/"):
            if self.tracker:
                return self.tracker(asked.method, asked.path.removeprefix("/tracker"), asked.said)
            return self.replies.pop(0)
        parts = url.path.strip("/").split("/")
        if asked.method == "GET" and parts[:3] == ["api", "v1", "namespaces"] and len(parts) < 5:
            one = bool(parts[3:])
            if one and "as=PartialObjectMetadataList" in asked.accept:
                return 406, {"kind": "Status", "message": "the requested object is not a list"}
            return self._namespaces(parts[3:])
        if parts[-2] == "responsepolicies":
            if "responsepolicies" in self.refuses:
                return 403, {"kind": "Status", "message": "responsepolicies is forbidden: no"}
            known = self.objects.get("responsepolicies", [])
            found = next((o for o in known if o["metadata"]["namespace"] == parts[-3]), None)
            return (200, found) if found else (404, {"kind": "Status", "message": "not found"})
        plural = next(
            (p for p in ("incidents", "postmortems", "actionitems", "runbooks", "namespaces") if p in parts[3:]), ""
        )
        plural = parts[-1] if parts[-1] in self.objects or parts[-1] in self.refuses else plural
        if asked.method == "PATCH":
            return self._merged(parts[-2], parts[-1], asked.said)
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        if self.not_served:
            return 404, {"kind": "Status", "message": "404 page not found"}
        if plural in self.refuses:
            return 403, {"kind": "Status", "message": f"{plural} is forbidden: no"}
        rows = [o for o in self.objects.get(plural, ()) if namespace in ("", o["metadata"]["namespace"])]
        at = int(parse_qs(url.query).get("continue", ["0"])[0])
        more = {"continue": str(at + 2)} if at + 2 < len(rows) else {}
        return 200, {"items": rows[at : at + 2], "metadata": more}

    def _namespaces(self, name: list[str]) -> tuple[int, Json]:
        """The list, or one of them."""
        known = self.objects.get("namespaces", [])
        if "namespaces" in self.refuses:
            return 403, {"kind": "Status", "message": "namespaces is forbidden: no"}
        if not name:
            return 200, {"items": known}
        found = next((n for n in known if n["metadata"]["name"] == name[0]), None)
        return (200, found) if found else (404, {"kind": "Status", "message": "not found"})

    def _merged(self, plural: str, name: str, said: Json) -> tuple[int, Json]:
        found = next(o for o in self.objects[plural] if o["metadata"]["name"] == name)
        meta, version = found["metadata"], said.get("metadata", {}).get("resourceVersion")
        if version not in (None, meta["resourceVersion"]):
            return 409, {"kind": "Status", "message": "the object has been modified"}
        spec = {**found["spec"], **said["spec"]}
        found["spec"] = {key: value for key, value in spec.items() if value is not None}
        meta |= {"resourceVersion": str(int(meta["resourceVersion"]) + 1), "generation": meta["generation"] + 1}
        return 200, found


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Lists, str, str]]:
    """What it serves, its base URL, and a kubeconfig for it."""
    lists = Lists()
    with json_server.serving(lists.answer) as url:
        yield lists, url, kubeconfig_of(url, folder)
