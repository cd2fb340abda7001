"""Where and when people are told, besides their inbox: for each kind of notice, by mail or chat."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Connection, Row, delete, insert, select, update

from service.accounts import signed_links
from service.domain import ids
from service.domain.access import Actor
from service.domain.errors import Invalid
from service.domain.notice_times import Channel, MailMode, Timetable
from service.domain.notices import NoticeKind
from service.domain.webhooks import EndpointState, Format
from service.notices import people
from service.notices.notice_views import ChatView, KindView, NoticeSettingsView
from service.store.tables import notice_mailings, notice_settings, users
from service.webhooks import channels, mail_addresses

ALL = "all"
"""In the place of a kind: whatever comes by mail."""
QUIET: KindView = {"mail": MailMode.OFF, "chat": False}
MOST_NAMED = 100
DIGEST_HOUR, TIME_ZONE = 8, "UTC"


@dataclass(frozen=True, slots=True)
class NewChat:
    """A chat in which somebody wants to be told."""

    format: Format
    url: str


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Where and when somebody wants to be told."""

    kinds: Mapping[NoticeKind, KindView]
    """Kinds that are not named come to the inbox alone."""
    digest_hour: int
    time_zone: str | None
    """None: that of the account."""
    quiet_from: str | None
    quiet_until: str | None
    changes_chat: bool
    chat: NewChat | None


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody chose, to go by."""

    kinds: Mapping[str, KindView]
    timetable: Timetable
    mail_channel: str | None
    chat_channel: str | None


def read_settings(connection: Connection, *, caller: Actor) -> NoticeSettingsView:
    """Read a person's settings.  Raises KeyWithoutPerson."""
    person = people.require_person(caller)
    row = _find_row(connection, person)
    account = connection.execute(
        select(users.c.email, users.c.time_zone).where(users.c.id == person)
    ).one()
    kinds = {} if row is None else orjson.loads(row.kinds)
    return {
        "kinds": {kind.value: kinds.get(kind, QUIET) for kind in NoticeKind},
        "digest_hour": DIGEST_HOUR if row is None else row.digest_hour,
        "time_zone": account.time_zone or TIME_ZONE if row is None else row.time_zone,
        "quiet_from": None if row is None else row.quiet_from,
        "quiet_until": None if row is None else row.quiet_until,
        "mail": account.email,
        "chat": None if row is None else _read_chat(connection, row.chat_channel),
    }


def change_settings(
    connection: Connection, new: NewSettings, *, actor: Actor, now: datetime
) -> None:
    """Set where and when a person is told; what waits to be sent goes by it from then on.

    Raises KeyWithoutPerson, and Invalid for the address of a chat, or where mail cannot be sent.
    """
    person = people.require_person(actor)
    row = _find_row(connection, person, lock=True)
    account = connection.execute(
        select(users.c.time_zone, users.c.email).where(users.c.id == person)
    ).one()
    wants_mail = any(choice["mail"] != MailMode.OFF for choice in new.kinds.values())
    if wants_mail and not mail_addresses.is_address(account.email):
        raise Invalid(
            f"mail cannot be sent to {account.email}: an administrator can give your account an "
            "address in plain letters",
            loc=("body", "kinds"),
        )
    values: dict[str, object] = {
        "kinds": orjson.dumps({kind.value: choice for kind, choice in new.kinds.items()}).decode(),
        "digest_hour": new.digest_hour,
        "time_zone": new.time_zone or account.time_zone or TIME_ZONE,
        "quiet_from": new.quiet_from,
        "quiet_until": new.quiet_until,
        "updated_at": now,
    }
    if new.changes_chat:
        if row is not None and row.chat_channel is not None:
            channels.close_channel(connection, row.chat_channel, now=now)
        values["chat_channel"] = None
        if new.chat is not None:
            values["chat_channel"] = channels.open_channel(
                connection,
                owner=person,
                name=actor.name,
                format=new.chat.format,
                url=new.chat.url,
                now=now,
            )
    if row is None:
        connection.execute(insert(notice_settings), {"user": person, **values})
    else:
        connection.execute(
            update(notice_settings).where(notice_settings.c.user == person).values(values)
        )


def read_preferences(connection: Connection, persons: Collection[str]) -> dict[str, Preferences]:
    """Read what people chose, by their ids, without those who chose nothing."""
    if not persons:
        return {}
    # By the first and the last: a list of thousands takes longer to read than what is between.
    is_between = notice_settings.c.user.between(min(persons), max(persons))
    few = notice_settings.c.user.in_(persons)
    is_chosen = few if len(persons) <= MOST_NAMED else is_between
    rows = connection.execute(select(notice_settings).where(is_chosen))
    return {
        row.user: Preferences(
            orjson.loads(row.kinds),
            Timetable(
                row.time_zone,
                row.digest_hour,
                _parse_hour(row.quiet_from),
                _parse_hour(row.quiet_until),
            ),
            row.mail_channel,
            row.chat_channel,
        )
        for row in rows
        if row.user in persons
    }


def make_unsubscribe_token(connection: Connection, person: str, kind: str) -> str:
    """Make the signed token by which somebody ends mails of a kind without signing in."""
    return f"{person}.{kind}.{signed_links.sign(connection, f'unsubscribe {person} {kind}')}"


def read_unsubscribe_token(connection: Connection, token: str) -> tuple[str, str] | None:
    """Return the person and the kind that a token is for; None for one that we did not make."""
    person, _, rest = token.partition(".")
    kind, _, mark = rest.partition(".")
    if ids.parse_id(person) is None or kind not in (ALL, *NoticeKind):
        return None
    if not signed_links.is_signed(connection, f"unsubscribe {person} {kind}", mark):
        return None
    return person, kind


def unsubscribe(connection: Connection, token: str, *, now: datetime) -> str | None:
    """End mails of the kind that a token is for; returns the kind, None for no such token."""
    person_and_kind = read_unsubscribe_token(connection, token)
    if person_and_kind is None:
        return None
    person, kind = person_and_kind
    row = _find_row(connection, person, lock=True)
    if row is None:
        return kind
    kinds: dict[str, KindView] = orjson.loads(row.kinds)
    for name, choice in kinds.items():
        if kind in (ALL, name):
            choice["mail"] = MailMode.OFF
    connection.execute(
        update(notice_settings)
        .where(notice_settings.c.user == person)
        .values(kinds=orjson.dumps(kinds).decode(), updated_at=now)
    )
    if kind == ALL:
        is_own = (notice_mailings.c.user == person, notice_mailings.c.channel == Channel.MAIL.value)
        connection.execute(delete(notice_mailings).where(*is_own))
    return kind


def _find_row(connection: Connection, person: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(notice_settings).where(notice_settings.c.user == person)
    return connection.execute(query.with_for_update() if lock else query).first()


def _read_chat(connection: Connection, channel: str | None) -> ChatView | None:
    row = channels.find_channel(connection, channel)
    if row is None:
        return None
    return {
        "format": Format(row.format),
        "host": urlsplit(row.url).hostname or "",
        "state": EndpointState(row.state),
        "last_error": row.last_error,
    }


def _parse_hour(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
