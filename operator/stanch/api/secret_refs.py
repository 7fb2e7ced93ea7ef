"""How a Secret is named from elsewhere: by reference, in the operator's own namespace only (F14); and what is said without one."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Model, ObjectName
from stanch.api.names import OPERATOR_NAMESPACE


class SecretRef(Model):
    """One key of a Secret. There is no field for a namespace, so nothing can name another one's."""

    name: Annotated[ObjectName, Field(description="Secret in stanch-system.")]
    key: Annotated[
        str, Field(min_length=1, max_length=253, pattern="^[-._a-zA-Z0-9]+$", description="Key in its data.")
    ]

    def __str__(self) -> str:
        return f"key {self.key} of {secret(self.name)}"


@dataclass(frozen=True, slots=True)
class Missing:
    """
    Why a value can't be had, as a sentence that names the Secret and never its content.

    ``passing`` when nobody could say just now: to be asked again, and no reason to bother anybody yet.
    """

    why: str
    passing: bool = False


def secret(name: str) -> str:
    """A Secret in words."""
    return f"Secret {OPERATOR_NAMESPACE}/{name}"
