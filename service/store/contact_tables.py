"""The tables of contacts: addresses of mail of those who want to be told of what they printed.

They are personal data of people who may have no account: no event of the record holds them, and
they are deleted by whoever asks.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from service.domain.uses import ContactState
from service.store.metadata import check_enum, metadata, partial_index
from service.store.types import Id, Instant

contact_addresses = Table(
    "contact_addresses",
    metadata,
    Column("id", Id, primary_key=True),
    # NULL once it is deleted.
    Column("address", String(254)),
    # What stays of it, so that nobody is asked twice, nor written to who ended that.
    Column("digest", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    # Who had it asked, of whom there may be only so many an hour.
    Column("recorded_by", String(64), nullable=False),
    # When it may be asked, and when it was; NULL at a desk that sends no mail.
    Column("due_at", Instant),
    Column("asked_at", Instant),
    Column("answered_at", Instant),
    # The endpoint by which mails go out.
    Column("channel", Id),
    check_enum("state", ContactState),
    Index(None, "recorded_by", "due_at"),
    Index(None, "due_at"),
    partial_index("ix_contact_addresses_waiting", "due_at", where="state = 'waiting'"),
)

use_contacts = Table(
    "use_contacts",
    metadata,
    Column("use", ForeignKey("uses.id"), primary_key=True),
    Column("contact", ForeignKey("contact_addresses.id"), nullable=False, index=True),
    # The claim's version of which they were told last.
    Column("mailed_version", Integer),
)
