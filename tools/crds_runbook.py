"""The Runbook kind: columns and CEL rules. What needs more than CEL (matchers, `$(name)`) is told by its Ready condition."""

from tools.crds_parts import WISH, Column, Kind, Rule, default_target_rules

from stanch.api import runbook as api

READY = '.status.conditions[?(@.type=="Ready")]'
_AUTO = "has(self.mode) && self.mode == 'Auto'"
# Never by itself: what is wide or can't be undone whatever it acts on (class C in docs/mitigations.md), or loses data.
_NOT_ALONE = (
    "has(m.drain) || has(m.uncordon) || (has(m.scale) && m.scale.replicas == 0)"
    " || (has(m.scale) && has(m.scale.volumes) && m.scale.volumes == 'Delete')"
    " || (has(m.deletePod) && has(m.deletePod.unmanaged) && m.deletePod.unmanaged == 'Delete')"
)

SPEC: tuple[Rule, ...] = (
    *default_target_rules(),
    Rule(
        f"!({_AUTO}) || (has(self.recovery) && has(self.guardrails) && has(self.guardrails.cooldown)"
        " && has(self.drilledWithin))",
        "mode Auto must have recovery, guardrails.cooldown and drilledWithin: when it is over, how often it acts, and that it "
        "was tried out",
        field=".mode",
    ),
    Rule(
        f"!({_AUTO}) || !has(self.mitigations) || !self.mitigations.exists(m, {_NOT_ALONE})",
        "mode Auto must have no drain, uncordon, scale to 0, scale that deletes volumes, or deletePod of what does not come back; "
        "use mode Approve",
        field=".mitigations",
    ),
    Rule(
        "!has(self.authority) || self.authority != 'ServiceAccount' || has(self.serviceAccountName)",
        "authority ServiceAccount must have serviceAccountName",
        field=".serviceAccountName",
    ),
    Rule(
        "!has(self.parameters) || self.parameters.all(p, !has(p.pattern) || ('x'.matches(p.pattern) ? true : true))",
        "parameters[].pattern must be a regular expression as RE2 has them",
        field=".parameters",
    ),
)


def runbook(criterion: tuple[Rule, ...]) -> Kind:
    """The kind; ``criterion`` are the rules of one criterion, the same as an Incident's."""
    return Kind(
        name="Runbook",
        description="What to do when, written down before it is needed: for which alerts, with whose rights, how it is over.",
        spec=api.RunbookSpec,
        status=api.RunbookStatus,
        plural="runbooks",
        short="rbk",
        columns=(
            Column("MODE", ".spec.mode", description="Observe, Approve or Auto; Approve when empty"),
            Column("READY", f"{READY}.status", description="Can its plan be made?"),
            Column("REASON", f"{READY}.reason"),
            Column("DRILLED", ".status.drilled.time", "date", description="When it was last tried out"),
            Column("AGE", ".metadata.creationTimestamp", "date"),
            Column("TITLE", ".spec.title", wide=True),
            Column("MESSAGE", f"{READY}.message", wide=True),
        ),
        selectable=(),
        rules={
            "spec": SPEC,
            "spec.mitigations[]": WISH,
            "spec.parameters[]": (
                Rule(
                    "has(self.oneOf) != has(self.pattern)",
                    "exactly one of oneOf and pattern must say which values are allowed: labels of alerts are other people's text",
                ),
            ),
            "spec.preconditions[]": (
                Rule(
                    "has(self.rolledOutWithin) != has(self.failing)",
                    "exactly one of rolledOutWithin and failing must be set (`rolledOutWithin: 1h`, `failing: Any`)",
                ),
            ),
            "spec.guardrails": (
                Rule(
                    "!has(self.cooldown) || duration(self.cooldown) <= duration('24h')",
                    "guardrails.cooldown must be at most 24h: what was done is counted for so long",
                    field=".cooldown",
                ),
            ),
            "spec.recovery.criteria[]": criterion,
        },
    )
