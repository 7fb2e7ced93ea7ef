"""M6 compares what it says it compares, and leaves the policies as it found them."""

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.admission import CASES, NONE, ONE, PASSED_OVER, Case, Policies, check, declared, passed_over, turns
from bench.api import Api, BenchError, Said
from bench.measures import Took
from bench.report import add_share, of_policies, policy_lines

from stanch.shell.policies import EXPECTED, problem

MANIFESTS = Path(__file__).parent.parent.parent / "manifests" / "policies"
ANA = "system:serviceaccount:default:ana"
STAMP = {"declaredBy": {"username": ANA}, "requesters": [{"username": ANA, "mitigations": ["roll-back"]}]}
BARE = {"declaredBy": {"username": ANA}}


class Paper(Api):
    """An API server that holds the policies as shipped; some writes conflict once, some are refused."""

    def __init__(self) -> None:
        super().__init__("", None, {})  # type: ignore[arg-type]  # nothing is ever sent
        shipped = [each for file in MANIFESTS.glob("*.yaml") for each in yaml.safe_load_all(file.read_text())]
        held = {f"{each['kind']}/{each['metadata']['name']}": each for each in shipped}
        self.objects = {
            f"/apis/admissionregistration.k8s.io/v1/{e.resource}/{e.name}": held[key] for key, e in EXPECTED.items()
        }
        self.conflicts: set[str] = set()
        self.refuses: set[str] = set()

    async def send(self, method: str, url: str, body: str | None = None, *_: Any, **__: Any) -> Said:
        """GET and PUT."""
        if method == "PUT":
            if url in self.conflicts:
                self.conflicts.remove(url)
                return Said(409, b"{}")
            if url in self.refuses:
                return Said(403, b"no")
            self.objects[url] = json.loads(body or "")
        return Said(200, json.dumps(self.objects[url]).encode())

    @property
    def bindings(self) -> dict[str, Any]:
        """Specs of the bindings by path."""
        return {url: each["spec"] for url, each in self.objects.items() if each["kind"].endswith("Binding")}

    @property
    def problem(self) -> str:
        """As the operator would say it."""
        return problem({f"{each['kind']}/{each['metadata']['name']}": each for each in self.objects.values()})


def test_no_case_has_the_better_turn():
    """In eight repetitions each comes twice in each place, and first as often as its counterpart."""
    orders = [turns(number) for number in range(8)]
    assert {2} == set(Counter((case, place) for order in orders for place, case in enumerate(order)).values())
    for what in (ONE, NONE):
        first = [order.index(Case(what, True)) < order.index(Case(what, False)) for order in orders]
        assert 4 == sum(first)


def test_what_is_asked_for_is_all_that_differs():
    """The same incident, with its mitigation and without."""
    one, none = declared(ONE), declared(NONE)
    assert ["roll-back"] == [m["name"] for m in one["spec"].pop("mitigations")]
    assert one == none


@pytest.mark.parametrize(
    ("case", "spec"),
    [
        (Case(ONE, True), STAMP),
        (Case(NONE, True), BARE),
        (Case(ONE, False), {}),
        (Case(NONE, False), {}),
    ],
    ids=str,
)
def test_nothing_is_measured_but_what_it_is_said_to_be(case: Case, spec: dict[str, Any]):
    """A POST that was stamped by half, or by somebody else, or where nothing should be, ends the measure."""
    check(case, spec, ANA)
    others = [each for each in (STAMP, BARE, {}) if each != spec]
    if case.policies:
        others.append(json.loads(json.dumps(spec).replace(ANA, "bob")))
    for other in others:
        with pytest.raises(BenchError, match="stamped"):
            check(case, other, ANA)


async def test_bindings_pass_over_labelled_namespaces_and_are_put_back():
    """Every binding of ours, also when another writes one at the same time."""
    api = Paper()
    before = copy.deepcopy(api.bindings)
    api.conflicts = {next(iter(before))}
    async with passed_over(api):
        for url, spec in api.bindings.items():
            (rule,) = spec.pop("matchResources")["namespaceSelector"]["matchExpressions"]
            assert (before[url], PASSED_OVER, "DoesNotExist") == (spec, rule["key"], rule["operator"])
    assert (before, "") == (api.bindings, api.problem)


@pytest.mark.parametrize("when", ["measuring", "changing"])
async def test_bindings_are_put_back_when_the_measure_breaks(when: str):
    """In the middle of changing them, or with all of them changed."""
    api, refused = Paper(), ""
    before = copy.deepcopy(api.bindings)
    if when == "changing":
        refused = list(before)[3]
        api.refuses = {refused}
    with pytest.raises(BenchError, match="HTTP 403" if refused else "it broke"):
        async with passed_over(api):
            raise BenchError("it broke")
    assert (before, "") == (api.bindings, api.problem)


async def test_one_that_cannot_be_put_back_is_told_and_keeps_no_other_from_it():
    """With what helps, for the operator does nothing until then."""
    api = Paper()
    stuck = next(iter(api.bindings))
    with pytest.raises(BenchError, match=r"not as before: .*HTTP 403.*make install"):
        async with passed_over(api):
            api.refuses = {stuck}
    assert [stuck] == [url for url, spec in api.bindings.items() if "matchResources" in spec]


async def test_policies_that_somebody_changed_are_not_measured():
    """And not put back to what they never were."""
    api = Paper()
    url = next(iter(api.bindings))
    api.objects[url]["spec"]["policyName"] = "another"
    before = copy.deepcopy(api.objects)
    with pytest.raises(BenchError, match="not as shipped"):
        async with passed_over(api):
            raise AssertionError("measured")
    assert before == api.objects


def test_a_line_tells_the_ratio_what_is_added_and_which_part_of_the_way_that_is():
    """Twice as long with a mitigation, 4 ms of 80; without one nothing."""
    times = {Case(ONE, True): 0.008, Case(ONE, False): 0.004, Case(NONE, True): 0.003, Case(NONE, False): 0.003}
    took = {case: [Took(times[case], times[case])] * 9 for case in CASES}
    found = {"M1": {"ours_ms": {"p50": 80.0}}, "M6": of_policies(Policies(Paper(), Paper(), {}, took=took))}
    add_share(found)
    one, none = policy_lines(found["M6"])
    assert "with one mitigation: 8.0 ms, without policies 4.0 ms, ratio 2.00" in one
    assert one.endswith("adds 4.0 ms, 5.0 % of M1")
    assert none.endswith("1.00 (p95), 1.00 (p99), adds 0.0 ms")


def test_without_m1_no_part_of_it_is_told():
    """A number of another run would be another machine's."""
    took = {case: [Took(0.004, 0.004)] for case in CASES}
    found = {"M6": of_policies(Policies(Paper(), Paper(), {}, took=took))}
    add_share(found)
    assert "M1" not in "".join(policy_lines(found["M6"]))
