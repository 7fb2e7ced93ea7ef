"""tools/crds.py: what it makes of a model, and that it says no to what a structural schema can't."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field
from tools import crds, generated, policies, rbac
from tools.crds import CannotExpressError, schema_of
from tools.crds_rules import KINDS

_ONE_OF = re.compile(r"\[(\?\([^)]*\)|\d+)\]")
Words = Annotated[str, Field(max_length=8)]


class Colour(StrEnum):
    """A colour, in general."""

    RED = "Red"


class Switch(StrEnum):
    """YAML reads these as booleans."""

    ON = "On"


class Inner(BaseModel):
    """An inner thing."""

    name: Words = Field(description="Its name.")


class Everything(BaseModel):
    """One of each that can be said."""

    text: Words = Field(description="A text.")
    maybe: Words | None = Field(default=None, description="Perhaps a text.")
    colour: Colour | None = Field(default=None, description="Which colour.")
    count: int = Field(default=3, gt=0, lt=10, description="How many.")
    always: Literal["x"] = Field(default="x", description="Always x.")
    inner: Inner | None = Field(default=None, description="What is within.")
    names: tuple[Words, ...] = Field(default=(), max_length=4, description="Names.")
    keyed: tuple[Inner, ...] | None = Field(
        default=None,
        max_length=4,
        description="By name.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )


def test_a_model_becomes_a_structural_schema() -> None:
    """No reference, title, default or null is left; what stands beside a reference wins."""
    name = {"type": "string", "description": "Its name.", "maxLength": 8}
    inner = {"type": "object", "properties": {"name": name}, "required": ["name"]}
    keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    expected = {
        "text": {"type": "string", "description": "A text.", "maxLength": 8},
        "maybe": {"type": "string", "description": "Perhaps a text.", "maxLength": 8},
        "colour": {"type": "string", "description": "Which colour.", "enum": ["Red"]},
        "count": {"type": "integer", "description": "How many.", "minimum": 1, "maximum": 9},
        "always": {"type": "string", "description": "Always x.", "enum": ["x"]},
        "inner": inner | {"description": "What is within."},
        "names": {
            "type": "array",
            "description": "Names.",
            "maxItems": 4,
            "items": {"type": "string", "maxLength": 8},
            "x-kubernetes-list-type": "atomic",
        },
        "keyed": {"type": "array", "description": "By name.", "maxItems": 4}
        | {"items": inner | {"description": "An inner thing."}}
        | keys,
    }
    schema = schema_of(Everything, for_people=True)
    assert schema["properties"] == expected
    assert schema["required"] == ["text"]
    assert schema["description"] == "One of each that can be said."


class Node(BaseModel):
    """Holds itself."""

    child: Optional["Node"] = Field(default=None, description="Another.")


def bad(annotation: Any, **field: Any) -> type[BaseModel]:
    """A model with one wrong field."""
    described = {"description": "A field."} | field
    body = {"__annotations__": {"it": annotation}, "it": Field(**described), "__doc__": "Bad."}
    return type("Bad", (BaseModel,), body)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (bad(int | bool), "Bad.it: a union"),
        (bad(Inner | Everything), "Bad.it: a union"),
        (bad(tuple[int, bool]), "Bad.it: `prefixItems` can't be said"),
        (bad(dict[str, int]), "Bad.it: a map must have max_length"),
        (bad(float), "Bad.it: type number can't be said"),
        (bad(Any), "Bad.it: type anything can't be said"),
        (bad(str), "Bad.it: a string must have max_length"),
        (bad(tuple[Words, ...]), "Bad.it: a list must have max_length"),
        (bad(tuple[str, ...], max_length=3), "Bad.it: a string must have max_length"),
        (bad(Words, description=None), "Bad.it: has no description"),
        (bad(Colour, description=None), "Bad.it: has no description"),
        (bad(Switch), "Bad.it: YAML reads the value On as something else"),
        (bad(Words, alias="on"), "Bad.on: YAML reads this name as a boolean"),
        (bad(bytes, json_schema_extra={"format": "byte"}), "Bad.it: format byte is not one of"),
        (bad(int, multiple_of=3), "Bad.it: `multipleOf` can't be said"),
        (
            bad(
                tuple[Everything, ...],
                max_length=3,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["maybe"]},
            ),
            "Bad.it: key maybe of the list must be required",
        ),
        (Node, "Node.child: Node holds itself"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cant_be_said_is_refused_by_model_and_field(model: type[BaseModel], said: str) -> None:
    """Loudly, here, and not by the API server with a riddle."""
    with pytest.raises(CannotExpressError) as refused:
        schema_of(model, for_people=True)
    assert said in str(refused.value)


def test_words_of_yaml_are_fine_where_no_person_types_them() -> None:
    """A condition's status is "True", as everywhere in Kubernetes."""
    assert schema_of(bad(Switch), for_people=False)["properties"]["it"]["enum"] == ["On"]


@pytest.mark.parametrize("generator", [crds, policies, rbac], ids=lambda module: module.__name__)
def test_generated_files_are_up_to_date(generator: Any) -> None:
    """What is checked in is what the generator writes; `make generate` helps."""
    stale = [path for path, text in generator.files().items() if (generated.ROOT / path).read_text() != text]
    assert stale == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_crd_is_small_enough_to_read_and_apply(kind: Any) -> None:
    """Client-side apply keeps a copy in an annotation, of at most 256 KiB."""
    assert len(generated.document("", crds.crd(kind))) < 200_000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_columns_fields_and_rules_point_at_fields_that_exist(kind: Any) -> None:
    """A column of a field that was renamed would be empty, silently."""
    schema = crds.crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    paths = [column.path for column in kind.columns] + list(kind.selectable)
    for path in paths:
        here = schema
        # One of a list, such as a condition by its type or the first one, is a step into its items.
        for step in _ONE_OF.sub("", path).removeprefix(".").split("."):
            if step == "metadata":
                break
            here = here.get("items", here)["properties"][step]


def test_a_usual_line_of_incidents_fits_into_88_columns() -> None:
    """kubectl puts three spaces between columns, none of which is narrower than three."""
    usual = ("checkout-5xx", "SEV1", "Mitigating", "alice", "checkout", "roll-back", "14:35Z", "12m")
    shown = [column.name for column in KINDS[0].columns if not column.wide]
    assert len(shown) == len(usual) - 1
    widths = [max(3, len(head), len(cell)) for head, cell in zip(["NAME", *shown], usual, strict=True)]
    assert sum(widths) + 3 * (len(widths) - 1) <= 88  # docs/adr/0009
