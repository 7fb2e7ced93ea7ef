"""Whatever happens to a Runbook, its incident and the cluster, in whatever order: the laws hold, and no one acts alone."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from books import AUTO, alerted, body, following
from core.test_laws import PEOPLE, Anything
from stanch.api.names import OPERATOR_USER, RUNBOOK_STAMP
from world import bad_deploy

STEPS = st.lists(
    st.sampled_from(
        [
            {"name": "roll-back", "rolloutUndo": {}},
            {"name": "up", "scale": {"replicas": 4}},
            {"name": "stop", "scale": {"replicas": 0}},
            {"name": "hold", "rolloutPause": {}, "when": "Always"},
        ]
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda w: w["name"],
)
MODES = st.sampled_from(["Observe", "Approve", "Auto"])


class Followed(Anything):
    """The same, for an incident that follows a Runbook which Git changes, and which others change the choice of."""

    @initialize(
        steps=STEPS, mode=MODES, by=st.sampled_from([*PEOPLE, "an alert", "an alert for nobody"]), drill=st.booleans()
    )
    def begin(self, steps, mode, by, drill):
        made = {
            "an alert": lambda: alerted(drill=drill or None),
            "an alert for nobody": lambda: alerted(account=None, drill=drill or None),
        }.get(by, lambda: following(by=by, drill=drill or None))
        self.world = bad_deploy(made())
        self.said, self.version = 0, 0
        self.git_pushes(steps, mode, drilled=True, lends=by != "an alert for nobody")
        self.world.run(seconds=2)

    @rule(steps=STEPS, mode=MODES, drilled=st.booleans(), lends=st.booleans())
    def git_pushes(self, steps, mode, drilled, lends):
        self.version += 1
        spec = {**AUTO, "mode": mode, "mitigations": steps}
        if not lends:
            del spec["serviceAccountName"]
        self.world.objects[("runbooks", "bad-deploy")] = body(generation=self.version, drilled=drilled, **spec)

    @rule(by=st.sampled_from(PEOPLE))
    def somebody_agrees_to_whatever_waits(self, by):
        for record in self.world.incident.status.mitigations or ():
            if record.digest and record.reason == "ApprovalMissing":
                self._say(by, approve={"mitigation": record.name, "action": record.action, "digest": record.digest})
        self.world.run(seconds=2)

    @rule()
    def it_is_deleted(self):
        self.world.objects.pop(("runbooks", "bad-deploy"), None)

    @rule(by=st.sampled_from(PEOPLE), chosen=st.sampled_from([None, {"name": "bad-deploy"}, {"name": "other"}]))
    def somebody_chooses_another(self, by, chosen):
        parameters = {"parameters": {"deployment": "checkout"}} if chosen and chosen["name"] == "bad-deploy" else {}
        stamps = [{"username": by, "uid": by, "groups": [], "mitigations": [RUNBOOK_STAMP]}] if chosen else None
        self.world.respec(runbook=chosen and chosen | parameters, requesters=stamps)

    @invariant()
    def whatever_acted_was_asked_for_by_somebody_who_may(self):
        """By itself only in Auto; and always with somebody's rights, which are never the operator's own."""
        if not hasattr(self, "world"):
            return
        for record in self.world.incident.status.mitigations or ():
            if not record.attempts or not record.source.startswith("Runbook/"):
                continue
            agreed = {a.by for a in (record.approvals.by if record.approvals else None) or ()} - {record.requested_by}
            assert record.automatic or agreed, record.name
            for attempt in record.attempts:
                kept = self.world.secrets.get(attempt.undo_ref)
                who = (kept or {}).get("asker", {}).get("username")
                assert kept is None or who not in (None, "", OPERATOR_USER), (record.name, who)


TestFollowed = Followed.TestCase
TestFollowed.settings = settings(
    max_examples=100,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    # Shrinking a long history takes minutes; the printed one is short enough to read.
    phases=(Phase.explicit, Phase.generate),
    print_blob=False,
)
