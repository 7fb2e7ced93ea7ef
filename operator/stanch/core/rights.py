"""May a person do it themselves? Asked of the API server, for every right that an action needs on its target."""

from stanch.api.incident_status import MitigationRecord
from stanch.api.meta import Person
from stanch.api.names import Reason
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Found
from stanch.core.ports import Aim, Need, Refusal
from stanch.core.questions import REF_OF_KIND, MayThey


def rights(aim: Aim, person: Person, needs: tuple[Need, ...]) -> tuple[tuple[Need, MayThey], ...]:
    """What to ask about a person, for each right."""
    ref = REF_OF_KIND[aim.kind.value]
    return tuple(
        (
            need,
            MayThey(
                username=person.username,
                uid=person.uid or "",
                groups=person.groups or (),
                verb=need.verb,
                group=need.group,
                resource=need.resource,
                subresource=need.subresource,
                namespace=aim.namespace or "",
                # What is not the target itself (a pod to evict) has no name yet; so does admission ask.
                name=aim.name if (need.group, need.resource) == (ref.group, ref.plural) else "",
            ),
        )
        for need in needs
    )


def may(draft: Draft, record: MitigationRecord, aim: Aim, person: Person, needs: tuple[Need, ...]) -> Refusal | None:
    """A refusal that names the missing right; None when all are there or still being asked."""
    for need, question in rights(aim, person, needs):
        answer = draft.answer(question)
        if answer is None:
            continue
        if isinstance(answer, Failed):
            return Refusal(Reason.AUTHORITY_UNPROVEN, f"Rights of {person.username} can't be checked: {answer.message}")
        if not (isinstance(answer, Found) and answer.value.get("allowed")):
            what = f"{need.resource}{'/' + need.subresource if need.subresource else ''}"
            where = f"in namespace {aim.namespace}" if aim.namespace else "in the cluster"
            return Refusal(
                Reason.NO_AUTHORITY,
                f"{person.username} may not {need.verb} {what} {aim.name} {where}; grant it, or let another ask",
            )
    return None
