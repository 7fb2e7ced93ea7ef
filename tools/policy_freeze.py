"""The change freeze of the error budget: refuse or warn of a new pod template; a component in manifests/, not in the base."""

from typing import Any

from tools.policy_leash import not_frozen
from tools.policy_parts import API, NOT_THE_OPERATOR, ONLY_THE_OPERATOR, Policy, cel, must, on

from stanch.api.names import GROUP, Annotation, Label

NAME = "stanch-change-freeze"
BYPASS = "bypass"
RESOURCE = "changefreezes"
# A verb that no role names: who holds it holds all there are, as the controllers of Flux and Argo CD do where they are installed
# as their makers have it. For a machine that is no word about freezes.
EVERYTHING = "hold-every-verb"
MACHINE = "request.userInfo.username.startsWith('system:serviceaccount:')"
_MAY = (
    f"authorizer.group('{GROUP}').resource('{RESOURCE}').namespace(request.namespace).name(request.name)"
    ".check('{}').allowed()"
)
_REASON = f"""namespaceObject.metadata.?annotations[?'{Annotation.FREEZE_REASON}'].orValue('no reason is given')"""
# CEL knows no time of day; but before admission the API server notes in managedFields when a field was written, also by this
# very request. Both are RFC 3339 in UTC with whole seconds: the later is the greater as text.
_UNTIL = f"namespaceObject.metadata.?annotations[?'{Annotation.FREEZE_UNTIL}'].orValue('')"
LAPSED = """variables.until != ''
    && object.metadata.?managedFields.orValue([]).exists(m, has(m.time) && string(m.time) > variables.until)"""


def change_freeze() -> Policy:
    """People's new pod templates, in namespaces that are labelled for it."""
    change = """
        variables.lapsed ? '' : request.userInfo.username + ' changes the pod template of ' + request.resource.resource + '/'
        + request.name + ' during the change freeze: ' + variables.reason
    """
    return Policy(
        NAME,
        f"In a namespace labelled {Label.CHANGE_FREEZE} a new pod template is refused (`true`) or warned of\n"
        "(`warn`). Scaling, pausing and everything else pass, and so do controllers,\n"
        "stanch's mitigations and its undos. Each is on the audit log, passed or not. Of a freeze that stanch\n"
        "began nothing is left once stanch does not say again that it holds.",
        [on("UPDATE", "deployments", "statefulsets", "daemonsets", group="apps", version="v1")],
        [
            {"name": "the-pods-would-change", "expression": "object.spec.template != oldObject.spec.template"},
            NOT_THE_OPERATOR,
        ],
        {"reason": _REASON, "until": _UNTIL, "lapsed": cel(LAPSED)},
        [
            must(
                f"variables.lapsed || ({_MAY.format(BYPASS)} && !({MACHINE} && {_MAY.format(EVERYTHING)}))",
                "change freeze: the error budget policy lets no new pod template through",
                f"""'change freeze in namespace ' + request.namespace + ' (' + variables.reason + '): a new pod template of '
                    + request.name + ' has to wait; scaling and mitigations of stanch are free. In need: the verb {BYPASS} on'
                    + ' {RESOURCE}.{GROUP}'""",
            )
        ],
        audit={"change": cel(change)},
    )


def objects() -> tuple[dict[str, Any], ...]:
    """The policy, and a binding for each value of the label."""
    policy, binding = change_freeze().objects()
    bindings = []
    for suffix, value, action in (("", "true", "Deny"), ("-warn", "warn", "Warn")):
        chosen = {"matchExpressions": [{"key": Label.CHANGE_FREEZE, "operator": "In", "values": [value]}]}
        spec = {
            "policyName": NAME,
            "validationActions": [action, "Audit"],
            "matchResources": {"namespaceSelector": chosen},
        }
        bindings.append({**binding, "apiVersion": API, "metadata": {"name": f"{NAME}{suffix}"}, "spec": spec})
    return policy, *bindings


def leash_namespaces() -> Policy:
    """Of a Namespace the operator writes what the error budget says, and nothing else."""
    keys = (Annotation.FREEZE_REASON, Annotation.FREEZE_BY, Annotation.FREEZE_UNTIL, Annotation.FREEZES_PAST)
    mine = f"k in {list(keys)}"

    def same(which: str, but: str) -> str:
        return f"""
            variables.{which}.all(k, {but} || (k in variables.old{which} && variables.{which}[k] == variables.old{which}[k]))
            && variables.old{which}.all(k, {but} || k in variables.{which})
        """

    return Policy(
        "stanch-operator-leash-namespaces",
        "Labels of a Namespace say which pods may run there, and which policies hold. The operator may patch Namespaces only\n"
        "where somebody bound it to stanch-label-namespaces; then it writes one label and four annotations.",
        [on("CREATE UPDATE DELETE", "namespaces/*", group="", version="v1")],
        [ONLY_THE_OPERATOR],
        {
            "Labels": "object == null ? {} : object.metadata.?labels.orValue({})",
            "oldLabels": "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})",
            "Notes": "object == null ? {} : object.metadata.?annotations.orValue({})",
            "oldNotes": "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})",
            "resource": f"'{Label.CHANGE_FREEZE}' in variables.Labels ? 'mitigations' : 'undos'",
        },
        [
            must(
                "request.operation == 'UPDATE' && (!has(request.subResource) || request.subResource == '')",
                "stanch neither creates nor deletes a Namespace",
            ),
            not_frozen("variables.resource", "request.name"),
            must(
                same("Labels", f"k == '{Label.CHANGE_FREEZE}'") + "&&" + same("Notes", mine),
                f"of a Namespace stanch writes label {Label.CHANGE_FREEZE} and its reason, and nothing else",
            ),
            must(
                "['ownerReferences', 'finalizers'].all(f, dyn(object.metadata)[?f] == dyn(oldObject.metadata)[?f])"
                " && dyn(object).?spec == dyn(oldObject).?spec",
                "stanch changes neither owner references nor finalizers of a Namespace",
            ),
        ],
    )
