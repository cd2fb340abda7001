"""Routes that are answered ahead of the router.

FastAPI tries its routes in order and solves their dependencies: 173 µs with sixty routes ahead
(docs/decisions/0003-hot-reads.md), more than the hottest answers take in all.  A handler marked
`hot` takes the Request and gives a Response, and is still an ordinary route: for the OpenAPI
document, for the walk over all routes, and for every method and path that is not its own.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from service.domain.access import Action
from service.domain.errors import ClaimdeskError
from service.web.envelope import App, Receive, Scope, Send
from service.web.problems import Page, told

Handler = Callable[[Request], Awaitable[Response]]


def hot(action: Action) -> Callable[[Handler], Handler]:
    """Mark a route's handler; `action` is what it requires of its caller."""

    def mark(handler: Handler) -> Handler:
        handler.hot = action  # type: ignore[attr-defined]
        return handler

    return mark


class HotPaths:
    """Answers GETs of hot routes itself and hands on everything else."""

    def __init__(self, app: App, owner: FastAPI, routes: list[Any], page: Page) -> None:
        self.app = app
        self.owner = owner
        self.page = page
        self.paths: list[tuple[re.Pattern[str], str, Handler]] = [
            (route.path_regex, route.path, route.endpoint)
            for route in routes
            if hasattr(route.endpoint, "hot")
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            for pattern, template, handler in self.paths:
                match = pattern.match(scope["path"])
                if match is not None:
                    await self._answer(handler, template, match, scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _answer(
        self,
        handler: Handler,
        template: str,
        match: re.Match[str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        scope["app"] = self.owner
        scope["path_params"] = match.groupdict()
        scope["claimdesk.route"] = template
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except ClaimdeskError as error:
            response = told(request, error, self.page)
        await response(scope, receive, send)
