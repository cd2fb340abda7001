"""Renames whose claims are still being worked on (claims/rename_queue.py)."""

from sqlalchemy import Column, Integer, String, Table

from service.store.metadata import metadata
from service.store.types import Id, Instant, LongText

renames = Table(
    "renames",
    metadata,
    Column("id", Id, primary_key=True),
    # What was renamed: a party by its slug, or a speaker by their id.
    Column("kind", String(10), nullable=False),
    Column("subject", String(64), nullable=False),
    # Of the event on each claim; none where claims are only found otherwise.
    Column("data", LongText),
    Column("actor", LongText, nullable=False),
    # How many claims there were when it began.
    Column("claims", Integer, nullable=False),
    Column("last_statement", Id),
    Column("started_at", Instant, nullable=False),
)

# Without foreign keys: on PostgreSQL each row would lock its claim until all rows are written.
rename_claims = Table(
    "rename_claims",
    metadata,
    Column("rename", Id, primary_key=True),
    Column("claim", Id, primary_key=True, index=True),
)
