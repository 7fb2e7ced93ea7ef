"""What is held for part b: as long as the record needs it, within bounds, and gone with its incident."""

from build import incident
from stanch.api.incident import Incident
from stanch.core.observations import Found, Observations
from stanch.core.questions import EVIDENCES, Logs
from stanch.core.records import Store
from stanch.shell import holding
from stanch.shell.bells import Key
from stanch.shell.holding import Holding

LOG = Logs("shop", "a", "app", True, "n1", 10, 1024, 3.0)
SEEN = Observations({LOG: Found({"text": "x" * 1000, "dropped": 0})})


def part(name: str, of: int = 2) -> Store:
    """A bundle that leaves something for another one, or does not."""
    body = {"spec": {"part": {"index": 1, "of": of}, "items": [{"name": "pods.txt"}], "data": "H4sI"}}
    return Store(EVIDENCES, "shop", name, "sha256:1", body, urgent=True)


def recorded(*names: str, **rest: str) -> Incident:
    """An incident whose record names these, and parts b of some that are stored."""
    usual = {"purpose": "Before", "items": 1, "missing": 0, "bytes": 1, "sha256": "0", "stored": True}
    usual["capturedTime"] = "2026-11-21T14:00:00Z"
    found = [{"name": name, "rest": 1, **usual} for name in names]
    found += [{"name": name, "restOf": of, **usual} for name, of in rest.items()]
    made = incident()
    return Incident.model_validate({**made.wire(), "status": {"evidence": found}})


def test_the_answers_are_held_with_the_manifest_until_part_b_is_stored():
    """Without the archive, which nobody needs twice."""
    held, key = Holding(), Key("Incident", "shop", "one")
    held.keep(key, SEEN, [part("a"), part("whole", of=1)])
    (kept,) = held.of(key, recorded("a", "whole")).values()
    assert SEEN.answers == kept.answers
    assert [{"name": "pods.txt"}] == kept.manifest["items"]
    assert "data" not in kept.manifest
    assert {} == held.of(key, recorded("a", b="a"))
    assert {} == held.of(key, recorded("a"))


def test_what_the_record_does_not_name_or_whose_incident_is_gone_is_forgotten():
    """It was never stored, or it is over."""
    held, key = Holding(), Key("Incident", "shop", "one")
    held.keep(key, SEEN, [part("a")])
    assert {} == held.of(key, recorded("other"))
    held.keep(key, SEEN, [part("a")])
    held.forget(key)
    assert {} == held.of(key, recorded("a"))


def test_a_hundred_incidents_at_once_do_not_fill_the_memory(monkeypatch):
    """Those that captured longest ago make room; the one that captures now keeps its own in any case."""
    monkeypatch.setattr(holding, "BYTES_MAX", 2500)
    held, keys = Holding(), [Key("Incident", "shop", name) for name in "abcd"]
    for key in keys:
        held.keep(key, SEEN, [part(key.name)])
    assert [[], [], ["c"], ["d"]] == [list(held.of(key, recorded(key.name))) for key in keys]
    monkeypatch.setattr(holding, "BYTES_MAX", 1)
    held.keep(keys[0], SEEN, [part("a")])
    assert ["a"] == list(held.of(keys[0], recorded("a")))
