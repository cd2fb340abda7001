"""What a caller may not see is left out here."""

from enum import StrEnum
from typing import Any

from service.domain import access
from service.domain.access import Action, Actor
from service.domain.history import INTERNAL_TYPES


class Audience(StrEnum):
    """Those who are shown the same."""

    DESK = "desk"
    READERS = "readers"
    PUBLIC = "public"


def audience(caller: Actor | None) -> Audience:
    if caller is None:
        return Audience.PUBLIC
    return Audience.DESK if access.allowed(caller, Action.READ_INTERNALS) else Audience.READERS


def event(shape: dict[str, Any], caller: Actor | None) -> dict[str, Any]:
    """An event as this caller may see it."""
    return event_for(shape, audience(caller))


def event_for(shape: dict[str, Any], audience: Audience) -> dict[str, Any]:
    """An event as this audience may see it.

    Drafts of decisions and who is assigned are withheld from readers and the public; the public is
    not told the names of the desk's people.  The hashes stay, so that the chain still shows.
    """
    if audience is not Audience.DESK:
        data = shape["data"]
        if shape["type"] in INTERNAL_TYPES:
            shape = shape | {"data": None, "actor": None}
        elif "assignee" in data:
            shape = shape | {"data": {k: v for k, v in data.items() if k != "assignee"}}
    public = audience is Audience.PUBLIC
    if public and shape["actor"] and "rule" not in shape["actor"]:
        shape = shape | {"actor": None}
    if public and shape["data"] and "decided_by" in shape["data"]:
        shape = shape | {"data": unnamed(shape["data"])}
    return shape


def status_change(shape: dict[str, Any], caller: Actor | None) -> dict[str, Any]:
    return shape if caller is not None else unnamed(shape)


def unnamed(data: dict[str, Any]) -> dict[str, Any]:
    """A status change without the names of those who decided it."""
    return data | {"decided_by": None, "approved_by": None, "approval_note": None}
