"""Writes mails to contacts of printed claims: whether they want any, and what is outdated.

They say what is public alone, and go out as a webhook does.  Of each change of a use that outdates
it one mail says so: `use_contacts.mailed_version` is set in the transaction of the mail.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypedDict

import orjson
from sqlalchemy import Connection, Row, and_, or_, select, update

from service.claims import webhook_bodies
from service.claims.claim_views import ClaimView
from service.claims.webhook_body_views import BodyClaimView
from service.domain import ids
from service.domain.uses import GRAVEST_FIRST, ContactState, UseClass, UseState
from service.domain.webhooks import Format
from service.store.tables import claims, contact_addresses, use_contacts, uses
from service.store.transaction_context import context_of
from service.uses import contact_links
from service.webhooks import bodies, channels, mail_addresses, outbox

MOST_NAMED = 6
"""Places that one mail names; of more it says how many they are."""
NAME = "a contact"
"""Who registered the endpoint of an address: the address itself is in one place alone."""
QUESTION = "Do you want mail when a claim that you printed changes?"
EXPLANATION = (
    "Somebody who works with the desk at {} named this address as the one to tell when a claim "
    "that was printed is corrected, or may be printed no longer. Open the address below and "
    "confirm there that you want these mails. Until then nothing else is sent here, and nobody "
    "asks again: if this is not for you, do nothing."
)
HEADINGS = {
    UseClass.KILL: "Kill: take back what you printed",
    UseClass.CORRECTION: "Correction: what you printed was wrong in part",
    UseClass.UPDATE: "Update: more is known of what you printed",
}
IS_UNSAID = and_(
    contact_addresses.c.state == ContactState.CONFIRMED.value,
    contact_addresses.c.address.is_not(None),
    uses.c.state == UseState.OUTDATED.value,
    or_(
        use_contacts.c.mailed_version.is_(None),
        use_contacts.c.mailed_version != uses.c.outdated_version,
    ),
)


class QuestionMail(TypedDict):
    """What a mail says that asks whether somebody wants mail."""

    summary: str
    explanation: str
    url: str
    unsubscribe: str


class PrintedPlace(TypedDict):
    """A place at which a claim was printed."""

    title: str | None
    where: str
    url: str | None


class OutdatedMail(TypedDict):
    """What a mail says that tells of uses of one claim that are outdated."""

    summary: str
    claim: BodyClaimView
    printed_now: str
    printed_then: str
    uses: list[PrintedPlace]
    url: str
    unsubscribe: str


def open_channel(connection: Connection, contact: str, address: str, *, now: datetime) -> str:
    """Register the endpoint by which mails go to an address; returns its id."""
    channel = channels.open_channel(
        connection,
        contact=contact,
        name=NAME,
        format=Format.EMAIL,
        url=mail_addresses.build_url(address),
        now=now,
    )
    connection.execute(
        update(contact_addresses).where(contact_addresses.c.id == contact).values(channel=channel)
    )
    return channel


def queue_question(connection: Connection, contact: str, channel: str, *, now: datetime) -> None:
    """Ask whether somebody wants mail; nothing that a person typed is in it."""
    data: QuestionMail = {
        "summary": QUESTION,
        "explanation": EXPLANATION.format(context_of(connection).base_url),
        "url": contact_links.build_link(connection, contact, contact_links.CONFIRMATION),
        "unsubscribe": contact_links.build_link(connection, contact, contact_links.END),
    }
    _queue(connection, "contact.question", data, channel, None, 0, now=now)


def tell_contacts(connection: Connection, use_ids: Collection[str], *, now: datetime) -> None:
    """Tell the contacts of these uses that they are outdated, those who confirmed and know not."""
    if use_ids:
        _mail_contacts(connection, uses.c.id.in_(use_ids), now=now)


def tell_contact(connection: Connection, contact: str, *, now: datetime) -> None:
    """Tell a contact of all that is outdated, as far as they have not been told."""
    _mail_contacts(connection, use_contacts.c.contact == contact, now=now)


def _mail_contacts(connection: Connection, condition: Any, *, now: datetime) -> None:
    rows = connection.execute(
        select(
            uses,
            claims.c.document,
            use_contacts.c.contact.label("contact_id"),
            contact_addresses.c.address,
            contact_addresses.c.channel,
        )
        .join(use_contacts, use_contacts.c.use == uses.c.id)
        .join(contact_addresses, contact_addresses.c.id == use_contacts.c.contact)
        .join(claims, claims.c.id == uses.c.claim)
        .where(IS_UNSAID, condition)
        .order_by(uses.c.id)
    ).all()
    groups: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.contact_id, row.claim), []).append(row)
        connection.execute(
            update(use_contacts)
            .where(use_contacts.c.use == row.id)
            .values(mailed_version=row.outdated_version)
        )
    channels_of: dict[str, str] = {}
    for (contact, claim), group in groups.items():
        channel = group[0].channel or channels_of.get(contact)
        if channel is None:
            channel = open_channel(connection, contact, group[0].address, now=now)
        channels_of[contact] = channel
        data = _build_outdated_mail(connection, contact, group)
        version = max(row.outdated_version for row in group)
        _queue(connection, "contact.outdated", data, channel, claim, version, now=now)


def _build_outdated_mail(
    connection: Connection, contact: str, rows: Sequence[Row[Any]]
) -> OutdatedMail:
    document: ClaimView = orjson.loads(rows[0].document)
    claim = webhook_bodies.abridge_document(document, context_of(connection).base_url)
    grade = min(
        (UseClass(row._mapping["class"]) for row in rows),
        key=lambda each: GRAVEST_FIRST.index(each),
    )
    places = f" ({len(rows)} places)" if len(rows) > 1 else ""
    return {
        "summary": HEADINGS[grade] + places,
        "claim": claim,
        "printed_now": document["print_line"],
        "printed_then": rows[0].print_line,
        "uses": [
            {"title": row.title, "where": row.place, "url": row.url} for row in rows[:MOST_NAMED]
        ],
        "url": claim["url"],
        "unsubscribe": contact_links.build_link(connection, contact, contact_links.END),
    }


def _queue(
    connection: Connection,
    kind: str,
    data: QuestionMail | OutdatedMail,
    channel: str,
    claim: str | None,
    position: int,
    *,
    now: datetime,
) -> None:
    outbox.queue_message(
        connection,
        message=ids.make_id(),
        kind=kind,
        body=bodies.render_body(kind, now, data),
        webhooks=[channel],
        claim=claim,
        position=position,
        now=now,
    )
