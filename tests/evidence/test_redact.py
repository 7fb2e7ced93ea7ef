"""Secrets do not get into evidence; ordinary text does, untouched."""

import json
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evidence.sample import KEY
from stanch.evidence.redact import LINE_MAX, Redactor, cut_lines, token

SECRET = "hunter2S3cr3tV4lue"
LEAKS = [
    "password=hunter2S3cr3tV4lue",
    "Password: hunter2S3cr3tV4lue",
    "db.password = 'hunter2S3cr3tV4lue'",
    '"password": "hunter2S3cr3tV4lue"',
    '{"level":"info","dbPassword":"a \\"hunter2S3cr3tV4lue"}',
    'msg="{\\"token\\":\\"hunter2S3cr3tV4lue\\"}"',
    "DB_PASSWORD=hunter2S3cr3tV4lue",
    "api_key: hunter2S3cr3tV4lue",
    "X-Api-Key: hunter2S3cr3tV4lue",
    "AWS_SECRET_ACCESS_KEY=hunter2S3cr3tV4lue",
    "AccountName=x;AccountKey=hunter2S3cr3tV4lue;EndpointSuffix=y",
    "Server=db;Uid=sa;Pwd=hunter2S3cr3tV4lue;",
    "secret => hunter2S3cr3tV4lue",
    "client_secret=hunter2S3cr3tV4lue&grant=x",
    "run --db-password hunter2S3cr3tV4lue --port 1",
    "run --token=hunter2S3cr3tV4lue",
    "\x1b[36mpassword\x1b[0m=\x1b[35mhunter2S3cr3tV4lue\x1b[0m",
    "Authorization: Bearer hunter2S3cr3tV4lue",
    "authorization: Basic hunter2S3cr3tV4lue",
    '"Authorization":"Bearer hunter2S3cr3tV4lue"',
    "Authorization:[Bearer hunter2S3cr3tV4lue]",
    'Authorization: Digest username="u", response="hunter2S3cr3tV4lue"',
    "got bearer hunter2S3cr3tV4lue from u",
    "Cookie: a=b; sid=hunter2S3cr3tV4lue",
    "Set-Cookie: sid=hunter2S3cr3tV4lue; Path=/",
    '{"cookie":"sid=hunter2S3cr3tV4lue"}',
    "postgres://app:hunter2S3cr3tV4lue@db:5432/shop",
    "amqp://app:p@hunter2S3cr3tV4lue@mq",
    "https://hunter2S3cr3tV4lue@github.com/x/y",
    "app:hunter2S3cr3tV4lue@tcp(db:3306)/shop",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIhunter2S3cr3tV4lue\nx==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\\nMIIhunter2S3cr3tV4lue\\n-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIhunter2S3cr3tV4lue",
    "hunter2S3cr3tV4lue\nabc==\n-----END PRIVATE KEY-----",
    "https://hooks.slack.com/services/T0/B0/hunter2S3cr3tV4lue",
    "sessionid=hunter2S3cr3tV4lue",
]
SHAPES = [
    "AKIAIOSFODNN7EXAMPLE",
    "ASIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1" * 18,
    "gho_" + "a1" * 18,
    "github_pat_" + "a1" * 20,
    "glpat-" + "a1" * 10,
    "xoxb-123456789012-abcdef",
    "AIza" + "a1" * 18,
    "sk_live_" + "a1" * 12,
    "rk_live_" + "a1" * 12,
    "npm_" + "a1" * 18,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.SflKxwRJSMeKKF2QT4",
]
ORDINARY = [
    'FATAL: password authentication failed for user "postgres"',
    'MountVolume.SetUp failed for volume "x" : secret "shop-db" not found',
    "Unexpected token } in JSON at position 3",
    "2026-11-21T11:00:00Z INFO my_app::auth::middleware: ready",
    "usage: tokens=153 max_tokens=4096",
    "tests passed: 12 failed: 0",
    "tokenizer: loaded",
    "author: bob, authority=shop",
    "secretName: shop-db",
    "tokenFile=/var/run/secrets/kubernetes.io/serviceaccount/token",
    "DB_PASSWORD:  <set to the key 'k' in secret 's'>  Optional: false",
    "GET http://localhost:8080/users/a@b.c 200",
    "git clone ssh://git@host/x",
    "auth: user bob logged in",
    "session closed: eof",
    "password: null",
    "key=value cache key: a/b",
    'Back-off pulling image "stanch.test/busybox:1"',
    "panic: runtime error: index out of range [3] with length 3",
    "\tat com.shop.Checkout.pay(Checkout.java:42)",
]


@pytest.mark.parametrize("text", LEAKS)
def test_a_secret_in_a_log_is_masked(text):
    """The name or the place gives it away."""
    masked = Redactor(KEY).log(f"before;\n{text}\nafter".encode()).decode()
    assert SECRET not in masked
    assert masked.startswith("before;")


@pytest.mark.parametrize("text", SHAPES)
def test_a_secret_with_a_shape_of_its_own_is_masked_anywhere(text):
    """No name is needed."""
    masked = Redactor(KEY).log(f"x {text} y".encode()).decode()
    assert re.fullmatch(r"x \*\*\*\w+:[0-9a-f]{8}\*\*\* y", masked)


@pytest.mark.parametrize("text", [*LEAKS, *SHAPES])
def test_a_secret_in_a_string_of_a_document_is_masked_and_it_stays_json(text):
    """An event's message, an annotation, a condition; as a value, and as JSON inside JSON."""
    document = json.dumps({"message": text, "list": [json.dumps({"inner": text}), "after"]}, ensure_ascii=False)
    masked = Redactor(KEY).doc(document.encode()).decode()
    assert text not in masked
    assert SECRET not in masked
    assert json.loads(masked)["list"][1] == "after"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_not_touched(text):
    """A mask where no secret is would hide the cause."""
    redactor = Redactor(KEY)
    assert text == redactor.log(text.encode()).decode()
    assert json.dumps([text]) == redactor.doc(json.dumps([text]).encode()).decode()
    assert redactor.count == 0


TEXTS = st.lists(
    st.sampled_from(
        [
            "password",
            '"',
            "\\",
            "'",
            "=",
            ":",
            "token",
            "://",
            "@",
            "Bearer ",
            "Cookie",
            "a",
            " ",
            "\n",
            ",",
            "--",
            "-----BEGIN PRIVATE KEY-----",
            "{",
            "auth",
        ]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=250, deadline=None)
@example(['Cookie"='])
@given(
    st.recursive(
        TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
    )
)
def test_a_document_stays_json_whatever_is_in_it(value):
    """Masks never leave the string they are in."""
    for ascii_only in (True, False):
        document = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
        json.loads(Redactor(KEY).doc(document.encode()))


def test_equal_values_give_equal_tokens_and_other_keys_other_tokens():
    """Correlation survives inside an incident, and not beyond it."""
    one, two = Redactor(KEY), Redactor(b"other")
    masked = one.log(b"password=abcdef\ntoken=abcdef\n").decode()
    digests = re.findall(r":([0-9a-f]{8})\*", masked)
    assert 2 == len(digests) == one.count
    assert digests[0] == digests[1]
    assert masked != two.log(b"password=abcdef\ntoken=abcdef\n").decode()


def test_without_a_key_a_token_has_no_digest():
    """An unkeyed digest of a short secret could be guessed."""
    assert token("value", b"secret", b"") == b"***value***"


def test_masking_again_changes_nothing():
    """Files made from what was masked can be masked too."""
    redactor = Redactor(KEY)
    once = redactor.log("\n".join(LEAKS).encode())
    assert once == redactor.log(once)


def container(**more):
    return {"name": "app", "env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "PORT", "value": "8080"}], **more}


STRUCTURES = [
    ("env", {"kind": "Pod", "spec": {"containers": [container()]}}),
    ("init env", {"kind": "Pod", "spec": {"initContainers": [container()]}}),
    ("template", {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container()]}}}}),
    (
        "revision",
        {"kind": "ControllerRevision", "data": {"spec": {"template": {"spec": {"containers": [container()]}}}}},
    ),
    (
        "cron job",
        {
            "kind": "CronJob",
            "spec": {
                "jobTemplate": {
                    "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}},
                    "spec": {"template": {"spec": {"containers": [container(args=["--db-password", SECRET])]}}},
                }
            },
        },
    ),
    (
        "route",
        {
            "kind": "HTTPRoute",
            "spec": {
                "rules": [
                    {"filters": [{"requestHeaderModifier": {"set": [{"name": "X-Api-Key", "value": SECRET}]}}]},
                ]
            },
        },
    ),
    (
        "jsonnet",
        {
            "kind": "Application",
            "spec": {"source": {"directory": {"jsonnet": {"tlas": [{"name": "dbPassword", "value": SECRET}]}}}},
        },
    ),
    ("flag", {"kind": "Pod", "spec": {"containers": [{"args": ["--db-password", SECRET, "--port", "1"]}]}}),
    ("flag=", {"kind": "Pod", "spec": {"containers": [{"command": ["x", f"--token={SECRET}"]}]}}),
    (
        "probe",
        {
            "kind": "Pod",
            "spec": {
                "containers": [
                    {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": SECRET}]}}}
                ]
            },
        },
    ),
    ("last applied", {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}}}),
    ("Secret", {"kind": "Secret", "data": {"k": SECRET}, "stringData": {"k": SECRET}}),
    ("ConfigMap", {"kind": "ConfigMap", "data": {"k": SECRET}}),
]


@pytest.mark.parametrize(("where", "obj"), STRUCTURES, ids=[where for where, _ in STRUCTURES])
def test_structure_gives_secrets_away(where, obj):
    """Before anything is formatted; the original stays as it is, for a rollback reads it."""
    before = json.dumps(obj)
    cleaned = json.dumps(Redactor(KEY).clean(obj))
    assert SECRET not in cleaned
    assert before == json.dumps(obj)


def test_what_is_no_secret_stays_in_the_structure():
    """Ports, images and ordinary arguments are what one looks for."""
    obj = {
        "kind": "Pod",
        "spec": {"containers": [{"args": ["--port", "8080", "serve"], "env": [{"name": "PORT", "value": "1"}]}]},
    }
    assert obj == Redactor(KEY).clean(obj)


def test_a_value_beside_a_secret_name_is_masked_once_and_all_else_is_shared():
    """Not the token of a token; a value that has structure, and one of another name, stay."""
    others = [{"name": "tokens", "value": {"max": 5}}, {"name": "X-Trace", "value": "on"}]
    obj = {"kind": "Pod", "spec": {"containers": [container()], "rules": others}}
    redactor = Redactor(KEY)
    cleaned = redactor.clean(obj)
    assert 1 == redactor.count
    assert cleaned["spec"]["rules"] is others
    assert token("env", SECRET.encode(), KEY).decode() == cleaned["spec"]["containers"][0]["env"][0]["value"]


def test_long_lines_are_cut_before_patterns_see_them_and_it_is_said():
    """16 KiB a line."""
    text, dropped = cut_lines(b"a\n" + b"x " * (LINE_MAX // 2) + b"y" * 100 + b"\nb")
    assert dropped == 101
    assert b"x [101 bytes of this line left away]\nb" in text


HOSTILE = [
    "eyJ",
    "pass",
    'password="',
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "://a:",
    "@tcp(",
    "cookie: ",
    "--password ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_time_in_proportion(piece):
    """No pattern runs away: a quarter MiB of the worst line after line is done well within a second or two."""
    line = (piece * 16_000)[:16_000].encode()
    begin = time.process_time()
    Redactor(KEY).log(b"\n".join([line] * 16))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "before", ["\n", "a\\\n", "\u00e9", "\t", "C:\\"], ids=["line", "backslash", "letter", "tab", "path"]
)
def test_base64_after_an_escape_leaves_json_that_can_be_read(before):
    """The letters of an escape are letters of base64 as well: masked with it, the document would be none."""
    doc = json.dumps({"said": f"{before}cGFzc3dvcmQ9aHVudGVyMlMzY3IzdFY0bHVl"}).encode()
    masked = json.loads(Redactor(KEY).doc(doc))["said"]
    assert "base64" in masked
    assert "cGFzc3dvcmQ9" not in masked
