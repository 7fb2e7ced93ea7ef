"""What is rendered ahead changes nothing but the time it takes."""

from datetime import timedelta

from build import T0
from evidence.sample import KEY, SHOP, crash, pod, world
from stanch.api.evidence import Purpose
from stanch.api.meta import Severity
from stanch.core.observations import Observations
from stanch.core.ports import CaptureRequest
from stanch.core.questions import Logs
from stanch.evidence.collector import EvidenceCollector

REQUEST = CaptureRequest(
    "checkout-5xx", "uid", "shop", Severity.SEV1, (SHOP,), Purpose.BEFORE, "x", None, None, T0, timedelta(seconds=5)
)


def _before_the_logs(seen):
    return Observations(answers={q: a for q, a in seen.answers.items() if not isinstance(q, Logs)})


def test_a_prepared_capture_is_the_same_to_the_byte():
    """Rendered while the logs were on their way, or at once: one digest."""
    bad = crash("b")
    bad["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "hunter2"}]
    seen, collector = world(pod("a"), bad, log="password=hunter2\n"), EvidenceCollector(KEY)
    collector.prepare("uid", (SHOP,), _before_the_logs(seen), Severity.SEV1, T0)
    at_once, ahead = EvidenceCollector(KEY).capture(REQUEST, seen), collector.capture(REQUEST, seen)
    assert at_once.sha256 == ahead.sha256
    assert at_once.body == ahead.body
    assert {"env", "value"} == {each["name"] for each in ahead.body["spec"]["families"]}


def test_what_was_prepared_of_other_answers_is_not_used():
    """An object that was read again is rendered again."""
    old, new, collector = world(pod("a")), world(pod("a"), crash("b")), EvidenceCollector(KEY)
    collector.prepare("uid", (SHOP,), _before_the_logs(old), Severity.SEV1, T0)
    assert EvidenceCollector(KEY).capture(REQUEST, new).sha256 == collector.capture(REQUEST, new).sha256
