"""What is held for part b: as long as the record needs it, within bounds, and gone with its incident."""

from dataclasses import replace

from build import incident
from stanch.api.incident import Incident
from stanch.core.held import GIVEN_UP, LINE_BYTES, PARSED, size
from stanch.core.observations import Found, Held, Observations
from stanch.core.questions import EVENTS, EVIDENCES, PODS, List, Logs
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


def sized(question, size: int = 0, text: str = "") -> dict:
    """One answer that came in so many bytes, or is so long a log."""
    return {question: Found({"text": text, "dropped": 0} if text else {"items": []}, size)}


def test_objects_events_and_manifests_count_as_logs_do():
    """Whatever is held is bounded: JSON by what it takes once it is parsed, texts by their characters."""
    pods, events = List(PODS, "shop"), List(EVENTS, "shop", fields="type=Warning")
    held = Held({**sized(pods, 1000), **sized(events, 500), **sized(LOG, text="x" * 300)}, {"items": [{}] * 3})
    assert 1500 * PARSED + 300 + 3 * LINE_BYTES == size([held])
    assert 4 * 300 == size([Held(sized(LOG, text="ü" * 300))]), "what is not ASCII takes up to four bytes"
    assert size([held]) == size([held, Held(held.answers)]), "what two share is there once"


def test_a_hundred_incidents_at_once_do_not_fill_the_memory(monkeypatch):
    """Those that captured longest ago make room, and a note says of each that it did; the newest keeps its own."""
    list_of_pods = List(PODS, "shop")
    seen = Observations(sized(list_of_pods, 1000))
    one = 1000 * PARSED + LINE_BYTES
    monkeypatch.setattr(holding, "BYTES_MAX", 2 * one)
    held, keys = Holding(), [Key("Incident", "shop", name) for name in "abcd"]
    for key in keys:
        held.keep(key, Observations(dict(sized(list_of_pods, 1000))), [part(key.name)])
    found = [held.of(key, recorded(key.name))[key.name] for key in keys]
    assert [True, True, False, False] == [each.given_up for each in found]
    assert [0, 0, 1, 1] == [len(each.answers) for each in found]
    assert size(found) <= 2 * one
    assert seen.answers == found[3].answers


def test_what_an_incident_captured_before_goes_before_what_it_captures_now(monkeypatch):
    """Its own older capture is as old as anybody's."""
    monkeypatch.setattr(holding, "BYTES_MAX", 3000)
    held, key = Holding(), Key("Incident", "shop", "one")
    held.keep(key, Observations(sized(LOG, text="x" * 1500)), [part("declared")])
    held.keep(key, Observations(sized(LOG, text="y" * 1500)), [part("before")])
    found = held.of(key, recorded("declared", "before"))
    assert [True, False] == [found["declared"].given_up, found["before"].given_up]


def test_one_capture_that_is_too_large_gives_up_current_logs_first(monkeypatch):
    """Each log that went has an answer that says so; what its pods were, and its shorter logs, stay."""
    current, longer = replace(LOG, previous=False), replace(LOG, previous=False, container="web")
    answers = sized(LOG, text="p" * 2000) | sized(current, text="c" * 900) | sized(longer, text="w" * 1000)
    monkeypatch.setattr(holding, "BYTES_MAX", 3000 + LINE_BYTES)
    held, key = Holding(), Key("Incident", "shop", "one")
    held.keep(key, Observations(answers), [part("a")])
    kept = held.of(key, recorded("a"))["a"]
    assert {LOG, current} == {q for q, a in kept.answers.items() if isinstance(a, Found)}
    assert "BudgetFull" == kept.answers[longer].reason
    assert not kept.given_up


def test_one_capture_whose_objects_alone_are_too_large_is_given_up(monkeypatch):
    """Without its objects nobody could lay its logs out."""
    monkeypatch.setattr(holding, "BYTES_MAX", 1000)
    held, key = Holding(), Key("Incident", "shop", "one")
    held.keep(key, Observations(sized(List(PODS, "shop"), 1000)), [part("a")])
    assert GIVEN_UP == held.of(key, recorded("a"))["a"]


def test_who_is_looked_at_often_is_not_the_newest_for_that(monkeypatch):
    """Room is made in the order of capturing."""
    monkeypatch.setattr(holding, "BYTES_MAX", 2 * (1000 + LINE_BYTES))
    held, keys = Holding(), [Key("Incident", "shop", name) for name in "abc"]
    for key in keys[:2]:
        held.keep(key, Observations(sized(LOG, text="x" * 1000)), [part(key.name)])
    held.of(keys[0], recorded("a"))
    held.keep(keys[2], Observations(sized(LOG, text="x" * 1000)), [part("c")])
    assert [True, False, False] == [held.of(key, recorded(key.name))[key.name].given_up for key in keys]
