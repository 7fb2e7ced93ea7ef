"""What an admission policy is made of: CEL, rules, validations, and the policy with its binding, every default written out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stanch.api.names import GROUP, OPERATOR_NAMESPACE, OPERATOR_USER, VERSION

API = "admissionregistration.k8s.io/v1"
FORBIDDEN = "Forbidden"

# Who cleans up when a namespace or an owner is deleted. Where controllers share one identity, it is the last one.
COLLECTORS = (
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:kube-controller-manager",
)
PROTECTED_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", OPERATOR_NAMESPACE)
OUR_KINDS = ("incidents", "timelineentries", "evidences", "postmortems", "actionitems", "responsepolicies", "runbooks")

WITH_STATUS = ("incidents", "postmortems", "actionitems", "responsepolicies", "runbooks")


def cel(text: str) -> str:
    """A CEL expression written over several lines, as one."""
    return " ".join(text.split())


def listed(values: Sequence[str]) -> str:
    """A CEL list of strings."""
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


NOT_THE_OPERATOR = {"name": "not-the-operator", "expression": f"request.userInfo.username != '{OPERATOR_USER}'"}
ONLY_THE_OPERATOR = {"name": "only-the-operator", "expression": f"request.userInfo.username == '{OPERATOR_USER}'"}
NOT_A_COLLECTOR = {
    "name": "not-a-collector",
    "expression": f"!(request.userInfo.username in {listed(COLLECTORS)})",
}

# Who asks, in the shape of a stamp. Each value is dyn(): CEL maps hold one type.
ME = cel("""
    {'username': dyn(request.userInfo.username),
     'uid': dyn(has(request.userInfo.uid) ? request.userInfo.uid : ''),
     'groups': dyn(has(request.userInfo.groups) ? request.userInfo.groups : [])}
""")


@dataclass(frozen=True)
class Policy:
    """One policy and its binding, before defaults. ``comment`` opens its file."""

    name: str
    comment: str
    rules: Sequence[Mapping[str, Any]]
    conditions: Sequence[Mapping[str, str]] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    validations: Sequence[Mapping[str, str]] = ()
    patch: str = ""
    failure: str = "Fail"
    audit: Mapping[str, str] = field(default_factory=dict)
    # IfNeeded: a webhook that changes an object after us leads to a new stamp, not to a refusal. Never is a quarter cheaper.
    reinvoke: str = "IfNeeded"
    # Warn instead of Deny: it goes through, and whoever asked is told.
    action: str = "Deny"

    @property
    def kind(self) -> str:
        """Policies with a patch write; the others refuse."""
        return "MutatingAdmissionPolicy" if self.patch else "ValidatingAdmissionPolicy"

    def objects(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The policy and its binding, with every default written out."""
        spec: dict[str, Any] = {
            "failurePolicy": self.failure,
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {},
                "resourceRules": list(self.rules),
            },
        }
        if self.conditions:
            spec["matchConditions"] = list(self.conditions)
        if self.variables:
            spec["variables"] = [{"name": name, "expression": text} for name, text in self.variables.items()]
        binding: dict[str, Any] = {"policyName": self.name}
        if self.patch:
            spec["reinvocationPolicy"] = self.reinvoke
            spec["mutations"] = [{"patchType": "JSONPatch", "jsonPatch": {"expression": self.patch}}]
        else:
            spec["validations"] = list(self.validations)
            if self.audit:
                spec["auditAnnotations"] = [{"key": key, "valueExpression": text} for key, text in self.audit.items()]
            binding["validationActions"] = [self.action, "Audit"]
        metadata = {"name": self.name}
        return (
            {"apiVersion": API, "kind": self.kind, "metadata": metadata, "spec": spec},
            {"apiVersion": API, "kind": f"{self.kind}Binding", "metadata": metadata, "spec": binding},
        )


def on(operations: str, *resources: str, group: str = GROUP, version: str = VERSION) -> dict[str, Any]:
    """A resource rule, for example ``on("CREATE UPDATE", "incidents")``."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": operations.split(),
        "resources": list(resources),
        "scope": "*",
    }


def must(expression: str, message: str, said: str = "") -> dict[str, str]:
    """A validation. ``said`` is CEL that makes a better message; the API server falls back to ``message``."""
    out = {"expression": cel(expression), "message": message, "reason": FORBIDDEN}
    return out | {"messageExpression": cel(said)} if said else out
