"""Keep Postmortem.status true: facts, gaps, findings, and whether it is published. Its spec is people's, and never written here."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.api.names import Label
from stanch.api.policy import Policy
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.postmortem_judge import Around, judge
from stanch.core.postmortem_text import is_published
from stanch.core.questions import ACTION_ITEMS, INCIDENTS, POSTMORTEMS, Get
from stanch.core.whole_story import pages_of, whole_story
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, Unanswered
from stanch.shell.status import StatusConflict, StatusRefused, changes, patch_status

LOG = logging.getLogger("stanch.postmortems")
CONFLICT_SECONDS: Final = 1.0
REFUSED_SECONDS: Final = 60.0
# What is similar is said once those are known that are closed.
PAST_SECONDS: Final = 1.0
# Nobody waits for it; a day is when time alone may have changed something that nothing told of.
LATEST_SECONDS: Final = 86_400.0
# One is read, one is being asked about. Whoever writes ten long ones at once keeps no worker from an incident.
AT_ONCE: Final = 2


class Postmortems:
    """Looks at Postmortems; remembers pages of timelines, which never change."""

    def __init__(self, kube: Kube, cache: Cache, bells: Bells) -> None:
        """Nothing is read yet. A long text takes seconds to lint, so that is not done on the event loop."""
        self.kube, self.cache, self.bells = kube, cache, bells
        self._pages: dict[Key, dict[Get, Answer]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lint")
        self._now_judging = 0

    def close(self) -> None:
        """Nothing more is begun, and who stops waits for no long text."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def keep(self, key: Key, policy: Policy, now: datetime) -> None:
        """Look at one; whatever goes wrong stays with it, and is tried again. While others are looked at it waits for its turn."""
        if self._now_judging >= AT_ONCE:
            self.bells.ring_in(key, CONFLICT_SECONDS)
            return
        self._now_judging += 1
        try:
            again = await self._look(key, policy, now)
        except (StatusConflict, Unanswered):
            again = CONFLICT_SECONDS
        except StatusRefused as error:
            LOG.error("the status of a Postmortem was refused", extra={"postmortem": _words(key), "why": str(error)})
            again = REFUSED_SECONDS
        except Exception:  # one poison object must not stop the rest
            LOG.exception("a Postmortem can't be judged", extra={"postmortem": _words(key)})
            return
        finally:
            self._now_judging -= 1
        if again is not None:
            self.bells.ring_in(key, again)

    async def _look(self, key: Key, policy: Policy, now: datetime) -> float | None:
        body = self.cache.get(key)
        if body is None or ((body.get("status") or {}).get("published")):
            self._pages.pop(key, None)
            if body is None:
                await self._forget_if_gone(key)
            return None
        if not self.cache.past_is_known:
            return PAST_SECONDS
        around = await self._around(key, body, policy)
        status, wake = await asyncio.get_running_loop().run_in_executor(self._pool, judge, body, around, now)
        change = changes(body.get("status") or {}, status.wire())
        if change:
            version = {"resourceVersion": body["metadata"]["resourceVersion"], "uid": body["metadata"]["uid"]}
            path = POSTMORTEMS.path(key.namespace, key.name)
            self.cache.put(key, await patch_status(self.kube, path, version, change))
            LOG.info("Postmortem judged", extra={"postmortem": _words(key), "state": status.state})
            if status.published is not None:
                _ring_drafts(self.cache, self.bells, key.namespace)
        return None if wake is None else min(LATEST_SECONDS, max(1.0, (wake - now).total_seconds()))

    async def _forget_if_gone(self, key: Key) -> None:
        """The watch says the same of what was deleted and of what was closed: only of the first nothing is remembered."""
        if self.cache.remembers(key):
            reply = await self.kube.get(POSTMORTEMS.path(key.namespace, key.name))
            if not reply.ok and reply.status != 404:
                raise Unanswered(reply.message)
            # One that was made anew meanwhile is another.
            if not reply.ok and self.cache.get(key) is None:
                self.cache.drop(key)

    async def _around(self, key: Key, body: Mapping[str, Any], policy: Policy) -> Around:
        incident = await self._incident(key.namespace, body)
        items = [b for k in self.cache.all() if k.plural == ACTION_ITEMS.plural and k.namespace == key.namespace
                 and (b := self.cache.get(k)) is not None]  # fmt: skip
        if incident is None:
            return Around(None, None, items, policy, self.cache.lessons(key.namespace))
        known = self._pages.setdefault(key, {})
        # A page that was found never changes; one that may not be read now may be read later.
        lacking = [q for q in pages_of(incident.status, key.namespace) if not isinstance(known.get(q), Found)]
        known.update({question: await self._read(question) for question in lacking})
        story = whole_story(incident.status, key.namespace, known.get)
        return Around(incident, story, items, policy, self.cache.lessons(key.namespace))

    async def _incident(self, namespace: str, body: Mapping[str, Any]) -> Incident | None:
        """The one it is about: by name, and by uid where the operator wrote that down; None when it is gone. Raises Unanswered."""
        name = str(body["spec"]["incident"])
        known = self.cache.get(Key(INCIDENTS.plural, namespace, name))
        if known is None:
            reply = await self.kube.get(INCIDENTS.path(namespace, name))
            if reply.status == 404:
                return None
            if not reply.ok:
                raise Unanswered(reply.message)
            known = reply.body
        uid = (body["metadata"].get("labels") or {}).get(Label.INCIDENT_UID)
        if uid is not None and uid != known["metadata"]["uid"]:
            return None
        try:
            return Incident.model_validate(known)
        except ValidationError:
            return None  # It says itself what is wrong with it.

    async def _read(self, question: Get) -> Answer:
        """A page. One that may not be read, or is gone, is lost for now; Unanswered when there is no answer."""
        reply = await self.kube.get(question.ref.path(question.namespace, question.name))
        if reply.busy:
            raise Unanswered(reply.message)
        if reply.ok:
            return Found(reply.body)
        return NotFound() if reply.status == 404 else Failed(reply.status, reply.message)


def heard(cache: Cache, bells: Bells, key: Key, body: dict[str, Any], gone: bool) -> None:
    """A Postmortem was written, closed or deleted: it is judged, and its incident looks whether it is reviewed."""
    if gone:
        cache.leave(key)
        bells.forget(key)
        if cache.remembers(key):
            bells.ring(key)
    else:
        cache.put(key, body)
        bells.ring(key)
    incident = Key(INCIDENTS.plural, key.namespace, str((body.get("spec") or {}).get("incident") or ""))
    if cache.get(incident) is not None:
        bells.ring(incident)


def _ring_drafts(cache: Cache, bells: Bells, namespace: str) -> None:
    """Others in work there: what contributed is known of one more incident that may be similar to theirs."""
    for key in cache.all():
        if key.plural == POSTMORTEMS.plural and key.namespace == namespace and not is_published(cache.get(key) or {}):
            bells.ring(key)


def ring_its(cache: Cache, bells: Bells, incident: Mapping[str, Any]) -> None:
    """The Postmortem of an incident: who signed it off, and whether it is resolved, stands there."""
    name = ((incident.get("status") or {}).get("postmortem") or {}).get("name")
    key = Key(POSTMORTEMS.plural, incident["metadata"]["namespace"], str(name or ""))
    if name and cache.get(key) is not None:
        bells.ring(key)


def ring_of_item(cache: Cache, bells: Bells, item: Mapping[str, Any]) -> None:
    """The Postmortem that an ActionItem belongs to, or that names it."""
    meta, spec = item["metadata"], item.get("spec") or {}
    for key in cache.all():
        if key.plural != POSTMORTEMS.plural or key.namespace != meta["namespace"]:
            continue
        named = ((cache.get(key) or {}).get("spec") or {}).get("actionItems") or ()
        if key.name == spec.get("postmortem") or meta["name"] in named:
            bells.ring(key)


def _words(key: Key) -> str:
    return f"{key.namespace}/{key.name}"
