"""Bugs in what bounds the operator's writes on what is its own: the record, Secrets, and the rights it holds."""

from guards.planting import Bug, Bugs

OWN, RBAC, LET_GO = "tools/policy_leash_own.py", "tools/rbac.py", "operator/stanch/shell/let_go.py"
STUCK = "test_own_rights.py::test_a_template_is_not_swapped_whose_pods_could_not_be_freed"
ASKED = "test_own_rights.py::test_it_asks_for_each_right_that_no_dry_run_tells_of"
INSTALL = "tools/install.py"
BELOW = "shell/test_install.py::test_below_1_36_it_is_put_there_to_record_only"
WORDS = "test_leash_own.py::test_nothing_of_what_was_written_is_changed"
OWNERS = "test_leash_own.py::test_owners_and_finalizers_stay_as_they_are"
MARKS = "test_leash_own.py::test_it_marks_what_it_took_in_and_what_is_closed"
TOKENS = "test_leash_own.py::test_it_makes_no_token"
PODS = "test_rights.py::test_pods_are_taken_away_by_those_roles_only_that_need_it"
BEYOND = "test_rights.py::test_beyond_that_the_operator_writes_only_its_own"

BUGS: Bugs = {
    "the leash on the record": (
        Bug("rewrites what people wrote", OWN, '"size(variables.fields) == 0"', '"true"', WORDS),
        Bug(
            "takes out what people wrote",
            OWN,
            "+ variables.{before}.filter(k, {other} && !(k in variables.{now}))",
            "",
            WORDS,
        ),
        Bug(
            "has the garbage collector delete the record",
            OWN,
            "dyn(object.metadata)[?f] == dyn(oldObject.metadata)[?f]",
            "true",
            OWNERS,
        ),
        Bug("keeps a record for ever", OWN, "['ownerReferences', 'finalizers']", "['ownerReferences']", OWNERS),
        Bug("says that evidence is of another incident", OWN, "size(variables.marks) == 0\n", "true\n", MARKS),
        Bug(
            "notes what it likes on a record",
            OWN,
            "object.metadata.?annotations.orValue({}) == oldObject.metadata.?annotations.orValue({})",
            "true",
            MARKS,
        ),
        Bug("is about incidents only", OWN, 'on("UPDATE", *OUR_KINDS)', 'on("UPDATE", "incidents")', WORDS),
        Bug("can't say what is closed", OWN, "(Label.CLOSED, Label.FOLDED)", "(Label.FOLDED, Label.FOLDED)", MARKS),
    ),
    "letting go of what is closed": (
        Bug(
            "closes before what belongs to it is let go",
            LET_GO,
            "    for ref in BELONGS:\n        await _children(kube, ref, namespace, name, uid)\n    await label(",
            "    await label(",
            "shell/test_let_go.py::test_all_that_belongs_to_it_goes_with_it_and_nothing_else",
        ),
        Bug(
            "lets go of the first page",
            LET_GO,
            "        if not token:\n",
            "        if True:\n",
            "shell/test_let_go.py::test_all_that_belongs_to_it_goes_with_it_and_nothing_else",
        ),
        Bug(
            "lets go of another incident's evidence",
            LET_GO,
            ".get(Label.INCIDENT_UID, uid) == uid:",
            ".get(Label.INCIDENT_UID, uid):",
            "shell/test_let_go.py::test_all_that_belongs_to_it_goes_with_it_and_nothing_else",
        ),
        Bug(
            "forgets what could not be let go a moment ago",
            LET_GO,
            "if reply.status in (409, 429) or reply.status >= 500:",
            "if False:",
            "shell/test_let_go.py::test_what_did_not_work_is_done_again_before_the_incident_is_labelled",
        ),
        Bug(
            "never closes where it may not label evidence",
            LET_GO,
            "if reply.status in (409, 429) or reply.status >= 500:",
            "if not reply.ok:",
            "shell/test_let_go.py::test_what_may_not_be_or_is_gone_holds_up_nothing",
        ),
    ),
    "an API server below 1.36": (
        Bug(
            "stops half-way where the policies are not served",
            INSTALL,
            "    missing = not_served_policies(kubectl)\n",
            "    missing: list[str] = []\n",
            BELOW,
        ),
        Bug(
            "gives a right to act that nothing bounds",
            INSTALL,
            "        wait_until_served(kubectl, crds)\n        print(NOT_SERVED",
            '        apply(kubectl, "", str(ROOT / "manifests/overlays/cluster/act-everywhere.yaml"))\n        print(NOT_SERVED',
            BELOW,
        ),
        Bug(
            "waits for some of the kinds",
            INSTALL,
            "for kind in KINDS]\n",
            'for kind in KINDS if kind.plural != "responsepolicies"]\n',
            "shell/test_install.py::test_every_kind_is_waited_for",
        ),
        Bug(
            "takes no answer for an old API server",
            INSTALL,
            '    if done.returncode and "NotFound" not in done.stderr:\n',
            "    if False:\n",
            "shell/test_install.py::test_what_can_not_be_asked_is_not_taken_for_a_no",
        ),
    ),
    "a drain stops within one pod": (
        Bug(
            "goes on when it is told of a freeze",
            "operator/stanch/shell/perform.py",
            "        if met(outcome):\n            break\n",
            "",
            "shell/test_perform.py::test_one_pod_at_most_is_on_its_way_when_a_freeze_comes_to_be_known",
        ),
        Bug(
            "stops for a budget as for a freeze",
            "operator/stanch/shell/perform.py",
            "        if met(outcome):\n",
            "        if outcome.kind is OutcomeKind.REFUSED:\n",
            "shell/test_perform.py::test_a_pod_that_may_not_go_holds_up_nobody_else",
        ),
    ),
    "a drill changes nothing": (
        Bug(
            "deletes a pod in a drill",
            "operator/stanch/shell/client.py",
            '            body["dryRun"] = ["All"]\n',
            "            pass\n",
            "shell/test_requests.py::test_a_dry_run_of_a_deletion_says_so_in_its_body",
        ),
    ),
    "the operator's own right": (
        Bug("begins without its own right", "guard_order.py", "    (3, operator_may),\n", "", STUCK),
        Bug(
            "asks again what the dry run tells",
            "own_rights.py",
            'return need.verb == "patch" and _is_of_target(aim, need)',
            "return False",
            ASKED,
        ),
        Bug(
            "takes the dry run for all that it needs",
            "own_rights.py",
            'return need.verb == "patch" and _is_of_target(aim, need)',
            "return True",
            STUCK,
        ),
        Bug(
            "asks about itself in another namespace",
            "own_rights.py",
            'namespace=aim.namespace or "",',
            'namespace="",',
            ASKED,
        ),
        Bug(
            "takes no answer for its right",
            "own_rights.py",
            '    if isinstance(answer, Found) and answer.value.get("allowed"):\n',
            '    if isinstance(answer, Failed) or isinstance(answer, Found) and answer.value.get("allowed"):\n',
            "test_own_rights.py::test_a_right_that_cant_be_asked_is_none",
        ),
    ),
    "the leash on Secrets": (
        Bug("makes tokens", OWN, 'in {listed(SECRET_TYPES)}"', 'in {listed(SECRET_TYPES)} || true"', TOKENS),
        Bug(
            "makes tokens of what it has made",
            OWN,
            '"CREATE UPDATE DELETE", "secrets"',
            '"CREATE DELETE", "secrets"',
            TOKENS,
        ),
        Bug("keeps Secrets anywhere", OWN, "f\"request.namespace == '{OPERATOR_NAMESPACE}'\"", '"true"', TOKENS),
    ),
    "roles: no more than is used": (
        Bug(
            "deletes the record",
            RBAC,
            'allow("delete", GROUP, "evidences")',
            'allow("delete", GROUP, "evidences", "postmortems")',
            BEYOND,
        ),
        Bug(
            "rewrites Events",
            RBAC,
            'allow("create", "", "events"),',
            'allow("create patch", "", "events"),',
            BEYOND,
        ),
        Bug(
            "evicts with the right to cordon",
            RBAC,
            '    "drain": "stanch-do-drain",\n',
            '    "drain": "stanch-do-node",\n',
            PODS,
        ),
        Bug(
            "deletes pods with the right to roll a Deployment back",
            RBAC,
            '("rolloutUndo", TargetKind.STATEFUL_SET): "stanch-do-rollout-stateful"',
            '("rolloutUndo", TargetKind.STATEFUL_SET): "stanch-do-rollout"',
            PODS,
        ),
        Bug(
            "reads everything that is kept at home",
            RBAC,
            'allow("get create delete", "", "secrets"),',
            'allow("get create delete", "", "secrets"),\n            allow("get", "", "configmaps"),',
            "test_rights.py::test_at_home_it_keeps_secrets_and_its_lease",
        ),
    ),
}
