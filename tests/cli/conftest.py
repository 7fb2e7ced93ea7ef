"""An API server that knows evidence and incidents, and our command line as a person at a shell has it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from click.testing import CliRunner, Result

from json_server import Asked, kubeconfig_of, serving
from stanch.cli.main import main

Obj = dict[str, Any]
Stanch = Callable[..., Result]
COLUMNS = ("Name", "Incident", "Purpose", "Captured", "Items", "Missing", "Bytes", "Redactions", "Age")


class FakeApi:
    """Objects by plural, namespace and name; ``refuses`` maps a plural to an HTTP status."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Obj] = {}
        self.refuses: dict[str, int] = {}
        self.asked: list[str] = []
        self.url = ""

    def put(self, plural: str, obj: Obj) -> Obj:
        """Store an object."""
        self.objects[plural, obj["metadata"]["namespace"], obj["metadata"]["name"]] = obj
        return obj

    def answer(self, asked: Asked) -> tuple[int, Obj]:
        """Status and body."""
        self.asked.append(asked.path)
        url = urlparse(asked.path)
        parts = url.path.strip("/").split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        plural = next(p for p in parts if p in ("evidences", "incidents"))
        if code := self.refuses.get(plural):
            return code, {"kind": "Status", "message": f"{plural} is forbidden: no"}
        if parts[-1] != plural:
            found = self.objects.get((plural, namespace, parts[-1]))
            return (200, found) if found else (404, {"kind": "Status", "message": f'{plural} "{parts[-1]}" not found'})
        query = {key: value[0] for key, value in parse_qs(url.query).items()}
        about = query.get("fieldSelector", "").removeprefix("spec.incident=")
        rows = [o for (p, ns, _), o in self.objects.items() if p == plural and namespace in ("", ns)]
        rows = [o for o in rows if not about or o["spec"]["incident"] == about]
        assert "as=Table" in asked.accept, "lists must not carry the archives"
        return 200, _page([_row(o) for o in rows], int(query.get("continue", 0)))


def _page(rows: list[Obj], at: int) -> Obj:
    """One row a page, so that whoever forgets the rest is found out."""
    more = {"continue": str(at + 1)} if at + 1 < len(rows) else {}
    columns = [{"name": name} for name in COLUMNS]
    return {"kind": "Table", "columnDefinitions": columns, "metadata": more, "rows": rows[at : at + 1]}


def _row(obj: Obj) -> Obj:
    spec = obj["spec"]
    cells = [obj["metadata"]["name"], spec["incident"], spec["purpose"], spec["capturedTime"]]
    cells += [spec.get("itemsCount"), spec.get("missingCount"), spec["bytes"], spec.get("redactions"), "1h"]
    return {"cells": cells, "object": {"kind": "PartialObjectMetadata", "metadata": obj["metadata"]}}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """Listens on a port of its own."""
    made = FakeApi()
    with serving(made.answer) as made.url:
        yield made


@pytest.fixture
def stanch(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stanch:
    """Our command line, with a kubeconfig whose context is in namespace shop, in an empty directory, in UTC."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig_of(api.url, tmp_path, namespace="shop"))
    monkeypatch.setenv("TZ", "UTC")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def run(*words: str) -> Result:
        done = CliRunner().invoke(main, ["evidence", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done

    return run
