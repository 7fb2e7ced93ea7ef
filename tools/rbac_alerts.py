"""What taking alerts needs: a right of the operator, a Service, and who may connect; a kustomize component in manifests/."""

import json

from tools import generated
from tools.rbac import HEADER, Object, allow, bind, role

from stanch.api.names import GROUP, OPERATOR_NAMESPACE

PORT = 9095
HOW = (
    "\n\nHas the operator take alerts. In a kustomization of your own, beside `resources: [../overlays/cluster]`:\n"
    "  components: [../components/alerts]\n"
    "Only namespace monitoring may connect; who may send, and where incidents are made: docs/how-to/connect-alertmanager.md"
)


def objects() -> tuple[Object, ...]:
    """What taking alerts needs, of the operator and around it. Applied only where alerts are to come in."""
    name = "stanch-take-alerts"
    pods = {"matchLabels": {"app.kubernetes.io/name": "stanch"}}
    why = (
        "Asks who sends alerts, and makes incidents of them: without a wish, for the operator asks for no mitigation itself"
        " (stanch-incident-authority)."
    )
    rules = (
        allow("create", "authentication.k8s.io", "tokenreviews"),
        allow("create", GROUP, "incidents"),
    )
    return (
        role(name, *rules, why=why),
        bind(name),
        role(
            f"{name}-ahead",
            allow("get list create delete", GROUP, "alertbatches"),
            why="Keeps alerts that it has answered until they are in their incidents. Nobody else may create these"
            " (stanch-operator-writes).",
            namespace=OPERATOR_NAMESPACE,
        ),
        bind(f"{name}-ahead", "Role", OPERATOR_NAMESPACE),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "stanch-alerts", "namespace": OPERATOR_NAMESPACE},
            "spec": {
                "selector": pods["matchLabels"],
                "ports": [{"name": "alerts", "port": PORT, "targetPort": "alerts"}],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "stanch-alerts", "namespace": OPERATOR_NAMESPACE},
            "spec": {
                "podSelector": pods,
                "policyTypes": ["Ingress"],
                "ingress": [
                    {"ports": [{"port": "http"}]},
                    {
                        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                        "ports": [{"port": "alerts"}],
                    },
                ],
            },
        },
    )


def component() -> str:
    """A kustomize component: those objects, and the port on the Deployment."""
    container = "/spec/template/spec/containers/0"
    patch = [
        {"op": "add", "path": f"{container}/command/-", "value": f"--alerts-at=:{PORT}"},
        {"op": "add", "path": f"{container}/ports/-", "value": {"name": "alerts", "containerPort": PORT}},
    ]
    index = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["alerts.yaml"],
        "patches": [{"target": {"kind": "Deployment", "name": "stanch"}, "patch": json.dumps(patch, indent=2) + "\n"}],
    }
    return generated.document(HEADER + HOW, index)
