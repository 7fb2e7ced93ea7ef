"""
Credentials for what is not the API server: from the Secret that the platform names into one request, and nowhere else.

Its keys are those of kubernetes.io/basic-auth and of what else is usual: `token`, or `username` and `password`; and `ca.crt`.
"""

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from stanch.api.secret_refs import Missing, secret
from stanch.shell.secret_refs import SecretRefs, Values

# Anything else would end the header, and begin another.
_TOKEN: Final = re.compile(r"[!-~]+")
DENIED: Final = (401, 403)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request carries, and whose certificate it believes: True for the authorities that the system knows."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | bool = True
    hush: tuple[str, ...] = field(default=(), repr=False)

    def masked(self, text: str) -> str:
        """Without what was sent to prove who asks: whoever was asked may repeat it in what they answer."""
        for value in self.hush:
            text = text.replace(value, "***")
        return text


OPEN: Final = Access()


async def access_of(secrets: SecretRefs | None, name: str) -> Access | Missing:
    """With the Secret of that name; "" stands for none. Missing says what is wrong, and never what is in it."""
    if not name:
        return OPEN
    if secrets is None:
        return Missing(f"{secret(name)} can't be read here")
    values = await secrets.values(name)
    return values if isinstance(values, Missing) else read_access(name, values)


def read_access(name: str, values: Values) -> Access | Missing:
    """What the keys of a Secret mean."""
    token, user, authority = values.get("token"), values.get("username"), values.get("ca.crt")
    if token is None and user is None and authority is None:
        return Missing(f"{secret(name)} has neither token, nor username and password, nor ca.crt")
    if token is not None and user is not None:
        return Missing(f"{secret(name)} has token and username; leave one out")
    tls: ssl.SSLContext | bool = True
    if authority is not None:
        try:
            # An empty text would be the authorities that the system knows.
            tls = ssl.create_default_context(cadata=authority or " ")
        except (ssl.SSLError, ValueError):
            return Missing(f"key ca.crt of {secret(name)} is no certificate in PEM")
    said = _bearer(name, token) if token is not None else _basic(name, user, values.get("password"))
    if isinstance(said, Missing):
        return said
    hush = (*(word.partition(" ")[2] for word in said.values()), token, values.get("password"))
    return Access(said, tls, tuple(each for each in hush if each))


def _bearer(name: str, token: str) -> dict[str, str] | Missing:
    if not _TOKEN.fullmatch(token):
        return Missing(f"key token of {secret(name)} is empty, or has characters that no token has")
    return {"Authorization": f"Bearer {token}"}


def _basic(name: str, user: str | None, password: str | None) -> dict[str, str] | Missing:
    if user is None:
        return {}
    if password is None:
        return Missing(f"{secret(name)} has no key password")
    if ":" in user:
        return Missing(f"key username of {secret(name)} has a colon, which ends a user's name")
    said = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {said}"}
