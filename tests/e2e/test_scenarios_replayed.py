"""
Faults of public suites on a real cluster, done to real pods: told by an alert, planned by the Runbooks as they ship, agreed to by
people; what came of each is compared with the same catalogue as without a cluster (tests/core/test_replayed.py).

A sample of them; all with `make scenarios-replayed`, which prints the table of docs/replayed.md.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.support.alerting import let_it_take_alerts
from e2e.support.api import Api
from e2e.support.flux import free_port
from e2e.support.operators import ForkServer, Operator
from e2e.support.replayed import Play, row
from e2e.support.scenes import Scenes
from replays import REPLAYS, Replay

# Two releases that are rolled back, and one in which a Runbook fits the alert, and the right act is none.
SAMPLE = ("bad-config-key", "no-node-fits", "wrong-selector")
ALL = os.environ.get("STANCH_REPLAYED", "") == "all"
PLAYED = tuple(each for each in REPLAYS if ALL or each.name in SAMPLE)

pytestmark = pytest.mark.timeout(600)


class Plays:
    """All that are played, at the same time."""

    def __init__(self, admin: Api, url: str) -> None:
        self.by_name = {each.name: Play(each, url) for each in PLAYED}
        self.scenes = Scenes(admin, *self.by_name.values())

    def __getitem__(self, replay: Replay) -> Play:
        """One of them, once it was played to its end."""
        play = self.by_name[replay.name]
        assert self.scenes[play]
        return play


@pytest.fixture(scope="module")
def plays(
    admin: Api, token: dict[str, Any], fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    """An operator with short waits that takes alerts of any namespace; its log must stay clean."""
    let_it_take_alerts(admin, "default")
    at = f"127.0.0.1:{free_port()}"
    more = {"alerts": at, "counts": {"alerts_namespaces": ["*"]}, "policy": {"crash_loop_hold": 3}}
    with Operator(token, tmp_path_factory.mktemp("replayed"), "replayed", fork_server, **more):
        made = Plays(admin, f"http://{at}/alerts")
        yield made
        made.scenes.close()
        for node in (obj for each in PLAYED for obj in each.before if obj["kind"] == "Node"):
            admin.delete("nodes", None, node["metadata"]["name"])


@pytest.mark.parametrize("replay", PLAYED, ids=str)
def test_the_cluster_says_what_the_catalogue_says(plays: Plays, replay: Replay) -> None:
    """
    The same advice, the same Runbook, and the same act or none; nothing was written before somebody agreed, and it is over.
    """
    came = plays[replay].came
    assert came
    if ALL:
        print(f"\n{row(replay, came)}")
    assert (replay.first, replay.runbook, replay.does) == (came.first, came.runbook, came.does)
    assert replay.unmet in (None, came.unmet)


def test_the_sample_has_one_best_left_alone() -> None:
    """
    What must not be done is looked at in every run.
    """
    sample = [each for each in REPLAYS if each.name in SAMPLE]
    assert len(SAMPLE) == len(sample)
    assert any(each.does is None for each in sample)
    assert any(each.does for each in sample)
