"""The page in an object store: what was published there before, and each file put in its place, the memory last."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from stanch.cli.cluster import NOT_READABLE, USAGE, Trouble
from stanch.cli.status_page.files import MEMORY, memory
from stanch.cli.status_page.model import Outage
from stanch.shell.object_store import Keys, NotStored, ObjectStore

KINDS: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".xml": "application/atom+xml",
}
# Whoever looks again sees what is new within half a minute, and a rush of readers stays with what stands in front of the store.
CACHE: Final = "public, max-age=30"


def store_at(url: str, now: Callable[[], datetime], environment: Mapping[str, str] = os.environ) -> ObjectStore:
    """With the keys that AWS' own tools take from the environment. Raises Trouble."""
    name, secret = (environment.get(key, "").strip() for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    if not name or not secret:
        raise Trouble("--push needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment", USAGE)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return ObjectStore(url, Keys(name, secret, region, environment.get("AWS_SESSION_TOKEN", "").strip()), now)


async def published(store: ObjectStore, url: str) -> list[Outage]:
    """What is there. Raises Trouble."""
    try:
        raw = await store.get(MEMORY)
    except NotStored as error:
        raise Trouble(f"what was published before can't be read: {error}", NOT_READABLE) from error
    return [] if raw is None else memory(raw, f"{url}/{MEMORY}")


async def push(store: ObjectStore, files: Mapping[str, str]) -> None:
    """Each of them, in order: what is linked to is there before the link. Raises Trouble."""
    for name, text in files.items():
        kind = KINDS[PurePosixPath(name).suffix]
        try:
            await store.put(name, text.encode(), {"Content-Type": kind, "Cache-Control": CACHE})
        except NotStored as error:
            raise Trouble(f"not all of the page is published: {error}", NOT_READABLE) from error
