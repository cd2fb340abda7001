"""Cross-origin reading of what is public: any page's script may read it, none may change anything.

Starlette's CORSMiddleware names the origin only to a request that has one: a shared cache that was
filled by another request would hand out an answer without it.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from service.web.envelope import App, Message, Receive, Scope, Send

PUBLIC_PREFIXES = (
    *("/v1/claims", "/v1/corrections", "/v1/inquiries", "/v1/stories", "/v1/events"),
    *("/feeds/", "/oembed"),
)
"""Below these lies every route for programs that needs no key where reading is public."""
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "If-None-Match, If-Modified-Since, Last-Event-ID",
    "Access-Control-Max-Age": "86400",
}
EXPOSED = "ETag, Last-Modified, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"


class CrossOriginReading:
    """Let scripts of any origin read public answers, without a key and without a cookie.

    A browser that sends cookies refuses an answer for `*`, and no preflight allows `Authorization`:
    so nothing that only a signed-in person may read gets to another origin.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PUBLIC_PREFIXES):
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _asks_to_read(scope):
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
        elif scope["method"] != "GET":
            await self.app(scope, receive, send)
        else:

            async def send_readable(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(raw=message["headers"])
                    headers["Access-Control-Allow-Origin"] = "*"
                    headers["Access-Control-Expose-Headers"] = EXPOSED
                await send(message)

            await self.app(scope, receive, send_readable)


def _asks_to_read(scope: Scope) -> bool:
    """Whether this is a browser's question before a GET from another origin."""
    method = dict(scope["headers"]).get(b"access-control-request-method", b"")
    return method in (b"GET", b"HEAD")
