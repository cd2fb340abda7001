"""Addresses of mail of those who printed claims: asked once, confirmed by them, ended by them.

The desk writes to an address only after whoever reads its mail has said so, by a signed link.  What
stays of an address that was deleted is a digest under the desk's key, so that nobody is asked
again.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from service.accounts import signed_links
from service.domain import ids
from service.domain.uses import ContactState
from service.record import chains
from service.store.compiled_statements import insert_or_ignore
from service.store.tables import contact_addresses, use_contacts
from service.uses import contact_links, contact_mails
from service.uses.contact_links import ContactLink
from service.webhooks import channels, mail_addresses

WINDOW = timedelta(hours=1)
MOST_OF_ONE = 20
"""Addresses that one recorder may have asked within an hour; more of them wait."""
MOST_OF_ALL = 200
"""Likewise, of all recorders together."""
BATCH = 50


def is_mailable(contact: str | None) -> bool:
    """Say whether a contact is an address of mail, and nothing else."""
    return contact is not None and mail_addresses.is_address(contact)


def add_contact(
    connection: Connection,
    use: str,
    address: str,
    *,
    asks: bool,
    recorded_by: str,
    now: datetime,
) -> None:
    """Keep the address of a use's contact, and with `asks`, ask there whether mail is wanted, if
    nobody has been asked at it before."""
    digest = _compute_digest(connection, address)
    row = {
        "id": ids.make_id(),
        "address": address,
        "digest": digest,
        "state": ContactState.WAITING.value,
        "recorded_by": recorded_by,
        "due_at": None,
        "asked_at": None,
        "answered_at": None,
        "channel": None,
    }
    insert_or_ignore(connection, contact_addresses, row)
    contact_row = connection.execute(
        select(contact_addresses).where(contact_addresses.c.digest == digest).with_for_update()
    ).one()
    if contact_row.address is None:
        _change(connection, contact_row.id, address=address)
    connection.execute(insert(use_contacts), {"use": use, "contact": contact_row.id})
    if not asks or contact_row.due_at is not None:
        return
    due_at = _find_room(connection, recorded_by, now=now)
    _change(connection, contact_row.id, due_at=due_at, recorded_by=recorded_by)
    if due_at <= now:
        _ask(connection, contact_row.id, address, now=now)


def ask_waiting(connection: Connection, *, now: datetime) -> None:
    """Ask at the addresses that waited for their turn."""
    waiting = connection.execute(
        select(contact_addresses)
        .where(
            contact_addresses.c.state == ContactState.WAITING.value,
            contact_addresses.c.due_at <= now,
            contact_addresses.c.address.is_not(None),
        )
        .order_by(contact_addresses.c.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for row in waiting:
        _ask(connection, row.id, row.address, now=now)


def read_address(connection: Connection, use: str) -> str | None:
    """Return the address of a use's contact; None if it has none, or it was deleted."""
    address: str | None = connection.scalar(
        select(contact_addresses.c.address)
        .join(use_contacts, use_contacts.c.contact == contact_addresses.c.id)
        .where(use_contacts.c.use == use)
    )
    return address


def remove_contact(connection: Connection, use: str, *, now: datetime) -> bool:
    """Delete the address of a use's contact, and once no use has it any more, from the desk.

    Returns whether there was one.
    """
    contact = connection.scalar(select(use_contacts.c.contact).where(use_contacts.c.use == use))
    if contact is None:
        return False
    _lock(connection, contact)
    connection.execute(delete(use_contacts).where(use_contacts.c.use == use))
    use_count = select(func.count()).where(use_contacts.c.contact == contact)
    if connection.execute(use_count).scalar_one() == 0:
        _erase(connection, contact, now=now)
    return True


def follow_link(
    connection: Connection, token: str, *, erases: bool, now: datetime
) -> ContactLink | None:
    """Do what a token is for: confirm the address, or end mails to it and, with `erases`, delete
    it.  Returns what it was for, with the state since; None for no such token."""
    link = contact_links.read_link(connection, token)
    if link is None:
        return None
    row = _lock(connection, link.contact)
    if link.purpose == contact_links.END:
        _change(connection, row.id, state=ContactState.STOPPED.value, answered_at=now)
        _close(connection, row, now=now)
        if erases:
            connection.execute(delete(use_contacts).where(use_contacts.c.contact == row.id))
            _erase(connection, row.id, now=now)
        return replace(link, state=ContactState.STOPPED)
    if row.state != ContactState.CONFIRMED:
        _change(connection, row.id, state=ContactState.CONFIRMED.value, answered_at=now)
        contact_mails.tell_contact(connection, row.id, now=now)
    return replace(link, state=ContactState.CONFIRMED)


def _compute_digest(connection: Connection, address: str) -> str:
    """Return what tells addresses apart: who receives their mail does not mind capitals."""
    return signed_links.compute_mac(connection, f"address {address.lower()}").hex()


def _find_room(connection: Connection, recorded_by: str, *, now: datetime) -> datetime:
    """Return when one more address may be asked; two who ask at once find room one by one."""
    # Every address counts within two numbers, and PostgreSQL has no row to lock for a number.
    chains.lock_name(connection, "contacts that are asked")
    moment = now
    for most, of_whom in (
        (MOST_OF_ONE, contact_addresses.c.recorded_by == recorded_by),
        (MOST_OF_ALL, None),
    ):
        newest = select(contact_addresses.c.due_at).where(contact_addresses.c.due_at.is_not(None))
        if of_whom is not None:
            newest = newest.where(of_whom)
        before = connection.scalar(
            newest.order_by(contact_addresses.c.due_at.desc()).offset(most - 1).limit(1)
        )
        if before is not None:
            moment = max(moment, before + WINDOW)
    return moment


def _ask(connection: Connection, contact: str, address: str, *, now: datetime) -> None:
    channel = contact_mails.open_channel(connection, contact, address, now=now)
    _change(connection, contact, state=ContactState.ASKED.value, asked_at=now)
    contact_mails.queue_question(connection, contact, channel, now=now)


def _lock(connection: Connection, contact: str) -> Row[Any]:
    return connection.execute(
        select(contact_addresses).where(contact_addresses.c.id == contact).with_for_update()
    ).one()


def _erase(connection: Connection, contact: str, *, now: datetime) -> None:
    """Delete an address; the dispatcher deletes its endpoint with all that was sent to it."""
    _close(connection, _lock(connection, contact), now=now)
    _change(connection, contact, address=None)


def _close(connection: Connection, row: Row[Any], *, now: datetime) -> None:
    if row.channel is not None:
        channels.close_channel(connection, row.channel, now=now)
        _change(connection, row.id, channel=None)


def _change(connection: Connection, contact: str, **values: Any) -> None:
    connection.execute(
        update(contact_addresses).where(contact_addresses.c.id == contact).values(values)
    )
