"""The operator's own writes on what is ours: the record is marked and never rewritten, and no Secret is a token."""

from tools.policy_parts import ONLY_THE_OPERATOR, OUR_KINDS, Policy, cel, listed, must, on

from stanch.api.names import GROUP, OPERATOR_NAMESPACE, Label
from stanch.core import freeze
from stanch.core.records import SECRET_TYPES, UNDO_TYPE

# What it sets on objects that are there; all that it says besides is in their status.
WRITTEN_LABELS = (Label.CLOSED, Label.FOLDED)
# Of a spec only what alerts say: which group of them an incident is about.
WRITTEN_FIELDS = ("alertGroup",)


def _changed(now: str, before: str, free: tuple[str, ...]) -> str:
    """Keys that were added, changed or taken off, but for the free ones."""
    other = f"!(k in {listed(free)})"
    return cel(f"""
        variables.{now}.filter(k, {other} && (!(k in variables.{before}) || variables.{now}[k] != variables.{before}[k]))
        + variables.{before}.filter(k, {other} && !(k in variables.{now}))
    """)


def leash_records() -> Policy:
    """Of the record it marks what it took in and what is closed."""
    comment = """
The operator may patch incidents, entries, evidence and postmortems, for it marks them. With its token one could else change
what people wrote, or name an owner that is not there and have the garbage collector delete the record. Statuses are its own;
what it deletes is bounded by stanch-keep-records, as for everybody.
"""
    return Policy(
        "stanch-operator-leash-records",
        comment,
        [on("UPDATE", *OUR_KINDS)],
        [ONLY_THE_OPERATOR],
        {
            "spec": "dyn(object).?spec.orValue({})",
            "oldSpec": "dyn(oldObject).?spec.orValue({})",
            "labels": "object.metadata.?labels.orValue({})",
            "oldLabels": "oldObject.metadata.?labels.orValue({})",
            "fields": _changed("spec", "oldSpec", WRITTEN_FIELDS),
            "marks": _changed("labels", "oldLabels", WRITTEN_LABELS),
        },
        [
            must(
                "size(variables.fields) == 0",
                "stanch changes nothing of what people wrote",
                "'stanch changes nothing of what people wrote: spec.' + string(variables.fields[0]) + ' stays as it is'",
            ),
            must(
                "['ownerReferences', 'finalizers'].all(f, dyn(object.metadata)[?f] == dyn(oldObject.metadata)[?f])",
                "stanch changes neither owner references nor finalizers of a record: an owner that is not there has it deleted",
            ),
            must(
                """size(variables.marks) == 0
                   && object.metadata.?annotations.orValue({}) == oldObject.metadata.?annotations.orValue({})""",
                f"of a record's labels and annotations stanch sets {' and '.join(WRITTEN_LABELS)} only",
            ),
        ],
    )


def leash_secrets() -> Policy:
    """Secrets of its own types, at home; and of those it deletes undo records."""
    comment = """
Where one may create any Secret, one of type kubernetes.io/service-account-token is a token of any ServiceAccount there, and
it never expires. The operator makes Secrets of its own types. It deletes undo records that nobody needs any more, each by its
uid, and nothing else: what channels and Prometheus are asked with is kept in the same namespace.
"""
    is_undo = f"""
        request.operation != 'DELETE' || (dyn(oldObject).?type.orValue('') == '{UNDO_TYPE}'
        && '{Label.INCIDENT_UID}' in oldObject.metadata.?labels.orValue({{}}))
    """
    return Policy(
        "stanch-operator-leash-secrets",
        comment,
        [on("CREATE UPDATE DELETE", "secrets", group="", version="v1")],
        [ONLY_THE_OPERATOR],
        validations=[
            must(
                f"request.operation == 'DELETE' || dyn(object).?type.orValue('') in {listed(SECRET_TYPES)}",
                f"stanch makes only Secrets of type {' and '.join(SECRET_TYPES)}",
            ),
            must(
                f"request.namespace == '{OPERATOR_NAMESPACE}'",
                f"stanch keeps Secrets in namespace {OPERATOR_NAMESPACE} only",
            ),
            must(
                is_undo,
                f"of Secrets stanch deletes only undo records: of type {UNDO_TYPE}, with a label {Label.INCIDENT_UID}",
            ),
            must(
                "request.operation != 'DELETE' || dyn(request).?options.?preconditions.?uid.hasValue()",
                "stanch deletes an undo record only by its uid (preconditions.uid)",
            ),
            must(
                f"request.operation != 'DELETE' || !authorizer.group('{GROUP}').resource('undos')"
                f".namespace('{OPERATOR_NAMESPACE}').check('{freeze.VERB}').allowed()",
                f"{freeze.FROZEN_WORDS}: what takes an effect back by hand stays as it is",
            ),
        ],
    )
