"""The whole thing on a real cluster: the one that STANCH_TEST_KUBECONFIG names, with stanch installed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.install import find_kubectl
from tools.operator_run import as_service_account

from cluster.given import Kubectl
from e2e.support.api import Api
from e2e.support.budgets import COMPONENT
from e2e.support.crds import RealCrds
from e2e.support.flux import Flux
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Loop
from e2e.support.world import World, new_world


def pytest_unconfigure() -> None:
    """The last line of a sweep says it all, below what pytest says."""
    sweep = sys.modules.get("e2e.support.sweep")
    for line in sweep.closing_lines() if sweep and os.environ.get("STANCH_SWEEP") else ():
        print(line)


pytest.register_assert_rewrite("e2e.support.oracles", "e2e.support.sweep")


@pytest.fixture(scope="session")
def admin_file() -> Path:
    """The admin's kubeconfig. Fails, and never skips, when there is no cluster: a skipped guard is no guard."""
    path = os.environ.get("STANCH_TEST_KUBECONFIG")
    if not path:
        pytest.fail(
            "STANCH_TEST_KUBECONFIG is not set: it must name the kubeconfig of a cluster for tests", pytrace=False
        )
    return Path(path)


@pytest.fixture(scope="session")
def admin(admin_file: Path) -> Api:
    """The API server as its admin; stanch must be installed, and no operator but ours may run."""
    api = Api.of(admin_file)
    if not api.request("GET", "/apis/stanch.dev/v1alpha1").ok:
        pytest.fail(
            f"stanch is not installed: .venv/bin/python -m tools.install --kubeconfig {admin_file}", pytrace=False
        )
    return api


@pytest.fixture(scope="session")
def kubectl(admin_file: Path) -> Kubectl:
    """kubectl as a person at a shell has it."""
    return Kubectl((find_kubectl(), "--kubeconfig", str(admin_file)))


@pytest.fixture(scope="session")
def token(admin_file: Path, admin: Api) -> dict[str, Any]:
    """A kubeconfig of the operator's ServiceAccount; the operator under test never has another."""
    return as_service_account(admin_file, find_kubectl())


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Starts operators with short waits."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """Where the proxies live."""
    shared = Loop()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def operator(
    token: dict[str, Any], fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator with short waits for a whole module; its log must stay clean."""
    with Operator(token, tmp_path_factory.mktemp("operator"), "fast", fork_server) as running:
        yield running


@pytest.fixture(scope="module")
def crds(admin: Api, admin_file: Path, request: pytest.FixtureRequest) -> Iterator[RealCrds]:
    """The real CRDs that the module names in CRDS; gone when it is through. Ask for it before the operator."""
    with RealCrds(admin, admin_file, find_kubectl(), *request.module.CRDS) as applied:
        yield applied


@pytest.fixture(scope="module")
def worlds(admin: Api) -> Iterator[Callable[..., World]]:
    """Makes namespaces with people in them, deleted when the module is through."""
    made: list[World] = []

    def make(name: str = "") -> World:
        made.append(new_world(admin, name))
        return made[-1]

    yield make
    for world in made:
        admin.delete("namespaces", None, world.ns, propagationPolicy="Background")


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:
    """A fresh namespace with people in it."""
    return worlds()


@pytest.fixture(scope="session")
def flux(admin: Api, admin_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    """Flux and its git server: once, for its namespace takes a while to go."""
    with Flux(admin, admin_file, find_kubectl(), tmp_path_factory.mktemp("flux")) as running:
        yield running


@pytest.fixture
def freeze(kubectl: Kubectl) -> Iterator[None]:
    """The component of the change freeze is applied."""
    subprocess.run([*kubectl.start, "apply", "-f", str(COMPONENT)], check=True, capture_output=True)
    yield
    subprocess.run([*kubectl.start, "delete", "-f", str(COMPONENT)], check=True, capture_output=True)
