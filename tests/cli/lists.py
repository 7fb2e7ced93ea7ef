"""An API server that lists whole objects, and a Prometheus beside it; for verbs that read everything and change nothing."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import yaml

Json = dict[str, Any]


class Lists:
    """Objects by plural, two a page; ``matrix`` is what Prometheus answers; ``refuses`` are plurals, ``forbidden`` methods."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Json]] = {}
        self.refuses: set[str] = set()
        self.forbidden: set[str] = set()
        self.matrix: Any = []
        self.asked: list[tuple[str, str, Any]] = []
        # What a tracker answers, in turn.
        self.replies: list[tuple[int, Any]] = []
        # Or one that remembers.
        self.tracker: Callable[[str, str, Any], tuple[int, Any]] | None = None

    def answer(self, method: str, path: str, said: Any) -> tuple[int, Any]:
        """Status and body."""
        url = urlparse(path)
        self.asked.append((method, path, said))
        if method in self.forbidden:
            return 403, {"kind": "Status", "message": "may not"}
        if url.path.startswith("/prom/"):
            return 200, self.matrix
        if url.path.startswith("/tracker/"):
            return self.tracker(method, path.removeprefix("/tracker"), said) if self.tracker else self.replies.pop(0)
        parts = url.path.strip("/").split("/")
        plural = next(
            (p for p in ("incidents", "postmortems", "actionitems", "runbooks", "namespaces") if p in parts[3:]), ""
        )
        plural = parts[-1] if parts[-1] in self.objects or parts[-1] in self.refuses else plural
        if method == "PATCH":
            return self._merged(parts[-2], parts[-1], said)
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        if plural in self.refuses:
            return 403, {"kind": "Status", "message": f"{plural} is forbidden: no"}
        rows = [o for o in self.objects.get(plural, ()) if namespace in ("", o["metadata"]["namespace"])]
        at = int(parse_qs(url.query).get("continue", ["0"])[0])
        more = {"continue": str(at + 2)} if at + 2 < len(rows) else {}
        return 200, {"items": rows[at : at + 2], "metadata": more}

    def _merged(self, plural: str, name: str, said: Json) -> tuple[int, Json]:
        found = next(o for o in self.objects[plural] if o["metadata"]["name"] == name)
        meta, version = found["metadata"], said.get("metadata", {}).get("resourceVersion")
        if version not in (None, meta["resourceVersion"]):
            return 409, {"kind": "Status", "message": "the object has been modified"}
        spec = {**found["spec"], **said["spec"]}
        found["spec"] = {key: value for key, value in spec.items() if value is not None}
        meta |= {"resourceVersion": str(int(meta["resourceVersion"]) + 1), "generation": meta["generation"] + 1}
        return 200, found


def _handler(lists: Lists) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length).decode()
            said = json.loads(raw) if raw.startswith(("{", "[")) else parse_qs(raw)
            status, body = lists.answer(self.command, self.path, said)
            out = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 302:
                self.send_header("Location", "/tracker/elsewhere")
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """Silence."""

    return Handler


def kubeconfig_of(url: str, folder: Path) -> str:
    """A file that points there."""
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(path)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Lists, str, str]]:
    """What it serves, its base URL, and a kubeconfig for it."""
    lists = Lists()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lists))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    path = kubeconfig_of(url, folder)
    try:
        yield lists, url, path
    finally:
        server.shutdown()
        server.server_close()
