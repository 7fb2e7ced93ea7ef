"""A service to people that looks now and then: whatever goes wrong is said and tried again, and never ends the operator."""

import asyncio
import logging
from collections.abc import Awaitable, Callable


async def look_for_ever(
    look: Callable[[], Awaitable[object]],
    first: float,
    every: float,
    log: logging.Logger,
    passing: tuple[type[Exception], ...],
    words: tuple[str, str],
) -> None:
    """
    Wait ``first`` seconds, look, and again ``every`` so many. ``passing`` are errors that end by themselves, told in the first of
    ``words``; all others are bugs, told in the second with where they are.
    """
    wait = first
    while True:
        await asyncio.sleep(wait)
        wait = every
        try:
            await look()
        except passing as error:
            log.warning(words[0], extra={"why": str(error)})
        except Exception:  # it must not end the operator
            log.exception(words[1])
