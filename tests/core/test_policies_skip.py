"""Which admission policies look at what: who only declares waits for none that has nothing to say; and nothing slips by so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission import Json, Person, Refused, Request, about, admit
from core.test_policies import ALICE, anything, back, incident, said

NODES, LABELS = "stanch-node-targets", "stanch-own-labels"
NODE, CHECKOUT = {"kind": "Node", "name": "n"}, {"kind": "Deployment", "name": "checkout"}


@pytest.mark.parametrize(
    ("request_", "looks"),
    [
        (Request(ALICE, "CREATE", "incidents", incident()), {"stanch-incident-declarer"}),
        (Request(ALICE, "UPDATE", "incidents", incident(title="Better"), incident()), set()),
        (Request(ALICE, "CREATE", "timelineentries", said(note={})), {"stanch-timelineentry-author"}),
        (Request(ALICE, "CREATE", "actionitems", {"metadata": {"name": "a"}, "spec": {"title": "x"}}), set()),
    ],
    ids=["declared", "edited", "said", "an action item"],
)
def test_what_is_usual_meets_only_who_stamps_it(request_: Request, looks: set[str]) -> None:
    """Each policy that looks costs the API server half a millisecond; without a mitigation there is nothing to refuse."""
    assert looks == about(request_, anything)


@pytest.mark.parametrize("resource", ["incidents", "timelineentries"])
def test_a_mitigation_of_a_workload_waits_for_no_policy_about_nodes(resource: str) -> None:
    """Aimed at by default or by name."""
    wish = back(target=CHECKOUT)
    item = said(mitigate=wish) if resource == "timelineentries" else incident(back("default"), wish)
    assert not {NODES, LABELS} & about(Request(ALICE, "CREATE", resource, item), anything)


TARGETS = st.sampled_from([NODE, CHECKOUT])
AIMED = st.lists(st.fixed_dictionaries({"name": st.just("a")}, optional={"target": TARGETS}), max_size=2)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "targets": st.lists(TARGETS, max_size=2),
        "mitigations": AIMED,
        "recovery": st.fixed_dictionaries({}, optional={"criteria": AIMED}),
    },
)
ENTRIES = st.fixed_dictionaries({}, optional={"mitigate": st.fixed_dictionaries({}, optional={"target": TARGETS})})


def _refuses(policy: str, request: Request) -> bool:
    try:
        admit(request, anything)
    except Refused as refused:
        return refused.policy == policy
    return False


@given(spec=SPECS | ENTRIES, namespace=st.sampled_from(["shop", "stanch-system"]))
def test_whatever_names_a_node_is_looked_at(spec: Json, namespace: str) -> None:
    """Told once more in Python: wherever a target stands, a Node there is for the operator's namespace only."""
    resource = "timelineentries" if "mitigate" in spec else "incidents"
    aimed = [*spec.get("mitigations", ()), *spec.get("recovery", {}).get("criteria", ()), spec.get("mitigate", {})]
    kinds = {t["kind"] for t in (*spec.get("targets", ()), *(a["target"] for a in aimed if "target" in a))}
    request = Request(ALICE, "CREATE", resource, {"metadata": {"name": "a"}, "spec": spec}, namespace=namespace)
    assert ("Node" in kinds and namespace == "shop") == (NODES in about(request, anything))


OURS, THEIRS = st.sampled_from(["stanch.dev/closed", "stanch.dev/group"]), st.sampled_from(["team", "stanch.dev"])
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(OURS | THEIRS, st.sampled_from(["", "x"]), max_size=3),
        "ownerReferences": st.lists(st.just({"kind": "ConfigMap", "name": "gone", "uid": "0"}), max_size=1),
    },
)
OBJECTS = st.builds(
    lambda metadata, account, group: {
        "metadata": {"name": "a", **metadata},
        "spec": ({"serviceAccountName": account} if account else {})
        | ({"alertGroup": {"key": group}} if group else {}),
    },
    METADATA,
    st.sampled_from(["", "runbook"]),
    st.sampled_from(["", "0123456789abcdef", "storm"]),
)


def _ours(item: Json | None) -> tuple[Json, list[Json], Json]:
    """What of an object only the operator writes."""
    item = item or {"metadata": {}, "spec": {}}
    labels = {k: v for k, v in item["metadata"].get("labels", {}).items() if k.startswith("stanch.dev/")}
    return labels, item["metadata"].get("ownerReferences", []), item["spec"]


@given(old=OBJECTS | st.none(), new=OBJECTS, by=st.sampled_from([ALICE, Person("admin", groups=("system:masters",))]))
def test_what_only_the_operator_writes_changes_by_nobody_else(old: Json | None, new: Json, by: Person) -> None:
    """Told once more in Python: set, changed, or taken off the object; and all that is left as it was passes."""
    request = Request(by, "UPDATE" if old else "CREATE", "incidents", new, old)
    assert (_ours(old) != _ours(new)) == _refuses(LABELS, request)
