"""Commands about sources: where statements were read."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from service.domain import access, addresses, ids, plain_data
from service.domain.access import Action, Actor
from service.domain.errors import Invalid
from service.domain.history import Draft
from service.domain.inputs import NewSource
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.compiled_statements import CompiledStatement, insert_or_ignore
from service.store.tables import sources
from service.store.types import format_id

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


def compute_fingerprint(url: str, text_hash: str | None) -> str:
    """Return the digest of what makes two sources the same: the address in canonical form, and
    the hash of the text where that is known."""
    return sha256(f"{text_hash or ''} {addresses.normalize_address(url)}".encode()).hexdigest()


def record_source(
    connection: Connection, source: NewSource, *, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """Record a source; return its id, and whether it is new.

    The same address and text hash is the same source.  Where nothing but an address is given, it
    is the source that is known there: another would have no name.
    """
    lines: list[writer.EventRow] = []
    source_id = _find_or_create_source(connection, source, lines, actor=actor, now=now)
    writer.write_lines(connection, lines)
    return source_id, bool(lines)


def _find_or_create_source(
    connection: Connection,
    source: NewSource,
    lines: list[writer.EventRow],
    *,
    actor: Actor,
    now: datetime,
) -> str:
    """Return the source's id; the event of a new source is added to `lines`, for the caller to
    write."""
    access.require_permission(actor, Action.RECORD)
    fingerprint = compute_fingerprint(source.url, source.sha256)
    source_row = BY_FINGERPRINT.run(connection, {"fingerprint": fingerprint}).first()
    if source_row is not None:
        return format_id(source_row[0])
    digest = addresses.compute_address_digest(source.url)
    if _is_bare(source):
        source_row = BY_ADDRESS.run(connection, {"digest": digest}).first()
        if source_row is not None:
            return format_id(source_row[0])
    row = {name: getattr(source, name) for name in source.__dataclass_fields__} | {
        "id": ids.make_id(),
        "recorded_at": now,
        "fingerprint": fingerprint,
        "address_digest": digest,
    }
    if insert_or_ignore(connection, sources, row):
        draft = Draft("source.recorded", plain_data.make_plain(source))
        subject = Subject(SubjectKind.SOURCE, row["id"])
        lines += writer.build_first_lines(subject, [draft], actor=actor, now=now)
        return str(row["id"])
    # Somebody recorded it just now.
    return format_id(BY_FINGERPRINT.run(connection, {"fingerprint": fingerprint}).one()[0])


def _is_bare(source: NewSource) -> bool:
    """Whether a source is given by its address alone."""
    descriptions = (source.publisher, source.title, source.published_at, source.archive_url)
    return source.sha256 is None and not any(descriptions)


def resolve_source(
    connection: Connection,
    source: str | NewSource,
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...],
    lines: list[writer.EventRow] | None = None,
) -> str:
    """Return the id of a source that is given by its id, or is to be recorded.

    The event of a new source is added to `lines`, for the caller to write with its own; without
    `lines` it is written at once.
    """
    if isinstance(source, NewSource):
        if lines is None:
            return record_source(connection, source, actor=actor, now=now)[0]
        return _find_or_create_source(connection, source, lines, actor=actor, now=now)
    if connection.scalar(BY_ID, {"source": source}) is None:
        raise Invalid("there is no source with this id", loc=(*loc, "source"))
    return source
