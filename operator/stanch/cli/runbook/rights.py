"""The rights that a Runbook's ServiceAccount needs, from what its actions need: a Role that is ready to be applied."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from stanch.api.meta import TargetKind
from stanch.api.runbook import Runbook, RunbookTarget
from stanch.cli.runbook.outlook import BY_NAME
from stanch.core.ports import Need
from stanch.core.questions import REF_OF_KIND

_ONE_PARAMETER: Final = re.compile(r"\$\(([^()]+)\)")
Json = dict[str, Any]


def manifests(runbook: Runbook, namespace: str) -> list[Json]:
    """ServiceAccount, and the roles with their bindings; none of the roles when it does nothing by itself."""
    spec = runbook.spec
    account = spec.service_account_name or f"runbook-{runbook.metadata.name}"
    needs = list(_needs(runbook))
    made: list[Json] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}
    ]
    inside = [n for n in needs if not n[2]]
    everywhere = [n for n in needs if n[2]]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    if inside:
        made += _bound("Role", account, {"namespace": namespace}, subject, _rules(inside))
    if everywhere:
        made += _bound("ClusterRole", f"{namespace}-{account}", {}, subject, _rules(everywhere))
    return made


# A right, the names it is limited to (none: all), and whether it is needed in all namespaces.
_Wanted = tuple[Need, frozenset[str], bool]


def _needs(runbook: Runbook) -> Iterator[_Wanted]:
    first = next(iter(runbook.spec.targets or ()), None)
    for wish in runbook.spec.mitigations or ():
        name, _ = wish.action
        target = wish.target or first
        if target is None:
            continue
        names = _names(runbook, target)
        own = REF_OF_KIND[target.kind.value]
        for need in BY_NAME[name].needs.get(target.kind, ()):
            is_target = (need.group, need.resource) == (own.group, own.plural)
            # Pods of the whole cluster go with a node, and those of a StatefulSet with its template: nobody knows their names.
            yield need, names if is_target else frozenset(), target.kind is TargetKind.NODE


def _names(runbook: Runbook, target: RunbookTarget) -> frozenset[str]:
    """All names it can come to; none when they can't be listed."""
    written = _ONE_PARAMETER.findall(target.name)
    if not written:
        return frozenset({target.name})
    parameter = next((p for p in runbook.spec.parameters or () if p.name == written[0]), None)
    if len(written) > 1 or parameter is None or parameter.one_of is None:
        return frozenset()
    return frozenset(target.name.replace(f"$({written[0]})", value) for value in parameter.one_of)


def _rules(wanted: Sequence[_Wanted]) -> list[Json]:
    """One rule a resource; limited to names only where each that needs it is."""
    grouped: dict[tuple[str, str], list[_Wanted]] = {}
    for each in wanted:
        need = each[0]
        grouped.setdefault((need.group, _resource(need)), []).append(each)
    return [_rule(group, resource, each) for (group, resource), each in sorted(grouped.items())]


def _resource(need: Need) -> str:
    return f"{need.resource}/{need.subresource}" if need.subresource else need.resource


def _rule(group: str, resource: str, wanted: Iterable[_Wanted]) -> Json:
    each = list(wanted)
    rule: Json = {"apiGroups": [group], "resources": [resource], "verbs": sorted({n.verb for n, _, _ in each})}
    if all(names for _, names, _ in each):
        rule["resourceNames"] = sorted(frozenset().union(*(names for _, names, _ in each)))
    return rule


def in_words(runbook: Runbook, namespace: str) -> Iterator[str]:
    """`patch deployments.apps in shop: checkout, cart`, one line a rule."""
    for each in manifests(runbook, namespace):
        where = f" in {each['metadata']['namespace']}" if each["kind"] == "Role" else " in the whole cluster"
        for rule in each.get("rules", ()):
            what = ".".join(filter(None, (rule["resources"][0], rule["apiGroups"][0])))
            named = f": {', '.join(rule['resourceNames'])}" if "resourceNames" in rule else ""
            yield f"{', '.join(rule['verbs'])} {what}{where}{named}"


def _bound(kind: str, name: str, where: Mapping[str, str], subject: Json, rules: list[Json]) -> list[Json]:
    group = "rbac.authorization.k8s.io"
    meta = {"name": name, **where}
    return [
        {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [subject],
        },
    ]


def role_for(runbook: Runbook, namespace: str) -> str:
    """YAML for `kubectl apply -f -`, with who needs which verb besides."""
    objects = manifests(runbook, namespace)
    account, name = objects[0]["metadata"]["name"], runbook.metadata.name
    head = (
        f"# For serviceAccountName: {account} of Runbook {namespace}/{name}. Who writes that Runbook needs the verb `use` on\n"
        f"# this ServiceAccount; who starts it needs the verb `run` on the Runbook, and none of the rights below.\n"
    )
    return head + as_yaml(objects)


def as_yaml(objects: Iterable[Json]) -> str:
    """Documents of YAML, each written out in full."""

    class Plain(yaml.SafeDumper):
        """Without anchors: equal parts are written out."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump_all(objects, Dumper=Plain, sort_keys=False, explicit_start=True).rstrip()
