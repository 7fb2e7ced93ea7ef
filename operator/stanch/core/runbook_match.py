"""
Which Runbook is for an alert: Alertmanager's matcher syntax over labels, and one choice that is never a guess.

Labels are other people's text. They choose only among Runbooks whose own matchers fit, and they never name a namespace
(decisions 2.14, F15).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from stanch.api.meta import Severity
from stanch.api.runbook import RUNBOOK_LABEL, Runbook
from stanch.core.regex import NotARegexError, compiled

Operator = Literal["=", "!=", "=~", "!~"]
Labels = Mapping[str, str]
_OPERATORS: Final[Mapping[str, Operator]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_WRITTEN: Final = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*|"(?:[^"\\]|\\.)*")\s*(=~|!=|!~|=)\s*(.*?)\s*', re.DOTALL)
_PLAIN: Final = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
# What must stand in quotes, for Alertmanager gives these a meaning of their own.
_RESERVED: Final = re.compile(r"[{}!=~,\\\"'`\s]")


class NotAMatcherError(ValueError):
    """It can't be read as one; the message says why, and how one is written."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of one label; a label that is not there is the empty text, as in Alertmanager."""

    label: str
    operator: Operator
    value: str

    def fits(self, labels: Labels) -> bool:
        """Is it so for these labels?"""
        found = labels.get(self.label, "")
        same = compiled(self.value).fits(found) if self.operator in ("=~", "!~") else found == self.value
        return same == (self.operator in ("=", "=~"))

    def __str__(self) -> str:
        label = self.label if _PLAIN.fullmatch(self.label) else _quoted(self.label)
        return f"{label}{self.operator}{_quoted(self.value)}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@lru_cache(maxsize=2048)
def parse(text: str) -> Matcher:
    """A matcher as it is written, for example `severity=~"page|critical"`. Raises NotAMatcherError."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise NotAMatcherError(f'{text!r} is no matcher; write label="value", or with !=, =~ or !~')
    label, operator, value = found[1], _OPERATORS[found[2]], found[3]
    if label.startswith('"'):
        label = _plain(label)
    if value.startswith('"'):
        if not _QUOTED.fullmatch(value):
            raise NotAMatcherError(f"{text!r}: the value must end with the quote it begins with")
        value = _plain(value)
    elif _RESERVED.search(value) and operator in ("=", "!="):
        raise NotAMatcherError(f'{text!r}: put the value in quotes, as in {label}{operator}"value"')
    if not label:
        raise NotAMatcherError(f"{text!r}: the label must have a name")
    if operator in ("=~", "!~"):
        try:
            compiled(value)
        except NotARegexError as error:
            raise NotAMatcherError(f"{text!r}: {error}") from error
    return Matcher(label, operator, value)


def _plain(quoted: str) -> str:
    return _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1] if m[1] in '"\\' else m[0], quoted[1:-1])


def matchers(runbook: Runbook) -> tuple[Matcher, ...]:
    """Its matchers; none when it is never for an alert. Raises NotAMatcherError."""
    said = runbook.spec.match.alerts if runbook.spec.match else None
    return tuple(parse(each) for each in said or ())


def fits(runbook: Runbook, labels: Labels, severity: Severity | None = None) -> bool:
    """
    Is it for an alert with these labels? All its matchers fit, and there is one.

    ``severity`` is the incident's; None when nobody knows it yet: then severities keep nothing out. A Runbook with a matcher
    that can't be read fits nothing; its Ready condition says so.
    """
    try:
        mine = matchers(runbook)
    except NotAMatcherError:
        return False
    wanted = (runbook.spec.match.severities if runbook.spec.match else None) or ()
    if severity is not None and wanted and severity not in wanted:
        return False
    return bool(mine) and all(each.fits(labels) for each in mine)


@dataclass(frozen=True, slots=True)
class Choice:
    """``chosen`` is for it; or None, and then ``tied`` are those of equal rank, all to be listed. ``why`` is a sentence."""

    chosen: Runbook | None
    tied: tuple[Runbook, ...]
    why: str


def choose(labels: Labels, runbooks: Iterable[Runbook], severity: Severity | None = None) -> Choice:
    """
    The one Runbook for these labels: the one that the label `runbook` names if it fits, else by highest priority, then most
    matchers. Several of equal rank are listed by name, and none is chosen (decisions 2.14).
    """
    fitting = sorted((r for r in runbooks if fits(r, labels, severity)), key=lambda r: r.key)
    if not fitting:
        return Choice(None, (), "no Runbook is for these labels")
    named = [r for r in fitting if r.metadata.name == labels.get(RUNBOOK_LABEL)]
    best = max(map(_rank, named or fitting))
    first = tuple(r for r in named or fitting if _rank(r) == best)
    if len(first) > 1:
        listed = ", ".join(r.key for r in first)
        return Choice(
            None, first, f"{len(first)} Runbooks are for these labels with the same rank: {listed}; none is taken"
        )
    chosen = first[0]
    return Choice(chosen, (), _why(chosen, labelled=bool(named), of=len(fitting)))


def _rank(runbook: Runbook) -> tuple[int, int]:
    match = runbook.spec.match
    assert match is not None
    return (match.priority or 0, len(match.alerts or ()))


def _why(runbook: Runbook, *, labelled: bool, of: int) -> str:
    said = ", ".join(map(str, matchers(runbook)))
    first = f"Runbook {runbook.key} is for these labels: {said}"
    if labelled:
        return f"{first}; the label {RUNBOOK_LABEL} names it"
    return first if of == 1 else f"{first}; first of {of} by priority {_rank(runbook)[0]}, then number of matchers"
