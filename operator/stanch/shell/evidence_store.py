"""
Where evidence is kept: what a store can do, and the one that is the cluster itself.

Looking through all of it costs no archive: the API server answers with its table (facts/mitigations.md 2.7).
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from stanch.api.names import Label
from stanch.core.questions import EVIDENCES
from stanch.core.records import Store
from stanch.core.retention import Kept
from stanch.shell.client import Kube

TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
PAGE: Final = 250


class CannotRead(Exception):
    """The store does not say what it holds: its words, and the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        """``status`` is the HTTP code."""
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Total:
    """Stored bytes of all evidence: as the last sweep found it, and what was stored since by this process."""

    bytes: int = 0

    def add(self, stored: Iterable[Store]) -> None:
        """What is there already is counted twice until the next sweep: too much errs on the side of etcd."""
        bundles = (str(s.body.get("spec", {}).get("data", "")) for s in stored if s.ref == EVIDENCES)
        self.bytes += sum(len(each) * 3 // 4 for each in bundles)


class EvidenceStore(Protocol):
    """Bundles by namespace and name. To put one is core/records.py's Store: created once, never changed."""

    def rows(self, namespace: str | None, incident: str | None = None) -> AsyncIterator[Kept]:
        """What there is, without the archives; of one incident when named. Raises CannotRead."""
        ...

    async def get(self, namespace: str, name: str) -> dict[str, Any] | None:
        """One whole Evidence object; None when it is not there. Raises CannotRead."""
        ...

    async def remove(self, kept: Kept) -> bool:
        """Remove exactly this one, by its uid; whether it is gone."""
        ...


class ClusterStore:
    """Evidence objects in etcd, by way of the API server."""

    def __init__(self, kube: Kube) -> None:
        """Reads and removes through this connection, with its rights."""
        self._kube = kube

    async def rows(self, namespace: str | None, incident: str | None = None) -> AsyncIterator[Kept]:
        """See EvidenceStore."""
        params = {"limit": str(PAGE), "includeObject": "Metadata"}
        if incident:
            params["fieldSelector"] = f"spec.incident={incident}"
        while True:
            reply = await self._kube.get(EVIDENCES.path(namespace), params, TABLE)
            if not reply.ok:
                raise CannotRead(reply.message, reply.status)
            names = [str(column.get("name", "")).upper() for column in reply.body.get("columnDefinitions") or ()]
            for row in reply.body.get("rows") or ():
                yield _kept(dict(zip(names, row["cells"], strict=False)), row["object"]["metadata"])
            token = (reply.body.get("metadata") or {}).get("continue")
            if not token:
                return
            params["continue"] = token

    async def get(self, namespace: str, name: str) -> dict[str, Any] | None:
        """See EvidenceStore."""
        reply = await self._kube.get(EVIDENCES.path(namespace, name))
        if reply.status == 404:
            return None
        if not reply.ok:
            raise CannotRead(reply.message, reply.status)
        return reply.body

    async def remove(self, kept: Kept) -> bool:
        """See EvidenceStore."""
        reply = await self._kube.delete(EVIDENCES.path(kept.namespace, kept.name), kept.uid)
        return reply.ok or reply.status == 404


def _kept(cells: dict[str, Any], meta: dict[str, Any]) -> Kept:
    """A row of the table; a column that an older CRD lacks is 0 or empty."""
    labels = meta.get("labels") or {}
    return Kept(
        namespace=str(meta.get("namespace", "")),
        name=str(meta.get("name", "")),
        uid=str(meta.get("uid", "")),
        incident=str(cells.get("INCIDENT") or ""),
        incident_uid=str(labels.get(Label.INCIDENT_UID, "")),
        purpose=str(cells.get("PURPOSE") or ""),
        captured=str(cells.get("CAPTURED") or meta.get("creationTimestamp") or ""),
        items=_number(cells.get("ITEMS")),
        missing=_number(cells.get("MISSING")),
        bytes=_number(cells.get("BYTES")),
        redactions=_number(cells.get("REDACTIONS")),
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
