"""A connection of `claimdesk serve`: uvicorn's, with what answers that do not end need to know.

uvicorn waits for answers under way when it stops, and lets go of a connection only once all that
was written has been taken.  A stream ends by neither.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.web.eventstream import CONNECTION

GRACE_SECONDS = 1.0
"""How long a client may take to receive a stream's end when the server stops."""


class Connection(HttpToolsProtocol):
    """Is itself the ASGI extension `CONNECTION`."""

    on_shutdown: Callable[[], None] | None = None
    """Called when the server begins to stop; set by an answer that does not end by itself."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {CONNECTION: self}

    def on_response_complete(self) -> None:
        self.on_shutdown = None
        super().on_response_complete()

    def shutdown(self) -> None:
        super().shutdown()
        if self.on_shutdown is not None:
            self.on_shutdown()
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self.abort)

    def abort(self) -> None:
        """Drop the connection, and what was written and not taken."""
        self.transport.abort()
