"""What files that people write for an import have in common: entries, slugs, faults."""

from collections.abc import Iterable

from pydantic import ValidationError

from service import field_types
from service.domain.errors import Invalid

Place = tuple[str | int, ...]
"""Where in the file something stands: names of entries, and numbers in lists."""


def list_faults(error: ValidationError) -> list[tuple[Place, str]]:
    return [(fault["loc"], field_types.describe_fault(fault)) for fault in error.errors()]


def build_error(name: str, faults: Iterable[tuple[Place, str]]) -> Invalid:
    """Return the error whose detail names the first fault, and whose `errors` name all."""
    errors = [{"loc": list(place), "msg": message} for place, message in faults]
    where = ".".join(map(str, errors[0]["loc"]))
    first = f"{where}: {errors[0]['msg']}" if where else errors[0]["msg"]
    return Invalid(f"{name} is not valid: {first}", errors=errors)
