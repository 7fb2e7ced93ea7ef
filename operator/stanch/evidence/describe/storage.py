"""PersistentVolumeClaim and ConfigMap, in kubectl's order; of a ConfigMap the keys, and how long their values are."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import annotations, conditions, created, events, labels
from stanch.evidence.dig import at, dicts, mapping, name_of, sequence, text
from stanch.evidence.times import stamp

Obj = dict[str, Any]

_SHORT: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def claim(page: Page, obj: Obj, found: Iterable[Obj], pods: Sequence[Obj]) -> None:
    """A PersistentVolumeClaim; ``pods`` are those that may use it."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    deleted = at(obj, "metadata", "deletionTimestamp")
    state = f"Terminating (since {stamp(deleted, page.now)})" if deleted else text(status, "phase")
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace"))]
    rows += [("StorageClass", text(spec, "storageClassName")), ("Status", state), ("Volume", text(spec, "volumeName"))]
    rows += [labels(obj), annotations(obj), created(page, obj)]
    held = sequence(obj, "metadata", "finalizers")
    rows += [("Finalizers", f"[{' '.join(map(text, held))}]")]
    modes = sequence(status, "accessModes") or sequence(spec, "accessModes")
    rows += [
        ("Capacity", text(status, "capacity", "storage")),
        ("Requested", text(spec, "resources", "requests", "storage")),
        ("Access Modes", ",".join(_SHORT.get(text(mode), text(mode)) for mode in modes)),
        ("VolumeMode", text(spec, "volumeMode") or NONE),
    ]
    named = (("VolumeAttributesClass", "volumeAttributesClassName"), ("Modify Volume", "modifyVolumeStatus"))
    rows += [(word, text(spec, key) or text(status, key)) for word, key in named if key in spec or key in status]
    for word, key in (("DataSource", "dataSource"), ("DataSourceRef", "dataSourceRef")):
        rows += [(word, f"{text(spec, key, 'kind')}/{text(spec, key, 'name')}")] if key in spec else []
    users = sorted(name_of(pod) for pod in pods if _uses(pod, name_of(obj)))
    page.fields(0, [*rows, ("Used By", "\n".join(users) or NONE)])
    conditions(page, obj)
    events(page, found)


def _uses(pod: Obj, name: str) -> bool:
    for volume in dicts(pod, "spec", "volumes"):
        generic = f"{name_of(pod)}-{text(volume, 'name')}" if "ephemeral" in volume else ""
        if name in (text(volume, "persistentVolumeClaim", "claimName"), generic or None):
            return True
    return False


def config(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """A ConfigMap: its keys; values are not kept, so here stands how long they are."""
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), created(page, obj)]
    immutable = [("Immutable", text(obj, "immutable"))] if "immutable" in obj else []
    page.fields(0, [*rows, labels(obj), annotations(obj), *immutable])
    for title, key in (("Data", "data"), ("BinaryData", "binaryData")):
        values = mapping(obj, key)
        page.line(0, f"{title}:" if values else f"{title}:  {NONE}")
        page.fields(1, [(each, text(values, each)) for each in sorted(values)])
    events(page, found)
