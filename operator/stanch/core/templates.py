"""
Words with blanks, for updates: jinja2 with nearly everything taken away, so that a template of a stranger is only text.

Bounded before it runs and without a clock: what is not on the list below can't be written, each part counts as many steps as it
can be walked through, and the output stops at its limit. The sandbox of jinja2 is behind that, not in front of it: it lets
`'a' * 10**8` and nested loops pass (facts/ecosystem.md). There are no calls, no attributes, no arithmetic and no assignments.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from stanch.core.notices import clean

SOURCE_MAX: Final = 8 * 1024
OUTPUT_MAX: Final = 16 * 1024
# Of a list that is walked through; more is never handed in.
ITEMS_MAX: Final = 16
STEPS_MAX: Final = 20_000
DEPTH_MAX: Final = 16

Values = Mapping[str, str | tuple[str, ...]]


class TemplateWrongError(ValueError):
    """It can't be used as a template; the text says why, and in which line."""


def _join(items: Any, between: str = "") -> str:
    """Of lists alone: joined to itself, a text would grow without end."""
    if not isinstance(items, tuple) or not isinstance(between, str):
        raise TemplateWrongError("join is for lists")
    return between.join(items)


def _default(value: Any, otherwise: str = "") -> Any:
    return value or otherwise


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "join": _join,
    "default": _default,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "capitalize": lambda value: str(value).capitalize(),
    "trim": lambda value: str(value).strip(),
    "length": len,
}
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const),
    *(nodes.If, nodes.CondExpr, nodes.For, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Concat, nodes.Filter),
)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Belt to the braces above: no arithmetic at run time either."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Never reached, as the parts of a template are looked at first."""
        raise TemplateWrongError(f"{operator} can't be used")


_SANDBOX: Final = _Sandbox(undefined=StrictUndefined, optimized=False, autoescape=False, cache_size=0)
_SANDBOX.globals.clear()
_SANDBOX.tests.clear()
_SANDBOX.filters.clear()
_SANDBOX.filters.update(FILTERS)


def problem(source: str, names: frozenset[str], lists: frozenset[str] = frozenset()) -> str:
    """Why it can't be used with these names, some of which are lists; empty when it can."""
    try:
        _compiled(source, names, lists)
    except TemplateWrongError as error:
        return str(error)
    return ""


def render(source: str, values: Values) -> str:
    """
    The text, in lines of printable characters. Raises TemplateWrongError for what can't be a template, and for one that says
    too much.
    """
    lists = frozenset(name for name, value in values.items() if not isinstance(value, str))
    template = _compiled(source, frozenset(values), lists)
    bounded = {name: value[:ITEMS_MAX] if isinstance(value, tuple) else value for name, value in values.items()}
    said: list[str] = []
    size = 0
    try:
        for piece in template.generate(bounded):
            size += len(piece)
            if size > OUTPUT_MAX:
                raise TemplateWrongError(f"it says more than {OUTPUT_MAX} characters")
            said.append(piece)
    except TemplateWrongError:
        raise
    except (TemplateError, TypeError, ValueError) as error:
        raise TemplateWrongError(_flat(error)) from error
    return clean("".join(said).strip(), OUTPUT_MAX)


@lru_cache(maxsize=64)
def _compiled(source: str, names: frozenset[str], lists: frozenset[str]) -> Template:
    if len(source) > SOURCE_MAX:
        raise TemplateWrongError(f"it must have at most {SOURCE_MAX} characters (got {len(source)})")
    try:
        tree = _SANDBOX.parse(source)
        _look_through(tree, names, lists)
        return _SANDBOX.from_string(tree)
    except TemplateWrongError:
        raise
    except (TemplateError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TemplateWrongError(_flat(error)) from error


def _flat(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    where = f"line {line}: " if line else ""
    return f"{where}{' '.join(str(error).split())[:200] or type(error).__name__}"


# --- what may be in it -----------------------------------------------------------------------------------------------


def _look_through(tree: nodes.Template, names: frozenset[str], lists: frozenset[str]) -> None:
    """Without recursion, for how deep it is is what is looked at."""
    steps = 0
    waiting: list[tuple[nodes.Node, int, int, frozenset[str]]] = [(tree, 0, 1, frozenset())]
    while waiting:
        node, depth, times, own = waiting.pop()
        steps += times
        if depth > DEPTH_MAX:
            raise TemplateWrongError(f"line {node.lineno}: it is nested too deeply")
        if steps > STEPS_MAX:
            raise TemplateWrongError(f"line {node.lineno}: it would take too many steps")
        if why := _wrong(node, names | own, lists):
            raise TemplateWrongError(f"line {node.lineno}: {why}")
        if isinstance(node, nodes.For):
            assert isinstance(node.target, nodes.Name)
            inner = own | {node.target.name}
            waiting += [(child, depth + 1, times * ITEMS_MAX, inner) for child in (*node.body, *node.else_)]
            continue
        waiting += [(child, depth + 1, times, own) for child in node.iter_child_nodes()]


def _wrong(node: nodes.Node, names: frozenset[str], lists: frozenset[str]) -> str:
    if not isinstance(node, _ALLOWED):
        return f"{type(node).__name__} can't be used: blanks, if, for over a list, and the filters {', '.join(FILTERS)} can"
    if isinstance(node, nodes.Name):
        return "" if node.name in names else f"there is no {node.name!r}: {', '.join(sorted(names))}"
    if isinstance(node, nodes.Const):
        # What an escape in it makes, half a pair of UTF-16 among it, can't be written down.
        odd = next((c for c in str(node.value) if not c.isprintable() and not c.isspace()), None)
        return f"{odd!a} is no printable character" if odd else ""
    if isinstance(node, nodes.Filter):
        return "" if node.name in FILTERS and node.node is not None else f"there is no filter {node.name!r}"
    if isinstance(node, nodes.For):
        return "" if _is_plain(node, lists) else f"for walks through one of {', '.join(sorted(lists)) or 'no lists'}"
    return ""


def _is_plain(node: nodes.For, lists: frozenset[str]) -> bool:
    plain = isinstance(node.target, nodes.Name) and isinstance(node.iter, nodes.Name) and node.iter.name in lists
    return plain and node.test is None and not node.recursive


def named_in(source: str) -> Iterator[str]:
    """Names that a template uses; for tests and documents."""
    yield from sorted({node.name for node in _SANDBOX.parse(source).find_all(nodes.Name)})
