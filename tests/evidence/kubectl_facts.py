"""What `kubectl describe` says, word by word: ages, rules and explanations left away, times as ours are written."""

import re
from datetime import UTC, datetime

_TIME = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
_PROSE = re.compile(
    r"\(a temporary directory.*?\)|\(bare host directory volume\)|\(a volume that contains.*?\)"
    r"|\(a volume populated by.*?\)|\(a reference to a PersistentVolumeClaim.*?\)"
    r"|Medium:|SizeLimit:|TokenExpirationSeconds:|ConfigMapName:|DownwardAPI:|HostPathType:|Optional: +false$"
    r"|ConfigMapOptional: +<nil>$|SecretName:|ClaimName:|ReadOnly: +false$|\(Total limits may.*?\)",
    re.MULTILINE,
)
_AGES = re.compile(r"(?<= )\d+[smhd](?:\d+[smh])?$|(?<=[ -])Age(?=$| )|----")
# Of an event: `96s (x2 over 2m12s)`, between its reason and where it is from.
_EVENT_AGE = re.compile(r"(?<=  )<?(?:unknown|invalid|\d+[smhd](?:\d+[smh])?)>?(?: \(x\d+ over \w+\))?(?=  )")
_WORD = re.compile(r"[^\s,()|]+")


def words(page: str) -> set[str]:
    """The words of a page."""
    return set(_WORD.findall(page))


def facts(text: str, *, events: bool = False) -> set[str]:
    """The words that a faithful page must have, too; with ``events`` those of the list at its end."""
    text, _, told = text.partition("\nEvents:")
    found: set[str] = set()
    for line in _PROSE.sub("", text).split("\n"):
        for time in _TIME.findall(line):
            moment = datetime.strptime(time, "%a, %d %b %Y %H:%M:%S +0000").replace(tzinfo=UTC)
            found.add(moment.strftime("%Y-%m-%dT%XZ"))
        found |= words(_AGES.sub("", _TIME.sub("", line)))
    if events:
        for line in told.split("\n")[3:]:
            found |= words(_EVENT_AGE.sub("", line))
    return {word for word in found if set(word) not in ({"-"}, {"="})}
