"""What an attempt at a delivery consists of: what goes out, how it is rendered, what came back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.webhooks import Format

BODY_BYTES = 4 * 1024
"""What is kept of an answer's body."""

Headers = list[tuple[bytes, bytes]]


class BrokerFailure(Exception):
    """A broker did not take a message; the message is a sentence for people, with a remedy."""


class MailRefused(Exception):
    """A mail cannot be handed over; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for one endpoint.  `timeout` is in seconds and covers the whole attempt."""

    endpoint: str
    url: str
    headers: Mapping[str, str]
    secrets: tuple[str, ...]
    message: str
    body: bytes
    timeout: float
    format: Format = Format.STANDARD
    credentials: str | None = None
    """What the address keeps to itself: `user:password`, as it was written there, or a token."""
    companions: tuple[bytes, ...] = ()
    """The bodies of later messages about the same claim that are told with this one."""
    quotes: bool = True
    """Whether the receiver gets the words of quotes."""
    mail_from: str = ""
    """From whom mails are, where a mail server is set."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a format makes of a message, whatever carries it."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """What has been read so far, also if reading is interrupted."""

    status: int | None = None
    headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    refusal: str | None = None
    """Why the receiver does not take it, where more than the status says so."""
    is_final: bool = False
    """Whether another attempt would be refused too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from an attempt.  `status` is HTTP's, or SMTP's of a mail.  `error` is
    None where the head of an answer is complete and says no refusal, or where a broker acknowledged
    the message, which has no status."""

    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    retry_after: timedelta | None
    response_headers: dict[str, str]
    response_body: str
    is_final: bool = False
    """Whether it need not be tried again: the mail's recipient is refused for good."""

    @property
    def delivered(self) -> bool:
        return self.error is None and (self.status is None or 200 <= self.status < 300)


class Transport(Protocol):
    """Carries rendered messages to endpoints.  Belongs to one event loop."""

    async def exchange(
        self, outgoing: Outgoing, rendering: Rendered, reply: Reply, deadline: asyncio.Timeout
    ) -> None:
        """Make one attempt, within the deadline, and put what comes back into `reply`."""
        ...

    async def close(self) -> None:
        """Close the connections that are kept."""
        ...
