"""Says what is withheld from whom, in one table, and takes it out of values before rendering.

An audience is everybody who is shown the same.  Everything that leaves the service passes through
`withhold_event` or `withhold_fields` as values, never as JSON text, before anything is rendered
from it: API, pages, feeds, streams, exports.  A type of event that is not in `EVENT_FIELDS` is
internal as a whole: whoever adds a type decides here what others may read of it.

What can be withheld from anybody is recorded as a salted commitment (`list_committed_places` says
where), so that an event can be shown without it and its hash still proves the rest.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from service.domain import access
from service.domain.access import Action, Actor

Data = dict[str, Any]
Path = tuple[str, ...]
"""Where a value stands in an event `{"type", "actor", "data"}`.  In the table `*` stands for every
item of a list; in an answer it is the item's position, as text."""

INTERNAL = "internal"
"""The type under which others see an event that is the desk's own as a whole."""


class Audience(StrEnum):
    """Those who are shown the same; each reads all that the ones before it read."""

    PUBLIC = "public"
    READER = "reader"
    DESK = "desk"

    def may_read(self, lowest: "Audience") -> bool:
        """Whether this audience reads what `lowest` and everybody above may read."""
        return _RANKS[self] >= _RANKS[lowest]


_RANKS = {audience: rank for rank, audience in enumerate(Audience)}

# Who reads what.  The name of a field, and the lowest audience that reads it.

EVENT_FIELDS: dict[str, Mapping[str, Audience]] = {
    "claim.created": {"assignee": Audience.DESK, "due_at": Audience.DESK},
    "claim.status_changed": {
        "decided_by": Audience.READER,
        "approved_by": Audience.READER,
        "approval_note": Audience.DESK,
    },
    "finding.changed": {
        "decided_by": Audience.READER,
        "approved_by": Audience.READER,
        "approval_note": Audience.DESK,
    },
    "claim.amended": {"assignee": Audience.DESK, "due_at": Audience.DESK},
    "claim.merged": {},
    "claim.absorbed": {"links.*.note": Audience.DESK},
    "claim.withdrawn": {},
    "claim.moved": {},
    "link.created": {"link.note": Audience.DESK},
    "link.retracted": {},
    "link.affirmed": {},
    "statement.quoted": {},
    "statement.withdrawn": {},
    "component.changed": {},
    "party.changed": {},
    "speaker.changed": {},
}
"""The types of event that others than the desk may read, and what of their data they may not."""

ACTOR = Audience.READER
"""Who reads the name of the person who acted; that a rule did, everybody reads."""

CLAIM_FIELDS = {"assignee": Audience.DESK, "due_at": Audience.DESK, "uses": Audience.DESK}
LINK_FIELDS = {"note": Audience.DESK, "linked_by": Audience.READER}
STATUS_CHANGE_FIELDS = EVENT_FIELDS["claim.status_changed"]
"""Fields of what is served, beside those of events.  Notes and decisions are the desk's own as
wholes: `access.Action.READ_INTERNALS` guards their routes."""


def find_audience(caller: Actor | None) -> Audience:
    """The audience that a caller belongs to; nobody in particular is the public."""
    if caller is None:
        return Audience.PUBLIC
    return Audience.DESK if access.is_allowed(caller, Action.READ_INTERNALS) else Audience.READER


def is_internal(type: str, data: Data | None) -> bool:
    """Whether an event tells others nothing: its type is the desk's own, or all that changed is."""
    fields = EVENT_FIELDS.get(type)
    if fields is None:
        return True
    return bool(data) and all(fields.get(name) is Audience.DESK for name in data or ())


def list_withholdable_places(type: str, actor: Data | None, data: Data) -> dict[Path, Audience]:
    """Every place in an event that somebody may not read, with the lowest audience that does."""
    if is_internal(type, data):
        return {(part,): Audience.DESK for part in ("type", "actor", "data")}
    places: dict[Path, Audience] = {}
    if actor is not None and "rule" not in actor:
        places[("actor",)] = ACTOR
    for name, lowest in EVENT_FIELDS[type].items():
        places |= dict.fromkeys(_find_places(data, tuple(name.split(".")), ("data",)), lowest)
    return places


def list_committed_places(type: str, actor: Data | None, data: Data) -> dict[Path, Audience]:
    """Every place of an event that is recorded as a commitment, with the lowest audience that
    reads it: what can be withheld, and the desk's own fields that it could have and does not, so
    that nobody else is told whether it has them."""
    places = list_withholdable_places(type, actor, data)
    if ("type",) in places:
        return places
    for name, lowest in EVENT_FIELDS[type].items():
        if lowest is Audience.DESK and "." not in name:
            places[("data", name)] = lowest
    return places


def withhold_event(event: Data, audience: Audience) -> tuple[Data, list[Path]]:
    """An event as `audience` may read it, and the places where something was withheld.

    `event` has `type`, `actor` and `data`; whatever else it has stays.  Fields are left out of
    the data; the type of an internal event is `INTERNAL`, its actor and data are null.
    """
    places = list_withholdable_places(event["type"], event["actor"], event["data"])
    hidden = [place for place, lowest in places.items() if not audience.may_read(lowest)]
    shown = event
    for place in hidden:
        shown = _take_out(shown, place)
    if ("type",) in hidden:
        shown = shown | {"type": INTERNAL}
    for part in ("actor", "data"):
        if (part,) in hidden:
            shown = shown | {part: None}
    return shown, hidden


def withhold_fields(shape: Data, fields: Mapping[str, Audience], audience: Audience) -> Data:
    """A resource as `audience` may read it: what it may not is null."""
    hidden = {
        name: None
        for name, lowest in fields.items()
        if name in shape and shape[name] is not None and not audience.may_read(lowest)
    }
    return shape | hidden if hidden else shape


def _find_places(value: Any, rest: Path, place: Path) -> list[Path]:
    """The places below `place` that the pattern `rest` names and that `value` has."""
    if not rest:
        return [place]
    name, *others = rest
    if name == "*":
        items = enumerate(value) if isinstance(value, list) else ()
        return [
            found
            for position, item in items
            for found in _find_places(item, tuple(others), (*place, str(position)))
        ]
    if not isinstance(value, dict) or name not in value:
        return []
    return _find_places(value[name], tuple(others), (*place, name))


def _take_out(value: Any, place: Path) -> Any:
    """`value` without what stands at `place`, copied where it differs."""
    name, *rest = place
    if isinstance(value, list):
        position = int(name)
        return [
            _take_out(item, tuple(rest)) if number == position else item
            for number, item in enumerate(value)
        ]
    if not rest:
        return {key: item for key, item in value.items() if key != name}
    return value | {name: _take_out(value[name], tuple(rest))}
