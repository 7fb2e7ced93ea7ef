"""A flag that was changed before it began: which key of a ConfigMap, and what it would be the other way round."""

from collections.abc import Iterator
from typing import Any, Final

from stanch.api.meta import Target, TargetKind
from stanch.core.draft import Draft
from stanch.core.observations import Found
from stanch.core.questions import CONFIG_MAPS, Get

PREFIX: Final = "configmap-"
# Only what has two sides can be suggested: what another value was before, nothing in the cluster tells.
_SIDES: Final = (("on", "off"), ("true", "false"), ("enabled", "disabled"), ("yes", "no"), ("1", "0"))
OTHER_SIDE: Final = {one: other for side in _SIDES for one, other in (side, side[::-1])}


def ask_for_flags(draft: Draft) -> None:
    """The ConfigMaps that are suspected."""
    draft.ask(*(question for question, _ in _suspected(draft)))


def switched(draft: Draft) -> Iterator[tuple[Target, str, str, str]]:
    """(ConfigMap, key, the value it would be switched to, why) of each suspected one whose last writer switched one key."""
    for question, why in _suspected(draft):
        answer = draft.seen.get(question)
        if not isinstance(answer, Found):
            continue
        data = answer.value.get("data") or {}
        turned = [key for key in _last_written(answer.value) if data.get(key) in OTHER_SIDE]
        if len(turned) == 1:
            key = turned[0]
            yield Target(kind=TargetKind.CONFIG_MAP, name=question.name), key, OTHER_SIDE[data[key]], why


def _suspected(draft: Draft) -> list[tuple[Get, str]]:
    namespace = draft.incident.metadata.namespace
    return [
        (Get(CONFIG_MAPS, namespace, suspect.name.removeprefix(PREFIX)), suspect.text)
        for suspect in draft.status.suspects or ()
        if suspect.suggests == "configFlag" and suspect.name.startswith(PREFIX)
    ]


def _last_written(obj: dict[str, Any]) -> list[str]:
    """Keys of data that whoever wrote it last has written; more than it changed, perhaps, and never fewer."""
    fields = [m for m in obj["metadata"].get("managedFields") or () if "f:data" in (m.get("fieldsV1") or {})]
    last = max(fields, key=lambda m: str(m.get("time", "")), default=None)
    return [name.removeprefix("f:") for name in last["fieldsV1"]["f:data"] if name != "."] if last else []
