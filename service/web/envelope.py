"""The outermost application: gives each request an id, checks its body, limits its time, logs it,
and answers what nothing else has answered.

Pure ASGI: Starlette's BaseHTTPMiddleware would cost four fifths of the throughput.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.requests import Request

from service.config import Settings
from service.domain import ids
from service.domain.access import Actor
from service.domain.errors import (
    BadRequest,
    BodyTooLarge,
    ClaimdeskError,
    Invalid,
    NotAuthenticated,
    RequestTimeout,
    UnsupportedMedia,
)
from service.metrics import Metrics
from service.web import limits
from service.web.problems import Page, build_error_response
from service.web.replica_choice import PositionHeaders
from service.web.request_context import RequestContext, attach_context, context_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Identify = Callable[[Request], Awaitable[Actor | None]]
"""Returns the caller of a request, None for the public; raises what refuses them."""

MAX_BODY = 256 * 1024
LARGER = {"/intake": 1536 * 1024}
"""The desk's form for an article: a hundred thousand characters, each of up to twelve as a form
sends it (`%F0%9F%98%80`)."""
DRAINED = 16 * 1024 * 1024
"""How much of a body that is too large is still read, so that its sender gets to our answer."""
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
        b"base-uri 'none'; form-action 'self'",
    ),
]
BODY_PENDING = "claimdesk.body_pending"
"""In a request's state, set by our server: its body had not arrived when its answer began."""
FOR_STRANGERS = re.compile(
    r"/(sign-in(/|$)|v1/session$|unsubscribe/|contact/|claims/[^/]+/correction-request$)"
)
"""Where nobody is known, or not yet: what they send is read all the same."""
SECRET_PATHS = ("/sign-in/", "/feeds/mine/", "/feeds/shared/", "/unsubscribe/", "/contact/")
"""Addresses whose rest is a secret."""
STRANGERS_BODY = 32 * 1024
"""Room for the longest request to correct, in any script, as forms write it."""
log = structlog.get_logger("request")


class Envelope:
    """The outermost application."""

    def __init__(
        self,
        app: App,
        settings: Settings,
        metrics: Metrics,
        page: Page,
        identify: Identify,
        positions: PositionHeaders,
    ) -> None:
        self.app = app
        self.page = page
        self.metrics = metrics
        self.identify = identify
        self.positions = positions
        self.body_seconds = settings.body_seconds
        self.log_all = settings.access_log == "all"
        self.log_some = settings.access_log != "off"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"]
        request_id = _choose_request_id(scope)
        context = RequestContext(request_id, is_head=method == "HEAD")
        attach_context(scope, context)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 500
        has_started = has_noted = False

        def note() -> None:
            nonlocal has_noted
            has_noted = True
            self._note(method, scope, status, time.perf_counter() - began)

        async def answer(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                status, has_started = message["status"], True
                _add_headers(message, context)
                if method in WITH_BODY:
                    message["headers"] += await self.positions.build(context)
                if context.is_endless:
                    note()
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        self.metrics.running.inc()
        try:
            if method == "HEAD":
                # Whatever answers GET answers HEAD (RFC 9110, 9.3.2).
                scope = {**scope, "method": "GET"}
            counted_receive = await self._check(scope, receive)
            await self.app(scope, counted_receive, answer)
        except ClaimdeskError as error:
            await build_error_response(Request(scope), error, self.page)(scope, receive, answer)
        except Exception:
            log.exception("failed", method=method, path=_hide_secrets(scope))
            if has_started:
                raise
            failure = ClaimdeskError(
                f"Nothing was changed as far as we know. Report this id: {request_id}.",
                id=request_id,
            )
            await build_error_response(Request(scope), failure, self.page)(scope, receive, answer)
        finally:
            if not has_noted:
                note()

    async def _check(self, scope: Scope, receive: Receive) -> Receive:
        """Refuse what no route should see: NUL in an address, a body that is too large, too slow,
        a stranger's or no JSON.

        Raises Invalid, BodyTooLarge, UnsupportedMedia, RequestTimeout, and what `identify` raises.
        """
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise Invalid("an address holds no NUL", loc=("path",))
        if scope["method"] not in WITH_BODY:
            return receive
        most = LARGER.get(scope["path"], MAX_BODY)
        if scope.get("state", {}).get(BODY_PENDING):
            # Strangers may not have us wait for what they send, and keep it.
            if FOR_STRANGERS.match(scope["path"]):
                most = STRANGERS_BODY
            elif await self.identify(Request(scope)) is None:
                raise NotAuthenticated("Send an API key, or sign in at the desk.")
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await _read_body(receive, most)
        except TimeoutError as error:
            raise RequestTimeout(
                f"The body did not arrive within {self.body_seconds:g} seconds."
            ) from error
        if body and scope["path"].startswith("/v1/"):
            kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
            essence = kind.split(b";")[0].strip().lower()
            if essence != b"application/json" and not essence.endswith(b"+json"):
                raise UnsupportedMedia(
                    "Send the body as JSON, with Content-Type: application/json."
                )
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def repeat() -> Message:
            return pending.pop() if pending else await receive()

        return repeat

    def _note(self, method: str, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer, and log it where that is asked for."""
        self.metrics.running.dec()
        self.metrics.count_answer(method, _name_route(scope), status, seconds)
        if self.log_all or (self.log_some and (method not in ("GET", "HEAD") or status >= 500)):
            actor = context_of(scope).actor
            log.info(
                "answered",
                method=method,
                path=_hide_secrets(scope),
                status=status,
                ms=round(seconds * 1000, 1),
                caller=actor.name if actor else None,
            )


def _choose_request_id(scope: Scope) -> str:
    """Choose the request's id: the caller's X-Request-Id where it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return ids.make_id()


def _add_headers(message: Message, context: RequestContext) -> None:
    """Add the headers that every answer carries."""
    headers = message["headers"]
    present = {name for name, _ in headers}
    headers += [pair for pair in SECURITY if pair[0] not in present]
    headers.append((b"x-request-id", context.request_id.encode()))
    if context.allowance is not None:
        for name, value in limits.build_headers(context.allowance).items():
            headers.append((name.lower().encode(), value.encode()))


def _name_route(scope: Scope) -> str:
    """Name the route that answered, by its template: paths themselves would be without number."""
    return getattr(scope.get("route"), "path", None) or "unmatched"


def _hide_secrets(scope: Scope) -> str:
    """Return the path as the log may have it: a sign-in link is a secret until it is used, and a
    private address of a feed is one for good."""
    path: str = scope["path"]
    for prefix in SECRET_PATHS:
        if path.startswith(prefix):
            return f"{prefix}…"
    return path


async def _read_body(receive: Receive, most: int) -> bytes:
    """Read a body of at most so many bytes.  Raises BodyTooLarge, BadRequest."""
    parts, size = [], 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise BadRequest("The connection ended before the body did.")
        part = message.get("body", b"")
        size += len(part)
        if size <= most:
            parts.append(part)
        more = message.get("more_body", False) and size <= DRAINED
    if size > most:
        raise BodyTooLarge(f"A body may have {most // 1024} KiB.", limit=most)
    return b"".join(parts)
