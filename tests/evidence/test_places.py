"""Secrets that only their place gives away: behind `-p`, in a ConfigMap, in a variable of an odd name, in our own log."""

import json
import logging

import pytest

from evidence.sample import KEY
from stanch.evidence.redact import Redactor
from stanch.shell.log import Line

SECRET = "tr0ub4dor"


def cleaned(**container) -> str:
    """A pod with one container, without secrets, as JSON."""
    pod = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "app", **container}]}}
    return json.dumps(Redactor(KEY).clean(pod))


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["mysqldump", "-uroot", f"-p{SECRET}"]},
        {"command": ["/usr/bin/mysqladmin"], "args": ["ping", f"-p{SECRET}"]},
        {"livenessProbe": {"exec": {"command": ["mysqladmin", "ping", f"-p{SECRET}"]}}},
        {"lifecycle": {"preStop": {"exec": {"command": ["mariadb-admin", "shutdown", f"-p{SECRET}"]}}}},
        *(
            {"env": [{"name": name, "value": SECRET}]}
            for name in ("APP_KEY", "SMTP_PW", "STRIPE_KEY", "TOTP_SEED", "GIT_PAT")
        ),
    ],
    ids=lambda container: json.dumps(container)[:40],
)
def test_what_stands_there_is_masked(container):
    """The command says what `-p` means; the name of a variable ends in what it is."""
    shown = cleaned(**container)
    assert SECRET not in shown
    assert "***" in shown


def test_minus_p_of_another_command_is_no_password():
    """`app -port` and `mkdir -parents` are what they say."""
    assert "-port" in cleaned(command=["app", "-port", "8080"])
    assert "-parents" in cleaned(command=["mkdir", "-parents", "/x"])


def test_values_of_a_config_map_are_a_length_and_a_token():
    """Equal values, equal tokens: that a value of the same length was changed can be seen, and not what it is."""
    one = Redactor(KEY).clean({"kind": "ConfigMap", "data": {"a": "calm!", "b": "calm!", "c": "storm", "d": ""}})[
        "data"
    ]
    assert one["a"] == one["b"] != one["c"]
    assert one["a"].startswith("<5 characters, ***data:")
    assert "<0 characters>" == one["d"]
    assert (
        one
        == Redactor(KEY).clean({"kind": "ConfigMap", "data": {"a": "calm!", "b": "calm!", "c": "storm", "d": ""}})[
            "data"
        ]
    )
    assert one != Redactor(b"x" * 32).clean({"kind": "ConfigMap", "data": {"a": "calm!"}})["data"]


def test_a_number_of_a_document_stays_a_number():
    """Text in place of it would be no JSON; in a string it is masked."""
    card = "4111111111111111"
    text = f'{{"n":{card},"many":[{card},{card}],"said":"paid with {card}"}}'.encode()
    found = json.loads(Redactor(KEY).doc(text))
    assert (int(card), [int(card)] * 2) == (found["n"], found["many"])
    assert card not in found["said"]


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "logfmt"])
def test_our_own_log_shows_no_secret(as_json):
    """Whatever an exception quotes, or the API server says."""
    try:
        raise ValueError(f"postgres://app:{SECRET}@db/shop refused, password={SECRET}")
    except ValueError as error:
        record = logging.LogRecord("stanch", logging.ERROR, "", 0, "reconcile failed", (), (type(error), error, None))
    record.why = f'the server said {{"token":"{SECRET}"}}'
    line = Line(as_json).format(record)
    assert SECRET not in line
    assert "reconcile failed" in line
    if as_json:
        assert "refused" in json.loads(line)["error"]
