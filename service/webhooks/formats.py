"""The formats of endpoints: what each makes of a message, and what carries it.

A format is one line of FORMATS: the schemes of its addresses, a pure function that renders, and a
transport.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from service.domain.webhooks import Format, is_reserved_header
from service.webhooks import signatures
from service.webhooks.exchanges import Outgoing, Rendered


class Carrier(Enum):
    """What carries messages."""

    HTTP = auto()
    NATS = auto()
    REDIS = auto()


@dataclass(frozen=True, slots=True)
class FormatRules:
    schemes: tuple[str, ...]
    """How addresses begin: with TLS first, without it second."""
    render: Callable[[Outgoing, datetime], Rendered]
    carrier: Carrier


def render_signed(outgoing: Outgoing, at: datetime) -> Rendered:
    """Render the stored bytes as they are, with the headers of Standard Webhooks and the
    endpoint's own."""
    signed = signatures.build_headers(
        outgoing.secrets, outgoing.message, int(at.timestamp()), outgoing.body
    )
    own = {name: value for name, value in outgoing.headers.items() if not is_reserved_header(name)}
    return Rendered({**signed, **own}, outgoing.body)


FORMATS: Mapping[Format, FormatRules] = {
    Format.STANDARD: FormatRules(("https", "http"), render_signed, Carrier.HTTP),
    Format.NATS: FormatRules(("tls", "nats"), render_signed, Carrier.NATS),
    Format.REDIS: FormatRules(("rediss", "redis"), render_signed, Carrier.REDIS),
}
BROKERS = frozenset(
    format for format, rules in FORMATS.items() if rules.carrier is not Carrier.HTTP
)
"""Formats that append to a broker's stream."""
