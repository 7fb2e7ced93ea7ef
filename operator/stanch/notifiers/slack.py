"""
Slack: an incoming webhook, or a bot with one headline that is edited in place and a thread (ecosystem.md 3.5).

What people wrote stands in plain_text, where nothing is formatted, mentioned or linked; escaped all the same.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from stanch.core.notices import BODY_MAX, clean, one_line
from stanch.core.observations import Delivered
from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, Unusable, judged_by_status, needed

API: Final = "https://slack.com/api"
# Slack takes 150 characters in a header, 3,000 in a section, and refuses some 13,000 in all.
HEADER_MAX: Final = 150
SECTION_MAX: Final = 2_900
SECTIONS_MAX: Final = 3
TEXT_MAX: Final = 300
UPDATE: Final = "chat.update"
POST: Final = "chat.postMessage"
# The headline is not ours to edit any more: it was deleted, or the channel is another.
_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_NEVER: Final = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments"})
_BROADCASTS: Final = ("channel", "here", "everyone", "group")


class Slack:
    """Keys of the Secret: ``url`` of an incoming webhook; or ``token`` and ``channel`` (its id) of a bot, and perhaps ``api``."""

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Post, ...]:
        """A webhook takes one message; a bot edits its headline and answers in the thread, or begins with the headline."""
        if secret.get("url"):
            return (_post("the webhook", needed(secret, "url"), {}, _message(notice)),)
        if not secret.get("token"):
            raise Unusable("the Secret has neither url (an incoming webhook) nor token and channel (a bot)")
        token, channel = needed(secret, "token"), needed(secret, "channel")
        base = (secret.get("api") or API).rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        known, _, ts = (notice.ref or "").partition(":")
        if not ts:
            said = {"channel": channel, **_headline(notice), **_QUIET}
            return (_post(POST, f"{base}/{POST}", headers, said),)
        edit = {"channel": known, "ts": ts, **_headline(notice), **_QUIET}
        answer = {"channel": known, "thread_ts": ts, **_message(notice), **_QUIET}
        return (
            _post(UPDATE, f"{base}/{UPDATE}", headers, edit),
            _post(POST, f"{base}/{POST}", headers, answer),
        )

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """A bot's answer is 200 also when it says no; a webhook says `ok`."""
        assert isinstance(sent, Post)
        if not 200 <= reply.status < 300:
            return judged_by_status(sent.what, reply)
        if sent.what in (UPDATE, POST):
            return _of_a_bot(sent, reply)
        if reply.body.strip() == b"ok":
            return Judged(Delivered.YES)
        return Judged(Delivered.AGAIN, f"{sent.what} answers {reply.status}, and not ok")


def _of_a_bot(sent: Post, reply: Reply) -> Judged:
    said = _json(reply.body)
    if said.get("ok") is not True:
        return _refused(sent.what, str(said.get("error") or "no JSON of Slack's API"), reply)
    ts, channel = said.get("ts"), said.get("channel")
    begins = sent.what == POST and "thread_ts" not in json.loads(sent.body)
    if begins and isinstance(ts, str) and isinstance(channel, str) and ts.replace(".", "").isdigit():
        return Judged(Delivered.YES, ref=f"{channel[:80]}:{ts[:80]}")
    # Without a name for the headline the next message begins another.
    return Judged(Delivered.YES)


def _refused(what: str, error: str, reply: Reply) -> Judged:
    why = f"{what} answers {one_line(error, 80)}"
    if error in _GONE:
        return Judged(Delivered.AGAIN, why, forget=True)
    return Judged(Delivered.NEVER if error in _NEVER else Delivered.AGAIN, why, reply.after)


def _json(raw: bytes) -> dict[str, Any]:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _post(what: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Post:
    raw = json.dumps(body, ensure_ascii=False).encode()
    return Post(what, url, raw, {"Content-Type": "application/json; charset=utf-8", **headers})


# Nothing is looked up, linked or previewed for what somebody wrote.
_QUIET: Final = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _message(notice: Notice) -> dict[str, Any]:
    return _blocks(notice.text.subject, notice.text.body)


def _headline(notice: Notice) -> dict[str, Any]:
    return _blocks(notice.text.subject, notice.headline if notice.ref else notice.text.body)


def _blocks(subject: str, body: str) -> dict[str, Any]:
    body = clean(body, BODY_MAX)
    parts = _pieces(body, SECTION_MAX)[:SECTIONS_MAX]
    blocks = [{"type": "header", "text": _plain(_pieces(one_line(subject, HEADER_MAX), HEADER_MAX)[0])}]
    blocks += [{"type": "section", "text": _plain(part)} for part in parts if part.strip()]
    return {"text": escape(one_line(subject, TEXT_MAX)), "blocks": blocks}


def _pieces(text: str, most: int) -> list[str]:
    """Of at most so many characters as they are sent: what is escaped is longer, and too long is refused for ever."""
    pieces, begin, size = [], 0, 0
    for at, each in enumerate(text):
        # A joiner may come behind any @.
        width = 2 if each == "@" else len(escape(each))
        if size + width > most:
            pieces.append(text[begin:at])
            begin, size = at, 0
        size += width
    return [*pieces, text[begin:]]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "emoji": False, "text": escape(text)}


def escape(text: str) -> str:
    """As Slack wants control characters written; and no word that calls everybody."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for word in _BROADCASTS:
        safe = safe.replace(f"@{word}", f"@\u2060{word}")
    return safe
