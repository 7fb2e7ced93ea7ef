"""
Whose rights a Runbook's mitigations are done with, and whether anybody has to agree (decisions 2.8, F1).

Machines may declare; only people, or a Runbook in mode Auto that an alert chose, may act. An alert has no rights: it acts as
the ServiceAccount that the Runbook names, and without one the first who approves, and may do it, becomes who asks.
"""

from stanch.api import duration
from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import Person, instant
from stanch.api.names import GROUP, OPERATOR_USER, RUNBOOK_STAMP, SERVICE_ACCOUNT_PREFIX, Reason
from stanch.api.runbook import Authority, Runbook
from stanch.api.runbook_record import Mode
from stanch.core.approvals import is_machine, valid
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Found
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import MayThey
from stanch.core.rights import may, rights
from stanch.core.runbook_pace import frozen
from stanch.core.statements import COMMANDER, holder
from stanch.core.vouched import author_of, stamped

RUN = "run"


def who_chose(draft: Draft) -> Person | None:
    """Who set spec.runbook, as far as somebody vouches for it."""
    return stamped(draft, RUNBOOK_STAMP)


def chosen_by_an_alert(draft: Draft) -> bool:
    """Did stanch itself choose it, for alerts, when it declared the incident? Whoever changes spec.runbook is stamped anew."""
    spec, by = draft.incident.spec, who_chose(draft)
    if by is None or spec.declared_by is None or spec.declared_by.username != OPERATOR_USER:
        return False
    return by.username in (OPERATOR_USER, _account_name(draft, spec.service_account_name or ""))


def _account_name(draft: Draft, name: str) -> str:
    return f"{SERVICE_ACCOUNT_PREFIX}{draft.incident.metadata.namespace}:{name}"


def account_of(draft: Draft, runbook: Runbook) -> str | None:
    """User name of the ServiceAccount whose rights count; None when those of who chose it do."""
    name = runbook.spec.service_account_name
    if name is None or not (runbook.authority is Authority.SERVICE_ACCOUNT or chosen_by_an_alert(draft)):
        return None
    return _account_name(draft, name)


def acts_by_itself(draft: Draft, runbook: Runbook) -> tuple[bool, str | None]:
    """May what it asks for be done without a person? With the words why not, when it is in mode Auto and may not."""
    if runbook.mode is not Mode.AUTO:
        return False, None
    by = who_chose(draft)
    if by is None or (is_machine(by.username, draft.catalog.policy) and not chosen_by_an_alert(draft)):
        return False, "A machine chose it, and not an alert through stanch: a person has to approve"
    if account_of(draft, runbook) is None and chosen_by_an_alert(draft):
        return False, "It names no serviceAccountName, so nobody's rights are there before a person approves"
    return _drilled(draft, runbook)


def _drilled(draft: Draft, runbook: Runbook) -> tuple[bool, str | None]:
    within, drill = runbook.spec.drilled_within, runbook.status.drilled
    if within is None:
        return False, "It has no drilledWithin: a person has to approve"
    if drill is None:
        return False, "It was never drilled: a person has to approve"
    if drill.generation != runbook.metadata.generation:
        return False, f"It was changed since its drill ({drill.incident}): a person has to approve until the next one"
    if drill.time + within < draft.now:
        limit = duration.write(within)
        return False, f"Its last drill was at {instant(drill.time)}, more than {limit} ago: a person has to approve"
    return True, None


def is_only_shown(draft: Draft, record: MitigationRecord) -> Refusal | None:
    """Mode Observe: its plan is for people to read."""
    known = frozen(draft, record)
    if known is None or known.mode is not Mode.OBSERVE:
        return None
    return Refusal(
        Reason.ONLY_SHOWN,
        f"Runbook {known.name} is in mode Observe: the plan is shown, and never done. Ask for it with a mitigate entry",
    )


def account(user: str) -> Person:
    """A ServiceAccount with the groups that it always has."""
    namespace = user.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")[0]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Person(username=user, groups=groups)


def may_run(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Who chose the Runbook must have the verb `run` on it still; what an alert chose, its own matchers allowed."""
    known, by = frozen(draft, record), who_chose(draft)
    if known is None or by is None or chosen_by_an_alert(draft):
        return None
    namespace = draft.incident.metadata.namespace
    question = MayThey(
        username=by.username,
        uid=by.uid or "",
        groups=by.groups or (),
        verb=RUN,
        group=GROUP,
        resource="runbooks",
        subresource="",
        namespace=namespace,
        name=known.name,
    )
    answer = draft.answer(question)
    if answer is None:
        return None
    if isinstance(answer, Failed):
        return Refusal(Reason.AUTHORITY_UNPROVEN, f"Rights of {by.username} can't be checked: {answer.message}")
    if isinstance(answer, Found) and answer.value.get("allowed"):
        return None
    return Refusal(
        Reason.NO_AUTHORITY,
        f"{by.username} may not run Runbook {known.name} in namespace {namespace}: needs verb run on runbooks.{GROUP}",
    )


def asker_of(draft: Draft, record: MitigationRecord) -> Person | None:
    """
    Who asks, with groups, for a mitigation of the frozen plan: its account, else who chose it. Of what an alert chose, and
    nobody's account does, it is one of those who agreed; None while nobody did, and while it is being asked.
    """
    known = frozen(draft, record)
    if known is not None and known.account:
        return account(known.account)
    # An alert chose for the account that the Runbook named then: one that it does not name any more lends nothing.
    if record.requested_by != OPERATOR_USER and (known is None or not chosen_by_an_alert(draft)):
        by = who_chose(draft)
        same = by is not None and by.username == record.requested_by
        return by if same else Person(username=record.requested_by or "")
    return _of_those_who_agreed(draft, record)


def _of_those_who_agreed(draft: Draft, record: MitigationRecord) -> Person | None:
    """
    The first who has the rights, and may act where the commander may not: whoever else agreed, with the verb alone, asked for
    nothing. Where there is no such person the first of all, whom the refusal names then.
    """
    aim, given = draft.aim(record), valid(record, draft)
    people = [person for each in given if (person := author_of(draft, each.entry)) is not None]
    if aim is None or not people:
        return None
    needs = draft.catalog.mitigations[record.action].needs.get(aim.kind, ())
    # All at once: each in turn would be a wait of its own.
    if draft.ask(*(right for each in people for _, right in rights(aim, each, needs))) or len(people) < len(given):
        return None
    commander = holder(draft, COMMANDER) if draft.catalog.policy.commander_acts == "Deny" else None
    able = (each for each in people if each.username != commander and may(draft, record, aim, each, needs) is None)
    return next(able, people[0])
