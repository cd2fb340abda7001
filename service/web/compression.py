"""Compression of answers that carry no secret of whoever asked.

Where a secret (a form's token) and words that somebody else chose stand in one compressed body, its
length tells of the secret (CVE-2013-3587, "BREACH").  So what is compressed are answers to requests
without a cookie and without a key, and our own style and scripts.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware

from service.web.envelope import App, Message, Receive, Scope, Send

SMALLEST = 1_000
"""Bytes below which compressing costs more than it saves."""
LEVEL = 6
ASSETS = "/static/"


class Compression:
    """Compress what is the same for everybody, for those who accept it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, minimum_size=SMALLEST, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_same_for_everybody(scope):
            await self.app(scope, receive, send)
            return

        async def send_weakly_tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                tag = headers.get("etag", "")
                if "content-encoding" in headers and tag.startswith('"'):
                    # A strong tag is of these very bytes (RFC 9110, 8.8.1), compressed or not.
                    headers["etag"] = f"W/{tag}"
            await send(message)

        await self.compressed(scope, receive, send_weakly_tagged)


def _is_same_for_everybody(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if scope["method"] != "GET" or "gzip" not in headers.get("accept-encoding", ""):
        return False
    anonymous = "cookie" not in headers and "authorization" not in headers
    return anonymous or scope["path"].startswith(ASSETS)
