"""The status page in real Chromium: nothing on it acts, and everybody can read it, on a telephone, at night, without scripts."""

import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from browser import Browser, Page, chromium
from build import T0
from cli.test_status_page import UID, outage, update
from notifiers.notices import HOSTILE
from stanch.cli.status_page.files import rendered, write
from stanch.cli.status_page.model import page

OWNED = "<script>document.title='owned'</script><img src=/evil onerror=\"document.title='owned'\"><svg onload=alert(1)>"
LONG = "Payments" * 40
PAGES = ("index.html", f"incidents/{UID}.html")


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page as bad as people can make it, served as any web server would; its URL."""
    folder = tmp_path_factory.mktemp("site")
    words = [update(n, "Identified", text, 20) for n, text in enumerate((*HOSTILE, OWNED), 1)]
    outages = [
        outage(update(0, "Investigating", f"{OWNED}\n\nSome orders can't be paid\nYour cart is kept", 20), *words),
        outage(update(-9000, "Investigating", LONG), update(-8000, "Resolved", "Over"), key="b", component=LONG),
        outage(update(3, "Monitoring", "Search is slow"), key="c", component="Search"),
    ]
    write(folder, rendered(page("Shop status", "https://status.example.com", outages, ("Accounts",), T0)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def tab(browser: Browser) -> Page:
    """A new one."""
    return await browser.page()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with chromium() as running:
        yield running


# Text by its contrast with what is behind it, as WCAG 2.2 works it out; and bars, which are no text.
CONTRASTS = """(() => {
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const behind = e => {
    for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3]) return c; }
    return [255, 255, 255];
  };
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement: e } = texts.currentNode;
    if (data.trim()) found.push([data.trim().slice(0, 40), ratio(rgb(getComputedStyle(e).color), behind(e)), 4.5]);
  }
  for (const e of document.querySelectorAll('.bars span'))
    found.push(['bar ' + e.className, ratio(rgb(getComputedStyle(e).backgroundColor), behind(e.parentElement)), 3]);
  return found;
})()"""
# Elements that are wider than the page, by what is in them.
TOO_WIDE = """[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
  .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))"""
# A script, and a handler, that somebody got onto the page after all.
SMUGGLED = """(() => {
  const script = document.createElement('script');
  script.textContent = 'window.ran = 1';
  document.body.append(script);
  document.body.insertAdjacentHTML('beforeend', '<button onclick="window.ran = 2">x</button>');
  document.querySelector('button').click();
  return typeof window.ran;
})()"""


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_nothing_that_people_wrote_runs_or_loads(tab: Page, site: str, scripts: bool) -> None:
    """No element, no request, no dialog; the page is the same without scripts; and one that got in would not run."""
    for name in PAGES:
        await tab.open(site + name, scripts=scripts)
        assert [site + name, f"{site}style.css"] == tab.asked
        assert 0 == tab.dialogs
        assert [0, 0, 0, 0] == await tab.js(
            "['script', 'img', 'svg', '[onerror],[onload],[onclick]'].map(w => document.querySelectorAll(w).length)"
        )
        assert "owned" != await tab.js("document.title")
        assert OWNED in await tab.js("document.body.innerText")
        assert "undefined" == await tab.js(SMUGGLED)


async def test_it_is_read_aloud_in_order(tab: Page, site: str) -> None:
    """Landmarks, one first heading, none that skips a level, and a name for each link and each row of bars."""
    for name in PAGES:
        await tab.open(site + name, scripts=False)
        tree = await tab.tree()
        roles = [role for role, _, _ in tree]
        assert [1, 1, 1] == [roles.count(landmark) for landmark in ("banner", "main", "contentinfo")]
        levels = [level for role, _, level in tree if role == "heading"]
        assert (1, 1) == (levels[0], levels.count(1))
        assert [] == [(a, b) for a, b in itertools.pairwise(levels) if b > a + 1]
        assert [] == [
            role for role, said, _ in tree if role in ("link", "heading", "image", "region") and not said.strip()
        ]
        assert "en" == await tab.js("document.documentElement.lang")
    await tab.open(f"{site}index.html", scripts=False)
    said = [name for role, name, _ in await tab.tree() if role in ("heading", "image")]
    assert "Disruption" == said[0]
    assert "Accounts: no disruption on 90 days" in said
    assert "Search: disruptions on 1 of 90 days: 2026-11-21" in said


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
async def test_it_can_be_seen_by_day_and_by_night(tab: Page, site: str, dark: bool) -> None:
    """Text 4.5 to 1, bars 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11); and by night it is dark."""
    for name in PAGES:
        await tab.open(site + name, scripts=False, dark=dark)
        found = await tab.js(CONTRASTS)
        assert len(found) > 10
        assert [] == [each for each in found if each[1] < each[2]]
    back = await tab.js("getComputedStyle(document.body).backgroundColor")
    assert dark == (sum(int(part) for part in back.strip("rgb()").split(",")) < 200)


@pytest.mark.parametrize("width", [320, 1024])
async def test_it_fits_a_telephone(tab: Page, site: str, width: int) -> None:
    """Nothing is cut off and nobody scrolls sideways (WCAG 2.2, 1.4.10), however long a word is."""
    for name in PAGES:
        await tab.open(site + name, scripts=False, width=width)
        assert width >= await tab.js("document.documentElement.scrollWidth")
        assert [] == await tab.js(TOO_WIDE)
