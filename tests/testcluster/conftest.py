"""One cluster for the tests that only use it; a test that breaks or stops one makes its own."""

from collections.abc import Iterator

import pytest

from .helpers_testcluster import Cluster, succeed


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two nodes, taken down at the end. It fails, never skips, where none can start."""
    root = tmp_path_factory.mktemp("shared") / "cluster"
    succeed("up", "--dir", str(root))
    try:
        yield Cluster(root)
    finally:
        succeed("down", "--dir", str(root))
