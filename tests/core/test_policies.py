"""The generated admission policies: who asked is true, who may is asked, and records are kept; the leash: test_leash.py."""

import copy
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.policy_rights import RESOURCES, SLOTS_MAX, Rights

from admission import Json, Person, Refused, Request, Right, about, admit, shipped
from stanch.api.meta import TargetKind
from stanch.api.names import OPERATOR_USER
from stanch.core.ports import Mitigation
from stanch.mitigations import ALL

ALICE, BOB = Person("alice", "7", ("team", "system:authenticated")), Person("bob")
ADMIN = Person("admin", groups=("system:masters", "system:authenticated"))
MALLORY = {"username": "mallory", "uid": "666", "groups": ["system:masters"]}
OPERATOR = Person(OPERATOR_USER, groups=("system:serviceaccounts",))
OWN_LABELS = "ValidatingAdmissionPolicy/stanch-own-labels"
CHECKOUT = {"kind": "Deployment", "name": "checkout"}
CASES = [(m, kind) for m in ALL for kind in sorted(m.kinds)]
IDS = [f"{m.name}-{kind.value}" for m, kind in CASES]


def anything(_: Right) -> bool:
    """Somebody who may do all."""
    return True


def nothing(_: Right) -> bool:
    """Somebody who may do nothing of it."""
    return False


def incident(*wishes: Json, **spec: Any) -> Json:
    """As somebody writes it."""
    asked = {"mitigations": list(wishes)} if wishes else {}
    return {"metadata": {"name": "checkout-5xx"}, "spec": {"title": "500s", "targets": [CHECKOUT], **asked, **spec}}


def back(name: str = "back", **more: Any) -> Json:
    """A rollback of the first target."""
    return {"name": name, "rolloutUndo": {}, **more}


def create(item: Json, by: Person = ALICE, may: Any = anything, resource: str = "incidents", **how: Any) -> Json:
    """The object as it is stored."""
    stored = admit(
        Request(by, "CREATE", resource, item, **{k: v for k, v in how.items() if k != "but"}), may, how.get("but", ())
    )
    assert stored is not None
    return stored


def update(old: Json, by: Person = ALICE, may: Any = anything, resource: str = "incidents", **spec: Any) -> Json:
    """The object after somebody changed its spec; None takes a field out."""
    wanted = {k: v for k, v in {**old["spec"], **spec}.items() if v is not None}
    stored = admit(Request(by, "UPDATE", resource, {**copy.deepcopy(old), "spec": wanted}, old), may)
    assert stored is not None
    return stored


def said(**spec: Any) -> Json:
    """A TimelineEntry."""
    return {"metadata": {"name": "e"}, "spec": {"incident": "checkout-5xx", **spec}}


def wished(item: Json) -> dict[str, list[str]]:
    """Who answers for what."""
    return {r["username"]: r["mitigations"] for r in item["spec"].get("requesters", ())}


def only(*rights: Right) -> Any:
    """Somebody who has these and no others."""
    return lambda asked: asked in rights


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("both", shipped(), ids=lambda both: f"{both[0]['kind']}/{both[0]['metadata']['name']}")
def test_each_is_bound_and_says_no(both: tuple[Json, Json]) -> None:
    """A policy without its binding, one that only warns, or one for some namespaces, would be a promise that nobody keeps."""
    policy, binding = both
    assert policy["metadata"] == binding["metadata"]
    constraints = policy["spec"]["matchConstraints"]
    assert ({}, {}, "Equivalent") == (
        constraints["namespaceSelector"],
        constraints["objectSelector"],
        constraints["matchPolicy"],
    )
    # Nothing that is promised rests on the one that tells, and refuses nothing.
    action = "Warn" if policy["metadata"]["name"] == "stanch-closed-incidents" else "Deny"
    denies = {} if policy["kind"].startswith("Mutating") else {"validationActions": [action, "Audit"]}
    assert {"policyName": policy["metadata"]["name"], **denies} == binding["spec"]


# What the API server refuses as the name of a variable, and with it the policy and the whole installation.
RESERVED = (
    *(
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "null",
    ),
    *("package", "namespace", "return", "true", "var", "void", "while"),
)


def test_no_variable_has_a_name_that_cel_keeps_for_itself() -> None:
    """Our own reading of CEL is kinder than the API server's."""
    names = {v["name"] for policy, _ in shipped() for v in policy["spec"].get("variables") or ()}
    assert (set(), True) == (names & {*RESERVED}, "fresh" in names)


def test_only_what_must_never_block_a_declaration_is_ignored_when_it_fails() -> None:
    """All else fails closed (F13); and what only warns."""
    ignored = {p["metadata"]["name"] for p, _ in shipped() if p["spec"]["failurePolicy"] != "Fail"}
    assert {"stanch-incident-declarer", "stanch-closed-incidents"} == ignored


# --- who declared it -------------------------------------------------------------------------------------------------


def test_the_declarer_is_the_caller_whatever_the_file_says() -> None:
    """For somebody who may do nothing but declare."""
    for forged in ({}, {"declaredBy": MALLORY}):
        assert ALICE.stamp == create(incident(**forged), may=nothing)["spec"]["declaredBy"]


@pytest.mark.parametrize("declared", [MALLORY, None], ids=["forged", "dropped"])
def test_the_declarer_stays_whoever_writes_later(declared: Json | None) -> None:
    """Put back."""
    assert ALICE.stamp == update(create(incident()), BOB, declaredBy=declared)["spec"]["declaredBy"]


def test_a_declarer_that_nobody_stamped_is_none() -> None:
    """From before the policies, or skipped by an error: it stays empty, and a forged one is refused."""
    stamp = "MutatingAdmissionPolicy/stanch-incident-declarer"
    old = create(incident(), but=[stamp])
    assert "declaredBy" not in old["spec"]
    assert "declaredBy" not in update(old, declaredBy=MALLORY)["spec"]
    with pytest.raises(Refused, match=r"spec\.declaredBy is written by the API server"):
        create(incident(declaredBy=MALLORY), but=[stamp])
    assert "declaredBy" in create(incident(declaredBy=ALICE.stamp), but=[stamp])["spec"]


# --- who asked for what ----------------------------------------------------------------------------------------------


def test_whoever_adds_a_mitigation_is_stamped_beside_the_others() -> None:
    """Alice keeps hers when bob adds one; forged lists are overwritten."""
    old = create(incident(back(), requesters=[MALLORY | {"mitigations": ["back"]}]))
    assert {"alice": ["back"]} == wished(old)
    new = update(old, BOB, mitigations=[back(), back("more")], requesters=[MALLORY | {"mitigations": ["back", "more"]}])
    assert {"alice": ["back"], "bob": ["more"]} == wished(new)
    assert [{**ALICE.stamp, "mitigations": ["back"]}, {**BOB.stamp, "mitigations": ["more"]}] == new["spec"][
        "requesters"
    ]


def test_a_stamp_that_nobody_made_is_refused() -> None:
    """Where the stamp is not in force, or another policy wrote after it."""
    forged = incident(back(), requesters=[MALLORY | {"mitigations": ["back"]}])
    with pytest.raises(Refused, match=r"spec\.requesters is written by the API server"):
        create(forged, but=["MutatingAdmissionPolicy/stanch-incident-requesters"])


@pytest.mark.parametrize(
    "changes",
    [{"title": "Better"}, {"mitigations": [back()]}, {"requesters": None}, {"requesters": []}, {"severity": "SEV1"}],
    ids=str,
)
def test_writing_other_things_changes_no_stamp_and_needs_no_right(changes: Json) -> None:
    """The scribe edits, applies the bare file, takes a mitigation out."""
    old = create(incident(back(), back("again")))
    left = ["back"] if "mitigations" in changes else ["back", "again"]
    assert {"alice": left} == wished(update(old, BOB, nothing, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"mitigations": [back(reason="sure")]},
        {"mitigations": [back(target={"kind": "Deployment", "name": "payments"})]},
        {"targets": [{"kind": "Deployment", "name": "payments"}]},
        {"targets": [{"kind": "Deployment", "name": "payments"}, CHECKOUT]},
    ],
    ids=["its words", "its target", "the first target", "another in front"],
)
def test_whoever_changes_what_is_asked_answers_for_it(changes: Json) -> None:
    """Also by changing the target that it does not name: else alice's word would stand for what bob wants (F2)."""
    old = create(incident(back()))
    assert {"bob": ["back"]} == wished(update(old, BOB, **changes))
    with pytest.raises(Refused, match="user bob may not"):
        update(old, BOB, nothing, **changes)


def test_a_mitigation_that_names_its_target_does_not_care_for_the_first() -> None:
    """Appending or changing spec.targets asks nobody about it."""
    old = create(incident(back(target=CHECKOUT)))
    assert {"alice": ["back"]} == wished(
        update(old, BOB, nothing, targets=[{"kind": "Deployment", "name": "payments"}])
    )


NAMES, OBJECTS = st.sampled_from(["one", "two", "three"]), st.sampled_from(["checkout", "payments"])
WISHES = st.lists(
    st.builds(
        lambda name, target, action: {
            "name": name,
            **({"target": {"kind": "Deployment", "name": target}} if target else {}),
            action: {},
        },
        NAMES,
        OBJECTS | st.none(),
        st.sampled_from(["rolloutUndo", "rolloutPause"]),
    ),
    max_size=3,
    unique_by=lambda wish: wish["name"],
)
WRITES = st.lists(st.tuples(st.sampled_from(["alice", "bob"]), WISHES, OBJECTS), min_size=1, max_size=4)


@given(writes=WRITES, allowed=st.dictionaries(st.sampled_from(["alice", "bob"]), st.sets(OBJECTS)))
def test_in_any_order_of_writes_each_mitigation_has_one_who_answers_and_may(
    writes: list[tuple[str, list[Json], str]], allowed: dict[str, set[str]]
) -> None:
    """Told once more in Python: who wrote it as it stands, with the target that it had then, had the right on that target."""

    def may(asked: Right) -> bool:
        return asked.resource == "deployments" and asked.name in allowed.get(asked.username, ())

    stored: Json | None = None
    answers: dict[str, tuple[str, Json, str]] = {}
    for who, wishes, first in writes:
        spec = {"title": "x", "targets": [{"kind": "Deployment", "name": first}], "mitigations": wishes}
        aims = {w["name"]: w.get("target", {}).get("name", first) for w in wishes}
        fresh = [w["name"] for w in wishes if answers.get(w["name"], ("", {}, ""))[1:] != (w, aims[w["name"]])]
        request = Request(
            Person(who), "UPDATE" if stored else "CREATE", "incidents", {"metadata": {}, "spec": spec}, stored
        )
        if all(aims[name] in allowed.get(who, ()) for name in fresh):
            stored = admit(request, may)
            kept = {w["name"]: answers[w["name"]] for w in wishes if w["name"] not in fresh}
            answers = kept | {w["name"]: (who, w, aims[w["name"]]) for w in wishes if w["name"] in fresh}
        else:
            with pytest.raises(Refused, match=f"user {who} may not"):
                admit(request, may)
        names = {
            name: r["username"]
            for r in (stored or {"spec": {}})["spec"].get("requesters", ())
            for name in r["mitigations"]
        }
        assert {name: by for name, (by, _, _) in answers.items()} == names


# --- may they --------------------------------------------------------------------------------------------------------


def rights_of(mitigation: Mitigation, kind: TargetKind, namespace: str = "shop") -> list[Right]:
    """What alice needs for it on an object named `it`, said once more."""
    return [
        Right(
            "alice",
            need.verb,
            need.group,
            need.resource,
            need.subresource,
            "" if kind is TargetKind.NODE else namespace,
            "it" if (need.group, need.resource) == RESOURCES[kind] else "",
        )
        for need in mitigation.needs[kind]
    ]


@pytest.mark.parametrize("by_entry", [False, True], ids=["incident", "entry"])
@pytest.mark.parametrize(("mitigation", "kind"), CASES, ids=IDS)
def test_each_action_needs_each_of_its_rights(mitigation: Mitigation, kind: TargetKind, by_entry: bool) -> None:
    """With all of them it passes; with all but one it is refused, and the one is named; on another object it is refused."""
    wish = {"name": "act", "target": {"kind": kind.value, "name": "it"}, mitigation.name: {}}
    item = said(mitigate=wish) if by_entry else incident(wish)
    where = {"resource": "timelineentries" if by_entry else "incidents", "namespace": "shop"}
    if kind is TargetKind.NODE:
        where["namespace"] = "stanch-system"
    needed = rights_of(mitigation, kind)
    assert create(item, may=only(*needed), **where)
    for missing in needed:
        with pytest.raises(Refused, match=f"user alice may not {missing.verb} {missing.resource}"):
            create(item, may=only(*(r for r in needed if r != missing)), **where)
    for other in ({"name": "other"}, {"namespace": "elsewhere"}, {"username": "bob"}):
        with pytest.raises(Refused, match="user alice may not"):
            create(item, may=only(*(replace(r, **other) for r in needed if r.name or "username" in other)), **where)


@pytest.mark.parametrize("count", range(1, 9))
def test_of_many_the_last_is_asked_about_as_well(count: int) -> None:
    """It does not break at the third (F3), and the eighth is no way around it; three rights each are the most."""
    wishes = [{"name": f"w{n}", "target": CHECKOUT, "rolloutPause": {}} for n in range(count)]
    wishes[-1] = wishes[-1] | {"target": {"kind": "Deployment", "name": "payments"}}
    right = Right("alice", "patch", "apps", "deployments", "", "shop", "checkout")
    with pytest.raises(Refused, match=f"mitigation w{count - 1}: user alice may not patch deployments.apps payments"):
        create(incident(*wishes), may=only(right))
    assert create(incident(*wishes), may=only(right, replace(right, name="payments")))


def test_more_rights_than_are_asked_about_are_too_many() -> None:
    """Refused as a whole, and not looked at in part."""
    drains = [
        {"name": f"d{n}", "target": {"kind": "Node", "name": "n"}, "drain": {}} for n in range(SLOTS_MAX // 2 + 1)
    ]
    with pytest.raises(Refused, match="need more than 24 rights"):
        create(incident(*drains), namespace="stanch-system")
    assert create(incident(*drains[:-1]), namespace="stanch-system")


@pytest.mark.parametrize(("resource", "drains"), [("incidents", 11), ("timelineentries", 0)])
def test_the_last_right_is_asked_about_as_well(resource: str, drains: int) -> None:
    """As many as fit: two for each drain, one for each uncordon, which come last."""
    wishes: list[Json] = [
        {"name": f"d{n}", "target": {"kind": "Node", "name": f"n{n}"}, "drain": {}} for n in range(drains)
    ]
    last = {"name": "last", "target": {"kind": "Node", "name": "last"}, "uncordon": {}}
    other = {"name": "other", "target": {"kind": "Node", "name": "other"}, "uncordon": {}}
    item = said(mitigate=last) if resource == "timelineentries" else incident(*wishes, other, last)
    with pytest.raises(Refused, match="mitigation last: user alice may not patch nodes last in the whole cluster"):
        create(item, may=lambda right: right.name != "last", resource=resource, namespace="stanch-system")


def test_an_action_that_no_policy_knows_is_refused() -> None:
    """CRDs that are newer than the policies: nobody could be asked for a right."""
    with pytest.raises(Refused, match="does not know what rights"):
        create(incident({"name": "x", "rebootPlanet": {}}))
    with pytest.raises(Refused, match="does not know what rights"):
        create(incident({"name": "x", "cordon": {}}))


def test_a_mitigation_without_rights_makes_no_policy() -> None:
    """Whoever adds one is told when they generate."""

    class Free:
        name = "free"
        kinds = frozenset({TargetKind.POD})
        needs: ClassVar[Json] = {}

    with pytest.raises(ValueError, match="free on Pod declares no needs"):
        Rights.of([Free()], wishes="w", default_target="{}", most=1)  # type: ignore[list-item]


def test_declaring_never_meets_what_could_refuse_it() -> None:
    """Without a wish nothing is asked of the authorizer (F13)."""

    def nobody_asks(right: Right) -> bool:
        raise AssertionError(right)

    old = create(incident(), may=nobody_asks)
    assert update(old, BOB, nobody_asks, title="Better")


def test_declaring_meets_no_policy_that_could_refuse_it() -> None:
    """Those about wishes don't even look at an incident without one: a hiccup of theirs is no hiccup of declaring."""
    wish, plain = {"stanch-incident-requesters", "stanch-incident-authority"}, incident()
    for request in (
        Request(ALICE, "CREATE", "incidents", plain),
        Request(ALICE, "UPDATE", "incidents", incident(title="Better"), plain),
        Request(ALICE, "UPDATE", "incidents", incident(back(), title="Better"), incident(back())),
    ):
        assert not wish & about(request, anything)
    asked = Request(ALICE, "UPDATE", "incidents", incident(back()), plain)
    assert wish <= about(asked, anything)
    # Taken out again, and with it who asked for it.
    assert wish <= about(Request(ALICE, "UPDATE", "incidents", plain, create(incident(back()))), anything)


def test_nobody_asks_as_an_account() -> None:
    """That is for what the operator declares; of anybody else, their own name and rights count."""
    item = incident(back(), serviceAccountName="runbook")
    stored = create(
        item, ADMIN, only(Right("admin", "patch", "apps", "deployments", "", "shop", "checkout")), but=[OWN_LABELS]
    )
    assert {"admin": ["back"]} == wished(stored)
    account = Right("system:serviceaccount:shop:runbook", "patch", "apps", "deployments", "", "shop", "checkout")
    with pytest.raises(Refused, match="user admin may not"):
        create(item, ADMIN, only(account), but=[OWN_LABELS])


def test_what_the_operator_declares_is_asked_by_the_account_it_names() -> None:
    """Alert-made: that ServiceAccount's rights count, in the same namespace, and its name is stamped."""
    account = "system:serviceaccount:shop:runbook"
    right = Right(account, "patch", "apps", "deployments", "", "shop", "checkout")
    item = incident(back(), serviceAccountName="runbook")
    assert {account: ["back"]} == wished(create(item, OPERATOR, only(right)))
    with pytest.raises(Refused, match=f"user {account} may not patch"):
        create(item, OPERATOR, only(replace(right, username=OPERATOR_USER)))
    with pytest.raises(Refused, match="the operator asks for no mitigation itself"):
        create(incident(back()), OPERATOR)
    with pytest.raises(Refused, match=r"spec\.serviceAccountName is set by the operator"):
        create(item, ALICE)


@pytest.mark.parametrize(
    "spec",
    [
        {"targets": [{"kind": "Node", "name": "n"}]},
        {"mitigations": [{"name": "c", "cordon": {}, "target": {"kind": "Node", "name": "n"}}]},
        {"recovery": {"criteria": [{"name": "a", "target": {"kind": "Node", "name": "n"}}]}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_nodes_are_aimed_at_from_the_operators_namespace(spec: Json) -> None:
    """Not even by an admin from elsewhere; nor by an entry."""
    with pytest.raises(Refused, match="nodes are only acted on from namespace stanch-system"):
        create(incident(**spec), ADMIN)
    assert create(incident(**spec), ADMIN, namespace="stanch-system")
    wish = {"name": "c", "cordon": {}, "target": {"kind": "Node", "name": "n"}}
    with pytest.raises(Refused, match="nodes are only acted on"):
        create(said(mitigate=wish), ADMIN, resource="timelineentries")


# --- who said it -----------------------------------------------------------------------------------------------------


def test_the_author_is_the_caller_whatever_the_file_says() -> None:
    """And where nobody stamps, a forged one is refused, and so is none."""
    for forged in ({}, {"author": MALLORY}):
        assert ALICE.stamp == create(said(note={}, **forged), resource="timelineentries")["spec"]["author"]
        with pytest.raises(Refused, match=r"spec\.author is written by the API server"):
            create(
                said(note={}, **forged),
                resource="timelineentries",
                but=["MutatingAdmissionPolicy/stanch-timelineentry-author"],
            )


VERBS = {
    "approve": (
        {"approve": {"mitigation": "a", "action": "scale", "digest": "x"}},
        ("approve", "mitigations", "scale"),
    ),
    "deny": ({"deny": {"mitigation": "a", "action": "scale"}}, ("approve", "mitigations", "scale")),
    "override": ({"resolve": {"override": True}}, ("command", "incidents", "checkout-5xx")),
    "public": ({"update": {"audience": "public"}}, ("publish", "updates", "")),
}
NO_VERB: tuple[Json, ...] = (
    {"resolve": {}},
    {"resolve": {"override": False}},
    {"update": {"audience": "internal"}},
    {"update": {"audience": "leadership"}},
    {"note": {}},
    {"undo": {"mitigation": "a"}},
)


@pytest.mark.parametrize("name", VERBS)
def test_some_words_need_a_verb_of_ours(name: str) -> None:
    """Named in the refusal; on another action, incident or namespace, or of another person, it is none."""
    spec, (verb, resource, on) = VERBS[name]
    right = Right("alice", verb, "stanch.dev", resource, "", "shop", on)
    assert create(said(**spec), may=only(right), resource="timelineentries")
    wrong = [replace(right, namespace="other"), replace(right, username="bob"), replace(right, verb="update")]
    for other in [*wrong, *([replace(right, name="other")] if on else [])]:
        with pytest.raises(Refused, match=f"needs verb {verb} on {resource}"):
            create(said(**spec), may=only(other), resource="timelineentries")


@pytest.mark.parametrize("spec", NO_VERB, ids=str)
def test_other_words_need_none(spec: Json) -> None:
    """Whoever may write entries may say them."""
    assert create(said(**spec), may=nothing, resource="timelineentries")
