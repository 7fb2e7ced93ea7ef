"""Who may publish a Postmortem: the wish for it, and every word that is changed while it stands, need the verb publish."""

from tools.policy_parts import Policy, must, on

from stanch.api.names import GROUP


def postmortems() -> Policy:
    """`spec.published: true` is a wish; who makes it answers for the text as it is then."""
    return Policy(
        "stanch-postmortem-publish",
        "Who sets spec.published, or changes a text that is to be published, needs the verb `publish` on it: else the words that\n"
        "one person let go out would be another's. To take the wish back is free, and so is every change while there is none.",
        [on("CREATE UPDATE", "postmortems")],
        [
            {"name": "to-be-published", "expression": "dyn(object).?spec.?published.orValue(false) == true"},
            {
                "name": "something-new",
                "expression": "oldObject == null || !has(oldObject.spec) || object.spec != oldObject.spec",
            },
        ],
        validations=[
            must(
                f"""authorizer.group('{GROUP}').resource('postmortems').namespace(request.namespace)
                    .name(request.?name.orValue('')).check('publish').allowed()""",
                f"to publish a postmortem needs verb publish on postmortems.{GROUP}",
                f"""'user ' + request.userInfo.username + ' may not publish Postmortem ' + request.?name.orValue('')
                    + ' in namespace ' + request.namespace + ': needs verb publish on postmortems.{GROUP}'
                    + ' (ClusterRole stanch-publisher)'""",
            )
        ],
    )
