"""Decides what is withheld from whom, and takes it out of values before they are rendered.

An audience is all those who may read the same.  Everything that leaves the service passes through
`withhold_event` or `withhold_fields` as values, never as JSON text, before anything is rendered
from it: API, pages, feeds, streams, exports.  What others than the desk may read of each type of
event stands with the type, in `history.RULES`.

What can be withheld from anybody is recorded as a salted commitment (`list_committed_places` says
where), so that an event can be shown without it and its hash still proves the rest.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from service.domain import access
from service.domain.access import Action, Actor, Audience
from service.domain.claims import AMENDABLE
from service.domain.history import RULES

Data = Mapping[str, Any]
T = TypeVar("T", bound=Mapping[str, Any])
Path = tuple[str, ...]
"""Where a value stands in an event `{"type", "actor", "data"}`.  In the table `*` stands for every
item of a list; in an answer it is the item's position, as text."""

INTERNAL = "internal"
"""The type under which others see an event that is the desk's own as a whole."""


EVENT_FIELDS = {type: rule.readable for type, rule in RULES.items() if rule.readable is not None}
"""The types of events that others than the desk may read.  A field that is named here may be read
by the given audience and those above it; all other fields may be read by everybody."""

AMENDED_FOR_ALL = tuple(
    name for name in AMENDABLE if EVENT_FIELDS["claim.amended"].get(name) is not Audience.DESK
)
"""The fields whose amendment everybody may know of; the others are the desk's own business."""

ACTOR = Audience.READER
"""Who may read the name of the person who acted.  That a rule acted, everybody may read."""

PERSONAL: Mapping[str, Path] = {"use.recorded": ("data", "contact")}
"""What no export has of an event that is about another subject than a claim, by its type."""

CLAIM_FIELDS = {"assignee": Audience.DESK, "due_at": Audience.DESK, "uses": Audience.DESK}
LINK_FIELDS = {"note": Audience.DESK, "linked_by": Audience.READER}
INQUIRY_FIELDS = EVENT_FIELDS["inquiry.created"]
STATUS_CHANGE_FIELDS = EVENT_FIELDS["claim.status_changed"]
"""Fields of other resources than events.  Notes and decisions are internal as a whole:
`access.Action.READ_INTERNALS` guards their routes."""


def find_audience(caller: Actor | None) -> Audience:
    """Return the audience of a caller; of one who is not signed in, it is the public."""
    if caller is None:
        return Audience.PUBLIC
    return Audience.DESK if access.is_allowed(caller, Action.READ_INTERNALS) else Audience.READER


def is_internal(type: str, data: Data | None) -> bool:
    """Say whether others than the desk may read nothing of an event, not even its type."""
    fields = EVENT_FIELDS.get(type)
    if fields is None:
        return True
    return bool(data) and all(fields.get(name) is Audience.DESK for name in data or ())


def list_withholdable_places(type: str, actor: Data | None, data: Data) -> dict[Path, Audience]:
    """Return each place in an event that some may not read, with the lowest audience that may."""
    if is_internal(type, data):
        return {(part,): Audience.DESK for part in ("type", "actor", "data")}
    places: dict[Path, Audience] = {}
    if actor is not None and "rule" not in actor:
        places[("actor",)] = ACTOR
    for name, lowest in EVENT_FIELDS[type].items():
        places |= dict.fromkeys(_find_places(data, tuple(name.split(".")), ("data",)), lowest)
    return places


def list_committed_places(type: str, actor: Data | None, data: Data) -> dict[Path, Audience]:
    """Return each place of an event that is recorded as a commitment, with its lowest audience.

    These are the places that can be withheld, and the internal fields that the event could have and
    does not, so that others cannot tell whether it has them.
    """
    places = list_withholdable_places(type, actor, data)
    if ("type",) in places:
        return places
    for name, lowest in EVENT_FIELDS[type].items():
        if lowest is Audience.DESK and "." not in name:
            places[("data", name)] = lowest
    return places


def withhold_event(event: T, audience: Audience) -> tuple[T, list[Path]]:
    """Return an event as `audience` may read it, and the places where something was withheld.

    `event` has `type`, `actor` and `data`; whatever else it has stays.  Fields are left out of
    the data; the type of an internal event is `INTERNAL`, its actor and data are null.
    """
    places = list_withholdable_places(event["type"], event["actor"], event["data"])
    withheld_places = [place for place, lowest in places.items() if not audience.may_read(lowest)]
    redacted_event: Data = event
    for place in withheld_places:
        redacted_event = _take_out(redacted_event, place)
    if ("type",) in withheld_places:
        redacted_event = {**redacted_event, "type": INTERNAL}
    redacted_event = {
        **redacted_event,
        **{part: None for part in ("actor", "data") if (part,) in withheld_places},
    }
    return cast(T, redacted_event), withheld_places


def withhold_fields(resource: T, fields: Mapping[str, Audience], audience: Audience) -> T:
    """Return a resource as `audience` may read it: the fields that it may not read are null."""
    withheld_fields = {
        name: None
        for name, lowest in fields.items()
        if name in resource and resource[name] is not None and not audience.may_read(lowest)
    }
    return cast(T, {**resource, **withheld_fields}) if withheld_fields else resource


def _find_places(value: Any, rest: Path, place: Path) -> list[Path]:
    """Return the places below `place` that the pattern `rest` names and that `value` has."""
    if not rest:
        return [place]
    name, *other_parts = rest
    if name == "*":
        items = enumerate(value) if isinstance(value, list) else ()
        return [
            match
            for position, item in items
            for match in _find_places(item, tuple(other_parts), (*place, str(position)))
        ]
    if not isinstance(value, dict) or name not in value:
        return []
    return _find_places(value[name], tuple(other_parts), (*place, name))


def _take_out(value: Any, place: Path) -> Any:
    """Return `value` without what stands at `place`, copied where it differs."""
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
