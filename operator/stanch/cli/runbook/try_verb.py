"""`stanch runbook test`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from stanch.api.runbook import Runbook
from stanch.cli.runbook.cases import read_cases
from stanch.cli.runbook.files import Document, UnreadableError, runbooks
from stanch.cli.runbook.findings import written
from stanch.cli.runbook.schema import read
from stanch.cli.runbook.snapshot import NotAnObjectError
from stanch.cli.runbook.trial import run


@dataclass(frozen=True, slots=True)
class Result:
    """One case: what was not as expected (nothing: it holds), and what came of it."""

    runbook: str
    file: str
    case: str
    wrong: tuple[str, ...]
    told: tuple[str, ...]


def try_paths(paths: Sequence[str], verbose: bool, as_json: bool) -> int:
    """Exit code: 0 all hold, 1 some do not, 2 something could not be read."""
    try:
        documents = runbooks(paths)
        results = [each for document in documents for each in results_of(document)]
    except (UnreadableError, NotAnObjectError) as error:
        sys.stderr.write(f"stanch: {error}\n")
        return 2
    untested = [d for d in documents if d.cases is None]
    click.echo(_json(results, untested) if as_json else "\n".join(_text(results, untested, verbose)))
    if not results:
        sys.stderr.write("stanch: there is not one case beside these Runbooks\n")
        return 2
    return 1 if any(each.wrong for each in results) else 0


def results_of(document: Document) -> list[Result]:
    """What comes of the cases beside a Runbook. Raises UnreadableError or NotAnObjectError."""
    path = document.cases
    if path is None:
        return []
    runbook = the_runbook(document)
    found = []
    for case in read_cases(path):
        try:
            wrong, told = run(case, runbook)
        except NotAnObjectError as error:
            raise NotAnObjectError(f"{path}: {case.name}: {error}") from error
        found.append(Result(runbook.metadata.name, str(path), case.name, tuple(wrong), tuple(told)))
    return found


def the_runbook(document: Document, namespace: str | None = None) -> Runbook:
    """The Runbook of a document. Raises UnreadableError with the first thing that is wrong with it."""
    runbook = read(document, namespace)
    if isinstance(runbook, Runbook):
        return runbook
    field, message = runbook[0]
    raise UnreadableError(f"{document.source}:{document.line_of(field)}: {written(field)}: {message}")


def _text(results: list[Result], untested: list[Document], verbose: bool) -> list[str]:
    lines = []
    file = ""
    for each in results:
        if each.file != file:
            file = each.file
            lines.append(file)
        lines.append(f"  {'FAIL' if each.wrong else 'ok  '}  {each.case}")
        lines += [f"          {problem}" for problem in each.wrong]
        lines += [f"        {told}" for told in each.told] if verbose or each.wrong else []
    lines += [f"{d.source}: no cases beside it" for d in untested]
    bad = sum(bool(each.wrong) for each in results)
    files = len({Path(each.file) for each in results})
    lines.append(f"{len(results) - bad} of {len(results)} cases hold, in {files} file{'' if files == 1 else 's'}")
    return lines


def _json(results: list[Result], untested: list[Document]) -> str:
    cases = [
        {
            "runbook": each.runbook,
            "file": each.file,
            "case": each.case,
            "ok": not each.wrong,
            "wrong": list(each.wrong),
            "came": list(each.told),
        }
        for each in results
    ]
    return json.dumps({"cases": cases, "untested": [d.source for d in untested]}, indent=2, ensure_ascii=False)
