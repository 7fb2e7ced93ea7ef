"""Termination messages that the kubelet cut: what the cut went through is left away, and all else stays."""

import copy

import pytest

from build import pod
from stanch.evidence.last_words import CUT_FROM, LEFT_AWAY, whole
from stanch.evidence.redact import Redactor

LINE = "FATAL: cannot open shard 7\n"
TAIL = "K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("", ""),
        (LINE * 3, LINE * 3),
        (TAIL + "\n" + LINE * 100, LEFT_AWAY + "\n" + LINE * 100),
        ("x" * CUT_FROM, LEFT_AWAY),
        ("\ufffd" * CUT_FROM + "\n" + LINE, LEFT_AWAY + "\n" + LINE),
    ],
)
def test_only_what_was_cut_loses_its_beginning(message, kept):
    """A line, or all of it where there is one line only."""
    assert kept == whole(message)


@pytest.mark.parametrize("where", ["state", "lastState"])
@pytest.mark.parametrize("which", ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"])
def test_half_a_secret_is_in_no_object(where, which):
    """Whichever container it was, now or the time before; the original is not touched."""
    crashed = pod("h2", crashing=True)
    ended = {"terminated": {"exitCode": 1, "message": TAIL + "\n" + LINE * 100}}
    crashed["status"][which] = [{**crashed["status"]["containerStatuses"][0], where: ended}]
    before = copy.deepcopy(crashed)
    cleaned = Redactor(b"key").clean(crashed)
    assert TAIL not in str(cleaned)
    assert LINE in cleaned["status"][which][0][where]["terminated"]["message"]
    assert before == crashed
