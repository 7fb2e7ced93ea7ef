"""Which groups of kinds the API server has: a list of a kind that nobody installed then costs no request."""

from collections.abc import Mapping
from typing import Any

from stanch.shell.client import Kube, Unanswered


class Served:
    """Told anew every minute; what is not known is asked for."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._groups: frozenset[str] | None = None

    async def look(self, kube: Kube) -> None:
        """Read the list of groups; without an answer nothing is known."""
        try:
            reply = await kube.get("/apis")
        except Unanswered:
            self._groups = None
            return
        self._groups = _names(reply.body)

    def lacks(self, group: str) -> bool:
        """Is it certain that there is no such group?"""
        return bool(group) and self._groups is not None and group not in self._groups


def _names(body: Mapping[str, Any]) -> frozenset[str] | None:
    found = frozenset(str(g.get("name")) for g in body.get("groups") or ())
    # An API server always has some; an answer without any, a refusal for one, tells nothing.
    return found or None
