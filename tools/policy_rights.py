"""The rights that mitigations need, as CEL: a list of needed rights, and one generated line (a slot) for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stanch.api.meta import TargetKind
from stanch.core.ports import Mitigation, Need

WORKLOADS: Mapping[TargetKind, str] = {
    TargetKind.DEPLOYMENT: "deployments",
    TargetKind.STATEFUL_SET: "statefulsets",
    TargetKind.REPLICA_SET: "replicasets",
    TargetKind.DAEMON_SET: "daemonsets",
}
RESOURCES: Mapping[TargetKind, tuple[str, str]] = {
    **{kind: ("apps", plural) for kind, plural in WORKLOADS.items()},
    TargetKind.NODE: ("", "nodes"),
    TargetKind.AUTOSCALER: ("autoscaling", "horizontalpodautoscalers"),
    TargetKind.CONFIG_MAP: ("", "configmaps"),
    TargetKind.SERVICE: ("", "services"),
    TargetKind.HTTP_ROUTE: ("gateway.networking.k8s.io", "httproutes"),
    TargetKind.CRON_JOB: ("batch", "cronjobs"),
    TargetKind.POD: ("", "pods"),
    TargetKind.KUSTOMIZATION: ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    TargetKind.HELM_RELEASE: ("helm.toolkit.fluxcd.io", "helmreleases"),
    TargetKind.APPLICATION: ("argoproj.io", "applications"),
}
VERSIONS: Mapping[str, str] = {"autoscaling": "v2", "helm.toolkit.fluxcd.io": "v2", "argoproj.io": "v1alpha1"}
# 8 mitigations with 3 rights each; a binding holds 28 checks and not 30 (facts/admission.md 2).
SLOTS_MAX = 24


@dataclass(frozen=True)
class Rights:
    """What the wishes in a CEL list need. ``slots`` is how many rights one request may need."""

    actions: tuple[str, ...]
    terms: tuple[tuple[str, TargetKind, Need], ...]
    wishes: str
    default_target: str
    slots: int

    @classmethod
    def of(cls, mitigations: Sequence[Mitigation], *, wishes: str, default_target: str, most: int) -> "Rights":
        """``most`` is how many wishes one request may hold. Raises ValueError for a mitigation without rights."""
        terms = []
        for mitigation in mitigations:
            for kind in sorted(mitigation.kinds):
                if not mitigation.needs.get(kind):
                    raise ValueError(
                        f"{mitigation.name} on {kind} declares no needs: nobody could be asked for a right"
                    )
                terms += [(mitigation.name, kind, need) for need in mitigation.needs[kind]]
        deepest = max(len(needs) for m in mitigations for needs in m.needs.values())
        # Never less than three rights a wish, so that most new actions change no slot.
        slots = min(SLOTS_MAX, most * max(3, deepest))
        return cls(tuple(m.name for m in mitigations), tuple(terms), wishes, default_target, slots)

    def variables(self, asker: str = "authorizer") -> dict[str, str]:
        """`asks` (what each wish is), `needs` (a list of rights), `checks` of ``asker`` and `said` (one each)."""
        target = f"(has(m.target) ? m.target : {self.default_target})"
        names = ", ".join(f"'{name}'" for name in self.actions)
        return {
            "asks": (
                f"{self.wishes}.map(m, {{'by': string(m.name), 'does': string([{names}].filter(a, a in m)[?0].orValue('')),"
                f" 'kind': string({target}.kind), 'name': string({target}.name)}})"
            ),
            "needs": " + ".join(self.term(*term) for term in self.terms),
            "checks": (
                f"variables.needs.map(n, {asker}.group(n.group).resource(n.resource).subresource(n.sub)"
                ".namespace(n.ns).name(n.name))"
            ),
            # No authorizer in here: messages are evaluated without one.
            "said": (
                "variables.needs.map(n, 'mitigation ' + n.by + ': user ' + string(variables.me.username) + ' may not '"
                " + n.verb + ' ' + n.resource + (n.sub == '' ? '' : '/' + n.sub) + (n.group == '' ? '' : '.' + n.group)"
                " + (n.name == '' ? '' : ' ' + n.name) + (n.ns == '' ? ' in the whole cluster' : ' in namespace ' + n.ns))"
            ),
        }

    def term(self, action: str, kind: TargetKind, need: Need) -> str:
        """One right of one action on one kind, for each wish that is such."""
        # What is not the target itself (a pod to evict) has no name yet, and a node's rights no namespace.
        name = "a.name" if (need.group, need.resource) == RESOURCES[kind] else "''"
        namespace = "''" if kind is TargetKind.NODE else "request.namespace"
        return (
            f"variables.asks.filter(a, a.does == '{action}' && a.kind == '{kind.value}').map(a, {{'by': a.by,"
            f" 'verb': '{need.verb}', 'group': '{need.group}', 'resource': '{need.resource}',"
            f" 'sub': '{need.subresource}', 'ns': {namespace}, 'name': {name}}})"
        )

    def validations(self) -> list[dict[str, Any]]:
        """Known, not too many, and each one allowed."""
        forbidden = {"reason": "Forbidden"}
        known = {
            "expression": f"{self.wishes}.all(m, variables.needs.exists(n, n.by == m.name))",
            "message": "this policy does not know what rights the mitigation's action needs: the policies are older "
            "than the CRDs; run `make install`",
        }
        few = {
            "expression": f"size(variables.needs) <= {self.slots}",
            "message": f"the new or changed mitigations need more than {self.slots} rights; add them in smaller steps",
        }
        return [known | forbidden, few | forbidden, *(self.slot(index) | forbidden for index in range(self.slots))]

    def slot(self, index: int) -> dict[str, str]:
        """Whether the right at ``index`` is held."""
        return {
            "expression": (
                f"size(variables.needs) <= {index}"
                f" || variables.checks[{index}].check(variables.needs[{index}].verb).allowed()"
            ),
            "messageExpression": f"variables.said[{index}]",
            "message": "you may not do what this mitigation does",
        }
