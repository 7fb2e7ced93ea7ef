"""Slack: one headline that is edited, a thread below it, and nothing that people wrote acts there."""

import json
from typing import Any

import pytest

from notifiers.notices import HOSTILE, notice
from stanch.core.observations import Delivered
from stanch.notifiers.ports import Reply, Unusable
from stanch.notifiers.slack import HEADER_MAX, SECTION_MAX, Slack

BOT = {"token": "xoxb-1", "channel": "C1"}
HOOK = {"url": "https://hooks.example.com/services/T/B/secret"}
SLACK = Slack()


def bodies(*args: Any, **more: Any) -> list[dict[str, Any]]:
    """What is sent, as JSON."""
    return [json.loads(post.body) for post in SLACK.compose(*args, **more)]


def texts(body: dict[str, Any]) -> list[str]:
    """All that people could read of it."""
    return [body["text"], *(block["text"]["text"] for block in body["blocks"])]


def test_a_bot_begins_with_the_headline() -> None:
    """One message in the channel, and its name is kept."""
    (post,) = SLACK.compose(notice(), BOT)
    assert ("https://slack.com/api/chat.postMessage", "Bearer xoxb-1") == (post.url, post.headers["Authorization"])
    said = json.loads(post.body)
    assert ("C1", None) == (said["channel"], said.get("thread_ts"))
    assert "[SEV1] Declared: Checkout returns 500s" == texts(said)[1]
    answer = Reply(200, json.dumps({"ok": True, "ts": "17.0001", "channel": "C1"}).encode())
    assert (Delivered.YES, "C1:17.0001") == (SLACK.judge(post, answer).kind, SLACK.judge(post, answer).ref)


def test_then_it_edits_the_headline_and_answers_below_it() -> None:
    """The headline has the live record; the thread has what happened."""
    edit, answer = bodies(notice("Mitigated", ref="C1:17.0001"), BOT)
    assert ("C1", "17.0001") == (edit["channel"], edit["ts"])
    assert any("SEV1 · no commander" in text for text in texts(edit))
    assert ("C1", "17.0001") == (answer["channel"], answer["thread_ts"])
    assert "Mitigated" in texts(answer)[1]


def test_a_webhook_takes_one_message() -> None:
    """It can't edit."""
    (post,) = SLACK.compose(notice(ref="C1:17.0001"), HOOK)
    assert HOOK["url"] == post.url
    assert HOOK["url"] not in post.what


ANSWERS = {
    "taken": (HOOK, Reply(200, b"ok"), Delivered.YES),
    "a page of a proxy": (HOOK, Reply(200, b"<html>"), Delivered.AGAIN),
    "archived": (HOOK, Reply(410, b"channel_is_archived"), Delivered.NEVER),
    "elsewhere": (HOOK, Reply(302), Delivered.NEVER),
    "too many": (HOOK, Reply(429), Delivered.AGAIN),
    "broken": (HOOK, Reply(500), Delivered.AGAIN),
    "nobody": (HOOK, Reply(0, why="no answer within 10 s"), Delivered.AGAIN),
    "it lies": (BOT, Reply(200, b'{"ok": false, "error": "internal_error"}'), Delivered.AGAIN),
    "a token that was rotated": (BOT, Reply(200, b'{"ok": false, "error": "invalid_auth"}'), Delivered.AGAIN),
    "too long": (BOT, Reply(200, b'{"ok": false, "error": "msg_blocks_too_long"}'), Delivered.NEVER),
    "no JSON": (BOT, Reply(200, b"ok"), Delivered.AGAIN),
    "a list": (BOT, Reply(200, b"[]"), Delivered.AGAIN),
    "ok as a word": (BOT, Reply(200, b'{"ok": "true"}'), Delivered.AGAIN),
    "deep": (BOT, Reply(200, b"[" * 100_000), Delivered.AGAIN),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_an_answer_means(case: str) -> None:
    """A status of 200 alone is no yes, and no answer shows the URL."""
    secret, reply, kind = ANSWERS[case]
    (post,) = SLACK.compose(notice(), secret)
    judged = SLACK.judge(post, reply)
    assert kind is judged.kind
    assert "secret" not in judged.why
    assert bool(judged.why) == (kind is not Delivered.YES)


def test_a_headline_that_is_gone_is_forgotten() -> None:
    """The next try begins another."""
    edit, _ = SLACK.compose(notice(ref="C1:17.0001"), BOT)
    judged = SLACK.judge(edit, Reply(200, b'{"ok": false, "error": "message_not_found"}'))
    assert (Delivered.AGAIN, True) == (judged.kind, judged.forget)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("secret", [BOT, HOOK], ids=["bot", "webhook"])
def test_nothing_that_people_wrote_acts(text: str, secret: dict[str, str]) -> None:
    """No mention, no link, no formatting: plain text everywhere, escaped, and nobody is called."""
    for said in bodies(notice(title=text, words=text), secret) + bodies(notice(title=text, ref="C1:1.2"), secret):
        assert all(block["text"]["type"] == "plain_text" for block in said["blocks"])
        for shown in texts(said):
            assert not set("<>") & set(shown)
            assert not any(word in shown for word in ("@here", "@everyone", "@channel"))
            assert all(c.isprintable() or c in "\n\u2060" for c in shown)
        assert secret is HOOK or ("none", False, False) == (said["parse"], said["link_names"], said["unfurl_links"])


def test_a_long_text_fits() -> None:
    """Three sections at most, each below what Slack takes."""
    (said,) = bodies(notice(words="x" * 50_000), HOOK)
    sections = [b for b in said["blocks"] if b["type"] == "section"]
    assert 3 == len(sections)
    assert all(len(b["text"]["text"]) <= SECTION_MAX for b in sections)
    assert sum(map(len, texts(said))) < 13_000


@pytest.mark.parametrize("each", ["&", "<", "@here "])
def test_what_is_escaped_fits_as_well(each: str) -> None:
    """Counted as it is sent."""
    (said,) = bodies(notice(title=each * 200, words=each * 9_000), HOOK)
    limits = {"header": HEADER_MAX, "section": SECTION_MAX}
    assert all(len(b["text"]["text"]) <= limits[b["type"]] for b in said["blocks"])


@pytest.mark.parametrize(
    ("secret", "why"),
    [({}, "neither url"), ({"token": "x"}, "no key channel"), ({"url": "https://a\r\nX: y"}, "control character")],
)
def test_a_secret_that_is_not_enough_says_what_is_missing(secret: dict[str, str], why: str) -> None:
    """By the name of the key, never by its value."""
    with pytest.raises(Unusable, match=why):
        SLACK.compose(notice(), secret)
