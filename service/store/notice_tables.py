"""The tables of notices: what people follow, what they are told, and what is still to be told.

They hold people's own settings and mail, and are no part of the record.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from service.domain.notice_times import Channel
from service.domain.notices import LONGEST_TARGET, Alert, FollowKind, NoticeKind
from service.store.metadata import check_enum, metadata, partial_index
from service.store.types import Id, Instant, LongText, Sequence

follows = Table(
    "follows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    # A claim's id, a slug, a tag, or the filters of a search.
    Column("target", String(LONGEST_TARGET), nullable=False),
    # Begun by what the person did, not by themselves.
    Column("automatic", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Kept, so that what somebody no longer follows is not followed by itself again.
    Column("stopped_at", Instant),
    check_enum("kind", FollowKind),
    UniqueConstraint("user", "kind", "target"),
    partial_index("ix_follows_target", "kind", "target", "user", where="stopped_at IS NULL"),
    Index(None, "user", "id"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("claim", Id),
    # What it tells of: nobody is told of the same twice.
    Column("key", String(120), nullable=False),
    Column("summary", LongText, nullable=False),
    # Whether it holds what only the desk may read.
    Column("internal", Boolean, nullable=False),
    # The number of the last event that it tells of.
    Column("position", Sequence, nullable=False),
    Column("at", Instant, nullable=False),
    Column("read_at", Instant),
    check_enum("kind", NoticeKind),
    UniqueConstraint("key", "user"),
    Index(None, "user", "id"),
    Index(None, "at"),
    partial_index("ix_notices_unread", "user", "id", where="read_at IS NULL"),
    partial_index("ix_notices_read", "read_at", where="read_at IS NOT NULL"),
)

# Private addresses of feeds: of what a person follows, or of a story.
personal_feeds = Table(
    "personal_feeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False),
    # NULL: what the person follows.
    Column("story", ForeignKey("stories.slug")),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Index(None, "user", "id"),
)

# Where and when people are written to; without a row, nowhere but their inbox.
notice_settings = Table(
    "notice_settings",
    metadata,
    Column("user", ForeignKey("users.id"), primary_key=True),
    # {kind: {"mail": "at_once" | "digest" | "off", "chat": bool}}
    Column("kinds", LongText, nullable=False),
    Column("digest_hour", Integer, nullable=False),
    Column("time_zone", String(64), nullable=False),
    # `22:00`: from when, and until when, nothing is sent; both or neither.
    Column("quiet_from", String(5)),
    Column("quiet_until", String(5)),
    # Endpoints of their own.
    Column("mail_channel", Id),
    Column("chat_channel", Id),
    Column("updated_at", Instant, nullable=False),
)

# Notices that are to go out by mail or chat.
notice_mailings = Table(
    "notice_mailings",
    metadata,
    Column("notice", ForeignKey("notices.id"), primary_key=True),
    Column("channel", String(8), primary_key=True),
    Column("user", ForeignKey("users.id"), nullable=False),
    Column("due_at", Instant, nullable=False),
    # Together with whatever else goes out then.
    Column("gathered", Boolean, nullable=False),
    check_enum("channel", Channel),
    Index(None, "due_at"),
    Index(None, "user", "channel"),
)

# What is still to be told to many: the changes of a claim, or a decision that waits.
notice_jobs = Table(
    "notice_jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("claim", Id, nullable=False),
    Column("decision", Id),
    Column("first_seq", Sequence, nullable=False),
    Column("last_seq", Sequence, nullable=False),
    Column("due_at", Instant, nullable=False),
    # Once it has begun: whose followers are told, and who was told last.
    Column("targets", LongText),
    Column("done_until", Id),
    check_enum("kind", NoticeKind),
    Index(None, "claim", "kind"),
    Index(None, "due_at"),
)

# Of which endpoints administrators know that they are not well. No foreign key: removed endpoints
# are deleted some time.
endpoint_alerts = Table(
    "endpoint_alerts",
    metadata,
    Column("webhook", Id, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", Instant, nullable=False),
    check_enum("state", Alert),
)

# The number of the last event that was looked at: one row.
notice_position = Table(
    "notice_position",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Sequence, nullable=False),
    # Up to when overdue claims were told; null before the first.
    Column("due_until", Instant),
)

# Named filters of the board: a person's own, or the desk's.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Id, primary_key=True),
    # NULL: the desk's.
    Column("user", ForeignKey("users.id")),
    Column("name", String(80), nullable=False),
    Column("query", LongText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("user", "name"),
    partial_index("uq_saved_views_of_desk", "name", where='"user" IS NULL', unique=True),
)
