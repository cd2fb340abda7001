"""Hands mails to the operator's mail server.

That server is a setting, not an address of strangers, so the guard does not check it: it may be on
this machine or in a network of one's own.  Whom a mail goes to, the server decides.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib

from service.webhooks import mail_addresses
from service.webhooks.exchanges import MailRefused, Outgoing, Rendered, Reply
from service.webhooks.mail_addresses import MailServer

MOST_CONNECTIONS = 8
"""At the mail server at once: many servers take few from one client."""
IDLE_SECONDS = 20.0
PERMANENT = 500


class SmtpTransport:
    """Hands over as many mails at once as MOST_CONNECTIONS, over connections that are kept a
    while."""

    def __init__(self, server: MailServer | None, tls: ssl.SSLContext) -> None:
        self._server = server
        self._tls = tls
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []

    async def exchange(
        self, outgoing: Outgoing, rendering: Rendered, reply: Reply, _deadline: asyncio.Timeout
    ) -> None:
        if self._server is None:
            raise MailRefused(
                "no mail server is set: set CLAIMDESK_SMTP_URL and CLAIMDESK_MAIL_FROM"
            )
        recipient = mail_addresses.parse_recipient(outgoing.url)
        async with self._room, self._borrow(self._server) as client:
            try:
                _, answer_text = await client.sendmail(
                    self._server.sender, [recipient], rendering.body
                )
                reply.status = int(aiosmtplib.SMTPStatus.completed)
                reply.body += answer_text.encode()
            except aiosmtplib.SMTPRecipientsRefused as error:
                refusal = error.recipients[0]
                _note_refusal(reply, refusal, recipient, is_final=refusal.code >= PERMANENT)
            except aiosmtplib.SMTPDataError as error:
                _note_refusal(reply, error, recipient, is_final=error.code >= PERMANENT)
            except aiosmtplib.SMTPResponseException as error:
                # What it has against this desk, not against the mail, is mended and tried again.
                _note_refusal(reply, error, recipient, is_final=False)

    async def close(self) -> None:
        while self._idle:
            _, client = self._idle.pop()
            client.close()

    @asynccontextmanager
    async def _borrow(self, server: MailServer) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection; it is kept unless what it was lent for failed."""
        client = self._take_idle() or await self._connect(server)
        try:
            yield client
        except BaseException:
            client.close()
            raise
        if client.is_connected:
            self._idle.append((asyncio.get_running_loop().time(), client))

    def _take_idle(self) -> aiosmtplib.SMTP | None:
        limit = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            since, client = self._idle.pop()
            if since > limit and client.is_connected:
                return client
            client.close()
        return None

    async def _connect(self, server: MailServer) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.is_encrypted,
            start_tls=not (server.is_encrypted or server.is_open),
            tls_context=self._tls,
            local_hostname=server.sender.rpartition("@")[2],
            timeout=None,  # the attempt has a deadline
        )
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailRefused(
                f"the mail server does not take the user and password of CLAIMDESK_SMTP_URL "
                f"({error.code} {error.message})"
            ) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused(f"the mail server cannot do what is set: {error.message}") from error
        return client


def _note_refusal(
    reply: Reply, error: aiosmtplib.SMTPResponseException, recipient: str, *, is_final: bool
) -> None:
    """Keep what the server said, without the address of whoever was to get the mail: the answer is
    kept and may be logged."""
    anonymous_message = re.sub(re.escape(recipient), "…", error.message, flags=re.IGNORECASE)
    reply.status = error.code
    reply.refusal = f"the mail server answered {error.code} {anonymous_message}"
    reply.is_final = is_final
