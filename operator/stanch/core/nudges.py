"""
What people are reminded of, and no more often than is read (decisions 2.5, 2.3): who is missing, what nobody said yet, who is
tired. Each is a line and an Event at fixed times from an instant of the record; when its reason is gone, so is the reminder.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from stanch.api.duration import write
from stanch.api.incident_status import RoleRecord, TimelineLine, WishState
from stanch.api.meta import Severity, instant
from stanch.api.names import EventKind
from stanch.api.people_status import NUDGES_MAX, NudgeRecord
from stanch.api.said import SHARED, Role, Seat
from stanch.core.approvals import is_machine
from stanch.core.draft import MACHINE, Draft, shorten
from stanch.core.nudge_type import Nudge
from stanch.core.posture_nudges import decisions_left, still_contained
from stanch.core.second_team import second_team
from stanch.core.severity import facts_of
from stanch.core.statements import COMMANDER, holder

_M: Final = timedelta(minutes=1)
_NOW: Final = (timedelta(),)
_URGENT: Final = (Severity.SEV1, Severity.SEV2)
_NOBODY: Final = frozenset({MACHINE, "spec", "somebody"})


def nudge(draft: Draft) -> None:
    """Say what is due of everything that is wanting now."""
    known = {(n.kind, n.about or ""): n for n in draft.status.nudges or ()}
    kept = []
    for wanted in _wanted(draft):
        before = known.get((wanted.kind, wanted.about))
        said = before.said if before is not None and before.since_time == wanted.since else 0
        # What passed while nobody looked is said once.
        passed = sum(wanted.since + offset <= draft.now for offset in wanted.at)
        if passed > said:
            draft.say(wanted.kind, wanted.text, event=True, warning=True)
            said = passed
        if said < len(wanted.at):
            draft.wake(wanted.since + wanted.at[said])
        if said:
            record = NudgeRecord(kind=wanted.kind, about=wanted.about or None, since_time=wanted.since, said=said)
            kept.append(record)
    if tuple(kept) != (draft.status.nudges or ()):
        draft.set(nudges=tuple(kept) or None)


def _wanted(draft: Draft) -> list[Nudge]:
    times = draft.status.times
    if times is None or times.cancelled or times.closed:
        return []
    hurting = () if times.mitigated else _WHILE_IT_HURTS
    rules = _ONCE_IT_IS_OVER if times.resolved else (*hurting, *_ALWAYS)
    return [each for rule in rules for each in rule(draft)][:NUDGES_MAX]


def responders(draft: Draft) -> frozenset[str]:
    """Persons who declared it, wear a hat, or said something, as far as the record shows; who is here to learn is none."""
    roles = draft.status.roles or ()
    spoke = {line.by for line in draft.status.timeline if _is_said(draft, line)}
    learning = {r.user for r in roles if r.role == Seat.SHADOW} - {r.user for r in roles if r.role != Seat.SHADOW}
    return frozenset(spoke | {r.user for r in roles}) - learning


def _is_said(draft: Draft, line: TimelineLine) -> bool:
    by_person = line.by not in _NOBODY and not is_machine(line.by, draft.catalog.policy)
    return by_person and (line.entry is not None or line.kind == EventKind.DECLARED)


def _worn(draft: Draft) -> dict[str, list[RoleRecord]]:
    """Hats by who wears them; what several have at once is none that tires, or goes badly with another."""
    worn: dict[str, list[RoleRecord]] = {}
    for record in draft.status.roles or ():
        if record.role not in SHARED:
            worn.setdefault(record.user, []).append(record)
    return worn


def _sized_at(draft: Draft) -> datetime:
    """Since when it is as bad as it is: another severity, or that it was not over, begins the clocks anew."""
    times, severity = draft.status.times, draft.status.severity
    assert times is not None
    began = (severity.since_time if severity else None, times.reopened, draft.incident.declared)
    return max(t for t in began if t is not None)


# --- while it hurts --------------------------------------------------------------------------------------------------


def _roles(draft: Draft) -> Iterator[Nudge]:
    """Who is needed at that severity and is not there (decisions 2.5)."""
    rule = draft.catalog.policy.roles_required.get(draft.severity)
    if rule is None:
        return
    visible = draft.status.impact is not None and draft.status.impact.value.user_visible
    speaks = (Role.COMMUNICATIONS,) if visible and draft.severity in _URGENT else ()
    wanted = dict.fromkeys(role.value for role in (*rule.roles, *speaks))
    missing = [role for role in wanted if holder(draft, role) is None]
    if not missing:
        return
    within, again = rule.within, 10 * _M
    at = {
        Severity.SEV1: (within * 2 / 5, within, *(within + n * again for n in (1, 2, 3))),
        Severity.SEV2: (within / 2, within, within + again),
    }.get(draft.severity, (within,))
    times = draft.status.times
    unseen = "nobody has acknowledged it; " if times is not None and times.acknowledged is None else ""
    leads = "" if is_led(draft) else "nobody leads; "
    since = _sized_at(draft)
    text = (
        f"{unseen}{leads}{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing since {instant(since)}, and "
        f"needed in {write(within)}: whoever is there writes a take entry"
    )
    yield Nudge(EventKind.ROLE_MISSING, since, at, text)


def is_led(draft: Draft) -> bool:
    """Is somebody there who decides: a commander; for a small one operations is enough (decisions 2.3, `led`)."""
    roles = (COMMANDER,) if draft.severity in _URGENT else (COMMANDER, Role.OPERATIONS.value)
    return any(holder(draft, role) is not None for role in roles)


def _severity(draft: Draft) -> Iterator[Nudge]:
    """Nobody has said how bad it is, and nothing that was measured tells it."""
    known, times = draft.status.severity, draft.status.times
    impact = draft.status.impact.value if draft.status.impact else None
    if known is None or times is None or known.source != "Derived":
        return
    if facts_of(draft.incident, impact, draft.catalog.policy).level is not None:
        return
    text = (
        f"nobody has said how bad it is, and {known.level.value} is assumed: write a severity entry, or an impact entry"
    )
    yield Nudge(EventKind.SEVERITY_UNSAID, draft.incident.declared, (5 * _M, 15 * _M), text)


def _split(draft: Draft) -> Iterator[Nudge]:
    """After half an hour, or with three people, who debugs can't coordinate as well (seeds)."""
    policy, times = draft.catalog.policy, draft.status.times
    wearers = _worn(draft).keys()
    if draft.severity not in _URGENT or len(wearers) > 1 or times is None:
        return
    # Three can be many, but not before they had the time to take roles.
    rule = policy.roles_required.get(draft.severity)
    many = len(responders(draft)) >= policy.split_responders
    after = min(policy.split_after, rule.within) if many and rule is not None else policy.split_after
    who = f"{next(iter(wearers))} has every role" if wearers else "nobody has a role"
    text = f"{who}: split them, at the least commander and operations, each by a take entry"
    yield Nudge(EventKind.SPLIT_ROLES, draft.incident.declared, (after,), text)


def _mitigate_first(draft: Draft) -> Iterator[Nudge]:
    """Led and sized, and nothing was tried: the fastest reversible thing comes before the cause."""
    times = draft.status.times
    if draft.severity not in _URGENT or times is None or times.acknowledged is None or not is_led(draft):
        return
    if was_tried(draft):
        return
    led = min(r.since_time for r in draft.status.roles or () if r.role == COMMANDER)
    best = next(iter(draft.status.suggestions or ()), None)
    could = shorten(f". Could be: {best.action} on {best.target}; ask: {best.ask}", 160) if best else ""
    text = f"mitigate before you diagnose: nothing was tried yet{could}"
    yield Nudge(EventKind.MITIGATE_FIRST, max(led, times.acknowledged, _sized_at(draft)), (10 * _M, 20 * _M), text)


def was_tried(draft: Draft) -> bool:
    """A mitigation that was not withdrawn, or a note of kind Action (decisions 2.3, `tried`)."""
    asked = any(r.state is not WishState.WITHDRAWN for r in draft.records)
    return asked or any(x.kind == EventKind.NOTE and x.text.startswith("Action") for x in draft.status.timeline)


def _quiet(draft: Draft) -> Iterator[Nudge]:
    """Somebody is there, and nobody writes: then there is no record but what machines saw."""
    times = draft.status.times
    if draft.severity is not Severity.SEV1 or times is None or times.acknowledged is None:
        return
    spoken = [line.time for line in draft.status.timeline if _is_said(draft, line)]
    since = max((*spoken, times.acknowledged))
    scribe = holder(draft, Role.SCRIBE.value)
    who = f"{scribe}, you are scribe" if scribe else "nobody is scribe"
    talk = draft.incident.spec.communications
    bridge = ", with what was decided on the call" if talk is not None and talk.bridge_url else ""
    text = f"nobody has written a word since {instant(since)}; {who}: note entries make the timeline{bridge}"
    yield Nudge(EventKind.NOTHING_WRITTEN, since, (15 * _M, 30 * _M, 45 * _M), text)


def _doubted(draft: Draft) -> Iterator[Nudge]:
    """A small one that people see, or that goes on: a false SEV3 is cheap, a late SEV2 is not."""
    policy, severity = draft.catalog.policy, draft.status.severity
    if draft.severity is not Severity.SEV4 or severity is None:
        return
    seen = draft.status.impact is not None and draft.status.impact.value.user_visible
    if seen and policy.nudge_when_visible:
        text, at = "users see it, and it is SEV4: say what it is in a severity entry", _NOW
    elif asked := second_team(draft, severity.since_time):
        # As good a sign as users (seeds): who needs others has something that is not small.
        text, at = f"{shorten(asked, 120)}, and it is SEV4: say what it is in a severity entry", _NOW
    elif responders(draft):
        text = f"SEV4 goes on since {instant(severity.since_time)}: say what it is in a severity entry, or resolve it"
        at = (policy.nudge_after,)
    else:
        return
    yield Nudge(EventKind.SEVERITY_DOUBTED, severity.since_time, at, text)


# --- as long as it is open -------------------------------------------------------------------------------------------


def _combined(draft: Draft) -> Iterator[Nudge]:
    """Two hats that one person should not wear at once: told and on the record, never refused."""
    policy = draft.catalog.policy
    denied = {"commander+operations"} if policy.commander_acts == "Deny" else set()
    for user, worn in _worn(draft).items():
        since = {r.role: r.since_time for r in worn}
        for pair in sorted(policy.roles_avoid | denied):
            one, _, other = pair.partition("+")
            if one not in since or other not in since:
                continue
            why = "; the policy has a commander ask for no mitigation" if pair in denied else ""
            text = f"{user} is {one} and {other}, which goes badly together{why}: let somebody take one of them"
            at = max(since[one], since[other])
            yield Nudge(EventKind.ROLES_COMBINED, at, _NOW, text, shorten(f"{user} {pair}", 300))


def _tired(draft: Draft) -> Iterator[Nudge]:
    """After hours of it people decide narrowly and miss what does not fit (seeds)."""
    if draft.severity not in _URGENT:
        return
    every = draft.catalog.policy.handoff_after
    for user, worn in _worn(draft).items():
        since = min(r.since_time for r in worn)
        roles = " and ".join(sorted(r.role for r in worn))
        commander = holder(draft, COMMANDER)
        to = f"; {commander}, you command" if commander and commander != user else ""
        text = f"{user} is {roles} since {instant(since)}: hand over; status.handoffDraft has the summary{to}"
        yield Nudge(EventKind.HANDOFF_DUE, since, (every, 2 * every, 3 * every), text, shorten(user, 300))


def _waiting(draft: Draft) -> Iterator[Nudge]:
    """Offered and not accepted: both are told."""
    within = draft.catalog.policy.accept_within
    for offer in draft.status.handoffs or ():
        now = holder(draft, offer.role)
        still = f"; until then it is {now}'s" if now else ""
        text = (
            f"{offer.role} waits for {offer.to} since {instant(offer.since_time)}, offered by {offer.by}: {offer.to} accepts "
            f"{offer.entry}, or {offer.by} offers it to another{still}"
        )
        yield Nudge(EventKind.HANDOFF_WAITING, offer.since_time, (within, 2 * within, 3 * within), text, offer.entry)


Rule = Callable[[Draft], Iterator[Nudge]]
_WHILE_IT_HURTS: Final[tuple[Rule, ...]] = (
    _roles,
    _severity,
    _split,
    _mitigate_first,
    still_contained,
    _quiet,
    _doubted,
)
_ALWAYS: Final[tuple[Rule, ...]] = (_waiting, _combined, _tired)
_ONCE_IT_IS_OVER: Final[tuple[Rule, ...]] = (decisions_left,)
# The kinds of their lines.
KINDS: Final = frozenset(
    {
        EventKind.ROLE_MISSING,
        EventKind.SEVERITY_UNSAID,
        EventKind.SPLIT_ROLES,
        EventKind.MITIGATE_FIRST,
        EventKind.STILL_CONTAINED,
        EventKind.DECISION_DUE,
        EventKind.NOTHING_WRITTEN,
        EventKind.SEVERITY_DOUBTED,
        EventKind.HANDOFF_WAITING,
        EventKind.ROLES_COMBINED,
        EventKind.HANDOFF_DUE,
    }
)
