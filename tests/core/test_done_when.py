"""What proves that an item is done, looked at with the operator's right to read; what can't be read is Unknown and says why."""

import json

import pytest

from build import T0
from chores import PDB, RULE, chore
from stanch.api.action_item import ActionItem
from stanch.api.policy import DEFAULT, Policy
from stanch.core.done_when import CelProblem, Look, look, wrong
from stanch.core.observations import Answer, Failed, Found, NotFound, Observations
from stanch.core.questions import Evaluate, Get, LoadedRule, Metric, Question

PROMETHEUS = Policy(prometheus_url="http://prometheus:9090")
CEL = {**PDB, "expression": "object.spec.minAvailable > 0"}
OBJECT = {"metadata": {"resourceVersion": "9", "uid": "u", "managedFields": [{"manager": "x"}]}, "spec": {}}


def seen(item: ActionItem, *answers: tuple[type[Question], Answer], policy: Policy = DEFAULT) -> Look:
    """The look, with each kind of question answered so."""
    known = dict(answers)
    observed = Observations()
    while isinstance(found := look(item, observed, policy, T0), tuple):
        observed = observed.with_answers({q: known[type(q)] for q in found})
    return found


def short(found: Look) -> tuple[str, str]:
    """State and reason."""
    return found.state.value, found.reason


def test_an_object_is_read_in_the_items_own_namespace():
    """And nowhere else."""
    (question,) = look(chore(doneWhen={"objectExists": PDB}), Observations(), DEFAULT, T0)
    assert ("policy", "v1", "poddisruptionbudgets", "shop", "checkout") == (
        question.ref.group,
        question.ref.version,
        question.ref.plural,
        question.namespace,
        question.name,
    )


def test_an_object_that_is_in_no_namespace_is_read_where_it_is():
    """A namespaced one asked so is not found by the API server, whatever its namespace."""
    node = {"apiVersion": "v1", "resource": "nodes", "name": "worker-7", "clusterScoped": True}
    (question,) = look(chore(doneWhen={"objectExists": node}), Observations(), DEFAULT, T0)
    assert ("/api/v1/nodes/worker-7", None) == (question.ref.path(None, question.name), question.namespace)


@pytest.mark.parametrize(
    ("answer", "result", "text"),
    [
        (Found(OBJECT), ("Holds", "Holds"), "is there"),
        (NotFound(), ("Fails", "NotThere"), "There is no poddisruptionbudgets shop/checkout"),
        (Found({"metadata": {"deletionTimestamp": "x"}}), ("Fails", "NotThere"), "is being deleted"),
        (Failed(403, "no"), ("Unknown", "MayNotRead"), "a role with get on poddisruptionbudgets.policy in shop"),
        (Failed(0, "timeout"), ("Unknown", "NotAnswered"), "can't be read: timeout"),
        (Failed(500, "etcd"), ("Unknown", "NotAnswered"), "can't be read: etcd"),
    ],
    ids=["there", "not there", "going", "forbidden", "silent", "broken"],
)
def test_an_object_is_there_or_not_or_nobody_knows(answer, result, text):
    """Only what was read says anything."""
    found = seen(chore(doneWhen={"objectExists": PDB}), (Get, answer))
    assert result == short(found)
    assert text in found.seen


@pytest.mark.parametrize("member", ["objectExists", "cel"])
@pytest.mark.parametrize(
    ("version", "resource"), [("v1", "secrets"), ("stanch.dev/v1alpha1", "evidences")], ids=["secrets", "evidence"]
)
def test_secrets_are_read_for_no_item(member, version, resource):
    """Whatever rights the operator has; nothing is even asked."""
    ref = {"apiVersion": version, "resource": resource, "name": "x"}
    more = {"expression": "true"} if member == "cel" else {}
    found = look(chore(doneWhen={member: {**ref, **more}}), Observations(), DEFAULT, T0)
    assert isinstance(found, Look)
    assert ("Unknown", "Invalid") == short(found)
    assert f"spec.doneWhen.{member}.resource: {resource} are read for no item" in found.seen


@pytest.mark.parametrize(
    ("answer", "result", "text"),
    [
        (Found({"value": True}), ("Holds", "Holds"), "is true of poddisruptionbudgets shop/checkout"),
        (Found({"value": False}), ("Fails", "NotSo"), "is false of"),
        (Failed(0, "No such key: minAvailable", CelProblem.MISSING), ("Fails", "NotSo"), "names a field that"),
        (Failed(0, "unexpected )", CelProblem.SYNTAX), ("Unknown", "Invalid"), "spec.doneWhen.cel.expression: `"),
        (Failed(0, "it gives a int", CelProblem.NOT_BOOLEAN), ("Unknown", "Invalid"), "it gives a int"),
        (Failed(0, "it took more", CelProblem.LIMIT), ("Unknown", "Invalid"), "it took more"),
    ],
    ids=["true", "false", "missing", "syntax", "no boolean", "limit"],
)
def test_an_expression_is_true_or_false_or_no_expression(answer, result, text):
    """An expression that is none proves nothing, and is named."""
    found = seen(chore(doneWhen={"cel": CEL}), (Get, Found(OBJECT)), (Evaluate, answer))
    assert result == short(found)
    assert text in found.seen


def test_the_object_goes_to_the_expression_without_who_wrote_what():
    """Managed fields are most of an object, and nobody asks for them."""
    item, get = chore(doneWhen={"cel": CEL}), Found(OBJECT)
    (first,) = look(item, Observations(), DEFAULT, T0)
    (second,) = look(item, Observations({first: get}), DEFAULT, T0)
    assert {"metadata": {"resourceVersion": "9", "uid": "u"}, "spec": {}} == json.loads(second.object)


RULES = [{"name": "OrdersReaderUnknownColumn", "query": "up == 0", "health": "ok"}]


@pytest.mark.parametrize(
    ("answer", "result", "text"),
    [
        (Found({"rules": RULES}), ("Holds", "Holds"), "has loaded alert OrdersReaderUnknownColumn: `up == 0`"),
        (Found({"rules": []}), ("Fails", "NotThere"), "has loaded no alert OrdersReaderUnknownColumn"),
        (Found({"rules": [{**RULES[0], "health": "err"}]}), ("Fails", "NotSo"), "can't be evaluated"),
        (Failed(503, "starting"), ("Unknown", "NotAnswered"), "Prometheus did not say: starting"),
    ],
    ids=["loaded", "not loaded", "broken", "silent"],
)
def test_a_rule_is_loaded_or_not(answer, result, text):
    """Loaded, and able to fire."""
    found = seen(chore(doneWhen=RULE), (LoadedRule, answer), policy=PROMETHEUS)
    assert result == short(found)
    assert text in found.seen


def vector(*values: float) -> Found:
    """An instant vector, asked a moment ago."""
    at = T0.timestamp()
    return Found({"resultType": "vector", "result": [{"value": [at, str(v)]} for v in values]})


@pytest.mark.parametrize(
    ("result", "measured", "expected"),
    [
        (vector(3), vector(3), ("Holds", "Holds")),
        (vector(), vector(300), ("Fails", "NotSo")),
        (vector(), vector(), ("Unknown", "NoData")),
    ],
    ids=["holds", "does not", "no data"],
)
def test_a_query_is_judged_as_a_recovery_criterion_is(result, measured, expected):
    """No data proves nothing."""
    item = chore(doneWhen={"promQL": {"query": "queue_depth < 100"}})
    observed = Observations()
    questions = look(item, observed, PROMETHEUS, T0)
    answers = dict(zip(questions, (result, measured, vector(T0.timestamp())), strict=True))
    found = look(item, observed.with_answers(answers), PROMETHEUS, T0)
    assert all(isinstance(q, Metric) for q in questions)
    assert isinstance(found, Look)
    assert expected == short(found)


@pytest.mark.parametrize("check", [RULE, {"promQL": {"query": "up == 1"}}], ids=["rule", "query"])
def test_without_a_prometheus_it_says_where_one_is_named(check):
    """Not that the rule is missing."""
    found = seen(chore(doneWhen=check))
    assert ("Unknown", "NoData") == short(found)
    assert "prometheus.url of the ResponsePolicy of stanch-system" in found.seen


def test_a_query_that_cant_be_judged_names_its_field():
    """Before anybody waits for it."""
    item = chore(doneWhen={"promQL": {"query": "absent(up)"}})
    assert wrong(item.spec.done_when).startswith("spec.doneWhen.promQL.query: absent()")
    assert ("Unknown", "Invalid") == short(seen(item, policy=PROMETHEUS))
