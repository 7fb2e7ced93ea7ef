"""
Which values of a ConfigMap are shown to everybody who may read an incident: what looks like a flag, under a name that no
secret has.

What is hidden is not what looks like a secret, for a short password looks like nothing. What is shown is a switch, a number, a
version or a few words; whatever else it is, the ConfigMap can be read by who may.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

SHOWN_MAX: Final = 40
# More digits than that may be a payment card's, or somebody's.
DIGITS_MAX: Final = 8
# Shorter ones are parts of other words.
ECHO_MIN: Final = 4
SECRET_NAME: Final = re.compile(
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|account[-_]?key"
    r"|encryption[-_]?key|signing[-_]?key|credential|auth|cookie|session|dsn|conn(?:ection)?[-_]?str|database_url|jdbc"
    r"|user(?:name)?|(?:master|ssh)[-_]?key|passcode|webhook|kubeconfig|pgpass|htpasswd|(?:^|[-_])salt|[-_.]key$"
    r"|(?:^|[-_.])(?:pw|pat|otp|pin|seed|mnemonic|credit[-_]?card|cvv|iban)$",
    re.IGNORECASE,
)
_SWITCH: Final = re.compile(r"true|false|on|off|yes|no|enabled|disabled|none|null|", re.IGNORECASE)
_WORD: Final = r"(?:[A-Z]?[a-z]{1,14}|[A-Z]{1,14}|v?\d{1,6}(?:\.\d{1,4}){0,2}[A-Za-z]{0,2}%?)"
_FLAG: Final = re.compile(rf"{_WORD}(?:[ ,._/-]{_WORD}){{0,5}}")


def is_plain(name: str, value: Any) -> bool:
    """May this value of a key or variable of that name be shown?"""
    if not isinstance(value, str):
        return False
    if _SWITCH.fullmatch(value):
        return True
    if len(value) > SHOWN_MAX or SECRET_NAME.search(name) or SECRET_NAME.search(value):
        return False
    return bool(_FLAG.fullmatch(value)) and sum(c.isdigit() for c in value) <= DIGITS_MAX


def without_values(said: str, written: Mapping[str, Any]) -> str:
    """
    What the API server or a webhook said of a patch, without values of ConfigMaps and variables that are not shown: many quote
    what they refuse. ``written`` is by JSON pointer.
    """
    values = {v for pointer, value in written.items() for v in _values(value, pointer.rpartition("/")[2], pointer)}
    for value in sorted(values, key=len, reverse=True):
        said = said.replace(value, "(not shown)")
    return said


def _values(value: Any, name: str, pointer: str) -> Iterator[str]:
    """Strings of a ConfigMap's data, or of the ``value`` beside a ``name``, that are not plain."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            beside = key == "value" and isinstance(value.get("name"), str)
            yield from _values(each, str(value["name"] if beside else key), "/data" if beside else pointer)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, name, pointer)
    elif (
        isinstance(value, str) and pointer.startswith("/data") and len(value) >= ECHO_MIN and not is_plain(name, value)
    ):
        yield value
