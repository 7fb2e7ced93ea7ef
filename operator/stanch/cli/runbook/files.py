"""Runbooks as files: YAML with the line of every field, so that a finding can be pointed at."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

STDIN: Final = "-"
BYTES_MAX: Final = 1_000_000
# Aliases may repeat a node; more than this, once written out, is no Runbook but an attack.
NODES_MAX: Final = 100_000
SUFFIXES: Final = (".yaml", ".yml")
CASES: Final = "test.yaml"

Field = tuple[str | int, ...]


class UnreadableError(Exception):
    """It can't be read, or is no YAML; the message begins with where."""


class NotFoundError(UnreadableError):
    """There is no Runbook where one was looked for."""


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: an instant stays the text it is written as."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- PyYAML's own way to say it
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: ``source`` as the person named it (`-` for standard input), what it says, and on which lines."""

    source: str
    said: Any
    lines: Mapping[Field, int]

    def line_of(self, field: Field) -> int:
        """Where a field stands; where it is missing, what it would stand in."""
        while field and field not in self.lines:
            field = field[:-1]
        return self.lines.get(field, 1)

    @property
    def is_runbook(self) -> bool:
        """Is it of our kind? Whether it is a good one is for others to say."""
        said = self.said if isinstance(self.said, dict) else {}
        return said.get("kind") == "Runbook" and str(said.get("apiVersion")).startswith("stanch.dev/")

    def beside(self, *names: str) -> Path | None:
        """The first of these files that stands in its folder; ``{stem}`` is its own name. None for standard input."""
        if self.source == STDIN:
            return None
        path = Path(self.source)
        candidates = (path.parent / name.format(stem=path.stem) for name in names)
        return next((each for each in candidates if each.is_file()), None)

    @property
    def prose(self) -> Path | None:
        """The Markdown that goes with it."""
        return self.beside("{stem}.md", "README.md")

    @property
    def cases(self) -> Path | None:
        """The unit tests that go with it."""
        return self.beside("{stem}.test.yaml", CASES)


def documents(source: str) -> list[Document]:
    """All documents of a file, or of standard input. Raises UnreadableError."""
    return list(parsed(source, text_of(source)))


def text_of(source: str) -> str:
    """The text of a file. Raises UnreadableError."""
    try:
        raw = sys.stdin.buffer.read(BYTES_MAX + 1) if source == STDIN else Path(source).read_bytes()
        if len(raw) > BYTES_MAX:
            raise UnreadableError(f"{source}: larger than {BYTES_MAX} bytes")
        return raw.decode("utf-8")
    except OSError as error:
        raise UnreadableError(f"{source}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{source}: not UTF-8 text") from error


def parsed(source: str, text: str) -> Iterator[Document]:
    """The documents of a text. Raises UnreadableError with the line."""
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node() said so
            _expanded(source, node, {})
            lines: dict[Field, int] = {}
            _note_lines(node, (), lines, set())
            said = loader.construct_document(node)
            if said is not None:
                yield Document(source, said, lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise UnreadableError(f"{source}{where}: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise UnreadableError(f"{source}: nested too deep") from error


def _expanded(source: str, node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes it is with every alias written out; refuses keys that stand twice, and what never ends."""
    if id(node) in known:
        size = known[id(node)]
        if not size:
            raise UnreadableError(f"{source}:{node.start_mark.line + 1}: an alias contains itself")
        return size
    known[id(node)] = 0
    size = 1
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in names and name != "<<":
                raise UnreadableError(f"{source}:{key.start_mark.line + 1}: {name} stands there twice")
            names.add(name)
            size += 1 + _expanded(source, value, known)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_expanded(source, each, known) for each in node.value)
    if size > NODES_MAX:
        raise UnreadableError(f"{source}:{node.start_mark.line + 1}: its aliases come to more than {NODES_MAX} values")
    known[id(node)] = size
    return size


def _note_lines(node: yaml.Node, at: Field, lines: dict[Field, int], seen: set[int]) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*at, str(key.value))] = key.start_mark.line + 1
            _note_lines(value, (*at, str(key.value)), lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, each in enumerate(node.value):
            _note_lines(each, (*at, index), lines, seen)


def runbooks(names: Sequence[str]) -> list[Document]:
    """
    Every Runbook in these files and below these folders, in order, each once.

    Raises UnreadableError; NotFoundError when there is none at all, for a check of nothing must not look like a good one.
    """
    sources = list(dict.fromkeys(source for name in names for source in _sources(name)))
    found = [each for source in sources for each in documents(source) if each.is_runbook]
    if not found:
        raise NotFoundError(f"{', '.join(names)}: no Runbook (kind: Runbook, apiVersion: stanch.dev/v1alpha1) there")
    return found


def _sources(name: str) -> Iterator[str]:
    if name == STDIN or not Path(name).is_dir():
        yield name
        return
    for path in sorted(Path(name).rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(name).parts)
        if path.suffix in SUFFIXES and path.is_file() and not hidden and _speaks_of_us(path):
            yield str(path)


def _speaks_of_us(path: Path) -> bool:
    """Other files in a folder, such as templates, need not even be YAML."""
    return "stanch.dev/" in path.read_text(encoding="utf-8", errors="replace")
