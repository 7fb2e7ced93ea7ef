"""Who writes an action item whose doneWhen reads an object may read that object themselves. Read by tools/policies.py."""

from tools.policy_parts import NOT_A_COLLECTOR, NOT_THE_OPERATOR, Policy, cel, must, on


def item_reads() -> Policy:
    """The operator looks with its own rights: what it says must not tell people what they may not see."""
    return Policy(
        "stanch-actionitem-reads",
        "doneWhen is looked at with the operator's right to read, and what was seen stands in the status: so whoever writes it\n"
        "must have that right, too. Items that read nothing never meet this.",
        [on("CREATE UPDATE", "actionitems")],
        [
            NOT_THE_OPERATOR,
            NOT_A_COLLECTOR,
            {
                "name": "reads-an-object",
                "expression": cel("""
                    dyn(object).?spec.?doneWhen.?objectExists.hasValue() || dyn(object).?spec.?doneWhen.?cel.hasValue()
                """),
            },
            {
                "name": "another-than-before",
                "expression": cel("""
                    oldObject == null || dyn(object).spec.doneWhen != dyn(oldObject).?spec.?doneWhen.orValue({})
                """),
            },
        ],
        {
            "read": cel("""
                dyn(object).?spec.?doneWhen.?objectExists.hasValue()
                ? dyn(object).spec.doneWhen.objectExists : dyn(object).spec.doneWhen.cel
            """),
            "parts": "string(variables.read.apiVersion).split('/')",
            "group": "size(variables.parts) == 2 ? variables.parts[0] : ''",
            "where": "dyn(variables.read).?clusterScoped.orValue(false) ? '' : request.namespace",
        },
        [
            must(
                """authorizer.group(variables.group).resource(string(variables.read.resource)).namespace(variables.where)
                    .name(string(variables.read.name)).check('get').allowed()""",
                "who writes doneWhen must be allowed to read the object that it looks at",
                """request.userInfo.username + ' may not get ' + string(variables.read.resource) + ' '
                   + string(variables.read.name) + ', which spec.doneWhen looks at: leave it to somebody who may'""",
            )
        ],
    )
