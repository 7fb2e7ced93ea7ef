"""
From three answers to an Incident: is the core journey down, for how many, are data or money at risk (decisions 2.4).

The severity is the matrix's, with its reasons; whoever declares may say another, and neither is argued with. Not knowing
is an answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.api.impact import Impact, Journey, Scope
from stanch.api.incident import DetectedBy, IncidentSpec, RunbookChoice
from stanch.api.meta import Severity, Target, TargetKind
from stanch.api.names import API_VERSION
from stanch.api.policy import DEFAULT
from stanch.core.severity import judge

UNKNOWN: Final = "unknown"
JOURNEYS: Final[Mapping[str, Journey | None]] = {
    "down": Journey.DOWN,
    "degraded": Journey.DEGRADED,
    "workaround": Journey.WORKAROUND,
    "cosmetic": Journey.COSMETIC,
    "working": Journey.WORKING,
    UNKNOWN: None,
}
SCOPES: Final[Mapping[str, Scope | None]] = {
    "all": Scope.ALL_USERS,
    "many": Scope.MANY_USERS,
    "some": Scope.SOME_USERS,
    "one-tenant": Scope.SINGLE_TENANT,
    "only-us": Scope.INTERNAL,
    "nobody": Scope.NONE,
    UNKNOWN: None,
}
RISKS: Final = ("data", "revenue", "security")
NOTHING_KNOWN: Final = "nothing known; a false SEV2 is cheap"
# As kubectl has them, besides the kinds' own names and plurals.
_SHORT: Final[Mapping[str, TargetKind]] = {
    "deploy": TargetKind.DEPLOYMENT,
    "sts": TargetKind.STATEFUL_SET,
    "rs": TargetKind.REPLICA_SET,
    "ds": TargetKind.DAEMON_SET,
    "no": TargetKind.NODE,
    "hpa": TargetKind.AUTOSCALER,
    "cm": TargetKind.CONFIG_MAP,
    "svc": TargetKind.SERVICE,
    "cj": TargetKind.CRON_JOB,
    "po": TargetKind.POD,
    "ks": TargetKind.KUSTOMIZATION,
    "hr": TargetKind.HELM_RELEASE,
    "app": TargetKind.APPLICATION,
}
_SLUG_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of it; None, and nothing in a tuple, is what they did not say."""

    title: str
    journey: Journey | None = None
    scope: Scope | None = None
    risks: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    severity: Severity | None = None
    service: str | None = None
    runbook: str | None = None
    by_customer: bool = False
    visible: bool | None = None
    drill: bool = False

    @property
    def impact(self) -> Impact | None:
        """None when nothing is known."""
        found = Impact(
            journey=self.journey,
            scope=self.scope,
            user_visible=self.visible,
            data_at_risk="data" in self.risks or None,
            revenue_stopped="revenue" in self.risks or None,
            security_breach="security" in self.risks or None,
        )
        return found if found != Impact() else None


def severity_of(said: Said) -> tuple[Severity, tuple[str, ...]]:
    """The severity that it will have, and why, strongest first. Where nothing is known the ResponsePolicy may say another."""
    judged = judge(said.impact, (), DEFAULT)
    level = judged.level or DEFAULT.when_unknown
    reasons = judged.reasons or (NOTHING_KNOWN,)
    if said.severity is None:
        return level, reasons
    other = "" if judged.level in (None, said.severity) else f"the matrix says {level.value}: {'; '.join(reasons)}"
    return said.severity, ("you say so", *([other] if other else []))


def target_of(text: str) -> Target:
    """`deployment/checkout`, `sts/orders`, or a Deployment by its name alone. Raises ValueError with what is wrong."""
    kind, slash, name = text.strip().rpartition("/")
    known = {each.lower(): each for each in TargetKind}
    known |= {f"{word}s": each for word, each in known.items()} | dict(_SHORT)
    found = known.get(kind.lower()) if slash else TargetKind.DEPLOYMENT
    if found is None:
        raise ValueError(f"{kind!r} is no kind that an incident can be about; these are: {', '.join(TargetKind)}")
    try:
        return Target(kind=found, name=name)
    except ValueError as error:
        raise ValueError(f"{name!r} is no name of a {found.value}, for example deployment/checkout") from error


def name_of(title: str, now: datetime) -> str:
    """
    `checkout-returns-500s-1121-1406`: found again by who looks for it. Of one minute and one title it is the same, so that who
    declares twice, for no answer came, declares once.
    """
    words = re.findall(r"[a-z0-9]+", title.lower())
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word[:_SLUG_MAX]
        if len(longer) > _SLUG_MAX:
            break
        slug = longer
    return f"{slug or 'incident'}-{now:%m%d-%H%M}"


def incident_of(said: Said, name: str, namespace: str) -> dict[str, Any]:
    """The object, with nothing in it that nobody said. Raises ValueError where it can't be one."""
    spec = IncidentSpec(
        title=said.title,
        service=said.service,
        severity=said.severity,
        detected_by=DetectedBy.CUSTOMER if said.by_customer else DetectedBy.PERSON,
        impact=said.impact,
        targets=said.targets or None,
        runbook=RunbookChoice(name=said.runbook) if said.runbook else None,
        drill=said.drill or None,
    )
    return {
        "apiVersion": API_VERSION,
        "kind": "Incident",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec.wire(),
    }


def refused_title(title: str) -> str:
    """Why it is no title; empty when it is one."""
    if not title.strip():
        return "the title is empty: say in one line what is wrong, in users' words"
    if len(title) > 200:
        return f"the title has {len(title)} characters, and 200 are the most: the rest belongs into a note"
    return "" if title.isprintable() else "the title must be one line without control characters"


def risks_of(words: Sequence[str]) -> tuple[str, ...]:
    """Of `data, revenue` or `none`, each once. Raises ValueError for another word."""
    found = [w for each in words for w in each.replace(",", " ").lower().split() if w not in ("none", "no", UNKNOWN)]
    if wrong := next((w for w in found if w not in RISKS), None):
        raise ValueError(f"{wrong!r} is none of {', '.join(RISKS)} and none")
    return tuple(dict.fromkeys(found))
