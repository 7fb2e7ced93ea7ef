"""A picture of the demo for the README: `make demo | python -m tools.demo.picture > docs/demo.svg`."""

import sys
from html import escape

ROW, LEFT, TOP, SIZE = 17, 16, 44, 13
COLUMNS = 122
COLOURS = {"title": "#7ee787", "typed": "#79c0ff", "bad": "#ff7b72", "plain": "#c9d1d9", "grey": "#8b949e"}


def colour(line: str) -> str:
    """What sort of line it is."""
    text = line.strip()
    if text.startswith("["):  # "[ 12.3s] 4. Scene", or narration, indented
        return COLOURS["title" if line[9:10].isdigit() else "grey"]
    if text.startswith("$"):
        return COLOURS["typed"]
    return COLOURS["bad"] if any(word in text for word in ("FATAL", "CrashLoop", "Error")) else COLOURS["plain"]


def svg(lines: list[str]) -> str:
    """A terminal window with these lines."""
    width, height = LEFT * 2 + int(COLUMNS * SIZE * 0.602), TOP + ROW * len(lines) + 16
    rows = "".join(
        f'<text x="{LEFT}" y="{TOP + ROW * number}" fill="{colour(line)}" xml:space="preserve">{escape(line)}</text>\n'
        for number, line in enumerate(lines)
        if line
    )
    dots = "".join(
        f'<circle cx="{20 + 18 * n}" cy="16" r="5" fill="{c}"/>'
        for n, c in enumerate(("#ff5f56", "#ffbd2e", "#27c93f"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="{SIZE}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>{dots}\n{rows}</svg>\n'
    )


def main() -> None:
    """Pipe to pipe."""
    lines = [line.rstrip()[:COLUMNS] for line in sys.stdin.read().splitlines()]
    sys.stdout.write(svg(lines))


if __name__ == "__main__":
    main()
