"""Tables of the directory: who is who, and where it was read."""

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint

from service.store.metadata import metadata
from service.store.types import Id, Instant, LongText

parties = Table(
    "parties",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("full_name", String(300)),
    # What it is called within a sentence, where that is not its name.
    Column("in_sentence", String(120)),
    Column("kind", String(40)),
    Column("country", String(2)),
    Column("parent", ForeignKey("parties.slug"), index=True),
    Column("root", String(64), nullable=False, index=True),
    # A merged party stands below the one that took its place, by whose name it is shown; its own is
    # kept beside.
    Column("merged_into", ForeignKey("parties.slug")),
    Column("merged_name", String(120)),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# What `parties` has held of the tree and its names; the row that holds now has no end.
party_versions = Table(
    "party_versions",
    metadata,
    Column("slug", ForeignKey("parties.slug"), primary_key=True),
    Column("recorded_at", Instant, primary_key=True),
    Column("superseded_at", Instant),
    Column("name", String(120), nullable=False),
    Column("parent", String(64), index=True),
    Column("root", String(64), nullable=False),
)

speakers = Table(
    "speakers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("party", ForeignKey("parties.slug"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("role", String(200)),
    Column("folded_name", String(400), nullable=False),
    Column("folded_role", String(400), nullable=False),
    # As of parties.  Whoever is found by the own name and role is shown by the other's.
    Column("merged_into", Id),
    Column("merged_name", String(200)),
    Column("merged_role", String(200)),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("party", "folded_name", "folded_role"),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url", String(2048), nullable=False),
    Column("publisher", String(200)),
    Column("title", String(500)),
    Column("published_at", Instant),
    Column("language", String(35)),
    Column("archive_url", String(2048)),
    Column("sha256", String(64)),
    Column("recorded_at", Instant, nullable=False),
    # The source that is shown in its place.
    Column("merged_into", Id),
    # SHA-256 of canonical URL and text hash: long addresses do not fit an index everywhere.
    Column("fingerprint", String(64), nullable=False, unique=True),
    # SHA-256 of the canonical URL alone, whatever the text was.
    Column("address_digest", String(64), nullable=False, index=True),
)

stories = Table(
    "stories",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("title", String(300), nullable=False),
    Column("description", LongText),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
