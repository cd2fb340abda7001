"""The answer that does not end: one client's stream of events.

It waits until the client takes more before it takes anything for it, so that a client that reads
slowly, or not at all, holds no more than what is on its way.
"""

import asyncio
import random
import time

from starlette.responses import Response

from service.domain.errors import ClaimdeskError
from service.domain.positions import write_position
from service.live import sse_format
from service.live.listeners import Listener, Live
from service.web.envelope import Message, Receive, Scope, Send
from service.web.request_context import context_of

RETRY_MS = (1_000, 3_000)
"""How long a client waits before it comes back, drawn for each: after a restart not all at once."""
TROUBLE_SECONDS = 1.0
CONNECTION = "claimdesk.connection"
"""In the state of a request: its connection, by which our server says that it stops, and which can
be dropped (cli/connections.py)."""
HEADERS = {
    # What is kept or compressed on the way arrives late.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


class EventStream(Response):
    """Sends a listener what it is to have, until either side ends it."""

    media_type = sse_format.MEDIA_TYPE

    def __init__(self, live: Live, listener: Listener) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]  # it has none
        self._live = live
        self._listener = listener
        self._position = listener.position
        """The last id that the client knows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        live, listener = self._live, self._listener
        live.admit(listener)
        connection = scope.get("state", {}).get(CONNECTION)
        if connection is not None:
            listener.cut = connection.abort
            connection.on_shutdown = listener.end
        leaving = asyncio.create_task(_wait_for_leaving(receive, listener))
        try:
            context_of(scope).is_endless = True
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await self._send(send, start)
            retry = random.randint(*RETRY_MS)  # noqa: S311 -- jitter only
            await self._body(
                send, sse_format.opening(self._place(listener.position), retry_ms=retry)
            )
            while not listener.ended:
                await self._turn(send)
            await self._body(send, b"", more=False)
        finally:
            live.dismiss(listener)
            leaving.cancel()

    async def _turn(self, send: Send) -> None:
        """Send what there is; where there is nothing, wait for it, or for a heartbeat's time."""
        live, listener = self._live, self._listener
        await self._body(send, b"")
        listener.wake.clear()
        if listener.ended:
            return
        try:
            events = await live.take(listener)
        except ClaimdeskError:
            # The database is away: the stream stays open, and asks again.
            await asyncio.sleep(TROUBLE_SECONDS)
            return
        if events:
            self._position = events[-1].seq
            blocks = [event.block(listener.audience) for event in events]
            await self._body(send, b"".join(blocks))
        elif listener.silent:
            await self._body(send, self._heartbeat())
        elif not live.behind(listener):
            await listener.wake.wait()

    def _heartbeat(self) -> bytes:
        """A comment; and where the client is by now, if all that came was not for it."""
        passed, self._position = self._position, self._listener.position
        if passed == self._position:
            return sse_format.HEARTBEAT
        return sse_format.HEARTBEAT + sse_format.position(self._place(self._position))

    def _place(self, seq: int) -> int | str:
        return write_position(self._live.epoch, seq)

    async def _body(self, send: Send, body: bytes, *, more: bool = True) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": more})
        if body:
            self._listener.sent_at = time.monotonic()

    async def _send(self, send: Send, message: Message) -> None:
        """Send; a server waits here while the client has not taken what was sent before."""
        listener = self._listener
        listener.sending_since = time.monotonic()
        await send(message)
        listener.sending_since = None


async def _wait_for_leaving(receive: Receive, listener: Listener) -> None:
    """End the stream when its client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end()
