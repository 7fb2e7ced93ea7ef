"""Admission around Runbooks: who chooses one may run it, who lends an account's rights may use it, and the stamp is true."""

import pytest

from admission import Person, Refused, Right
from core.test_policies import (
    ALICE,
    BOB,
    CHECKOUT,
    OPERATOR,
    anything,
    back,
    create,
    incident,
    nothing,
    only,
    update,
    wished,
)
from stanch.api.names import OPERATOR_USER, RUNBOOK_STAMP

BOOK = {"name": "bad-deploy", "parameters": {"deployment": "checkout"}}
RUN = Right("alice", "run", "stanch.dev", "runbooks", "", "shop", "bad-deploy")
USE = Right("alice", "use", "", "serviceaccounts", "", "shop", "deployer")
PATCH = Right("alice", "patch", "apps", "deployments", "", "shop", "checkout")
ACCOUNT = "system:serviceaccount:shop:deployer"


def runbook(**spec):
    """As somebody writes it."""
    return {"metadata": {"name": "bad-deploy"}, "spec": {"title": "Roll back", **spec}}


def test_whoever_chooses_a_runbook_is_stamped_and_needs_the_verb_run():
    """On exactly this one."""
    stored = create(incident(runbook=BOOK), may=only(RUN))
    assert {"alice": [RUNBOOK_STAMP]} == wished(stored)
    with pytest.raises(Refused, match="alice may not run Runbook bad-deploy in namespace shop: needs verb run"):
        create(incident(runbook=BOOK), may=nothing)
    other = only(Right("alice", "run", "stanch.dev", "runbooks", "", "shop", "other"))
    with pytest.raises(Refused, match="may not run"):
        create(incident(runbook=BOOK), may=other)


def test_a_runbook_and_mitigations_are_one_persons():
    """Both stand behind the same name, and each needs its own right."""
    stored = create(incident(back(), runbook=BOOK), may=only(RUN, PATCH))
    assert {"alice": ["back", RUNBOOK_STAMP]} == wished(stored)
    with pytest.raises(Refused, match="may not patch deployments"):
        create(incident(back(), runbook=BOOK), may=only(RUN))


def test_who_changes_the_choice_answers_for_it():
    """Another Runbook, other values, or the first target that it might act on: never under the name of who chose before."""
    plain = incident(runbook=BOOK)
    del plain["spec"]["targets"]
    old = create(plain)
    for change in ({"runbook": {"name": "other"}}, {"runbook": {"name": "bad-deploy"}}, {"targets": [CHECKOUT]}):
        assert {"bob": [RUNBOOK_STAMP]} == wished(update(old, BOB, **change))
        with pytest.raises(Refused, match="bob may not run"):
            update(old, BOB, nothing, **change)


def test_who_changes_something_else_does_not_answer_for_it():
    """And needs no right on it."""
    old = create(incident(runbook=BOOK))
    assert {"alice": [RUNBOOK_STAMP]} == wished(update(old, BOB, nothing, title="Better"))
    assert {"alice": [RUNBOOK_STAMP]} == wished(
        update(old, BOB, nothing, targets=[CHECKOUT, {"kind": "Node", "name": "n"}][:1])
    )


def test_taking_it_away_is_free_and_takes_the_stamp():
    """Nobody's name stays on what is gone."""
    old = create(incident(back(), runbook=BOOK))
    assert {"alice": ["back"]} == wished(update(old, BOB, nothing, runbook=None))


def test_the_stamp_of_a_runbook_is_not_forged():
    """Whatever the file says, it is overwritten; and where the stamp is skipped, refused."""
    forged = incident(
        runbook=BOOK, requesters=[{"username": "root", "uid": "", "groups": [], "mitigations": [RUNBOOK_STAMP]}]
    )
    assert {"alice": [RUNBOOK_STAMP]} == wished(create(forged))
    with pytest.raises(Refused, match="requesters is written by the API server"):
        create(forged, but=["MutatingAdmissionPolicy/stanch-incident-requesters"])


def test_no_mitigation_can_pass_for_the_runbook():
    """Its name is none that a mitigation can have; were it so, it would still need its own right."""
    with pytest.raises(Refused, match="may not patch deployments"):
        create(incident(back(RUNBOOK_STAMP)), may=only(RUN))


def test_the_operator_chooses_for_an_alert_without_the_verb():
    """The matchers that an admin wrote allowed it; who asks is the account that the Runbook names, or nobody else."""
    made = incident(runbook=BOOK, serviceAccountName="deployer")
    assert {ACCOUNT: [RUNBOOK_STAMP]} == wished(create(made, OPERATOR, nothing))
    assert {OPERATOR_USER: [RUNBOOK_STAMP]} == wished(create(incident(runbook=BOOK), OPERATOR, nothing))
    with pytest.raises(Refused, match="serviceAccountName is set by the operator"):
        create(made, ALICE)


# --- who writes a Runbook ---------------------------------------------------------------------------------------------


def test_who_lends_the_rights_of_an_account_may_use_it():
    """Else whoever writes Runbooks had all rights of every account in the namespace."""
    lends = runbook(serviceAccountName="deployer")
    assert create(lends, may=only(USE), resource="runbooks")
    with pytest.raises(
        Refused, match=r"alice may not use ServiceAccount deployer in namespace shop.*resourceNames \[deployer\]"
    ):
        create(lends, may=nothing, resource="runbooks")
    assert create(runbook(), may=nothing, resource="runbooks")


def test_who_changes_what_an_account_does_may_use_it():
    """Other steps with the same rights; what lends nothing any more is free."""
    old = create(runbook(serviceAccountName="deployer"), resource="runbooks")
    with pytest.raises(Refused, match="bob may not use"):
        update(old, BOB, nothing, "runbooks", mitigations=[back()])
    assert update(old, BOB, nothing, "runbooks", serviceAccountName=None)
    plain = create(runbook(), resource="runbooks")
    with pytest.raises(Refused, match="bob may not use"):
        update(plain, BOB, nothing, "runbooks", serviceAccountName="deployer")


def test_labels_and_status_change_without():
    """Flux labels what it applies; that is no new plan."""
    old = create(runbook(serviceAccountName="deployer"), resource="runbooks")
    assert update(old, BOB, nothing, "runbooks")


def test_nodes_are_for_the_operators_namespace():
    """Elsewhere a Runbook about nodes is refused when it is written, and not at night."""
    about = runbook(targets=[{"kind": "Node", "name": "$(node)"}])
    with pytest.raises(Refused, match="nodes are only acted on from namespace stanch-system"):
        create(about, resource="runbooks")
    wish = {"name": "c", "target": {"kind": "Node", "name": "n"}, "cordon": {}}
    with pytest.raises(Refused, match="nodes are only acted on"):
        create(runbook(mitigations=[wish]), resource="runbooks")
    assert create(about, resource="runbooks", namespace="stanch-system")


def test_only_the_operator_writes_its_status():
    """Who could write there that it was drilled would let it act by itself."""
    with pytest.raises(Refused, match="only the stanch operator writes runbooks/status"):
        create(runbook(), Person("admin", groups=("system:masters",)), anything, "runbooks", sub="status")
