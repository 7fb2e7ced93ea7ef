"""Each incident has masks of its own: equal in all that is kept of it, and never those of another (decisions 1.3 no. 40)."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from build import T0
from evidence.sample import KEY, SHOP, crash, deployment, world
from stanch.api.evidence import Purpose
from stanch.api.meta import Severity
from stanch.core.observations import Failed, Found, Observations
from stanch.core.ports import CaptureRequest, Stage
from stanch.core.questions import Logs
from stanch.evidence.collector import EvidenceCollector
from stanch.evidence.compare import compare
from stanch.evidence.opened import opened
from stanch.evidence.redact import incident_key, token

SECRET = "hunter2S3cr3tV4lue"
REQUEST = CaptureRequest(
    "checkout-5xx", "uid-1", "shop", Severity.SEV1, (SHOP,), Purpose.BEFORE, "x", None, None, T0, timedelta(seconds=5)
)
ANOTHER = replace(REQUEST, incident="search-5xx", incident_uid="uid-2")
TOKEN = re.compile(rb"\*\*\*[a-z]+:([0-9a-f]{8})\*\*\*")


def seen() -> Observations:
    """One secret in an object's variable, in the log that tells why it fails, and in what was rolled out."""
    bad = crash("b")
    bad["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": SECRET}]
    return world(bad, log=f"FATAL: no login with password={SECRET}\n", target=Found(deployment()))


def tokens(captured) -> set[str]:
    """All digests that stand in a bundle, besides the example on its first page, and in the line that the record quotes."""
    inside = {name: content for name, content in opened(captured.body).files.items() if name != "README.txt"}
    text = b"".join([*inside.values(), captured.excerpt.encode()])
    return {match.decode() for match in TOKEN.findall(text)}


def digest(uid: str) -> set[str]:
    """What the secret is in this incident."""
    return {token("env", SECRET.encode(), incident_key(KEY, uid)).decode().strip("*").removeprefix("env:")}


@pytest.mark.parametrize(
    "request_",
    [
        REQUEST,
        replace(REQUEST, purpose=Purpose.AFTER),
        replace(REQUEST, stage=Stage.FIRST),
        replace(REQUEST, stage=Stage.REST),
    ],
    ids=["whole", "after", "part a", "part b"],
)
def test_one_secret_is_one_token_in_all_of_an_incident(request_):
    """Before and after, in both parts and in the record's own line; after a restart and in the other replica, too."""
    captured = [EvidenceCollector(KEY).capture(request_, seen()) for _ in range(2)]
    assert tokens(captured[0]) == tokens(captured[1])
    assert tokens(captured[0]) <= digest("uid-1")
    assert request_.stage is Stage.REST or digest("uid-1") == tokens(captured[0])
    assert SECRET not in captured[0].excerpt


def test_the_line_in_the_record_has_the_token_of_the_bundle():
    """So that who reads `why` in the record finds it in the log."""
    captured = EvidenceCollector(KEY).capture(REQUEST, seen())
    assert digest("uid-1") == {match.decode() for match in TOKEN.findall(captured.excerpt.encode())}


def test_another_incident_has_another_token():
    """Who may read two incidents does not learn from their masks that one password is used in both."""
    collector = EvidenceCollector(KEY)
    first, second = (tokens(collector.capture(request, seen())) for request in (REQUEST, ANOTHER))
    assert digest("uid-2") == second
    assert not first & second


def test_what_changed_is_masked_as_the_bundles_are():
    """What the record quotes of a list that was refused: its token is the one of that incident."""
    answers = world(crash("b"), horizontalpodautoscalers=Failed(403, f"a webhook says password={SECRET}"))
    for uid in ("uid-1", "uid-2"):
        told = str(EvidenceCollector(KEY).what_changed(uid, (SHOP,), answers, None, T0))
        assert digest(uid) == {match.decode() for match in TOKEN.findall(told.encode())}
        assert SECRET not in told


def test_what_was_prepared_for_another_incident_is_not_used():
    """Both look at one Deployment: the files that are ready have the other one's masks."""
    collector, answers = EvidenceCollector(KEY), seen()
    before = Observations({q: a for q, a in answers.answers.items() if not isinstance(q, Logs)})
    collector.prepare("uid-1", (SHOP,), before, Severity.SEV1, T0)
    assert digest("uid-2") == tokens(collector.capture(ANOTHER, answers))
    assert digest("uid-1") == tokens(collector.capture(REQUEST, answers))


def test_before_and_after_of_an_incident_are_compared_with_their_masks():
    """The same secret is no difference, and another one is."""
    collector, changed = EvidenceCollector(KEY), seen()
    old = opened(collector.capture(REQUEST, changed).body)
    same = opened(collector.capture(replace(REQUEST, purpose=Purpose.AFTER), seen()).body)
    assert compare(old, same).alike
    other = crash("b")
    other["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "another"}]
    new = opened(collector.capture(replace(REQUEST, purpose=Purpose.AFTER), world(other)).body)
    found = [field.path for each in compare(old, new).objects for field in each.fields]
    assert ["spec.containers[app].env[DB_PASSWORD].value"] == found


def test_bundles_of_two_incidents_are_compared_without_their_masks():
    """What is masked in both may be the same or not: that is said, and not taken for a difference."""
    collector = EvidenceCollector(KEY)
    found = compare(*(opened(collector.capture(request, seen()).body) for request in (REQUEST, ANOTHER)))
    assert () == found.objects == found.texts
    assert ["these are of two incidents"] == [each.partition(",")[0] for each in found.problems]


def test_without_a_key_there_is_no_digest():
    """One without a key could be guessed, whatever it is made of."""
    assert b"" == incident_key(b"", "uid-1")
    assert set() == tokens(EvidenceCollector(b"").capture(REQUEST, seen()))
