"""Sources: where a statement was read."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from service.commands.inputs import NewSource
from service.domain import access, addresses, ids
from service.domain.access import Action, Actor
from service.domain.errors import Invalid
from service.store.prepared import Prepared
from service.store.tables import sources
from service.store.types import id_text
from service.store.upsert import insert_or_ignore

BY_FINGERPRINT = Prepared(
    select(sources.c.id).where(sources.c.fingerprint == bindparam("fingerprint"))
)
# Of several texts that were read at one address, the latest.
BY_ADDRESS = Prepared(
    select(sources.c.id)
    .where(sources.c.address_digest == bindparam("digest"))
    .order_by(sources.c.recorded_at.desc(), sources.c.id.desc())
    .limit(1)
)
BY_ID = select(sources.c.id).where(sources.c.id == bindparam("source"))


def fingerprint(url: str, text_hash: str | None) -> str:
    """What makes a source the same: its address in canonical form, and the hash of its text
    where that is known."""
    return sha256(f"{text_hash or ''} {addresses.canonical(url)}".encode()).hexdigest()


def record(
    session: Connection, source: NewSource, *, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """Record a source; give its id, and whether it is new.

    The same address and text hash is the same source.  Where nothing but an address is given,
    the source that is known there is meant: another would have no name.
    """
    access.require(actor, Action.RECORD)
    mark = fingerprint(source.url, source.sha256)
    known = BY_FINGERPRINT.run(session, {"fingerprint": mark}).first()
    if known is not None:
        return id_text(known[0]), False
    digest = addresses.digest(source.url)
    if _is_bare(source):
        known = BY_ADDRESS.run(session, {"digest": digest}).first()
        if known is not None:
            return id_text(known[0]), False
    row = asdict(source) | {
        "id": ids.uuid7(),
        "recorded_at": now,
        "fingerprint": mark,
        "address_digest": digest,
    }
    if insert_or_ignore(session, sources, row):
        return row["id"], True
    # Somebody recorded it just now.
    return id_text(BY_FINGERPRINT.run(session, {"fingerprint": mark}).one()[0]), False


def _is_bare(source: NewSource) -> bool:
    """Whether a source is given by its address alone."""
    described = (source.publisher, source.title, source.published_at, source.archive_url)
    return source.sha256 is None and not any(described)


def resolve(
    session: Connection,
    source: str | NewSource,
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...],
) -> str:
    """The id of a source given by id or to be recorded."""
    if isinstance(source, NewSource):
        return record(session, source, actor=actor, now=now)[0]
    if session.scalar(BY_ID, {"source": source}) is None:
        raise Invalid("there is no source with this id", loc=(*loc, "source"))
    return source
