"""`stanch evidence list`, `show` and `diff`."""

import dataclasses
import fnmatch
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import click

from stanch.cli.cluster import DIFFERS, DONE, NOT_THERE, Trouble, namespace_of, unreadable, with_cluster
from stanch.cli.terminal import complain, harmless, local_time, one_line, say, size, table
from stanch.core.retention import Kept
from stanch.evidence.compare import FIELDS_MAX, OBJECTS_MAX, Change, Comparison, Field, ObjectDiff, compare
from stanch.evidence.dig import dicts, number, text
from stanch.evidence.opened import Opened, opened, reasons
from stanch.shell.client import Kube
from stanch.shell.evidence_store import CannotRead, ClusterStore

_EVERYTHING: Final = 1_000_000


def list_bundles(
    kubeconfig: str | None, namespace: str | None, everywhere: bool, incident: str | None, form: str
) -> int:
    """Exit code: 0 printed (also when there is none), 2 no credentials, 4 could not be read."""
    where = None if everywhere else namespace_of(kubeconfig, namespace)

    async def work(kube: Kube) -> int:
        try:
            found = [each async for each in ClusterStore(kube).rows(where, incident)]
        except CannotRead as error:
            raise unreadable("evidence can't be listed", error.status, str(error)) from error
        found.sort(key=lambda each: (each.namespace, each.captured, each.name))
        if form == "json":
            click.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
        elif found:
            say(_listed(found, everywhere))
        else:
            about = f" of incident {incident}" if incident else ""
            complain(f"no evidence{about} in {f'namespace {where}' if where else 'any namespace'}")
        return DONE

    return with_cluster(kubeconfig, work)


def _listed(found: list[Kept], everywhere: bool) -> str:
    header = ["NAME", "INCIDENT", "PURPOSE", "CAPTURED", "ITEMS", "MISSING", "SIZE", "REDACTIONS"]
    rows = [_row(each) for each in found]
    if everywhere:
        return table(["NAMESPACE", *header], [[e.namespace, *row] for e, row in zip(found, rows, strict=True)])
    return table(header, rows)


def _row(kept: Kept) -> list[str]:
    facts = [kept.name, kept.incident, kept.purpose, local_time(kept.captured), str(kept.items), str(kept.missing)]
    return [*facts, size(kept.bytes), str(kept.redactions)]


async def bundle(kube: Kube, namespace: str, name: str) -> dict[str, Any]:
    """An Evidence object. Raises Trouble when it is not there or can't be read."""
    try:
        found = await ClusterStore(kube).get(namespace, name)
    except CannotRead as error:
        raise unreadable(f"evidence {namespace}/{name} can't be read", error.status, str(error)) from error
    if found is None:
        hint = f"stanch evidence list -n {namespace}"
        raise Trouble(f"there is no evidence {name} in namespace {namespace}; {hint} shows what there is", NOT_THERE)
    return found


def show_bundle(
    kubeconfig: str | None, namespace: str | None, name: str, files: tuple[str, ...], raw: bool, form: str
) -> int:
    """Exit code: 0 printed, 2 no credentials, 3 no such bundle or file, 4 could not be read."""
    where = namespace_of(kubeconfig, namespace)

    async def work(kube: Kube) -> int:
        obj = await bundle(kube, where, name)
        inside = opened(obj)
        for problem in inside.problems:
            complain(f"{name}: {problem}")
        if files:
            return _show_files(inside, files, raw, form)
        if form == "json":
            without = {key: value for key, value in inside.spec.items() if key != "data"}
            click.echo(json.dumps({**obj, "spec": without}, indent=2))
        else:
            say("\n".join(_page(inside, where)))
        return DONE

    return with_cluster(kubeconfig, work)


def _show_files(inside: Opened, wanted: tuple[str, ...], raw: bool, form: str) -> int:
    chosen: dict[str, bytes] = {}
    for pattern in wanted:
        found = [name for name in sorted(inside.files) if name == pattern or fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise Trouble(f"{inside.name} has no file {pattern!r}; without FILES, show lists them", NOT_THERE)
        chosen |= {name: inside.files[name] for name in found}
    if form == "json":
        click.echo(json.dumps({name: content.decode(errors="replace") for name, content in chosen.items()}, indent=2))
        return DONE
    for name, content in chosen.items():
        if len(chosen) > 1:
            say(f"==> {one_line(name)} <==")
        if raw:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            click.echo(harmless(content.decode(errors="replace")), nl=not content.endswith(b"\n"))
    return DONE


def _page(inside: Opened, namespace: str) -> Iterator[str]:
    """The manifest, as a person reads it."""
    spec = inside.spec
    yield f"Evidence   {namespace}/{inside.name}"
    yield f"Incident   {one_line(text(spec, 'incident'))}"
    made_for = f", for {text(spec, 'mitigation')} ({text(spec, 'attempt')})" if text(spec, "mitigation") else ""
    yield f"Captured   {local_time(text(spec, 'capturedTime'))}   {text(spec, 'purpose')}{one_line(made_for)}"
    yield f"Part       {number(spec, 'part', 'index')} of {number(spec, 'part', 'of')}"
    yield f"Stored     {size(number(spec, 'bytes'))}   sha256 {one_line(text(spec, 'sha256'))}"
    kinds = ", ".join(f"{text(each, 'name')} {number(each, 'count')}" for each in dicts(spec, "families"))
    yield f"Redacted   {number(spec, 'redactions')} secrets{f': {one_line(kinds)}' if kinds else ''}"
    yield ""
    rows = [
        [text(i, "name"), text(i, "kind"), size(number(i, "bytes")), _or_dash(i, "dropped"), _or_dash(i, "redactions")]
        for i in dicts(spec, "items")
    ]
    yield table(["FILE", "KIND", "SIZE", "DROPPED", "REDACTIONS"], rows)
    lacking = reasons(spec)
    if lacking:
        yield ""
        yield table(["MISSING", "REASON", "WHAT WAS SAID"], lacking)


def _or_dash(item: dict[str, Any], field: str) -> str:
    return str(number(item, field)) if number(item, field) else "-"


def diff_bundles(
    kubeconfig: str | None, namespace: str | None, before: str, after: str, everything: bool, form: str
) -> int:
    """Exit code: 0 alike, 1 different, 2 no credentials, 3 no such bundle, 4 could not be read."""
    where = namespace_of(kubeconfig, namespace)
    limits = (_EVERYTHING, _EVERYTHING) if everything else (FIELDS_MAX, OBJECTS_MAX)

    async def work(kube: Kube) -> int:
        old, new = opened(await bundle(kube, where, before)), opened(await bundle(kube, where, after))
        found = compare(old, new, *limits)
        if form == "json":
            click.echo(json.dumps(dataclasses.asdict(found), indent=2))
        else:
            say("\n".join(_compared(old, new, found)))
        return DONE if found.alike else DIFFERS

    return with_cluster(kubeconfig, work)


def _compared(old: Opened, new: Opened, found: Comparison) -> Iterator[str]:
    for sign, bundle_ in (("---", old), ("+++", new)):
        yield f"{sign} {bundle_.name}   {local_time(text(bundle_.spec, 'capturedTime'))}"
    yield from (f"! {one_line(problem)}" for problem in found.problems)
    for title, group in (("Objects", found.objects), ("Logs", found.texts), ("Missing", found.missing)):
        if group:
            yield ""
            yield title
            for each in group:
                yield from _one(each)
    yield ""
    yield f"{found.same} objects are the same" + (
        f"; {found.more} more differ (--all shows them)" if found.more else ""
    )


_SIGNS: Final = {Change.ONLY_BEFORE: "-", Change.ONLY_AFTER: "+", Change.CHANGED: "~"}


def _one(diff: ObjectDiff) -> Iterator[str]:
    fields = [_field(each) for each in diff.fields]
    if len(fields) == 1 and not diff.fields[0].path:
        yield f"{_SIGNS[diff.change]} {one_line(diff.name)}: {fields[0]}"
        return
    yield f"{_SIGNS[diff.change]} {one_line(diff.name)}{f'   {one_line(diff.note)}' if diff.note else ''}"
    yield from (f"    {field}" for field in fields)
    if diff.more:
        yield f"    and {diff.more} more (--all shows them)"


def _field(field: Field) -> str:
    values = " -> ".join("(none)" if value is None else one_line(value) for value in (field.before, field.after))
    return f"{one_line(field.path)}: {values}" if field.path else values
