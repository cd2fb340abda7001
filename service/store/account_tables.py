"""Tables of accounts: people, keys, sessions and tries at passwords."""

from sqlalchemy import Column, ForeignKey, String, Table

from service.domain.access import Role
from service.store.metadata import check_enum, metadata
from service.store.types import Id, Instant, LongText

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
    # In which the desk's pages show them times; null: the desk's own. It is a person's setting.
    Column("time_zone", String(64)),
    check_enum("role", Role),
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
    check_enum("role", Role),
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

# When each caller has a full minute's requests again: what all processes counted together.
request_limits = Table(
    "request_limits",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("free_at", Instant, nullable=False, index=True),
)
