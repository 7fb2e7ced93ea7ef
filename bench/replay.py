"""
The peer: the operator's own requests, recorded once, sent again for another case in the same parallel groups.

What is told apart between cases (namespace, uids, pods, ids) is replaced before the clock starts, by words of the same
length; only the uid and version of the object that the replay itself creates come in while it runs.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.api import Api, BenchError, Said
from bench.hops import Hop, Note, is_effect, is_log
from bench.workload import Case
from stanch.api.names import Label
from stanch.shell.observe import LOGS_PER_NODE

_VERSION: Final = re.compile(r'("resourceVersion":")(\d+)(")')


@dataclass(frozen=True, slots=True)
class Names:
    """What differs between two cases."""

    case: Case
    incident_uid: str
    entry: str = ""

    def words(self) -> list[str]:
        """In an order that fits another's."""
        return [self.case.namespace, self.case.uid, *self.case.pods, *([self.entry] if self.entry else [])]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was recorded, and for which case."""

    names: Names
    action: str
    hops: tuple[Hop, ...]


def record(names: Names, hops: Sequence[Hop]) -> Recipe:
    """A recipe out of one run of the operator."""
    effect = next(note for hop in hops for note in hop.requests if is_effect(note))
    found = re.search(rf'"{re.escape(Label.ACTION)}":"([0-9a-f]{{16}})"', effect["body"])
    found = found or re.search(r'stanch\.dev~1action","value":"([0-9a-f]{16})"', effect["body"])
    if found is None:
        raise BenchError(f"the recorded effect carries no action id: {effect['body'][-300:]}")
    return Recipe(names, found[1], tuple(hops))


def rewrite(recipe: Recipe, to: Names) -> tuple[Hop, ...]:
    """The recipe for another case; its incident's uid stays the recorded one until it is known."""
    if len(recipe.names.words()) != len(to.words()):
        raise BenchError(f"cases differ: {recipe.names.words()} and {to.words()}")
    swaps = list(zip(recipe.names.words(), to.words(), strict=True))
    swaps.append((recipe.action, uuid.uuid4().hex[:16]))

    def swap(text: Any) -> Any:
        if isinstance(text, str):
            for old, new in swaps:
                text = text.replace(old, new)
        return text

    return tuple(
        Hop(tuple(note | {"url": swap(note["url"]), "body": swap(note["body"])} for note in hop.requests))
        for hop in recipe.hops
    )


def bind(hop: Hop, old_uid: str, made: dict[str, Any]) -> Hop:
    """Put in the uid and the version of the Incident that is written to."""
    meta = made["metadata"]

    def known(note: Note) -> Note:
        body = note["body"]
        if body is None:
            return note
        body = body.replace(old_uid, meta["uid"])
        if note["url"].split("?")[0].endswith("/status"):
            body = _VERSION.sub(rf"\g<1>{meta['resourceVersion']}\g<3>", body, count=1)
        return note | {"body": body}

    return replace(hop, requests=tuple(known(note) for note in hop.requests))


async def play(api: Api, recipe: Recipe, hops: Sequence[Hop], made: dict[str, Any]) -> list[float]:
    """
    Hop after hop, each when all of the one before is answered: how long each took. BenchError when one went otherwise.

    A node is asked for as many logs at a time as the operator asks: the same parallel groups, not wider ones.
    """
    took, node = [], asyncio.Semaphore(LOGS_PER_NODE)

    async def send(note: Note) -> Said:
        async with node if is_log(note) else nullcontext():
            return await api.send(note["method"], note["url"], note["body"], note.get("content_type"), note["accept"])

    for hop in hops:
        ready = bind(hop, recipe.names.incident_uid, made)
        began = time.perf_counter()
        answers = await asyncio.gather(*(send(note) for note in ready.requests))
        took.append(time.perf_counter() - began)
        for note, said in zip(ready.requests, answers, strict=True):
            if said.status // 100 != note["status"] // 100:
                text = said.raw[:500].decode(errors="replace")
                raise BenchError(
                    f"replayed {note['method']} {note['url']}: {said.status}, not {note['status']}: {text}"
                )
    return took
