"""What kopf tells us rings a bell; deciding happens elsewhere, from a fresh look. Nothing here writes anything."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import kopf

from stanch.api.names import GROUP, VERSION, Label
from stanch.shell import postmortems, runbook_status
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.metrics import OPEN_INCIDENTS
from stanch.shell.policy_book import PolicyBook, heard
from stanch.shell.status import only_alerts_changed

# In a storm one group is told many times a second; that one alert more fires can wait, and who tells it should not.
ALERTS_SECONDS: Final = 2.0
Login = Callable[[], Awaitable[kopf.ConnectionInfo]]


def registry(
    cache: Cache, bells: Bells, book: PolicyBook, login: Login, incident_gone: Callable[[], None]
) -> kopf.OperatorRegistry:
    """Low-level event handlers only: kopf then writes nothing, and keeps no progress of its own."""
    handlers = kopf.OperatorRegistry()

    _begin(handlers, login)
    _learning(handlers, cache, bells)

    @kopf.on.event(GROUP, VERSION, "incidents", registry=handlers)
    async def incident_changed(
        *, namespace: str | None, name: str, type: str | None, body: kopf.Body, **_: Any
    ) -> None:
        """Something about this incident may have changed."""
        key = Key("incidents", namespace or "", name)
        known = cache.get(key)
        if type == "DELETED":
            cache.drop(key)
            bells.forget(key)
            # A closed one only leaves our sight, with its marks taken off.
            if not ((body.get("status") or {}).get("times") or {}).get("closed"):
                incident_gone()
        else:
            cache.put(key, dict(body), listed=type is None)
            runbook_status.ring_drilled(cache, bells, body)
            postmortems.ring_its(cache, bells, body)
        OPEN_INCIDENTS.set(cache.count("incidents"))
        if type == "MODIFIED" and known is not None and only_alerts_changed(known, dict(body)):
            bells.ring_in(key, ALERTS_SECONDS)
        else:
            bells.ring(key)

    @kopf.on.event(GROUP, VERSION, "timelineentries", registry=handlers)
    async def somebody_said_something(*, namespace: str | None, spec: kopf.Spec, type: str, **_: Any) -> None:
        """A person said something about an incident."""
        if type != "DELETED":
            bells.ring(Key("incidents", namespace or "", str(spec.get("incident", ""))))

    @kopf.on.event(GROUP, VERSION, "responsepolicies", registry=handlers)
    async def policy_changed(*, type: str | None, body: kopf.Body, **_: Any) -> None:
        """Who must agree, and how much may be done, may be another by now."""
        heard(book, cache, bells, dict(body), gone=type == "DELETED")

    @kopf.on.event(GROUP, VERSION, "runbooks", registry=handlers)
    async def runbook_changed(*, namespace: str | None, name: str, type: str | None, body: kopf.Body, **_: Any) -> None:
        """A Runbook may be usable, or not any more."""
        runbook_status.heard(cache, bells, Key("runbooks", namespace or "", name), dict(body), gone=type == "DELETED")

    return handlers


def _begin(handlers: kopf.OperatorRegistry, login: Login) -> None:
    @kopf.on.login(registry=handlers)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        """The credentials we use ourselves, read again whenever the API server no longer takes them."""
        return await login()

    @kopf.on.startup(registry=handlers)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        # A name that nobody uses: kopf strips its own finalizer from objects it watches.
        settings.persistence.finalizer = f"unused.{GROUP}/kopf"
        settings.posting.enabled = False
        # Our kinds are there before we start; watching for new CRDs would need a right that nothing else needs.
        settings.scanning.disabled = True
        settings.watching.server_timeout = 290
        settings.watching.connect_timeout = 10
        settings.watching.chunk_size = 500
        settings.networking.request_timeout = 30
        settings.queueing.idle_timeout = 0.5
        settings.watching.label_selectors[f"incidents.{GROUP}"] = f"!{Label.CLOSED}"
        settings.watching.label_selectors[f"postmortems.{GROUP}"] = f"!{Label.CLOSED}"
        settings.watching.label_selectors[f"timelineentries.{GROUP}"] = f"!{Label.FOLDED}"


def _learning(handlers: kopf.OperatorRegistry, cache: Cache, bells: Bells) -> None:
    @kopf.on.event(GROUP, VERSION, "actionitems", registry=handlers)
    async def item_changed(*, namespace: str | None, name: str, type: str, body: kopf.Body, **_: Any) -> None:
        """An action item may be due, or done."""
        key = Key("actionitems", namespace or "", name)
        if type == "DELETED":
            cache.drop(key)
            bells.forget(key)
        else:
            cache.put(key, dict(body))
            bells.ring(key)
        postmortems.ring_of_item(cache, bells, body)

    @kopf.on.event(GROUP, VERSION, "postmortems", registry=handlers)
    async def postmortem_changed(
        *, namespace: str | None, name: str, type: str | None, body: kopf.Body, **_: Any
    ) -> None:
        """Somebody wrote on what is learned."""
        postmortems.heard(cache, bells, Key("postmortems", namespace or "", name), dict(body), gone=type == "DELETED")
