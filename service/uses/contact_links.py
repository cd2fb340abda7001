"""Makes and reads the signed links in mails to contacts: to confirm an address, or to end mails."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from service.accounts import signed_links
from service.domain import ids
from service.domain.uses import ContactState
from service.store.tables import contact_addresses
from service.store.transaction_context import context_of

CONFIRMATION, END = "confirm", "stop"
PURPOSES = (CONFIRMATION, END)


@dataclass(frozen=True, slots=True)
class ContactLink:
    """What a link in a mail to a contact is for."""

    contact: str
    purpose: str
    """CONFIRMATION or END."""
    state: ContactState
    """Of the address."""


def build_link(connection: Connection, contact: str, purpose: str) -> str:
    """Build the address by which a contact confirms theirs, or ends mails to it."""
    signature = signed_links.sign(connection, _name(contact, purpose))
    return f"{context_of(connection).base_url}/contact/{contact}.{purpose}.{signature}"


def read_link(connection: Connection, token: str) -> ContactLink | None:
    """Return what a token is for; None for one that we did not make."""
    contact, _, rest = token.partition(".")
    purpose, _, signature = rest.partition(".")
    if ids.parse_id(contact) is None or purpose not in PURPOSES:
        return None
    if not signed_links.is_signed(connection, _name(contact, purpose), signature):
        return None
    row = connection.execute(
        select(contact_addresses).where(contact_addresses.c.id == contact)
    ).first()
    if row is None or (row.address is None and purpose == CONFIRMATION):
        return None
    return ContactLink(contact, purpose, ContactState(row.state))


def _name(contact: str, purpose: str) -> str:
    return f"contact {contact} {purpose}"
