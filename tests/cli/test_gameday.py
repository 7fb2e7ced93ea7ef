"""`stanch gameday` from beginning to end, against an API server with one Deployment: what is broken is mended, whatever happens."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import jsonpatch
import pytest
from click.testing import CliRunner

from build import GOOD, T0, deployment, stamp
from json_server import Asked, kubeconfig_of, serving
from stanch.cli.main import main

Json = dict[str, Any]


class Shop:
    """Deployment checkout. ``heals``: after so many looks at the fault an incident is there and it is rolled back; None: never."""

    def __init__(self) -> None:
        self.labels, self.heals, self.fails = {"stanch.dev/gameday": "allowed"}, 2, set[str]()
        self.good = deployment(GOOD, replicas=2)
        self.good["status"] |= {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "unavailableReplicas": 0}
        self.live, self.configs, self.incidents = copy.deepcopy(self.good), dict[str, Json](), list[Json]()
        self.did: list[str] = []
        self._looks = 0
        # So many reads are answered with 429 once the fault is in.
        self.busy = 0

    @property
    def broken(self) -> bool:
        """Is the fault in it?"""
        return self.live["spec"] != self.good["spec"]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and body."""
        method, said = asked.method, asked.said
        parts = urlparse(asked.path).path.strip("/").split("/")
        kind = next(k for k in ("deployments", "configmaps", "incidents", "namespaces") if k in parts)
        name = parts[-1] if parts[-1] != kind else ""
        if method != "GET":
            self.did.append(f"{method} {kind}")
        if self.broken and method == "GET" and self.busy:
            self.busy -= 1
            return 429, {"message": "too many requests"}
        if f"{method} {kind}" in self.fails:
            return 403, {"message": f"may not {method} {kind}"}
        return getattr(self, f"_{kind}")(method, name, said)

    def _namespaces(self, *_: Any) -> tuple[int, Any]:
        return 200, {"metadata": {"name": "shop", "labels": self.labels}}

    def _deployments(self, method: str, name: str, said: Any) -> tuple[int, Any]:
        if method == "PATCH":
            try:
                self.live = jsonpatch.apply_patch(self.live, said)
            except jsonpatch.JsonPatchTestFailed as error:
                return 422, {"message": str(error)}
            if self.broken:
                self.live["status"] = {**self.good["status"], "availableReplicas": 0}
            else:
                self.live["status"] = self.good["status"]
        elif self.broken:
            self._looks += 1
            if self.heals is not None and self._looks > self.heals:
                self._heal()
        return 200, self.live

    def _heal(self) -> None:
        """As stanch does: declared, captured, rolled back, resolved."""
        self.live = copy.deepcopy(self.good)
        at = stamp(T0)
        self.incidents = [
            {
                "metadata": {"name": "alerted", "namespace": "shop", "creationTimestamp": "2099-01-01T00:00:00Z"},
                "spec": {"targets": [{"kind": "Deployment", "name": "checkout"}]},
                "status": {
                    "times": {"declared": at, "mitigated": at, "resolved": at},
                    "evidence": [{"stored": True, "capturedTime": at, "items": 3, "missing": 0}],
                    "mitigations": [{"name": "back", "effect": "Helped"}],
                },
            }
        ]

    def _configmaps(self, method: str, name: str, said: Any) -> tuple[int, Any]:
        if method == "POST":
            assert not self.broken, "the undo is written down first"
            said["metadata"] |= {"uid": "u", "namespace": "shop"}
            self.configs[said["metadata"]["name"]] = said
            return 201, said
        if method == "DELETE":
            assert not self.broken, "it is forgotten only once the fault is gone"
            return 200, self.configs.pop(name)
        if not name:
            return 200, {"items": list(self.configs.values())}
        return (200, self.configs[name]) if name in self.configs else (404, {"message": "no"})

    def _incidents(self, method: str, name: str, said: Any) -> tuple[int, Any]:
        if method == "GET" and name:
            return 200, self.incidents[0]
        if method == "PATCH":
            self.incidents[0]["metadata"] |= said["metadata"]
        return 200, {"items": self.incidents}


@pytest.fixture
def shop() -> Shop:
    """One that serves."""
    return Shop()


@pytest.fixture
def stanch(shop: Shop, tmp_path: Path) -> Iterator[Any]:
    """Our command line against it."""
    with serving(shop.answer) as url:
        kubeconfig = kubeconfig_of(url, tmp_path)
        yield lambda *words: CliRunner().invoke(main, ["gameday", *words, "-n", "shop", "--kubeconfig", kubeconfig])


def test_what_is_mended_in_time_scores_four_of_four(shop, stanch):
    """The undo, the fault, the incident that alerts made, marked; nothing is left."""
    result = stanch("start", "deployment/checkout")
    assert 0 == result.exit_code, result.output
    assert ["POST configmaps", "PATCH deployments", "PATCH incidents", "DELETE configmaps"] == shop.did
    for words in ("Undo written down", "Injected: image of container app", "Detected: incident alerted", "4 of 4"):
        assert words in result.output
    assert (False, {}) == (shop.broken, shop.configs)
    assert "stanch.dev/gameday" in shop.incidents[0]["metadata"]["annotations"]


@pytest.mark.parametrize("fault", ["bad-image", "crash", "scale-to-zero"])
def test_what_nobody_mends_is_taken_back(shop, stanch, fault):
    """When time is over; and that is no success."""
    shop.heals = None
    result = stanch("start", "checkout", "--fault", fault, "--within", "10")
    assert 1 == result.exit_code, result.output
    assert "Taken back" in result.output
    assert "0 of 4" in result.output
    assert (False, {}) == (shop.broken, shop.configs)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.labels.clear(), "kubectl label namespace shop stanch.dev/gameday=allowed"),
        (lambda s: s.live["status"].update(availableReplicas=0), "does not serve"),
        (lambda s: s.fails.add("POST configmaps"), "the undo can't be written down, so nothing is broken"),
        (lambda s: s.configs.update(x={"metadata": {"name": "x"}}), "take it back first: stanch gameday undo -n shop"),
    ],
    ids=["no label", "broken already", "no undo", "a fault already"],
)
def test_what_is_refused_breaks_nothing(shop, stanch, spoil, words):
    """With what would allow it."""
    spoil(shop)
    result = stanch("start", "checkout")
    assert 0 != result.exit_code
    assert words in result.output
    assert "PATCH deployments" not in shop.did


def test_a_busy_api_server_ends_no_game_day(shop, stanch):
    """What is not answered now is asked again: the exercise goes on, and is scored."""
    shop.busy = 5
    result = stanch("start", "checkout")
    assert (0, True, 0) == (result.exit_code, "4 of 4" in result.output, shop.busy), result.output


def test_an_incident_that_can_not_be_marked_is_told(shop, stanch):
    """A review would count it as one that was real."""
    shop.fails.add("PATCH incidents")
    output = stanch("start", "checkout").output
    assert "incident alerted can't be marked, so a review counts it: may not PATCH incidents" in output
    assert "kubectl -n shop annotate incident alerted stanch.dev/gameday=stanch-gameday-" in output
    assert 1 == output.count("can't be marked")


def test_an_error_in_the_middle_takes_it_back(shop, stanch):
    """The incident can't be declared: no game day, and no fault."""
    shop.fails.add("POST incidents")
    result = stanch("start", "checkout", "--declare")
    assert (4, True) == (result.exit_code, "no incident could be declared" in result.output)
    assert (False, {}) == (shop.broken, shop.configs)


def test_what_a_killed_one_left_is_taken_back_later(shop, stanch):
    """From what it wrote down; and only what still is as it left it."""
    undo = [
        {"op": "test", "path": "/spec/replicas", "value": 0},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
    ]
    data = {"deployment": "checkout", "undo": json.dumps(undo), "what": "scaled"}
    shop.configs["g"] = {"metadata": {"name": "g", "uid": "u"}, "data": data}
    shop.live["spec"]["replicas"], shop.heals = 0, None
    assert "Taken back: scaled" in stanch("undo").output
    assert (False, {}) == (shop.broken, shop.configs)
    assert "No fault of a game day is left in namespace shop" in stanch("undo").output
    shop.configs["g"] = {"metadata": {"name": "g", "uid": "u"}, "data": data}
    assert "Gone already: scaled" in stanch("undo").output
