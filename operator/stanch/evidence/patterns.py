"""
What secrets look like in text: a literal that gives one away, and a pattern that is anchored there.

Patterns never search: they are matched at a literal that was found, and every repetition is bounded or possessive, so
the time is linear in the text whatever is in it. Two dialects: ``LOG`` is plain text; ``DOC`` is JSON or what was
rendered from it, where a match must not run over a double quote, so that the document stays valid.
"""

import re
from dataclasses import dataclass

from stanch.evidence import shapes

VALUES = frozenset("abcdef")  # groups that hold the secret; when none matched, all of the match is one

_COLOUR = r"(?:(?:\x1b|\\{1,4}(?:u001b|x1b|033|e))\[[0-9;]{0,12}m){0,3}+"
_QUOTE = r"""(?:\\{0,7}["']|&quot;|&#3[49];)?+"""
_ESCAPED = r"""(?:\\\\){0,3}(?:\\["']|')"""  # inside a document: a quote after an odd number of backslashes
_GAP = _COLOUR + _QUOTE + _COLOUR
_BEFORE_KEY = "|".join(
    f"(?<={word}{joint})"
    for word in (
        *("api", "access", "private", "account", "secret", "signing", "encryption", "auth", "master", "ssh", "app"),
        *("certificate", "storage", "shared", "license", "hmac", "jwt", "client", "subscription", "preshared"),
        "unseal",
    )
    for joint in ("", "[-_ .]")
)
# A lower-case letter after the word makes it another word: passed, tokenizer, secretary.
_STRONG = rf"(?:pass(?:word|wd|phrase|code)s?|pwd|(?:secret|token|credential)s?|(?:{_BEFORE_KEY})key)(?-i:(?![a-z]))"
_WEAK = r"(?:pass|auth(?:[-_]?(?:key|header|code))?|session(?:[-_]?(?:id|key))?)(?-i:(?![a-z]))"
_SUFFIX = r"(?P<suffix>[\w.-]{0,40}+)"
_BLANK = r"[ \t]{0,8}+"


# From an escaped quote to the same one; quotes escaped once more are inside. Backslashes are taken in pairs.
_INNER = r"""(?P<q>(?:\\\\){0,3}\\["'])(?P<b>(?:(?!(?P=q))(?:[^"\\\n]|(?:\\\\)++\\["']|\\[^"'\n]))*+)"""
_BARE = r"""(?P<d>(?![\[{("'<]|\*\*\*|\$[({])(?:[^\s"'`;&,<>\\\x1b]|\\[^"'\s]|,(?!\s|[\w.-]{1,32}+[=:]))++)"""
_QUOTED = r'"(?P<a>(?:[^"\\\n]|\\.)*+)'
_LOG_VALUES = rf"""(?:{_QUOTED}|{_INNER}|'(?P<c>(?:[^'\n\\]|\\.)*+)|{_BARE})"""
_DOC_VALUES = rf"""(?:{_INNER}|'(?P<c>(?:[^'"\n\\]|\\.)*+)|{_BARE})"""
_LOG_LINE = r"[^\r\n]{1,8192}+"
_DOC_LINE = r'(?:[^"\\\r\n]|\\[^nr]){1,8192}+'
_EQUALS = r"(?:=>|:=|=|:(?!:)|(?<!-)>(?=[^\s<>=])|%3[ad])"  # XML, and what a URL is made of
# YAML's `password: |` and JSON made for reading have the value on the next line, where kubelets put a time before it.
_STAMP = r"(?:\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) )?+"
_ESCAPED_END = r"(?:\\{1,7}r)?+\\{1,7}n"
_DOC_END = _ESCAPED_END + _STAMP
_LOG_END = rf"(?:\r?\n{_STAMP}|{_ESCAPED_END})"
_LOG_BREAK = rf"(?:[|>][-+]?{_BLANK}{_LOG_END}[ \t]{{1,64}}+|{_LOG_END}[ \t]{{0,64}}+(?=\\{{0,7}}[\"']))?+"
_DOC_BREAK = rf"(?:[|>][-+]?{_BLANK}{_DOC_END}[ \t]{{1,64}}+|{_DOC_END}[ \t]{{0,64}}+(?=\\{{1,7}}[\"']))?+"


# `password is: x`, and `password "x"` as SQL has it.
_SAID = rf"(?:pass(?:word|wd|phrase|code)|pwd)[ \t]{{1,8}}+(?:is{_BLANK}:{_BLANK}|(?:is[ \t]{{1,8}}+)?(?=QUOTE))"


# `Use the following password to log in:`, and below it a line of one word.
_BELOW = (
    rf"(?:pass(?:word|wd|phrase|code)|pwd|token|secret)(?:[ \t]{{1,4}}+[\w-]{{1,24}}+){{0,6}}+{_BLANK}[:=]{_BLANK}"
    r"(?:END[ \t]{0,64}+){1,2}(?=[^\s\"'\\:=]{8,256}[ \t]{0,8}(?:LAST))"
)


def _after_name(quote: str, end: str, value_break: str) -> str:
    """From a name to its value: an equals sign; or, as pods have variables in JSON, YAML, Go and XML, the name, then the value."""
    gap = rf"{_COLOUR}{quote}{_COLOUR}"
    step = rf"{_BLANK},?+(?:{end})?+[ \t]{{0,64}}+"
    equals = rf"(?: \d{{1,2}}(?=:))?{gap}{_BLANK}{_EQUALS}{_BLANK}{value_break}(?:Some\(|&quot;|&#3[49];)?+"
    beside = rf"{quote}{step}{quote}value{quote}{_BLANK}[:=]{_BLANK}"
    return rf"(?:{equals}|{beside}|</\w{{1,32}}+>{step}<value>)"


def _log_pairs() -> str:
    strong = rf"{_STRONG}{_SUFFIX}{_after_name(_QUOTE, _LOG_END, _LOG_BREAK)}"
    weak = rf"{_WEAK}{_GAP}{_BLANK}="
    field = rf"{_WEAK}\\{{0,7}}[\"']{_BLANK}:{_BLANK}(?=\\{{0,7}}[\"'])"
    said = _SAID.replace("QUOTE", r"\\{0,7}[\"']")
    below = _BELOW.replace("END", _LOG_END).replace("LAST", r"\\{1,7}[rn]|\r|\n|$")
    asked = r"(?:(?<=passin )|(?<=passout ))pass:"
    return rf"(?:{strong}|{weak}|{field}|{said}|{below}|{asked}){_COLOUR}{_LOG_VALUES}"


def _doc_pairs() -> str:
    """A field of the document itself, or a pair inside one of its strings, which it must not leave."""
    field = rf'(?:{_STRONG}{_SUFFIX}|{_WEAK})":{_BLANK}{_QUOTED}'
    quote = rf"(?:{_ESCAPED}|&quot;|&#3[49];)?+"
    strong = rf"{_STRONG}{_SUFFIX.replace('suffix', 'within')}{_after_name(quote, _DOC_END, _DOC_BREAK)}"
    weak = rf"{_WEAK}{_COLOUR}{quote}{_COLOUR}{_BLANK}="
    inner = rf"{_WEAK}{_ESCAPED}{_BLANK}:{_BLANK}(?={_ESCAPED})"
    said = _SAID.replace("QUOTE", _ESCAPED)
    below = _BELOW.replace("END", _DOC_END).replace("LAST", r"\\{1,7}[rn]|\"|$")
    asked = r"(?:(?<=passin )|(?<=passout ))pass:"
    return rf"(?:{field}|(?:{strong}|{weak}|{inner}|{said}|{below}|{asked}){_COLOUR}{_DOC_VALUES})"


def _headers(line: str, opens: str) -> str:
    """``line`` is what the rest of a line is made of, ``opens`` the quote before a value whose key was quoted."""
    quoted = r"""[^"'\r\n\\]{1,8192}+"""
    return (
        rf"authorization{_GAP}{_BLANK}[:=]{_BLANK}[\[(]?{_QUOTE}"
        rf"""(?:(?:basic|bearer|token|apikey|negotiate)[ \t]+(?P<a>[^\s"',;\\\])]++)"""
        rf"|(?:digest|aws4-hmac-sha256|oauth|hawk)[ \t]+(?P<b>(?!\*\*\*){line})"
        r"""|(?:[a-z][\w-]{2,40}+[ \t]+)?+(?P<c>(?!\*\*\*)(?=[^\s"',\\]{0,64}?\d)[^\s"',\\]{12,8192}+)"""
        r"""|(?P<f>(?!\*\*\*)[^\s"',\\]{16,8192}+))"""
        rf"|cookies?{_BLANK}[:=]{_BLANK}[\[(]?(?=[^\r\n]{{0,256}}=)(?P<d>(?![\"'\\*\[]){line})"
        rf"""|cookies?(?P<q>\\{{0,7}}["']){_BLANK}[:=]{_BLANK}[\[(]?{opens}(?P<e>{quoted})"""
    )


@dataclass(frozen=True, slots=True)
class Family:
    """One sort of secret: the lower-case literals that give it away, and what it looks like from there on."""

    name: str
    literals: tuple[str, ...]
    log: re.Pattern[bytes]
    doc: re.Pattern[bytes]


def _family(
    name: str, literals: str | tuple[str, ...], log: str, doc: str = "", flags: re.RegexFlag = re.NOFLAG
) -> Family:
    compiled = [re.compile(source.encode(), flags | re.DOTALL) for source in (log, doc or log)]
    return Family(name, tuple(literals.split()) if isinstance(literals, str) else literals, *compiled)


_I = re.IGNORECASE
_PEM = r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----BODY(?:-----END [A-Z0-9 ]{0,60}-----)?"
_LOG_PEM = _PEM.replace("BODY", "(?:[^-]|-(?!----)){0,32768}+")
_DOC_PEM = _PEM.replace("BODY", r'(?:[^-"\\]|\\.|-(?!----)){0,32768}+')
# Hashes of passwords: no secret, but what a secret is guessed from.
_HASHES = (
    r"\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|apr1\$[./A-Za-z0-9]{1,8}+\$[./A-Za-z0-9]{22}"
    r"|[56]\$(?:rounds=\d{1,9}+\$)?[./A-Za-z0-9]{1,16}+\$[./A-Za-z0-9]{43,86}+|argon2(?:id|i|d)\$[\w$=,+/]{20,256}+)"
)

FAMILIES: tuple[Family, ...] = (
    _family("pem", "-----begin", _LOG_PEM, _DOC_PEM),
    _family("jwt", "eyj", r"(?:(?<![\w-])|(?<=\\[nrt]))eyJ[\w-]{8,4096}+(?:\.[\w-]{0,16384}+){2,4}"),
    _family("aws", "akia asia", shapes.AWS),
    _family("github", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"(?:gh[pousr]_|github_pat_)\w{20,255}+"),
    _family("gitlab", "glpat-", r"glpat-[\w.-]{16,255}+"),
    _family(
        "slack",
        "xox hooks.slack.com/services/",
        r"xox[abeoprs]-[\w-]{8,255}+|hooks\.slack\.com/services/(?P<a>[\w/-]{8,255}+)",
    ),
    _family("google", "aiza ya29.", r"AIza[\w-]{30,64}+|ya29\.[\w.-]{20,2048}+"),
    _family("stripe", "sk_live_ rk_live_ sk_test_ rk_test_", r"[rs]k_(?:live|test)_\w{10,255}+"),
    _family("npm", "npm_", r"npm_[A-Za-z0-9]{30,64}+"),
    _family("vendor", shapes.VENDOR_LITERALS, shapes.VENDORS),
    _family("packed", shapes.PACKED_LITERALS, shapes.PACKED),
    _family("tool", shapes.TOOL_LITERALS, shapes.TOOLS),
    _family("sql", shapes.SQL_LITERALS, shapes.SQL, flags=_I),
    _family("setting", shapes.SETTING_LITERALS, shapes.SETTING, flags=_I),
    _family("pgpass", ":5432:", shapes.PGPASS),
    _family("login", shapes.LOGIN_LITERALS, shapes.LOGIN, flags=_I),
    _family("signature", "sig= signature=", r"(?:sig|signature)=(?P<a>[\w%+/.~-]{12,1024}+=*)", flags=_I),
    _family("hash", "$2a$ $2b$ $2x$ $2y$ $apr1$ $5$ $6$ $argon2", _HASHES),
    _family(
        "login",
        "-u --user --proxy-user",
        r"(?:-u|--(?:proxy-)?user)(?:[ \t]{1,8}+|=)[\"']?[^\s:=\"'\\]{1,128}+:"
        r"(?!//|\d{1,6}+(?:[\s\"']|$))(?P<a>[^\s\"'\\]{1,256}+)",
    ),
    _family("jdbc", "jdbc:oracle:", r"jdbc:oracle:\w{2,8}+:[^\s/@\"'\\]{1,128}+/(?P<a>[^\s@\"'\\]{1,256}+)@", flags=_I),
    _family(
        "url",
        "://",
        r"""://(?!\*\*\*)(?:[^\s/?#"'\\:@<>]{0,256}+:(?P<a>[^\s/?#"'\\<>]{1,512})"""
        r"""|(?P<b>[^\s/?#"'\\:@<>]{16,512}+))@""",
    ),
    _family("bearer", "bearer", r"bearer[ \t]+(?P<a>(?=[\w.~+/-]{0,64}\d)[\w.~+/-]{16,8192}+=*)", flags=_I),
    _family("basic", "basic", r"basic[ \t]+(?P<a>[A-Za-z0-9+/]{8,1024}+={0,2})", flags=_I),
    _family(
        "header", "authorization cookie", _headers(_LOG_LINE, r"""\\{0,7}["']"""), _headers(_DOC_LINE, "(?P=q)"), _I
    ),
    _family("value", "pass pwd secret token key credential auth session", _log_pairs(), _doc_pairs(), _I),
)

_FLAG = rf"(?:{_STRONG}|{_WEAK}){_SUFFIX}"
# --db-password hunter2, or as a list; only after FLAG_BEFORE
LOG_FLAG = re.compile(rf"{_FLAG}(?:[ \t]+|\\{{0,7}}[\"'],[ \t]{{0,8}}+){_LOG_VALUES}".encode(), _I)
DOC_FLAG = re.compile(rf"{_FLAG}(?:[ \t]+|{_ESCAPED},[ \t]{{0,8}}+){_DOC_VALUES}".encode(), _I)
FLAG_BEFORE = re.compile(rb"(?:^|[\s\"'=\[(,])--?[\w-]{0,40}$")
LOGIN_BEFORE = re.compile(rb"login[ \t]+\S{1,128}[ \t\r\n]+$")  # .netrc: machine m login u password p
# Where a login leads to: @db:5432, and no digest of an image.
PLACE = re.compile(rb"@[A-Za-z][\w.-]{0,253}+:\d{2,5}(?![\w.:])")
PEM_END = re.compile(rb"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
PEM_TAIL = re.compile(rb"[A-Za-z0-9+/=\s:.,\\-]*+")

# Read backwards by code: user:secret@tcp(host:port)/db, and the end of a key whose beginning was cut off.
_EXTRA = ("@", "@tcp(", "@udp(", "@unix(", "-----end ")
FAMILY_OF: dict[bytes, Family] = {literal.encode(): family for family in FAMILIES for literal in family.literals}

# Literals are found by their rarest letter: half of all letters begin a literal, one in eight is rare in one.
_RAREST = "$zjx@kv_:wbypuc"


def _trigger(literals: list[bytes]) -> tuple[re.Pattern[bytes], dict[bytes, bytes], tuple[bytes, ...]]:
    """
    A pattern that finds literals at their rarest letter, which literal each tail found belongs to, and the literals
    that have no rare letter and are looked for one by one.
    """
    branches: dict[str, list[str]] = {}
    tails: dict[bytes, bytes] = {}
    common: list[bytes] = []
    for literal in sorted(literals, key=len, reverse=True):  # authorization before auth
        word = literal.decode()
        pivot = next((letter for letter in _RAREST if letter in word and _free(word, letter, tails)), "")
        if not pivot:
            common.append(literal)
            continue
        head, tail = word[: word.index(pivot)], word[word.index(pivot) + 1 :]
        tails[(pivot + tail).encode()] = literal
        branches.setdefault(pivot, []).append((f"(?<={re.escape(head + pivot)})" if head else "") + re.escape(tail))
    # The engine tries branches in turn: those of frequent letters first.
    ordered = sorted(branches.items(), key=lambda branch: -_RAREST.index(branch[0]))
    source = "|".join(f"{re.escape(pivot)}(?:{'|'.join(rest)})" for pivot, rest in ordered)
    return re.compile(source.encode()), tails, tuple(common)


def _free(word: str, pivot: str, tails: dict[bytes, bytes]) -> bool:
    """Is the tail from this letter on not that of a literal of another family or length?"""
    tail = word[word.index(pivot) :]
    if len(tail) == 1 and len(word) > 4:
        return False  # kept for the many short ones of one family, which then cost one look together
    other = tails.get(tail.encode())
    return other is None or (len(other) == len(word) and FAMILY_OF.get(other) is FAMILY_OF.get(word.encode()))


TRIGGER, TAILS, COMMON = _trigger([*FAMILY_OF, *(literal.encode() for literal in _EXTRA)])
# Of what TRIGGER matches.
LONGEST = max(map(len, TAILS))

# What follows the secret-like word and makes it harmless: tokenFile, secret_name, credentials-path.
HARMLESS_SUFFIX = re.compile(
    rb"(?:name|namespace|ref|file|path|dir|type|ttl|expir\w*|seconds|length|len|size|count|policy|version|kind|status"
    rb"|state|issuer|class|mount\w*|provider|manager|store|affinity|bytes|limit|used|usage|rotat\w*|required|enabled)s?$",
    _I,
)
HARMLESS_VALUE = re.compile(rb"(?:|true|false|null|none|nil|undefined|redacted|\[redacted\]|\*+|x{3,}|-+)$", _I)
