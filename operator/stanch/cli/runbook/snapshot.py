"""A handful of objects that answer what a plan asks, as the API server would: for unit tests of Runbooks, without a cluster."""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from stanch.api.meta import instant
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.questions import (
    APPLICATION_SETS,
    CANARIES,
    CONTROLLER_REVISIONS,
    DAEMONSETS,
    ENDPOINT_SLICES,
    EVENTS,
    JOBS,
    PDBS,
    PODS,
    REF_OF_KIND,
    REPLICASETS,
    ROLLOUTS,
    SCALED_OBJECTS,
    SERVICES,
    DryRun,
    Get,
    List,
    MayGo,
    MayThey,
    Question,
    Ref,
)
from stanch.core.selecting import selects

REFS: Final[Mapping[str, Ref]] = {
    **REF_OF_KIND,
    "Pod": PODS,
    "ReplicaSet": REPLICASETS,
    "DaemonSet": DAEMONSETS,
    "ControllerRevision": CONTROLLER_REVISIONS,
    "Service": SERVICES,
    "EndpointSlice": ENDPOINT_SLICES,
    "Event": EVENTS,
    "Job": JOBS,
    "PodDisruptionBudget": PDBS,
    "ScaledObject": SCALED_OBJECTS,
    "Rollout": ROLLOUTS,
    "Canary": CANARIES,
    "ApplicationSet": APPLICATION_SETS,
}
CLUSTER_WIDE: Final = frozenset({"Node"})
_TERM: Final = re.compile(r"(!?)([^\s,!=()]+)(?:\s+(in|notin)\s+\(([^)]*)\)|(!=|==?)([^,]*))?")

Json = dict[str, Any]


class NotAnObjectError(ValueError):
    """It can't be put into a snapshot; the message says which and why."""


class Snapshot:
    """Objects by kind; a field that nobody needs to write (uid, namespace, creationTimestamp) is filled in."""

    def __init__(self, objects: Iterable[Any], namespace: str, now: datetime) -> None:
        """Raises NotAnObjectError."""
        self._kept: list[tuple[Ref, Json]] = [_kept(each, namespace, now) for each in objects]

    def answer(self, question: Question) -> Answer:
        """What an API server with these objects, and no others, would say; every right is there."""
        match question:
            case Get(ref=ref, namespace=namespace, name=name):
                found = self._find(ref, namespace, name)
                return Found(copy.deepcopy(found)) if found else NotFound()
            case List():
                return Found(
                    {"items": [copy.deepcopy(o) for r, o in self._kept if r == question.ref and _in(question, o)]}
                )
            case DryRun():
                return self._dry_run(question)
            case MayThey():
                return Found({"allowed": True, "reason": "a snapshot knows no rights"})
            case MayGo():
                return Found({})
            case _:
                return NotFound()

    def _find(self, ref: Ref, namespace: str | None, name: str) -> Json | None:
        wanted = (namespace or "", name)
        mine = (o for r, o in self._kept if r == ref)
        return next((o for o in mine if (o["metadata"].get("namespace", ""), o["metadata"]["name"]) == wanted), None)

    def _dry_run(self, question: DryRun) -> Answer:
        found = self._find(question.ref, question.namespace, question.name)
        if found is None:
            return NotFound()
        try:
            return Found(patched(found, json.loads(question.patch)))
        except (KeyError, LookupError, ValueError):
            return Failed(422, "the server rejected our request due to an error in our request", "Invalid")


def _kept(said: Any, namespace: str, now: datetime) -> tuple[Ref, Json]:
    kind = said.get("kind") if isinstance(said, dict) else None
    meta = said.get("metadata") if isinstance(said, dict) else None
    if not isinstance(meta, dict) or not meta.get("name"):
        raise NotAnObjectError(f"{kind or 'an object'} without metadata.name")
    ref = REFS.get(str(kind))
    if ref is None:
        raise NotAnObjectError(
            f"{kind} {meta['name']}: no mitigation looks at that kind; known are {', '.join(sorted(REFS))}"
        )
    group = str(said.get("apiVersion") or "").rpartition("/")[0]
    if group != ref.group:
        wanted = f"{ref.group}/{ref.version}" if ref.group else ref.version
        raise NotAnObjectError(f"{kind} {meta['name']}: apiVersion must be {wanted}")
    filled = {"uid": f"{kind}/{meta['name']}", "creationTimestamp": instant(now), "generation": 1}
    if kind not in CLUSTER_WIDE:
        filled["namespace"] = namespace
    return ref, {"spec": {}, **said, "metadata": {**filled, **meta}}


# --- selectors -------------------------------------------------------------------------------------------------------


def _in(question: List, obj: Json) -> bool:
    meta = obj["metadata"]
    if question.namespace is not None and meta.get("namespace") != question.namespace:
        return False
    fields = [each.partition("=") for each in question.fields.split(",") if each]
    if any(str(_dug(obj, path)) != value for path, _, value in fields):
        return False
    return selects(_selector(question.labels), meta.get("labels") or {})


def _dug(obj: Any, path: str) -> Any:
    for part in path.split("."):
        obj = obj.get(part, "") if isinstance(obj, dict) else ""
    return obj


def _selector(text: str) -> Json:
    """`a=b,c in (d,e),!f` as the terms of a LabelSelector."""
    equal: dict[str, str] = {}
    terms: list[Json] = []
    for match in _TERM.finditer(text):
        negated, key, word, values, sign, value = match.groups()
        if sign in ("=", "=="):
            equal[key] = value
        elif sign == "!=":
            terms.append({"key": key, "operator": "NotIn", "values": [value]})
        elif word:
            operator = "In" if word == "in" else "NotIn"
            terms.append({"key": key, "operator": operator, "values": [v.strip() for v in values.split(",")]})
        else:
            terms.append({"key": key, "operator": "DoesNotExist" if negated else "Exists"})
    return {"matchLabels": equal, "matchExpressions": terms}


# --- JSON Patch ------------------------------------------------------------------------------------------------------


def patched(obj: Json, operations: Iterable[Mapping[str, Any]]) -> Json:
    """The object after test, add, replace and remove, as RFC 6902 has them. Raises LookupError or ValueError."""
    new = copy.deepcopy(obj)
    for operation in operations:
        *way, last = [t.replace("~1", "/").replace("~0", "~") for t in operation["path"].lstrip("/").split("/")]
        here: Any = new
        for token in way:
            here = here[int(token)] if isinstance(here, list) else here[token]
        _one(here, last, operation)
    return new


def _one(here: Any, last: str, operation: Mapping[str, Any]) -> None:
    verb, value = operation["op"], operation.get("value")
    key: Any = (len(here) if last == "-" else int(last)) if isinstance(here, list) else last
    there = key < len(here) if isinstance(here, list) else key in here
    if verb == "test":
        if (here[key] if there else None) != value:
            raise ValueError(f"test of {operation['path']} failed")
    elif verb == "add" and isinstance(here, list):
        here.insert(key, value)
    elif verb in ("add", "replace"):
        if verb == "replace" and not there:
            raise LookupError(operation["path"])
        here[key] = value
    elif verb == "remove":
        del here[key]
    else:
        raise ValueError(f"unknown operation {verb}")
