"""Severity by the matrix (decisions 2.4): the worst row of which one fact is known; and whose word counts."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import alert, told
from build import T0, Json, entry, incident
from stanch.api.alerts import AlertGroup, Burn, Signal
from stanch.api.impact import Impact, Journey, Scope
from stanch.api.incident import Incident
from stanch.api.meta import Severity
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.alert_states import merged
from stanch.core.severity import REASONS_MAX, burn_of, judge, window_of
from world import World

SEV1, SEV2, SEV3, SEV4 = Severity
H, M = timedelta(hours=1), timedelta(minutes=1)


def of(**impact: Any) -> Impact:
    """An impact as people write it."""
    return Impact.model_validate(impact)


def signal(*burns: tuple[str, str], severity: str | None = None) -> Signal:
    """A signal with burn rates ``(window, factor)``."""
    return Signal.model_validate(
        {"name": "s", "severity": severity, "burn": [{"window": w, "factor": f} for w, f in burns] or None}
    )


IMPACTS: list[tuple[Json, Severity | None]] = [
    ({}, None),
    ({"journey": "Down", "scope": "AllUsers"}, SEV1),
    ({"journey": "Down", "scope": "ManyUsers"}, SEV1),
    ({"journey": "Down"}, SEV1),
    ({"journey": "Down", "scope": "SomeUsers"}, SEV2),
    ({"journey": "Down", "scope": "SingleTenant"}, SEV3),
    ({"journey": "Down", "scope": "Internal"}, SEV4),
    ({"dataAtRisk": True}, SEV1),
    ({"securityBreach": True}, SEV1),
    ({"revenueStopped": True}, SEV1),
    ({"dataAtRisk": False}, None),
    ({"journey": "Degraded", "scope": "ManyUsers"}, SEV2),
    ({"journey": "Degraded"}, SEV2),
    ({"journey": "Degraded", "scope": "SomeUsers"}, SEV3),
    ({"regionDown": True}, SEV2),
    ({"journey": "Workaround"}, SEV3),
    ({"scope": "SingleTenant"}, SEV3),
    ({"redundancyLost": True}, SEV3),
    ({"journey": "Cosmetic"}, SEV4),
    ({"scope": "Internal"}, SEV4),
    ({"scope": "None"}, SEV4),
    ({"scope": "None", "dataAtRisk": True}, SEV1),
    ({"journey": "Working", "scope": "ManyUsers"}, None),
]


@pytest.mark.parametrize(("impact", "level"), IMPACTS, ids=str)
def test_impact_by_the_table(impact: Json, level: Severity | None) -> None:
    """The highest row that is known to be true."""
    assert level == judge(of(**impact), (), DEFAULT).level


BURNS: list[tuple[tuple[tuple[str, str], ...], Severity | None]] = [
    ((("1h", "16.1"), ("5m", "22")), SEV1),
    ((("1h", "14.4"), ("5m", "14.4")), SEV1),
    ((("1h", "14"), ("5m", "14")), SEV1),
    ((("1h", "13.9"), ("5m", "20")), None),
    ((("1h", "16"),), None),
    ((("5m", "16"),), None),
    ((("1h", "16"), ("5m", "3")), None),
    ((("6h", "6"), ("30m", "6")), SEV2),
    ((("6h", "20"), ("30m", "20")), SEV1),
    ((("24h", "3"), ("2h", "3")), SEV3),
    ((("72h", "1"), ("6h", "1")), SEV3),
    ((("96h", "1"), ("6h", "1")), SEV3),
    ((("72h", "0.5"), ("6h", "0.5")), None),
]


@pytest.mark.parametrize(("burns", "level"), BURNS, ids=str)
def test_burn_rates_by_both_windows(burns: tuple[tuple[str, str], ...], level: Severity | None) -> None:
    """One window is a spike, or the past; a rate that was rounded counts as what it was rounded from."""
    assert level == judge(None, (signal(*burns),), DEFAULT).level


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("critical", SEV2),
        ("page", SEV2),
        ("Error", SEV2),
        ("warning", SEV3),
        ("ticket", SEV3),
        ("info", SEV4),
        ("meh", None),
    ],
)
def test_an_alert_alone_is_never_the_worst(said: str, level: Severity | None) -> None:
    """Its label is somebody's word from long ago; SEV1 needs impact or numbers."""
    assert level == judge(None, (signal(severity=said),), DEFAULT).level


def test_reasons_are_printed_strongest_first() -> None:
    """At most six, each a fact."""
    facts = judge(
        of(
            journey="Degraded",
            dataAtRisk=True,
            securityBreach=True,
            revenueStopped=True,
            regionDown=True,
            redundancyLost=True,
        ),
        (signal(("1h", "16.1"), ("5m", "22"), severity="warning"),),
        DEFAULT,
    )
    assert REASONS_MAX == len(facts.reasons)
    assert "burn 16.1 over 1h and 22 over 5m, SEV1 from 14.4" == facts.reasons[0]
    assert "an alert says warning, which is SEV3" not in facts.reasons


def test_a_burn_that_nobody_notices_stays_and_says_so() -> None:
    """It may be the measure that is wrong; or nobody looked."""
    facts = judge(of(scope="None"), (signal(("6h", "8"), ("30m", "8")),), DEFAULT)
    assert (SEV2, "nobody seems to notice: check") == (facts.level, facts.reasons[-1])


IMPACT = st.builds(
    Impact,
    scope=st.none() | st.sampled_from(Scope),
    journey=st.none() | st.sampled_from(Journey),
    **{
        name: st.none() | st.booleans()
        for name in ("data_at_risk", "security_breach", "revenue_stopped", "region_down", "redundancy_lost")
    },
)
SIGNALS = st.lists(
    st.builds(
        lambda long, factor, said: signal((long, factor), ("5m", factor), severity=said),
        st.sampled_from(["1h", "6h", "24h"]),
        st.sampled_from(["1", "3", "6", "14.4", "100"]),
        st.none() | st.sampled_from(["critical", "info", "?"]),
    ),
    max_size=4,
)


@given(IMPACT, SIGNALS, SIGNALS)
def test_to_know_more_signals_never_lowers_it(impact: Impact, some: list[Signal], more: list[Signal]) -> None:
    """What is not known never lowers it; and the order in which it is known is no matter."""
    less, all_of_it = judge(impact, some, DEFAULT), judge(impact, [*some, *more], DEFAULT)
    assert less.level is None or (all_of_it.level is not None and all_of_it.level <= less.level)
    assert all_of_it == judge(impact, [*more, *some], DEFAULT)
    assert (all_of_it.level is None) == (all_of_it.reasons == ())
    assert len(all_of_it.reasons) <= REASONS_MAX


# --- what labels of SLO tools stand for ------------------------------------------------------------------------------

LABELS: list[tuple[str, Json, list[tuple[timedelta, str]] | None]] = [
    ("Pyrra, 14", {"slo": "api", "long": "1h", "short": "5m", "exhaustion": "2d"}, [(H, "14"), (5 * M, "14")]),
    ("Pyrra, 7", {"long": "6h", "short": "30m", "exhaustion": "4d"}, [(6 * H, "7"), (30 * M, "7")]),
    ("Pyrra, 2", {"long": "1d", "short": "2h", "exhaustion": "2w"}, [(24 * H, "2"), (2 * H, "2")]),
    ("Pyrra, 1", {"long": "4d", "short": "6h", "exhaustion": "4w"}, [(96 * H, "1"), (6 * H, "1")]),
    ("Pyrra, two weeks", {"long": "30m", "short": "3m", "exhaustion": "1d"}, [(30 * M, "14"), (3 * M, "14")]),
    ("kube-prometheus", {"long": "1h", "short": "5m"}, [(H, "14.4"), (5 * M, "14.4")]),
    ("kube-prometheus, slow", {"long": "3d", "short": "6h"}, [(72 * H, "1"), (6 * H, "1")]),
    ("Sloth", {"sloth_id": "a-b", "sloth_severity": "page"}, None),
    ("another tool's", {"long": "1h", "short": "5m", "exhaustion": "1h"}, None),
    ("windows of no table", {"long": "2h", "short": "5m"}, None),
    ("swapped", {"long": "5m", "short": "1h"}, None),
    ("not windows", {"long": "a while", "short": "5m"}, None),
]


@pytest.mark.parametrize(("labels", "burns"), [case[1:] for case in LABELS], ids=[case[0] for case in LABELS])
def test_labels_of_slo_tools(labels: dict[str, str], burns: list[tuple[timedelta, str]] | None) -> None:
    """An alert that fires says that both windows burn faster than its rate."""
    assert burns == ([(b.window, b.factor) for b in found] if (found := burn_of(labels)) else None)


@given(st.text(max_size=30))
def test_a_window_is_read_or_it_is_none(text: str) -> None:
    """Whatever stands in a label."""
    found = window_of(text)
    assert found is None or found > timedelta(0)


def test_an_alert_carries_what_its_labels_stand_for() -> None:
    """From the payload to the severity."""
    seen = told(alert(severity="critical", slo="checkout", long="1h", short="5m", exhaustion="2d"))
    assert (Burn(window=H, factor="14"), Burn(window=5 * M, factor="14")) == seen.alerts[0].burn
    assert SEV1 == judge(None, seen.alerts, DEFAULT).level
    sloth = told(alert(severity="", sloth_severity="page", sloth_id="shop-checkout"))
    assert ("page", "shop-checkout") == (sloth.alerts[0].severity, sloth.alerts[0].slo)


# --- in an incident --------------------------------------------------------------------------------------------------


def alarmed(*alerts: Json, by: str = "system:serviceaccount:stanch-system:stanch", **spec: Any) -> Incident:
    """An incident that these alerts made."""
    seen = told(*alerts)
    group = merged(AlertGroup(key=seen.key, received_time=T0), seen, T0)
    made = incident(by=by, **{"severity": None, "alertGroup": group.wire(), **spec})
    labels = {Label.ALERT_GROUP: seen.key}
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": labels})})


def lived(made: Incident, *said: Any) -> World:
    """What becomes of it."""
    world = World(made)
    world.look()
    world.entries += said
    world.look()
    return world


def test_nothing_known_is_sev2() -> None:
    """A false SEV2 is cheap."""
    record = lived(incident(severity=None)).incident.status.severity
    assert record is not None
    assert (SEV2, "Derived", ("nothing known; a false SEV2 is cheap",)) == (record.level, record.source, record.reasons)


def test_alerts_make_the_severity_and_print_why() -> None:
    """A warning is less than what nothing known would be."""
    record = lived(alarmed(alert(severity="warning"))).incident.status.severity
    assert record is not None
    assert (SEV3, "Derived", ("an alert says warning, which is SEV3",)) == (record.level, record.source, record.reasons)


def test_alerts_that_a_person_wrote_down_count_for_nothing() -> None:
    """Only what the receiver stored does: the label is the operator's."""
    made = alarmed(alert(severity="info"))
    bare = made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": {}})})
    record = lived(bare).incident.status.severity
    assert record is not None
    assert SEV2 == record.level


def test_it_rises_by_itself_and_never_falls_by_itself() -> None:
    """By what a person says of the impact; on the record, with the reason."""
    world = lived(alarmed(alert(severity="info")), entry("ana", impact={"journey": "Down", "scope": "AllUsers"}))
    record = world.incident.status.severity
    assert record is not None
    assert (SEV1, "the core journey is down for many users") == (record.level, (record.reasons or ("",))[0])
    assert any("SEV4 to SEV1: the core journey is down" in line.text for line in world.incident.status.timeline)
    world.entries.append(entry("ana", after=5 * M, impact={"journey": "Cosmetic", "scope": "None"}))
    world.look()
    assert world.incident.status.severity is not None
    assert SEV1 == world.incident.status.severity.level


@pytest.mark.parametrize("level", ["SEV4", "SEV1"])
def test_a_persons_word_stands(level: str) -> None:
    """Down is free, up is free; what is known is told beside it when it says more, once."""
    world = lived(alarmed(alert(severity="critical")), entry("ana", severity={"level": level}))
    record = world.incident.status.severity
    assert record is not None
    assert (level, "set by ana") == (record.level.value, (record.reasons or ("",))[0])
    told_beside = [line for line in world.incident.status.timeline if line.kind == "SignalsSay"]
    assert (level == "SEV4") == bool(told_beside)
    world.look()
    assert len(told_beside) == len([x for x in world.incident.status.timeline if x.kind == "SignalsSay"]) <= 1
