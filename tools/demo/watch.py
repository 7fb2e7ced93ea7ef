"""The incident's own line, printed whenever it changes, while the demo waits for something."""

import re
import time
from collections.abc import Callable
from typing import Any

from tools.demo.cluster import Kubectl
from tools.demo.screen import DemoError, Screen

INCIDENT = ("incident", "checkout-5xx", "-n", "shop")


# Wide enough for what the demo shows, so that lines printed at different times stand under each other.
WIDTHS = (13, 5, 11, 10, 16, 18, 12, 4)


def cells(head: str, row: str) -> tuple[list[str], list[str]]:
    """A table's first two lines, cut where the head's words begin (a cell may be empty)."""
    starts = [m.start() for m in re.finditer(r"\S+", head)]
    ends = [*starts[1:], None]
    return tuple([line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in (head, row))  # type: ignore[return-value]


def aligned(row: list[str]) -> str:
    """One line of the table, in columns that do not move."""
    return " ".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=False)).rstrip()


class Board:
    """`kubectl get inc`, line by line as it changes."""

    def __init__(self, kubectl: Kubectl, screen: Screen) -> None:
        self.kubectl, self.screen = kubectl, screen
        self.last: list[str] = []

    def look(self) -> dict[str, Any]:
        """Print the line if it changed; the incident as it is."""
        lines = self.kubectl("get", *INCIDENT).stdout.splitlines()
        if len(lines) > 1:
            head, row = cells(lines[0], lines[1])
            if not self.last:
                self.screen.show(aligned(head))
            if row[:-1] != self.last and any(row[1:-1]):  # AGE always changes; nothing else there: not looked at yet
                self.screen.show(aligned(row))
                self.last = row[:-1]
        return self.kubectl.read(*INCIDENT) or {}

    def until(self, what: str, seconds: float, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Watch until something holds of the incident."""
        end = time.monotonic() + seconds
        while not holds(found := self.look()):
            if time.monotonic() > end:
                status = found.get("status") or {}
                raise DemoError(
                    f"{what}: not within {seconds:.0f}s. Record: {status.get('record', 'none')}{_held(status)}"
                )
            time.sleep(0.4)
        return found


def _held(status: dict[str, Any]) -> str:
    lines = [f"  {c['type']}={c['status']} {c['reason']}: {c.get('message', '')}" for c in status.get("conditions", ())]
    return "\n" + "\n".join(lines) if lines else ""
