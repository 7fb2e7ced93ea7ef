"""`stanch postmortem lint` of what is in a cluster is judged by the policy in force there, and says by which."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import yaml
from click.testing import CliRunner, Result

import json_server
from json_server import Asked, kubeconfig_of
from stanch.cli.main import main

Json = dict[str, Any]
GOOD = Path(__file__).resolve().parents[1] / "core" / "lint_cases" / "case-1-admission-webhook.yaml"


class Place:
    """The Postmortem of a published case, its items, and policies by namespace; a status instead of one refuses it."""

    def __init__(self) -> None:
        self.post, *self.items = yaml.safe_load_all(GOOD.read_text(encoding="utf-8"))
        self.policies: dict[str, Json | int] = {}
        self.kubeconfig = ""

    def answer(self, asked: Asked) -> tuple[int, Json]:
        """Status and body."""
        parts = urlparse(asked.path).path.strip("/").split("/")
        namespace = parts[parts.index("namespaces") + 1]
        if "responsepolicies" in parts:
            found = self.policies.get(namespace, 404)
            return (found, {"message": "forbidden: no"}) if isinstance(found, int) else (200, found)
        return 200, {"items": self.items} if parts[-1] == "actionitems" else self.post

    def policy(self, namespace: str, **spec: Any) -> None:
        """One that somebody applied, in its third generation."""
        meta = {"name": "default", "namespace": namespace, "uid": namespace, "generation": 3, "resourceVersion": "9"}
        self.policies[namespace] = {"metadata": meta, "spec": spec}

    def lint(self, *words: str) -> Result:
        """As a person at a shell has it."""
        return CliRunner().invoke(main, ["postmortem", "lint", *words, "--kubeconfig", self.kubeconfig])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A cluster without any policy."""
    found = Place()
    with json_server.serving(found.answer) as url:
        found.kubeconfig = kubeconfig_of(url, tmp_path)
        yield found


def test_without_a_policy_the_built_in_one_counts_and_is_named(place: Place) -> None:
    """As an empty one would."""
    told = place.lint("checkout-5xx", "-n", "shop")
    assert (0, "Judged by the built-in defaults\nNo findings\n") == (told.exit_code, told.output)


@pytest.mark.parametrize(
    ("apply", "words", "findings"),
    [
        (lambda p: p.policy("stanch-system", postmortem={"minFactors": 9}), "stanch-system/default", "few-factors"),
        (lambda p: p.policy("shop", postmortem={"minFactors": 9}), "shop/default", "few-factors"),
        (lambda p: p.policy("shop", actionItems={"maxPerPostmortem": 1}), "shop/default", "action-too-many"),
    ],
    ids=["the cluster's", "the namespace's", "how many items"],
)
def test_the_policy_in_force_judges(place: Place, apply: Callable[[Place], None], words: str, findings: str) -> None:
    """What would be clean by the defaults is held up, and the policy that does is named with its generation."""
    apply(place)
    told = place.lint("checkout-5xx", "-n", "shop")
    assert 1 == told.exit_code, told.output
    assert f"Judged by ResponsePolicy {words} (generation 3)\n1 finding keep it" in told.output
    assert findings in told.output


def test_the_namespaces_section_stands_over_the_clusters(place: Place) -> None:
    """As core/policy_merge.py joins them for the operator: the section as a whole; both are named."""
    place.policy("stanch-system", postmortem={"minFactors": 9})
    place.policy("shop", postmortem={"lint": "Deny"})
    told = json.loads(place.lint("checkout-5xx", "-n", "shop", "-o", "json").output)
    names = "ResponsePolicy stanch-system/default (generation 3) and ResponsePolicy shop/default (generation 3)"
    assert (0, names) == (told["blocking"], told["policy"])


def test_where_the_lint_warns_nothing_keeps_it(place: Place) -> None:
    """It is told all the same."""
    place.policy("stanch-system", postmortem={"minFactors": 9, "lint": "Warn"})
    told = place.lint("checkout-5xx", "-n", "shop")
    assert 0 == told.exit_code
    assert "few-factors (advice)" in told.output
    assert "postmortem.lint is Warn" in told.output


def test_what_may_not_be_read_is_said(place: Place) -> None:
    """The other one counts; nobody takes the defaults for the cluster's word."""
    place.policies["stanch-system"] = 403
    place.policy("shop", postmortem={"minFactors": 9})
    told = place.lint("checkout-5xx", "-n", "shop")
    assert 1 == told.exit_code
    assert "ResponsePolicy stanch-system/default can't be read: forbidden: no" in told.output
    assert "Judged by ResponsePolicy shop/default" in told.output


def test_one_that_is_wrong_does_not_count_as_in_the_operator(place: Place) -> None:
    """Nothing of it was ever good: the built-in one is in force, and why is said."""
    place.policy("shop", postmortem={"minFactors": -1})
    told = place.lint("checkout-5xx", "-n", "shop")
    assert 0 == told.exit_code
    assert "generation 3 does not count: spec.postmortem.minFactors" in told.output
    assert "Judged by the built-in defaults" in told.output


def test_a_file_is_judged_by_the_defaults(place: Place) -> None:
    """It is in no cluster: nothing is asked of one."""
    place.policy("stanch-system", postmortem={"minFactors": 9})
    told = json.loads(CliRunner().invoke(main, ["postmortem", "lint", str(GOOD), "-o", "json"]).output)
    assert ("the built-in defaults", 0) == (told["policy"], told["blocking"])
