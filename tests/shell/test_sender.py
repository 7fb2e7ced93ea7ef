"""What is known of a sender: asked once, believed for a while, and no longer than the token itself lives."""

import asyncio
import base64
import json
from typing import Any

import pytest

from build import T0
from stanch.api.names import ALERTS_AUDIENCE
from stanch.shell.client import Reply
from stanch.shell.sender import NO_SECONDS, YES_SECONDS, Senders, Unknown, seconds_left


class Kube:
    """Knows every token but "guess", and counts."""

    def __init__(self) -> None:
        self.clock, self.reviews = self, 0

    def now(self) -> Any:
        return T0

    async def create(self, path: str, obj: dict[str, Any]) -> Reply:
        self.reviews += 1
        await asyncio.sleep(0)
        known = obj["spec"].get("token") != "guess"
        return Reply(
            201, {"status": {"authenticated": known, "audiences": [ALERTS_AUDIENCE], "user": {"username": "am"}}}
        )


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def token(**claims: Any) -> str:
    """A JWT; nobody here looks at its signature."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.sig"


@pytest.mark.parametrize(
    ("left", "seconds"),
    [(10, 10), (600, YES_SECONDS), (-5, 0), (None, YES_SECONDS)],
    ids=["soon", "later", "over", "-"],
)
async def test_a_token_is_believed_for_a_while_and_never_past_its_end(left: int | None, seconds: float) -> None:
    """A minute, or less when it ends sooner."""
    kube, clock = Kube(), Clock()
    senders = Senders(kube, clock)  # type: ignore[arg-type]  # as much of a Kube as is used
    said = token() if left is None else token(exp=int(T0.timestamp()) + left)
    await asyncio.gather(*(senders.who(said) for _ in range(20)))
    assert 1 == kube.reviews
    clock.now = seconds - 0.5
    await senders.who(said)
    clock.now = seconds
    before = kube.reviews
    await senders.who(said)
    assert before + 1 == kube.reviews


async def test_a_no_is_asked_again_soon() -> None:
    """Whoever was given the right does not wait for a minute."""
    kube, clock = Kube(), Clock()
    senders = Senders(kube, clock)  # type: ignore[arg-type]  # as much of a Kube as is used
    for clock.now in (0.0, NO_SECONDS - 0.5, NO_SECONDS):
        with pytest.raises(Unknown):
            await senders.who("guess")
    assert 2 == kube.reviews


@pytest.mark.parametrize(
    "odd", ["", "a.b", "..", "a.!.c", token(exp="x"), token(exp=None), token(), "a." + "W" * 4000 + ".c"]
)
def test_what_says_no_end_has_none(odd: str) -> None:
    """The API server decides what a token is; this never raises."""
    assert float("inf") == seconds_left(odd, T0)
