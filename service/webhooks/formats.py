"""The formats of endpoints: what each makes of a message, and what carries it.

A format is one line of FORMATS: the schemes of its addresses, a pure function that renders, and a
transport; and where a service has its own ways, how its addresses and answers are read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from service.domain.webhooks import Format, is_reserved_header
from service.webhooks import (
    bodies,
    mail_addresses,
    mail_messages,
    mattermost_messages,
    signatures,
    slack_messages,
    teams_cards,
    telegram_messages,
)
from service.webhooks.announcements import Announcement, read_announcement
from service.webhooks.exchanges import Outgoing, Rendered

HTTPS = ("https", "http")
UNSET_SENDER = "desk@localhost"
"""Of a mail that is sent nowhere, as no mail server is set."""


class Carrier(Enum):
    """What carries messages."""

    HTTP = auto()
    NATS = auto()
    REDIS = auto()
    MAIL = auto()


def render_signed(outgoing: Outgoing, at: datetime) -> Rendered:
    """Render the stored bytes, as they are unless quotes are left out, with the headers of Standard
    Webhooks and the endpoint's own."""
    body = outgoing.body if outgoing.quotes else bodies.remove_quotes(outgoing.body)
    signed_headers = signatures.build_headers(
        outgoing.secrets, outgoing.message, int(at.timestamp()), body
    )
    return Rendered({**signed_headers, **_list_own_headers(outgoing)}, body)


def _read(outgoing: Outgoing) -> Announcement:
    return read_announcement([outgoing.body, *outgoing.companions], with_quotes=outgoing.quotes)


def _render_as(render: Callable[[Announcement], bytes]) -> Callable[[Outgoing, datetime], Rendered]:
    """Build what renders a message for people, with the endpoint's own headers."""
    return lambda outgoing, _at: Rendered(_list_own_headers(outgoing), render(_read(outgoing)))


def _render_telegram(outgoing: Outgoing, _at: datetime) -> Rendered:
    body = telegram_messages.render_message(_read(outgoing), outgoing.url, outgoing.credentials)
    return Rendered(_list_own_headers(outgoing), body)


def _render_mail(outgoing: Outgoing, _at: datetime) -> Rendered:
    body = mail_messages.render_mail(
        _read(outgoing),
        message=outgoing.message,
        endpoint=outgoing.endpoint,
        recipient=mail_addresses.parse_recipient(outgoing.url),
        mail_from=outgoing.mail_from or UNSET_SENDER,
        sent_at=bodies.read_timestamp(outgoing.body),
    )
    return Rendered({}, body)


def _list_own_headers(outgoing: Outgoing) -> dict[str, str]:
    return {name: value for name, value in outgoing.headers.items() if not is_reserved_header(name)}


def _accept_address(_url: str, _credentials: str | None) -> None:
    """Accept any address: the guard has checked it."""


def _check_telegram(url: str, token: str | None) -> None:
    telegram_messages.parse_address(url, token)


def _check_mail(url: str, _credentials: str | None) -> None:
    mail_addresses.parse_recipient(url)


def _keep_address(url: str, _credentials: str | None) -> str:
    return url


def _accept_answer(_body: bytes) -> tuple[str | None, float | None]:
    """Accept what the status says."""
    return None, None


@dataclass(frozen=True, slots=True)
class FormatRules:
    schemes: tuple[str, ...]
    """How addresses begin: with TLS first, without it second."""
    render: Callable[[Outgoing, datetime], Rendered]
    carrier: Carrier
    check_address: Callable[[str, str | None], None] = _accept_address
    """Raises ValueError, with a sentence, for an address, or for what it keeps to itself."""
    complete_address: Callable[[str, str | None], str] = _keep_address
    """Gives the address to send to."""
    read_answer: Callable[[bytes], tuple[str | None, float | None]] = _accept_answer
    """Reads why a receiver took nothing, whatever its status says, and the seconds it asks for."""


FORMATS: Mapping[Format, FormatRules] = {
    Format.STANDARD: FormatRules(HTTPS, render_signed, Carrier.HTTP),
    Format.NATS: FormatRules(("tls", "nats"), render_signed, Carrier.NATS),
    Format.REDIS: FormatRules(("rediss", "redis"), render_signed, Carrier.REDIS),
    Format.SLACK: FormatRules(HTTPS, _render_as(slack_messages.render_message), Carrier.HTTP),
    Format.MATTERMOST: FormatRules(
        HTTPS, _render_as(mattermost_messages.render_message), Carrier.HTTP
    ),
    Format.TEAMS: FormatRules(
        HTTPS,
        _render_as(teams_cards.render_card),
        Carrier.HTTP,
        read_answer=teams_cards.read_answer,
    ),
    Format.TELEGRAM: FormatRules(
        HTTPS,
        _render_telegram,
        Carrier.HTTP,
        check_address=_check_telegram,
        complete_address=telegram_messages.complete_address,
        read_answer=telegram_messages.read_answer,
    ),
    Format.EMAIL: FormatRules(("mailto",), _render_mail, Carrier.MAIL, check_address=_check_mail),
}
