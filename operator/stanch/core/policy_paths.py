"""Fields of a ResponsePolicy by the path that people write: ``guardrails.storm.within``, ``recovery.hold[].for``."""

from typing import Any

from stanch.api.meta import Model
from stanch.api.response_policy import ResponsePolicySpec


def stated(spec: ResponsePolicySpec, path: str) -> Any:
    """What stands at a path without lists; None when nothing does."""
    here: Any = spec
    for step in path.split("."):
        if here is None:
            return None
        here = getattr(here, _attribute(here, step))
    return here


def everywhere(spec: ResponsePolicySpec, path: str) -> list[tuple[str, Any]]:
    """All that stands at a path, each with the path that names its place in lists."""
    found: list[tuple[str, Any]] = [("spec", spec)]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [(f"{at}.{name}", getattr(here, _attribute(here, name))) for at, here in found]
        if step.endswith("[]"):
            found = [(f"{at}[{i}]", item) for at, items in found for i, item in enumerate(items or ())]
        found = [(at, value) for at, value in found if value is not None]
    return found


def without(spec: ResponsePolicySpec, path: str) -> ResponsePolicySpec:
    """The same with nothing at a path without lists."""
    out: ResponsePolicySpec = _without(spec, path.split("."))
    return out


def _without(model: Model, steps: list[str]) -> Any:
    name = _attribute(model, steps[0])
    inner = getattr(model, name)
    rest = _without(inner, steps[1:]) if len(steps) > 1 and inner is not None else None
    return model.model_copy(update={name: rest})


def _attribute(model: Model, written: str) -> str:
    """Our name of a field, by the name it has in YAML. Raises StopIteration for one that is not there: a bug of ours."""
    return next(name for name, field in type(model).model_fields.items() if (field.alias or name) == written)
