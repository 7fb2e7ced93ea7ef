"""The operator's own token on an Argo CD Application, whose top holds more than a spec."""

from itertools import count

import pytest

from attack.people import Place, refused
from attack.test_taken_over import LEASH, binding
from e2e.conftest import crds  # noqa: F401 - fixtures
from e2e.support.api import Api, until
from e2e.support.crds import addons
from e2e.test_argo_cd import application
from stanch.api.names import Label

CRDS = (addons.ARGO_CD,)
SYNC = {"operation": {"sync": {"revision": "HEAD"}}}
pytestmark = pytest.mark.usefixtures("crds")


def test_no_sync_is_begun_beside_the_mark(place: Place, admin: Api, taken_over: Api) -> None:
    """It is an effect, with a mark of its own: neither with the one that is there, nor while that is taken off."""
    admin.request("POST", admin.path("applications", place.ns), application("web", None)).must()
    marked = {"metadata": {"labels": {Label.ACTION: "aaaa"}}}
    taken_over.merge("applications", place.ns, "web", marked).must()
    for value in ("aaaa", None):
        sync = {"metadata": {"labels": {Label.ACTION: value}}} | SYNC
        refused(taken_over.merge("applications", place.ns, "web", sync), LEASH, Label.ACTION)
    said = {"status": {"sync": {"status": "Synced"}}}
    refused(taken_over.merge("applications", place.ns, "web", said), LEASH, Label.ACTION)
    kept = admin.get("applications", place.ns, "web")
    assert ("operation" in kept, "status" in kept) == (False, False)


def test_nor_while_only_undos_go(place: Place, admin: Api, taken_over: Api) -> None:
    """Taking a mark off goes with the undos; what comes along with it does not."""
    admin.request("POST", admin.path("applications", place.ns), application("web", None)).must()
    taken_over.merge("applications", place.ns, "web", {"metadata": {"labels": {Label.ACTION: "aaaa"}}}).must()
    admin.create(binding("stanch-undo-only", place.ns), place.ns).must()
    try:
        off = {"metadata": {"labels": {Label.ACTION: None}}}
        # A mark alone changes nothing, and goes through.
        marks = ({Label.ACTION: f"b{n:03}"} for n in count())
        effects = ({"metadata": {"labels": mark, "annotations": {"shop/try": mark[Label.ACTION]}}} for mark in marks)
        until(
            lambda: not taken_over.merge("applications", place.ns, "web", next(effects)).ok,
            5,
            "it is frozen",
            every=0.01,
        )
        refused(taken_over.merge("applications", place.ns, "web", off | SYNC), LEASH, "stanch is frozen")
        taken_over.merge("applications", place.ns, "web", off).must()
    finally:
        admin.delete("rolebindings", place.ns, "stanch-freeze")
