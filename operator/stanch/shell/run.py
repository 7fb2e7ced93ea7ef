"""The operator process: connect, watch, work, and stop in order. kopf brings events; everything else is ours."""

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

import kopf
from aiohttp import web

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.policy import DEFAULT, Policy
from stanch.core.ports import Catalog
from stanch.core.questions import ACTION_ITEMS, INCIDENTS, POSTMORTEMS, RESPONSE_POLICIES
from stanch.evidence.collector import EvidenceCollector
from stanch.mitigations import ALL
from stanch.shell import policy_book
from stanch.shell.bells import Bells, Key
from stanch.shell.budget_sweep import BudgetSweep
from stanch.shell.cache import Cache
from stanch.shell.channel_secrets import of_channels
from stanch.shell.client import OTHERS_SECONDS, Kube, Unanswered, bearer_token, configuration
from stanch.shell.clock import Clock, machine_time
from stanch.shell.courier import Courier
from stanch.shell.election import Times
from stanch.shell.evidence_store import ClusterStore
from stanch.shell.evidence_sweep import EvidenceSweep
from stanch.shell.garbage import leave_the_old_alone, tidy
from stanch.shell.handlers import registry
from stanch.shell.health import Health
from stanch.shell.items import Items
from stanch.shell.known import all_known
from stanch.shell.lease import Lease
from stanch.shell.measures import STANDING
from stanch.shell.metrics import LEADING, POLICIES_PROVEN
from stanch.shell.orphan_sweep import CannotLook, OrphanSweep
from stanch.shell.past import remember
from stanch.shell.policy_book import PolicyBook, read_policies, ring
from stanch.shell.policy_status import look_at_policy
from stanch.shell.policy_watch import EVERY_SECONDS, SOON_SECONDS, look_at_policies
from stanch.shell.receiver import AlertsAt, Receiver, receiving
from stanch.shell.reconcile import Reconciler
from stanch.shell.redaction_key import redaction_key
from stanch.shell.rewind import Rewind
from stanch.shell.runbook_status import keep_runbook
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.silencer import NO_SILENCES, Silencer, SilencesAt
from stanch.shell.tenure import Tenure, identity
from stanch.shell.undeclared_sweep import UndeclaredSweep
from stanch.shell.undo_sweep import UndoSweep

LOG = logging.getLogger("stanch.run")
WORKERS = 8
# Heals what a watch may have missed: a lost event costs this long at most.
RESYNC_SECONDS = 600.0
# Between two looks whether the watch has told of all incidents; it takes a moment after the start.
KNOWN_SECONDS = 0.2
# What has to be read before anything is begun takes a moment after the start: nobody is told that it was not read at once.
# Evidence waits as long: no longer than a SEV1 gives it.
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How to run: which cluster, where to listen ("" for nowhere), what an empty policy means, and whether only the holder
    of the Lease works (None: whoever runs works). ``clock`` may be wrong; the API server's time counts. ``orphans`` are looked
    for only by one that sees all incidents: to another, everybody else's marks would be orphans.
    ``alerts`` says where Alertmanager sends to, ``silences`` where it is itself; ``others_seconds`` is how long a write to what is
    not our own may take.
    """

    kubeconfig: str | None
    listen: str
    policy: Policy = DEFAULT
    lease: Times | None = None
    clock: Callable[[], datetime] = machine_time
    orphans: bool = True
    alerts: AlertsAt | None = None
    silences: SilencesAt = NO_SILENCES
    others_seconds: float = OTHERS_SECONDS


async def run(settings: Settings) -> None:
    """Run until told to stop. Raises ConfigException when there are no credentials."""
    config = await configuration(settings.kubeconfig)
    async with Kube(config, clock=Clock(settings.clock), others_seconds=settings.others_seconds) as kube:
        health = Health()
        restored: datetime | None = None
        # From the beginning: a start may have to wait for the API server, and is alive meanwhile.
        async with _listening(settings.listen, health):
            catalog = Catalog({m.name: m for m in ALL}, EvidenceCollector(await redaction_key(kube)), settings.policy)
            # What was imported stays for ever; looking through it for garbage would hold the event loop for 65 ms at a time.
            leave_the_old_alone()
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
    reconciler = Reconciler(kube, catalog, cache, bells, rewind, restored, os.environ.get("NODE_NAME", ""))
    reconciler.uncounted = "The other incidents have not been read yet"
    book = reconciler.book = PolicyBook(settings.policy, "The ResponsePolicies have not been read yet")
    lease = Lease(kube, tenure, identity(), settings.lease) if settings.lease else None
    silencer, taking = Silencer(settings.silences, kube, cache, book.policy), contextlib.AsyncExitStack()
    await taking.enter_async_context(_taking_alerts(settings.alerts, kube, book, cache))
    LEADING.set_function(lambda: tenure.holds)
    STANDING.follow(cache, kube.clock.now, lambda: tenure.holds, lambda ns: book.policy(ns).recurrence_within)
    sweeps = (sweep, *_sweeps(reconciler))
    cache.past_is_known = False
    # Tasks are made before kopf.operator(): it cancels everything younger than itself when it ends.
    tasks = [
        asyncio.create_task(_read_policies(reconciler)),
        asyncio.create_task(_until_all_known(reconciler)),
        asyncio.create_task(_watch_policies(kube, reconciler, health)),
        asyncio.create_task(rewind.watch()),
        asyncio.create_task(tidy(reconciler.is_calm)),
        asyncio.create_task(remember(kube, cache)),
        asyncio.create_task(_resync(reconciler)),
        *(asyncio.create_task(_sweep(each, tenure)) for each in sweeps if settings.orphans),
        *([asyncio.create_task(_silence(silencer, tenure))] if settings.silences.url else []),
        asyncio.create_task(_sweep(_courier(reconciler), tenure)),
        *_workers(reconciler, tenure, bells),
    ]
    # What another left half done when it lost the lease, and what was cut short here, is looked at by whoever has it.
    tenure.on_begin.append(lambda: _ring_all(reconciler))
    tasks.append(asyncio.create_task(lease.keep() if lease else _alone(tenure)))
    watching = asyncio.create_task(
        kopf.operator(
            registry=registry(cache, bells, book, lambda: _login(settings), sweep.soon),
            clusterwide=True,
            standalone=True,
            memo=kopf.Memo(),
        )
    )
    # A loop that ended in silence would leave its last word standing ("policies proven"): the process ends instead.
    for task in tasks:
        task.add_done_callback(lambda ended: _error_of(ended) and watching.cancel())
    # Not kopf's stop_flag: whoever waits for one is waited for when it ends, for five seconds.
    rewind.on_seen += [tenure.close, watching.cancel]
    try:
        await watching
    except asyncio.CancelledError:
        if broken := next(filter(None, map(_error_of, tasks)), None):
            raise broken from None
        if rewind.time is None:
            raise
    finally:
        await taking.aclose()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await reconciler.drain()
        if lease:
            await lease.release()
    return rewind.time


def _taking_alerts(at: AlertsAt | None, kube: Kube, book: PolicyBook, cache: Cache) -> AbstractAsyncContextManager[str]:
    return receiving(at, Receiver(kube, book.policy, lambda: book.problem, cache))


async def _alone(tenure: Tenure) -> None:
    """Nobody else works."""
    tenure.extend(math.inf)


def _courier(reconciler: Reconciler) -> Courier:
    """Who tells channels; the reconciler writes down what came of it."""
    kube, book = reconciler.kube, reconciler.book
    secrets = of_channels(SecretRefs(kube))
    courier = Courier(kube, reconciler.cache, reconciler.bells, lambda: book.policy(OPERATOR_NAMESPACE), secrets)
    reconciler.deliveries = courier.deliveries
    return courier


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None


async def _silence(silencer: Silencer, tenure: Tenure) -> None:
    while True:
        await tenure.begun()
        async with tenure.term():
            await silencer.run()


def _sweeps(reconciler: Reconciler) -> tuple[EvidenceSweep, UndoSweep, BudgetSweep, UndeclaredSweep]:
    kube, now, cache = reconciler.kube, reconciler.now, reconciler.cache
    evidence = EvidenceSweep(kube, ClusterStore(kube), lambda: reconciler.book, now, reconciler.evidence)
    burns = UndeclaredSweep(kube, lambda: reconciler.book, cache, now, lambda: not reconciler.uncounted)
    return evidence, UndoSweep(kube, now), BudgetSweep(kube, lambda: reconciler.book, now), burns


Sweep = OrphanSweep | EvidenceSweep | UndoSweep | BudgetSweep | UndeclaredSweep | Courier


async def _sweep(sweep: Sweep, tenure: Tenure) -> None:
    """As long as this replica may work."""
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


def _workers(reconciler: Reconciler, tenure: Tenure, bells: Bells) -> list[asyncio.Task[None]]:
    items = Items(reconciler, bells, tenure)
    work = (_work(reconciler, tenure, bells, items) for _ in range(WORKERS))
    return [asyncio.create_task(items.until_cancelled()), *(asyncio.create_task(each) for each in work)]


async def _work(reconciler: Reconciler, tenure: Tenure, bells: Bells, items: Items) -> None:
    """Take one key after the other, for as long as this replica may work; first when all is known, or does not come."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reconciler.settled.wait(), PATIENCE_SECONDS)
    while True:
        await tenure.begun()
        async with tenure.term():
            key = await bells.take()
            if key.plural == ACTION_ITEMS.plural:
                items.start(key)
                continue
            try:
                if key.plural == INCIDENTS.plural:
                    await reconciler.look(key)
                elif key.plural == RESPONSE_POLICIES.plural:
                    await _policy(reconciler, key)
                elif key.plural == POSTMORTEMS.plural:
                    await reconciler.learning.keep(key, reconciler.book.policy(key.namespace), reconciler.now())
                else:
                    await keep_runbook(reconciler.kube, reconciler.cache, bells, key, reconciler.now())
            finally:
                bells.done(key)


async def _policy(reconciler: Reconciler, key: Key) -> None:
    try:
        again = await look_at_policy(reconciler.kube, reconciler.book, key, reconciler.now())
    except Exception:  # one poison object must not stop the rest
        LOG.exception("a policy can't be judged", extra={"policy": f"{key.namespace}/{key.name}"})
        return
    if again is not None:
        reconciler.bells.ring_in(key, again)


async def _resync(reconciler: Reconciler) -> None:
    while True:
        await asyncio.sleep(RESYNC_SECONDS)
        _ring_all(reconciler)


def _more_is_known(reconciler: Reconciler) -> None:
    """Every incident looks whether it may go on now; and the workers, which waited for it, begin."""
    reconciler.settle()
    _ring_all(reconciler)


def _ring_all(reconciler: Reconciler) -> None:
    for key in [*reconciler.cache.all(), *reconciler.book.keys()]:
        reconciler.bells.ring(key)


async def _read_policies(reconciler: Reconciler) -> None:
    """Read the ResponsePolicies before anything is done, and every minute: a watch may have missed one."""
    book = reconciler.book
    while True:
        before = book.problem
        changed = await read_policies(reconciler.kube, book)
        if book.problem != before:
            _more_is_known(reconciler)
        elif changed:
            ring(book, reconciler.cache, reconciler.bells, changed)
        await asyncio.sleep(policy_book.SOON_SECONDS if changed is None else policy_book.EVERY_SECONDS)


async def _until_all_known(reconciler: Reconciler) -> None:
    """Guards count what all incidents do: nothing is begun before the watch has told of each that there is."""
    while True:
        try:
            if await all_known(reconciler.kube, reconciler.cache):
                break
        except (CannotLook, Unanswered) as error:
            reconciler.uncounted = f"The other incidents can't be read: {error}"
        await asyncio.sleep(KNOWN_SECONDS)
    reconciler.uncounted = ""
    _more_is_known(reconciler)


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
            _more_is_known(reconciler)
        await asyncio.sleep(EVERY_SECONDS if reconciler.policies.proven else SOON_SECONDS)


@contextlib.asynccontextmanager
async def _listening(address: str, health: Health) -> AsyncIterator[None]:
    """Answer probes while inside; whether the loop is alive is measured for them."""
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(health.app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host or "0.0.0.0", int(port))
    beat = asyncio.create_task(health.beat())
    try:
        await site.start()
        LOG.info("listening", extra={"address": " ".join(f"{a[0]}:{a[1]}" for a in runner.addresses)})
        yield
    finally:
        beat.cancel()
        await runner.cleanup()
