"""What changed before it began, and what of it may be the cause: shown before anybody asks."""

from typing import Annotated

from pydantic import Field

from stanch.api.meta import Counter, Model, Time

SUSPECTS_MAX = 5
_S = Annotated[str, Field(max_length=320)]


class Suspect(Model):
    """A change that may have caused it. A guess with its reasons: nothing is done for it by itself."""

    name: Annotated[_S, Field(description="What it is, for example rollout-42, configmap-checkout-flags, node-n3.")]
    time: Annotated[Time, Field(description="When it was changed, as exactly as anything tells.")]
    score: Annotated[
        int, Field(ge=1, le=100, description="How likely, 1 to 100: kind x nearness x time x how the pods differ.")
    ]
    text: Annotated[str, Field(max_length=400, description="What changed, by whom, when, and why that is suspected.")]
    suggests: Annotated[_S | None, Field(description="The action that would take it back, if there is one.")] = None


class ChangesRecord(Model):
    """What was looked at for changes. The whole list is in `changes.txt` of the newest evidence."""

    looked_time: Annotated[Time, Field(description="When it was looked at last.")]
    wide: Annotated[
        bool | None,
        Field(description="True once all sources were asked; before that only what an effect waits for anyway was."),
    ] = None
    onset_time: Annotated[
        Time | None, Field(description="When it began, by the first failing pod or by what was said.")
    ] = None
    onset_by: Annotated[_S | None, Field(description="How that is known.")] = None
    found: Annotated[Counter, Field(description="Changes of the hour before the look, suspected or not.")] = 0
    nothing_in: Annotated[
        tuple[_S, ...] | None, Field(max_length=24, description="Looked at, and nothing had changed there.")
    ] = None
    unread: Annotated[
        tuple[_S, ...] | None, Field(max_length=24, description="What could not be looked at, and why.")
    ] = None
