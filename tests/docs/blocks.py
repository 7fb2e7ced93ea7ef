"""
Which commands of a page are run. A comment before a fence marks it:

`<!-- run -->`, `<!-- run: shows "TEXT" -->` (the output must hold TEXT), and `<!-- run, hidden` … `-->` for what a
reader has done already. In ```console fences the lines after `$ ` are run; ```bash fences are run whole.
"""

import re
from dataclasses import dataclass
from pathlib import Path

OWN_CLUSTER = "<!-- cluster: own -->"
_MARK = re.compile(
    r"<!-- run, hidden\n(?P<hidden>.*?)-->"
    r"|<!-- run(?:: shows \"(?P<shows>[^\"]+)\")? -->\s*\n```(?P<kind>\w+)\n(?P<body>.*?)\n```",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Commands of a page, where they stand, and what must be seen."""

    line: int
    script: str
    shows: str


def blocks(path: Path) -> list[Block]:
    """All that is run of a page, in order."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in _MARK.finditer(text):
        script = match["hidden"] or match["body"]
        if match["kind"] == "console":
            script = "\n".join(line[2:] for line in script.splitlines() if line.startswith(("$ ", "> ")))
        found.append(Block(text.count("\n", 0, match.start()) + 1, script, match["shows"] or ""))
    return found
