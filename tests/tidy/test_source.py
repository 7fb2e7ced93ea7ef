"""What no linter knows about our sources."""

import ast
import re

from .sources import ROOT, all_files, functions, name, parsed, python_files

YAML_WORDS = {"on", "off", "yes", "no", "y", "n", "true", "false", "null", "~"}
# Hosts of package registries and container registries, in pieces, so that this file does not name one.
REGISTRIES = re.compile(
    "|".join(
        (
            "pypi" + r"\.org",
            "python" + "hosted",
            "npm" + "js",
            "crates" + r"\.io",
            "proxy" + "\\.golang",
            "maven" + "\\.org",
        )
    )
)


def test_the_source_root_shadows_nothing() -> None:
    """
    operator/ has no __init__.py: with one, Python dies at start here (docs/adr/0001).
    """
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert [] == [
        name(p)
        for p in python_files("operator", "tools", "tests", "bench")
        if ("import operator" + ".stanch") in p.read_text(encoding="utf-8")
    ]


def test_phase_is_written_and_never_read() -> None:
    """
    `phase` is for the eye: nothing in core or shell reads it but to log it.
    """
    folders = ("operator/stanch/core", "operator/stanch/shell", "operator/stanch/mitigations")
    read = [f"{name(path)}:{node.lineno}" for path in python_files(*folders) for node in _phases_read(parsed(path))]
    assert read == []


def _phases_read(tree: ast.Module) -> list[ast.Attribute]:
    """Where `.phase` is read, but inside `LOG.something(…)`."""
    calls = [c for c in ast.walk(tree) if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute)]
    logs = [
        c
        for c in calls
        if isinstance(c.func, ast.Attribute) and isinstance(c.func.value, ast.Name) and c.func.value.id == "LOG"
    ]
    logged = {id(node) for call in logs for node in ast.walk(call)}
    read = [
        n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "phase" and isinstance(n.ctx, ast.Load)
    ]
    return [node for node in read if id(node) not in logged]


def test_every_test_says_what_it_proves() -> None:
    """
    Every test has a docstring: read together they are the specification.
    """
    found = [
        f"{name(path)}:{f.lineno} {f.name}"
        for path in python_files("tests")
        for f in functions(path)
        if f.name.startswith("test_") and path.name.startswith("test_") and not ast.get_docstring(f)
    ]
    assert [] == found


def test_no_enum_value_is_a_yaml_boolean() -> None:
    """
    A value like `Off`, typed without quotes, would arrive as false.
    """
    found = [
        f"{name(path)}:{node.lineno} {node.value.value}"
        for path in python_files("operator/stanch/api")
        for parent in ast.walk(parsed(path))
        if isinstance(parent, ast.ClassDef)
        and any(isinstance(b, ast.Name) and b.id.endswith("Enum") for b in parent.bases)
        for node in parent.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and str(node.value.value).lower() in YAML_WORDS
    ]
    assert [] == found


def test_no_registry_is_named() -> None:
    """
    Which package index is used is the machine's business; only uv.lock names the public one, for uv needs it.
    """
    found = []
    for path in all_files():
        if path.name in {"uv.lock", "go.sum", "go.mod"} or path.suffix in {".svg", ".png"}:
            continue
        if match := REGISTRIES.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(f"{name(path)}: {match[0]}")
    assert [] == found
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert len(hosts) == 2, hosts
    assert all(REGISTRIES.search(host) for host in hosts), hosts
