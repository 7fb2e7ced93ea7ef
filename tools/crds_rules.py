"""
What a CRD says beyond its fields: names, columns, selectable fields and CEL rules. Read by tools/crds.py.

A rule stands at a path of the schema: ``spec``, ``spec.mitigations[]`` (each item). Its message names the field and what
would be right, for it is all a person sees at night. Rules can't see who asks nor the namespace: that is tools/policies.py.
"""

from tools.crds_parts import (
    WISH,
    Column,
    Kind,
    Rule,
    aliases,
    as_column,
    as_rule,
    default_target_rules,
    exactly_one,
    same_for_ever,
)
from tools.crds_runbook import runbook

from stanch.api import (
    action_item,
    alert_batch,
    done_when,
    evidence,
    impact,
    incident,
    incident_status,
    postmortem,
    response_policy,
    timeline_entry,
)

INCIDENT_SPEC: tuple[Rule, ...] = (
    Rule(
        "!has(self.mitigations) || self.mitigations.all(m, has(m.target)) || (has(self.targets) && size(self.targets) > 0)",
        "a mitigation without `target` acts on spec.targets[0], so spec.targets must have one",
        field=".targets",
    ),
    *default_target_rules(),
    Rule(
        "!has(oldSelf.targets) || size(oldSelf.targets) == 0"
        " || (has(self.targets) && size(self.targets) > 0 && self.targets[0] == oldSelf.targets[0])",
        "targets[0] is fixed once set, for mitigations without `target` act on it; append other targets after it",
        field=".targets",
    ),
    # Left out and false are the same, so dropping `drill: false` is no change.
    Rule(
        "(has(self.drill) && self.drill) == (has(oldSelf.drill) && oldSelf.drill)",
        "drill is fixed once created: declare another incident",
        field=".drill",
    ),
)

ENTRY_MEMBERS = aliases(timeline_entry.TimelineEntrySpec, timeline_entry.TimelineEntrySpec.MEMBERS)
HAS_TEXT = "(has(self.text) && size(self.text) > 0)"

ENTRY_SPEC: tuple[Rule, ...] = (
    exactly_one(ENTRY_MEMBERS, "member"),
    Rule("self == oldSelf", "a timeline entry is never changed; create another one"),
    Rule(f"!has(self.note) || {HAS_TEXT}", "a note must have spec.text", field=".text"),
    Rule(
        f"!has(self.undo) || !has(self.undo.force) || !self.undo.force || {HAS_TEXT}",
        "undo.force must have spec.text: why it is right to overwrite what others wrote since",
        field=".text",
    ),
    Rule(
        f"!has(self.resolve) || !has(self.resolve.override) || !self.resolve.override || {HAS_TEXT}",
        "resolve.override must have spec.text: why it is over although criteria do not hold",
        field=".text",
    ),
    *(
        Rule(f"!has(self.{member}) || {HAS_TEXT}", f"{member} must have spec.text: why", field=".text")
        for member in ("extend", "defer", "waive", "correct")
    ),
    Rule(f"!has(self.update) || {HAS_TEXT}", "update must have spec.text: what people are told", field=".text"),
    Rule(f"!has(self.escalate) || {HAS_TEXT}", "escalate must have spec.text: what is needed", field=".text"),
    Rule(
        "!has(self.mitigate) || has(self.mitigate.target)",
        "mitigate in an entry must name its `target` (kind and name)",
        field=".mitigate",
    ),
)

SAYS_SOMETHING = Rule(
    " || ".join(f"has(self.{name})" for name in aliases(impact.Impact, impact.Impact.model_fields)),
    f"impact must say something: one of {', '.join(aliases(impact.Impact, impact.Impact.model_fields))}",
)

INCIDENT = Kind(
    name="Incident",
    description="One incident: what was declared and wished in spec, what is so in status.",
    spec=incident.IncidentSpec,
    status=incident_status.IncidentStatus,
    plural="incidents",
    short="inc",
    columns=(
        Column("SEV", ".status.severity.level", description="Severity in force"),
        Column("PHASE", ".status.phase", description="For the eye; automate on the conditions"),
        Column("COMMANDER", ".status.commander", description="Incident commander"),
        Column("TARGET", ".status.target", description="First target"),
        Column("MITIGATION", ".status.mitigation", description="Current mitigation and where it stands"),
        Column("NEXT-UPDATE", ".status.nextUpdate", description="When the next update was promised"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("DECLARED-BY", ".spec.declaredBy.username", wide=True, description="Who declared it"),
        Column("MITIGATED", ".status.times.mitigated", wide=True, description="When harm ended"),
        Column("RESOLVED", ".status.times.resolved", wide=True, description="When recovery had held"),
        Column("SUSPECT", ".status.suspects[0].name", wide=True, description="The likeliest cause among what changed"),
        Column("TITLE", ".spec.title", wide=True, description="What is wrong"),
    ),
    selectable=(".spec.severity", ".spec.service", ".status.phase"),
    rules={
        "": (
            Rule(
                "size(self.metadata.name) <= 63",
                "metadata.name must have at most 63 characters: everything that belongs to the incident carries it as a label",
            ),
        ),
        "spec": INCIDENT_SPEC,
        "spec.mitigations[]": WISH,
        "spec.recovery.criteria[]": (
            exactly_one(aliases(incident.Criterion, incident.Criterion.CHECKS), "check"),
            Rule(
                "!has(self.target) || has(self.available) || has(self.noRestarts) || has(self.condition)",
                "only available, noRestarts and condition look at a target; leave `target` out here",
                field=".target",
            ),
        ),
    },
)

TIMELINE_ENTRY = Kind(
    name="TimelineEntry",
    description="One statement by a person: created once, never changed.",
    spec=timeline_entry.TimelineEntrySpec,
    plural="timelineentries",
    short="tle",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("BY", ".spec.author.username", description="Who said it"),
        Column("TEXT", ".spec.text", description="In their words"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(".spec.incident",),
    rules={"spec": ENTRY_SPEC, "spec.mitigate": WISH, "spec.impact": (SAYS_SOMETHING,)},
)

EVIDENCE = Kind(
    name="Evidence",
    description="One immutable bundle of what an effect would destroy, captured before it.",
    spec=evidence.EvidenceSpec,
    plural="evidences",
    short="evid",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("PURPOSE", ".spec.purpose", description="Why it was captured"),
        Column("CAPTURED", ".spec.capturedTime", description="When it was captured"),
        Column("ITEMS", ".spec.itemsCount", "integer", description="Things that are in it"),
        Column("MISSING", ".spec.missingCount", "integer", description="Things that could not be had"),
        Column("BYTES", ".spec.bytes", "integer", description="Stored size"),
        Column("REDACTIONS", ".spec.redactions", "integer", description="Secrets that were masked"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(".spec.incident",),
    rules={"spec": (Rule("self == oldSelf", "evidence is never changed once it is captured"),)},
)

POSTMORTEM = Kind(
    name="Postmortem",
    description="What is learnt from an incident: drafted by the operator, written by people.",
    spec=postmortem.PostmortemSpec,
    status=postmortem.PostmortemStatus,
    plural="postmortems",
    short="pmort",
    columns=(
        Column("INCIDENT", ".spec.incident"),
        Column("STATE", ".status.state", description="Findings, NotSigned, Ready or Published"),
        Column("FINDINGS", ".status.findings", "integer", description="What keeps it from being published"),
        # A string, for kubectl shows a date in the future as <invalid>.
        Column("DUE", ".spec.dueTime", description="When the text is due"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("MESSAGE", '.status.conditions[?(@.type=="Published")].message', wide=True),
    ),
    selectable=(".spec.incident",),
    rules={
        "": (
            Rule(
                "!has(oldSelf.status) || !has(oldSelf.status.published) || self.spec == oldSelf.spec",
                "it is published, and a published text never changes; what is to be added is another Postmortem of the incident",
                field=".spec",
            ),
        ),
        "spec": (same_for_ever("incident"),),
    },
)

NO_SECRETS = Rule(
    "!(self.resource in ['secrets', 'evidences'])",
    "secrets and evidences are read for no action item; name another resource",
    field=".resource",
)

ACTION_ITEM = Kind(
    name="ActionItem",
    description="One thing to do, one owner, one due time.",
    spec=action_item.ActionItemSpec,
    status=action_item.ActionItemStatus,
    plural="actionitems",
    short="aitem",
    columns=(
        Column("OWNER", ".spec.owner", description="Exactly one: a person or a team"),
        # A string, for kubectl shows a date in the future as <invalid>.
        Column("DUE", ".spec.dueTime", description="When it must be done"),
        Column("PRIORITY", ".spec.priority"),
        Column("STATE", ".status.state", description="Open, Overdue, Reopened or Done"),
        Column(
            "PROVEN", '.status.conditions[?(@.type=="Proven")].reason', wide=True, description="What doneWhen showed"
        ),
        Column("TITLE", ".spec.title"),
        Column("INCIDENT", ".spec.incident", wide=True),
        Column("AGE", ".metadata.creationTimestamp", "date", wide=True),
    ),
    selectable=(".spec.incident", ".spec.owner"),
    rules={
        "spec": (same_for_ever("incident"),),
        "spec.doneWhen": (exactly_one(aliases(done_when.DoneWhen, done_when.DoneWhen.CHECKS), "check"),),
        "spec.doneWhen.objectExists": (NO_SECRETS,),
        "spec.doneWhen.cel": (NO_SECRETS,),
    },
)

RESPONSE_POLICY = Kind(
    name="ResponsePolicy",
    description="How a team responds: approvals, guardrails, cadence, recovery. One a namespace, named default.",
    spec=response_policy.ResponsePolicySpec,
    status=response_policy.ResponsePolicyStatus,
    plural="responsepolicies",
    short="rpol",
    columns=(
        Column(
            "READY", '.status.conditions[?(@.type=="Ready")].status', description="Is its newest generation in force?"
        ),
        Column("IN-FORCE", ".status.inForce.generation", "integer", description="Generation that counts"),
        Column("REASON", '.status.conditions[?(@.type=="Ready")].reason'),
        Column("AGE", ".metadata.creationTimestamp", "date"),
        Column("MESSAGE", '.status.conditions[?(@.type=="Ready")].message', wide=True),
    ),
    selectable=(),
    rules={
        "": (
            Rule(
                f"self.metadata.name == '{response_policy.POLICY_NAME}'",
                f"metadata.name must be {response_policy.POLICY_NAME}: a namespace has one ResponsePolicy",
            ),
        ),
        # Said by core/policy_check.py, too, for what an older schema let in.
        "spec.approvals.machine": (
            Rule(
                "self.all(a, a.needed >= 1)",
                "needed must be at least 1: what a machine asks for takes a person; ServiceAccounts that stand for one are "
                "listed in approvals.people",
            ),
        ),
        "spec.approvals.auto": (
            Rule(
                "self.all(a, a.class != 'C' || a.needed >= 1)",
                "needed must be at least 1 for class C: what is wide takes a person, also in mode Auto",
            ),
        ),
    },
)

ALERT_BATCH = Kind(
    name="AlertBatch",
    description="Alerts that were taken and are not in their incidents yet. The operator writes and deletes it; nobody else.",
    spec=alert_batch.AlertBatchSpec,
    plural="alertbatches",
    short="abatch",
    columns=(
        Column("RECEIVED", ".spec.receivedTime", "date", description="When they were told"),
        Column("AGE", ".metadata.creationTimestamp", "date"),
    ),
    selectable=(),
    rules={"spec": (Rule("self == oldSelf", "a batch of alerts is never changed"),)},
)

KINDS: tuple[Kind, ...] = (
    INCIDENT,
    TIMELINE_ENTRY,
    EVIDENCE,
    POSTMORTEM,
    ACTION_ITEM,
    RESPONSE_POLICY,
    runbook(INCIDENT.rules["spec.recovery.criteria[]"]),
    ALERT_BATCH,
)

__all__ = ["KINDS", "Kind", "as_column", "as_rule"]
