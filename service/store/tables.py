"""The whole schema: every table of the store, by the module that describes it.

Webhooks and renames have modules of their own (`webhook_tables.py`, `rename_tables.py`).  What is
derived from `events` is proved by `claimdesk verify`.
"""

from service.store.account_tables import (
    SESSION_NAME,
    api_keys,
    request_limits,
    sessions,
    sign_in_links,
    sign_in_tries,
    users,
)
from service.store.claim_tables import (
    claim_tags,
    claim_versions,
    claims,
    correction_requests,
    decisions,
    former_claims,
    former_links,
    former_quotes,
    inquiries,
    intakes,
    links,
    notes,
    quotes,
    state_links,
    statements,
)
from service.store.contact_tables import contact_addresses, use_contacts
from service.store.directory_tables import (
    parties,
    party_versions,
    sources,
    speakers,
    stories,
)
from service.store.metadata import metadata
from service.store.notice_tables import (
    endpoint_alerts,
    follows,
    notice_jobs,
    notice_mailings,
    notice_position,
    notice_settings,
    notices,
    personal_feeds,
    saved_views,
)
from service.store.record_tables import (
    events,
    idempotency,
    installation,
)
from service.store.use_tables import uses

INDEXES = {"claim_search": "claim_words", "statement_search": "statement_words"}
"""The index of each searched table: an FTS5 table on SQLite, a GIN index on PostgreSQL."""

__all__ = [
    "INDEXES",
    "SESSION_NAME",
    "api_keys",
    "claim_tags",
    "claim_versions",
    "claims",
    "contact_addresses",
    "correction_requests",
    "decisions",
    "endpoint_alerts",
    "events",
    "follows",
    "former_claims",
    "former_links",
    "former_quotes",
    "idempotency",
    "inquiries",
    "installation",
    "intakes",
    "links",
    "metadata",
    "notes",
    "notice_jobs",
    "notice_mailings",
    "notice_position",
    "notice_settings",
    "notices",
    "parties",
    "party_versions",
    "personal_feeds",
    "quotes",
    "request_limits",
    "saved_views",
    "sessions",
    "sign_in_links",
    "sign_in_tries",
    "sources",
    "speakers",
    "state_links",
    "statements",
    "stories",
    "use_contacts",
    "users",
    "uses",
]
