"""Sends notices by mail and chat: each at once, or together after quiet hours or as a digest.

What goes out is a delivery like a webhook's.  Until then a notice waits in `notice_mailings`, and
what it says is looked at again when it goes: by then somebody may have read it, or may no longer
read it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update

from service.claims.webhook_bodies import build_claim_url
from service.domain import ids, notice_times
from service.domain.access import Role
from service.domain.notice_times import Channel, MailMode
from service.domain.notices import NoticeKind
from service.domain.webhooks import Format
from service.notices import notice_sentences, notice_settings
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


def plan_mailings(
    connection: Connection, rows: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
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


def _list_mailings(
    row: Mapping[str, Any], preferences: Preferences, now: datetime
) -> list[dict[str, Any]]:
    choice = preferences.kinds.get(row["kind"], QUIET)
    choices = []
    if choice["mail"] != MailMode.OFF:
        choices.append((Channel.MAIL, choice["mail"] == MailMode.DIGEST))
    if choice["chat"] and preferences.chat_channel is not None:
        choices.append((Channel.CHAT, False))
    mailings = []
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


def _read_documents(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, Any]:
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
    documents: Mapping[str, Any],
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
    is_mail = first.channel == Channel.MAIL
    if len(shown_notices) == 1:
        if shown_notices[0].gathered:
            documents = _read_documents(connection, shown_notices)
        data = _describe_notice(connection, shown_notices[0], documents, is_mail=is_mail)
        kind, claim, position = (
            shown_notices[0].kind,
            shown_notices[0].claim,
            shown_notices[0].position,
        )
    else:
        data = _describe_digest(connection, shown_notices, is_mail=is_mail)
        kind, claim, position = "digest", None, 0
    message = ids.make_id()
    body = bodies.render_body(
        f"notice.{kind}", shown_notices[-1].at if len(shown_notices) == 1 else now, data
    )
    outbox.queue_message(
        connection,
        message=message,
        kind=f"notice.{kind}",
        body=body,
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


def _describe_notice(
    connection: Connection, row: Row[Any], documents: Mapping[str, Any], *, is_mail: bool
) -> dict[str, Any]:
    base_url = context_of(connection).base_url
    document = documents.get(row.claim)
    data: dict[str, Any] = {"summary": row.summary, "url": f"{base_url}/"}
    if document is not None:
        url = build_claim_url(document["id"], base_url)
        # What the message says of the claim it need not say twice.
        quotation = f": {notice_sentences.quote_text(document['text'])}"
        data = {
            "summary": row.summary.replace(quotation, ""),
            "claim": {name: document[name] for name in ("id", "text", "claimant")} | {"url": url},
            "print_line": document["print_line"],
            "url": url,
        }
    return data | _describe_way_out(connection, row, row.kind, is_mail=is_mail)


def _describe_digest(
    connection: Connection, rows: Sequence[Row[Any]], *, is_mail: bool
) -> dict[str, Any]:
    base_url = context_of(connection).base_url
    items = [
        {
            "summary": row.summary,
            "url": None if row.claim is None else build_claim_url(row.claim, base_url),
        }
        for row in rows[:MOST_ITEMS]
    ]
    kinds = {row.kind for row in rows}
    has_approvals = NoticeKind.APPROVAL in kinds
    summary = f"{len(rows)} notices{', and something waits for you' if has_approvals else ''}"
    way_out = _describe_way_out(connection, rows[0], ALL, is_mail=is_mail)
    return {"summary": summary, "items": items, "url": f"{base_url}/"} | way_out


def _describe_way_out(
    connection: Connection, row: Row[Any], kind: str, *, is_mail: bool
) -> dict[str, Any]:
    """Return the link by which mails end."""
    if not is_mail:
        return {}
    token = notice_settings.make_unsubscribe_token(connection, row.user, kind)
    return {"unsubscribe": f"{context_of(connection).base_url}/unsubscribe/{token}"}
