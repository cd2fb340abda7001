"""Sources: where a statement was read."""

from dataclasses import asdict
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select

from service.commands.inputs import NewSource
from service.domain import access, ids
from service.domain.access import Action, Actor
from service.domain.errors import Invalid
from service.store.prepared import Prepared
from service.store.tables import sources
from service.store.types import id_text
from service.store.upsert import insert_or_ignore

BY_FINGERPRINT = Prepared(
    select(sources.c.id).where(sources.c.fingerprint == bindparam("fingerprint"))
)
BY_ID = select(sources.c.id).where(sources.c.id == bindparam("source"))


def fingerprint(url: str, text_hash: str | None) -> str:
    """What makes a source the same: its URL, and the hash of its text where that is known."""
    return sha256(f"{text_hash or ''} {url}".encode()).hexdigest()


def record(
    session: Connection, source: NewSource, *, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """The source's id, and whether it is new: the same URL and text hash is the same source."""
    access.require(actor, Action.RECORD)
    mark = fingerprint(source.url, source.sha256)
    known = BY_FINGERPRINT.run(session, {"fingerprint": mark}).first()
    if known is not None:
        return id_text(known[0]), False
    row = asdict(source) | {"id": ids.uuid7(), "recorded_at": now, "fingerprint": mark}
    if insert_or_ignore(session, sources, row):
        return row["id"], True
    # Somebody recorded it just now.
    return id_text(BY_FINGERPRINT.run(session, {"fingerprint": mark}).one()[0]), False


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
