"""Secrets by reference: of one namespace, of types that are meant to be sent, read anew when rotated, and never shown."""

import asyncio
import base64
import logging
from typing import Any

import pytest
from pydantic import ValidationError

from stanch.api.secret_refs import Missing, SecretRef
from stanch.shell.client import Reply, Unanswered
from stanch.shell.secret_refs import KEPT_MAX, KEPT_SECONDS, MISSING_SECONDS, SecretRefs

REF = SecretRef(name="slack", key="token")


def there(value: str = "hush-1", kind: str = "Opaque", key: str = "token") -> Reply:
    """A Secret as the API server gives it."""
    return Reply(200, {"type": kind, "data": {key: base64.b64encode(value.encode()).decode()}})


class Kube:
    """Answers with ``answer``, and counts."""

    def __init__(self, answer: Reply | Exception) -> None:
        self.answer, self.paths = answer, list[str]()

    async def get(self, path: str) -> Reply:
        self.paths.append(path)
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made(answer: Reply | Exception) -> tuple[Any, Kube, Clock]:
    """All that a test needs."""
    kube, clock = Kube(answer), Clock()
    refs: Any = SecretRefs(kube, clock)  # type: ignore[arg-type]  # as much of a Kube as is used
    return refs, kube, clock


async def test_it_is_read_in_the_operators_namespace_and_once_for_all_who_ask() -> None:
    """Without the newline that `echo` leaves."""
    refs, kube, _ = made(there("hush-1\n"))
    assert {"hush-1"} == set(await asyncio.gather(*(refs.secret_value(REF) for _ in range(20))))
    assert ["/api/v1/namespaces/stanch-system/secrets/slack"] == kube.paths


async def test_a_rotated_one_is_read_anew() -> None:
    """After half a minute by itself; at once when it was refused where it was sent."""
    refs, kube, clock = made(there("old"))
    assert "old" == await refs.secret_value(REF)
    kube.answer = there("new")
    assert "old" == await refs.secret_value(REF)
    clock.now = KEPT_SECONDS
    assert "new" == await refs.secret_value(REF)
    kube.answer = there("newer")
    refs.forget("slack")
    assert "newer" == await refs.secret_value(REF)


async def test_one_that_is_made_is_seen_soon() -> None:
    """The words name it; nobody waits half a minute for what they have made."""
    refs, kube, clock = made(Reply(404, {"message": "not found"}))
    assert Missing("Secret stanch-system/slack is not there") == await refs.secret_value(REF)
    kube.answer, clock.now = there(), MISSING_SECONDS
    assert "hush-1" == await refs.secret_value(REF)


@pytest.mark.parametrize("hard", [Unanswered("GET"), Reply(429, {}), Reply(503, {})], ids=["silence", "429", "503"])
async def test_while_nobody_can_say_the_last_one_counts(hard: Reply | Exception) -> None:
    """An API server that has a hard time silences no channel; without a last one it is missing for now."""
    refs, kube, clock = made(hard)
    missing = await refs.secret_value(REF)
    assert isinstance(missing, Missing)
    assert missing.passing
    kube.answer, clock.now = there(), MISSING_SECONDS
    assert "hush-1" == await refs.secret_value(REF)
    kube.answer, clock.now = hard, clock.now + KEPT_SECONDS
    assert "hush-1" == await refs.secret_value(REF)


async def test_one_that_is_gone_or_forbidden_counts_no_more() -> None:
    """The API server said so."""
    for no in (Reply(404, {}), Reply(403, {"message": "forbidden"})):
        refs, kube, clock = made(there())
        await refs.secret_value(REF)
        kube.answer, clock.now = no, KEPT_SECONDS
        missing = await refs.secret_value(REF)
        assert isinstance(missing, Missing)
        assert not missing.passing


@pytest.mark.parametrize(
    "kind", ["stanch.dev/undo", "stanch.dev/redaction-key", "kubernetes.io/service-account-token", "helm.sh/release.v1"]
)
async def test_what_was_not_made_to_be_sent_is_not_sent(kind: str) -> None:
    """Who writes a ResponsePolicy may not read Secrets by that."""
    refs, _, _ = made(there(kind=kind))
    missing = await refs.secret_value(REF)
    assert isinstance(missing, Missing)
    assert f"is of type {kind}" in missing.why


@pytest.mark.parametrize("name", ["../../kube-system/secrets/x", "..", "", "a/b", "a?x=1", "A", "x" * 254, "a\n"])
async def test_a_name_leads_nowhere_else(name: str) -> None:
    """Nothing is asked; and a reference can't be made of it."""
    refs, kube, _ = made(there())
    missing = await refs.values(name)
    assert isinstance(missing, Missing)
    assert [] == kube.paths
    with pytest.raises(ValidationError):
        SecretRef(name=name, key="token")


async def test_what_is_missing_says_which_key() -> None:
    """What is no text is not there either."""
    refs, kube, clock = made(there(key="other"))
    assert Missing("Secret stanch-system/slack has no key token") == await refs.secret_value(REF)
    kube.answer, clock.now = Reply(200, {"type": "Opaque", "data": {"token": "gICA"}}), KEPT_SECONDS
    assert Missing("Secret stanch-system/slack has no key token") == await refs.secret_value(REF)


async def test_no_value_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a log nor in words for what holds it; and what is kept has a bound."""
    caplog.set_level(logging.DEBUG)
    refs, kube, _ = made(there("hush-77"))
    for n in range(KEPT_MAX + 5):
        await refs.values(f"s{n}")
    assert "hush-77" not in caplog.text + repr(refs) + repr(refs._kept)
    before = len(kube.paths)
    await refs.values("s0")
    assert before + 1 == len(kube.paths)
