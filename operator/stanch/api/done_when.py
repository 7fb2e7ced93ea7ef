"""What proves that an action item is done: exactly one check, looked at by the operator with its own right to read."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from stanch.api.checks import PromQL
from stanch.api.meta import Model

EXPRESSION_MAX: Final = 1024
_API_VERSION: Final = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]{0,14}$"
_SUBDOMAIN: Final = r"^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?$"


class ObjectRef(Model):
    """One object of the item's own namespace, or one that is in no namespace."""

    api_version: Annotated[
        str, Field(max_length=128, pattern=_API_VERSION, description="Group and version: apps/v1; v1 for the core.")
    ]
    resource: Annotated[
        str,
        Field(
            max_length=63,
            pattern="^[a-z][a-z0-9]*$",
            description="Plural, as in `kubectl api-resources`: deployments. Never secrets.",
        ),
    ]
    name: Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN, description="Name of the object.")]
    cluster_scoped: Annotated[
        bool | None,
        Field(description="True for an object that is in no namespace; else it is looked up in the item's."),
    ] = None

    def __str__(self) -> str:
        return f"{self.resource} {self.name}"


class ObjectExists(ObjectRef):
    """Done when the object is there, and is not being deleted."""


class CelCheck(ObjectRef):
    """Done when the expression is true of the object."""

    expression: Annotated[
        str,
        Field(
            min_length=1,
            max_length=EXPRESSION_MAX,
            description="CEL over `object`, true or false: `object.spec.minAvailable > 0`. A field that is missing counts as "
            "false; ask `has(object.spec.minAvailable)` where that is meant to be true.",
        ),
    ]


class AlertRulePresent(Model):
    """Done when the Prometheus of the cluster's ResponsePolicy has loaded an alert of that name."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            pattern="^[a-zA-Z_][a-zA-Z0-9_:-]*$",
            description="Name of the alert, as fired.",
        ),
    ]


class DoneWhen(Model):
    """What proves it; exactly one is set."""

    object_exists: Annotated[ObjectExists | None, Field(description="An object is there.")] = None
    cel: Annotated[CelCheck | None, Field(description="A CEL expression is true of an object.")] = None
    prom_ql: Annotated[
        PromQL | None,
        Field(alias="promQL", description="What the Prometheus of the cluster's ResponsePolicy measures."),
    ] = None
    alert_rule: Annotated[AlertRulePresent | None, Field(description="An alerting rule is loaded.")] = None

    CHECKS: ClassVar[tuple[str, ...]] = ("object_exists", "cel", "prom_ql", "alert_rule")

    @property
    def reads(self) -> ObjectRef | None:
        """The object that is read for it; None where Prometheus is asked."""
        return self.object_exists or self.cel
