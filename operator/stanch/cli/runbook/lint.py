"""Look at Runbooks: read them, ask every rule, leave out what somebody wrote a reason for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from stanch.api.runbook import Runbook
from stanch.cli.runbook import cases, rules_match, rules_plan, rules_prose, rules_safety
from stanch.cli.runbook.files import Document
from stanch.cli.runbook.findings import Finding, Found, Prose, Rule, Subject, written
from stanch.cli.runbook.schema import read
from stanch.core.runbook_match import Matcher, NotAMatcherError, parse

EXCEPTION: Final = "lint.stanch.dev/"
_HEADING: Final = re.compile(r"^##[ \t]+(.+?)[ \t]*$", re.MULTILINE)


def _nothing(subject: Subject) -> Iterator[Found]:
    """Found while reading, or among the exceptions; not by a look at one Runbook."""
    yield from ()


FIELDS: Final = Rule(
    "RB001",
    "fields",
    "The API server refuses what does not fit the schema, and drops fields it does not know: what was meant is not there.",
    "Correct the field; `kubectl explain runbook.spec --recursive` lists them all.",
    _nothing,
)
EXCEPTIONS: Final = Rule(
    "RB002",
    "exceptions",
    "An exception without a reason, or for what is not found any more, hides the next finding of that rule.",
    f"Write the reason as the annotation's value, or take the annotation {EXCEPTION}… away.",
    _nothing,
)
RULES: Final[tuple[Rule, ...]] = (
    FIELDS,
    EXCEPTIONS,
    *rules_match.RULES,
    *rules_plan.RULES,
    *rules_safety.RULES,
    *rules_prose.RULES,
)


def lint(documents: Sequence[Document]) -> list[Finding]:
    """Findings, by file and line. Raises UnreadableError when prose or cases can't be read."""
    read_all = [(document, read(document)) for document in documents]
    together = tuple(runbook for _, runbook in read_all if isinstance(runbook, Runbook))
    found: list[Finding] = []
    for document, runbook in read_all:
        if isinstance(runbook, Runbook):
            raw = list(_ask(_subject(document, runbook, together)))
        else:
            raw = [(FIELDS, each) for each in runbook]
        found += _without_exceptions(document, raw)
    return sorted(found, key=lambda f: (f.source, f.line, f.rule))


def _subject(document: Document, runbook: Runbook, together: tuple[Runbook, ...]) -> Subject:
    return Subject(
        document=document,
        runbook=runbook,
        matchers=tuple(_readable(runbook)),
        prose=_prose(document),
        samples=cases.alerts(document),
        together=together,
    )


def _readable(runbook: Runbook) -> Iterator[Matcher]:
    for text in (runbook.spec.match and runbook.spec.match.alerts) or ():
        try:
            yield parse(text)
        except NotAMatcherError:
            continue  # rules_match tells it.


def _prose(document: Document) -> Prose | None:
    path = document.prose
    if path is None:
        return None
    pieces = _HEADING.split(path.read_text(encoding="utf-8", errors="replace"))
    return Prose(path, dict(zip(pieces[1::2], pieces[2::2], strict=True)))


def _ask(subject: Subject) -> Iterator[tuple[Rule, Found]]:
    for rule in RULES:
        for each in rule.check(subject):
            yield rule, each


def _without_exceptions(document: Document, raw: Iterable[tuple[Rule, Found]]) -> Iterator[Finding]:
    raw = list(raw)
    excused = _exceptions(document.said)
    hit = {rule.id for rule, _ in raw}
    known = {rule.id for rule in RULES}
    for rule, each in raw:
        if not (excused.get(rule.id)) or rule is EXCEPTIONS:
            yield _finding(document, rule, each)
    for name, reason in excused.items():
        field = ("metadata", "annotations", EXCEPTION + name)
        if name not in known:
            yield _finding(document, EXCEPTIONS, (field, f"there is no rule {name}"))
        elif not reason:
            yield _finding(document, EXCEPTIONS, (field, f"the exception from {name} gives no reason"))
        elif name not in hit:
            yield _finding(document, EXCEPTIONS, (field, f"{name} finds nothing here, so this exception is not needed"))


def _exceptions(said: Any) -> dict[str, str]:
    meta = said.get("metadata") if isinstance(said, dict) else None
    notes = meta.get("annotations") if isinstance(meta, dict) else None
    pairs = notes.items() if isinstance(notes, dict) else ()
    return {str(k).removeprefix(EXCEPTION): str(v or "").strip() for k, v in pairs if str(k).startswith(EXCEPTION)}


def _finding(document: Document, rule: Rule, found: Found) -> Finding:
    field, message = found
    meta = document.said.get("metadata")
    name = str(meta.get("name") or "") if isinstance(meta, dict) else ""
    return Finding(rule.id, rule.name, document.source, document.line_of(field), written(field), name, message)
