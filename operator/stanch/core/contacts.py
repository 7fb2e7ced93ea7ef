"""How somebody is reached who is called by the name that a ResponsePolicy has for them (decisions 5.7, contacts)."""

from collections.abc import Iterable

from stanch.api.policy import Policy
from stanch.api.policy_sections import Contact


def in_words(contacts: Iterable[Contact]) -> dict[str, str]:
    """By name: how they are reached, and what they know or decide."""
    return {c.name: f"{c.to}; {c.about}" if c.about else c.to for c in contacts}


def reach(policy: Policy, name: str) -> str:
    """`database-team (#db-oncall; orders database)`; a name that no policy knows is left as it is."""
    known = policy.contacts.get(name)
    return f"{name} ({known})" if known else name
