"""The attack suite's own fixtures: real credentials, one namespace a test. The cluster's are those of the e2e tests."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from attack.people import Place, machine, person
from e2e.conftest import admin, admin_file, fork_server, loop, token  # noqa: F401 - fixtures
from e2e.support.api import Api
from stanch.api.names import OPERATOR_NAMESPACE

PEOPLE = ("alice", "bob", "carol", "erin", "mallory")


@pytest.fixture(scope="session")
def people(admin: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Api]:  # noqa: F811
    """Everybody, each with a certificate."""
    folder = tmp_path_factory.mktemp("people")
    return {name: person(admin, name, folder) for name in PEOPLE}


@pytest.fixture(scope="session")
def taken_over(admin: Api) -> Api:  # noqa: F811
    """The operator's own ServiceAccount, in the hands of an attacker: with its token, and no code of ours."""
    return machine(admin, OPERATOR_NAMESPACE, "stanch")


@pytest.fixture
def places(admin: Api, people: dict[str, Api]) -> Iterator[Callable[[], Place]]:  # noqa: F811
    """Makes namespaces; gone afterwards."""
    made: list[str] = []

    def make() -> Place:
        name = f"attack-{uuid.uuid4().hex[:8]}"
        admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).must()
        made.append(name)
        return Place(admin, name, people)

    yield make
    for name in made:
        admin.delete("namespaces", None, name, propagationPolicy="Background")


@pytest.fixture
def place(places: Callable[[], Place]) -> Place:
    """A namespace in which mallory and alice respond, and alice may edit."""
    there = places()
    there.let("mallory", role="stanch-responder")
    there.let("mallory", role="stanch-viewer")
    there.let("alice", role="edit")
    return there
