"""A replay does the same to another case: same words, same length, nothing of the recorded case left."""

from typing import Any

from bench.hops import Hop
from bench.replay import Names, bind, record, rewrite
from bench.workload import Case

PATCH = (
    '[{"op":"test","path":"/metadata/uid","value":"uid-a"},'
    '{"op":"add","path":"/x","value":{"stanch.dev/action":"0123456789abcdef"}}]'
)


def case(letter: str) -> Case:
    """A case whose names all end in one letter."""
    return Case(f"bench-{letter}", {"metadata": {"uid": f"uid-{letter}"}}, [f"checkout-1-{letter}"])


def note(method: str, url: str, body: str | None = None) -> dict[str, Any]:
    """One recorded request."""
    return {"method": method, "url": url, "body": body, "began": 0.0, "ended": 1.0, "status": 200}


RECORDED = [
    Hop((note("GET", "/api/v1/namespaces/bench-a/pods/checkout-1-a/log"),)),
    Hop(
        (
            note(
                "PATCH",
                "/x/bench-a/incidents/i/status",
                '{"metadata":{"resourceVersion":"7","uid":"inc-a"},"id":"uid-a"}',
            ),
        )
    ),
    Hop((note("PATCH", "/apis/apps/v1/namespaces/bench-a/deployments/checkout", PATCH),)),
]
RECIPE = record(Names(case("a"), "inc-a"), RECORDED)


def test_another_case_takes_the_recorded_ones_place():
    """Namespace, uid and pods are replaced in URLs and bodies, and the action id is a fresh one."""
    texts = [f"{n['url']} {n['body']}" for hop in rewrite(RECIPE, Names(case("b"), "")) for n in hop.requests]
    assert "bench-b/pods/checkout-1-b/log" in texts[0]
    assert '"value":"uid-b"' in texts[2]
    assert not any(word in text for text in texts for word in ("bench-a", "uid-a", "checkout-1-a", "0123456789abcdef"))


def test_a_replay_sends_as_many_bytes():
    """Otherwise it would be another measurement."""
    for old, new in zip(RECORDED, rewrite(RECIPE, Names(case("b"), "")), strict=True):
        assert [len(n["body"] or "") for n in old.requests] == [len(n["body"] or "") for n in new.requests]


def test_the_status_is_written_on_the_incident_just_made():
    """The uid and version of the fresh Incident come in at the last moment; a stale version would be refused."""
    hop = bind(RECORDED[1], "inc-a", {"metadata": {"uid": "inc-b", "resourceVersion": "12345"}})
    assert '"resourceVersion":"12345","uid":"inc-b"' in hop.requests[0]["body"]
