"""The status page: only what was written for the public, readable by everybody, and there when the cluster is not."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from build import T0, entry, incident
from json_server import Asked, kubeconfig_of, serving
from notifiers.notices import HOSTILE
from stanch.cli.main import main
from stanch.cli.status_page.files import rendered
from stanch.cli.status_page.model import DAYS, Outage, Told, UpdateState, as_json, followed, from_json, merged, page
from telling import told
from world import World, bad_deploy

UID = "11111111-1111-1111-1111-111111111111"
ATOM = "{http://www.w3.org/2005/Atom}"
# What has no end tag, and so is never open.
VOID = {"meta", "link", "br"}
ELEMENTS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "body",
        "header",
        "main",
        "footer",
        "section",
        "article",
        "h1",
        "h2",
        "h3",
        "h4",
    ),
    *("p", "a", "ul", "li", "span", "strong", "small", "time", "br"),
}
Run = Callable[..., Result]


class Reader(HTMLParser):
    """The elements of a page, its links and its text; raises where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data


def update(minutes: int, state: str, text: str, following: int | None = None) -> Told:
    """What was said so many minutes after two o'clock."""
    time = T0 + timedelta(minutes=minutes)
    until = time + timedelta(minutes=following) if following else None
    return Told(f"u{minutes}", time, UpdateState(state), text, until)


def outage(*updates: Told, key: str = UID, component: str = "Checkout", **more: Any) -> Outage:
    """One incident as the public heard of it."""
    return Outage(key, component, updates or (update(0, "Investigating", "Some orders fail"),), **more)


def shown(*outages: Outage, minutes: int = 60, names: tuple[str, ...] = ()) -> Any:
    """A page as it is an hour later."""
    return page("Shop", "https://status.example.com", outages, names, T0 + timedelta(minutes=minutes))


# --- what is so ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ([], "Operational"),
        (["Investigating"], "Disruption"),
        (["Investigating", "Identified"], "Disruption"),
        (["Identified", "Monitoring"], "Recovering"),
        (["Identified", "Monitoring", "Resolved"], "Operational"),
        (["Resolved", "Investigating"], "Disruption"),
    ],
)
def test_the_page_says_what_was_said_last(states: list[str], wanted: str) -> None:
    """It judges nothing by itself."""
    said = [outage(*(update(n, state, "x") for n, state in enumerate(states)))] if states else []
    assert (wanted, wanted) == (shown(*said).state, (shown(*said, names=("Checkout",))).components[0].state)


def test_a_closed_record_is_over_though_nobody_said_so() -> None:
    """Or the page would show it for ever."""
    gone = shown(outage(ended=T0 + timedelta(minutes=30)))
    assert ("Operational", (), 1) == (gone.state, gone.going_on, len(gone.past))


def test_ninety_days_with_those_on_which_something_was_wrong() -> None:
    """From the first word to the last; today is the last bar."""
    over = outage(update(0, "Investigating", "x"), update(60 * 24 * 2, "Resolved", "x"))
    component = shown(over, minutes=60 * 24 * 10).components[0]
    assert (DAYS, 3) == (len(component.days), len(component.bad))
    assert (T0 + timedelta(days=10)).date() == component.days[-1][0]
    assert 1 == len(shown(outage(update(0, "Resolved", "x")), outage(key="b"), minutes=60 * 24 * 100).outages)


def test_what_was_published_is_not_taken_back() -> None:
    """Neither when the cluster has forgotten it, nor when an entry is gone."""
    before = [outage(), outage(key="b", component="Cart")]
    now = merged(before, [Outage(UID, "Checkout", (update(5, "Resolved", "Over"),)), Outage("c", "", ())])
    assert {UID: 2, "b": 1} == {o.key: len(o.updates) for o in now}
    assert before == from_json(json.loads(json.dumps(as_json(shown(*before)))))[::-1]


def test_what_nobody_follows_any_more_is_unknown_and_leaves_the_page() -> None:
    """Neither a disruption for ever nor all well; a real one beside it is worse; by itself it is over only by somebody's word."""
    day = timedelta(days=1)
    gone = followed([outage()], frozenset(), (), T0 + day)
    again = followed(from_json(json.loads(json.dumps(as_json(shown(*gone))))), frozenset(), (), T0 + 5 * day)
    assert T0 + day == again[0].lost
    page_then = shown(*again, minutes=60 * 24 * 30)
    assert ("Unknown", "Unknown", 2) == (
        page_then.state,
        page_then.components[0].state,
        len(page_then.components[0].bad),
    )
    assert "Whether it is over is not known." in rendered(page_then)["index.html"]
    assert "Unknown since" in rendered(page_then)[f"incidents/{UID}.html"]
    assert "Disruption" == shown(*again, outage(key="b")).state
    assert () == shown(*again, minutes=60 * 24 * 92).outages
    assert "Operational" == shown(*followed(again, frozenset(), (UID,), T0 + 6 * day)).state
    assert [outage()] == followed(again, frozenset({UID}), (), T0 + 6 * day)
    assert [outage()] == followed([outage()], None, (), T0 + day)


def test_a_name_with_two_blanks_is_the_same_component() -> None:
    """Or it stands there twice, once for ever operational."""
    components = shown(outage(component="Check  out"), names=("Check  out",)).components
    assert [("Check out", "Disruption")] == [(c.name, c.state) for c in components]


# --- how it looks ----------------------------------------------------------------------------------------------------


def test_every_page_is_whole_and_needs_no_script() -> None:
    """Elements that are closed, a language, one heading; a policy that lets nothing run or load from elsewhere."""
    over = outage(update(0, "Resolved", "It was short"), key="b", component="Cart")
    files = rendered(shown(outage(update(0, "Investigating", "One\ntwo\n\nthree", 20)), over))
    assert {"style.css", "index.html", "atom.xml", "status.json", f"incidents/{UID}.html", "incidents/b.html"} == set(
        files
    )
    for name in (n for n in files if n.endswith(".html")):
        read = Reader(files[name])
        tags = [tag for tag, _ in read.elements]
        assert set(tags) <= ELEMENTS
        assert (1, 1, 1) == (tags.count("h1"), tags.count("main"), tags.count("title"))
        policy = next(a["content"] for t, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in str(policy)
        assert "unsafe" not in str(policy)
        assert not [a for _, a in read.elements if "style" in a or any(k.startswith("on") for k in a)]
        links = [str(a["href"]) for _, a in read.elements if "href" in a]
        base = Path(name).parent
        assert [] == [link for link in links if str(base / link).replace("incidents/../", "") not in files]
    assert "Next update by 2026-11-21 14:20 UTC" in Reader(files["index.html"]).words


def test_bars_are_words_for_who_does_not_see_them() -> None:
    """And a disruption is higher, too: colour alone says nothing."""
    files = rendered(shown(outage(), names=("Cart",)))
    labels = [str(a["aria-label"]) for _, a in Reader(files["index.html"]).elements if a.get("role") == "img"]
    assert ["Cart: no disruption on 90 days", "Checkout: disruptions on 1 of 90 days: 2026-11-21"] == labels
    assert ".bars .bad { height: 100%" in files["style.css"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_people_wrote_acts(text: str) -> None:
    """No element, no attribute, no header of the feed; what is not printable is not there."""
    files = rendered(page(text, "", [outage(update(0, "Investigating", text), component=text)], (), T0))
    for name in ("index.html", f"incidents/{UID}.html"):
        read = Reader(files[name])
        assert {tag for tag, _ in read.elements} <= ELEMENTS
        assert not [a for _, a in read.elements if any(k.startswith("on") or k == "src" for k in a)]
        assert not [a["href"] for _, a in read.elements if "evil" in str(a.get("href"))]
    feed = ElementTree.fromstring(files["atom.xml"])
    assert 1 == len(feed.findall(f"{ATOM}entry"))
    assert not any(ord(c) < 32 and c != "\n" for file in files.values() for c in file)


def test_the_feed_is_atom() -> None:
    """RFC 4287: feed and entries have id, title and updated; an author; dates in order."""
    over = outage(update(0, "Investigating", "x"), update(30, "Resolved", "Over"), key="b")
    feed = ElementTree.fromstring(rendered(shown(outage(), over))["atom.xml"])
    assert f"{ATOM}feed" == feed.tag
    for each in (feed, *feed.findall(f"{ATOM}entry")):
        assert all(each.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    ids = [e.findtext(f"{ATOM}id") for e in feed.findall(f"{ATOM}entry")]
    assert [f"urn:uuid:{UID}", "urn:uuid:b"] == ids
    assert "2026-11-21T14:30:00Z" == feed.findtext(f"{ATOM}updated")


# --- the whole way ---------------------------------------------------------------------------------------------------


class Api:
    """Incidents and entries of a world."""

    def __init__(self) -> None:
        self.world: World = told(bad_deploy(incident(service="checkout")))
        self.world.look()
        self.status, self.there = 200, True
        self.entries: dict[str, Any] = {}
        self.asked: list[str] = []

    def say(
        self, by: str = "alice", audience: str = "public", state: str = "Identified", text: str = "Some orders fail"
    ) -> None:
        """An update, folded."""
        self.world.now += timedelta(seconds=5)
        name = f"e{len(self.entries)}"
        said = {"update": {"audience": audience, "state": state}, "text": text}
        new = entry(by, after=self.world.now - T0, name=name, **said)
        self.world.say(new).run(seconds=3)
        self.entries[name] = new.wire()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and body."""
        parts = urlparse(asked.path).path.split("/")
        if self.status != 200:
            return self.status, {"message": "no"}
        if "incidents" in parts:
            i = self.world.incident
            body = {"metadata": i.metadata.wire(), "spec": i.spec.wire(), "status": i.status.wire()}
            return 200, {"items": [body] if self.there else [], "metadata": {}}
        self.asked.append(parts[-1])
        found = self.entries.get(parts[-1])
        return (200, found) if found else (404, {"message": "not found"})


@pytest.fixture
def api() -> Api:
    """What the cluster holds."""
    return Api()


@pytest.fixture
def run(api: Api, tmp_path: Path) -> Iterator[Run]:
    """`stanch status-page --out` into a folder of the test."""
    with serving(api.answer) as url:
        start = ["status-page", "--out", str(tmp_path / "out"), "--kubeconfig", kubeconfig_of(url, tmp_path)]
        yield lambda *words: CliRunner().invoke(main, [*start, *words])


def test_only_what_was_written_for_the_public_is_on_it(api: Api, run: Run, tmp_path: Path) -> None:
    """Not the title, not a name, not a word for the house, not one that was refused."""
    api.say(text="Some orders fail\n\nWe are on it.")
    api.say(audience="internal", text="db-7 is on fire")
    api.world.may = lambda _: False
    api.say(by="mallory", text="We were hacked")
    done = run("--title", "Shop")
    assert (0, "") == (done.exit_code, done.stderr)
    everything = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert "Some orders fail" in everything
    hidden = ("db-7", "hacked", "mallory", "alice", "Checkout returns", "checkout-5xx", "SEV1", "shop/", "e0")
    assert [] == [word for word in hidden if word in everything.replace(UID, "")]


def test_it_is_there_when_the_cluster_is_not(api: Api, run: Run, tmp_path: Path) -> None:
    """Nothing is written then, and it says so; what is deleted in the cluster stays published."""
    api.say()
    assert 0 == run().exit_code
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    api.status = 503
    done = run()
    assert (4, True) == (done.exit_code, "incidents: no" in done.stderr)
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    api.status, api.entries = 200, {}
    assert 0 == run().exit_code
    assert "Some orders fail" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_an_incident_that_is_gone_is_unknown_until_somebody_ends_it(api: Api, run: Run, tmp_path: Path) -> None:
    """A rebuilt cluster: the page says what it can know, and how to end it; one namespace alone proves nothing gone."""
    api.say()
    run()
    assert (2, True) == ((done := run("--end", UID)).exit_code, "the cluster has it" in done.stderr)
    api.there = False
    assert "Disruption" in run("-n", "shop").stdout
    done = run()
    assert (0, True) == (done.exit_code, f"Unknown, until --end {UID}" in done.stderr)
    assert "Unknown, 1 going on, 0 past" in done.stdout
    assert (2, True) == ((done := run("--end", "x")).exit_code, "nothing of this id was published" in done.stderr)
    for _ in range(2):
        done = run("--end", UID)
        assert (0, "", True) == (done.exit_code, done.stderr, "Operational, 0 going on, 1 past" in done.stdout)
    api.there = True
    assert "Disruption" in run().stdout


def test_what_was_over_long_ago_is_not_read_again(api: Api, run: Run) -> None:
    """Its entries may be pruned, and it is on the page no more; what is over since yesterday is read."""
    api.say(state="Resolved")
    long_ago, known = T0 - timedelta(days=365), api.world.incident.status.communications
    updates = tuple(u.model_copy(update={"time": long_ago}) for u in known.updates)
    past = known.model_copy(update={"updates": updates})
    api.world.incident = api.world.incident.model_copy(
        update={"status": api.world.incident.status.model_copy(update={"communications": past})}
    )
    api.entries = {}
    done = run()
    assert (0, "", []) == (done.exit_code, done.stderr, api.asked)


def test_components_are_what_people_use(run: Run, api: Api, tmp_path: Path) -> None:
    """Named on the command line, each with its services; what is none of them has no name."""
    api.say()
    run("--component", "Paying=checkout,cart", "--component", "Looking=search")
    said = json.loads((tmp_path / "out" / "status.json").read_text(encoding="utf-8"))
    assert [("Paying", "Disruption"), ("Looking", "Operational")] == [
        (c["name"], c["state"]) for c in said["components"]
    ]
    for wrong in ("Paying", "=x", "Paying="):
        assert (2, True) == ((done := run("--component", wrong)).exit_code, "is not NAME=SERVICE" in done.stderr)
    assert "is in two components" in run("--component", "A=x", "--component", "B=x").stderr


def test_no_reader_meets_half_a_file(run: Run, api: Api, tmp_path: Path) -> None:
    """Nothing is left of writing; a link that somebody put there is replaced, not followed."""
    api.say()
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.write_text("mine", encoding="utf-8")
    (out / "index.html").symlink_to(elsewhere)
    run()
    assert ("mine", False) == (elsewhere.read_text(encoding="utf-8"), (out / "index.html").is_symlink())
    assert [] == [p.name for p in out.rglob(".stanch-*")]
    assert {0o644} == {p.stat().st_mode & 0o777 for p in out.rglob("*") if p.is_file()}


ELSEWHERE = json.dumps(as_json(shown(outage()))).replace(UID, "../../x")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', ELSEWHERE], ids=range(4))
def test_a_memory_that_is_none_stops_it(run: Run, api: Api, tmp_path: Path, text: str) -> None:
    """Rather than to publish as if nothing had ever been; and no name of a file comes from it unchecked."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "status.json").write_text(text, encoding="utf-8")
    done = run()
    assert (4, True) == (done.exit_code, "is no status.json of stanch" in done.stderr)
    assert ["status.json"] == [p.name for p in (tmp_path / "out").rglob("*")]
