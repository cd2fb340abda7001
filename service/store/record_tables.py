"""Tables of the record, and of what an installation knows of itself.

`events` is append-only, numbered and hashed per subject.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, String, Table

from service.domain.subjects import SubjectKind
from service.store.metadata import check_enum, metadata, partial_index
from service.store.types import Id, Instant, LongText, Sequence

events = Table(
    "events",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    # What the event is about: a claim by its id, anything else by `subject`, an id or a slug.
    Column("kind", String(16), nullable=False),
    Column("claim", ForeignKey("claims.id")),
    Column("subject", String(64)),
    Column("number", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", LongText, nullable=False),
    Column("data", LongText, nullable=False),
    # Of the fields of `data` that are hashed as commitments (record/canonical.py); null: of none.
    Column("salts", LongText),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    # The claim's after the event: what tails and feeds filter by.  A correction may change it.
    Column("story", String(64)),
    # When the world heard what this line tells of; null where it tells of the desk's own doing.
    # Releases of older schemas read it while this one is brought in.
    Column("said_at", Instant),
    # The end of the day, hour, minute or second that is known of that.
    Column("said_end", Instant),
    check_enum("kind", SubjectKind),
    CheckConstraint("(kind = 'claim') = (claim IS NOT NULL)", name="claim"),
    CheckConstraint("(claim IS NULL) = (subject IS NOT NULL)", name="subject"),
    # Indexes are partial, so that events of one kind cost nothing in the others' indexes.
    partial_index(
        "ix_events_claim_number", "claim", "number", where="claim IS NOT NULL", unique=True
    ),
    partial_index(
        "ix_events_subject_number",
        "kind",
        "subject",
        "number",
        where="subject IS NOT NULL",
        unique=True,
    ),
    partial_index("ix_events_claim_seq", "seq", where="claim IS NOT NULL"),
    partial_index("ix_events_story_seq", "story", "seq", where="story IS NOT NULL"),
    partial_index("ix_events_type_seq", "type", "seq", where="claim IS NOT NULL"),
    partial_index(
        "ix_events_type_recorded", "type", "recorded_at", "seq", where="claim IS NOT NULL"
    ),
    # A story's timeline, by either clock.
    partial_index(
        "ix_events_story_recorded", "story", "recorded_at", "seq", where="story IS NOT NULL"
    ),
    partial_index("ix_events_story_said", "story", "said_end", "seq", where="said_end IS NOT NULL"),
    sqlite_autoincrement=True,
    implicit_returning=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    # SHA-256 of caller and key: neither is worth keeping in clear.
    Column("key_hash", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", LongText, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", Instant, nullable=False, index=True),
)

installation = Table(
    "installation",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LongText, nullable=False),
)
