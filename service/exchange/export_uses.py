"""Uses in an export: without their contacts, and proved from their events and their claims'.

Whom to tell at an article is personal.  In the place of a contact, a file has the commitment that
the event's hash covers (record/canonical.py), so that the record is proved without it.  Events of
earlier releases have no commitments: the line of a use whose first event names a contact stands
without its events, and is told.
"""

from collections.abc import Collection, Sequence
from typing import cast

from sqlalchemy import Connection, select

from service.domain import things
from service.domain import uses as domain_uses
from service.domain.disclosure import PERSONAL
from service.domain.history import Event
from service.domain.subjects import SubjectKind
from service.domain.things import SignedEvent
from service.domain.uses import Alteration
from service.exchange.export_format import ThingEvent
from service.exchange.export_lines import Thing
from service.exchange.imported_events import ImportedEvent
from service.record import canonical
from service.store import row_data, tables
from service.store.row_data import USE, Values


def withhold_contact(events: Sequence[ThingEvent]) -> dict[str, list[ThingEvent]]:
    """Return what a use's line has of its events, none of them if they cannot be proved without
    the contact."""
    kept_events: list[ThingEvent] = []
    for event in events:
        place = PERSONAL.get(event["type"])
        salts = dict(cast("dict[str, str]", event.get("salts", {})))
        salt = salts.pop(".".join(place), None) if place is not None else None
        if place is not None and salt is not None:
            event = cast("ThingEvent", dict(event))
            concealed_event = canonical.conceal_values(
                {"data": event["data"]}, {".".join(place): salt}
            )
            event["data"] = concealed_event["data"]
            event.pop("salts", None)
            if salts:
                event["salts"] = salts
        elif place is not None and isinstance(_read_contact(event["data"]), str):
            return {}
        kept_events.append(event)
    return {"events": kept_events}


def _read_contact(data: object) -> object:
    return data.get("contact") if isinstance(data, dict) else None


def read_chains(connection: Connection, uses: Collection[object]) -> dict[str, list[str]]:
    """Return the hashes of the events that the desk has of each of these uses, oldest first."""
    t = tables.events
    rows = connection.execute(
        select(t.c.subject, t.c.hash)
        .where(t.c.kind == SubjectKind.USE.value, t.c.subject.in_(uses))
        .order_by(t.c.subject, t.c.number)
    )
    chains: dict[str, list[str]] = {}
    for row in rows:
        chains.setdefault(row.subject, []).append(row.hash)
    return chains


def has_later_events(events: Sequence[ImportedEvent], hashes_here: Sequence[str]) -> bool:
    """Say whether a line has events that the desk lacks; `hashes_here` are those of what it has.

    Raises ValueError where the two records have parted.
    """
    hashes = [event.hash for event in events]
    pairs = zip(hashes_here, hashes, strict=False)
    for number, (hash_here, hash_there) in enumerate(pairs, start=1):
        if hash_here != hash_there:
            raise ValueError(f"its event {number} is another on this desk: the records have parted")
    return len(hashes) > len(hashes_here)


def require_provable(use: Thing, alterations: Sequence[Alteration]) -> None:
    """Require that a line says what its events say, and the events of its claim that outdated it.

    Raises ValueError that says what it is in.
    """
    folded_row = fold_row(use, alterations)
    for name in USE.columns:
        if use.row[name] != folded_row[name]:
            raise ValueError(f"{name} is another than its events say, and those of its claim")


def fold_row(use: Thing, alterations: Sequence[Alteration]) -> Values:
    """Return the row of a use that a file has, after these changes of its claim.

    Raises one of `export_lines.FOLDING_ERRORS` for events that cannot be of a use.
    """
    signed_events = [SignedEvent(event.event, event.actor) for event in use.events] or [
        _build_first_event(use.row)
    ]
    plain = domain_uses.fold_use(signed_events, alterations)
    if plain.pop("contact", None) is not None:
        raise ValueError("its events name a contact, which no export has")
    if unknown := plain.keys() - set(USE.columns):
        raise ValueError(f"its events have the unknown field {min(unknown)!r}")
    columns = {name: plain.get(name) for name in USE.columns}
    return row_data.parse_row(USE, columns | {"id": use.row["id"]})


def _build_first_event(use: Values) -> SignedEvent:
    """Return the event with which the record of a use begins of which a file has no events."""
    data = row_data.serialize_row(USE, use) | {things.TOLD_MARK: True}
    del data["id"]
    event = Event(1, things.RULES[SubjectKind.USE].first_type, use["recorded_at"], data)
    return SignedEvent(event, {"rule": "import"})
