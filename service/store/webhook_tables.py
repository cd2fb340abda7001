"""The tables of webhooks: endpoints, messages, deliveries and attempts.

A message is written in the transaction of its event, and so is one delivery for each endpoint that
wants it: this is the outbox.  The dispatcher leases deliveries, sends and settles them, and keeps
no state but these tables.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    and_,
    text,
    true,
)

from service.domain.webhooks import DeliveryState, EndpointState, Format, ListFilter, Ordering
from service.store.metadata import check_enum, metadata
from service.store.types import Id, Instant, LongText

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    # With `***` for a broker's user and password, which `credentials` has.
    Column("url", String(2048), nullable=False),
    Column("description", LongText),
    # `,claim.created,claim.merged,`: one pattern finds a type in it.  Empty: every type.
    Column("event_types", LongText, nullable=False),
    Column("story", ForeignKey("stories.slug")),
    Column("claim", ForeignKey("claims.id")),
    Column("ordering", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", LongText),
    Column("max_in_flight", Integer, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("headers", LongText, nullable=False),
    Column("secret", String(100), nullable=False),
    # [{secret, until}]: what still signs beside the secret after a rotation.
    Column("previous_secrets", LongText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    # Its health.  `failures` are those in a row; `blocked_until` is the breaker's, or what the
    # receiver asked for with Retry-After.
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("blocked_until", Instant),
    Column("last_success_at", Instant),
    Column("last_failure_at", Instant),
    Column("last_error", LongText),
    # When it last got a turn: the one that waited longest comes first.
    Column("served_at", Instant, nullable=False),
    Column("format", String(16), nullable=False, server_default=Format.STANDARD.value),
    Column("credentials", LongText),
    # Whose own channel it is.  It gets what is queued for it, and no event by filters.
    Column("owner", ForeignKey("users.id"), index=True),
    # Likewise, of which contact of printed claims (`contact_addresses`).
    Column("contact", Id),
    # What narrows it, as in `event_types`; what an event has several of is in `webhook_filters`.
    Column("status_from", String(200), nullable=False, server_default=""),
    Column("status_to", String(200), nullable=False, server_default=""),
    Column("kinds", String(200), nullable=False, server_default=""),
    Column("severity", String(200), nullable=False, server_default=""),
    # Whether it gets the words of quotes.
    Column("quotes", Boolean, nullable=False, server_default=true()),
    check_enum("ordering", Ordering),
    check_enum("state", EndpointState),
    Index(None, "created_at", "id"),
)

IS_REGISTERED = and_(webhooks.c.owner.is_(None), webhooks.c.contact.is_(None))
"""Whether an administrator registered an endpoint: others are a person's own channel, or lead to a
contact, and their addresses are nobody else's business."""

webhook_filters = Table(
    "webhook_filters",
    metadata,
    Column("webhook", ForeignKey("webhooks.id"), primary_key=True),
    Column("name", String(16), primary_key=True),
    Column("value", String(100), primary_key=True),
    check_enum("name", ListFilter),
)

webhook_parties = Table(
    "webhook_parties",
    metadata,
    Column("webhook", ForeignKey("webhooks.id"), primary_key=True),
    Column("party", ForeignKey("parties.slug"), primary_key=True),
)

webhook_messages = Table(
    "webhook_messages",
    metadata,
    # The event's id, the receiver's `webhook-id`.
    Column("id", Id, primary_key=True),
    Column("type", String(40), nullable=False),
    # The very bytes that are sent, ever.
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook", ForeignKey("webhooks.id")),
    Column("message", ForeignKey("webhook_messages.id"), index=True),
    Column("type", String(40), nullable=False),
    # The claim and the event's number in its record: order is kept within it.  No foreign key:
    # checking one would cost every change, and claims are never deleted.
    Column("claim", Id),
    Column("position", Integer, nullable=False),
    # Sent again on request: beside what is new, never before it.
    Column("replay", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    # All attempts, those since it was last requested, and the latest in a row that nobody settled.
    Column("attempts", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    # Due from then on; while it is leased, the end of the lease (its visibility timeout).
    Column("visible_at", Instant, nullable=False),
    # The token of the one attempt that may settle it.
    Column("lease", String(32)),
    Column("first_tried_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("last_status", Integer),
    Column("last_error", LongText),
    PrimaryKeyConstraint("webhook", "message"),
    check_enum("state", DeliveryState),
    Index(None, "webhook", "created_at", "position", "message"),
    Index(None, "state", "settled_at"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook",
        "visible_at",
        "position",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_webhook_deliveries_lane",
        "webhook",
        "claim",
        "replay",
        "position",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_webhook_deliveries_leased",
        "lease",
        unique=True,
        sqlite_where=text("lease IS NOT NULL"),
        postgresql_where=text("lease IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_in_flight",
        "webhook",
        "visible_at",
        sqlite_where=text("lease IS NOT NULL"),
        postgresql_where=text("lease IS NOT NULL"),
    ),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("webhook", Id),
    Column("message", Id),
    Column("number", Integer),
    Column("url", String(2048), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("status", Integer),
    Column("error", LongText),
    Column("response_headers", LongText, nullable=False),
    Column("response_body", LongText, nullable=False),
    PrimaryKeyConstraint("webhook", "message", "number"),
    ForeignKeyConstraint(
        ["webhook", "message"],
        ["webhook_deliveries.webhook", "webhook_deliveries.message"],
        ondelete="CASCADE",
    ),
)
