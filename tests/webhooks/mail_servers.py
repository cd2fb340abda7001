"""Real mail servers on loopback, which accept, refuse, ask for more, or hang."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "desk", "s:e cret%"


@dataclass(eq=False)
class MailServer:
    """A mail server, what it got, and what it answers."""

    port: int = 0
    rcpt: str = "250 OK"
    data: str = "250 OK: queued"
    hangs: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    connections: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.envelopes.append(envelope)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return self.data


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and data == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def run_mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    with_password: bool = False,
    **answers: Any,
) -> AsyncIterator[MailServer]:
    """A server that offers STARTTLS, speaks TLS from the start, or neither."""
    receiver = MailServer(**answers)
    loop = asyncio.get_running_loop()
    protocols: list[SMTP] = []

    def build() -> SMTP:
        receiver.connections += 1
        protocol = SMTP(
            receiver,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticate if with_password else None,
            auth_required=with_password,
            auth_require_tls=starttls is not None,
        )
        protocols.append(protocol)
        return protocol

    server = await loop.create_server(build, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for protocol in protocols:
            if protocol.transport is not None:
                protocol.transport.close()
            task = protocol._handler_coroutine
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await server.wait_closed()
