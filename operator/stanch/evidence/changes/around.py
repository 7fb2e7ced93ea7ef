"""What stands between users and the pods, or limits them: dated by managedFields, near when it is on the way to them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from stanch.api.names import FIELD_MANAGER
from stanch.core.selecting import selects
from stanch.evidence.changes.change import Changed, Obj, Sort
from stanch.evidence.changes.dating import Clock, last_write
from stanch.evidence.dig import dicts, mapping, name_of, text

ON_THE_WAY: Final = 0.9
SAME_NAMESPACE: Final = 0.4
CLUSTER_WIDE: Final = 0.3

Near = Callable[[Obj], bool]


def written(kind: str, objects: Sequence[Obj], sort: Sort, near: Near, clock: Clock) -> list[Changed]:
    """One for each object of a kind: its spec was written, or it was made."""
    return [_changed(kind, each, sort, ON_THE_WAY if near(each) else SAME_NAMESPACE, clock) for each in objects]


def _changed(kind: str, obj: Obj, sort: Sort, relation: float, clock: Clock) -> Changed:
    write = last_write(obj, clock, ("f:spec",), ("f:metadata", "f:annotations"))
    made = write.time is not None and text(obj, "metadata", "creationTimestamp").startswith(
        f"{write.time:%Y-%m-%dT%H:%M:%S}"
    )
    return Changed(
        sort=sort,
        name=f"{kind.lower()}-{name_of(obj)}",
        what=f"{kind} {name_of(obj)}",
        text="was made" if made else "was written",
        time=write.time,
        dated=write.dated,
        by=write.manager,
        relation=relation,
        ours=write.manager == FIELD_MANAGER,
        suggests="serviceShift" if kind == "Service" and relation == ON_THE_WAY and not made else "",
    )


def elsewhere(kind: str, objects: Sequence[Obj], clock: Clock) -> list[Changed]:
    """Things of the whole cluster: DNS, proxies, network plug-ins, webhooks."""
    found = []
    for obj in objects:
        write, where = last_write(obj, clock, *_SPECS), text(obj, "metadata", "namespace")
        found.append(
            Changed(
                sort=Sort.CLUSTER,
                name=f"{kind.lower()}-{name_of(obj)}",
                what=f"{kind} {where}/{name_of(obj)}" if where else f"{kind} {name_of(obj)}",
                text="was written",
                time=write.time,
                dated=write.dated,
                by=write.manager,
                relation=CLUSTER_WIDE,
                ours=write.manager == FIELD_MANAGER,
            )
        )
    return found


# A controller's notes in annotations are no change of what the object does; webhooks have no spec.
_SPECS: Final = (("f:spec",), ("f:webhooks",))


def services_of(services: Sequence[Obj], labels: Sequence[dict[str, Any]]) -> frozenset[str]:
    """Names of the Services that select pods with one of these sets of labels."""
    return frozenset(name_of(each) for each in services if _sends_to(each, labels))


def _sends_to(service: Obj, labels: Sequence[dict[str, Any]]) -> bool:
    wanted = mapping(service, "spec", "selector")
    return bool(wanted) and any(all(one.get(k) == v for k, v in wanted.items()) for one in labels)


def backends(route: Obj) -> frozenset[str]:
    """Names of the Services that an Ingress or an HTTPRoute sends to."""
    return frozenset(_backends(route))


def _backends(route: Obj) -> Iterator[str]:
    yield text(route, "spec", "defaultBackend", "service", "name")
    for rule in dicts(route, "spec", "rules"):
        for path in dicts(rule, "http", "paths"):
            yield text(path, "backend", "service", "name")
        for each in dicts(rule, "backendRefs"):
            yield text(each, "name")


def covers(obj: Obj, member: str, labels: Sequence[dict[str, Any]]) -> bool:
    """Does the label selector at ``spec.<member>`` match pods with one of these sets of labels?"""
    selector = mapping(obj, "spec", member)
    terms = dicts(selector, "matchExpressions")
    if any(not isinstance(t.get("key"), str) or not isinstance(t.get("operator"), str) for t in terms):
        return False
    known = {"matchLabels": mapping(selector, "matchLabels"), "matchExpressions": terms}
    return any(selects(known, {k: str(v) for k, v in one.items()}) for one in labels)
