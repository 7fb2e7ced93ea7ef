"""Set weights of an HTTPRoute's backends (mitigations.md 1.13), by index, with the names at those indexes tested."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action, RouteShift
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import endpoint_slices, ready_endpoints
from stanch.core.observations import Observations
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    NothingToDo,
    Refusal,
    Sized,
    Verdict,
    Written,
)
from stanch.core.questions import Question
from stanch.core.routes import route_verdict
from stanch.mitigations.workload import Beside, Json, live, owner_refusal, read_beside

SERVICE_LABEL: Final = "kubernetes.io/service-name"


class ShiftRoute:
    """Swap weights in one rule."""

    name = "routeShift"
    kinds = RouteShift.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        TargetKind.HTTP_ROUTE: (Need("patch", "gateway.networking.k8s.io", "httproutes"),)
    }
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Which rule gets which weights; refused where nobody would answer."""
        assert isinstance(action, RouteShift)
        found = read_beside(aim, seen, endpoint_slices, f"Who would answer for {aim}")
        if not isinstance(found, Beside):
            return found
        target, slices = found.target, found.items
        rule = owner_refusal(aim, target) or _find(aim, action, target)
        if isinstance(rule, Refusal):
            return rule
        if rule.before == rule.after:
            return NothingToDo(f"{rule.where} of {aim} already has the weights {_words(rule.after)}")
        return _nobody_answers(aim, rule, slices) or _change(aim, target, rule)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Every gateway the route hangs on has taken this generation of it."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target
        return route_verdict(aim, target)

    def owes(self, action: Action, aim: Aim) -> str:
        """Traffic goes where Git does not say."""
        assert isinstance(action, RouteShift)
        wanted = ", ".join(f"{w.backend} {w.weight}" for w in action.weights)
        return f"{aim} has the weights {wanted} for the time of the incident"

    def undo_refusal(self, undo: Written, aim: Aim, seen: Observations) -> Refusal | tuple[Question, ...] | None:
        """No more weight for a backend where nobody answers any more, while somebody does where traffic goes now."""
        found = read_beside(aim, seen, endpoint_slices, f"Who would answer for {aim}")
        if not isinstance(found, Beside):
            return found
        target, slices = found.target, found.items
        rule = _more_again(target, undo)
        here = (b for b, weight in zip(rule.backends, rule.before, strict=True) if weight)
        somebody = any(_is_elsewhere(aim, b) or _ready(b, slices) for b in here)
        return _nobody_answers(aim, rule, slices) if somebody else None


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that is meant: its backends in order, and the weights before and after."""

    index: int
    where: str
    backends: tuple[Json, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its backends."""
        return tuple(str(b.get("name")) for b in self.backends)


def _more_again(target: Json, undo: Written) -> Rule:
    """The rule whose weights go back; what gets no more by that is left out, as if it had weight 0."""
    index = int(next(iter(undo["before"])).split("/")[3])
    rule = target["spec"]["rules"][index]
    # What somebody added behind them since is not ours.
    backends = tuple(rule["backendRefs"])[: sum(field.endswith("/weight") for field in undo["before"])]
    now, then = (
        tuple(int(fields[f"/spec/rules/{index}/backendRefs/{i}/weight"]) for i in range(len(backends)))
        for fields in (undo["after"], undo["before"])
    )
    more = tuple(old if old > new else 0 for old, new in zip(then, now, strict=True))
    return Rule(index, f"rule {rule.get('name') or index}", backends, now, more)


def _words(weights: tuple[int, ...]) -> str:
    return "/".join(map(str, weights))


def _find(aim: Aim, action: RouteShift, target: Json) -> Rule | Refusal:
    rules = target["spec"].get("rules") or ()
    wanted = {w.backend: w.weight for w in action.weights}
    named = [i for i, r in enumerate(rules) if action.rule is None or action.rule in (r.get("name"), str(i))]
    if not named:
        have = ", ".join(str(r.get("name") or i) for i, r in enumerate(rules)) or "none"
        return Refusal(Reason.PREFLIGHT, f"{aim} has no rule {action.rule}; its rules are: {have}", final=True)
    fitting = [i for i in named if wanted.keys() <= {b.get("name") for b in rules[i].get("backendRefs") or ()}]
    if not fitting:
        have = ", ".join(str(b.get("name")) for i in named for b in rules[i].get("backendRefs") or ()) or "none"
        return Refusal(
            Reason.PREFLIGHT,
            f"No rule of {aim} sends to all of {', '.join(wanted)} (routeShift.weights[].backend); there are: {have}",
            final=True,
        )
    if len(fitting) > 1:
        rules_meant = ", ".join(str(rules[i].get("name") or i) for i in fitting)
        return Refusal(
            Reason.PREFLIGHT,
            f"Several rules of {aim} have these backends: {rules_meant}; set routeShift.rule",
            final=True,
        )
    return _weigh(aim, fitting[0], rules[fitting[0]], wanted)


def _weigh(aim: Aim, index: int, rule: Json, wanted: Mapping[str, int]) -> Rule | Refusal:
    backends = tuple(rule["backendRefs"])
    before = tuple(int(b.get("weight", 1)) for b in backends)
    after = tuple(wanted.get(str(b.get("name")), weight) for b, weight in zip(backends, before, strict=True))
    where = f"rule {rule.get('name') or index}"
    names = [b.get("name") for b in backends]
    if twice := next((n for n in wanted if names.count(n) > 1), None):
        return Refusal(
            Reason.PREFLIGHT, f"{where} of {aim} names backend {twice} more than once; change it by hand", final=True
        )
    if not sum(after):
        return Refusal(
            Reason.PREFLIGHT,
            f"All weights of {where} of {aim} would be 0, and every request would fail; "
            "give one backend in routeShift.weights a weight",
            final=True,
        )
    return Rule(index, where, backends, before, after)


def _is_elsewhere(aim: Aim, backend: Json) -> bool:
    """Of what is in another namespace, or no Service, nothing is known."""
    there, kind = backend.get("namespace", aim.namespace), backend.get("kind", "Service")
    return (there, kind) != (aim.namespace, "Service")


def _ready(backend: Json, slices: list[dict[str, Any]]) -> int:
    mine = [s for s in slices if (s["metadata"].get("labels") or {}).get(SERVICE_LABEL) == backend["name"]]
    return sum(len(ready_endpoints(s)) for s in mine)


def _nobody_answers(aim: Aim, rule: Rule, slices: list[dict[str, Any]]) -> Refusal | None:
    for backend, weight in zip(rule.backends, rule.after, strict=True):
        if weight and not _is_elsewhere(aim, backend) and not _ready(backend, slices):
            return Refusal(
                Reason.PREFLIGHT,
                f"Service {backend['name']} has no ready endpoints, and {rule.where} of {aim} would send it weight {weight}; "
                "bring its pods up first, or give it weight 0",
            )
    return None


def _change(aim: Aim, target: Json, rule: Rule) -> Change:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for place, backend in enumerate(rule.backends):
        base = f"/spec/rules/{rule.index}/backendRefs/{place}"
        # The name is tested too: the list is atomic, and somebody may have put another backend at this index.
        before |= {f"{base}/name": backend.get("name"), f"{base}/weight": backend.get("weight", 1)}
        after |= {f"{base}/name": backend.get("name"), f"{base}/weight": rule.after[place]}

    def by_hand(weights: tuple[int, ...]) -> str:
        base = f"/spec/rules/{rule.index}/backendRefs"
        ops = ",".join(f'{{"op":"add","path":"{base}/{i}/weight","value":{w}}}' for i, w in enumerate(weights))
        return f"kubectl -n {aim.namespace} patch httproute {aim.name} --type=json -p '[{ops}]'"

    moved = [
        f"{name}: {old} -> {new}"
        for name, old, new in zip(rule.names, rule.before, rule.after, strict=True)
        if old != new
    ]
    share = _moved_share(rule)
    room = ("Whether the receiving side has room is not checked",) if share >= 20 else ()
    return Change(
        uid=target["metadata"]["uid"],
        before=before,
        after=after,
        summary=f"{rule.where} of {aim}: {'; '.join(moved)}",
        diff=tuple(f"spec.rules[{rule.index}].backendRefs.{line}" for line in moved),
        blast=f"{share} % of the requests of {rule.where} go elsewhere",
        undo_takes="10s (estimated)",
        warnings=(*room, *_still_sent(aim, target, rule)),
        do_by_hand=by_hand(rule.after),
        undo_by_hand=by_hand(rule.before),
        approval_class=ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def _still_sent(aim: Aim, target: Json, rule: Rule) -> list[str]:
    """What a backend of weight 0 gets all the same: other rules, such as one for a canary's header, have weights of their own."""
    emptied = [name for name, old, new in zip(rule.names, rule.before, rule.after, strict=True) if old and not new]
    others = [(i, r) for i, r in enumerate(target["spec"].get("rules") or ()) if i != rule.index]
    return [
        f"Rule {other.get('name') or i} of {aim}{_for_whom(other)} still sends to {name}"
        for name in emptied
        for i, other in others
        if any(b.get("name") == name and b.get("weight", 1) for b in other.get("backendRefs") or ())
    ]


def _for_whom(rule: Json) -> str:
    """By which headers it is chosen, where it is."""
    headers = (h for match in rule.get("matches") or () for h in match.get("headers") or ())
    said = ", ".join(dict.fromkeys(f"{h.get('name')}: {h.get('value')}" for h in headers))
    return f" (header {said})" if said else ""


def _moved_share(rule: Rule) -> int:
    before, after = sum(rule.before) or 1, sum(rule.after)
    return round(100 * sum(max(0, b / before - a / after) for b, a in zip(rule.before, rule.after, strict=True)))
