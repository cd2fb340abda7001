"""Sends notices by mail and chat: each at once, or together after quiet hours or as a digest.

What goes out is a delivery like a webhook's.  Until then a notice waits in `notice_mailings`, and
what it says is looked at again when it goes: by then somebody may have read it, or may no longer
read it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from service.claims.claim_views import ClaimView
from service.claims.webhook_bodies import abridge_document, build_claim_url
from service.claims.webhook_body_views import BodyClaimView
from service.domain import ids, notice_times
from service.domain.access import Role
from service.domain.notice_times import Channel, MailMode
from service.domain.notices import NoticeKind
from service.domain.webhooks import Format
from service.notices import notice_sentences, notice_settings
from service.notices.notice_inserts import NoticeRow
from service.notices.notice_settings import ALL, QUIET, Preferences
from service.notices.people import Person
from service.store import tables
from service.store.tables import claims, notice_mailings, notices, users
from service.store.transaction_context import context_of
from service.webhooks import bodies, channels, mail_addresses, outbox

BATCH = 100
"""Messages that are made in one transaction."""
MOST_ITEMS = 50
"""Notices that one digest tells; of more it says how many they are."""
COLUMNS = (
    *(notice_mailings.c.notice, notice_mailings.c.channel, notice_mailings.c.gathered),
    *(notices.c.user, notices.c.kind, notices.c.claim, notices.c.summary, notices.c.internal),
    *(notices.c.position, notices.c.at, notices.c.read_at),
    *(users.c.name, users.c.role, users.c.email, users.c.disabled_at),
)
JOINED = notice_mailings.join(notices, notices.c.id == notice_mailings.c.notice).join(
    users, users.c.id == notice_mailings.c.user
)


class MailingRow(TypedDict):
    """A new row of `notice_mailings`."""

    notice: str
    channel: str
    user: str
    due_at: datetime
    gathered: bool


class DigestItem(TypedDict):
    """What a digest says of one notice."""

    summary: str
    url: str | None


class MessageData(TypedDict):
    """What a message says: of one notice, with the claim if it is about one, or of several."""

    summary: str
    claim: NotRequired[BodyClaimView]
    print_line: NotRequired[str]
    items: NotRequired[list[DigestItem]]
    url: str
    unsubscribe: NotRequired[str]


def plan_mailings(connection: Connection, rows: Sequence[NoticeRow], *, now: datetime) -> None:
    """Plan when these new notices go out, for those who want them anywhere but in their inbox."""
    preferences = notice_settings.read_preferences(connection, {row["user"] for row in rows})
    mailings = [
        mailing
        for row in rows
        if row["user"] in preferences
        for mailing in _list_mailings(row, preferences[row["user"]], now)
    ]
    if mailings:
        connection.execute(insert(notice_mailings), mailings)


def _list_mailings(row: NoticeRow, preferences: Preferences, now: datetime) -> list[MailingRow]:
    choice = preferences.kinds.get(row["kind"], QUIET)
    choices = []
    if choice["mail"] != MailMode.OFF:
        choices.append((Channel.MAIL, choice["mail"] == MailMode.DIGEST))
    if choice["chat"] and preferences.chat_channel is not None:
        choices.append((Channel.CHAT, False))
    mailings: list[MailingRow] = []
    for channel, as_digest in choices:
        departure = notice_times.find_departure(preferences.timetable, as_digest=as_digest, now=now)
        mailings.append(
            {
                "notice": row["id"],
                "channel": channel.value,
                "user": row["user"],
                "due_at": departure.at,
                "gathered": departure.is_gathered,
            }
        )
    return mailings


def find_next_mailing(connection: Connection) -> datetime | None:
    """Return when the next mailing is due; None if nothing is to go out."""
    query = select(notice_mailings.c.due_at).order_by(notice_mailings.c.due_at).limit(1)
    moment: datetime | None = connection.execute(query).scalar()
    return moment


def send_due(connection: Connection, *, now: datetime) -> int:
    """Send a batch of what is due; returns how many messages were made."""
    due = notice_mailings.c.due_at <= now
    single = _read_mailings(connection, due, notice_mailings.c.gathered.is_(False), limit=BATCH)
    groups: dict[tuple[str, str], Sequence[Row[Any]]] = {}
    due_notices = (
        select(notice_mailings.c.user, notice_mailings.c.channel)
        .where(due, notice_mailings.c.gathered.is_(True))
        .distinct()
        .limit(BATCH)
    )
    for user, channel in connection.execute(due_notices).all():
        is_of = (notice_mailings.c.user == user, notice_mailings.c.channel == channel)
        waiting = _read_mailings(connection, due, *is_of, notice_mailings.c.gathered.is_(True))
        groups[user, channel] = waiting
    preferences = notice_settings.read_preferences(
        connection, {row.user for row in single} | {user for user, _ in groups}
    )
    documents = _read_documents(
        connection, [*single, *(row for rows in groups.values() for row in rows)]
    )
    sent_count = 0
    for row in single:
        sent_count += _send(connection, [row], preferences.get(row.user), documents, now=now)
    for rows in groups.values():
        sent_count += _send(connection, rows, preferences.get(rows[0].user), documents, now=now)
    return sent_count


def _read_mailings(
    connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> Sequence[Row[Any]]:
    query: Select[Any] = select(*COLUMNS).select_from(JOINED).where(*conditions)
    return connection.execute(query.order_by(notices.c.id).limit(limit)).all()


def _read_documents(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, ClaimView]:
    claim_ids = {row.claim for row in rows if row.claim is not None}
    if not claim_ids:
        return {}
    document_rows = connection.execute(
        select(claims.c.id, claims.c.document).where(claims.c.id.in_(claim_ids))
    )
    return {row.id: orjson.loads(row.document) for row in document_rows}


def _send(
    connection: Connection,
    rows: Sequence[Row[Any]],
    preferences: Preferences | None,
    documents: Mapping[str, ClaimView],
    *,
    now: datetime,
) -> int:
    """Send notices of one person to one channel, as one message; returns how many were made."""
    first = rows[0]
    is_settled = (
        notice_mailings.c.notice.in_([row.notice for row in rows]),
        notice_mailings.c.channel == first.channel,
    )
    connection.execute(delete(notice_mailings).where(*is_settled))
    person = Person(first.user, first.name, Role(first.role))
    shown_notices = [row for row in rows if _is_for(row, person)]
    if not shown_notices or preferences is None:
        return 0
    channel = _find_endpoint(connection, first, preferences, now=now)
    if channel is None:
        return 0
    base_url = context_of(connection).base_url
    if len(shown_notices) == 1:
        [notice] = shown_notices
        if notice.gathered:
            documents = _read_documents(connection, shown_notices)
        data = _describe_notice(notice, documents.get(notice.claim), base_url)
        kind, ended_kind, moment = notice.kind, notice.kind, notice.at
        claim, position = notice.claim, notice.position
    else:
        data = _describe_digest(shown_notices, base_url)
        kind, ended_kind, moment, claim, position = "digest", ALL, now, None, 0
    if first.channel == Channel.MAIL:
        token = notice_settings.make_unsubscribe_token(connection, first.user, ended_kind)
        data["unsubscribe"] = f"{base_url}/unsubscribe/{token}"
    outbox.queue_message(
        connection,
        message=ids.make_id(),
        kind=f"notice.{kind}",
        body=bodies.render_body(f"notice.{kind}", moment, data),
        webhooks=[channel],
        claim=claim,
        position=position,
        now=now,
    )
    return 1


def _is_for(row: Row[Any], person: Person) -> bool:
    """Say whether somebody is still to be sent a notice: they have an account, have not read it,
    and may read it."""
    if row.disabled_at is not None or row.read_at is not None:
        return False
    return not row.internal or person.is_of_desk


def _find_endpoint(
    connection: Connection, row: Row[Any], preferences: Preferences, *, now: datetime
) -> str | None:
    """Return where a notice is sent: a chat, or the address that the account has now."""
    if row.channel == Channel.CHAT:
        chat = channels.find_channel(connection, preferences.chat_channel)
        return None if chat is None else preferences.chat_channel
    if not mail_addresses.is_address(row.email):
        return None  # a name to sign in with; who has it reads the inbox
    url = mail_addresses.build_url(row.email)
    known_channel = channels.find_channel(connection, preferences.mail_channel)
    if known_channel is not None and known_channel.url == url:
        return preferences.mail_channel
    if known_channel is not None:
        channels.close_channel(connection, known_channel.id, now=now)
    channel = channels.open_channel(
        connection, owner=row.user, name=row.name, format=Format.EMAIL, url=url, now=now
    )
    settings = tables.notice_settings
    connection.execute(
        update(settings).where(settings.c.user == row.user).values(mail_channel=channel)
    )
    return channel


def _describe_notice(row: Row[Any], document: ClaimView | None, base_url: str) -> MessageData:
    data: MessageData = {"summary": row.summary, "url": f"{base_url}/"}
    if document is not None:
        claim = abridge_document(document, base_url)
        # What the message says of the claim it need not say twice.
        quotation = f": {notice_sentences.quote_text(document['text'])}"
        data = {
            "summary": row.summary.replace(quotation, ""),
            "claim": claim,
            "print_line": document["print_line"],
            "url": claim["url"],
        }
    return data


def _describe_digest(rows: Sequence[Row[Any]], base_url: str) -> MessageData:
    items: list[DigestItem] = [
        {
            "summary": row.summary,
            "url": None if row.claim is None else build_claim_url(row.claim, base_url),
        }
        for row in rows[:MOST_ITEMS]
    ]
    kinds = {row.kind for row in rows}
    has_approvals = NoticeKind.APPROVAL in kinds
    summary = f"{len(rows)} notices{', and something waits for you' if has_approvals else ''}"
    return {"summary": summary, "items": items, "url": f"{base_url}/"}
