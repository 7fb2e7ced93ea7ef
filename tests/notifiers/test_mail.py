"""E-mail: headers that hold, a thread an incident, text and HTML, and a relay that is told only what it may hear."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from notifiers.notices import HOSTILE, KEY, UID, notice
from stanch.core.observations import Delivered
from stanch.notifiers.mail import Email
from stanch.notifiers.ports import Letter, Reply, Unusable

SECRET = {"host": "mail.example.com", "from": "stanch@example.com", "to": "lead@example.com, boss@example.com"}
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "References", "List-Id", "Auto-Submitted"}
MADE = {"MIME-Version", "Content-Type"}


def letter(secret: dict[str, str] = SECRET, **more: Any) -> Letter:
    """What is sent."""
    (found,) = Email().compose(notice(**more), secret)
    return found


def read(sent: Letter) -> EmailMessage:
    """As a mail program reads it."""
    found = message_from_bytes(sent.message, policy=default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_letter_is_text_and_html_in_a_thread() -> None:
    """The same Message-ID at each try; one thread an incident."""
    sent = letter()
    got = read(sent)
    assert "multipart/alternative" == got.get_content_type()
    assert f"<{KEY}@example.com>" == got["Message-ID"]
    assert f"<{UID}.room@example.com>" == got["References"]
    assert "<room.stanch.dev>" == got["List-Id"]
    assert "[SEV1] Declared: Checkout returns 500s" == got["Subject"]
    assert ("lead@example.com", "boss@example.com") == sent.recipients
    assert ("mail.example.com", 587, "StartTLS") == (sent.host, sent.port, sent.tls)
    assert "kubectl -n shop get incident checkout-5xx" in got.get_body(("plain",)).get_content()
    assert "<p>" in got.get_body(("html",)).get_content()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_header_is_injected_and_no_html(text: str) -> None:
    """Exactly our headers, and no element that somebody wrote."""
    got = read(letter(title=text, words=text))
    assert (HEADERS | MADE, "multipart/alternative") == (set(got.keys()), got.get_content_type())
    assert got["Subject"].isprintable()
    assert not any("evil" in str(value) for name, value in got.items() if name != "Subject")
    shown = got.get_body(("html",)).get_content()
    assert not any(tag in shown for tag in ("<script", "<img", "<a ", "</p><img"))
    assert not any(ord(c) < 32 and c not in "\r\n\t" for part in got.iter_parts() for c in part.get_content())


def test_lines_are_short_enough_for_every_relay() -> None:
    """Below 998 characters, whatever was written."""
    sent = letter(title="é" * 200, words="x" * 5000)
    assert max(map(len, sent.message.split(b"\r\n"))) <= 998


WRONG = {
    "no relay": ({"host": ""}, "no key host"),
    "two senders": ({"from": "a@example.com, b@example.com"}, "key from"),
    "a header in an address": ({"to": "a@example.com\r\nBcc: b@example.com"}, "control character"),
    "no address": ({"to": "everybody"}, "key to"),
    "words that are decoded": ({"to": "=?utf-8?q?=0D=0AX?=@example.com"}, "key to"),
    "a name": ({"to": "Boss <boss@example.com>"}, "key to"),
    "an odd port": ({"port": "99999"}, "key port"),
    "a password in the clear": ({"tls": "None", "password": "hush"}, "in the clear"),
    "a word for tls": ({"tls": "yes"}, "key tls"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_secret_that_is_wrong_says_which_key(case: str) -> None:
    """And never its value."""
    change, why = WRONG[case]
    with pytest.raises(Unusable, match=why) as caught:
        letter({**SECRET, **change})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (250, Delivered.YES),
        (421, Delivered.AGAIN),
        (451, Delivered.AGAIN),
        (535, Delivered.AGAIN),
        (550, Delivered.NEVER),
        (0, Delivered.AGAIN),
    ],
)
def test_what_a_relay_means(status: int, kind: Delivered) -> None:
    """4 is not now; 5 is no, but for a password that may be put right."""
    assert kind is Email().judge(letter(), Reply(status)).kind
