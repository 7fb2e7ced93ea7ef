"""
As much of CEL as our admission policies are written in, so that they can be tried in milliseconds and without a cluster.

The API server has the last word (tests/cluster, tests/attack): this here knows no types and no costs, but that one
expression has time for two questions to the authorizer (decisions F3). What it does not know it refuses to read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Node = tuple[Any, ...]
Env = Mapping[str, Any]
CHECKS_MAX = 2
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<int>\d+)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|\.\?|\[\?|[-+!<>?:.,()\[\]{}]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"))
_TYPES = ("list", "map", "string")
_MACROS = ("all", "exists", "filter", "map")


class CelError(Exception):
    """An expression that can't be evaluated on this; what that means is for `failurePolicy` to say."""


@dataclass(frozen=True)
class Maybe:
    """An optional value: there, or not."""

    there: bool
    value: Any = None


class Host:
    """Something that answers calls of its own, as the authorizer does."""

    def call(self, name: str, words: list[Any]) -> Any:
        """What a method of it says."""
        raise NotImplementedError


# --- reading ---------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise SyntaxError(f"no CEL that is known here: {text[at : at + 40]}")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
    yield "end", ""


class _Reader:
    """Recursive descent, one method a level."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0

    def take(self, *signs: str) -> str:
        """The next word if it is one of these, else ''."""
        kind, word = self.tokens[self.at]
        if kind in ("sign", "name") and word in signs:
            self.at += 1
            return word
        return ""

    def must(self, sign: str) -> None:
        if not self.take(sign):
            raise SyntaxError(f"expected {sign} before {self.tokens[self.at : self.at + 5]}")

    def name(self) -> str:
        kind, word = self.tokens[self.at]
        if kind != "name":
            raise SyntaxError(f"expected a name, not {word}")
        self.at += 1
        return word

    def expression(self) -> Node:
        found = self.level(0)
        if not self.take("?"):
            return found
        then = self.level(0)
        self.must(":")
        return ("if", found, then, self.expression())

    def level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self.unary()
        left = self.level(depth + 1)
        while sign := self.take(*_LEVELS[depth]):
            left = (sign, left, self.level(depth + 1))
        return left

    def unary(self) -> Node:
        if self.take("!"):
            return ("!", self.unary())
        return self.member()

    def member(self) -> Node:
        found = self.primary()
        while sign := self.take(".", ".?", "[", "[?", "{"):
            if sign == ".":
                name = self.name()
                found = ("call", found, name, self.items(")")) if self.take("(") else ("get", found, name)
            elif sign == ".?":
                found = ("maybe", found, ("value", self.name()))
            elif sign == "{":
                found = ("map", self.pairs(self.name))
            else:
                key = self.expression()
                self.must("]")
                found = ("maybe" if sign == "[?" else "index", found, key)
        return found

    def primary(self) -> Node:
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "int":
            return ("value", int(word))
        if kind == "text":
            return ("value", re.sub(r"\\(.)", r"\1", word[1:-1]))
        if kind == "name":
            if word in ("true", "false", "null"):
                return ("value", {"true": True, "false": False, "null": None}[word])
            return ("function", word, self.items(")")) if self.take("(") else ("name", word)
        if word == "(":
            inner = self.expression()
            self.must(")")
            return inner
        if word == "[":
            return ("list", self.items("]"))
        if word == "{":
            return ("map", self.pairs(None))
        raise SyntaxError(f"no CEL that is known here: {word}")

    def items(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self.take(end):
            found.append(self.expression())
            if not self.take(","):
                self.must(end)
                break
        return found

    def pairs(self, key: Callable[[], str] | None) -> list[tuple[Node, Node]]:
        found = []
        while not self.take("}"):
            name: Node = ("value", key()) if key else self.expression()
            self.must(":")
            found.append((name, self.expression()))
            if not self.take(","):
                self.must("}")
                break
        return found


@cache
def read(text: str) -> Node:
    """The expression as a tree; raises SyntaxError for what is not known here."""
    reader = _Reader(text)
    found = reader.expression()
    if reader.tokens[reader.at][0] != "end":
        raise SyntaxError(f"more than one expression: {reader.tokens[reader.at :][:5]}")
    return found


# --- evaluating ------------------------------------------------------------------------------------------------------


def evaluate(text: str, env: Env) -> Any:
    """Its value; raises CelError."""
    return _value(read(text), env)


def equal(one: Any, other: Any) -> bool:
    """True is not 1 here; all else is as in Python."""
    if isinstance(one, Maybe) and isinstance(other, Maybe):
        return one.there == other.there and equal(one.value, other.value)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(v, other[k]) for k, v in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def _value(node: Node, env: Env) -> Any:
    kind, *parts = node
    match kind:
        case "value" | "name":
            return parts[0] if kind == "value" else _name(parts[0], env)
        case "list":
            return [_value(each, env) for each in parts[0]]
        case "map":
            return {_value(key, env): _value(value, env) for key, value in parts[0]}
        case "if":
            return _value(parts[1] if _true(parts[0], env) else parts[2], env)
        case "!":
            return not _true(parts[0], env)
        case "&&" | "||":
            return _decided(kind == "||", [(part, env) for part in parts])
        case "get":
            return _get(_value(parts[0], env), parts[1])
        case "index":
            return _index(_value(parts[0], env), _value(parts[1], env))
        case "maybe":
            return _maybe(_value(parts[0], env), _value(parts[1], env))
        case "function":
            return _function(parts[0], parts[1], env)
        case "call":
            return _call(parts[0], parts[1], parts[2], env)
    return _operate(kind, _value(parts[0], env), _value(parts[1], env))


def _name(name: str, env: Env) -> Any:
    if name in env:
        return env[name]
    if name in _TYPES:
        return name
    raise CelError(f"undeclared reference to {name}")


def _true(node: Node, env: Env) -> bool:
    found = _value(node, env)
    if not isinstance(found, bool):
        raise CelError(f"no such overload: {type(found).__name__} is no bool")
    return found


def _decided(decides: bool, parts: Iterable[tuple[Node, Env]]) -> bool:
    """One side that decides is enough, also when another is an error."""
    error = None
    for node, env in parts:
        try:
            if _true(node, env) is decides:
                return decides
        except CelError as raised:
            error = raised
    if error is not None:
        raise error
    return not decides


def _operate(sign: str, left: Any, right: Any) -> Any:
    match sign:
        case "==" | "!=":
            return equal(left, right) is (sign == "==")
        case "in":
            return any(equal(left, each) for each in right)
        case "+" if type(left) is type(right) and isinstance(left, (str, list, int)):
            return left + right
        case "<" | "<=" | ">" | ">=" if type(left) is type(right):
            order = (left > right) - (left < right)
            return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]
    raise CelError(f"no such overload: {type(left).__name__} {sign} {type(right).__name__}")


def _get(of: Any, name: str) -> Any:
    if isinstance(of, Maybe):
        return _maybe(of, name)
    if not isinstance(of, Mapping) or name not in of:
        raise CelError(f"no such key: {name}")
    return of[name]


def _index(of: Any, key: Any) -> Any:
    try:
        return of[key]
    except (KeyError, IndexError, TypeError) as error:
        raise CelError(f"no such key: {key}") from error


def _maybe(of: Any, key: Any) -> Maybe:
    if isinstance(of, Maybe):
        return _maybe(of.value, key) if of.there else of
    there = key < len(of) if isinstance(of, list) else isinstance(of, Mapping) and key in of
    return Maybe(True, of[key]) if there else Maybe(False)


def _function(name: str, words: list[Node], env: Env) -> Any:
    if name == "has":
        kind, of, field = words[0]
        assert kind == "get", "has() is about a field"
        found = _value(of, env)
        if not isinstance(found, Mapping):
            raise CelError(f"no such key: {field}")
        return field in found
    (found,) = (_value(word, env) for word in words)
    match name:
        case "dyn":
            return found
        case "size":
            return len(found)
        case "string" if isinstance(found, str):
            return found
        case "type":
            return {dict: "map", str: "string"}.get(type(found), type(found).__name__)
    raise CelError(f"no such overload: {name}({type(found).__name__})")


def _call(of: Node, name: str, words: list[Node], env: Env) -> Any:
    target = _value(of, env)
    if name in _MACROS:
        return _comprehend(target, name, words, env)
    values = [_value(word, env) for word in words]
    if isinstance(target, Host):
        return target.call(name, values)
    match target, name:
        case Maybe(), "orValue":
            return target.value if target.there else values[0]
        case Maybe(), "hasValue":
            return target.there
        case str(), "startsWith":
            return target.startswith(values[0])
        case str(), "split":
            return target.split(values[0])
    raise CelError(f"no such overload: {type(target).__name__}.{name}")


def _comprehend(of: Any, name: str, words: list[Node], env: Env) -> Any:
    if not isinstance(of, (list, Mapping)):
        raise CelError(f"no such overload: {type(of).__name__}.{name}")
    (_, item), body = words
    scopes = ({**env, str(item): each} for each in of)
    match name:
        case "filter":
            return [each for each, scope in zip(of, scopes, strict=True) if _true(body, scope)]
        case "map":
            return [_value(body, scope) for scope in scopes]
    return _decided(name == "exists", ((body, scope) for scope in scopes))
