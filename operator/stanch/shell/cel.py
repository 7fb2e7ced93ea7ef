"""
CEL that people wrote, worked out beside the operator: bounded in time, processor and memory, and one at a time.

ADR 48: the library can't be stopped, so what it works on can.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

from stanch.core.done_when import CelProblem
from stanch.core.observations import Answer, Failed, Found
from stanch.core.questions import Evaluate

WORKER: Final = Path(__file__).with_name("cel_worker.py")
# What any expression over one object needs is a hundredth of it.
CPU_SECONDS: Final = 2
# It counts towards the container of the operator, whose limit leaves room for it (tools/rbac.py, and a test).
MEMORY_BYTES: Final = 256 * 1024 * 1024
# A busy machine may take a while to give it its two seconds; nobody waits for it but the item.
WALL_SECONDS: Final = 20.0
ANSWER_MAX: Final = 64 * 1024
_REASONS: Final = {"syntax": CelProblem.SYNTAX, "type": CelProblem.NOT_BOOLEAN, "missing": CelProblem.MISSING}


class Evaluator:
    """Starts a process for each expression; the event loop waits for none of them."""

    def __init__(self, wall: float = WALL_SECONDS) -> None:
        """``wall`` seconds at most for each."""
        self._wall, self._turn = wall, asyncio.Semaphore(1)

    async def evaluate(self, question: Evaluate) -> Answer:
        """Found({"value": bool}), or Failed with a reason. Never raises for what the expression does."""
        said = json.dumps(
            {
                "cpu": CPU_SECONDS,
                "memory": MEMORY_BYTES,
                "expression": question.expression,
                "object": question.object,
            }
        )
        async with self._turn:
            # -I: nothing of the environment or the folder it is started in has a say.
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(WORKER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
            )
            try:
                raw, _ = await asyncio.wait_for(process.communicate(said.encode()), self._wall)
            except TimeoutError:
                return Failed(0, f"it did not end within {self._wall:g} s", CelProblem.LIMIT)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return _answer(raw, process.returncode or 0)


def _answer(raw: bytes, code: int) -> Answer:
    if code or len(raw) > ANSWER_MAX:
        limits = f"{CPU_SECONDS} s of processor and {MEMORY_BYTES // 2**20} MiB"
        return Failed(0, f"it took more than {limits}, or ended the process ({code})", CelProblem.LIMIT)
    try:
        said: Any = json.loads(raw)
    except ValueError:
        return Failed(0, "its process gave no answer", CelProblem.LIMIT)
    if "value" in said:
        return Found({"value": said["value"] is True})
    error = " ".join(str(said.get("error")).split())[:400]
    reason = _REASONS.get(said.get("step"), CelProblem.ERROR)
    return Failed(0, f"it gives a {error}, not true or false" if reason == CelProblem.NOT_BOOLEAN else error, reason)
