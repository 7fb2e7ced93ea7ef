"""The operator's own writes on other people's objects: marked, by uid, out of protected namespaces, and stopped by a freeze."""

from tools import policy_rights
from tools.policy_parts import ONLY_THE_OPERATOR, PROTECTED_NAMESPACES, Policy, cel, listed, must, on

from stanch.api.names import GROUP, Label
from stanch.core import freeze
from stanch.core.swap import UNDO_PREFIX

_OTHERS = f"filter(k, k != '{Label.ACTION}')"
# "x/*" is the object itself and all its subresources; each group in the version that stanch speaks.
LEASH_RULES = [
    on(
        "CREATE UPDATE DELETE",
        *(f"{plural}/*" for each, plural in policy_rights.RESOURCES.values() if each == group and plural != "pods"),
        group=group,
        version=policy_rights.VERSIONS.get(group, "v1"),
    )
    for group in dict.fromkeys(group for group, _ in policy_rights.RESOURCES.values())
]
LEASH_VARIABLES = {
    "sub": "has(request.subResource) ? request.subResource : ''",
    "ns": "has(request.namespace) ? request.namespace : ''",
    "changes": "variables.sub == '' && request.operation == 'UPDATE'",
    "labels": "object == null ? {} : object.metadata.?labels.orValue({})",
    "oldLabels": "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})",
    "id": f"variables.labels[?'{Label.ACTION}'].orValue('')",
    "oldId": f"variables.oldLabels[?'{Label.ACTION}'].orValue('')",
    # All but metadata, whatever the kind has at its top: `operation` of an Argo CD Application begins a sync.
    "ourLabelComesOff": cel(f"""
        variables.changes && variables.id == ''
        && dyn(object).all(f, f == 'metadata' || dyn(object)[?f] == dyn(oldObject)[?f])
        && dyn(oldObject).all(f, f in dyn(object))
        && object.metadata.?annotations.orValue({{}}) == oldObject.metadata.?annotations.orValue({{}})
        && variables.labels.{_OTHERS}.all(k, k in variables.oldLabels && variables.labels[k] == variables.oldLabels[k])
        && variables.oldLabels.{_OTHERS}.all(k, k in variables.labels)
    """),
    "ownedAsBefore": "['ownerReferences', 'finalizers'].all(f, dyn(object.metadata)[?f] == dyn(oldObject.metadata)[?f])",
    # Taking our label off changes nothing that anybody runs: it goes with the undos.
    "undoes": f"variables.ourLabelComesOff || variables.id.startsWith('{UNDO_PREFIX}')",
}


def not_frozen(resource: str, namespace: str) -> dict[str, str]:
    """A grant stops the operator: nothing in Git takes it back, and no lost object lifts or makes it (ADR 0016)."""
    return must(
        f"!authorizer.group('{GROUP}').resource({resource}).namespace({namespace}).check('{freeze.VERB}').allowed()",
        freeze.FROZEN_WORDS,
        f"""'{freeze.FROZEN_WORDS} ' + ({namespace} == '' ? 'in this cluster' : 'in namespace ' + {namespace})
            + ': somebody bound it to ClusterRole {freeze.HALTED_ROLE} or {freeze.UNDO_ONLY_ROLE}; deleting that binding'
            + ' lets it go on'""",
    )


LEASH = [
    not_frozen("variables.undoes ? 'undos' : 'mitigations'", "variables.ns"),
    must(
        "variables.sub == ''",
        "stanch patches the object itself, never a subresource such as scale, so that the action id is in the same write",
    ),
    must(
        "variables.sub != '' || request.operation == 'UPDATE'",
        "stanch neither creates nor deletes what it acts on",
    ),
    must(
        "!variables.changes || variables.ownedAsBefore",
        "stanch changes neither owner references nor finalizers: an owner that is not there has the object deleted",
    ),
    must(
        "!variables.changes || variables.ourLabelComesOff || (variables.id != '' && variables.id != variables.oldId)",
        f"every write of stanch carries a new label {Label.ACTION}",
        f"""'every write of stanch carries a new label {Label.ACTION}; it was "' + variables.oldId + '" and is "'
            + variables.id + '"'""",
    ),
    must(
        f"!(variables.ns in {listed(PROTECTED_NAMESPACES)})",
        "protected namespace",
        "'namespace ' + variables.ns + ' is protected: stanch changes nothing there'",
    ),
]


def leash() -> Policy:
    """The operator's own writes on other people's objects."""
    comment = """
Holds even against our own bugs: every effect carries a new action id, goes through the object itself, and stays out of
the namespaces the cluster lives on. Taking our label off again is no effect. A freeze stops all of it, dry runs too: so a
plan is told of it before anybody is asked to agree.
"""
    name = "stanch-operator-leash"
    return Policy(name, comment, LEASH_RULES, [ONLY_THE_OPERATOR], LEASH_VARIABLES, LEASH)


def leash_pods() -> Policy:
    """Pods are taken away by uid, and nothing else is done to them."""
    comment = """
A name may mean another pod a second later, so a delete and an eviction must name the uid. Nothing else is done to pods:
not written, not executed in. Evictions may be in any namespace, for a drain is; deletions stay out of the protected ones.
"""
    takes = """
        (request.operation == 'DELETE' && variables.sub == '')
        || (request.operation == 'CREATE' && variables.sub == 'eviction')
    """
    uid = """
        request.operation == 'DELETE' ? dyn(request).?options.?preconditions.?uid.hasValue()
        : dyn(object).?deleteOptions.?preconditions.?uid.hasValue()
    """
    return Policy(
        "stanch-operator-leash-pods",
        comment,
        [on("CREATE UPDATE DELETE CONNECT", "pods/*", group="", version="v1")],
        [ONLY_THE_OPERATOR, {"name": "not-logs", "expression": "request.?subResource.orValue('') != 'log'"}],
        {"sub": "has(request.subResource) ? request.subResource : ''"},
        [
            not_frozen("'mitigations'", "request.namespace"),
            must(takes, "stanch evicts and deletes pods, and does nothing else to them"),
            must(uid, "stanch takes a pod away only by its uid (preconditions.uid)"),
            must(
                f"request.operation != 'DELETE' || !(request.namespace in {listed(PROTECTED_NAMESPACES)})",
                "protected namespace: stanch deletes nothing there",
            ),
        ],
    )
