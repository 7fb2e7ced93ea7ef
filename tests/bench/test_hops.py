"""How hops are counted, on notes made by hand."""

from typing import Any

import pytest
from bench.hops import count, hops, on_the_way, words

from stanch.api.names import API_VERSION

INSIDE = f"/apis/{API_VERSION}/namespaces/shop"
TARGET = "/apis/apps/v1/namespaces/shop/deployments/checkout"


def note(method: str, url: str, began: float, ended: float) -> dict[str, Any]:
    """One request."""
    return {"method": method, "url": url, "began": began, "ended": ended, "status": 200}


WAY = [
    note("GET", TARGET, 1, 3),
    note("GET", "/api/v1/namespaces/shop/services", 2, 4),
    note("GET", "/api/v1/namespaces/shop/pods/checkout-1/log?previous=true", 5, 8),
    note("POST", "/api/v1/namespaces/shop/events", 6, 12),
    note("PATCH", f"{TARGET}?dryRun=All", 7, 9),
    note("PATCH", f"{INSIDE}/incidents/checkout-5xx/status", 10, 11),
    note("PATCH", f"{TARGET}?fieldManager=stanch", 12, 13),
    note("GET", TARGET, 14, 15),
]


def test_requests_that_overlap_are_one_hop():
    """What is under way together is one hop; an Event, which nobody waits for, bridges none."""
    assert [len(hop.requests) for hop in hops(on_the_way(WAY, 0))] == [2, 2, 1, 1]


def test_logs_that_wait_for_logs_are_one_hop():
    """A node is asked for two logs at a time; how long each takes must not change the count."""
    log = "/api/v1/namespaces/shop/pods/checkout-1/log"
    queued = [note("GET", log, 1, 2), note("PATCH", f"{TARGET}?dryRun=All", 1.5, 2), note("GET", log, 3, 4)]
    assert (len(hops(queued)), len(hops(queued, strict=True))) == (1, 2)


def test_the_way_ends_with_the_effect():
    """What comes after the effect, and what came before the question, is not counted."""
    assert [each["began"] for each in on_the_way(WAY, 2)] == [2, 5, 6, 7, 10, 12]


def test_without_an_effect_nothing_is_counted():
    """A dry run is no effect."""
    with pytest.raises(ValueError, match="no effect"):
        on_the_way(WAY[:6], 0)


def test_the_persons_post_counts_and_logs_count_apart():
    """15 calls + k: hop 0 and call 1 are the person's."""
    found = count(on_the_way(WAY, 0))
    assert (found.hops, found.calls, found.logs, found.aside) == (5, 6, 1, 1)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "GET deployments"), (2, "GET log"), (4, "PATCH deployments dry"), (5, "PATCH incidents/status")],
)
def test_a_request_in_two_words(number: int, said: str):
    """The table must be readable without URLs."""
    assert words(WAY[number]) == said
