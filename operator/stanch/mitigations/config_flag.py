"""Set one key of a ConfigMap (mitigations.md 1.10). Written is not effective: who reads it how is said beforehand."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action, ConfigFlag
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import controller_name, pods_in
from stanch.core.observations import Observations, items
from stanch.core.plain import is_plain
from stanch.core.ports import Aim, ApprovalClass, Change, Clock, Need, NothingToDo, Refusal, Sized, Verdict, Written
from stanch.core.questions import Question
from stanch.core.swap import ABSENT, escape
from stanch.core.there import read_target
from stanch.mitigations.workload import Json, live_pods, owner_refusal, stands, unanswered

DATA: Final = "/data"
# The hash that kustomize puts at the end of a generated ConfigMap's name.
_HASHED: Final = re.compile(r"-[bcdfghkmt2456789]{10}$")


class FlipFlag:
    """Swap the value of one key, absence included."""

    name = "configFlag"
    kinds = ConfigFlag.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {TargetKind.CONFIG_MAP: (Need("patch", "", "configmaps"),)}
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """The old and the new value, and which pods will see it when; refused where the object can't be changed."""
        assert isinstance(action, ConfigFlag)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        assert aim.namespace is not None
        asked = (pods_in(aim.namespace),)
        if (gap := unanswered(seen, asked, 1, f"Who reads {aim}")) is not None:
            return gap
        if refusal := owner_refusal(aim, target) or _fixed(aim, action, target):
            return refusal
        if (target.get("data") or {}).get(action.key) == action.value:
            return NothingToDo(f"{action.key} of {aim} is {_shown(action.key, action.value)} already")
        return _change(aim, action, target, live_pods(items(seen.get(asked[0]))))

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Only the application can tell whether it took effect."""
        return stands(aim, seen, "is written; whether it takes effect, the recovery criteria must tell")

    def owes(self, action: Action, aim: Aim) -> str:
        """A feature is off, or on, that Git says otherwise."""
        assert isinstance(action, ConfigFlag)
        return f"{action.key} of {aim} is {_shown(action.key, action.value)} for the time of the incident"


def _fixed(aim: Aim, action: ConfigFlag, target: Json) -> Refusal | None:
    if target.get("immutable"):
        return Refusal(
            Reason.PREFLIGHT,
            f"{aim} is immutable (field immutable: true), so its data can't be changed; "
            "create a ConfigMap with another name and point the workload at it",
            final=True,
        )
    if action.key in (target.get("binaryData") or {}):
        return Refusal(
            Reason.PREFLIGHT, f"{action.key} of {aim} is in binaryData, not in data; change it by hand", final=True
        )
    return None


def _change(aim: Aim, action: ConfigFlag, target: Json, pods: list[dict[str, Any]]) -> Change:
    data = target.get("data")
    old = (data or {}).get(action.key)
    pointer = f"{DATA}/{escape(action.key)}"
    before: dict[str, Any] = {DATA: ABSENT} if data is None else {pointer: ABSENT if old is None else old}
    after: dict[str, Any] = {DATA: {action.key: action.value}} if data is None else {pointer: action.value}
    uses = list(_uses(aim.name, action.key, pods))
    return Change(
        uid=target["metadata"]["uid"],
        before=before,
        after=after,
        summary=f"{action.key} of {aim} from {_shown(action.key, old)} to {_shown(action.key, action.value)}",
        diff=(f"data[{action.key}]: {_shown(action.key, old)} -> {_shown(action.key, action.value)}",),
        blast=_blast(uses),
        undo_takes="90s (estimated)" if any(live for _, live in uses) else "1s (estimated)",
        warnings=_warnings(aim, uses),
        do_by_hand=_by_hand(aim, action.key, action.value),
        undo_by_hand=_by_hand(aim, action.key, old),
        approval_class=ApprovalClass.A,
        labels=target["metadata"].get("labels"),
    )


def _shown(key: str, value: str | None) -> str:
    """A flag is shown; what may be a password, or a whole file with one in it, is not."""
    if value is None:
        return "(absent)"
    return f'"{value}"' if is_plain(key, value) else f"({len(value)} characters, not shown)"


def _by_hand(aim: Aim, key: str, value: str | None) -> str:
    if value is not None and not is_plain(key, value):
        return f"kubectl -n {aim.namespace} edit configmap {aim.name}"
    said = (
        "null" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("'", "'\\''") + '"'
    )
    return f'kubectl -n {aim.namespace} patch configmap {aim.name} --type=merge -p \'{{"data":{{"{key}":{said}}}}}\''


# --- who reads it ----------------------------------------------------------------------------------------------------


def _uses(name: str, key: str, pods: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """(the workload of each pod that reads the key, does a running pod see the change?)."""
    for pod in pods:
        spec = pod["spec"]
        containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
        if any(_in_env(c, name, key) for c in containers):
            yield controller_name(pod), False
        volumes = {v["name"] for v in spec.get("volumes") or () if _is_of(v, name)}
        mounts = [m for c in containers for m in c.get("volumeMounts") or () if m["name"] in volumes]
        if mounts:
            # A subPath mount is a copy made when the container started.
            yield controller_name(pod), any(not m.get("subPath") and not m.get("subPathExpr") for m in mounts)


def _in_env(container: Json, name: str, key: str) -> bool:
    whole = any((e.get("configMapRef") or {}).get("name") == name for e in container.get("envFrom") or ())
    refs = ((e.get("valueFrom") or {}).get("configMapKeyRef") or {} for e in container.get("env") or ())
    return whole or any(r.get("name") == name and r.get("key") == key for r in refs)


def _is_of(volume: Json, name: str) -> bool:
    projected = ((s.get("configMap") or {}).get("name") for s in (volume.get("projected") or {}).get("sources") or ())
    return bool((volume.get("configMap") or {}).get("name") == name or name in projected)


def _blast(uses: list[tuple[str, bool]]) -> str:
    live = sum(1 for _, sees in uses if sees)
    return f"{live} pods see it within 90s; {len(uses) - live} only when they restart" if uses else "no pod reads it"


def _warnings(aim: Aim, uses: list[tuple[str, bool]]) -> tuple[str, ...]:
    warnings = []
    if not uses:
        warnings.append("No pod in the namespace reads it through its spec; one may read it through the API")
    if late := sorted({who for who, sees in uses if not sees}):
        warnings.append(
            f"{', '.join(late[:3])} read it from the environment or a subPath mount: needs a restart, "
            f"as a mitigation of its own (rolloutRestart on {late[0]})"
        )
    if _HASHED.search(aim.name) and uses:
        warnings.append("Its name ends in a hash that kustomize made: the next deploy brings another ConfigMap")
    return tuple(warnings)
