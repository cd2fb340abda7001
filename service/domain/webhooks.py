"""The vocabulary of webhooks: types of events, and states of endpoints and deliveries."""

import secrets
from base64 import b64encode
from datetime import timedelta
from enum import StrEnum


class EventType(StrEnum):
    """Every type of event that receivers may get.  Other events of the record are internal."""

    CLAIM_CREATED = "claim.created"
    CLAIM_STATUS_CHANGED = "claim.status_changed"
    CLAIM_AMENDED = "claim.amended"
    CLAIM_MERGED = "claim.merged"
    CLAIM_WITHDRAWN = "claim.withdrawn"
    CLAIM_CORRECTED = "claim.corrected"
    CLAIM_VOIDED = "claim.voided"
    CLAIM_RESTORED = "claim.restored"
    CLAIM_SEPARATED = "claim.separated"
    HOLD_PLACED = "hold.placed"
    HOLD_ENDED = "hold.ended"
    USE_OUTDATED = "use.outdated"
    LINK_CREATED = "link.created"
    LINK_RETRACTED = "link.retracted"
    STATEMENT_CORRECTED = "statement.corrected"
    STATEMENT_WITHDRAWN = "statement.withdrawn"
    FINDING_CHANGED = "finding.changed"
    DECISION_PROPOSED = "decision.proposed"
    DECISION_REJECTED = "decision.rejected"
    PING = "webhook.ping"
    WEBHOOK_FAILING = "webhook.failing"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_RECOVERED = "webhook.recovered"


OPERATORS = frozenset(
    (EventType.WEBHOOK_FAILING, EventType.WEBHOOK_DISABLED, EventType.WEBHOOK_RECOVERED)
)
"""Types that say how an endpoint does: told to those that ask for them by name."""
SECRET_PREFIX = "whsec_"  # noqa: S105 -- public: every secret begins so
SECRET_BYTES = 32
IN_FLIGHT = 8
MOST_IN_FLIGHT = 256
TIMEOUT_S = 15
MOST_OVERLAP_HOURS = 168
OVERLAP_HOURS = 24
MOST_HEADERS = 20
RESERVED_HEADERS = frozenset(
    (
        *("accept", "accept-encoding", "connection", "expect", "host", "keep-alive", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent"),
    )
)
"""Hop-by-hop headers, and those that say what is sent or may come back."""
RESERVED_PREFIXES = ("webhook-", "content-", "proxy-")


class Ordering(StrEnum):
    """Whether deliveries about one claim wait for each other."""

    CLAIM = "claim"
    NONE = "none"


class Format(StrEnum):
    """In what form an endpoint gets messages, and over what."""

    STANDARD = "standard"
    """Posted over HTTP: Standard Webhooks 1.0."""
    NATS = "nats"
    """Appended to a stream of NATS JetStream."""
    REDIS = "redis"
    """Appended to a Redis stream."""
    SLACK = "slack"
    MATTERMOST = "mattermost"
    TEAMS = "teams"
    """Posted as an Adaptive Card to a workflow."""
    TELEGRAM = "telegram"
    """Said by a bot."""
    EMAIL = "email"
    """Mailed, through the operator's mail server."""


CHATS = frozenset((Format.SLACK, Format.MATTERMOST, Format.TEAMS, Format.TELEGRAM))
"""Formats in which several changes of one claim that come together are one message."""
CHAT_WAIT = timedelta(seconds=3)
"""What a chat waits for further changes of the claim."""


class ListFilter(StrEnum):
    """What an event may have several of, and endpoints are narrowed by."""

    TAGS = "tags"
    LANGUAGES = "languages"


class EndpointState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    """A person paused it.  Deliveries are kept."""
    DISABLED = "disabled"
    """The dispatcher gave up after an answer 410 or days of failures.  Deliveries are kept."""


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up after the last attempt.  Redelivery and recovery send it again."""


def is_reserved_header(header: str) -> bool:
    """Say whether an endpoint may not set a header; the case of letters does not matter."""
    lower = header.lower()
    return lower in RESERVED_HEADERS or lower.startswith(RESERVED_PREFIXES)


def make_secret() -> str:
    """Return a new secret: `whsec_` and the base64 of 32 random bytes (Standard Webhooks)."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
