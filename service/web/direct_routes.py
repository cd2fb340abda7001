"""Routes without FastAPI's injection: for the few reads that are nearly all the traffic.

A direct route is declared like any other and is in the OpenAPI document. Its handler takes a `Call`
and nothing else, and reads parameters from the request itself. What FastAPI would do for each
request, solving dependencies and closing stacks of them, is left out. `create_app` puts these
routes first. What this gains is measured in docs/decisions/0003-hot-reads.md.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route whose handler takes one dependency, an `Allow`, and gives a response."""

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **kwargs: Any):
        super().__init__(path, endpoint, **kwargs)
        [dependency] = self.dependant.dependencies
        identify_caller: Any = dependency.call

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            call = await identify_caller(Request(scope, receive))
            response = await endpoint(call)
            await response(scope, receive, send)

        self.app = answer
