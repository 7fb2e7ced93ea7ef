"""The ResponsePolicy that is in force in a namespace, as the operator would read it, with the rights of who asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.policy import DEFAULT, Policy
from stanch.api.response_policy import POLICY_NAME
from stanch.core.questions import RESPONSE_POLICIES
from stanch.shell.bells import Key
from stanch.shell.client import Kube
from stanch.shell.policy_book import PolicyBook, read_policies

BUILT_IN: Final = "the built-in defaults"


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy, and in words which objects it is made of; ``unread`` says what could not be read, and so does not count."""

    policy: Policy = DEFAULT
    words: str = BUILT_IN
    unread: str = ""


async def policy_in_force(kube: Kube, namespace: str) -> InForce:
    """The cluster's and the namespace's, joined by the operator's own rules; what is missing or wrong counts as it does there."""
    book, used, unread = PolicyBook(DEFAULT), list[str](), list[str]()
    for where in dict.fromkeys((OPERATOR_NAMESPACE, namespace)):
        name = f"ResponsePolicy {where}/{POLICY_NAME}"
        reply = await kube.get(RESPONSE_POLICIES.path(where, POLICY_NAME))
        if reply.ok:
            book.take(reply.body)
            standing = book.standing(Key(RESPONSE_POLICIES.plural, where, POLICY_NAME))
            if standing is not None and standing.spec is not None:
                used.append(f"{name} (generation {standing.in_force})")
            if standing is not None and standing.problem:
                unread.append(f"{name}: generation {standing.generation} does not count: {standing.problem}")
        elif reply.status != 404:
            unread.append(f"{name} can't be read: {reply.message}")
    return InForce(book.policy(namespace), " and ".join(used) or BUILT_IN, "; ".join(unread))


async def policies_in_force(kube: Kube, namespace: str | None) -> tuple[Callable[[str], Policy], str]:
    """The policy of each namespace, or of one; and what could not be read, so that the built-in one counts instead of it."""
    if namespace is not None:
        one = await policy_in_force(kube, namespace)
        return lambda _: one.policy, one.unread
    book = PolicyBook(DEFAULT)
    if await read_policies(kube, book) is None:
        return lambda _: DEFAULT, f"ResponsePolicies can't be read, so the built-in defaults count: {book.unread}"
    return book.policy, ""
