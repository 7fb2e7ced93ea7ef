"""
One CEL expression in a process of its own: stdin has the limits, the expression and the object, stdout the answer. Run by path.

The library can neither be told to stop nor how much memory it may take, and holds the interpreter while it works. So the process
may take so much and no more; the system ends it beyond that, and whoever started it beyond its time.
"""

import importlib.machinery
import importlib.util
import json
import resource
import sys
from pathlib import Path
from typing import Any


def library() -> Any:
    """The extension alone: the package around it brings a terminal of its own, which takes half a second."""
    spec = importlib.util.find_spec("cel")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations)))
    path = next(p for p in sorted(folder.glob("cel.*")) if p.suffix in (".so", ".pyd"))
    loader = importlib.machinery.ExtensionFileLoader("cel", str(path))
    found = importlib.util.spec_from_loader("cel", loader)
    assert found is not None
    module = importlib.util.module_from_spec(found)
    loader.exec_module(module)
    return module


def answer(cel: Any, expression: str, value: Any) -> dict[str, Any]:
    """``value``, or ``error`` and the step at which it came up."""
    try:
        program = cel.compile(expression)
    except Exception as error:  # its errors are of no one kind
        return {"step": "syntax", "error": str(error)}
    if value is None:
        return {"value": True}
    try:
        found = program.execute({"object": value})
    except LookupError as error:
        return {"step": "missing", "error": str(error)}
    except Exception as error:  # as above
        return {"step": "run", "error": str(error)}
    return {"value": found} if isinstance(found, bool) else {"step": "type", "error": type(found).__name__}


def main() -> None:
    """Read, limit, answer."""
    said = json.load(sys.stdin)
    cel = library()
    resource.setrlimit(resource.RLIMIT_CPU, (said["cpu"], said["cpu"]))
    resource.setrlimit(resource.RLIMIT_AS, (said["memory"], said["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(answer(cel, said["expression"], json.loads(said["object"])), sys.stdout)


if __name__ == "__main__":
    main()
