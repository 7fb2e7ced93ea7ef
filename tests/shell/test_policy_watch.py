"""Are the policies in force, and since when: what the API server says of them, and what follows when it does not answer."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tools.policies import policies

from build import Json, stamp
from stanch.core.observations import Policies
from stanch.shell.client import Reply, Unanswered
from stanch.shell.policies import BITES_AFTER, EXPECTED
from stanch.shell.policy_watch import look_at_policies

INSTALLED = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
LATER = INSTALLED + timedelta(days=3)
BINDING = "ValidatingAdmissionPolicyBinding/stanch-timelineentry-author"
Change = Callable[[dict[str, Json | Reply | None]], None]


def installed() -> dict[str, Json | Reply | None]:
    """All of them, as the API server has them after a first install."""
    live: dict[str, Json | Reply | None] = {}
    for each in policies():
        for item in copy.deepcopy(each.objects()):
            writer = {"manager": "stanch-install", "time": stamp(INSTALLED), "fieldsV1": {"f:spec": {}}}
            item["metadata"] |= {
                "creationTimestamp": stamp(INSTALLED),
                "generation": 1,
                "managedFields": [writer],
            }
            live[f"{item['kind']}/{item['metadata']['name']}"] = item
    return live


class Paper:
    """An API server of a version, with these policies."""

    def __init__(self, live: dict[str, Json | Reply | None], minor: str = "36") -> None:
        self.minor = minor
        self.live = {f"/{e.resource}/{e.name}": live.get(key) for key, e in EXPECTED.items()}

    async def get(self, path: str) -> Reply:
        """One of them, or the version."""
        if path == "/version":
            return Reply(200, {"major": "1", "minor": self.minor})
        found = next(item for tail, item in self.live.items() if path.endswith(tail))
        return found if isinstance(found, Reply) else Reply(200, found) if found else Reply(404, {})


async def looked(*changes: Change) -> Policies:
    """What is seen after these changes."""
    live = installed()
    for change in changes:
        change(live)
    return await look_at_policies(Paper(live))


def made_again(live: dict[str, Json]) -> None:
    """Deleted, and applied again three days later."""
    live[BINDING]["metadata"]["creationTimestamp"] = stamp(LATER)


def written(time: datetime, manager: str = "stanch-install", **fields: Json) -> Change:
    """Changed and back, or by an upgrade: another generation; and who wrote what then."""

    def change(live: dict[str, Json]) -> None:
        meta = live[BINDING]["metadata"]
        writer = {"manager": manager, "time": stamp(time), "fieldsV1": fields or {"f:spec": {}}}
        meta |= {"generation": 3, "managedFields": [*meta["managedFields"], writer]}

    return change


def labelled(live: dict[str, Json]) -> None:
    """Applied again with another label by the installer itself: its one time moves, the generation does not."""
    live[BINDING]["metadata"]["managedFields"][0]["time"] = stamp(LATER)


@pytest.mark.parametrize(
    ("change", "since"),
    [
        (lambda _: None, INSTALLED),
        (labelled, INSTALLED),
        (made_again, LATER),
        (written(LATER), LATER),
        (written(LATER, "kubectl-edit"), LATER),
        (written(LATER, "argocd", **{"f:metadata": {}}), INSTALLED),
    ],
    ids=["installed", "applied-again", "made-again", "changed-and-back", "by-another", "labelled-by-another"],
)
async def test_in_force_since_the_last_of_them_became_what_it_is(change: Change, since: datetime) -> None:
    """Five seconds more, for a policy that is stored is not yet one that holds. To apply the same again moves nothing."""
    assert Policies(True, since=since + BITES_AFTER) == await looked(change)


async def test_a_gap_that_nobody_looked_into_is_seen_afterwards() -> None:
    """Away for a second between two looks."""
    before = await looked()
    after = await looked(made_again)
    assert (True, True) == (before.proven and after.proven, after.since > before.since)


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_one_answer_that_did_not_come_is_no_missing_policy(status: int) -> None:
    """Else the word of whoever speaks in that moment would be refused for good."""
    seen = await looked(lambda live: live.update({BINDING: Reply(status, {"message": "not now"})}))
    assert (False, True, True) == (seen.proven, seen.unclear, "not now" in seen.problem)


async def test_an_api_server_that_is_silent_proves_nothing_either_way() -> None:
    """Nothing is done, and nobody is refused."""

    class Silent(Paper):
        async def get(self, path: str) -> Reply:
            raise Unanswered("no route")

    seen = await look_at_policies(Silent({}))
    assert (False, True) == (seen.proven, seen.unclear)


async def test_one_that_is_missing_is_missing() -> None:
    """Known: so what is said meanwhile is refused at once, with words."""
    seen = await looked(lambda live: live.update({BINDING: None}))
    assert (False, False, None) == (seen.proven, seen.unclear, seen.since)
    assert "stanch-timelineentry-author is missing" in seen.problem


async def test_an_old_cluster_is_said_to_be_one() -> None:
    """It records, and never acts."""
    seen = await look_at_policies(Paper(installed(), minor="35"))
    assert (False, False) == (seen.proven, seen.unclear)
    assert "acts from 1.36 on" in seen.problem
