"""`stanch declare` as a person, or a script, at a shell has it."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import yaml
from click.testing import CliRunner, Result

from json_server import Asked, kubeconfig_of, serving
from stanch.api.incident import IncidentSpec
from stanch.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
INCIDENTS = "/apis/stanch.dev/v1alpha1/namespaces/shop/incidents"
CHECKOUT = "/apis/apps/v1/namespaces/shop/deployments/checkout"
KNOWN = ("--journey", "down", "--users", "many", "--risk", "none", "--target", "checkout")


class Api:
    """One Deployment, and incidents that are created; ``says`` is what a creation is answered with instead."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.hidden = False
        self.says: tuple[int, str] | None = None

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and body."""
        path = urlparse(asked.path).path
        self.asked.append((asked.method, path))
        if asked.method == "POST" and path == INCIDENTS:
            if self.says:
                return self.says[0], {"kind": "Status", "message": self.says[1]}
            self.made.append(asked.said)
            return 201, asked.said
        if self.hidden:
            return 403, {"kind": "Status", "message": "no"}
        return (200, {}) if path == CHECKOUT else (404, {"kind": "Status", "message": "not found"})


@pytest.fixture
def api() -> Api:
    """Not yet on a port."""
    return Api()


@pytest.fixture
def declare(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The verb with a kubeconfig of namespace shop; ``answers`` is what somebody types."""
    with serving(api.answer) as url:
        monkeypatch.setenv("KUBECONFIG", kubeconfig_of(url, tmp_path, namespace="shop"))

        def run(*words: str, answers: str = "") -> Result:
            done = CliRunner().invoke(main, ["declare", *words], input=answers)
            assert done.exception is None or isinstance(done.exception, SystemExit), done.output
            return done

        yield run


def test_three_questions_and_a_target_make_an_incident(api: Api, declare: Any) -> None:
    """What was not said is asked, a word's beginning is enough, the severity has its reason, Enter declares."""
    done = declare(answers="Checkout returns 500s\ndo\nmany\nnone\ncheckout\n\n")
    assert 0 == done.exit_code, done.output
    (made,) = api.made
    assert {"journey": "Down", "scope": "ManyUsers"} == made["spec"]["impact"]
    assert [{"kind": "Deployment", "name": "checkout"}] == made["spec"]["targets"]
    assert "severity" not in made["spec"]
    assert made["metadata"]["name"].startswith("checkout-returns-500s-")
    assert "SEV1: the core journey is down for many users" in done.stderr
    assert f"Declared: incident shop/{made['metadata']['name']}, SEV1" in done.stdout
    assert made["spec"] == IncidentSpec.model_validate(made["spec"]).wire()


def test_a_wrong_answer_is_asked_again(api: Api, declare: Any) -> None:
    """With what there is; Enter alone is `unknown`, which lowers nothing."""
    done = declare("500s", answers="burning\nd\ndown\n\nfire\ndata\nsecret/x\n\n\n")
    assert 0 == done.exit_code, done.output
    assert {"journey": "Down", "dataAtRisk": True} == api.made[0]["spec"]["impact"]
    for said in ("'burning' is none of down", "down or degraded?", "'fire' is none of data", "'secret' is no kind"):
        assert said in done.stderr


def test_whoever_says_no_declares_nothing(api: Api, declare: Any) -> None:
    """Nor does a script that nobody answers for."""
    no = declare("500s", *KNOWN, answers="n\n")
    silent = declare("500s", *KNOWN)
    assert (1, 2, []) == (no.exit_code, silent.exit_code, api.made)
    assert "nobody answers. Say all of it in options" in silent.stderr


def test_yes_asks_nothing(api: Api, declare: Any) -> None:
    """What is not said is not known."""
    done = declare("500s", "--yes", "-o", "name")
    assert 0 == done.exit_code, done.output
    assert {"title": "500s", "detectedBy": "Person"} == api.made[0]["spec"]
    assert done.stdout == f"incident.stanch.dev/{api.made[0]['metadata']['name']}\n"
    assert "SEV2: nothing known; a false SEV2 is cheap" in done.stderr


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_what_was_stored_is_printed_for_programs(api: Api, declare: Any, form: str, read: Any) -> None:
    """And nothing beside it on stdout."""
    done = declare("500s", *KNOWN, "--yes", "--name", "mine", "-o", form)
    assert api.made == [read(done.stdout)]
    assert "mine" == api.made[0]["metadata"]["name"]


def test_a_dry_run_asks_no_cluster(api: Api, declare: Any) -> None:
    """It prints what `kubectl create -f -` takes."""
    done = declare("500s", *KNOWN, "--yes", "--dry-run", "--sev", "sev3", "--visible", "--drill")
    said = yaml.safe_load(done.stdout)
    assert (0, []) == (done.exit_code, api.asked)
    assert ("Incident", "shop", "SEV3", True) == (
        said["kind"],
        said["metadata"]["namespace"],
        said["spec"]["severity"],
        said["spec"]["drill"],
    )
    assert said == json.loads(
        declare(
            "500s",
            *KNOWN,
            "--yes",
            "--dry-run",
            "--sev",
            "SEV3",
            "--visible",
            "--drill",
            "--name",
            said["metadata"]["name"],
            "-o",
            "json",
        ).stdout
    )


def test_a_target_that_is_not_there_is_told_before(api: Api, declare: Any) -> None:
    """The first is fixed for ever. Gone, it may be the incident; who may not look is not held up."""
    typo = declare("500s", "--target", "deploy/chekout", "--yes")
    assert (3, []) == (typo.exit_code, api.made)
    assert "there is no Deployment chekout in namespace shop, and nothing was declared" in typo.stderr
    assert 0 == declare("500s", "--target", "deploy/chekout", "--yes", "--gone").exit_code
    api.hidden = True
    assert 0 == declare("500s", "--target", "deploy/other", "--yes").exit_code
    assert 2 == len(api.made)


@pytest.mark.parametrize(
    ("says", "code", "words"),
    [
        ((409, "exists"), 1, "there is an incident shop/mine already: kubectl -n shop get incident mine"),
        ((422, "spec.title: too long"), 1, "shop/mine was not declared: spec.title: too long"),
        ((403, "bob may not create"), 4, "shop/mine was not declared: bob may not create"),
        ((404, "404 page not found"), 4, "stanch is not installed there"),
        ((404, 'namespaces "shop" not found'), 4, 'namespaces "shop" not found'),
        ((503, "busy"), 4, "shop/mine was not declared: busy"),
    ],
)
def test_a_refusal_is_in_the_words_of_who_refuses(
    api: Api, declare: Any, says: tuple[int, str], code: int, words: str
) -> None:
    """And tells what would free it, where that is known."""
    api.says = says
    done = declare("500s", "--yes", "--name", "mine")
    assert (code, True) == (done.exit_code, words in done.stderr), done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--yes"], "the title is empty"),
        (["x" * 201, "--yes"], "201 characters"),
        (["500s", "--yes", "--target", "secret/x"], "'secret' is no kind"),
        (
            ["500s", "--yes", *(word for n in range(9) for word in ("--target", f"a{n}"))],
            "9 targets, and 8 are the most",
        ),
        (["500s", "--yes", "--service", "s" * 64], "spec.service"),
        (["500s", "--yes", "--runbook", "../x"], "String should match pattern"),
        (["500s", "--sev", "SEV5"], "is not one of"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_asked(
    api: Api, declare: Any, words: list[str], why: str
) -> None:
    """Exit code 2, and no request."""
    done = declare(*words)
    assert (2, []) == (done.exit_code, api.asked)
    assert why in done.stderr


def test_it_is_a_plugin_of_kubectl_too() -> None:
    """`kubectl incident declare`: the same command under the name that kubectl looks for."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["stanch"] == scripts["kubectl-incident"] == "stanch.cli.main:main"
    shown = CliRunner().invoke(main, ["declare", "--help"]).stdout
    assert "Exit codes: 0 declared" in shown
    assert "--dry-run > incident.yaml" in shown
