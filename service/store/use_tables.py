"""The table of uses: who printed which claim, and whether that is outdated."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from service.domain.claims import Status
from service.domain.uses import UseClass, UseState
from service.store.metadata import check_enum, metadata, partial_index
from service.store.types import Id, Instant, LongText

uses = Table(
    "uses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False),
    # What was printed of it: the claim's version, status and print line of that moment.
    Column("version", Integer, nullable=False),
    Column("status", String(24), nullable=False),
    Column("print_line", LongText, nullable=False),
    Column("url", LongText),
    Column("place", LongText),
    Column("title", LongText),
    Column("published_at", Instant),
    Column("wording", LongText),
    # Whom to tell: the desk's business, never public.
    Column("contact", LongText),
    Column("language", String(35)),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_by_name", String(120), nullable=False),
    Column("state", String(16), nullable=False),
    Column("class", String(16)),
    Column("outdated_at", Instant),
    # The claim's version that gave it its class.
    Column("outdated_version", Integer),
    Column("acknowledged_at", Instant),
    Column("acknowledged_by_name", String(120)),
    Column("acknowledged_version", Integer),
    Column("note", LongText),
    Column("corrected_url", LongText),
    Column("retired_at", Instant),
    Column("retired_by_name", String(120)),
    Column("retired_version", Integer),
    check_enum("status", Status),
    check_enum("state", UseState),
    check_enum("class", UseClass),
    CheckConstraint("url IS NOT NULL OR place IS NOT NULL", name="address"),
    Index(None, "claim", "state"),
    Index(None, "claim", "id"),
    Index(None, "state", "id"),
    # What has been open longest stands first.
    partial_index("ix_uses_open", "outdated_at", "id", where="state = 'outdated'"),
)
