"""Sources: where a statement was read."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from service.domain import access, addresses, history, ids
from service.domain.access import Action, Actor
from service.domain.errors import Invalid
from service.domain.history import Draft
from service.domain.inputs import NewSource
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.writer import Line
from service.store.compiled_statements import CompiledStatement, insert_or_ignore
from service.store.tables import sources
from service.store.types import id_text

BY_FINGERPRINT = CompiledStatement(
    select(sources.c.id).where(sources.c.fingerprint == bindparam("fingerprint"))
)
# Of several texts that were read at one address, the latest.
BY_ADDRESS = CompiledStatement(
    select(sources.c.id)
    .where(sources.c.address_digest == bindparam("digest"))
    .order_by(sources.c.recorded_at.desc(), sources.c.id.desc())
    .limit(1)
)
BY_ID = select(sources.c.id).where(sources.c.id == bindparam("source"))


def fingerprint(url: str, text_hash: str | None) -> str:
    """What makes a source the same: its address in canonical form, and the hash of its text
    where that is known."""
    return sha256(f"{text_hash or ''} {addresses.normalize_address(url)}".encode()).hexdigest()


def record(
    connection: Connection, source: NewSource, *, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """Record a source; give its id, and whether it is new.

    The same address and text hash is the same source.  Where nothing but an address is given,
    the source that is known there is meant: another would have no name.
    """
    lines: list[Line] = []
    source_id = _enter(connection, source, lines, actor=actor, now=now)
    writer.write(connection, lines)
    return source_id, bool(lines)


def _enter(
    connection: Connection, source: NewSource, lines: list[Line], *, actor: Actor, now: datetime
) -> str:
    """The source's id; where it is new, its event is added to `lines`, for the caller to write."""
    access.require_permission(actor, Action.RECORD)
    mark = fingerprint(source.url, source.sha256)
    known = BY_FINGERPRINT.run(connection, {"fingerprint": mark}).first()
    if known is not None:
        return id_text(known[0])
    digest = addresses.compute_address_digest(source.url)
    if _is_bare(source):
        known = BY_ADDRESS.run(connection, {"digest": digest}).first()
        if known is not None:
            return id_text(known[0])
    row = asdict(source) | {
        "id": ids.make_id(),
        "recorded_at": now,
        "fingerprint": mark,
        "address_digest": digest,
    }
    if insert_or_ignore(connection, sources, row):
        draft = Draft("source.recorded", history.make_plain(source))
        subject = Subject(SubjectKind.SOURCE, row["id"])
        lines += writer.begin(subject, [draft], actor=actor, now=now)
        return str(row["id"])
    # Somebody recorded it just now.
    return id_text(BY_FINGERPRINT.run(connection, {"fingerprint": mark}).one()[0])


def _is_bare(source: NewSource) -> bool:
    """Whether a source is given by its address alone."""
    described = (source.publisher, source.title, source.published_at, source.archive_url)
    return source.sha256 is None and not any(described)


def resolve(
    connection: Connection,
    source: str | NewSource,
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...],
    lines: list[Line] | None = None,
) -> str:
    """The id of a source given by id or to be recorded.

    The event of a new source is added to `lines`, for the caller to write with its own; without
    `lines` it is written at once.
    """
    if isinstance(source, NewSource):
        if lines is None:
            return record(connection, source, actor=actor, now=now)[0]
        return _enter(connection, source, lines, actor=actor, now=now)
    if connection.scalar(BY_ID, {"source": source}) is None:
        raise Invalid("there is no source with this id", loc=(*loc, "source"))
    return source
