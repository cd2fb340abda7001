"""Proves that the events of a subject follow one another, and that no event of all is missing."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, select, text

from service.domain.claims import format_instant
from service.domain.subjects import Subject, SubjectKind
from service.record.canonical import GENESIS, hash_event, read_salts, render_canonical
from service.store import tables
from service.verification.breaks import Break, Remark, show_both, show_text

NUMBERS_GIVEN_UP = "numbers_given_up"
"""The setting that counts the events that a downgrade of the schema deleted (migration 0013)."""


def check_chain(
    subject: str, lines: Iterable[Row[Any]], *, kind: SubjectKind = SubjectKind.CLAIM
) -> Iterator[Break]:
    """Yield a break if numbers, hashes or instants of a chain do not follow one another.

    Each event is compared with the one stored before it, so that one change gives one break or two,
    and not a break in every later event.
    """
    number, previous_hash = 1, GENESIS
    seq, recorded_at = 0, None
    for line in lines:
        at: int = line.number

        def make_break(what: str, expected_text: str, actual: str, at: int = at) -> Break:
            return Break(subject, at, what, expected_text, actual, kind.value)

        if at != number:
            yield make_break("number", str(number), str(at))
        if line.previous_hash != previous_hash:
            yield make_break("previous_hash", previous_hash, line.previous_hash)
        for name in ("data", "actor", "salts"):
            stored_text = line._mapping[name]
            if stored_text is None:
                continue
            try:
                right = render_canonical(orjson.loads(stored_text))
            except ValueError:
                right = "JSON"
            if stored_text != right:
                yield make_break("canonical", *show_both(right, stored_text))
        try:
            digest = hash_event(
                Subject(kind, subject),
                number=at,
                type=line.type,
                recorded_at=format_instant(line.recorded_at),
                actor=line.actor,
                data=line.data,
                salts=read_salts(line.salts),
                previous_hash=previous_hash,
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            yield make_break(
                "salts", "salts of fields that it has", f"{type(error).__name__}: {error}"
            )
            digest = "cannot be computed"
        if line.hash != digest:
            yield make_break("hash", digest, line.hash)
        if line.seq <= seq:
            yield make_break("order", f"a seq above {seq}", str(line.seq))
        if recorded_at is not None and line.recorded_at < recorded_at:
            yield make_break(
                "order", f"no earlier than {show_text(recorded_at)}", show_text(line.recorded_at)
            )
        number, previous_hash = at + 1, line.hash
        seq, recorded_at = line.seq, line.recorded_at


def check_numbers(connection: Connection) -> Iterator[Break | Remark]:
    """Yield a break or a remark if numbers of the whole record are missing, at its end too.

    SQLite numbers events without gaps.  PostgreSQL leaves a gap when a transaction is rolled back,
    so there a gap is only a remark: nothing in the database tells the two apart.
    """
    t = tables.events
    count, lowest, highest = connection.execute(
        select(func.count(), func.min(t.c.seq), func.max(t.c.seq))
    ).one()
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        last = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'events'")) or 0
    else:
        last = connection.scalar(
            text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_seq_seq")
        )
    last = max(last or 0, highest or 0)
    missing = last - count
    if not missing:
        return
    place = _first_gap(connection, lowest, highest)
    given_up = connection.scalar(
        select(tables.installation.c.value).where(tables.installation.c.name == NUMBERS_GIVEN_UP)
    )
    if given_up is not None and int(given_up) == missing:
        yield Remark(
            "events", f"{missing} numbers are without an event since a downgrade took them away"
        )
    elif sqlite:
        yield Break("", None, "events.seq", f"{last} events without a gap", place, "record")
    else:
        yield Remark(
            "events",
            f"{missing} of the numbers 1 to {last} are missing ({place}): rolled back or taken "
            "away, which only an anchor outside the database could tell apart",
        )


def _first_gap(connection: Connection, lowest: int | None, highest: int | None) -> str:
    t = tables.events
    if lowest is None:
        return "there is none"
    if lowest > 1:
        return f"the first is {lowest}"
    following = func.lead(t.c.seq).over(order_by=t.c.seq)
    pairs = select(t.c.seq, following.label("following")).subquery()
    gap = connection.execute(
        select(pairs).where(pairs.c.following != pairs.c.seq + 1).order_by(pairs.c.seq).limit(1)
    ).first()
    return f"none between {gap.seq} and {gap.following}" if gap else f"the last is {highest}"
