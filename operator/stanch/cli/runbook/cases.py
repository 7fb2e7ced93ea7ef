"""Unit tests beside a Runbook: an alert or values, some objects, and what must come of them (in the manner of promtool)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from stanch.api.meta import Model, Severity, Time
from stanch.cli.runbook.files import Document, UnreadableError, documents

# An hour that no test depends on.
SOME_DAY: Final = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


class Strict(Model):
    """What is not known is a mistake: an expectation that nobody looks at would always hold."""

    model_config = ConfigDict(extra="forbid")


class ExpectedStep(Strict):
    """One mitigation of the plan: what must stand in it. Texts are looked for, in any place of what is said."""

    name: str
    action: str | None = None
    target: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    does: str | None = None
    warns: str | None = None
    refused: str | None = None
    nothing: str | None = None


class Expected(Strict):
    """What must come of it; at least one thing."""

    matches: bool | None = None
    refused: str | None = None
    fits: bool | None = None
    why: str | None = None
    plan: tuple[ExpectedStep, ...] | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        """A case that expects nothing can't fail."""
        if not self.model_fields_set:
            raise ValueError("expects nothing; name one of matches, refused, fits, why, plan")
        if self.refused is not None and (self.plan is not None or self.fits is not None):
            raise ValueError("what is refused has no plan: expect either refused, or fits and plan")
        return self


class Case(Strict):
    """One situation."""

    name: Annotated[str, Field(min_length=1)]
    alert: dict[str, str] | None = None
    severity: Severity | None = None
    parameters: dict[str, str] | None = None
    namespace: str | None = None
    now: Time = SOME_DAY
    objects: tuple[dict[str, Any], ...] = ()
    expect: Expected


class Cases(Strict):
    """A file of them."""

    tests: Annotated[tuple[Case, ...], Field(min_length=1)]


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file. Raises UnreadableError."""
    found = documents(str(path))
    if len(found) != 1:
        raise UnreadableError(f"{path}: one document with tests is wanted, there are {len(found)}")
    try:
        return Cases.model_validate(found[0].said).tests
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = tuple(first["loc"])
        raise UnreadableError(
            f"{path}:{found[0].line_of(where)}: {'.'.join(map(str, where))}: {first['msg']}"
        ) from error


def alerts(document: Document) -> tuple[dict[str, str], ...]:
    """Labels of the alerts that its cases say it is for. Raises UnreadableError."""
    path = document.cases
    if path is None:
        return ()
    return tuple(c.alert for c in read_cases(path) if c.alert is not None and c.expect.matches)
