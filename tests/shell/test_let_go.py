"""A closed incident lets go of all that belongs to it, and of nothing else; the incident itself comes last."""

import json

import pytest

from stanch.api.names import Label
from stanch.shell import let_go as letting
from stanch.shell.client import Reply
from stanch.shell.let_go import came_late, let_go
from stanch.shell.status import StatusConflict

UID = "u1"


class Paper:
    """An API server with records of an incident, two a page; notes what is labelled, in order."""

    def __init__(self, **refusals: int) -> None:
        """``refusals``: HTTP status by name of the object."""
        self.refusals, self.labelled, self.asked = refusals, [], []
        self.held = {
            "evidences": [meta("before", UID), meta("page", UID), meta("of-another", "u0"), meta("after", UID)],
            "postmortems": [meta("review", UID)],
            "timelineentries": [meta("said"), meta("said-later")],
        }

    async def get(self, path, params=None, accept=""):
        plural = path.rpartition("/")[2]
        self.asked.append((plural, params["fieldSelector"], params["labelSelector"]))
        if status := self.refusals.get(plural):
            return Reply(status, {"message": "no"})
        start = int(params.get("continue", 0))
        page = {"items": [{"metadata": m} for m in self.held[plural][start : start + 2]]}
        more = {"continue": str(start + 2)} if start + 2 < len(self.held[plural]) else {}
        return Reply(200, page | {"metadata": more})

    async def patch(self, path, body, content_type, dry=False):
        plural, name = path.split("/")[-2:]
        if status := self.refusals.get(name):
            return Reply(status, {"message": "no"})
        wanted = {meta["name"]: meta["uid"] for metas in self.held.values() for meta in metas} | {"checkout-5xx": UID}
        assert json.loads(body) == {"metadata": {"uid": wanted[name], "labels": {Label.CLOSED: ""}}}
        self.labelled.append(f"{plural}/{name}")
        return Reply(200, {})


def meta(name: str, incident: str = "") -> dict:
    """Metadata of one that belongs to an incident; what people say names no uid."""
    labels = {Label.INCIDENT_UID: incident} if incident else {}
    return {"name": name, "namespace": "shop", "uid": f"of-{name}", "labels": labels}


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letting, "PAGE", 2)


async def closed(kube: Paper) -> list[str]:
    """What is labelled, in order."""
    await let_go(kube, "shop", "checkout-5xx", UID)
    return kube.labelled


ALL = ["evidences/before", "evidences/page", "evidences/after", "postmortems/review"]
ALL += ["timelineentries/said", "timelineentries/said-later"]


async def test_all_that_belongs_to_it_goes_with_it_and_nothing_else():
    """On every page; by what it is about, and not what another incident of its name left. The incident comes last."""
    kube = Paper()
    assert await closed(kube) == [*ALL, "incidents/checkout-5xx"]
    assert {("spec.incident=checkout-5xx", f"!{Label.CLOSED}")} == {asked[1:] for asked in kube.asked}


@pytest.mark.parametrize("status", [409, 429, 500, 503])
@pytest.mark.parametrize("what", ["page", "evidences", "timelineentries"])
async def test_what_did_not_work_is_done_again_before_the_incident_is_labelled(what, status):
    """Once that carries the label, nobody looks at it any more."""
    kube = Paper(**{what: status})
    with pytest.raises(StatusConflict):
        await closed(kube)
    assert "incidents/checkout-5xx" not in kube.labelled


@pytest.mark.parametrize(("what", "status"), [("page", 403), ("page", 404), ("page", 422), ("evidences", 403)])
async def test_what_may_not_be_or_is_gone_holds_up_nothing(what, status):
    """A right that somebody took away would keep incidents open for ever."""
    gone = {"evidences/page"} if what == "page" else {each for each in ALL if each.startswith("evidences")}
    assert await closed(Paper(**{what: status})) == [
        *(each for each in ALL if each not in gone),
        "incidents/checkout-5xx",
    ]


async def test_what_is_said_too_late_goes_with_it():
    """Labelled once; when it does not work, nobody waits for it."""
    kube = Paper(**{"said-later": 503})
    said, later = kube.held["timelineentries"]
    await came_late(kube, said)
    await came_late(kube, later)
    await came_late(kube, said | {"labels": {Label.CLOSED: ""}})
    assert kube.labelled == ["timelineentries/said"]
