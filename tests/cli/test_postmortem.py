"""`stanch postmortem`: lint with exit codes, and documents in which nobody's words do anything."""

import html.parser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stanch.cli.main import main
from stanch.cli.postmortem.escape import link, markdown, paragraphs
from stanch.cli.postmortem.render_verb import rendered
from stanch.cli.postmortem.source import Given

CASES = Path(__file__).resolve().parents[1] / "core" / "lint_cases"
GOOD, BLAMING = CASES / "case-1-admission-webhook.yaml", CASES / "public-1-told-with-blame.yaml"


def run(*words: str, given: str | None = None) -> Any:
    """What the command line says."""
    return CliRunner().invoke(main, ["postmortem", *words], input=given)


# --- lint ------------------------------------------------------------------------------------------------------------


def test_a_clean_file_ends_with_zero():
    """And says so."""
    told = run("lint", str(GOOD))
    assert (0, "No findings\n") == (told.exit_code, told.output)


def test_findings_end_with_one_and_say_what_to_write_instead():
    """Field, rule, the words, why, and the framing."""
    told = run("lint", str(BLAMING))
    assert 1 == told.exit_code
    assert "spec.summary: person-as-cause" in told.output
    assert "    Why: " in told.output
    assert "    Instead: <The tool> deletes at once" in told.output
    assert re.search(r"\d+ findings keep it from being published; 0 more", told.output)


def test_findings_as_json():
    """The same for programs."""
    told = run("lint", str(BLAMING), "-o", "json")
    found = json.loads(told.output)
    assert (1, found["blocking"]) == (told.exit_code, len(found["findings"]))
    assert {"rule", "field", "excerpt", "why", "instead", "blocks"} == set(found["findings"][0])


def test_advice_alone_ends_with_zero():
    """It is shown, and keeps nobody."""
    told = run("lint", str(CASES / "public-2-capacity-removed.yaml"))
    assert 0 == told.exit_code
    assert "passive-evasion (advice)" in told.output


def test_standard_input_is_a_file_too():
    """As `kubectl get -o yaml` writes it, alone or in a list."""
    posts = list(yaml.safe_load_all(GOOD.read_text(encoding="utf-8")))
    assert 0 == run("lint", "-", given=GOOD.read_text(encoding="utf-8")).exit_code
    assert 0 == run("lint", "-", given=yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": posts})).exit_code


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("kind: Runbook\n", 3, "must hold one Postmortem (kind: Postmortem), and holds 0"),
        ("kind: Postmortem\n", 4, "the Postmortem has no spec"),
        (
            "kind: Postmortem\nspec: {incident: x, impact: {minutes: many}}\n",
            4,
            "spec.impact.minutes: Input should be a valid integer",
        ),
        ("kind: Postmortem\nspec: {}\n", 4, "spec.incident: Field required"),
        ("a: [", 4, "-:1:"),
    ],
    ids=["another-kind", "no-spec", "no-number", "no-incident", "no-yaml"],
)
def test_what_can_not_be_read_is_told_by_field(text, code, words):
    """A sentence and an exit code of its own."""
    told = run("lint", "-", given=text)
    assert code == told.exit_code
    assert words in told.output


def test_a_rule_explains_itself():
    """One, all, or none of that name."""
    assert "A person is the subject of a fault" in run("lint", "--explain", "person-as-cause").output
    assert run("lint", "--explain", "all").output.count("\n    ") >= 40
    assert 2 == run("lint", "--explain", "no-such").exit_code
    assert 2 == run("lint").exit_code


@pytest.mark.parametrize("verb", ["lint", "render"])
def test_help_shows_examples(verb):
    """And the exit codes."""
    told = run(verb, "--help").output
    assert "Examples:" in told
    assert "Exit codes: 0" in told


# --- render ----------------------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    "`code` **bold** _it_ ~~gone~~",
    "# Heading",
    "- item\n- item",
    "1. one",
    "> quote",
    "a | b | c",
    "---",
    "</td></tr></table><h1>x</h1>",
    "{{ 7 * 7 }} {% for x in y %}",
    "<https://evil.example>",
    "&lt;b&gt; &#60;b&#62;",
    "\u202egnp.exe\u202c\u200b\x1b[31m",
    "***\n\n# x",
    "    indented code",
    "[ref]: http://evil.example 'x'",
    "@everyone see https://evil.example www.evil.example",
    "==highlight== ^up^ $$math$$",
]


def hostile(text: str) -> Given:
    """Everything that people write is this text."""
    spec = {
        "incident": "checkout-5xx",
        **dict.fromkeys(("summary", "detection", "response", "recovery", "lessons"), text),
        "impact": {"users": text},
        "factors": [{"name": "a", "class": "Design", "layer": text, "statement": text, "accepted": text}],
        **{name: [text] for name in ("whys", "wentWell", "wentBadly", "gotLucky")},
        "timeline": [{"time": "2026-11-21T14:00:00Z", "kind": "Note", "by": text, "text": text, "entry": text}],
        "authors": [text],
        "actionItems": ["a"],
        "exceptions": [{"rule": "judgement", "field": text, "reason": text}],
        "review": {"time": text, "attendees": [text]},
    }
    item = {"metadata": {"name": "a"}, "spec": {"title": text, "owner": text, "tracker": text, "postmortem": "p"}}
    charge = {"slo": text, "state": "AtLeast", "used": text, "period": text, "message": text}
    facts = {"errorBudget": {"charges": [charge, {"slo": text, "state": "Unknown"}]}}
    status = {"facts": facts, "gaps": [{"number": 1, "part": "Record", "text": text, "record": text}]}
    return Given("shop/p", {"metadata": {"name": "p"}, "spec": spec, "status": status}, [item])


class Tags(html.parser.HTMLParser):
    """Tags and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Tags:
    """The page as a browser takes it apart."""
    tags = Tags()
    tags.feed(page)
    return tags


@pytest.mark.parametrize("text", HOSTILE)
def test_in_html_words_are_words(text):
    """The page has the same tags and attributes whatever people write, and shows their words."""
    harmless = parsed(rendered(hostile("words"), "html"))
    found = parsed(rendered(hostile(text), "html"))
    assert harmless.tags == found.tags
    assert all(word in found.text for word in re.findall(r"[a-z]{4,}", text.lower()) if word in text)


@pytest.mark.parametrize("text", HOSTILE)
def test_in_markdown_words_are_words(text):
    """The document has the same lines, and nothing in them that Markdown obeys."""
    harmless, found = (rendered(hostile(each), "markdown").splitlines() for each in ("words", text))
    # A blank line makes another paragraph where paragraphs may be; of anything else there is as much as before.
    shapes = [[s for s in map(_shape, each) if s not in (" 0", "words 0")] for each in (harmless, found)]
    assert shapes[0] == shapes[1]
    for line in found:
        bare = re.sub(r"\\[\\`*_\[\]|~!$^=#.)+-]", "", line)
        bare = re.sub(r"&(?:amp|lt|gt|#\d+);", "", bare)
        assert not re.search(r"<(?!https?://[^<> ]+>)|javascript:|\]\(|!\[|https?://|www\.", bare), line


def _shape(line: str) -> str:
    """What Markdown makes of a line: heading, item, row with its number of cells, or words."""
    cells = len(re.findall(r"(?<!\\)\|", line))
    begins = re.match(r"(#{1,6} |- |\d+\. |\||\s*$)", line)
    return f"{begins[1].strip() if begins else 'words'} {cells}"


@pytest.mark.parametrize("text", HOSTILE)
def test_in_json_words_are_kept(text):
    """Byte for byte: whoever shows them escapes them."""
    assert text == json.loads(rendered(hostile(text), "json"))["summary"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://git.example.com/shop/orders/issues/812", True),
        ("http://a.example", True),
        ("javascript:alert(1)", False),
        ("https://", False),
        ('https://x" onmouseover="alert(1)', False),
        ("https://x/<script>", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("https://[", False),
    ],
)
def test_a_link_is_http_or_nothing(url, good):
    """A ticket's address becomes a link only when it is one."""
    assert (url if good else "") == link(url)


def test_markdown_shows_the_very_characters():
    """What is escaped is the same text to a reader."""
    assert r"a\*b\_c &lt;d&gt; \[e\](f)" == markdown("a*b_c <d> [e](f)")
    assert "one two\n\nthree" == paragraphs("one\ntwo\n\n\nthree")
    assert r"1\. no list" == markdown("1. no list")


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_a_whole_postmortem_in_each_form(form):
    """Six parts and more, in each."""
    told = run("render", str(GOOD), "--format", form)
    assert 0 == told.exit_code, told.output
    for word in (
        "eleven teams",
        "no-memory-limit",
        "webhook-streaming" if form == "json" else "Stream admission",
        "No node failed",
    ):
        assert word in told.output


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_the_agenda_of_the_meeting_is_in_the_export(form):
    """With gaps, what is open, and what it resembles; of a published text there is none, and for whom it is stays."""
    similar = {
        "incident": "old",
        "postmortem": "old",
        "declaredTime": "2026-11-01T10:00:00Z",
        "why": ["the same alert Burn"],
    }
    status = {
        "gaps": [{"number": 1, "part": "Detection", "text": "Alert to declare: 40 min", "record": "times"}],
        "similar": [similar],
    }
    body = {"metadata": {"name": "p"}, "spec": {"incident": "p", "audience": "Company"}, "status": status}
    told = rendered(Given("p", body, ()), form)
    for words in (
        "Gap 1: Alert to declare: 40 min",
        "old of 2026-11-01: the same alert Burn",
        "No factor is named",
        "Company",
    ):
        assert words in told
    told = rendered(Given("p", as_published(body), ()), form)
    assert ("No factor is named" in told, "Company" in told, "the same alert Burn" in told) == (False, True, True)


def as_published(body: dict[str, Any]) -> dict[str, Any]:
    """The same, found clean and signed off."""
    said = {"type": "Published", "status": "True", "reason": "Published"}
    status = {**body["status"], "conditions": [said], "published": {"time": "2026-11-22T10:00:00Z"}}
    return {**body, "status": status}


def test_a_page_loads_nothing_from_elsewhere():
    """No script, no picture, no font; and a policy that says so."""
    page = rendered(hostile("words"), "html")
    assert "default-src 'none'" in page
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in parsed(page).tags}
