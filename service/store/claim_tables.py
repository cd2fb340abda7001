"""Tables of claims: who said what, and what the desk makes of it.

`claims` has what a claim's events fold to (`state`), as it is served (`document`), with the columns
that lists filter by.  `claim_versions` keeps what `claims` held before each change, with the
interval in which it held: as-of questions are look-ups, not computations.  `links`, `decisions` and
`claim_tags` repeat parts of the state for queries that cross claims.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from service.domain.claims import (
    Basis,
    Kind,
    Lifecycle,
    Precision,
    Rendering,
    Scope,
    Stance,
    Status,
)
from service.domain.correction_requests import RequestOutcome
from service.store.metadata import check_enum, metadata, partial_index
from service.store.types import Id, Instant, LongText

WALKED = (
    *("lifecycle", "kind", "agrees", "superseded_since", "claimed_at", "claimed_end"),
    "origin_statement",
)
"""Columns of a claim by which lists choose, after those that they are in the order of."""
WALKED_THEN = ("superseded_at", "lifecycle", "agrees", "hold_since")
"""The same of what a claim was before."""

statements = Table(
    "statements",
    metadata,
    Column("id", Id, primary_key=True),
    # NULL: words that no party stands behind, the origin of an unattributed claim.
    Column("party", ForeignKey("parties.slug")),
    Column("speaker", ForeignKey("speakers.id"), index=True),
    # NULL: by name, or nobody's.  What follows says of a source that is not named who it is, and
    # why that is withheld; `party` is then whom it belongs to, if that is said.
    Column("attribution", String(16)),
    Column("description", String(300)),
    Column("reason", LongText),
    Column("said_at", Instant, nullable=False),
    # The end of the day, hour, minute or second that is known: what lists are put in order by.
    Column("said_end", Instant, nullable=False),
    Column("precision", String(16), nullable=False),
    Column("basis", String(32), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", String(120), nullable=False),
    Column("withdrawn_at", Instant),
    Column("withdrawal_reason", LongText),
    Column("withdrawal_source", ForeignKey("sources.id")),
    # When the world heard of the withdrawal, where that is known.
    Column("withdrawal_said_at", Instant),
    Column("withdrawal_precision", String(16)),
    # What was withdrawn or void stays said; it counts again from when that ended.
    Column("withdrawal_ended_at", Instant),
    Column("voided_at", Instant),
    Column("void_reason", LongText),
    Column("void_ended_at", Instant),
    check_enum("precision", Precision),
    check_enum("basis", Basis),
    Index(None, "said_end", "id"),
    Index(None, "party", "said_end", "id"),
)

quotes = Table(
    "quotes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("statement", ForeignKey("statements.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("text", LongText, nullable=False),
    Column("language", String(35), nullable=False),
    Column("rendering", String(16), nullable=False),
    Column("source", ForeignKey("sources.id"), nullable=False, index=True),
    Column("exact", LongText),
    Column("prefix", LongText),
    Column("suffix", LongText),
    Column("recorded_at", Instant, nullable=False),
    check_enum("rendering", Rendering),
    UniqueConstraint("statement", "position"),
)

claims = Table(
    "claims",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", LongText, nullable=False),
    Column("assignee", String(64)),
    Column("due_at", Instant),
    Column("merged_into", ForeignKey("claims.id"), index=True),
    Column("status", String(24), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("story", ForeignKey("stories.slug")),
    Column("claimant", ForeignKey("parties.slug")),
    Column("claimant_root", String(64)),
    Column("part_of", ForeignKey("claims.id"), index=True),
    Column("origin_statement", ForeignKey("statements.id"), nullable=False, index=True),
    Column("agrees", Boolean, nullable=False),
    Column("challenged", Boolean, nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("claimed_at", Instant, nullable=False),
    # As `said_end` of a statement.
    Column("claimed_end", Instant, nullable=False),
    Column("precision", String(16), nullable=False, server_default="day"),
    Column("status_since", Instant, nullable=False),
    # When the desk learned of the claim that supersedes it, if one does.
    Column("superseded_since", Instant),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # When a hold began, and when it ends by itself; null without a hold, the latter also for one
    # without an end.
    Column("hold_since", Instant),
    Column("hold_until", Instant),
    Column("state", LongText, nullable=False),
    Column("last_hash", String(64), nullable=False),
    check_enum("status", Status),
    check_enum("kind", Kind),
    check_enum("lifecycle", Lifecycle),
    # Lists walk one of these from the cursor on; each ends with what its order ends with. The two
    # that are walked where no other filter has an index then have what is asked for most, so that
    # only claims that are listed are read: a row takes some kilobytes.
    Index("ix_claims_changed", "changed_at", "id", *WALKED),
    Index("ix_claims_status", "status", "changed_at", "id", *WALKED),
    Index(None, "story", "changed_at", "id"),
    Index(None, "claimant_root", "changed_at", "id"),
    Index(None, "claimant_root", "status", "changed_at", "id"),
    Index(None, "claimant", "changed_at", "id"),
    Index(None, "claimant", "status", "changed_at", "id"),
    Index(None, "claimed_end", "id"),
    partial_index(
        "ix_claims_review", "changed_at", "id", where="pending OR challenged OR NOT agrees"
    ),
    partial_index("ix_claims_withdrawn", "changed_at", "id", where="lifecycle = 'withdrawn'"),
    partial_index("ix_claims_hold", "hold_until", "id", where="hold_until IS NOT NULL"),
    partial_index("ix_claims_held", "changed_at", "id", where="hold_since IS NOT NULL"),
    partial_index("ix_claims_due", "due_at", "id", where="due_at IS NOT NULL"),
    partial_index("ix_claims_storyless", "changed_at", "id", where="story IS NULL"),
    partial_index("ix_claims_superseded", "changed_at", "id", where="superseded_since IS NOT NULL"),
    partial_index("ix_claims_void", "changed_at", "id", where="lifecycle = 'void'"),
    partial_index(
        "ix_claims_assignee", "assignee", "changed_at", "id", where="assignee IS NOT NULL"
    ),
)

# The links of a state beyond those in `claims.state` (states.py), each by its place among all.
state_links = Table(
    "state_links",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("state", LongText, nullable=False),
    sqlite_with_rowid=False,
)

claim_versions = Table(
    "claim_versions",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    # In the key, so that what held at an instant is found without its history: the first row that
    # was superseded later.  What held for no time at all is not kept.
    Column("superseded_at", Instant, primary_key=True),
    Column("status", String(24), nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("agrees", Boolean, nullable=False),
    Column("part_of", Id),
    Column("assignee", String(64)),
    Column("due_at", Instant),
    Column("hold_since", Instant),
    Column("hold_until", Instant),
    Column("document", LongText, nullable=False),
    # As those of claims: of what held at an instant, and passes the filters, a row is read.
    Index("ix_claim_versions_recorded", "recorded_at", "claim", *WALKED_THEN),
    partial_index("ix_claim_versions_due", "due_at", "claim", where="due_at IS NOT NULL"),
    Index("ix_claim_versions_status", "status", "recorded_at", "claim", *WALKED_THEN),
    partial_index(
        "ix_claim_versions_part_of", "part_of", "recorded_at", "claim", where="part_of IS NOT NULL"
    ),
)

# What lists filter by is in `claims`, `links` and `quotes` as it is right now.  What it was before
# a correction is here, each row until the event `number` of the claim; of several that were
# superseded after an instant, the first held then.  A claim has a row in the first of these for
# each correction that the others have rows of, too.
former_claims = Table(
    "former_claims",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("superseded_at", Instant, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("story", String(64)),
    Column("claimant", String(64)),
    Column("claimed_at", Instant, nullable=False),
    Column("claimed_end", Instant, nullable=False),
    Column("origin_statement", Id, nullable=False),
    Column("superseded_since", Instant),
    Index(None, "superseded_at"),
    Index(None, "story", "superseded_at"),
    Index(None, "claimant", "superseded_at"),
)

former_links = Table(
    "former_links",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("link", Id, primary_key=True),
    Column("superseded_at", Instant, nullable=False),
    Column("party", String(64)),
)

former_quotes = Table(
    "former_quotes",
    metadata,
    Column("claim", ForeignKey("claims.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("quote", Id, primary_key=True),
    Column("superseded_at", Instant, nullable=False),
    Column("language", String(35), nullable=False),
)

claim_tags = Table(
    "claim_tags",
    metadata,
    Column("tag", String(50), primary_key=True),
    Column("claim", ForeignKey("claims.id"), primary_key=True, index=True),
    Column("added_at", Instant, primary_key=True),
    Column("removed_at", Instant),
)

links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False, index=True),
    Column("statement", ForeignKey("statements.id"), nullable=False, index=True),
    # NULL: a source that is not named.
    Column("party", String(64)),
    Column("root", String(64)),
    Column("stance", String(24), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("conditional", Boolean, nullable=False),
    Column("note", LongText),
    Column("linked_by", String(120), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("retracted_at", Instant),
    Column("retraction_reason", LongText),
    Column("retraction_ended_at", Instant),
    Column("voided_at", Instant),
    Column("void_reason", LongText),
    Column("void_ended_at", Instant),
    check_enum("stance", Stance),
    check_enum("scope", Scope),
    Index(None, "root", "stance", "claim"),
    Index(None, "party", "stance", "claim"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("kind", String(16), nullable=False, server_default="status"),
    Column("to", String(24), nullable=False),
    Column("from", String(24), nullable=False),
    Column("reason", LongText, nullable=False),
    Column("proposal", LongText, nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_by_name", String(120), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("settled_by", String(64)),
    Column("settled_by_name", String(120)),
    Column("settled_at", Instant),
    Column("comment", LongText),
    CheckConstraint(
        "state IN ('pending', 'approved', 'rejected', 'withdrawn', 'superseded', 'lapsed')",
        name="state",
    ),
    Index(None, "state", "proposed_at", "id"),
    Index(None, "proposed_by", "proposed_at", "id"),
)

# Which claim a request for comment is on; the claim's state says the rest.
inquiries = Table(
    "inquiries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False, index=True),
    # NULL: the desk names nobody but in its own words.
    Column("party", ForeignKey("parties.slug"), index=True),
    # When the deadline passes; NULL once it has, or something has come of the request.
    Column("due_at", Instant),
    partial_index("ix_inquiries_due_at", "due_at", where="due_at IS NOT NULL"),
)

# What strangers ask the desk to correct: no part of the record, and deleted some time after the
# answer.
correction_requests = Table(
    "correction_requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False, index=True),
    Column("text", LongText, nullable=False),
    Column("url", LongText),
    Column("contact", String(254)),
    Column("wants_publication", Boolean, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("outcome", String(16)),
    Column("answer", LongText),
    Column("published", Boolean, nullable=False),
    Column("answered_by", String(64)),
    Column("answered_by_name", String(120)),
    Column("answered_at", Instant, index=True),
    check_enum("outcome", RequestOutcome),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("claim", ForeignKey("claims.id"), nullable=False),
    Column("text", LongText, nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(120), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    # The note that began the thread, which is no reply itself.
    Column("reply_to", Id),
    Index(None, "claim", "recorded_at", "id"),
)

# Articles being taken in: their text is kept until everything in them is recorded, and no longer.
intakes = Table(
    "intakes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", ForeignKey("sources.id"), nullable=False, index=True),
    Column("text", LongText, nullable=False),
    Column("language", String(35), nullable=False),
    Column("story", ForeignKey("stories.slug")),
    # A user's id or an API key's.
    Column("opened_by", String(64), nullable=False),
    Column("opened_by_name", String(120), nullable=False),
    Column("opened_at", Instant, nullable=False, index=True),
)
