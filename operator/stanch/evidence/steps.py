"""
Searches in steps. A regular expression that finds nothing goes through all of a text in one go, and Python lets nobody else run
meanwhile, also when it searches in a thread: 20 ms for each megabyte.
"""

import re
from collections.abc import Iterator
from typing import Final

# Some milliseconds' worth.
STEP: Final = 256 * 1024


def found(
    text: bytes, head: re.Pattern[bytes], most: int, whole: re.Pattern[bytes] | None = None
) -> Iterator[re.Match[bytes]]:
    """
    What ``head.finditer`` finds, never searching through more than a step at once. ``most`` bytes are enough for ``head`` wherever
    it matches. With ``whole`` its match from the same place on, as long as it may be, and on behind that one.
    """
    at = 0
    while at < len(text):
        end = at + STEP
        match = head.search(text, at, end + most)
        if match is None or match.start() >= end:
            at = end
            continue
        if whole is not None and (longer := whole.match(text, match.start())):
            match = longer
        yield match
        at = match.end()
