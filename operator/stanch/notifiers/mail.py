"""
E-mail (ecosystem.md 3.8): plain text and HTML, one thread an incident, through a relay.

Headers are made by the standard library's own policy, which folds and refuses line ends; but first it decodes what looks
like an encoded word (RFC 2047), and with it line ends that were none: so no text goes into a header that holds one.
"""

import html
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from stanch.api.names import GROUP
from stanch.core.notices import SUBJECT_MAX, one_line
from stanch.core.observations import Delivered
from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, Unusable, needed

TLS: Final = {"StartTLS": 587, "TLS": 465, "None": 25}
RECIPIENTS_MAX: Final = 50


class Email:
    """
    Keys of the Secret: ``host`` of the relay, ``from``, ``to`` (with commas between), and perhaps ``port``, ``tls``
    (StartTLS when left out, TLS or None), ``username`` and ``password``.
    """

    def compose(self, notice: Notice, secret: Mapping[str, str]) -> tuple[Letter, ...]:
        """One letter to all. Message-ID is the same at each try, so that a reader's mail program shows it once."""
        tls = secret.get("tls", "").strip() or "StartTLS"
        if tls not in TLS:
            raise Unusable(f"key tls of the Secret must be {', '.join(TLS)}")
        username, password = secret.get("username", "").strip(), secret.get("password", "").strip()
        if password and tls == "None":
            raise Unusable("the Secret has a password and tls None: it would travel in the clear")
        sender = _address(needed(secret, "from"), "from")
        to = tuple(_address(one, "to") for one in needed(secret, "to").split(",") if one.strip())
        if not 0 < len(to) <= RECIPIENTS_MAX:
            raise Unusable(f"key to of the Secret must have 1 to {RECIPIENTS_MAX} addresses; a list's own is one")
        return (
            Letter(
                host=needed(secret, "host"),
                port=_port(secret.get("port", "").strip(), tls),
                tls=tls,
                username=username,
                password=password,
                sender=sender.addr_spec,
                recipients=tuple(a.addr_spec for a in to),
                message=_message(notice, sender, to).as_bytes(policy=SMTP),
            ),
        )

    def judge(self, sent: Post | Letter, reply: Reply) -> Judged:
        """SMTP: 2 is taken, 4 is not now, 5 is no. A refused password may be put right within the hour."""
        if 200 <= reply.status < 300:
            return Judged(Delivered.YES)
        why = f"the relay answers {reply.status}" if reply.status else f"the relay: {reply.why or 'no answer'}"
        never = reply.status >= 500 and reply.status not in (530, 534, 535, 538)
        return Judged(Delivered.NEVER if never else Delivered.AGAIN, why)


def _address(text: str, key: str) -> Address:
    try:
        # Text that would be decoded comes out of the header as something else.
        local, at, domain = _literal(text.strip()).rpartition("@")
        found = Address(username=local, domain=domain)
        if (
            not (local and at and domain)
            or not text.strip().isascii()
            or any(c in local + domain for c in ' <>"(),;:\\')
        ):
            raise ValueError(text)
    except (ValueError, MessageError, IndexError) as error:
        raise Unusable(f"key {key} of the Secret must hold addresses like incidents@example.com") from error
    return found


def _port(text: str, tls: str) -> int:
    if not text:
        return TLS[tls]
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65_536:
        raise Unusable("key port of the Secret is no port")
    return int(text)


def _message(notice: Notice, sender: Address, to: tuple[Address, ...]) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    domain = sender.domain
    message["From"] = Address("stanch", addr_spec=sender.addr_spec)
    message["To"] = to
    message["Subject"] = _literal(one_line(notice.text.subject, SUBJECT_MAX))
    message["Date"] = notice.sent
    message["Message-ID"] = f"<{notice.key}@{domain}>"
    # Nobody ever sends the letter of this name: it holds the thread together.
    message["References"] = f"<{notice.uid}.{_word(notice.channel)}@{domain}>"
    message["List-Id"] = f"<{_word(notice.channel)}.{GROUP}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text.body + "\n")
    message.add_alternative(_html(notice), subtype="html")
    return message


def _literal(text: str) -> str:
    """With nothing that the library, or who reads it, decodes: every encoded word begins with these two."""
    return text.replace("=?", "= ?")


def _word(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-") else "-" for c in text)[:100] or "channel"


def _html(notice: Notice) -> str:
    paragraphs = "".join(
        f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>"
        for part in notice.text.body.split("\n\n")
        if part.strip()
    )
    head = html.escape(one_line(notice.text.subject, SUBJECT_MAX))
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{head}</title><h1>{head}</h1>{paragraphs}</html>\n'
