"""Policies about people: who declared an incident, who asked for what, who said it, and whether they may."""

from tools import policy_rights
from tools.policy_parts import ME, Policy, cel, must, on

from stanch.api.names import GROUP, OPERATOR_USER, RUNBOOK_STAMP
from stanch.mitigations import ALL

# --- who declared an incident -----------------------------------------------------------------------------------------

_DECLARER_COMMENT = """
Who declared an incident: spec.declaredBy is the caller, for ever.

Declaring must never be blocked (decisions F13), so neither policy here may fail a request of its own accord: both have
failurePolicy Ignore and ask for no right. Three cases are left.
1. The stamp works: whatever the file said is overwritten, and later changes are put back.
2. The stamp is skipped by an error and the file has no declaredBy: the incident is declared, and the operator treats the
   declarer as unknown.
3. The stamp is skipped and the file has a declaredBy: the second policy refuses what is not the caller. Only who writes
   another's name there meets that, and leaving it out helps. So a declaredBy that can be read is true.
What no failurePolicy covers: in its first seconds (3 measured, 5 at most) an API server that has just started answers 503
to whatever a mutating policy matches. Trying again helps.
"""


def declarer() -> tuple[Policy, ...]:
    """declaredBy of incidents with and without wishes."""
    rules = [on("CREATE UPDATE", "incidents")]
    changes = {
        "name": "declared-or-changed",
        "expression": "oldObject == null || object.spec.?declaredBy != oldObject.spec.?declaredBy",
    }
    stamp = f"""
        oldObject == null ? [JSONPatch{{op: "add", path: "/spec/declaredBy", value: {ME}}}]
        : has(oldObject.spec.declaredBy) ? [JSONPatch{{op: "add", path: "/spec/declaredBy", value: oldObject.spec.declaredBy}}]
        : [JSONPatch{{op: "remove", path: "/spec/declaredBy"}}]
    """
    proof = f"""
        oldObject == null ? !has(object.spec.declaredBy) || dyn(object.spec.declaredBy) == dyn({ME})
        : object.spec.?declaredBy == oldObject.spec.?declaredBy
    """
    # Asked before anything is validated: as long as all is as usual, nothing is.
    untrue = {"name": "not-the-callers", "expression": cel(f"!({proof})")}
    message = "spec.declaredBy is written by the API server and never changes; leave it out"
    name = "stanch-incident-declarer"
    return (
        # Nobody but a forger writes it after us, and that is refused.
        Policy(name, _DECLARER_COMMENT, rules, [changes], patch=cel(stamp), failure="Ignore", reinvoke="Never"),
        Policy(name, "", rules, [changes, untrue], validations=[must("false", message)], failure="Ignore"),
    )


# --- who asked for mitigations, and may they -------------------------------------------------------------------------

# An incident that asks for nothing never meets the two policies that could refuse it. `dyn` and `.?`: a mutating policy
# sees the object before its schema is checked, and a wrong type must be told by the schema, not by us.
SOMEBODY_WISHES = {
    "name": "somebody-wishes",
    "expression": cel("""
        has(object.spec) && (has(object.spec.mitigations) || has(object.spec.runbook) || has(object.spec.requesters))
        || oldObject != null && has(oldObject.spec.requesters)
    """),
}
SOMETHING_CHANGED = {
    "name": "something-to-vouch-for",
    "expression": cel("""
        oldObject == null || ['mitigations', 'runbook', 'targets', 'requesters'].exists(f,
          (f in object.spec) != (f in oldObject.spec) || (f in object.spec && object.spec[f] != oldObject.spec[f]))
    """),
}
# What an alert makes, the operator declares; who asks then is the ServiceAccount that the Runbook names, in the same namespace.
OPERATOR_FOR_ANOTHER = f"request.userInfo.username == '{OPERATOR_USER}' && has(object.spec.serviceAccountName)"
ACCOUNT = cel("""
    {'username': dyn('system:serviceaccount:' + request.namespace + ':' + string(object.spec.serviceAccountName)),
     'uid': dyn(''),
     'groups': dyn(['system:serviceaccounts', 'system:serviceaccounts:' + request.namespace, 'system:authenticated'])}
""")
REQUESTERS = {
    "me": f"{OPERATOR_FOR_ANOTHER} ? {ACCOUNT} : {ME}",
    "was": "oldObject == null || !has(oldObject.spec.mitigations) ? [] : oldObject.spec.mitigations",
    # A wrong type is told by the schema, which the server checks after the stamp.
    "now": cel("""
        has(object.spec.mitigations) && type(dyn(object.spec.mitigations)) == list
        ? object.spec.mitigations.filter(m, type(dyn(m)) == map) : []
    """),
    # The target of every mitigation that names none.
    "aim": "has(object.spec.targets) && size(object.spec.targets) > 0 ? object.spec.targets[0] : {}",
    "oldAim": cel("""
        oldObject != null && has(oldObject.spec.targets) && size(oldObject.spec.targets) > 0 ? oldObject.spec.targets[0] : {}
    """),
    # Names of those that say and aim at what they did before; `$runbook` stands for spec.runbook.
    "same": cel(f"""
        variables.now.filter(m, m in variables.was && (has(m.target) || variables.aim == variables.oldAim))
        .map(m, string(m.?name.orValue('')))
        + (has(object.spec.runbook) && oldObject != null && has(oldObject.spec.runbook) && variables.aim == variables.oldAim
           && object.spec.runbook == oldObject.spec.runbook ? ['{RUNBOOK_STAMP}'] : [])
    """),
    # New or changed: what this request must answer for.
    "fresh": "variables.now.filter(m, !(string(m.?name.orValue('')) in variables.same))",
    "chosen": f"has(object.spec.runbook) && !('{RUNBOOK_STAMP}' in variables.same)",
    "names": cel(f"""
        variables.fresh.map(m, string(m.?name.orValue(''))) + (variables.chosen ? ['{RUNBOOK_STAMP}'] : [])
    """),
    "kept": cel("""
        oldObject == null || !has(oldObject.spec.requesters) ? []
        : oldObject.spec.requesters.map(r, {'username': dyn(r.username), 'uid': dyn(has(r.uid) ? r.uid : ''),
            'groups': dyn(has(r.groups) ? r.groups : []), 'mitigations': dyn(r.mitigations.filter(n, n in variables.same))})
          .filter(r, size(r.mitigations) > 0)
    """),
    # What spec.requesters must be.
    "requesters": cel("""
        variables.kept + (size(variables.names) == 0 ? [] : [{'username': variables.me.username, 'uid': variables.me.uid,
          'groups': variables.me.groups, 'mitigations': dyn(variables.names)}])
    """),
}


def requesters() -> tuple[Policy, ...]:
    """Stamp, proof and rights of mitigations asked for in an Incident."""
    rules = [on("CREATE UPDATE", "incidents")]
    conditions = [SOMEBODY_WISHES, SOMETHING_CHANGED]
    stamp = """
        size(variables.requesters) > 0 || has(object.spec.requesters)
        ? [JSONPatch{op: "add", path: "/spec/requesters", value: variables.requesters}] : []
    """
    comment = (
        "Who asked for which mitigation: whoever adds or changes one answers for the whole of it. `$runbook` among them stands\n"
        "for spec.runbook."
    )
    rights = policy_rights.Rights.of(ALL, wishes="variables.fresh", default_target="variables.aim", most=8)
    prove = must(
        "dyn(has(object.spec.requesters) ? object.spec.requesters : []) == dyn(variables.requesters)",
        "spec.requesters is written by the API server and says who asked for each mitigation; leave it out",
    )
    nothing_of_its_own = must(
        f"request.userInfo.username != '{OPERATOR_USER}' || size(variables.fresh) == 0 || has(object.spec.serviceAccountName)",
        "the operator asks for no mitigation itself; people do, or the ServiceAccount that a Runbook names",
    )
    validations = [prove, nothing_of_its_own, _may_run(), *rights.validations()]
    asker = (
        f"{OPERATOR_FOR_ANOTHER} ? authorizer.serviceAccount(request.namespace, string(object.spec.serviceAccountName))"
        " : authorizer"
    )
    return (
        Policy("stanch-incident-requesters", comment, rules, conditions, REQUESTERS, patch=cel(stamp)),
        Policy(
            "stanch-incident-authority",
            "Proves the stamp, and that who asked may do it themselves: one line a right, for one expression holds only two\n"
            "`authorizer` checks (facts/admission.md 2). What a person could do with kubectl is what counts.",
            rules,
            conditions,
            REQUESTERS | {"asker": asker} | rights.variables(asker="variables.asker"),
            validations,
        ),
    )


def _may_run() -> dict[str, str]:
    """What an alert chooses, the matchers of the Runbook itself allow: then the operator writes it, under its own name."""
    return must(
        f"""!variables.chosen || request.userInfo.username == '{OPERATOR_USER}'
            || authorizer.group('{GROUP}').resource('runbooks').namespace(request.namespace)
              .name(string(object.spec.runbook.name)).check('run').allowed()""",
        f"spec.runbook needs verb run on runbooks.{GROUP}",
        f"""'user ' + request.userInfo.username + ' may not run Runbook ' + string(object.spec.runbook.name) + ' in namespace '
            + request.namespace + ': needs verb run on runbooks.{GROUP}, resourceNames ['
            + string(object.spec.runbook.name) + ']'""",
    )


# --- who writes a Runbook that borrows rights --------------------------------------------------------------------------


def runbooks() -> Policy:
    """A Runbook lends the rights of its ServiceAccount to who runs it: only who may use the account writes that down."""
    account = "string(object.spec.?serviceAccountName.orValue(''))"
    return Policy(
        "stanch-runbook-author",
        "Who creates or changes a Runbook that names a ServiceAccount needs the verb `use` on it: steps are done with its\n"
        "rights. Metadata and status may change without.",
        [on("CREATE UPDATE", "runbooks")],
        [
            {"name": "names-an-account", "expression": "has(object.spec) && has(object.spec.serviceAccountName)"},
            {
                "name": "something-new",
                "expression": "oldObject == null || !has(oldObject.spec) || object.spec != oldObject.spec",
            },
        ],
        {"account": account},
        [
            must(
                """authorizer.group('').resource('serviceaccounts').namespace(request.namespace).name(variables.account)
                    .check('use').allowed()""",
                "spec.serviceAccountName needs verb use on that ServiceAccount",
                """'user ' + request.userInfo.username + ' may not use ServiceAccount ' + variables.account + ' in namespace '
                    + request.namespace + ': a Runbook that names it needs verb use on serviceaccounts, resourceNames ['
                    + variables.account + ']'""",
            )
        ],
    )


# --- who said it -----------------------------------------------------------------------------------------------------


def entries() -> tuple[Policy, ...]:
    """Author of a TimelineEntry, and the rights that some statements need."""
    name = "stanch-timelineentry-author"
    rules = [on("CREATE", "timelineentries")]
    stamp = f'[JSONPatch{{op: "add", path: "/spec/author", value: {ME}}}]'
    rights = policy_rights.Rights.of(ALL, wishes="variables.fresh", default_target="{}", most=1)
    prove = must(
        f"has(object.spec.author) && dyn(object.spec.author) == dyn({ME})",
        "spec.author is written by the API server; leave it out",
    )
    comment = """
Who says it: spec.author is the caller.

approve and deny need verb `approve` on mitigations.stanch.dev, resourceNames the action; resolve with override needs verb
`command` on the incident; an update for the public needs verb `publish` on updates.stanch.dev; mitigate needs the right
itself on the target it names. The right for `undo` can't be seen here, for the target stands in the Incident: the operator
asks by SubjectAccessReview before it undoes. The same goes for whether an approver is another person than the asker, and
for all that depends on who wears which hat: hand-offs, updates for leadership, resolve, reopen, cancel, extend, waive.
"""
    return (
        Policy(name, comment, rules, patch=stamp),
        Policy(
            name,
            "",
            rules,
            variables={"me": ME, "fresh": "has(object.spec.mitigate) ? [object.spec.mitigate] : []"}
            | rights.variables(),
            validations=[prove, _agree("approve"), _agree("deny"), _override(), _public(), *rights.validations()],
        ),
    )


def _agree(member: str) -> dict[str, str]:
    return must(
        f"""!has(object.spec.{member}) || authorizer.group('{GROUP}').resource('mitigations').namespace(request.namespace)
            .name(object.spec.{member}.action).check('approve').allowed()""",
        f"to {member} needs verb approve on mitigations.{GROUP}",
        f"""'user ' + request.userInfo.username + ' may not {member} ' + object.spec.{member}.action + ' in namespace '
            + request.namespace + ': needs verb approve on mitigations.{GROUP}, resourceNames ['
            + object.spec.{member}.action + ']'""",
    )


def _override() -> dict[str, str]:
    return must(
        f"""!has(object.spec.resolve) || !object.spec.resolve.?override.orValue(false) || authorizer.group('{GROUP}')
            .resource('incidents').namespace(request.namespace).name(object.spec.incident).check('command').allowed()""",
        f"resolve.override needs verb command on incidents.{GROUP}",
        f"""'user ' + request.userInfo.username + ' may not override the criteria of incident ' + object.spec.incident
            + ' in namespace ' + request.namespace + ': resolve.override needs verb command on incidents.{GROUP}'""",
    )


def _public() -> dict[str, str]:
    return must(
        f"""!has(object.spec.update) || object.spec.update.audience != 'public' || authorizer.group('{GROUP}')
            .resource('updates').namespace(request.namespace).check('publish').allowed()""",
        f"an update for the public needs verb publish on updates.{GROUP}",
        f"""'user ' + request.userInfo.username + ' may not tell the public in namespace ' + request.namespace
            + ': needs verb publish on updates.{GROUP}'""",
    )
