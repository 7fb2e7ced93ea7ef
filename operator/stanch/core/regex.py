"""
Regular expressions that other people's text can't make slow: RE2's common syntax, in time linear in the text.

Labels of alerts are hostile text, and Python's `re` tries all ways: 30 characters are enough to keep it busy for hours. Here
all ways are followed at once (Thompson's construction, as in RE2). Always the whole text must fit, as in Alertmanager.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

STEPS_MAX: Final = 1000
# How often a part may be repeated, counts around it multiplied: RE2 has the same limit.
REPEATS_MAX: Final = 1000
# Parts looked at while compiling: a row of nothing, such as `()`, is looked at and makes no step.
LOOKS_MAX: Final = 10 * STEPS_MAX
_DEPTH_MAX: Final = 40
_REPEAT: Final = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_NAMED: Final = re.compile(r"\?P?<[A-Za-z_][A-Za-z0-9_]*>")
_LAST: Final = 0x10FFFF

Range = tuple[int, int]
_DIGIT: Final[tuple[Range, ...]] = ((48, 57),)
_WORD: Final[tuple[Range, ...]] = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final[tuple[Range, ...]] = ((9, 10), (12, 13), (32, 32))
_CLASSES: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}


class NotARegexError(ValueError):
    """It can't be read as one; the message says where and why."""


@dataclass(frozen=True, slots=True)
class _One:
    """One character out of these ranges."""

    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    """The begin or the end of the text."""

    end: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """One after the other."""

    parts: tuple["_Node", ...]


@dataclass(frozen=True, slots=True)
class _Either:
    """One of these."""

    parts: tuple["_Node", ...]


@dataclass(frozen=True, slots=True)
class _Times:
    """So often; ``most`` None for any number."""

    part: "_Node"
    least: int
    most: int | None


_Node = _One | _Edge | _Row | _Either | _Times


def _repeated(node: _Node) -> int:
    """How often the most repeated part of it must stand there, at most if there is an end to it: nested counts multiplied."""
    match node:
        case _Row(parts) | _Either(parts):
            return max(map(_repeated, parts), default=1)
        case _Times(part, least, most):
            return max(1, least if most is None else most) * _repeated(part)
    return 1


def _count(digits: str) -> int:
    """Of however many digits, which Python would refuse to read."""
    return int(digits) if len(digits.lstrip("0")) <= 4 else REPEATS_MAX + 1


def _inverted(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    out, begin = [], 0
    for low, high in sorted(ranges):
        if low > begin:
            out.append((begin, low - 1))
        begin = max(begin, high + 1)
    return (*out, (begin, _LAST)) if begin <= _LAST else tuple(out)


_ANY_BUT_NEWLINE: Final = _One(_inverted(((10, 10),)))


class _Reader:
    """Recursive descent over one expression."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.fold = text.startswith("(?i)")
        if self.fold:
            self.at = 4

    def whole(self) -> _Node:
        node = self.either()
        if self.at < len(self.text):
            raise self.wrong("has a ) that nothing opened")
        if _repeated(node) > REPEATS_MAX:
            raise self.wrong(f"repeats a part more than {REPEATS_MAX} times, nested counts multiplied")
        return node

    def wrong(self, why: str) -> NotARegexError:
        return NotARegexError(f"the regular expression {self.text!r} {why} (at character {self.at + 1})")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def either(self) -> _Node:
        parts = [self.row()]
        while self.peek() == "|":
            self.at += 1
            parts.append(self.row())
        return parts[0] if len(parts) == 1 else _Either(tuple(parts))

    def row(self) -> _Node:
        parts: list[_Node] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.times(self.atom()))
        return _Row(tuple(parts))

    def times(self, node: _Node) -> _Node:
        """What stands behind it: how often. A `?` behind that changes nothing about what fits as a whole."""
        found = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        counted = None if found else _REPEAT.match(self.text, self.at)
        if found:
            self.at += 1
        elif counted:
            low = _count(counted[1])
            high = low if counted[2] is None else _count(counted[3]) if counted[3] else None
            if high is not None and high < low:
                raise self.wrong("repeats at least more often than at most")
            found, self.at = (low, high), counted.end()
        else:
            return node
        if self.peek() == "?":
            self.at += 1
        if self.peek() in ("*", "+") or _REPEAT.match(self.text, self.at):
            raise self.wrong("repeats a repetition; put it in ( )")
        return _Times(node, *found)

    def atom(self) -> _Node:
        char = self.peek()
        if char in ("*", "+", "?"):
            raise self.wrong(f"has a {char} with nothing before it")
        self.at += 1
        match char:
            case "(":
                return self.group()
            case "[":
                return self.set()
            case ".":
                return _ANY_BUT_NEWLINE
            case "^" | "$":
                return _Edge(end=char == "$")
            case "\\":
                return _One(self.folded(self.escape()))
        return _One(self.folded(((ord(char), ord(char)),)))

    def group(self) -> _Node:
        if named := _NAMED.match(self.text, self.at):
            self.at = named.end()
        elif self.text.startswith("?:", self.at):
            self.at += 2
        elif self.peek() == "?":
            raise self.wrong("looks around or sets flags inside; only (?i) at the begin is known")
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self.wrong(f"is nested deeper than {_DEPTH_MAX} times")
        node = self.either()
        if self.peek() != ")":
            raise self.wrong("has a ( that nothing closes")
        self.at += 1
        self.depth -= 1
        return node

    def escape(self) -> tuple[Range, ...]:
        char = self.peek()
        self.at += 1
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _inverted(ranges)
        if char in _CONTROLS:
            return ((_CONTROLS[char], _CONTROLS[char]),)
        if char and not char.isalnum() and char.isascii():
            return ((ord(char), ord(char)),)
        self.at -= 1
        raise self.wrong(f"escapes {char!r}, which is not known" if char else "ends with a \\")

    def set(self) -> _Node:
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[Range] = []
        first = True
        while first or self.peek() != "]":
            first = False
            ranges += self.span()
        self.at += 1
        folded = self.folded(tuple(ranges))
        return _One(_inverted(folded) if negated else folded)

    def span(self) -> tuple[Range, ...]:
        """One member of a [ ]: a character, a class, or from one character to another."""
        low = self.member()
        dash = self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", "")
        if not dash or len(low) > 1 or low[0][0] != low[0][1]:
            return low
        self.at += 1
        high = self.member()
        if len(high) > 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise self.wrong("has a range in [ ] that goes backwards")
        return ((low[0][0], high[0][0]),)

    def member(self) -> tuple[Range, ...]:
        char = self.peek()
        if not char:
            raise self.wrong("has a [ that nothing closes")
        if self.text.startswith("[:", self.at):
            raise self.wrong("has a named class such as [:alpha:], which is not known; write the characters")
        self.at += 1
        return self.escape() if char == "\\" else ((ord(char), ord(char)),)

    def folded(self, ranges: tuple[Range, ...]) -> tuple[Range, ...]:
        """With (?i), also the other case of ASCII letters."""
        if not self.fold:
            return ranges
        out = list(ranges)
        for low, high in ranges:
            for begin, end, shift in ((65, 90, 32), (97, 122, -32)):
                if low <= end and high >= begin:
                    out.append((max(low, begin) + shift, min(high, end) + shift))
        return tuple(out)


# One step of a program: a character it takes, an edge, or where to go on without taking any.
_Step = _One | _Edge | tuple[int, ...]


class Regex:
    """One expression, ready to be compared with texts. Raises NotARegexError."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps: list[_Step] = []
        self._looks = 0
        self._emit(_Reader(text).whole())
        self._end = len(self._steps)

    def fits(self, text: str) -> bool:
        """Does the whole text fit? Time: characters of it times steps of the program."""
        here = self._closure((0,), begin=True, end=not text)
        for index, char in enumerate(text):
            code, taken = ord(char), []
            for at in here:
                step = self._steps[at] if at < self._end else None
                if isinstance(step, _One) and any(low <= code <= high for low, high in step.ranges):
                    taken.append(at + 1)
            if not taken:
                return False
            here = self._closure(tuple(taken), begin=False, end=index == len(text) - 1)
        return self._end in here

    def can_fit(self) -> bool:
        """Is there any text at all that fits? Not for `$a`, nor for a set with nothing in it."""
        todo, seen = [(0, False, False)], set[tuple[int, bool, bool]]()
        while todo:
            at, begun, ended = state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            step = self._steps[at] if at < self._end else None
            if step is None:
                return True
            if isinstance(step, tuple):
                todo += [(each, begun, ended) for each in step]
            elif isinstance(step, _One):
                todo += [(at + 1, True, False)] if step.ranges and not ended else []
            elif step.end or not begun:
                todo.append((at + 1, begun, ended or step.end))
        return False

    def _closure(self, begin_at: tuple[int, ...], *, begin: bool, end: bool) -> set[int]:
        todo, seen = list(begin_at), set()
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            step = self._steps[at] if at < self._end else None
            if isinstance(step, tuple):
                todo += step
            elif isinstance(step, _Edge) and (end if step.end else begin):
                todo.append(at + 1)
        return seen

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= STEPS_MAX:
            raise self._too_large()
        self._steps.append(step)
        return len(self._steps) - 1

    def _too_large(self) -> NotARegexError:
        return NotARegexError(f"the regular expression {self.text!r} is too large: repeat less often")

    def _emit(self, node: _Node) -> None:
        self._looks += 1
        if self._looks > LOOKS_MAX:
            raise self._too_large()
        match node:
            case _One() | _Edge():
                self._add(node)
            case _Row(parts):
                for part in parts:
                    self._emit(part)
            case _Either(parts):
                self._emit_either(parts)
            case _Times(part, least, most):
                self._emit_times(part, least, most)

    def _emit_either(self, parts: tuple[_Node, ...]) -> None:
        choice = self._add(())
        begins, ends = [], []
        for part in parts:
            begins.append(len(self._steps))
            self._emit(part)
            ends.append(self._add(()))
        self._steps[choice] = tuple(begins)
        for end in ends:
            self._steps[end] = (len(self._steps),)

    def _emit_times(self, part: _Node, least: int, most: int | None) -> None:
        for _ in range(least):
            self._emit(part)
        if most is None:
            loop = self._add(())
            self._emit(part)
            self._add((loop,))
            self._steps[loop] = (loop + 1, len(self._steps))
            return
        skips = []
        for _ in range(most - least):
            skips.append(self._add(()))
            self._emit(part)
        for skip in skips:
            self._steps[skip] = (skip + 1, len(self._steps))


@lru_cache(maxsize=512)
def compiled(text: str) -> Regex:
    """The same, kept. Raises NotARegexError."""
    return Regex(text)
