"""
Marks of ours that no open incident knows: what an incident left behind that was deleted with all its debts.

Reported with the lines that remove it, and removed by hand: whose incident is gone, nobody can say that it is wanted back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE, Label
from stanch.core.questions import REF_OF_KIND, Ref

# Pods are taken away, never marked.
KINDS: Final[Mapping[str, Ref]] = {kind: ref for kind, ref in REF_OF_KIND.items() if kind != "Pod"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Our label on an object: which action of ours wrote it last."""

    kind: str
    namespace: str | None
    name: str
    uid: str
    action: str

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


def mark_of(kind: str, meta: Mapping[str, Any]) -> Mark | None:
    """The mark that an object carries; none on one that is going away."""
    action = (meta.get("labels") or {}).get(Label.ACTION)
    if not action or meta.get("deletionTimestamp"):
        return None
    return Mark(kind, meta.get("namespace"), str(meta["name"]), str(meta["uid"]), str(action))


def orphans(marks: Iterable[Mark], incidents: Iterable[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Marks of actions that stand in no record. The marks must have been read before the incidents: records come first."""
    known = {
        str(attempt.get("id"))
        for incident in incidents
        for record in (incident.get("status") or {}).get("mitigations") or ()
        for attempt in record.get("attempts") or ()
    }
    return tuple(mark for mark in marks if mark.action not in known)


def words(mark: Mark) -> str:
    """What is so, and the lines that end it; the undo line tests uid and values, so it overwrites nobody."""
    where = f"-n {mark.namespace} " if mark.namespace else ""
    target = f"{mark.kind.lower()} {mark.name}"
    secrets = f"-n {OPERATOR_NAMESPACE}", f"secrets -l {Label.ACTION}={mark.action}"
    return (
        f"{mark} carries {Label.ACTION}={mark.action}, and no open incident knows it. To put it back as it was before: "
        f"kubectl {secrets[0]} get {secrets[1]} -o go-template='{{{{(index .items 0).data.undo|base64decode}}}}' | "
        f"kubectl {where}patch {target} --type=json --patch-file=/dev/stdin\n"
        f"Then, or to leave it as it is: kubectl {where}label {target} {Label.ACTION}- && "
        f"kubectl {secrets[0]} delete {secrets[1]}"
    )
