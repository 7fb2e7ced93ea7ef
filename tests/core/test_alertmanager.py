"""Alertmanager's webhook: real payloads are read, and no other text crashes or means more than text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import DATA, GROUP, alert, minutes, payload, told
from build import T0, Json
from stanch.api.alerts import AlertGroup
from stanch.api.incident import IncidentSpec
from stanch.core.alert_groups import (
    Create,
    Nothing,
    Rules,
    body_of,
    decide,
)
from stanch.core.alertmanager import Garbage, key_of, read

NOW = T0 + minutes(5)
RULES = Rules(alerts=1, within=minutes(2), reopen_within=minutes(240))
EMPTY = AlertGroup(key=key_of(GROUP), received_time=T0)


def raw(value: Any) -> bytes:
    """As it comes over the wire."""
    return json.dumps(value).encode()


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda p: p.stem)
def test_real_payloads_are_read(path: Any) -> None:
    """Of 0.25 and 0.34, firing and resolved."""
    body = json.loads(path.read_text())
    seen = read(path.read_bytes())
    assert key_of(body["groupKey"]) == seen.key
    assert [a["fingerprint"] for a in body["alerts"]] == [a.fingerprint for a in seen.alerts]
    assert [a["status"] == "firing" for a in body["alerts"]] == [a.ends_time is None for a in seen.alerts]
    assert "ShopErrors: checkout errors at 37%" == seen.title
    assert "shop" == seen.labels["namespace"]
    assert "critical" == seen.alerts[0].severity


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the body is not JSON"),
    "no JSON": (b"alerts=1", "the body is not JSON"),
    "half of it": (raw(payload(alert()))[:-20], "the body is not JSON"),
    "no UTF-8": (b'{"version": "\xff"}', "the body is not JSON"),
    "a lone surrogate": (b'{"version": "\\ud800"}', "the body is not JSON"),
    "a list": (b"[]", "should be an object"),
    "another version": (raw(payload(alert()) | {"version": "1"}), 'version: must be "4"'),
    "no alerts": (raw(payload()), "alerts: "),
    "alerts that are none": (raw(payload() | {"alerts": [1]}), "alerts.0: "),
    "a label that is a number": (raw(payload(alert() | {"labels": {"a": 1}})), "alerts.0.labels.a: "),
    "a fingerprint that is a path": (
        raw(payload(alert() | {"fingerprint": "../../x"})),
        "alerts.0.fingerprint: String should match",
    ),
    "a start in another era": (
        raw(payload(alert() | {"startsAt": "0001-01-01T00:00:00+14:00"})),
        "alerts.0.startsAt: ",
    ),
    "a start without a zone": (raw(payload(alert() | {"startsAt": "2026-11-21T14:00:00"})), "alerts.0.startsAt: "),
    "a status of its own": (raw(payload(alert()) | {"status": "maybe"}), "status: "),
    "no group": (raw(payload(alert()) | {"groupKey": ""}), "groupKey: "),
    "very deep": (b'{"version": ' + b"[" * 200_000, "the body is not JSON"),
    "very deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "the body is not JSON"),
    "deep where nobody looks": (raw(payload(alert()))[:-1] + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "not JSON"),
}


@pytest.mark.parametrize(("body", "says"), BROKEN.values(), ids=BROKEN)
def test_garbage_is_refused_by_the_name_of_its_field(body: bytes, says: str) -> None:
    """Never a crash, and never half of it."""
    with pytest.raises(Garbage, match=r"^[^\n]{5,300}$") as refused:
        read(body)
    assert says in str(refused.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
FIELDS = [*payload(alert()), "unknown"]
ALERT_FIELDS = [*alert(), "unknown"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=3),
    st.dictionaries(st.sampled_from(ALERT_FIELDS), ANY_JSON),
)
def test_no_json_crashes_it_and_what_is_read_can_be_stored(outer: Json, inner: Json) -> None:
    """Whatever stands in whichever field: garbage by name, or something that the schema takes."""
    try:
        seen = read(json.dumps({**payload(alert() | inner), **outer}, default=str).encode())
    except Garbage:
        return
    match decide(seen, (), RULES, T0):
        case Create() as create:
            body = body_of(create, create.names[0], "shop", seen)
            assert IncidentSpec.model_validate(body["spec"]).alert_group == create.group
            assert all(part.isprintable() for part in _texts(body))
        case decision:
            assert isinstance(decision, Nothing)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


HOSTILE = "\x1b[2J\u202e{{7*7}} %s $(rm -rf /) ../../kube-system\n" * 40


def test_labels_are_text_and_nothing_else() -> None:
    """Cut, without what acts on a terminal; and nothing is named after them."""
    labels = dict.fromkeys(("alertname", "namespace", "severity", "service", "slo", "runbook"), HOSTILE)
    bad = alert(**labels) | {"annotations": {"summary": HOSTILE}}
    seen = told(bad, commonAnnotations={"summary": HOSTILE}, groupLabels={HOSTILE: HOSTILE}, group=HOSTILE)
    create = decide(seen, (), RULES, T0)
    assert isinstance(create, Create)
    body = body_of(create, create.names[0], "shop", seen)
    assert {"name": f"inc-{key_of(HOSTILE)[:8]}-20261121-1400", "namespace": "shop"} == {
        k: body["metadata"][k] for k in ("name", "namespace")
    }
    assert {"stanch.dev/group": key_of(HOSTILE)} == body["metadata"]["labels"]
    assert all(part.isprintable() and len(part) <= 200 for part in _texts(body))
    assert seen.labels == {}, "what does not fit is left out: half a value is another value"


def test_an_incident_of_an_alert_wishes_nothing() -> None:
    """No mitigation, no runbook, no account: nothing that could act."""
    first = told(alert())
    create = decide(first, (), RULES, T0)
    assert isinstance(create, Create)
    assert {"title", "detectedBy", "alertGroup"} == set(body_of(create, "inc-x", "shop", first)["spec"])
