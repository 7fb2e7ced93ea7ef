"""The first thing a start asks for: an API server that has a hard time is asked again, one that says no is believed."""

import base64
from typing import Any

import pytest

from stanch.shell import redaction_key as module
from stanch.shell.client import Reply, Unanswered
from stanch.shell.redaction_key import TRIES, redaction_key

THERE = Reply(200, {"data": {"key": base64.b64encode(b"k" * 32).decode()}})


class Kube:
    """Answers in this order, and the last one for ever."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers, self.asked, self.made = list(answers), 0, 0

    async def get(self, path: str) -> Reply:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def create(self, path: str, body: dict[str, Any]) -> Reply:
        self.made += 1
        return Reply(201, body)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize("hard", [Unanswered("GET"), Reply(503, {}), Reply(429, {})], ids=["silence", "503", "429"])
async def test_a_start_waits_for_an_api_server_that_has_a_hard_time(hard: Reply | Exception) -> None:
    """Rather than end, and come back after the kubelet's back-off."""
    kube = Kube(hard, hard, THERE)
    assert await redaction_key(kube) == b"k" * 32
    assert (kube.asked, kube.made) == (3, 0)


async def test_it_is_made_where_there_is_none() -> None:
    """Once."""
    kube = Kube(Reply(404, {}), THERE)
    assert await redaction_key(kube) == b"k" * 32
    assert (kube.asked, kube.made) == (2, 1)


async def test_a_no_is_believed() -> None:
    """Without rights it is as true the next time; the error names the Secret and the remedy."""
    kube = Kube(Reply(403, {"message": "forbidden"}))
    with pytest.raises(RuntimeError, match=r"stanch-redaction-key can't be read: forbidden; is the RBAC installed"):
        await redaction_key(kube)
    assert kube.asked == 1


@pytest.mark.parametrize(("silent", "error"), [(Unanswered("GET"), Unanswered), (Reply(500, {}), RuntimeError)])
async def test_it_does_not_wait_for_ever(silent: Reply | Exception, error: type[Exception]) -> None:
    """Who started it by hand wants to hear it."""
    kube = Kube(silent)
    with pytest.raises(error):
        await redaction_key(kube)
    assert kube.asked == TRIES
