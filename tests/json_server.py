"""A server on loopback that speaks JSON, for what runs in this process or in another: a function says what it answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

# Where a redirect leads.
ELSEWHERE = "/tracker/elsewhere"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; ``said`` is its JSON, the fields of its form, or None."""

    method: str
    path: str
    accept: str = ""
    said: Any = None


# Status and body.
Answer = Callable[[Asked], tuple[int, Any]]


def _handler(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            said = json.loads(raw) if raw.startswith(("{", "[")) else parse_qs(raw) or None
            status, body = answer(Asked(self.command, self.path, self.headers.get("Accept") or "", said))
            out = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status == 302:
                self.send_header("Location", ELSEWHERE)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 -- the names that the standard library calls

        def log_message(self, *_: object) -> None:
            """Silence."""

    return Handler


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Its base URL, while inside."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig_of(url: str, folder: Path, **context: str) -> str:
    """A file that points there; ``context`` may name a namespace."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", **context}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(path)
