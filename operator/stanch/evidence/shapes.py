"""
Secrets that their makers gave a shape of their own, so that they can be found without a name beside them, and those that the
command before them gives away. Literals in lower case, and patterns as evidence/patterns.py has them: anchored, and bounded.
"""

from typing import Final

VENDOR_LITERALS: Final = (
    "hvs. hvb. hvr. dop_v1_ doo_v1_ dor_v1_ shpat_ shpss_ shpca_ shppa_ glsa_ glc_ lin_api_ hf_ dckr_pat_ dckr_oat_ pypi- sg."
    " age-secret-key- xapp- sk- glrt- glptt- glcbt- /api/webhooks/ telegram.org/bot gocspx- whsec_ nrak- pmak- pscale_ dapi"
    " dp.pt. dp.st. atatt3 sntrys_ sntryu_ rubygems_"
    " tskey-auth- tskey-api- tskey-client- pul- sbp_ gsk_ sq0atp- sq0csp- akcp .atlasv1. 8q~"
)
VENDORS: Final = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:hv[sbr]\.[\w-]{20,512}+|do[por]_v1_[0-9a-f]{40,128}+"
    r"|shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32,64}+|glsa_\w{20,128}+|glc_[\w+/-]{20,512}+=*|lin_api_\w{20,128}+"
    r"|hf_[A-Za-z0-9]{20,128}+|dckr_[po]at_[\w-]{20,128}+|pypi-[\w-]{40,512}+|SG\.[\w-]{16,64}+\.[\w-]{16,128}+"
    r"|AGE-SECRET-KEY-1[0-9A-Z]{50,80}+|xapp-[\w-]{20,255}+|sk-(?:[a-z]{2,12}-)?[\w-]{20,255}+"
    r"|gl(?:rt|ptt|cbt)-[\w.-]{16,255}+|GOCSPX-[\w-]{20,64}+|whsec_[\w+/=]{20,128}+|NRAK-[A-Z0-9]{20,64}+"
    r"|PMAK-[0-9a-f-]{20,128}+|pscale_(?:tkn|pw|oauth)_[\w.-]{20,128}+|dapi[0-9a-f]{32}(?:-\d)?+"
    r"|dp\.[ps]t\.[\w.-]{20,128}+|ATATT3[\w=-]{40,512}+|sntry[su]_[\w+/=-]{20,512}+|rubygems_[0-9a-f]{32,64}+"
    r"|tskey-(?:auth|api|client)-[\w-]{16,128}+|pul-[0-9a-f]{40}|sbp_[0-9a-f]{32,64}+|gsk_[A-Za-z0-9]{32,128}+"
    r"|sq0(?:atp|csp)-[\w-]{20,64}+|AKCp[A-Za-z0-9]{60,128}+)"
    r"|(?<=[A-Za-z0-9]{14})\.atlasv1\.(?P<c>[\w=-]{40,128}+)|(?<=[\w~.-]{3})8Q~(?P<d>[\w~.-]{30,40}+)"
    r"|/api/webhooks/\d{5,32}+/(?P<a>[\w-]{20,128}+)|telegram\.org/bot(?P<b>\d{5,16}+:[\w-]{20,64}+)"
)
# The secret of an access key has no shape of its own, but often follows the key on its line.
AWS: Final = r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])(?:[ \t,:;|/]{1,4}+[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?"

# What is packed can't be looked into: Helm's releases, archives, layers; once or twice in base64.
PACKED_LITERALS: Final = "h4si sdrzsu ueksdb kluv/"
PACKED: Final = r"(?<![A-Za-z0-9+/])(?:H4sI|SDRzSU|UEsDB|KLUv/)[A-Za-z0-9+/_-]{28,}+={0,2}"

TOOL_LITERALS: Final = (
    *(
        "mysql",
        "mariadb",
        "sshpass -",
        "mongo",
        "redis-cli",
        "ldapsearch",
        "ldapmodify",
        "ldapwhoami",
        "sqlcmd",
        "sqlplus",
    ),
    *("docker login", "podman login", "buildah login", "skopeo login"),
)
# Options of one command line before the one that matters, at most twenty.
_OPTIONS: Final = r"(?:[ \t]+(?!{flag})(?:[^\s\"'\\|;&]{{1,200}}+|'[^'\"\n\\]{{0,200}}+')){{0,20}}?[ \t]+{flag}"
_WORD: Final = r"[\"']?(?P<{group}>(?![-$;|&])[^\s\"'\\]{{1,256}}+)"


def _option(program: str, flag: str, joint: str, group: str) -> str:
    return rf"{program}(?=[ \t]){_OPTIONS.format(flag=flag)}{joint}{_WORD.format(group=group)}"


TOOLS: Final = "|".join(
    (
        _option(
            r"(?:mysql|mariadb)[\w.-]{0,16}+", "-p", "", "a"
        ),  # the password is the rest of the word, or is asked for
        _option(r"(?:sshpass|mongo[\w.-]{0,16}+|(?:docker|podman|buildah|skopeo)[ \t]login)", "-p", "[ =]?", "b"),
        _option(r"redis-cli", "-a", "[ =]?", "c"),
        _option(r"ldap\w{2,16}+", "-w", "[ =]?", "d"),
        r"sqlplus(?:[ \t]+-\w{1,8}+){0,4}[ \t]+[\"']?[\w$#]{1,64}+/(?P<e>[^\s@\"'\\/]{1,128}+)(?=@|[ \t]|$)",
        _option(r"sqlcmd", "-P", "[ =]?", "f"),
    )
)
SQL_LITERALS: Final = ("identified by", "identified with")
SQL: Final = (
    r"identified(?:[ \t]with[ \t]+\S{1,64}+)?[ \t]+by[ \t]+(?:password[ \t]+)?"
    r"(?:'(?P<a>[^'\"\\\n]{1,256}+)|\\{0,3}\"(?P<b>[^\"'\\\n]{1,256}+))"
)
SETTING_LITERALS: Final = ("requirepass ", "masterauth ")
SETTING: Final = r"(?:requirepass|masterauth)[ \t:=]{1,8}+[\"']?(?P<a>[^\s\"'\\]{1,512}+)"
# host:port:database:user:password, as in a .pgpass.
PGPASS: Final = r":5432:[^\s:\"'\\]{1,64}+:[^\s:\"'\\]{1,64}+:(?P<a>[^\s\"'\\]{1,256}+)"
# Sessions, teams' webhooks, what a client of SMTP says first, and `pw` in the settings of LDAP.
LOGIN_LITERALS: Final = (
    "phpsessid=",
    "connect.sid=",
    "webhookb2/",
    "auth plain ",
    "auth login ",
    "bindpw",
    "rootpw",
    "pw=",
)
LOGIN: Final = (
    r"(?:phpsessid|connect\.sid)=(?P<a>[\w%.~+/=-]{8,1024}+)|webhookb2/(?P<b>[^\s\"'\\]{16,512}+)"
    r"|auth (?:plain|login) (?P<c>[A-Za-z0-9+/]{8,1024}+={0,2})"
    r"|(?:bindpw|rootpw)[ \t:=]{1,8}+[\"']?(?P<e>[^\s\"'\\]{1,512}+)|(?<![A-Za-z0-9])pw=[\"']?(?P<f>[^\s\"'\\&]{1,512}+)"
)
