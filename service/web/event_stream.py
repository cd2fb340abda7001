"""Answer a request with a stream of events that does not end.

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
from service.live.listeners import EventHub, Listener
from service.web.envelope import Message, Receive, Scope, Send
from service.web.request_context import context_of

RETRY_MS = (1_000, 3_000)
"""How long a client waits before it comes back. Drawn at random, so that after a restart not all
come back at once."""
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
    """Sends a listener its events, until either side ends the stream."""

    media_type = sse_format.MEDIA_TYPE

    def __init__(self, hub: EventHub, listener: Listener) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]  # it has none
        self._hub = hub
        self._listener = listener
        self._last_id = listener.position
        """The last id that the client knows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub, listener = self._hub, self._listener
        hub.admit(listener)
        connection = scope.get("state", {}).get(CONNECTION)
        if connection is not None:
            listener.cut = connection.abort
            connection.on_shutdown = listener.end
        leaving = asyncio.create_task(_end_on_disconnect(receive, listener))
        try:
            context_of(scope).is_endless = True
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await self._send(send, start)
            retry = random.randint(*RETRY_MS)  # noqa: S311 -- jitter only
            await self._send_body(
                send, sse_format.write_opening(self._build_id(listener.position), retry_ms=retry)
            )
            while not listener.ended:
                await self._send_next(send)
            await self._send_body(send, b"", more=False)
        finally:
            hub.dismiss(listener)
            leaving.cancel()

    async def _send_next(self, send: Send) -> None:
        """Send what there is; where there is nothing, wait for it, or for a heartbeat's time."""
        hub, listener = self._hub, self._listener
        await self._send_body(send, b"")
        listener.wake.clear()
        if listener.ended:
            return
        if listener.has_news:
            listener.has_news = False
            await self._send_body(send, sse_format.INBOX)
        try:
            taken_events = await hub.take_events(listener)
        except ClaimdeskError:
            # The database is away: the stream stays open, and asks again.
            await asyncio.sleep(TROUBLE_SECONDS)
            return
        if taken_events:
            self._last_id = taken_events[-1].seq
            await self._send_body(
                send, b"".join([event.render_for(listener.audience) for event in taken_events])
            )
        elif listener.is_silent:
            await self._send_body(send, self._build_heartbeat())
        elif not hub.is_behind(listener):
            await listener.wake.wait()

    def _build_heartbeat(self) -> bytes:
        """Return a comment, and the client's position if it has moved without an event."""
        previous, self._last_id = self._last_id, self._listener.position
        if previous == self._last_id:
            return sse_format.HEARTBEAT
        return sse_format.HEARTBEAT + sse_format.write_position(self._build_id(self._last_id))

    def _build_id(self, seq: int) -> int | str:
        return write_position(self._hub.epoch, seq)

    async def _send_body(self, send: Send, body: bytes, *, more: bool = True) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": more})
        if body:
            self._listener.sent_at = time.monotonic()

    async def _send(self, send: Send, message: Message) -> None:
        """Send; a server waits here while the client has not taken what was sent before."""
        listener = self._listener
        listener.sending_since = time.monotonic()
        await send(message)
        listener.sending_since = None


async def _end_on_disconnect(receive: Receive, listener: Listener) -> None:
    """End the stream when its client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.end()
