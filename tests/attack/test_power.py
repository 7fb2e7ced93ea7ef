"""Nobody gets more power through stanch: every action, asked for without a right it needs, and with exactly those."""

from typing import Any

import pytest
from tools.policy_rights import RESOURCES

from attack.people import Place, entry, incident, machine, refused
from e2e.support.api import Api, Json
from stanch.api.meta import TargetKind
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.ports import Need
from stanch.mitigations import ALL

DIGEST = "sha256:7d0c1b54f0c2a1c9"
ARGUMENTS: dict[str, Json] = {
    "scale": {"replicas": 3},
    "autoscaler": {"minReplicas": 2},
    "configFlag": {"key": "a", "value": "b"},
    "serviceShift": {"selector": {"app": "x"}},
    "routeShift": {"rule": "r0", "weights": [{"backend": "v1", "weight": 1}]},
}
CASES = [(m.name, kind, m.needs[kind]) for m in ALL for kind in sorted(m.kinds)]
HERE = [case for case in CASES if case[1] is not TargetKind.NODE]
INCIDENT_POLICY, ENTRY_POLICY = "stanch-incident-authority", "stanch-timelineentry-author"


def named(case: object) -> str:
    """Of a case, for pytest."""
    return str(case) if isinstance(case, str) else ""


def wish(action: str, kind: TargetKind) -> Json:
    """One mitigation with a target of its own."""
    return {"name": "act", "target": {"kind": kind.value, "name": "prey"}, action: ARGUMENTS.get(action, {})}


def rule(need: Need) -> Json:
    """Exactly this right."""
    resource = f"{need.resource}/{need.subresource}" if need.subresource else need.resource
    return {"apiGroups": [need.group], "resources": [resource], "verbs": [need.verb]}


def asked(place: Place, action: str, kind: TargetKind, by: str = "mallory") -> tuple[Any, Any]:
    """Asked for in an incident, and by an entry; both dry, so that nothing is left."""
    who, one = place.people[by], wish(action, kind)
    ways = (("incidents", incident(one)), ("timelineentries", entry(mitigate=one)))
    first, second = (who.request("POST", who.path(plural, place.ns, dryRun="All"), body) for plural, body in ways)
    return first, second


@pytest.mark.parametrize(("action", "kind", "needs"), HERE, ids=named)
def test_each_action_needs_each_of_its_rights(
    place: Place, action: str, kind: TargetKind, needs: tuple[Need, ...]
) -> None:
    """Without any, and with all but one: refused, and the policy and the right are named. With exactly those: taken."""
    for reply, policy in zip(asked(place, action, kind), (INCIDENT_POLICY, ENTRY_POLICY), strict=True):
        refused(reply, policy, f"user mallory may not {needs[0].verb} {needs[0].resource}")
    for number, missing in enumerate(needs):
        rest = [rule(need) for need in needs if need is not missing]
        who = ("bob", "carol", "erin")[number]
        place.let(who, *rest, role="")
        place.let(who, role="stanch-responder")
        for reply in asked(place, action, kind, who):
            refused(reply, f"user {who} may not {missing.verb} {missing.resource}")
    place.let("mallory", *(rule(need) for need in needs))
    assert [r.message for r in asked(place, action, kind) if not r.ok] == []


@pytest.mark.parametrize(("action", "kind", "needs"), HERE[:3], ids=named)
def test_a_right_on_another_object_is_none(
    place: Place, action: str, kind: TargetKind, needs: tuple[Need, ...]
) -> None:
    """resourceNames count: checked on the very target."""
    place.let("mallory", *(rule(need) | {"resourceNames": ["mine"]} for need in needs))
    for reply in asked(place, action, kind):
        refused(reply, "user mallory may not", "prey")


def test_every_kind_that_is_acted_on_is_tried() -> None:
    """Nodes are tried below; a new kind can't be forgotten here."""
    assert {kind for _, kind, _ in CASES} == set(RESOURCES)


@pytest.mark.parametrize("by", ["mallory", "an admin of the cluster"])
def test_nodes_are_aimed_at_from_the_operators_namespace_only(place: Place, admin: Api, by: str) -> None:
    """Whoever asks, in whatever part of it."""
    node = {"kind": "Node", "name": "n1"}
    who = admin if by != "mallory" else place.mallory
    refused(who.create(incident(targets=[node]), place.ns), "stanch-node-targets", OPERATOR_NAMESPACE)
    for body in (incident(wish("cordon", TargetKind.NODE)), entry(mitigate=wish("drain", TargetKind.NODE))):
        # Who has no right on nodes may be told that first.
        refused(who.create(body, place.ns), "stanch-node-targets" if by != "mallory" else "denied request")


# --- asking in another's name, or for something else -----------------------------------------------------------------

FORGED = {"username": "alice", "uid": "", "groups": ["system:masters"]}
ROLL_BACK = {"name": "roll-back", "rolloutUndo": {}}


def test_a_forged_requester_is_not_believed(place: Place) -> None:
    """The right is asked of who really writes it."""
    forged = incident(ROLL_BACK, requesters=[FORGED | {"mitigations": ["roll-back"]}])
    refused(place.mallory.create(forged, place.ns), INCIDENT_POLICY, "user mallory may not patch deployments")


def test_a_forged_declarer_is_overwritten(place: Place) -> None:
    """And stays what it was, whoever writes later."""
    made = place.mallory.create(incident(declaredBy=FORGED), place.ns).must()
    assert made["spec"]["declaredBy"] == {"username": "mallory", "uid": "", "groups": ["system:authenticated"]}
    changed = place.mallory.merge("incidents", place.ns, "checkout-5xx", {"spec": {"declaredBy": FORGED}}).must()
    assert changed["spec"]["declaredBy"]["username"] == "mallory"


def test_a_forged_author_is_overwritten(place: Place) -> None:
    """Of whatever is said."""
    said = place.mallory.create(entry(note={}, author=FORGED), place.ns).must()
    assert said["spec"]["author"]["username"] == "mallory"


def test_anothers_wish_is_not_turned_elsewhere(place: Place) -> None:
    """Not by its target, not by the incident's first one, not by taking the name over."""
    place.alice.create(incident(ROLL_BACK), place.ns).must()
    payments = {"kind": "Deployment", "name": "payments"}
    turned = {"spec": {"mitigations": [ROLL_BACK | {"target": payments}]}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", turned), INCIDENT_POLICY, "payments")
    swapped = {"spec": {"targets": [payments]}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", swapped), "targets[0] is fixed")
    other = {"spec": {"mitigations": [{"name": "roll-back", "rolloutPause": {}}]}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", other), INCIDENT_POLICY)


def test_a_stamp_is_not_handed_on(place: Place) -> None:
    """Alice's own stamp, sent along with another wish, vouches for nothing."""
    made = place.alice.create(incident(ROLL_BACK), place.ns).must()
    kept = made["spec"]["requesters"][0]
    more = {"name": "more", "scale": {"replicas": 9}}
    forged = {"spec": {"mitigations": [ROLL_BACK, more], "requesters": [kept | {"mitigations": ["roll-back", "more"]}]}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", forged), INCIDENT_POLICY, "mallory")


@pytest.mark.parametrize("count", [2, 8])
def test_the_last_of_many_wishes_is_checked_as_well(place: Place, count: int) -> None:
    """Rights on all but the last one's target."""
    mine = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "resourceNames": ["checkout"]}
    place.let("mallory", mine)
    many = [{"name": f"m{n}", "rolloutPause": {}} for n in range(count - 1)]
    last = {"name": "last", "target": {"kind": "Deployment", "name": "payments"}, "rolloutPause": {}}
    refused(place.mallory.create(incident(*many, last), place.ns), INCIDENT_POLICY, "mitigation last", "payments")


def test_nine_wishes_are_too_many(place: Place, admin: Api) -> None:
    """What no policy could check in time is not taken."""
    refused(admin.create(incident(*({"name": f"m{n}", "rolloutPause": {}} for n in range(9))), place.ns), "Too many: 9")


def test_undoing_says_nothing_about_rights_at_admission_and_needs_no_forged_author(place: Place) -> None:
    """The target stands in the incident: the operator asks for mallory's right before it undoes (test_operator.py)."""
    said = place.mallory.create(entry(undo={"mitigation": "roll-back"}, author=FORGED), place.ns).must()
    assert said["spec"]["author"]["username"] == "mallory"


# --- agreeing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["approve", "deny"])
def test_agreeing_needs_the_verb_for_that_very_action(place: Place, member: str) -> None:
    """The verb for one action is none for another."""
    said = {"mitigation": "a", "action": "drain"} | ({"digest": DIGEST} if member == "approve" else {})
    refused(place.mallory.create(entry(**{member: said}), place.ns), ENTRY_POLICY, "needs verb approve")
    verb = {"apiGroups": ["stanch.dev"], "resources": ["mitigations"], "verbs": ["approve"]}
    place.let("mallory", verb | {"resourceNames": ["rolloutUndo"]})
    refused(place.mallory.create(entry(**{member: said}), place.ns), ENTRY_POLICY, "resourceNames [drain]")


def test_overriding_and_public_words_need_their_verbs(place: Place) -> None:
    """Command, and publish."""
    refused(place.mallory.create(entry(resolve={"override": True}), place.ns), ENTRY_POLICY, "verb command")
    public = {"audience": "public", "state": "Identified"}
    refused(place.mallory.create(entry(update=public), place.ns), ENTRY_POLICY, "publish")


def test_a_machine_gets_no_more_than_its_account(place: Place, admin: Api) -> None:
    """A pipeline's token that may declare, and nothing else."""
    pipeline = machine(admin, place.ns, "pipeline")
    place.let(f"system:serviceaccount:{place.ns}:pipeline", role="stanch-responder")
    refused(pipeline.create(incident(ROLL_BACK), place.ns), INCIDENT_POLICY, f"{place.ns}:pipeline may not patch")


# --- what an alert makes ---------------------------------------------------------------------------------------------


def test_nobody_acts_as_anothers_account(place: Place, admin: Api) -> None:
    """Neither by naming it in an incident, nor later; an admin of the cluster neither."""
    for who in (place.mallory, admin):
        refused(
            who.create(incident(serviceAccountName="deployer"), place.ns), "stanch-own-labels", "serviceAccountName"
        )
    place.mallory.create(incident(), place.ns).must()
    later = {"spec": {"serviceAccountName": "deployer"}}
    refused(place.mallory.merge("incidents", place.ns, "checkout-5xx", later), "stanch-own-labels")


def test_what_the_operator_declares_is_asked_by_the_account_it_names(place: Place, admin: Api, taken_over: Api) -> None:
    """The right is the account's, in its own namespace, and the stamp names it; without one, it asks for nothing."""
    may_declare = {"apiGroups": ["stanch.dev"], "resources": ["incidents"], "verbs": ["create"]}
    place.let(f"system:serviceaccount:{OPERATOR_NAMESPACE}:stanch", may_declare)
    refused(taken_over.create(incident(ROLL_BACK), place.ns), INCIDENT_POLICY, "asks for no mitigation itself")
    made = incident(ROLL_BACK, serviceAccountName="deployer")
    account = f"system:serviceaccount:{place.ns}:deployer"
    refused(taken_over.create(made, place.ns), INCIDENT_POLICY, f"user {account} may not patch deployments")
    machine(admin, place.ns, "deployer")
    place.let(account, {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]})
    stored = taken_over.create(made, place.ns).must()["spec"]
    assert [(r["username"], r["mitigations"]) for r in stored["requesters"]] == [(account, ["roll-back"])]
    assert stored["declaredBy"]["username"].endswith(":stanch")
