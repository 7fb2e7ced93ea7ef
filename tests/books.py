"""Words to build Runbooks, and incidents that follow one."""

import copy
from typing import Any

from build import T0, incident, stamp
from stanch.api.incident import Incident
from stanch.api.names import OPERATOR_USER, RUNBOOK_STAMP
from stanch.api.runbook import Runbook

Json = dict[str, Any]
ACCOUNT = "system:serviceaccount:shop:runbook-deploys"
DEPLOYMENT = {"name": "deployment", "fromAlertLabel": "deployment", "oneOf": ["checkout", "cart"], "required": True}
SPEC: Json = {
    "title": "Roll back what broke when it was rolled out",
    "match": {"alerts": ['alertname=~"Burn|Stuck"', 'deployment!=""']},
    "parameters": [DEPLOYMENT],
    "targets": [{"kind": "Deployment", "name": "$(deployment)"}],
    "mitigations": [{"name": "roll-back", "rolloutUndo": {}, "reason": "Go back with $(deployment)"}],
    "recovery": {"hold": "30s"},
}
# What mode Auto must have besides.
AUTO: Json = {
    "mode": "Auto",
    "serviceAccountName": "runbook-deploys",
    "guardrails": {"cooldown": "30m"},
    "drilledWithin": "2160h",
}


def body(
    name: str = "bad-deploy", namespace: str = "shop", generation: int = 1, drilled: bool = True, **spec: Any
) -> Json:
    """As the API server keeps it; None takes a field out. ``drilled`` an hour ago, unless it says otherwise."""
    wanted = {k: v for k, v in {**copy.deepcopy(SPEC), **spec}.items() if v is not None}
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "generation": generation,
        "resourceVersion": "7",
        "creationTimestamp": stamp(T0),
    }
    drill = {"drilled": {"incident": "drill-1", "time": stamp(T0), "generation": generation}}
    return {"metadata": meta, "spec": wanted, "status": drill if drilled else {}}


def book(name: str = "bad-deploy", **more: Any) -> Runbook:
    """A Runbook as it is read."""
    return Runbook.model_validate(body(name, **more))


def following(
    *wishes: Json, name: str = "bad-deploy", by: str | None = "alice", parameters: Json | None = None, **spec: Any
) -> Incident:
    """An incident that follows a Runbook, chosen by ``by`` (None: nobody vouched); it names no targets itself."""
    values = {"deployment": "checkout"} if parameters is None else parameters
    chosen = {"name": name, "parameters": values}
    made = incident(*wishes, by=by, **{"targets": None, "recovery": None, "runbook": chosen, **spec})
    return _stamped(made, by) if by else made


def alerted(account: str | None = ACCOUNT, **more: Any) -> Incident:
    """As stanch itself declares it for an alert, for the ServiceAccount that the Runbook names, or for nobody's."""
    made = following(by=None, **more)
    spec = made.spec.wire() | {"declaredBy": {"username": OPERATOR_USER, "uid": "", "groups": []}}
    if account:
        spec["serviceAccountName"] = account.rpartition(":")[2]
    declared = Incident.model_validate({"metadata": made.metadata.wire(), "spec": spec})
    return _stamped(declared, account or OPERATOR_USER)


def _stamped(made: Incident, by: str) -> Incident:
    person = {"username": by, "uid": by, "groups": ["system:authenticated"]}
    known = made.spec.wire().get("requesters", [])
    mine = next((r["mitigations"] for r in known if r["username"] == by), [])
    stamps = [{**person, "mitigations": [*mine, RUNBOOK_STAMP]}]
    return Incident.model_validate(
        {"metadata": made.metadata.wire(), "spec": made.spec.wire() | {"requesters": stamps}}
    )
