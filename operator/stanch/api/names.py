"""The one vocabulary: every label, condition, reason and event that people and programs may rely on."""

from typing import Final

GROUP: Final = "stanch.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
FIELD_MANAGER: Final = "stanch"
OPERATOR_NAMESPACE: Final = "stanch-system"
OPERATOR_USER: Final = f"system:serviceaccount:{OPERATOR_NAMESPACE}:stanch"
# What a token must be made for, that an Alertmanager shows us: of no use to whoever steals it anywhere else.
ALERTS_AUDIENCE: Final = f"alerts.{GROUP}"
SERVICE_ACCOUNT_PREFIX: Final = "system:serviceaccount:"
# Stands for spec.runbook in spec.requesters: no mitigation can have that name.
RUNBOOK_STAMP: Final = "$runbook"
NODE_PREFIX: Final = "system:node:"


class Label:
    """Keys we write. On targets a label, never an annotation: Deployments copy annotations to ReplicaSets for ever."""

    ACTION: Final = f"{GROUP}/action"
    INCIDENT: Final = f"{GROUP}/incident"
    INCIDENT_UID: Final = f"{GROUP}/incident-uid"
    INCIDENT_NAMESPACE: Final = f"{GROUP}/incident-namespace"
    CLOSED: Final = f"{GROUP}/closed"
    # On an incident that alerts made: which group of alerts.
    ALERT_GROUP: Final = f"{GROUP}/group"
    # On what nobody may act on through stanch, such as what alerts travel by.
    PROTECTED: Final = f"{GROUP}/protected"
    FOLDED: Final = f"{GROUP}/folded"
    # On a Namespace: new pod templates are refused (true) or warned of (warn).
    CHANGE_FREEZE: Final = f"{GROUP}/change-freeze"
    MANAGED_BY: Final = "app.kubernetes.io/managed-by"


class Annotation:
    """Keys we read on other people's objects."""

    NO_ROLLBACK_PAST: Final = f"{GROUP}/no-rollback-past"
    REVISION: Final = "deployment.kubernetes.io/revision"
    CHANGE_CAUSE: Final = "kubernetes.io/change-cause"
    # Beside the label of a change freeze: why, and whether stanch began it and will lift it.
    FREEZE_REASON: Final = f"{GROUP}/change-freeze-reason"
    FREEZE_BY: Final = f"{GROUP}/change-freeze-by"
    # Until when it holds unless somebody says so again; RFC 3339, whole seconds, UTC.
    FREEZE_UNTIL: Final = f"{GROUP}/change-freeze-until"
    # What is left of them, for who looks back (core/freeze_log.py).
    FREEZES_PAST: Final = f"{GROUP}/past-change-freezes"


class ConditionType:
    """True is good for the first five; the others are there only while they are true."""

    ACKNOWLEDGED: Final = "Acknowledged"
    EVIDENCE_CAPTURED: Final = "EvidenceCaptured"
    MITIGATED: Final = "Mitigated"
    RESOLVED: Final = "Resolved"
    REVIEWED: Final = "Reviewed"
    STALLED: Final = "Stalled"
    MITIGATION_HELD: Final = "MitigationHeld"
    APPROVAL_NEEDED: Final = "ApprovalNeeded"
    CONTAINED: Final = "Contained"
    CONTESTED: Final = "Contested"
    UPDATE_OVERDUE: Final = "UpdateOverdue"
    TIME_BOX_OVER: Final = "TimeBoxOver"
    READY: Final = "Ready"
    # Of a Postmortem
    PUBLISHED: Final = "Published"


class Reason:
    """CamelCase words in conditions and refusals: what is so, not what we do."""

    # Acknowledged
    DECLARED: Final = "Declared"
    ROLE_TAKEN: Final = "RoleTaken"
    ENTRY: Final = "Entry"
    NOBODY_YET: Final = "NobodyYet"
    # EvidenceCaptured
    COMPLETE: Final = "Complete"
    PARTIAL: Final = "Partial"
    HARM_FIRST: Final = "HarmFirst"
    CAPTURING: Final = "Capturing"
    NOTHING_TO_CAPTURE: Final = "NothingToCapture"
    # Mitigated
    CRITERIA_PASSING: Final = "CriteriaPassing"
    PERSON_SAYS_SO: Final = "PersonSaysSo"
    WITHOUT_US: Final = "WithoutUs"
    HARM_CONTINUES: Final = "HarmContinues"
    NOT_TRIED: Final = "NotTried"
    VERIFYING: Final = "Verifying"
    ONLY_CONTAINED: Final = "OnlyContained"
    NO_DATA: Final = "NoData"
    # Resolved
    HELD: Final = "Held"
    OVERRIDE: Final = "Override"
    HOLDING: Final = "Holding"
    INCONCLUSIVE: Final = "Inconclusive"
    NOT_MITIGATED: Final = "NotMitigated"
    ATTEMPT_OPEN: Final = "AttemptOpen"
    CONTESTED: Final = "Contested"
    CANCELLED: Final = "Cancelled"
    # Reviewed
    PUBLISHED: Final = "Published"
    WAIVED: Final = "Waived"
    SHORT_REVIEW: Final = "ShortReview"
    NOT_NEEDED: Final = "NotNeeded"
    NOT_YET: Final = "NotYet"
    DUE: Final = "Due"
    OVERDUE: Final = "Overdue"
    LINT_FINDINGS: Final = "LintFindings"
    # Published, of a Postmortem
    SIGN_OFF_MISSING: Final = "SignOffMissing"
    NOT_RESOLVED: Final = "NotResolved"
    NOT_ASKED: Final = "NotAsked"
    # Stalled
    POLICIES_MISSING: Final = "PoliciesMissing"
    PERMISSION_MISSING: Final = "PermissionMissing"
    LAW_BROKEN: Final = "LawBroken"
    LOOK_FAILS: Final = "LookFails"
    RECORD_FULL: Final = "RecordFull"
    SPEC_INVALID: Final = "SpecInvalid"
    # Ready, of a ResponsePolicy
    IN_FORCE: Final = "InForce"
    MISPLACED: Final = "Misplaced"
    # Ready, of a Runbook
    VALID: Final = "Valid"
    # Why a Runbook has no plan
    RUNBOOK_NOT_FOUND: Final = "RunbookNotFound"
    NOT_RENDERED: Final = "NotRendered"
    PRECONDITION_UNMET: Final = "PreconditionUnmet"
    # MitigationHeld
    ONLY_SHOWN: Final = "OnlyShown"
    FROZEN: Final = "Frozen"
    COOLING_DOWN: Final = "CoolingDown"
    TOO_MANY_AT_ONCE: Final = "TooManyAtOnce"
    WOULD_BREAK_BUDGET: Final = "WouldBreakBudget"
    COMMANDER_ACTS: Final = "CommanderActs"
    STORM: Final = "Storm"
    BREAKER_OPEN: Final = "BreakerOpen"
    APPROVAL_MISSING: Final = "ApprovalMissing"
    NO_AUTHORITY: Final = "NoAuthority"
    AUTHORITY_UNPROVEN: Final = "AuthorityUnproven"
    TARGET_BUSY: Final = "TargetBusy"
    TOO_MUCH_OWED: Final = "TooMuchOwed"
    TARGET_NOT_FOUND: Final = "TargetNotFound"
    TARGET_DELETING: Final = "TargetDeleting"
    PROTECTED: Final = "Protected"
    PAUSED: Final = "Paused"
    SEEN_BEFORE: Final = "SeenBefore"
    RESTORED: Final = "Restored"
    CHANGED_AFTER_START: Final = "ChangedAfterStart"
    NAME_TAKEN: Final = "NameTaken"
    NOT_OBSERVED_YET: Final = "NotObservedYet"
    PLAN_CHANGED: Final = "PlanChanged"
    FLAPPING: Final = "Flapping"
    MADE_IT_WORSE: Final = "MadeItWorse"
    PREFLIGHT: Final = "Preflight"
    EVIDENCE_INCOMPLETE: Final = "EvidenceIncomplete"
    DRY_RUN_REFUSED: Final = "DryRunRefused"
    OWNED_BY_ANOTHER: Final = "OwnedByAnother"
    WAITS_FOR_HOLD: Final = "WaitsForHold"
    TUG_OF_WAR: Final = "TugOfWar"
    CHANGED_AGAIN: Final = "ChangedAgain"
    NO_DATA_NOW: Final = "NotReadable"
    NOTHING_TO_DO: Final = "NothingToDo"
    NOT_STORED: Final = "NotStored"
    UNDO_NOT_EXACT: Final = "UndoNotExact"
    UNDO_WOULD_HURT: Final = "UndoWouldHurt"
    STILL_HURTING_ONLY: Final = "OnlyIfHarmGoesOn"
    # UpdateOverdue
    PROMISE_PASSED: Final = "PromisePassed"
    # TimeBoxOver
    DECIDE: Final = "Decide"


class ItemCondition:
    """Of an ActionItem. Proven is there with doneWhen; Escalated only while it is true."""

    DONE: Final = "Done"
    OVERDUE: Final = "Overdue"
    PROVEN: Final = "Proven"
    ESCALATED: Final = "Escalated"


class ItemReason:
    """Reasons of the conditions of an ActionItem."""

    CLOSED: Final = "Closed"
    PROVED: Final = "Proved"
    OPEN: Final = "Open"
    NOT_PROVEN: Final = "NotProven"
    REGRESSED: Final = "Regressed"
    LATE: Final = "Late"
    IN_TIME: Final = "InTime"
    OVERDUE_FOR_LONG: Final = "OverdueForLong"
    # Proven
    HOLDS: Final = "Holds"
    NOT_LONG_ENOUGH: Final = "NotLongEnough"
    NOT_THERE: Final = "NotThere"
    NOT_SO: Final = "NotSo"
    MAY_NOT_READ: Final = "MayNotRead"
    NOT_ANSWERED: Final = "NotAnswered"
    INVALID: Final = "Invalid"
    NO_DATA: Final = "NoData"


class EventKind:
    """Kinds of timeline lines, and reasons of Kubernetes Events: noun and past participle, each meaning one thing."""

    DECLARED: Final = "Declared"
    DETECTED: Final = "Detected"
    ALERTS_RESOLVED: Final = "AlertsResolved"
    ALERTS_FIRING: Final = "AlertsFiring"
    SIGNALS_SAY: Final = "SignalsSay"
    RECURRED: Final = "Recurred"
    RUNBOOKS_TIED: Final = "RunbooksTied"
    TARGET_NAMED: Final = "TargetNamed"
    ACKNOWLEDGED: Final = "Acknowledged"
    ROLE_CHANGED: Final = "RoleChanged"
    ROLE_JOINED: Final = "RoleJoined"
    NOTE: Final = "Note"
    HANDOFF_OFFERED: Final = "HandoffOffered"
    HANDOFF_DECLINED: Final = "HandoffDeclined"
    HANDOFF_WAITING: Final = "HandoffWaiting"
    HANDOFF_DUE: Final = "HandoffDue"
    ROLE_MISSING: Final = "RoleMissing"
    ROLES_COMBINED: Final = "RolesCombined"
    SPLIT_ROLES: Final = "SplitRoles"
    SEVERITY_UNSAID: Final = "SeverityUnsaid"
    SEVERITY_DOUBTED: Final = "SeverityDoubted"
    MITIGATE_FIRST: Final = "MitigateFirst"
    STILL_CONTAINED: Final = "StillContained"
    DECISION_DUE: Final = "DecisionDue"
    NOTHING_WRITTEN: Final = "NothingWritten"
    SEVERITY_CHANGED: Final = "SeverityChanged"
    IMPACT_CHANGED: Final = "ImpactChanged"
    TIME_CORRECTED: Final = "TimeCorrected"
    HYPOTHESIS_CHANGED: Final = "HypothesisChanged"
    UPDATE_PUBLISHED: Final = "UpdatePublished"
    NOT_DELIVERED: Final = "NotDelivered"
    UPDATE_DUE: Final = "UpdateDue"
    UPDATE_QUESTIONED: Final = "UpdateQuestioned"
    UPDATE_MISSED: Final = "UpdateMissed"
    ESCALATED: Final = "Escalated"
    ENTRY_REFUSED: Final = "EntryRefused"
    RUNBOOK_FROZEN: Final = "RunbookFrozen"
    RUNBOOK_HELD: Final = "RunbookHeld"
    RUNBOOK_LEFT: Final = "RunbookLeft"
    EVIDENCE_COLLECTED: Final = "EvidenceCollected"
    EVIDENCE_NOT_STORED: Final = "EvidenceNotStored"
    CHANGE_SUSPECTED: Final = "ChangeSuspected"
    SIMILAR_FOUND: Final = "SimilarFound"
    MITIGATION_SUGGESTED: Final = "MitigationSuggested"
    MITIGATION_ASKED: Final = "MitigationAsked"
    MITIGATION_WITHDRAWN: Final = "MitigationWithdrawn"
    MITIGATION_HELD: Final = "MitigationHeld"
    APPROVAL_NEEDED: Final = "ApprovalNeeded"
    MITIGATION_APPROVED: Final = "MitigationApproved"
    MITIGATION_DENIED: Final = "MitigationDenied"
    MITIGATION_EXPIRED: Final = "MitigationExpired"
    MITIGATION_SKIPPED: Final = "MitigationSkipped"
    MITIGATION_INTENDED: Final = "MitigationIntended"
    MITIGATION_APPLIED: Final = "MitigationApplied"
    MITIGATION_VERIFIED: Final = "MitigationVerified"
    MITIGATION_FAILED: Final = "MitigationFailed"
    MITIGATION_DIVERGED: Final = "MitigationDiverged"
    MITIGATION_JUDGED: Final = "MitigationJudged"
    MADE_IT_WORSE: Final = "MitigationMadeItWorse"
    MITIGATION_UNDONE: Final = "MitigationUndone"
    MITIGATION_REVERTED: Final = "MitigationReverted"
    UNDO_REFUSED: Final = "UndoRefused"
    DEBT_DUE: Final = "DebtDue"
    DEBT_REMINDED: Final = "DebtReminded"
    DEBT_ESCALATED: Final = "DebtEscalated"
    DEBT_EXTENDED: Final = "DebtExtended"
    DEBT_DEFERRED: Final = "DebtDeferred"
    ORPHAN_FOUND: Final = "OrphanFound"
    MITIGATED: Final = "Mitigated"
    RELAPSED: Final = "Relapsed"
    CRITERION_CONFIRMED: Final = "CriterionConfirmed"
    HOLD_STARTED: Final = "HoldStarted"
    CRITERION_INCONCLUSIVE: Final = "CriterionInconclusive"
    FLAPPING: Final = "Flapping"
    TIME_BOX_OVER: Final = "TimeBoxOver"
    RESOLVED: Final = "Resolved"
    BUDGET_CHARGED: Final = "BudgetCharged"
    REOPENED: Final = "Reopened"
    CANCELLED: Final = "Cancelled"
    POSTMORTEM_ASKED: Final = "PostmortemAsked"
    POSTMORTEM_REQUIRED: Final = "PostmortemRequired"
    POSTMORTEM_SIGNED: Final = "PostmortemSigned"
    POSTMORTEM_DRAFTED: Final = "PostmortemDrafted"
    DRILL_REVIEWED: Final = "DrillReviewed"
    TOIL_SEEN: Final = "ToilSeen"
    POSTMORTEM_REMINDED: Final = "PostmortemReminded"
    POSTMORTEM_OVERDUE: Final = "PostmortemOverdue"
    POSTMORTEM_REVIEW_DUE: Final = "PostmortemReviewDue"
    POSTMORTEM_PUBLISH_DUE: Final = "PostmortemPublishDue"
    ACTION_ITEM_DRAFTED: Final = "ActionItemDrafted"
    ITEM_REMINDED: Final = "ActionItemReminded"
    ITEM_DUE: Final = "ActionItemDue"
    ITEM_ASKED_ABOUT: Final = "ThreeWeekTest"
    ITEM_ESCALATED: Final = "ActionItemEscalated"
    ITEM_DONE: Final = "ActionItemDone"
    ITEM_REOPENED: Final = "ActionItemReopened"
    BURNS_UNDECLARED: Final = "BurnsUndeclared"
    CHANGES_FROZEN: Final = "ChangesFrozen"
    CHANGES_FREED: Final = "ChangesFreed"
    CLOSED: Final = "Closed"
    INCIDENT_IS_CLOSED: Final = "IncidentIsClosed"
    NO_SUCH_INCIDENT: Final = "NoSuchIncident"
    STALLED: Final = "Stalled"


class MissingReason:
    """Why an evidence item is not there: fixed words, so that they can be counted."""

    NODE_SILENT: Final = "NodeSilent"
    FORBIDDEN: Final = "Forbidden"
    NO_PREVIOUS: Final = "NoPrevious"
    NOT_STARTED: Final = "NotStarted"
    DEADLINE_OVER: Final = "DeadlineOver"
    BUDGET_FULL: Final = "BudgetFull"
    TOO_LARGE: Final = "TooLarge"
    NOT_ANSWERED: Final = "NotAnswered"
    REDACTION_FAILED: Final = "RedactionFailed"
    LOST_IN_RESTART: Final = "LostInRestart"
    IN_PART_B: Final = "InPartB"


class Milestone:
    """Timeline kinds that are never paged out while the incident is open."""

    KINDS: Final = frozenset(
        {
            EventKind.DECLARED,
            EventKind.DETECTED,
            EventKind.ROLE_CHANGED,
            EventKind.SEVERITY_CHANGED,
            EventKind.TIME_CORRECTED,
            EventKind.MITIGATION_APPLIED,
            EventKind.MITIGATION_UNDONE,
            EventKind.MITIGATION_DIVERGED,
            EventKind.MITIGATION_REVERTED,
            EventKind.MADE_IT_WORSE,
            EventKind.DEBT_DUE,
            EventKind.DEBT_DEFERRED,
            EventKind.MITIGATED,
            EventKind.RELAPSED,
            EventKind.TIME_BOX_OVER,
            EventKind.NOT_DELIVERED,
            EventKind.UPDATE_MISSED,
            EventKind.RESOLVED,
            EventKind.REOPENED,
            EventKind.CANCELLED,
            EventKind.POSTMORTEM_REQUIRED,
            EventKind.DRILL_REVIEWED,
            EventKind.POSTMORTEM_OVERDUE,
            EventKind.CLOSED,
            EventKind.STALLED,
        }
    )
