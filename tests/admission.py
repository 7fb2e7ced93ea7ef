"""
The generated admission policies as an API server applies them: stamps first, then proofs, each with its binding.

Who may do what is a function. The order of two stamps is the listed one here; what schemas and RBAC refuse before or after
is not here (tests/cluster, tests/attack).
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jsonpatch
from tools.policies import policies

from cel import CHECKS_MAX, CelError, Env, Host, evaluate
from stanch.api.names import GROUP, VERSION

Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Who asks, as the API server authenticated them."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ("system:authenticated",)

    @property
    def stamp(self) -> Json:
        """As a stamp names them."""
        return {"username": self.username, "uid": self.uid, "groups": list(self.groups)}


@dataclass(frozen=True)
class Right:
    """What the authorizer is asked."""

    username: str
    verb: str
    group: str
    resource: str
    sub: str = ""
    namespace: str = ""
    name: str = ""


May = Callable[[Right], bool]


@dataclass(frozen=True)
class Request:
    """One write. ``old`` is what is stored; for a delete ``new`` is None."""

    by: Person
    operation: str
    resource: str
    new: Json | None
    old: Json | None = None
    namespace: str = "shop"
    group: str = GROUP
    version: str = VERSION
    sub: str = ""
    options: Json = field(default_factory=dict)
    # The Namespace that it is in, where a policy looks at that.
    place: Json = field(default_factory=dict)

    @property
    def shown(self) -> Json:
        """As `request` in CEL; what is empty is not there."""
        found = {
            "operation": self.operation,
            "resource": {"group": self.group, "version": self.version, "resource": self.resource},
            "userInfo": {"username": self.by.username, "groups": list(self.by.groups)}
            | ({"uid": self.by.uid} if self.by.uid else {}),
            "name": (self.new or self.old or {}).get("metadata", {}).get("name", ""),
            "options": self.options,
        }
        return found | {k: v for k, v in {"subResource": self.sub, "namespace": self.namespace}.items() if v}

    def matches(self, rule: Mapping[str, Any]) -> bool:
        """Is a policy with this rule about it? `x/*` is the object itself and all its subresources."""
        names = {f"{self.resource}/{self.sub}" if self.sub else self.resource, f"{self.resource}/*"}
        return (
            self.group in rule["apiGroups"]
            and self.version in rule["apiVersions"]
            and self.operation in rule["operations"]
            and bool(names & set(rule["resources"]))
        )


class Refused(Exception):
    """The API server said no; ``policy`` says which rule."""

    def __init__(self, policy: str, message: str) -> None:
        """With its words."""
        super().__init__(f"{policy}: {message}")
        self.policy, self.message = policy, message


class _Authorizer(Host):
    """`authorizer` in CEL; counts how often one expression asks."""

    def __init__(self, may: May, right: Right, asked: list[Right]) -> None:
        self.may, self.right, self.asked = may, right, asked

    def call(self, name: str, words: list[Any]) -> Any:
        """Each step narrows the question; `check` asks it."""
        fields = {
            "group": "group",
            "resource": "resource",
            "subresource": "sub",
            "namespace": "namespace",
            "name": "name",
        }
        if name in fields:
            return self._with(**{fields[name]: words[0]})
        match name:
            case "serviceAccount":
                return self._with(username=f"system:serviceaccount:{words[0]}:{words[1]}")
            case "check":
                return self._with(verb=words[0])
            case "allowed":
                self.asked.append(self.right)
                if len(self.asked) > CHECKS_MAX:
                    raise CelError("operation cancelled: actual cost limit exceeded")
                return self.may(self.right)
        raise CelError(f"no such overload: authorizer.{name}")

    def _with(self, **changes: str) -> "_Authorizer":
        return _Authorizer(self.may, replace(self.right, **changes), self.asked)


class _Variables(Mapping[str, Any]):
    """Each evaluated when it is needed, once."""

    def __init__(self, texts: Sequence[Mapping[str, str]], env: Env) -> None:
        self.texts = {each["name"]: each["expression"] for each in texts}
        self.env, self.known = env, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = evaluate(self.texts[name], {**self.env, "variables": self})
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)


@cache
def shipped() -> tuple[tuple[Json, Json], ...]:
    """All policies with their bindings, as they are generated."""
    return tuple(each.objects() for each in policies())


def admit(request: Request, may: May, but: Sequence[str] = ()) -> Json | None:
    """The object as it is stored, or raises Refused. ``but`` are policies (kind/name) that are not in force."""
    ways = [(p, b) for p, b in shipped() if f"{p['kind']}/{p['metadata']['name']}" not in but]
    request = replace(request, new=copy.deepcopy(request.new))
    for again in (False, True):
        for policy, _binding in ways:
            if policy["kind"] != "MutatingAdmissionPolicy" or (
                again and policy["spec"]["reinvocationPolicy"] == "Never"
            ):
                continue
            if _is_about(policy, request, may):
                request = _stamped(policy, request, may)
    for policy, binding in ways:
        denies = binding["spec"].get("validationActions", ()) and "Deny" in binding["spec"]["validationActions"]
        if policy["kind"] == "ValidatingAdmissionPolicy" and denies and _is_about(policy, request, may):
            _prove(policy, request, may)
    return request.new


def prove(policy: Json, request: Request, may: May) -> None:
    """Raises Refused where one that is not shipped with the others, but in a component, refuses it."""
    if _is_about(policy, request, may):
        _prove(policy, request, may)


def about(request: Request, may: May) -> set[str]:
    """Names of the policies that look at this request."""
    return {p["metadata"]["name"] for p, _ in shipped() if _is_about(p, request, may)}


def _env(policy: Json, request: Request, may: May) -> Env:
    env: Json = {
        "object": request.new,
        "oldObject": request.old,
        "request": request.shown,
        "namespaceObject": request.place,
        "authorizer": _Authorizer(may, Right(request.by.username, "", "", ""), []),
    }
    return env | {"variables": _Variables(policy["spec"].get("variables", ()), env)}


def _fails(policy: Json, error: CelError) -> None:
    """An error is a no, unless the policy is there to be ignored then."""
    if policy["spec"]["failurePolicy"] == "Fail":
        raise Refused(policy["metadata"]["name"], f"expression error: {error}")


def _is_about(policy: Json, request: Request, may: May) -> bool:
    spec = policy["spec"]
    if not any(request.matches(rule) for rule in spec["matchConstraints"]["resourceRules"]):
        return False
    error = None
    for condition in spec.get("matchConditions", ()):
        try:
            if evaluate(condition["expression"], _env(policy, request, may)) is not True:
                return False
        except CelError as raised:
            error = raised
    if error is not None:
        _fails(policy, error)
    return error is None


def _stamped(policy: Json, request: Request, may: May) -> Request:
    (mutation,) = policy["spec"]["mutations"]
    try:
        patch = evaluate(mutation["jsonPatch"]["expression"], _env(policy, request, may))
        return replace(request, new=jsonpatch.apply_patch(request.new, patch))
    except (CelError, jsonpatch.JsonPatchException) as error:
        _fails(policy, CelError(str(error)))
        return request


def _prove(policy: Json, request: Request, may: May) -> None:
    # Variables are evaluated once for all validations; how often an expression may ask is counted for each.
    env = _env(policy, request, may)
    for validation in policy["spec"]["validations"]:
        env["authorizer"].asked.clear()
        try:
            holds = evaluate(validation["expression"], env)
        except CelError as error:
            _fails(policy, error)
            continue
        if holds is not True:
            raise Refused(policy["metadata"]["name"], _message(validation, env))


def _message(validation: Mapping[str, str], env: Env) -> str:
    if "messageExpression" not in validation:
        return validation["message"]
    try:
        return str(evaluate(validation["messageExpression"], {k: v for k, v in env.items() if k != "authorizer"}))
    except CelError:
        return validation["message"]
