"""The whole schema, on one page.

`events` is the record: append-only, numbered and hashed per subject.  `claims` is what a claim's
events fold to (`state`), as it is served (`document`), with the columns that lists filter by.
`claim_versions` keeps what `claims` held before each change, with the interval in which it held:
as-of questions are look-ups, not computations.  `links` and `decisions` repeat parts of the state
for queries that cross claims; `claimdesk verify` proves all of them from the record.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from service.domain.access import Role
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
from service.domain.subjects import SubjectKind
from service.store.types import Id, Instant, LongText, Sequence

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, kind: type) -> CheckConstraint:
    values = ", ".join(f"'{member.value}'" for member in kind)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({values})", name=column)


def _partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of `events` that holds only the rows that `where` says."""
    only = text(where)
    return Index(
        f"ix_events_{name}",
        *columns,
        unique=unique,
        sqlite_where=only,
        postgresql_where=only,
    )


# Who is who, and where it was read.

parties = Table(
    "parties",
    metadata,
    Column("slug", String(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("full_name", String(300)),
    Column("kind", String(40)),
    Column("country", String(2)),
    Column("parent", ForeignKey("parties.slug"), index=True),
    Column("root", String(64), nullable=False, index=True),
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

# Who said what.

statements = Table(
    "statements",
    metadata,
    Column("id", Id, primary_key=True),
    # NULL: words that no party stands behind, the origin of an unattributed claim.
    Column("party", ForeignKey("parties.slug")),
    Column("speaker", ForeignKey("speakers.id"), index=True),
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
    one_of("precision", Precision),
    one_of("basis", Basis),
    Index(None, "said_end", "id"),
    Index(None, "party", "said_end", "id"),
)

quotes = Table(
    "quotes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("statement", ForeignKey("statements.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("text", LongText, nullable=False),
    Column("language", String(35), nullable=False),
    Column("rendering", String(16), nullable=False),
    Column("source", ForeignKey("sources.id"), nullable=False, index=True),
    Column("exact", LongText),
    Column("prefix", LongText),
    Column("suffix", LongText),
    Column("recorded_at", Instant, nullable=False),
    one_of("rendering", Rendering),
    UniqueConstraint("statement", "position"),
)

# Claims: what the record folds to.

claims = Table(
    "claims",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", LongText, nullable=False),
    Column("assignee", String(64)),
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
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("state", LongText, nullable=False),
    Column("last_hash", String(64), nullable=False),
    one_of("status", Status),
    one_of("kind", Kind),
    one_of("lifecycle", Lifecycle),
    # Lists walk one of these from the cursor on; each ends with what its order ends with.
    Index(None, "changed_at", "id"),
    Index(None, "status", "changed_at", "id"),
    Index(None, "story", "changed_at", "id"),
    Index(None, "claimant_root", "changed_at", "id"),
    Index(None, "claimant_root", "status", "changed_at", "id"),
    Index(None, "claimant", "changed_at", "id"),
    Index(None, "claimant", "status", "changed_at", "id"),
    Index(None, "claimed_end", "id"),
    Index(
        "ix_claims_review",
        "changed_at",
        "id",
        sqlite_where=text("pending OR challenged OR NOT agrees"),
        postgresql_where=text("pending OR challenged OR NOT agrees"),
    ),
    Index(
        "ix_claims_withdrawn",
        "changed_at",
        "id",
        sqlite_where=text("lifecycle = 'withdrawn'"),
        postgresql_where=text("lifecycle = 'withdrawn'"),
    ),
    Index(
        "ix_claims_assignee",
        "assignee",
        "changed_at",
        "id",
        sqlite_where=text("assignee IS NOT NULL"),
        postgresql_where=text("assignee IS NOT NULL"),
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
    Column("document", LongText, nullable=False),
    Index(None, "recorded_at", "claim"),
    Index(None, "status", "recorded_at", "claim"),
    Index(
        "ix_claim_versions_part_of",
        "part_of",
        "recorded_at",
        "claim",
        sqlite_where=text("part_of IS NOT NULL"),
        postgresql_where=text("part_of IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
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
    Column("party", String(64), nullable=False),
    Column("root", String(64), nullable=False),
    Column("stance", String(24), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("conditional", Boolean, nullable=False),
    Column("note", LongText),
    Column("linked_by", String(120), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("retracted_at", Instant),
    Column("retraction_reason", LongText),
    one_of("stance", Stance),
    one_of("scope", Scope),
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
    Index(None, "claim", "recorded_at", "id"),
)

# The record.

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
    # The claim's, which never changes: what tails and feeds filter by.
    Column("story", String(64)),
    # When the world heard what this line tells of; null where it tells of the desk's own doing.
    # Releases of older schemas read it while this one is brought in.
    Column("said_at", Instant),
    # The end of the day, hour, minute or second that is known of that.
    Column("said_end", Instant),
    one_of("kind", SubjectKind),
    CheckConstraint("(kind = 'claim') = (claim IS NOT NULL)", name="claim"),
    CheckConstraint("(claim IS NULL) = (subject IS NOT NULL)", name="subject"),
    # Indexes are partial, so that events of one kind cost nothing in the others' indexes.
    _partial_index("claim_number", "claim", "number", where="claim IS NOT NULL", unique=True),
    _partial_index(
        "subject_number", "kind", "subject", "number", where="subject IS NOT NULL", unique=True
    ),
    _partial_index("claim_seq", "seq", where="claim IS NOT NULL"),
    _partial_index("story_seq", "story", "seq", where="story IS NOT NULL"),
    _partial_index("type_seq", "type", "seq", where="claim IS NOT NULL"),
    _partial_index("type_recorded", "type", "recorded_at", "seq", where="claim IS NOT NULL"),
    # A story's timeline, by either clock.
    _partial_index("story_recorded", "story", "recorded_at", "seq", where="story IS NOT NULL"),
    _partial_index("story_said", "story", "said_end", "seq", where="said_end IS NOT NULL"),
    sqlite_autoincrement=True,
    implicit_returning=False,
)

# Accounts.

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(300)),
    # The ids of whoever set or took away the password, where that was not its owner.
    Column("password_by", LongText),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    one_of("role", Role),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("role", String(16), nullable=False),
    Column("user", ForeignKey("users.id"), index=True),
    # The ids of whoever made it through the API or the desk; none of what the console made.
    Column("made_by", LongText),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),
    one_of("role", Role),
)

SESSION_NAME = 16
"""Characters of a session's hash that name it to its owner, and are not enough to be in it."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("last_used_at", Instant),
    # The browser, as it names itself: by it people know their own sessions.
    Column("agent", String(200)),
    # The ids of whoever made the link, or set the password, that began it.
    Column("opened_by", LongText),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False, index=True),
    Column("made_by", LongText),
    Column("made_by_name", String(120)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
)

# How soon another try at a password is looked at, for each account, address and browser.
sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    # SHA-256 of what is counted: who tried to sign in from where is not worth keeping in clear.
    Column("key_hash", String(64), primary_key=True),
    Column("free_at", Instant, nullable=False, index=True),
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

INDEXES = {"claim_search": "claim_words", "statement_search": "statement_words"}
"""The index of each: an FTS5 table on SQLite, a GIN index on PostgreSQL."""
