"""kubectl against the demo's cluster, as its admin or as alice, shown as typed."""

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.demo.screen import DemoError, Screen

PERSON = "alice"


class Kubectl:
    """One kubectl, one cluster."""

    def __init__(self, program: str, kubeconfig: Path, screen: Screen) -> None:
        self.start = [program, "--kubeconfig", str(kubeconfig)]
        self.screen = screen

    def __call__(self, *words: str, person: str = "", wait: float = 60) -> subprocess.CompletedProcess[str]:
        """Run it; the caller looks at what came of it."""
        who = ["--as", person] if person else []
        return subprocess.run([*self.start, *who, *words], capture_output=True, text=True, check=False, timeout=wait)

    def must(self, *words: str, person: str = "", wait: float = 60) -> str:
        """Run it, or stop the demo with what it said."""
        done = self(*words, person=person, wait=wait)
        if done.returncode:
            raise DemoError(f"`kubectl {shlex.join(words)}` answered: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def typed(self, *words: str, person: str = "", limit: int = 0) -> str:
        """Run it so that the person sees command and answer."""
        who = f" --as {person}" if person else ""
        self.screen.typed(f"kubectl{who} {shlex.join(words)}")
        answer = self.must(*words, person=person)
        self.screen.show(answer, limit)
        return answer

    def read(self, *words: str) -> dict[str, Any] | None:
        """An object as JSON; None while it is not there."""
        done = self("get", *words, "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def until(self, what: str, seconds: float, look: Callable[[], Any]) -> Any:
        """The first answer that is true; stops the demo when none comes in time."""
        end = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > end:
                raise DemoError(f"{what}: not within {seconds:.0f}s")
            time.sleep(0.3)
        return found


def condition(item: dict[str, Any] | None, kind: str) -> bool:
    """Whether a condition of an object is True."""
    conditions = ((item or {}).get("status") or {}).get("conditions") or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)
