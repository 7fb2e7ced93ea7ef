"""What going back to an old pod template does not bring back (mitigations.md 1.1): said before, not found out after."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.core.observations import Observations, items
from stanch.core.ports import Aim
from stanch.core.questions import CONFIG_MAPS, List
from stanch.mitigations.revisions import Revision
from stanch.mitigations.workload import parse_time

NEVER: Final = "Replicas, strategy, ConfigMaps, Secrets and data are not rolled back"
CONFIG_MAPS_MAX: Final = 8


def config_questions(aim: Aim, template: Mapping[str, Any]) -> tuple[List, ...]:
    """The ConfigMaps that a template reads by name, without their content."""
    return tuple(
        List(CONFIG_MAPS, aim.namespace, fields=f"metadata.name={name}", metadata_only=True)
        for name in sorted(_read_by(template))[:CONFIG_MAPS_MAX]
    )


def _read_by(template: Mapping[str, Any]) -> set[str]:
    spec = template.get("spec") or {}
    names = {(v.get("configMap") or {}).get("name") for v in spec.get("volumes") or ()}
    projected = (s for v in spec.get("volumes") or () for s in (v.get("projected") or {}).get("sources") or ())
    names |= {(s.get("configMap") or {}).get("name") for s in projected}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        names |= {(e.get("configMapRef") or {}).get("name") for e in container.get("envFrom") or ()}
        refs = ((e.get("valueFrom") or {}).get("configMapKeyRef") or {} for e in container.get("env") or ())
        names |= {r.get("name") for r in refs}
    return {str(name) for name in names if name}


def not_rolled_back(aim: Aim, wanted: Revision, seen: Observations) -> tuple[str, ...]:
    """`NEVER`, and what of it matters here: changed ConfigMaps, tags that may mean other bits by now."""
    warnings = [NEVER]
    for question in config_questions(aim, wanted.template):
        for config in items(seen.get(question)):
            meta = config["metadata"]
            written = [t for m in meta.get("managedFields") or () if (t := parse_time(m.get("time"))) is not None]
            last = max(written, default=None)
            if last is not None and last > wanted.created:
                warnings.append(
                    f"ConfigMap {meta['name']}, which revision {wanted.number} reads, was changed at "
                    f"{last:%Y-%m-%dT%H:%M:%SZ}, after that revision was made; it stays as it is now"
                )
    if floating := [i for i in wanted.images.split(", ") if _floats(i)]:
        warnings.append(
            f"The tag of {floating[0]} may mean another image than it did when revision {wanted.number} served"
        )
    return tuple(warnings)


def _floats(image: str) -> bool:
    if "@sha256:" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest")
