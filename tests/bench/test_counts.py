"""M3 on a real cluster: how many hops and calls lie between a person's word and the effect. Never how long they take."""

import asyncio
import os
from pathlib import Path

import pytest
from bench.api import Api
from bench.cluster import cluster, give_rights, operator, take_rights
from bench.hops import Counts, count
from bench.measures import Approve, Declare, Pair
from bench.workload import prepare, remove


async def _count(kubeconfig: Path, kind: type[Pair]) -> Counts:
    api = await Api.of(kubeconfig)
    cases = []
    try:
        with operator(kubeconfig) as running:
            await give_rights(api)
            cases.append(await prepare(api))
            return count((await kind(api, api, running).run_ours(cases[0])).way)
    finally:
        await remove(api, cases, namespaces=True)
        await take_rights(api)
        await api.close()


@pytest.fixture(scope="module")
def kubeconfig() -> Path:
    """A cluster that has stanch on it. Fails, and never skips, when there is none: a skipped guard is no guard."""
    path = os.environ.get("STANCH_TEST_KUBECONFIG")
    if not path:
        pytest.fail("STANCH_TEST_KUBECONFIG must name the kubeconfig of a cluster for tests", pytrace=False)
    with cluster(Path(path), keep=True) as ready:
        return ready


@pytest.mark.parametrize(
    ("kind", "hops", "calls"), [(Declare, 6, 17), (Approve, 6, 18)], ids=["M1 declare", "M2 approve"]
)
def test_hops_and_calls_to_the_effect(kubeconfig: Path, kind: type[Pair], hops: int, calls: int):
    """
    Each hop is a wait for a cluster that may be sick, and each call is load on it. Logs queued for one node count as one
    hop here: by overlap alone they are one or two, by how fast the machine is, and `python -m bench` prints that too.
    """
    found = asyncio.run(_count(kubeconfig, kind))
    assert found.groups <= hops, found
    assert found.calls <= calls, found
