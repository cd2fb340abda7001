"""Tries endpoints at once, for an operator who waits for the answer: nothing is stored."""

from collections.abc import Callable
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, select

from service.config import Settings
from service.domain import ids
from service.domain.webhooks import TIMEOUT_S, Format
from service.store.webhook_tables import webhooks
from service.webhooks import bodies, dispatcher, mail_addresses
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Answer, Outgoing

SUMMARY = "This is a test by whoever operates Claimdesk: it reaches you."
FOR_PROGRAMS = frozenset((Format.STANDARD, Format.NATS, Format.REDIS))


def prepare_endpoint(
    connection: Connection, webhook: str, *, base_url: str, now: datetime
) -> list[Outgoing]:
    """Prepare a message for one endpoint; none if there is no such endpoint."""
    return _prepare(connection, webhooks.c.id == webhook, base_url=base_url, now=now)


def prepare_person(
    connection: Connection, person: str, *, email: str, base_url: str, now: datetime
) -> list[Outgoing]:
    """Prepare a message for each channel of a person, and a mail to the account's address."""
    channels = _prepare(connection, webhooks.c.owner == person, base_url=base_url, now=now)
    mailbox = mail_addresses.build_url(email)
    if any(channel.url == mailbox for channel in channels):
        return channels
    message = ids.make_id()
    mail = Outgoing(
        endpoint=message,
        url=mailbox,
        headers={},
        secrets=(),
        message=message,
        body=_render_body(message, Format.EMAIL, base_url=base_url, now=now),
        timeout=TIMEOUT_S,
        format=Format.EMAIL,
    )
    return [*channels, mail]


async def send_messages(
    settings: Settings, messages: list[Outgoing], clock: Callable[[], datetime]
) -> list[Answer]:
    """Send messages one after the other, as a dispatcher would; returns what each was answered."""
    sender = Sender(
        dispatcher.build_guard(settings), clock, mail=dispatcher.build_mail_server(settings)
    )
    try:
        return [await sender.send(message) for message in messages]
    finally:
        await sender.close()


def _prepare(
    connection: Connection, condition: ColumnElement[bool], *, base_url: str, now: datetime
) -> list[Outgoing]:
    rows = connection.execute(
        select(webhooks)
        .where(condition, webhooks.c.deleted_at.is_(None))
        .order_by(webhooks.c.created_at, webhooks.c.id)
    ).all()
    return [
        Outgoing(
            endpoint=row.id,
            url=row.url,
            headers=orjson.loads(row.headers),
            secrets=(row.secret,),
            message=ids.make_id(),
            body=_render_body(row.id, Format(row.format), base_url=base_url, now=now),
            timeout=row.timeout_s,
            format=Format(row.format),
            credentials=row.credentials,
        )
        for row in rows
    ]


def _render_body(webhook: str, format: Format, *, base_url: str, now: datetime) -> bytes:
    """Render a ping for a program, and words for people."""
    if format in FOR_PROGRAMS:
        return bodies.render_ping(webhook, now, base_url=base_url)
    return bodies.render_body("notice.test", now, {"summary": SUMMARY, "url": base_url})
