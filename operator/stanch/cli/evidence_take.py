"""`stanch evidence export` and `verify`: whole bundles, of one incident or by name."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from stanch.cli.cluster import DIFFERS, DONE, NOT_THERE, USAGE, Trouble, namespace_of, unreadable, with_cluster
from stanch.cli.evidence_look import bundle
from stanch.cli.terminal import complain, one_line, say
from stanch.core.questions import INCIDENTS
from stanch.evidence import tar
from stanch.evidence.dig import name_of, text
from stanch.evidence.export import export
from stanch.evidence.times import parse
from stanch.evidence.verify import Verdict, chain, gone, verify
from stanch.shell.client import Kube, Unanswered
from stanch.shell.evidence_store import CannotRead, ClusterStore

# Bundles are up to 1 MB each, and all of an incident are held at once; a capture has at most 8 parts, a record 16 + 40.
BUNDLES_MAX: Final = 200


async def _bundles(kube: Kube, namespace: str, names: tuple[str, ...], incident: str | None) -> list[dict[str, Any]]:
    """Those named, or all of an incident, by when they were captured."""
    if incident:
        try:
            rows = [each async for each in ClusterStore(kube).rows(namespace, incident)]
        except CannotRead as error:
            raise unreadable("evidence can't be listed", error.status, str(error)) from error
        if not rows:
            raise Trouble(f"there is no evidence of incident {incident} in namespace {namespace}", NOT_THERE)
        if len(rows) > BUNDLES_MAX:
            said = f"incident {incident} has {len(rows)} bundles; name at most {BUNDLES_MAX} of them"
            raise Trouble(said, USAGE)
        names = tuple(each.name for each in sorted(rows, key=lambda each: (each.captured, each.name)))
    return [await bundle(kube, namespace, name) for name in dict.fromkeys(names)]


def export_bundles(
    kubeconfig: str | None,
    namespace: str | None,
    names: tuple[str, ...],
    incident: str | None,
    file: str | None,
    folder: str | None,
) -> int:
    """Exit code: 0 written, 1 written but for what is named, 2 no credentials or nowhere to write, 3, 4."""
    where = namespace_of(kubeconfig, namespace)
    target = file or f"{incident or names[0]}.tar"

    async def work(kube: Kube) -> int:
        _must_be_new(folder, target)
        found = await _bundles(kube, where, names, incident)
        made = export(found)
        try:
            if folder:
                _write_folder(Path(folder), made.files)
            else:
                _write_tar(target, made.files, found)
        except OSError as error:
            raise Trouble(f"can't be written: {error}", USAGE) from error
        for problem in made.problems:
            complain(f"not taken along: {one_line(problem)}")
        if target != "-" or folder:
            complain(f"{len(made.files)} files of {len(found)} bundles in {folder or target}")
        return DIFFERS if made.problems else DONE

    return with_cluster(kubeconfig, work)


def _must_be_new(into: str | None, target: str) -> None:
    """Nothing is overwritten; said before anything is read."""
    folder = Path(into or ".")
    if not into and target != "-" and Path(target).exists():
        raise Trouble(f"{target} is there already; give another name with -f", USAGE)
    if into and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Trouble(f"{folder} is there and is not empty; name a new directory", USAGE)


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """For the reader alone; every file is new, so nothing that stood there is followed or overwritten."""
    _private(folder)
    for name, content in files.items():
        path = folder / name
        _private(path.parent)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            out.write(content)


def _private(folder: Path) -> None:
    """Each directory for the reader alone: `parents=True` would make those above with the usual rights."""
    if not folder.exists():
        _private(folder.parent)
        folder.mkdir(mode=0o700)


def _write_tar(target: str, files: Mapping[str, bytes], bundles: list[dict[str, Any]]) -> None:
    times = [parse(text(each, "spec", "capturedTime")) for each in bundles]
    newest = max((time for time in times if time), default=datetime.fromtimestamp(0, UTC))
    packed = tar.plain(files.items(), newest)
    if target == "-":
        sys.stdout.buffer.write(packed)
        sys.stdout.buffer.flush()
        return
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(packed)


def verify_bundles(
    kubeconfig: str | None, namespace: str | None, names: tuple[str, ...], incident: str | None, form: str
) -> int:
    """Exit code: 0 as captured, 1 something differs, 2 no credentials, 3 no such bundle, 4 could not be read."""
    where = namespace_of(kubeconfig, namespace)

    async def work(kube: Kube) -> int:
        found = await _bundles(kube, where, names, incident)
        incidents = {name: await _incident(kube, where, name) for name in {text(e, "spec", "incident") for e in found}}
        verdicts = [verify(each, incidents[text(each, "spec", "incident")]) for each in found]
        record = incidents.get(incident) if incident else None
        of_all = [*chain(found)] if incident else []
        of_all += gone(record, (name_of(each) for each in found)) if record else []
        if form == "json":
            click.echo(json.dumps({"bundles": [asdict(each) for each in verdicts], "differs": of_all}, indent=2))
        else:
            for verdict in verdicts:
                _tell(verdict)
            for line in of_all:
                say(f"DIFFERS  {one_line(line)}")
        return DIFFERS if of_all or any(each.differs for each in verdicts) else DONE

    return with_cluster(kubeconfig, work)


async def _incident(kube: Kube, namespace: str, name: str) -> dict[str, Any] | None:
    """The incident, whose record is the second witness; None when it is gone, or the reader may not read it."""
    with contextlib.suppress(Unanswered):
        reply = await kube.get(INCIDENTS.path(namespace, name))
        return reply.body if reply.ok else None
    return None


def _tell(verdict: Verdict) -> None:
    state = "DIFFERS" if verdict.differs else "ok"
    notes = "".join(f"; {one_line(note)}" for note in verdict.unknown)
    say(f"{state:<8} {verdict.name}: {verdict.items} items match{notes}")
    for line in verdict.differs:
        say(f"         {one_line(line)}")
