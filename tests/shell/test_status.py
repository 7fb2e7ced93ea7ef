"""The one writer of status: a patch of what changed, on the version that was decided on."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0, Json, incident, stamp
from stanch.api.incident import Incident
from stanch.shell.client import Reply
from stanch.shell.status import OVERTAKEN_MAX, StatusConflict, changes, write_status

JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def merge(target, patch):
    """RFC 7386, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@given(old=OBJECT, new=OBJECT)
def test_a_merge_patch_of_the_changes_gives_the_new_status(old, new):
    """Whatever stood there and whatever shall stand there."""
    assert new == merge(old, changes(old, new))


@given(old=OBJECT)
def test_nothing_changed_is_an_empty_patch(old):
    """No write without a difference."""
    assert {} == changes(old, old)


# --- overtaken by alerts ---------------------------------------------------------------------------------------------


class Overtaking:
    """An API server at which ``writes`` of somebody else come between, one before each try."""

    def __init__(self, stored: Incident, *writes: Incident) -> None:
        self.stored, self.writes, self.tries = stored, list(writes), 0

    async def get(self, path: str) -> Reply:
        return Reply(200, self.stored.wire())

    async def patch(self, path: str, body: str, content_type: str) -> Reply:
        self.tries += 1
        if self.writes:
            version = str(int(self.stored.metadata.resource_version) + 1)
            self.stored = changed(self.writes.pop(0), resource_version=version)
        said = json.loads(body)
        if said["metadata"]["resourceVersion"] != self.stored.metadata.resource_version:
            return Reply(409, {"message": "the object has been modified"})
        return Reply(200, merge(self.stored.wire(), {"status": said["status"]}))


def changed(made: Incident, **meta: object) -> Incident:
    """With other metadata."""
    return made.model_copy(update={"metadata": made.metadata.model_copy(update=meta)})


def told(more: int, **spec: object) -> Incident:
    """An incident whose alerts were told so often."""
    group = {"key": "0" * 16, "alerts": [], "receivedTime": stamp(T0), "more": more}
    return incident(alertGroup=group, **spec)


SAID = {"phase": "Triaged"}


async def test_what_alerts_say_meanwhile_holds_up_no_status() -> None:
    """In a storm they are told faster than a look takes; the alerts stay as they were told."""
    kube = Overtaking(told(1), told(2), told(3))
    body = await write_status(kube, told(1), SAID)
    assert (3, "Triaged") == (body["spec"]["alertGroup"]["more"], body["status"]["phase"])
    assert 3 == kube.tries


async def test_what_a_watch_has_told_costs_no_second_try() -> None:
    """The version that is known by then is written on."""
    newer = changed(told(2), resource_version="101")
    kube = Overtaking(newer)
    body = await write_status(kube, told(1), SAID, newer.wire())
    assert (2, 1) == (body["spec"]["alertGroup"]["more"], kube.tries)


@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [
        (told(2, title="Another"), SAID),
        (told(2, severity="SEV3"), SAID),
        (changed(told(2), uid="another"), SAID),
        (changed(told(2), labels={"stanch.dev/closed": ""}), SAID),
        (told(1), SAID),
        (told(2), {"times": {"declared": stamp(T0), "resolved": stamp(T0)}}),
        (told(2), {"times": {"declared": stamp(T0), "closed": stamp(T0)}}),
    ],
    ids=["a word", "a severity", "another of its name", "a label", "nothing that is seen", "it resolves", "it closes"],
)
async def test_whatever_else_is_written_meanwhile_is_looked_at_first(meanwhile: Incident, status: Json) -> None:
    """And whether it is over is never said past what alerts say: a new one must find it open, or make another."""
    kube = Overtaking(told(1), meanwhile)
    with pytest.raises(StatusConflict):
        await write_status(kube, told(1), status)
    assert 1 == kube.tries
    known = changed(meanwhile, resource_version="101")
    with pytest.raises(StatusConflict):
        await write_status(Overtaking(known), told(1), status, known.wire())


async def test_it_does_not_try_for_ever() -> None:
    """Another look is as good."""
    kube = Overtaking(told(0), *(told(n) for n in range(1, 50)))
    with pytest.raises(StatusConflict):
        await write_status(kube, told(0), SAID)
    assert OVERTAKEN_MAX == kube.tries
