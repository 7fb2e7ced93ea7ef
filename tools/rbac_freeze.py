"""What the error budget policy needs: a right of the operator, the admission policy, a role for those in need; a component."""

from tools import generated
from tools.policy_freeze import BYPASS, RESOURCE, objects
from tools.rbac import HEADER, Object, allow, bind, role

from stanch.api.names import GROUP

HOW = (
    "\n\nHas the error budget policy warn of or refuse new pod templates. overlays/cluster has it; with another overlay, in a\n"
    "kustomization of your own:  components: [../components/change-freeze]\n"
    "What it does then: docs/how-to/freeze-changes.md"
)


def parts() -> tuple[Object, ...]:
    """Of the operator, of people, and of the API server."""
    name = "stanch-label-namespaces"
    why = "Labels Namespaces whose error budget is spent; stanch-operator-leash-namespaces lets it write nothing else of them."
    need = "Changes a pod template during a change freeze, on the audit log. Narrow it by resourceNames."
    return (
        role(name, allow("get list patch", "", "namespaces"), why=why),
        bind(name),
        role("stanch-change-freeze-bypass", allow(BYPASS, GROUP, RESOURCE), why=need),
        *objects(),
    )


def component() -> str:
    """A kustomize component."""
    index = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "resources": ["change-freeze.yaml"]}
    return generated.document(HEADER + HOW, index)
