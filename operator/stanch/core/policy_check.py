"""What a structural schema can't refuse in a ResponsePolicy: wrong combinations, durations out of bounds, wrong places."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from itertools import chain
from typing import Final
from urllib.parse import urlsplit

from stanch.api.duration import write
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.policy import DEFAULT
from stanch.api.policy_sections import ChannelKind
from stanch.api.response_policy import CLUSTER_ONLY, IN_FORCE_MAX, ResponsePolicySpec
from stanch.api.said import Audience, Role
from stanch.core.addresses import meant, wrong_host
from stanch.core.policy_paths import everywhere, stated
from stanch.core.templates import problem
from stanch.core.update_templates import LISTS, NAMES, PUBLIC_NAMES

# Where a cloud keeps credentials though it is not link-local.
ELSEWHERE: Final = frozenset({ip_address("fd00:ec2::254")})
_S: Final = timedelta(seconds=1)
_M: Final = timedelta(minutes=1)
_H: Final = timedelta(hours=1)
_YEARS: Final = 10 * 8760 * _H

# The API server admits one each; an older schema, or a file edited in etcd, may not have.
_ONCE: Final = {
    "approvals.person": "class_",
    "approvals.machine": "class_",
    "approvals.auto": "class_",
    "evidence.deadline": "severity",
    "retention.evidence": "severity",
    "recovery.hold": "severity",
    "roles.required": "severity",
    "communications.cadence": "severity",
    "communications.channels": "name",
    "endpoints": "name",
    "contacts": "name",
}
# A duration is a string in the schema, which can't bound it. Nothing that is looked at again and again may take no time.
_BOUNDS: Final = {
    "guardrails.perTarget": (0 * _S, 24 * _H),
    "guardrails.storm.within": (_S, 24 * _H),
    "guardrails.storm.calm": (_S, 24 * _H),
    "approvals.validFor": (_M, 24 * _H),
    "approvals.askFor": (_M, 24 * _H),
    "evidence.deadline[].within": (_S, 60 * _S),
    "recovery.hold[].for": (_S, 24 * _H),
    "recovery.sampleEvery": (_S, 5 * _M),
    "recovery.crashLoopHold": (0 * _S, _H),
    "recovery.gitOpsHold": (0 * _S, _H),
    "recovery.reopenWithin": (_M, 168 * _H),
    "recovery.recurrenceWithin": (_M, _YEARS),
    "postmortem.due": (_H, 2160 * _H),
    "postmortem.reviewWithin": (_H, 2160 * _H),
    "postmortem.publishWithin": (_H, 2160 * _H),
    **{f"actionItems.maxDue.{name}": (_H, _YEARS) for name in ("P0", "P1", "P2", "P3")},
    "actionItems.chaseEvery": (_M, _YEARS),
    "actionItems.threeWeekTest": (_M, _YEARS),
    "actionItems.escalateAfter": (_M, _YEARS),
    "actionItems.lookEvery": (_S, 24 * _H),
    "actionItems.hold": (_S, 168 * _H),
    "retention.incident": (24 * _H, _YEARS),
    "retention.entries": (_H, _YEARS),
    "retention.evidence[].for": (24 * _H, _YEARS),
    "retention.drills": (_H, _YEARS),
    "communications.cadence[].internal": (_M, 168 * _H),
    "communications.cadence[].leadership": (_M, 168 * _H),
    "communications.cadence[].publicFirst": (_M, 168 * _H),
    "communications.cadence[].public": (_M, 168 * _H),
    "roles.required[].within": (_M, 168 * _H),
    "roles.splitAfter.duration": (_M, 24 * _H),
    "roles.handoffAfter": (_M, 168 * _H),
    "roles.acceptWithin": (_M, 24 * _H),
    "declare.within": (_S, _H),
    "declare.nudgeAfter": (_M, 168 * _H),
    "severity.burn[].short": (_S, 720 * _H),
    "severity.burn[].long": (_S, 720 * _H),
}


def first_wrong(spec: ResponsePolicySpec) -> str:
    """`spec.<field>: why` of the first thing that can't be meant; '' when all of it can."""
    return next(chain.from_iterable(check(spec) for check in CHECKS), "")


def misplaced(spec: ResponsePolicySpec, namespace: str) -> tuple[str, ...]:
    """Paths that only the cluster's policy may have, and this one has (stanch-policy-places refuses them, too)."""
    if namespace == OPERATOR_NAMESPACE:
        return ()
    return tuple(path for path in CLUSTER_ONLY if stated(spec, path) is not None)


def _said_twice(spec: ResponsePolicySpec) -> Iterator[str]:
    for path, key in _ONCE.items():
        seen: set[str] = set()
        for item in stated(spec, path) or ():
            value = str(getattr(item, key))
            if value in seen:
                yield f"spec.{path}: {key.rstrip('_')} {value} is there twice"
            seen.add(value)


def _out_of_bounds(spec: ResponsePolicySpec) -> Iterator[str]:
    for path, (least, most) in _BOUNDS.items():
        for where, value in everywhere(spec, path):
            if not least <= value <= most:
                yield f"{where}: must be from {write(least)} to {write(most)} (got {write(value)})"


def _windows(spec: ResponsePolicySpec) -> Iterator[str]:
    for where, burn in everywhere(spec, "severity.burn[]"):
        if burn.long <= burn.short:
            yield f"{where}: long must be longer than short (got {write(burn.long)} and {write(burn.short)})"
        if float(burn.factor) == 0:
            yield f"{where}.factor: must be more than 0 (got {burn.factor})"


def _storm(spec: ResponsePolicySpec) -> Iterator[str]:
    storm = stated(spec, "guardrails.storm")
    if storm is None:
        return
    within, calm = storm.within or DEFAULT.storm_within, storm.calm or DEFAULT.storm_calm
    if within > calm:
        yield (
            f"spec.guardrails.storm.within: must not be longer than calm, or a storm is over before it is counted "
            f"(got {write(within)} and {write(calm)})"
        )


def _roles(spec: ResponsePolicySpec) -> Iterator[str]:
    for where, roles in everywhere(spec, "roles.required[].roles"):
        if twice := next((r.value for r in roles if roles.count(r) > 1), ""):
            yield f"{where}: {twice} is there twice"


def _pairs(spec: ResponsePolicySpec) -> Iterator[str]:
    known = {role.value for role in Role}
    for pair in stated(spec, "roles.avoid") or ():
        one, _, other = pair.partition("+")
        if unknown := next((role for role in (one, other) if role not in known), ""):
            yield f"spec.roles.avoid: {unknown} is no role (got {pair}); roles are {', '.join(sorted(known))}"
        elif one == other:
            yield f"spec.roles.avoid: {pair} must name two different roles"


def _templates(spec: ResponsePolicySpec) -> Iterator[str]:
    """Looked at before anybody needs it: at night a draft that can't be made is no draft."""
    seen = set()
    for where, each in everywhere(spec, "communications.templates[]"):
        if (each.audience, each.moment) in seen:
            yield f"{where}: {each.audience.value} {each.moment.value} is there twice"
        seen.add((each.audience, each.moment))
        public = each.audience is Audience.PUBLIC
        if why := problem(each.text, PUBLIC_NAMES if public else NAMES, frozenset() if public else LISTS):
            yield f"{where}.text: {why}"


def _addresses(spec: ResponsePolicySpec) -> Iterator[str]:
    """What the operator connects to: no credentials in a record that many read, nor where a cloud keeps its own."""
    for where, url in (*everywhere(spec, "prometheus.url"), *everywhere(spec, "endpoints[].url")):
        if why := wrong_address(url):
            yield f"{where}: {why}"


def _channels(spec: ResponsePolicySpec) -> Iterator[str]:
    """Words for the house and words for the public never share a place; a pager pages the house."""
    for where, channel in everywhere(spec, "communications.channels[]"):
        audiences = channel.audiences
        if not audiences:
            yield f"{where}.audiences: must name who hears it there: internal, leadership or public"
        if twice := next((a.value for a in audiences if audiences.count(a) > 1), ""):
            yield f"{where}.audiences: {twice} is there twice"
        if Audience.PUBLIC in audiences and len(audiences) > 1:
            yield f"{where}.audiences: public must be alone, or the public hears what is for the house; make another channel"
        if channel.kind in (ChannelKind.PAGER_DUTY, ChannelKind.GRAFANA) and audiences != (Audience.INTERNAL,):
            yield f"{where}.audiences: must be [internal] for {channel.kind.value} (got {_listed(audiences)})"
        if channel.private_host and (why := _never(channel.private_host)):
            yield f"{where}.privateHost: {why}"


def _listed(audiences: Iterable[Audience]) -> str:
    return f"[{', '.join(a.value for a in audiences)}]"


def _never(host: str) -> str:
    return wrong_host(host, host).replace("it is", "must not be", 1)


def wrong_address(url: str) -> str:
    """Why nothing is asked at this URL; empty when it may be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an URL"
    if not host or parts.scheme not in ("http", "https"):
        return "must be an http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user or password"
    try:
        forbidden = is_forbidden(host)
    except ValueError:
        return ""  # A name; what it stands for is looked at when it is asked.
    return "must not be a link-local address, where clouds keep credentials" if forbidden else ""


def is_forbidden(address: str) -> bool:
    """Is it link-local, also when it is an IPv4 address that is written as an IPv6 one? Raises ValueError for a name."""
    return meant(address).is_link_local or ip_address(address.partition("%")[0]) in ELSEWHERE


def _budget(spec: ResponsePolicySpec) -> Iterator[str]:
    for where, query in everywhere(spec, "errorBudget.query"):
        if "$(" in query:
            yield f"{where}: nothing is filled in; ask for all services, in series with the label `namespace` (got {query!r})"


def _size(spec: ResponsePolicySpec) -> Iterator[str]:
    size = len(spec.model_dump_json(by_alias=True, exclude_none=True))
    if size > IN_FORCE_MAX:
        yield f"spec: must have at most {IN_FORCE_MAX} characters as JSON (got {size})"


Check = Callable[[ResponsePolicySpec], Iterator[str]]
_MORE: Final[tuple[Check, ...]] = (_pairs, _templates, _addresses, _channels, _budget, _size)
CHECKS: Final[tuple[Check, ...]] = (_said_twice, _out_of_bounds, _windows, _storm, _roles, *_MORE)
