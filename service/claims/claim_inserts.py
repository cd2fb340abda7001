"""The writes with which a claim's record begins, and goes on: one round trip each."""

from functools import lru_cache

from sqlalchemy import Insert, bindparam, insert, select, update

from service.claims import pending_statements
from service.record import writer
from service.search.index import index_writer
from service.store.compiled_statements import StatementBatch, bind_columns
from service.store.tables import claim_versions, claims
from service.webhooks import outbox

ROW_COLUMNS = tuple(column.name for column in claims.c if column.name not in ("id", "created_at"))
"""The columns of `claims` that a state determines: what `build_row` gives."""
_KEPT = (
    *("status", "lifecycle", "agrees", "part_of", "assignee"),
    *("due_at", "hold_since", "hold_until", "document"),
)
"""The columns that versions keep as they were."""
SUPERSEDE = insert(claim_versions).from_select(
    ["claim", "version", "recorded_at", "superseded_at", *_KEPT],
    select(
        claims.c.id,
        claims.c.version,
        claims.c.changed_at,
        bindparam("superseded_at", type_=claim_versions.c.superseded_at.type),
        *(claims.c[name] for name in _KEPT),
    ).where(
        claims.c.id == bindparam("claim_id", type_=claims.c.id.type),
        claims.c.changed_at < bindparam("superseded_at", type_=claim_versions.c.superseded_at.type),
    ),
)


@lru_cache
def build_opening(lines: int, messages: int, renderings: int) -> StatementBatch:
    """Build the writes that begin a record with so many events and so many messages, and of the
    statement that the claim is made of, where it has renderings."""
    columns = (*ROW_COLUMNS, "id", "created_at")
    return StatementBatch(
        *(pending_statements.build_inserts(renderings) if renderings else ()),
        insert(claims).values(bind_columns(claims, columns, "new")),
        writer.build_insert(lines, "line"),
        *_build_message_inserts(messages),
        index_writer.INSERT_CLAIM,
    )


@lru_cache
def build_continuation(lines: int, messages: int, is_indexed: bool) -> StatementBatch:
    """Build the writes that append so many events: the present version is kept, then replaced;
    `is_indexed` says that the claim's words change."""
    replace = update(claims).where(claims.c.id == bindparam("claim_id", type_=claims.c.id.type))
    return StatementBatch(
        SUPERSEDE,
        replace.values(bind_columns(claims, ROW_COLUMNS, "new")),
        writer.build_insert(lines, "line"),
        *_build_message_inserts(messages),
        *([index_writer.UPDATE_CLAIM] if is_indexed else ()),
    )


def _build_message_inserts(messages: int) -> list[Insert]:
    return [write for i in range(messages) for write in outbox.build_inserts(f"told_{i}")]
