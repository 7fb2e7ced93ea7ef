"""Real Flux beside the cluster: source-controller and kustomize-controller as host processes, and a git server on loopback."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any, Self

import yaml

from e2e.support.api import Api, Json, until

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import addons

NAMESPACE = "flux-system"
INTERVAL = "5s"


def free_port() -> int:
    """A port nobody listens on, below those that the kernel gives to connections: none takes it before we do."""
    while True:
        port = random.randrange(20000, 32000)
        with socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Git:
    """A bare repository, served over http by git's own program."""

    def __init__(self, folder: Path) -> None:
        self.root, self.work = folder / "served", folder / "work"
        self.root.mkdir()
        self._git("init", "-q", "--bare", "-b", "main", str(self.root / "repo.git"), cwd=folder)
        self._git("clone", "-q", str(self.root / "repo.git"), str(self.work), cwd=folder)
        self._git("checkout", "-q", "-B", "main")
        handler = type("Handler", (_Handler,), {"root": self.root})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/repo.git"

    def push(self, files: Mapping[str, object], message: str) -> None:
        """Commit manifests, by path, and push them."""
        for path, content in files.items():
            target = self.work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(yaml.safe_dump(content))
        self._git("add", "-A")
        who = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
        self._git(*who, "commit", "-q", "-m", message)
        self._git("push", "-q", "origin", "main")

    def head(self) -> str:
        """The commit that was pushed last."""
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(["git", *words], cwd=cwd or self.work, check=True, capture_output=True, text=True)
        return done.stdout

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """CGI to git http-backend: read only, which is all that Flux does."""

    root: Path

    def do_GET(self) -> None:
        """Refs and packs."""
        self._serve(b"")

    def do_POST(self) -> None:
        """What the client has and wants."""
        self._serve(self._body())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        env = dict(os.environ) | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Flux:
    """Both controllers, stopped by the pids that were started."""

    def __init__(self, admin: Api, kubeconfig: Path, kubectl: str, folder: Path) -> None:
        self.admin, self.folder = admin, folder
        self.git = Git(folder)
        self._env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(kubeconfig)}
        self._env["RUNTIME_NAMESPACE"] = NAMESPACE
        self._kubectl, self._running = kubectl, list[subprocess.Popen[bytes]]()

    def __enter__(self) -> Self:
        programs = addons.ensure_flux()
        for verb in (["apply", "--server-side"], ["wait", "--for=condition=Established", "--timeout=60s"]):
            words = [self._kubectl, *verb, "-f", str(programs / "crds")]
            subprocess.run(words, env=self._env, check=True, capture_output=True)
        self.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        storage = f"127.0.0.1:{free_port()}"
        (self.folder / "storage").mkdir()
        self._start(
            programs / "source-controller",
            f"--storage-path={self.folder / 'storage'}",
            f"--storage-addr={storage}",
            f"--storage-adv-addr={storage}",
        )
        self._start(programs / "kustomize-controller", "--interval-jitter-percentage=0")
        return self

    def _start(self, program: Path, *words: str) -> None:
        """Start a controller and wait until it says that it is ready."""
        health = f"127.0.0.1:{free_port()}"
        addresses = ["--metrics-addr=0", f"--health-addr={health}"]
        with (self.folder / f"{program.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [program, *words, *addresses], env=self._env, stdout=log, stderr=log, cwd=self.folder
            )
        self._running.append(process)

        def ready() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{program.name} ended with {process.returncode}\n{self.said()}")
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{health}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
            return False

        until(ready, 120, f"{program.name} is ready")

    def said(self) -> str:
        """What the controllers and their objects say, for a test that fails."""
        conditions = [
            f"{plural} {o['metadata']['name']}: {c['type']}={c['status']} {c.get('message')}"
            for plural in ("gitrepositories", "kustomizations")
            for o in self.admin.list(plural, NAMESPACE)
            for c in (o.get("status") or {}).get("conditions", [])
        ]
        ends = [f"{process.args[0]}: {process.poll()}" for process in self._running]  # type: ignore[index]
        logs = [line[:400] for log in sorted(self.folder.glob("*.log")) for line in log.read_text().splitlines()]
        return "\n".join([*(line for line in logs if '"info"' not in line)][-20:] + conditions + ends)

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
        self.git.close()
        for plural in ("kustomizations", "gitrepositories"):
            # Their finalizers would keep the namespace for ever, now that nobody takes them off.
            for obj in self.admin.list(plural, NAMESPACE):
                self.admin.merge(plural, NAMESPACE, obj["metadata"]["name"], {"metadata": {"finalizers": None}})
        self.admin.delete("namespaces", None, NAMESPACE)
        shutil.rmtree(self.folder / "storage", ignore_errors=True)

    def deploy(self, namespace: str, *objects: Json, message: str = "deploy") -> None:
        """Put objects into Git, for a namespace, and have Flux apply them; returns when it has."""
        files: dict[str, object] = {f"{namespace}/{o['kind'].lower()}-{o['metadata']['name']}.yaml": o for o in objects}
        self.git.push(files, message)
        source = {"interval": INTERVAL, "url": self.git.url, "ref": {"branch": "main"}}
        kind = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "repo"}}
        self.admin.create(kind | {"spec": source}, NAMESPACE)
        wanted = {
            "interval": INTERVAL,
            "path": f"./{namespace}",
            "prune": True,
            "targetNamespace": namespace,
            "sourceRef": {"kind": "GitRepository", "name": "repo"},
        }
        kind = {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": namespace},
        }
        self.admin.create(kind | {"spec": wanted}, NAMESPACE)
        revision = self.git.head()
        try:
            applied = lambda: revision in str(self.status(namespace).get("lastAppliedRevision"))  # noqa: E731
            until(applied, 180, f"Flux applied {revision}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.said()}") from late

    def status(self, name: str) -> Json:
        """Where the Kustomization stands."""
        status: Json = self.admin.get("kustomizations", NAMESPACE, name).get("status") or {}
        return status

    def runs(self, name: str, times: int) -> None:
        """Wait until it has run so often again."""

        def last() -> str:
            ready = [c for c in self.status(name).get("conditions", []) if c["type"] == "Ready"]
            return str(ready[0]["lastTransitionTime"]) if ready else ""

        for _ in range(times):
            before = last()
            until(lambda before=before: last() != before, 60, f"Flux runs {name}")  # type: ignore[misc]
