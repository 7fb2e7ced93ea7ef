"""What the person at the terminal sees: numbered scenes, commands as they could type them, and elapsed seconds."""

import textwrap
import time

WIDTH = 118


class DemoError(Exception):
    """The demo can't go on: what was seen."""


class Screen:
    """Prints; knows which scene is on, for the message when one fails."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.scene = "start"
        self.number = 0

    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.start

    def title(self, text: str) -> None:
        """A new scene."""
        self.number += 1
        self.scene = text
        print(f"\n[{self.elapsed():5.1f}s] {self.number}. {text}", flush=True)

    def say(self, text: str) -> None:
        """A few words of narration."""
        print(f"[{self.elapsed():5.1f}s]    {text}", flush=True)

    def typed(self, text: str) -> None:
        """A command, as it can be typed."""
        print(f"          $ {text}", flush=True)

    def wrapped(self, text: str, indent: int = 2, lines: int = 0) -> None:
        """One long line, folded; at most ``lines`` lines of it."""
        shown = textwrap.wrap(text, WIDTH - 12, subsequent_indent=" " * indent, break_on_hyphens=False)
        if lines and len(shown) > lines:
            shown = [*shown[: lines - 1], shown[lines - 1][: WIDTH - 14] + " …"]
        for line in shown:
            print(f"            {line}", flush=True)

    def show(self, text: str, limit: int = 0) -> None:
        """What a command answered, at most ``limit`` lines."""
        lines = text.rstrip().splitlines()
        for line in lines[:limit] if limit else lines:
            print(f"            {line if len(line) <= WIDTH else line[: WIDTH - 1] + '…'}", flush=True)
        if limit and len(lines) > limit:
            print(f"            … {len(lines) - limit} more lines", flush=True)
