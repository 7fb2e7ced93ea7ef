"""What people promise and which hats are worn: the built-in defaults of roles and communications (decisions 2.5, 2.10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from stanch.api.meta import Severity
from stanch.api.said import Audience, Role

_M: Final = timedelta(minutes=1)
_H: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CadenceRule:
    """
    How often each audience hears something while users are hurt; None promises nothing.

    ``public_first`` is counted from detection; ``internal`` and ``leadership`` hear first of the declaration itself.
    """

    internal: timedelta | None = None
    leadership: timedelta | None = None
    public_first: timedelta | None = None
    public: timedelta | None = None

    def every(self, audience: Audience) -> timedelta | None:
        """The interval for an audience."""
        every: timedelta | None = getattr(self, audience.value)
        return every


@dataclass(frozen=True, slots=True)
class RolesRule:
    """Roles that somebody must have ``within`` so long."""

    roles: tuple[Role, ...]
    within: timedelta


CADENCE: Final[Mapping[Severity, CadenceRule]] = {
    Severity.SEV1: CadenceRule(15 * _M, 30 * _M, 5 * _M, 20 * _M),
    Severity.SEV2: CadenceRule(30 * _M, _H, 15 * _M, 30 * _M),
    Severity.SEV3: CadenceRule(24 * _H, None, _H, 24 * _H),
}
REQUIRED: Final[Mapping[Severity, RolesRule]] = {
    Severity.SEV1: RolesRule((Role.COMMANDER, Role.OPERATIONS, Role.COMMUNICATIONS, Role.SCRIBE), 5 * _M),
    Severity.SEV2: RolesRule((Role.COMMANDER, Role.OPERATIONS), 10 * _M),
    Severity.SEV3: RolesRule((Role.OPERATIONS,), 8 * _H),
}
# Who does and who writes at once does neither; who commands and does stops looking around (decisions 2.5).
AVOID: Final = frozenset({"operations+scribe", "commander+operations"})
