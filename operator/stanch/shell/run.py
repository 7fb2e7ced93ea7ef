"""The operator process: connect, watch, work, and stop in order. kopf brings events; everything else is ours."""

import asyncio
import contextlib
import gc
import logging
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import kopf
from aiohttp import web

from stanch.api.policy import DEFAULT, Policy
from stanch.core.ports import Catalog
from stanch.evidence.collector import EvidenceCollector
from stanch.mitigations import ALL
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, bearer_token, configuration
from stanch.shell.clock import Clock, machine_time
from stanch.shell.election import Times
from stanch.shell.handlers import registry
from stanch.shell.health import Health
from stanch.shell.items import look_at_item
from stanch.shell.lease import Lease
from stanch.shell.metrics import LEADING, POLICIES_PROVEN
from stanch.shell.orphan_sweep import OrphanSweep
from stanch.shell.policy_watch import EVERY_SECONDS, SOON_SECONDS, look_at_policies
from stanch.shell.reconcile import Reconciler
from stanch.shell.redaction_key import redaction_key
from stanch.shell.rewind import Rewind
from stanch.shell.tenure import Tenure, identity

LOG = logging.getLogger("stanch.run")
WORKERS = 8
# Heals what a watch may have missed: a lost event costs this long at most.
RESYNC_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How to run: which cluster, where to listen ("" for nowhere), what an empty policy means, and whether only the holder
    of the Lease works (None: whoever runs works). ``clock`` may be wrong; the API server's time counts. ``orphans`` are looked
    for only by one that sees all incidents: to another, everybody else's marks would be orphans.
    """

    kubeconfig: str | None
    listen: str
    policy: Policy = DEFAULT
    lease: Times | None = None
    clock: Callable[[], datetime] = machine_time
    orphans: bool = True


async def run(settings: Settings) -> None:
    """Run until told to stop. Raises ConfigException when there are no credentials."""
    config = await configuration(settings.kubeconfig)
    async with Kube(config, clock=Clock(settings.clock)) as kube:
        health = Health()
        catalog = Catalog({m.name: m for m in ALL}, EvidenceCollector(await redaction_key(kube)), settings.policy)
        # What was imported stays for ever; looking through it for garbage would hold the event loop for 65 ms at a time.
        gc.collect()
        gc.freeze()
        restored: datetime | None = None
        async with _listening(settings.listen, health):
            while True:
                seen = await _until_stopped(settings, kube, catalog, health, restored)
                if seen is None:
                    return
                restored = seen


async def _until_stopped(
    settings: Settings, kube: Kube, catalog: Catalog, health: Health, restored: datetime | None
) -> datetime | None:
    """From empty caches until somebody says stop; or until what is remembered never happened: then when that was seen."""
    cache, bells, tenure = Cache(), Bells(), Tenure()
    rewind, sweep = Rewind(kube), OrphanSweep(kube, kube.clock.now)
    reconciler = Reconciler(kube, catalog, cache, bells, rewind, restored)
    lease = Lease(kube, tenure, identity(), settings.lease) if settings.lease else None
    LEADING.set_function(lambda: tenure.holds)
    # Tasks are made before kopf.operator(): it cancels everything younger than itself when it ends.
    tasks = [
        asyncio.create_task(_watch_policies(kube, reconciler, health)),
        asyncio.create_task(health.beat()),
        asyncio.create_task(rewind.watch()),
        asyncio.create_task(_resync(cache, bells)),
        *([asyncio.create_task(_look_for_orphans(sweep, tenure))] if settings.orphans else []),
        *(asyncio.create_task(_work(reconciler, tenure, bells)) for _ in range(WORKERS)),
    ]
    # What another left half done when it lost the lease, and what was cut short here, is looked at by whoever has it.
    tenure.on_begin.append(lambda: _ring_all(cache, bells))
    if lease:
        tasks.append(asyncio.create_task(lease.keep()))
    else:
        tenure.extend(math.inf)
    watching = asyncio.create_task(
        kopf.operator(
            registry=registry(cache, bells, lambda: _login(settings), sweep.soon),
            clusterwide=True,
            standalone=True,
            memo=kopf.Memo(),
        )
    )
    # Not kopf's stop_flag: whoever waits for one is waited for when it ends, for five seconds.
    rewind.on_seen += [tenure.close, watching.cancel]
    try:
        await watching
    except asyncio.CancelledError:
        if rewind.time is None:
            raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await reconciler.drain()
        if lease:
            await lease.release()
    return rewind.time


async def _look_for_orphans(sweep: OrphanSweep, tenure: Tenure) -> None:
    while True:
        await tenure.begun()
        async with tenure.term():
            await sweep.run()


async def _login(settings: Settings) -> kopf.ConnectionInfo:
    """kopf connects with the very credentials that we use."""
    config = await configuration(settings.kubeconfig)
    token = await bearer_token(config)
    ca = config.ca_cert_data
    return kopf.ConnectionInfo(
        server=config.host,
        ca_path=config.ssl_ca_cert,
        ca_data=ca.encode() if isinstance(ca, str) else ca,
        insecure=not config.verify_ssl,
        scheme="Bearer" if token else None,
        token=token.removeprefix("Bearer ") if token else None,
        certificate_path=config.cert_file,
        private_key_path=config.key_file,
    )


async def _work(reconciler: Reconciler, tenure: Tenure, bells: Bells) -> None:
    """Take one key after the other, for as long as this replica may work."""
    while True:
        await tenure.begun()
        async with tenure.term():
            key = await bells.take()
            try:
                if key.plural == "incidents":
                    await reconciler.look(key)
                else:
                    await _item(reconciler.kube, reconciler.cache, bells, key)
            finally:
                bells.done(key)


async def _item(kube: Kube, cache: Cache, bells: Bells, key: Key) -> None:
    try:
        wake = await look_at_item(kube, cache, key, kube.clock.now())
    except Exception:  # one poison object must not stop the rest
        LOG.exception("action item can't be read", extra={"item": f"{key.namespace}/{key.name}"})
        return
    if wake is not None:
        bells.ring_in(key, min(86_400.0, max(1.0, (wake - kube.clock.now()).total_seconds())))


async def _resync(cache: Cache, bells: Bells) -> None:
    while True:
        await asyncio.sleep(RESYNC_SECONDS)
        _ring_all(cache, bells)


def _ring_all(cache: Cache, bells: Bells) -> None:
    for key in cache.all():
        bells.ring(key)


async def _watch_policies(kube: Kube, reconciler: Reconciler, health: Health) -> None:
    """Prove the policies now and every minute; a change in either direction is looked at by every incident."""
    while True:
        before = reconciler.policies
        # Together, so that no incident is acted on without either, and one that is slow costs no time of the other.
        _, reconciler.policies = await asyncio.gather(reconciler.observer.served.look(kube), look_at_policies(kube))
        POLICIES_PROVEN.set(int(reconciler.policies.proven))
        health.ready_because_not = ""
        if reconciler.policies != before:
            level = logging.INFO if reconciler.policies.proven else logging.WARNING
            LOG.log(level, "policies proven" if reconciler.policies.proven else reconciler.policies.problem)
            _ring_all(reconciler.cache, reconciler.bells)
        await asyncio.sleep(EVERY_SECONDS if reconciler.policies.proven else SOON_SECONDS)


@contextlib.asynccontextmanager
async def _listening(address: str, health: Health) -> AsyncIterator[None]:
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(health.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host or "0.0.0.0", int(port))
    try:
        await site.start()
        LOG.info("listening", extra={"address": " ".join(f"{a[0]}:{a[1]}" for a in runner.addresses)})
        yield
    finally:
        await runner.cleanup()
