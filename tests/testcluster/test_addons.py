"""CRDs of others come from the pinned module, or not at all."""

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
from testcluster import addons
from testcluster.ui import ClusterError


def test_crds_are_fetched_once_and_are_the_ones_that_were_asked_for() -> None:
    """The second time nothing is fetched: the very same files are there."""
    first = {file: file.stat().st_mtime_ns for file in addons.ensure_crds(addons.GATEWAY_API).iterdir()}
    assert [file.name for file in first] == list(addons.GATEWAY_API.files)
    again = addons.ensure_crds(addons.GATEWAY_API)
    assert first == {file: file.stat().st_mtime_ns for file in again.iterdir()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checksum": "h1:other"}, "has the checksum h1:lKpJa5bGlraC"),
        ({"files": ("no-such.yaml",)}, "no-such.yaml is not there"),
        ({"version": "v0.0.1"}, "v0.0.1"),
    ],
)
def test_another_module_than_the_pinned_one_is_refused(change: dict[str, str], words: str) -> None:
    """And leaves nothing in the cache that a second try would take for it."""
    wrong = dataclasses.replace(addons.GATEWAY_API, **change)
    for _ in range(2):
        with pytest.raises(ClusterError, match=words):
            addons.ensure_crds(wrong)
