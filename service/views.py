"""What views of resources are made of.

A view is a TypedDict: the shape in which a query returns a resource, and in which JSON answers,
the desk's templates, exports and webhook bodies are rendered from it (decision 25). Its annotations
are what the OpenAPI document shows, so that a field is declared in one place.
"""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

T = TypeVar("T")

view = with_config(ConfigDict(extra="forbid", defer_build=True))
"""The decorator of every view: the OpenAPI document says that it has no other fields."""

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""An instant, in RFC 3339 with its offset."""
JsonObject = dict[str, Any]
"""An object in a format that others define."""
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


@view
class Page(TypedDict, Generic[T]):
    """A page of a list, with the cursor of the next."""

    items: list[T]
    next_cursor: str | None
