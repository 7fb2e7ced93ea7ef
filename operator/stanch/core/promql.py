"""
What a PromQL query measures, read from its text: the comparison at its top, the series it names, how far it looks back.

Only as much of the language as that takes; whether a query is right in all else, Prometheus says. Source of the grammar:
prometheus.io/docs/prometheus/latest/querying/basics and …/operators.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
      |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)
      |(?P<range>\[[^\[\]]*\])
      |(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
      |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[a-zA-Z0-9]*)
      |(?P<op>==|!=|<=|>=|=~|!~|[-+*/%^<>=@(){},])""",
    re.VERBOSE,
)
_COMPARES: Final = frozenset({"==", "!=", "<=", ">=", "<", ">"})
_SETS: Final = frozenset({"and", "or", "unless"})
_ABSENCE: Final = frozenset({"absent", "absent_over_time"})
_LABELS_FOLLOW: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS: Final = _SETS | _LABELS_FOLLOW | {"bool", "offset", "inf", "nan", "start", "end"}
_OPENS, _CLOSES = frozenset("({"), frozenset(")}")
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
# More than these names are no measure of freshness that anybody needs.
SELECTORS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a query; ``depth`` is how many brackets it is in."""

    kind: str
    text: str
    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Query:
    """
    ``measured`` is the side of the comparison that measures something; the whole query where there is none (``filters`` is
    False: then its values say it, 1 or 0). ``selectors`` are the series it names, ``looks_back`` its widest range.
    ``problem`` says why it can't be judged; empty when it can.
    """

    text: str
    measured: str = ""
    filters: bool = False
    selectors: tuple[str, ...] = ()
    looks_back: timedelta = timedelta(0)
    problem: str = ""

    @property
    def newest(self) -> str:
        """A query for the time of the newest sample of all series that are measured."""
        first, *others = (f"max(timestamp({s}))" for s in self.selectors[:SELECTORS_MAX])
        told = [f'label_replace({part}, "n", "{n}", "", "")' for n, part in enumerate(others)]
        return f"max({' or '.join([first, *told])})" if told else first


@lru_cache(maxsize=512)
def read(text: str) -> Query:
    """What a query measures. Never raises: what is wrong stands in ``problem``."""
    tokens, problem = _tokens(text)
    if problem:
        return Query(text, problem=problem)
    tokens = _without_outer_brackets(tokens)
    top = [t for t in tokens if t.depth == tokens[0].depth] if tokens else []
    if word := next((t.text for t in top if t.kind == "word" and t.text.lower() in _SETS), ""):
        return Query(text, problem=f"`{word}` at its top: write a criterion for each side, or brackets around it")
    if any(t.kind == "word" and t.text in _ABSENCE for t in tokens):
        return Query(text, problem="absent() holds when there is no data, and that proves nothing")
    comparisons = [t for t in top if t.text in _COMPARES]
    if len(comparisons) > 1:
        return Query(text, problem="it compares more than once at its top: write a criterion for each")
    measured = _measured(tokens, comparisons[0]) if comparisons else tokens
    selectors = tuple(dict.fromkeys(_selectors(text, measured)))
    if not selectors:
        return Query(text, problem="it names no series, so it measures nothing")
    after = tokens.index(comparisons[0]) + 1 if comparisons else len(tokens)
    asks_bool = after < len(tokens) and tokens[after].text == "bool"
    return Query(
        text,
        text[measured[0].start : measured[-1].end],
        bool(comparisons) and not asks_bool,
        selectors,
        _looks_back(tokens),
    )


def _tokens(text: str) -> tuple[list[Token], str]:
    """All but spaces and comments; or what can't be read."""
    found: list[Token] = []
    at = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return [], f"it can't be read from `{text[at : at + 20]}` on"
        kind, piece = str(match.lastgroup), match.group()
        if piece in _CLOSES and kind == "op":
            depth -= 1
        if depth < 0:
            return [], "a bracket closes that was not opened"
        if kind != "skip":
            found.append(Token(kind, piece, at, match.end(), depth))
        if piece in _OPENS and kind == "op":
            depth += 1
        at = match.end()
    if not found:
        return [], "it is empty"
    return found, "a bracket is not closed" if depth else ""


def _without_outer_brackets(tokens: list[Token]) -> list[Token]:
    while tokens[0].text == "(" and _closes_at(tokens, 0) == len(tokens) - 1 and len(tokens) > 2:
        tokens = tokens[1:-1]
    return tokens


def _closes_at(tokens: list[Token], opened: int) -> int:
    """Where the bracket ends that opens at this place."""
    return next(i for i in range(opened + 1, len(tokens)) if _ends(tokens[i], tokens[opened]))


def _ends(token: Token, opened: Token) -> bool:
    return token.kind == "op" and token.text in _CLOSES and token.depth == opened.depth


def _measured(tokens: list[Token], comparison: Token) -> list[Token]:
    """The left side; the right one where the left one is a number."""
    at = tokens.index(comparison)
    left, right = tokens[:at], tokens[at + 1 :]
    if any(True for _ in _named(left)):
        return left
    if right and right[0].text == "bool":
        right = right[1:]
    return right or left


def _named(tokens: list[Token]) -> Iterator[int]:
    """Where a metric or a bare `{…}` begins."""
    skip_to = -1
    for i, token in enumerate(tokens):
        if i <= skip_to:
            continue
        after = tokens[i + 1].text if i + 1 < len(tokens) else ""
        if token.kind == "word" and token.text.lower() in _LABELS_FOLLOW and after == "(":
            skip_to = _closes_at(tokens, i + 1)
        elif token.kind == "word" and token.text.lower() not in _WORDS and after not in ("(", "by", "without"):
            yield i
            if after == "{":
                skip_to = _closes_at(tokens, i + 1)
        elif token.kind == "op" and token.text == "{":
            yield i
            skip_to = _closes_at(tokens, i)


def _selectors(text: str, tokens: list[Token]) -> Iterator[str]:
    """Each instant selector as it stands there, with its offset; the range around it is left out."""
    for i in _named(tokens):
        last = i
        if tokens[i].text == "{":
            last = _closes_at(tokens, i)
        elif i + 1 < len(tokens) and tokens[i + 1].text == "{":
            last = _closes_at(tokens, i + 1)
        said = text[tokens[i].start : tokens[last].end]
        rest = last + 2 if last + 1 < len(tokens) and tokens[last + 1].kind == "range" else last + 1
        yield said + _moved(text, tokens, rest)


def _moved(text: str, tokens: list[Token], at: int) -> str:
    """`offset 1h` and `@ …`, which make it another time."""
    end = at
    while end < len(tokens) and tokens[end].text in ("offset", "@"):
        end += 1
        if end < len(tokens) and tokens[end].text in ("-", "+"):
            end += 1
        end += 3 if end + 2 < len(tokens) and tokens[end].text in ("start", "end") else 1
    end = min(end, len(tokens))
    return f" {text[tokens[at].start : tokens[end - 1].end]}" if end > at else ""


def _looks_back(tokens: list[Token]) -> timedelta:
    """The widest range; what subqueries look back comes on top, for they may stand around it."""
    ranges = [t.text.strip("[] ") for t in tokens if t.kind == "range"]
    plain = max((length(r) for r in ranges if ":" not in r), default=timedelta(0))
    return plain + sum((length(r.partition(":")[0]) for r in ranges if ":" in r), timedelta(0))


def length(text: str) -> timedelta:
    """`1h30m` as Prometheus writes durations; 0 for what is none."""
    return timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))
