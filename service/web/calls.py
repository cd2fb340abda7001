"""A `Call`: a request with its caller and its instant, and how commands and queries are run for it.

A route says what it requires (`Allow(Action.RECORD)`), parses, and gives one command or query to
its `Call`. The answer is rendered inside the transaction, so that the first answer to an
Idempotency-Key is committed together with the change that it describes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Header, Query
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from service.accounts import policy
from service.domain import access, disclosure
from service.domain.access import Action, Actor, Audience
from service.domain.errors import Invalid, NotAuthenticated, NotFound
from service.notices import page_head
from service.record import idempotency
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import BY_END, DEFAULT_LIMIT, MAX_LIMIT, Cursors, Window, cut_page
from service.store.reader import Reader
from service.web import replica_choice, time_zones
from service.web.direct_routes import DirectRoute
from service.web.request_context import context_of
from service.web.service_container import Services, get_services

P = ParamSpec("P")
T = TypeVar("T")
JSON = "application/json"
MAX_KEY = 255
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
"""Answers depend on who asks; a stored one is asked about again every time."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller may do what its route does."""

    request: Request
    services: Services
    caller: Actor | None
    now: datetime
    reader: Reader
    """Where it reads: the primary, or a replica (web/replica_choice.py)."""

    @property
    def cursors(self) -> Cursors:
        """Writes and reads the cursors of lists."""
        return replica_choice.choose_cursors(self.reader, self.services.cursors)

    @property
    def actor(self) -> Actor:
        """The caller, who is somebody: changes are never public."""
        if self.caller is None:
            raise NotAuthenticated("Send an API key, or sign in at the desk.")
        return self.caller

    @property
    def sees_internals(self) -> bool:
        """Whether the caller sees notes, assignees and drafts of decisions."""
        return access.is_allowed(self.caller, Action.READ_INTERNALS)

    @property
    def audience(self) -> Audience:
        """The audience that the caller belongs to: it decides what is taken out of answers."""
        return disclosure.find_audience(self.caller)

    async def read(
        self,
        query: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `query` on a connection for reading, where the call reads."""
        return await self.reader.read(query, *args, **kwargs)

    async def share(self, build: Callable[[], Awaitable[Response]], *, cost: int) -> Response:
        """Build an answer; for callers without a name, once for all of them."""
        return await self.services.shared.answer(self, build, cost=cost)

    async def write(
        self,
        command: Callable[..., T],
        *args: Any,
        answer: Callable[[Any, T], Answer],
        key: str | None = None,
        shown_once: str | None = None,
        **kwargs: Any,
    ) -> Response:
        """Run `command` as the caller, now, and respond with `answer(connection, result)`.

        With an Idempotency-Key, or a `key` of the desk's own, the same request gets the first
        answer again. `shown_once` names a field of the answer that is stored as null for that: a
        secret. A command that takes `four_eyes` gets the policy that holds in its transaction,
        whatever this process read last. Raises KeyReused, StillRunning, and what the command
        raises.
        """

        def change(connection: Connection) -> Answer:
            arguments = self._add_policy(connection, kwargs)
            result = command(connection, *args, actor=self.actor, now=self.now, **arguments)
            return answer(connection, result)

        key = key or self.request.headers.get("idempotency-key")
        if key is None or self.request.method != "POST":
            return build_response(await self.services.database.write(change))
        return await self._write_once(key, change, shown_once)

    async def rehearse(
        self,
        command: Callable[..., T],
        *args: Any,
        answer: Callable[[Any, T], Answer],
        **kwargs: Any,
    ) -> Response:
        """Respond as `write` would, and change nothing; an Idempotency-Key stays unused."""

        def change(connection: Connection) -> Answer:
            arguments = self._add_policy(connection, kwargs)
            result = command(connection, *args, actor=self.actor, now=self.now, **arguments)
            return answer(connection, result)

        return build_response(await self.services.database.rehearse(change))

    def _add_policy(self, connection: Connection, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace `four_eyes`, for a command that takes it, by the policy in the database."""
        if "four_eyes" not in kwargs:
            return kwargs
        self.services.four_eyes = policy.needs_second_person(connection)
        return {**kwargs, "four_eyes": self.services.four_eyes}

    async def _write_once(
        self, key: str, change: Callable[[Connection], Answer], shown_once: str | None
    ) -> Response:
        """Carry out `change` for the first request with this key; repeat its answer for others."""
        if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            raise Invalid(
                f"an Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters",
                loc=("header", "idempotency-key"),
            )
        key_hash = sha256(f"{self.actor.id}\n{key}".encode()).hexdigest()
        url = self.request.url
        line = f"{self.request.method} {url.path}?{url.query}\n".encode()
        fingerprint = sha256(line + await self.request.body()).hexdigest()

        def change_once(connection: Connection) -> tuple[Answer, bool]:
            first = idempotency.find_first_answer(connection, key_hash, fingerprint, now=self.now)
            if first is not None:
                return first, True
            answer = change(connection)
            stored_answer = answer if shown_once is None else remove_field(answer, shown_once)
            idempotency.store_answer(connection, key_hash, fingerprint, stored_answer, now=self.now)
            return answer, False

        if key_hash in self.services.running:
            raise idempotency.build_still_running_error()
        self.services.running.add(key_hash)
        try:
            answer, is_replay = await self.services.database.write(change_once)
        finally:
            self.services.running.discard(key_hash)
        response = build_response(answer)
        if is_replay:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def page(
        self,
        rows: Sequence[Any],
        window: Window,
        scope: str,
        *,
        keys: Callable[[Any], Sequence[Any]],
        shape: Callable[[Any], Any] = lambda row: row,
    ) -> Response:
        """Respond with a page of a list: the cursor of the next is in the body and in Link.

        `rows` are one more than the page has, where another follows; `keys` gives the sort keys of
        a row.
        """
        page, last = cut_page(rows, window, keys)
        return self.answer_items([shape(row) for row in page], last, scope)

    def answer_items(
        self, items: list[Any], after: Sequence[Any] | None, scope: str, **more: Any
    ) -> Response:
        """Respond with `items`; `after` are the sort keys behind which the next page begins, `more`
        is what the page has beside them."""
        cursor = None
        if after is not None:
            cursor = self.cursors.write(scope, after, now=self.now)
        body = orjson.dumps({"items": items, "next_cursor": cursor, **more})
        return Response(
            body, headers=PRIVATE | build_link_header(self.request, cursor), media_type=JSON
        )


def build_link_header(request: Request, cursor: str | None) -> dict[str, str]:
    """Build the Link header (RFC 8288) to the next page."""
    if cursor is None:
        return {}
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
    query = urlencode([*pairs, ("cursor", cursor)])
    return {"Link": f'<{request.scope["path"]}?{query}>; rel="next"'}


def remove_field(answer: Answer, field: str) -> Answer:
    """Return the answer with a field set to null: a secret is shown once, and not stored."""
    body = orjson.loads(answer.body) | {field: None}
    return Answer(answer.status, orjson.dumps(body), answer.headers)


def build_response(answer: Answer) -> Response:
    """Build the HTTP response of an answer."""
    headers = PRIVATE | answer.headers
    media_type = JSON if answer.body else None
    return Response(answer.body, answer.status, headers, media_type=media_type)


def build_answer(shape: Any, *, status: int = 200, **headers: str) -> Answer:
    """Build an answer of JSON; keywords are headers, with underscores for hyphens."""
    named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = shape.encode() if isinstance(shape, str) else orjson.dumps(shape)
    return Answer(status, body, named_headers)


def require_found(shape: T | None, otherwise: str) -> T:
    """Return `shape`; where it is None, raise NotFound with the sentence `otherwise`."""
    if shape is None:
        raise NotFound(otherwise)
    return shape


def answer_json(shape: Any) -> Response:
    """Respond with `shape` as JSON."""
    return Response(orjson.dumps(shape), headers=PRIVATE, media_type=JSON)


class Allow:
    """The dependency that says what a route requires of its caller, and gives the `Call`."""

    def __init__(self, action: Action | None, *, page: bool = False) -> None:
        self.action = action
        """None: whoever is signed in."""
        self.page = page
        """Whether the route shows a page: links from elsewhere add parameters (utm_source …) that
        no page declares, and a program's refuses them, so that no typo widens a list."""

    async def __call__(self, request: Request) -> Call:
        services = get_services(request)
        now = services.clock()
        public = services.settings.public_read and request.method == "GET"
        try:
            caller = await services.callers.identify(request, now=now)
        except NotAuthenticated:
            if not (public and self._is_for_everybody(request)):
                raise
            caller = None
            context_of(request.scope).has_ended_session = True
        if self.action is not None:
            access.require_permission(caller, self.action, public_read=public)
        elif caller is None:
            raise NotAuthenticated("Send an API key, or sign in at the desk.")
        if not self.page and request.scope["query_string"]:
            _refuse_unknown_parameters(request)
        if self.page:
            credential = context_of(request.scope).credential
            chosen_zone = credential.time_zone if credential else None
            time_zones.show_in(chosen_zone or services.settings.timezone)
        reader = replica_choice.choose_reader(
            request, services.database, services.settings, self.action, now=now
        )
        if self.page and caller is not None and caller.is_person:
            context_of(request.scope).page_head = await reader.read(
                page_head.read_page_head, caller=caller
            )
        return Call(request, services, caller, now, reader)

    def _is_for_everybody(self, request: Request) -> bool:
        """Whether this is a page for the public too: a browser that still sends the cookie of a
        session that has ended is shown it, where a program with a wrong key gets an error."""
        sends_no_key = "authorization" not in request.headers
        return self.page and sends_no_key and self.action in access.PUBLIC_ACTIONS


def _refuse_unknown_parameters(request: Request) -> None:
    """Refuse parameters that the route does not declare.  Raises Invalid."""
    route = request.scope["route"]
    if isinstance(route, DirectRoute):
        return  # its handler parses them
    declared_names: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        declared_names.update(parameter.alias for parameter in dependant.query_params)
        waiting += dependant.dependencies
    for name in request.query_params:
        if name not in declared_names:
            raise Invalid(f"there is no parameter '{name}'", loc=("query", name))


class AllowWriting(Allow):
    """`Allow` for a POST; the OpenAPI document says that it takes an Idempotency-Key."""

    async def __call__(
        self,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                description="Any string of your own: the same request with it is carried out once",
                max_length=MAX_KEY,
            ),
        ] = None,
    ) -> Call:
        return await super().__call__(request)


def allow(action: Action, *, page: bool = False) -> Any:
    return Depends(Allow(action, page=page), scope="function")


def allow_writing(action: Action) -> Any:
    return Depends(AllowWriting(action), scope="function")


class Paged:
    """The dependency for `limit` and `cursor` of the list `name`: gives its window, and the scope
    of its cursors. `by_end` says for which parameters the list is in the order of the ends of days
    and hours."""

    def __init__(self, name: str, *, by_end: Callable[[QueryParams], bool] | None = None) -> None:
        self.name = name
        self.by_end = by_end

    async def __call__(
        self,
        request: Request,
        limit: Annotated[
            int, Query(ge=1, le=MAX_LIMIT, description="How many at most")
        ] = DEFAULT_LIMIT,
        cursor: Annotated[
            str | None, Query(description="next_cursor of the page before", max_length=1000)
        ] = None,
    ) -> tuple[Window, str]:
        services = get_services(request)
        scope = build_list_scope(self.name, request)
        if self.by_end is not None and self.by_end(request.query_params):
            scope += BY_END
        after = None
        if cursor is not None:
            after = services.cursors.read(cursor, scope, now=services.clock())
        return Window(limit, after), scope


def build_list_scope(name: str, request: Request) -> str:
    """Build what a cursor is bound to: the list, its path and its filters; without the empty ones
    that a form sends, and without what adds to a page: counts, and the word for what was done
    before it was shown."""
    filters = [
        (key, value)
        for key, value in request.query_params.multi_items()
        if value and key not in ("cursor", "limit", "facets", "done")
    ]
    return format_list_scope(name, request.url.path, filters)


def format_list_scope(name: str, path: str, filters: Sequence[tuple[str, str]]) -> str:
    """Format the text that a list's cursors are bound to."""
    return f"{name} {path} {sorted(filters)}"
