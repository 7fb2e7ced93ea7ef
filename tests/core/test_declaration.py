"""From three answers to a severity with reasons, and to an Incident with nothing in it that nobody said."""

from datetime import UTC, datetime

import pytest

from stanch.api.impact import Journey, Scope
from stanch.api.incident import IncidentSpec
from stanch.api.meta import Severity, Target, TargetKind
from stanch.core.declaration import Said, incident_of, name_of, refused_title, risks_of, severity_of, target_of

NOON = datetime(2026, 11, 21, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "level", "why"),
    [
        ({"journey": Journey.DOWN, "scope": Scope.MANY_USERS}, "SEV1", "the core journey is down for many users"),
        ({"journey": Journey.DOWN}, "SEV1", "the core journey is down, for whom is not known"),
        (
            {"journey": Journey.DEGRADED, "scope": Scope.SOME_USERS},
            "SEV3",
            "the core journey is degraded for some users",
        ),
        ({"scope": Scope.NONE, "risks": ("data",)}, "SEV1", "data is at risk"),
        ({"risks": ("revenue",)}, "SEV1", "no money comes in"),
        ({"risks": ("security",)}, "SEV1", "it is a security breach"),
        ({"journey": Journey.COSMETIC}, "SEV4", "it is cosmetic"),
        ({}, "SEV2", "nothing known; a false SEV2 is cheap"),
        ({"journey": Journey.WORKING, "scope": Scope.MANY_USERS}, "SEV2", "nothing known; a false SEV2 is cheap"),
    ],
)
def test_the_severity_is_the_matrix_with_its_reason(said: dict, level: str, why: str) -> None:
    """Any one fact is enough, and what is not known lowers nothing (decisions 2.4)."""
    found = severity_of(Said("t", **said))
    assert (level, why) == (found[0].value, found[1][0])


def test_a_person_says_another_and_hears_what_the_matrix_says() -> None:
    """It is not argued with."""
    level, reasons = severity_of(Said("t", journey=Journey.DOWN, severity=Severity.SEV3))
    assert ("SEV3", "you say so") == (level.value, reasons[0])
    assert reasons[1].startswith("the matrix says SEV1: the core journey is down")
    assert ("you say so",) == severity_of(Said("t", severity=Severity.SEV3))[1]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("checkout", TargetKind.DEPLOYMENT, "checkout"),
        ("deployment/checkout", TargetKind.DEPLOYMENT, "checkout"),
        ("deploy/checkout", TargetKind.DEPLOYMENT, "checkout"),
        ("Deployments/checkout", TargetKind.DEPLOYMENT, "checkout"),
        ("sts/orders", TargetKind.STATEFUL_SET, "orders"),
        ("HorizontalPodAutoscaler/web", TargetKind.AUTOSCALER, "web"),
        ("node/ip-10-0-0-1.local", TargetKind.NODE, "ip-10-0-0-1.local"),
    ],
)
def test_a_target_is_written_as_for_kubectl(text: str, kind: TargetKind, name: str) -> None:
    """Kind or its short form, or a Deployment's name alone."""
    assert Target(kind=kind, name=name) == target_of(text)


@pytest.mark.parametrize("kind", TargetKind)
def test_every_kind_there_is_can_be_named(kind: TargetKind) -> None:
    """In any case of letters."""
    assert kind is target_of(f"{kind.value.upper()}/x").kind


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("secret/x", "'secret' is no kind that an incident can be about; these are: Deployment, "),
        ("deploy/../../nodes/x", "is no kind"),
        ("deploy/", "'' is no name of a Deployment"),
        ("deploy/Check_out", "'Check_out' is no name of a Deployment, for example deployment/checkout"),
        ("", "'' is no name"),
    ],
)
def test_what_is_no_target_is_named(text: str, why: str) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=why.replace("(", r"\(").replace("..", r"\.\.")):
        target_of(text)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Checkout returns 500s", "checkout-returns-500s-1121-1205"),
        ("💥", "incident-1121-1205"),
        ("Ünïcode & <b>bold</b>", "n-code-b-bold-b-1121-1205"),
        ("w" * 100, "w" * 40 + "-1121-1205"),
        ("one two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight-1121-1205"),
    ],
)
def test_its_name_is_found_again_and_the_same_within_a_minute(title: str, name: str) -> None:
    """So that who declares twice, for no answer came, declares once."""
    assert name == name_of(title, NOON) == name_of(title, NOON.replace(second=59))
    assert len(name) <= 63


def test_nothing_is_in_it_that_nobody_said() -> None:
    """The least there is, and all there is; both are Incidents as the API reads them."""
    least = incident_of(Said("500s"), "a", "shop")
    assert {"title": "500s", "detectedBy": "Person"} == least["spec"]
    most = Said(
        "500s",
        Journey.DOWN,
        Scope.ALL_USERS,
        ("data",),
        (target_of("checkout"),),
        Severity.SEV1,
        "checkout",
        "bad-deploy",
        by_customer=True,
        visible=True,
        drill=True,
    )
    spec = incident_of(most, "a", "shop")["spec"]
    assert spec["impact"] == {"scope": "AllUsers", "journey": "Down", "userVisible": True, "dataAtRisk": True}
    assert spec["detectedBy"] == "Customer"
    assert {"name": "bad-deploy"} == spec["runbook"]
    assert spec == IncidentSpec.model_validate(spec).wire()


def test_titles_and_risks_that_are_none_are_refused_in_words() -> None:
    """Empty, too long, of several lines; a word that is no risk."""
    assert refused_title(" ").startswith("the title is empty")
    assert "201 characters" in refused_title("x" * 201)
    assert "one line" in refused_title("a\nb")
    assert "" == refused_title("x" * 200)
    assert ("data", "security") == risks_of(["data, security", "data", "none"])
    with pytest.raises(ValueError, match="'fire' is none of data, revenue, security and none"):
        risks_of(["fire"])
