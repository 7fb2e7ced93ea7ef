"""Looks that fail again and again, by a bug of ours or by what nobody foresaw: said on the incident, where people look for it."""

import logging
import traceback
from pathlib import PurePath
from typing import Final

from stanch.api.names import EventKind, Reason
from stanch.core.plan_type import Told
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, Unanswered
from stanch.shell.say_stalled import say_stalled, says_so
from stanch.shell.tell import tell

LOG = logging.getLogger("stanch.reconcile")
# A few seconds, by the backoff: what passes by itself is nobody's business.
TOLD_AFTER: Final = 5
_PACKAGE: Final = "stanch"


class Failing:
    """How often in a row looks at each incident failed. A plan that goes well takes the condition off again (lifecycle.py)."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        """None has failed yet."""
        self.kube, self.cache = kube, cache
        self._times: dict[Key, int] = {}

    def well(self, key: Key) -> None:
        """It went well."""
        self._times.pop(key, None)

    async def note(self, key: Key, error: Exception) -> None:
        """One more; from the fifth on it is said, once for each thing that goes wrong. Never raises."""
        LOG.error("reconcile failed", exc_info=error, extra={"incident": f"{key.namespace}/{key.name}"})
        self._times[key] = self._times.get(key, 0) + 1
        body, message = self.cache.get(key), words(error)
        if self._times[key] < TOLD_AFTER or body is None or says_so(body, message):
            return
        try:
            written = await say_stalled(self.kube, body, Reason.LOOK_FAILS, message)
            if written is not None:
                self.cache.put(key, written)
                told = Told(EventKind.STALLED, f"{Reason.LOOK_FAILS}: {message}", warning=True)
                await tell(self.kube, {"kind": "Incident", **body}, told, self.kube.clock.now())
        except Unanswered:
            return  # Tried again with the next one.
        except Exception:  # saying so must not be what stops the rest
            LOG.exception("that it fails could not be said", extra={"incident": f"{key.namespace}/{key.name}"})


def words(error: Exception) -> str:
    """What failed and where, the same each time; what the error itself says may be somebody's secret, and is in the log."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if _PACKAGE in PurePath(f.filename).parts]
    last = ours[-1] if ours else None
    where = f" in {PurePath(last.filename).name}, {last.name}" if last is not None else ""
    return (
        f"stanch fails each time it looks at this incident: {type(error).__name__}{where}. Nothing is done and nothing watched "
        "until that is mended; act by hand. The operator's log has the whole of it: please report it"
    )
